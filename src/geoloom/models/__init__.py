"""Networks for any number of bands, the registry that names them, and the folder a trained one lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .card import ModelCard as ModelCard
    from .networks.fcn import FCN as FCN
    from .networks.unet import UNet as UNet
    from .pipeline import Pipeline as Pipeline
    from .pretrained.fetch import download_weights as download_weights
    from .pretrained.inputs import input_rule as input_rule
    from .pretrained.table import get_weights as get_weights
    from .pretrained.table import list_weights as list_weights
    from .registry import create_model as create_model
    from .registry import get_spec as get_spec
    from .registry import list_models as list_models
    from .registry import model_options as model_options
    from .registry import register_model as register_model
    from .saved import LoadedModel as LoadedModel
    from .saved import load_model as load_model
    from .saved import read_card as read_card
    from .saved import save_model as save_model
    from .specs import ModelSpec as ModelSpec
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".card": ["ModelCard"],
            ".networks.fcn": ["FCN"],
            ".networks.unet": ["UNet"],
            ".pipeline": ["Pipeline"],
            ".pretrained.fetch": ["download_weights"],
            ".pretrained.inputs": ["input_rule"],
            ".pretrained.table": ["get_weights", "list_weights"],
            ".registry": [
                "create_model",
                "get_spec",
                "list_models",
                "model_options",
                "register_model",
            ],
            ".saved": ["LoadedModel", "load_model", "read_card", "save_model"],
            ".specs": ["ModelSpec"],
        },
    )
