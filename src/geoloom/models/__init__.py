"""Networks for any number of bands, the registry that names them, and the folder a trained one lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .card import ModelCard as ModelCard
    from .card import read_card as read_card
    from .foreign.facts import NetworkFacts as NetworkFacts
    from .foreign.predictor import OnnxPredictor as OnnxPredictor
    from .foreign.predictor import open_onnx as open_onnx
    from .listing import get_spec as get_spec
    from .listing import list_models as list_models
    from .listing import register_model as register_model
    from .networks.fcn import FCN as FCN
    from .networks.unet import UNet as UNet
    from .pansharpen import sharpen_with_pan as sharpen_with_pan
    from .pipeline import Pipeline as Pipeline
    from .pretrained.fetch import download_weights as download_weights
    from .pretrained.inputs import input_rule as input_rule
    from .pretrained.table import get_weights as get_weights
    from .pretrained.table import list_weights as list_weights
    from .registry import create_model as create_model
    from .registry import model_options as model_options
    from .saved import LoadedModel as LoadedModel
    from .saved import load_model as load_model
    from .saved import save_model as save_model
    from .specs import ModelSpec as ModelSpec
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".card": ["ModelCard", "read_card"],
            ".foreign.facts": ["NetworkFacts"],
            ".foreign.predictor": ["OnnxPredictor", "open_onnx"],
            ".listing": ["get_spec", "list_models", "register_model"],
            ".networks.fcn": ["FCN"],
            ".networks.unet": ["UNet"],
            ".pipeline": ["Pipeline"],
            ".pansharpen": ["sharpen_with_pan"],
            ".pretrained.fetch": ["download_weights"],
            ".pretrained.inputs": ["input_rule"],
            ".pretrained.table": ["get_weights", "list_weights"],
            ".registry": ["create_model", "model_options"],
            ".saved": ["LoadedModel", "load_model", "save_model"],
            ".specs": ["ModelSpec"],
        },
    )
