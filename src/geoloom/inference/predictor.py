"""What can make a map: a model folder, an ONNX file, a loaded model, or anything callable that says what it
reads.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..core.classes import Classes
from ..core.errors import ConfigError, ModelError
from ..core.outputs import ClassOutputs, Outputs
from ..models.foreign.described import refuse_facts
from ..models.foreign.facts import NetworkFacts
from ..models.identity import folder_hash, is_onnx

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..models.card import ModelCard
    from ..models.scene_bands import FedBands, InputBands
    from ..models.specs import Dates
    from .sources.source import Source

Device = str
"""`auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`."""

Precision = Literal["auto", "float32", "bfloat16", "float16"]

Output = Literal["map", "features"]
"""Answers, or the features that a network makes them of."""


class Predictor(Protocol):
    """Scores for each pixel and class, or for each image and class where its `outputs` say so.

    A loaded model is one; so is any function with these attributes.

    It may carry `input_px`, the rows and columns of its images, where it takes no others; and `tile_px`, a
    side that suits it. It may carry `on`, which gives the same predictor for a device, and then wants its
    tensors in this machine's memory. It may carry `fed`, how its bands and units are matched with a source's.

    It may carry `outputs` in place of `classes`, where it gives values. It may carry `fingerprint`, a string
    that changes whenever its answers would: only then can a killed run be resumed. It may carry `device`,
    where it wants its tensors; `cpu` if not. It may carry `dates`, how many dates it sees at once, a number
    or `any`; 1 if not. One that sees more is called with an image (B, T, C, H, W), what was observed
    (B, T, H, W), and by its name `times_BT`, float64 seconds since 1970 UTC.
    """

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands it reads, in order; empty to take all that the scene has."""
        ...

    @property
    def classes(self) -> Classes:
        """What output `i` means."""
        ...

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """Scores float32 (B, K, H, W), the larger the likelier, finite wherever `valid_BHW` is True.

        Args:
            image_BCHW: float32, in the scene's own units; whatever the file holds where not valid.
            valid_BHW: bool, True = observed in all bands.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ModelSource:
    """A model as plain data that another process can load, apart from objects that travel as they are."""

    folder: str | None
    """A model folder, absolute; None where `predictor` is given."""
    predictor: Predictor | None
    bands: tuple[str, ...]
    outputs: Outputs
    card: ModelCard | None
    """What a saved model knows about its input."""
    fingerprint: str | None
    """Changes with the model's answers; None where that cannot be known."""
    dates: Dates = 1
    """How many dates it sees at once; `any` for series of any length."""
    features: bool = False
    """Whether the model of `folder` is asked for its features in place of its answers."""

    @classmethod
    def of(cls, model: str | Path | Predictor, facts: NetworkFacts | None = None) -> ModelSource:
        """The source that a path, a loaded model or a predictor means. Loads no weights.

        Args:
            model: A model folder, an ONNX file, a loaded model, or a predictor.
            facts: Of an ONNX file: what is stated of someone else's network.

        Raises:
            ModelError: it is none of these, or of a network not all is known.
            ConfigError: facts are stated of a model that knows them itself.
        """
        if is_onnx(model):
            from ..models.foreign.predictor import open_onnx

            return cls.of(open_onnx(model, facts))  # type: ignore[arg-type]  # a path
        if isinstance(model, str | Path):
            from ..models.saved import read_card

            saved = read_card(model)
            refuse_facts(facts, str(model))
            folder = str(Path(model).absolute())
            identity = folder_hash(folder)
            return cls(folder, None, saved.band_names, saved.outputs, saved, identity, saved.dates)
        refuse_facts(facts, "the model in memory")
        outputs = getattr(model, "outputs", None)
        if outputs is None and hasattr(model, "classes"):
            outputs = ClassOutputs(model.classes)
        if not callable(model) or not hasattr(model, "bands") or outputs is None:
            raise ModelError(
                f"cannot predict with a {type(model).__name__}; give a model folder, a loaded model, or a "
                "callable with the attributes `bands` and `outputs` (or `classes`)"
            )
        known = getattr(model, "fingerprint", None) or _network_hash(model)
        card = getattr(model, "card", None)
        dates = getattr(model, "dates", 1)
        return cls(None, model, tuple(model.bands), outputs, card, known, dates)

    def giving(self, output: Output) -> ModelSource:
        """The same, asked for its answers or for its features.

        Raises:
            ModelError: it does not give them.
        """
        if output == "features" and self.outputs.gives != "features":
            return self._encoding()
        if output == "map" and self.outputs.gives not in ("pixels", "image"):
            also = ", or ask for its features (--output features)"
            raise ModelError(
                f"the model gives {self.outputs.short}, and a map of a scene needs classes or values; take "
                f"a model of those{also if self.outputs.gives == 'features' else ''}"
            )
        return self

    def _encoding(self) -> ModelSource:
        if self.folder is None and not hasattr(self.predictor, "pipeline"):
            raise ModelError(
                f"the model gives {self.outputs.short}, and nothing tells what makes its features; give the "
                "folder of a model of a network that has some, such as timm/resnet18 or rcf"
            )
        from ..models.features import encoder_of, feature_outputs

        assert self.card is not None  # a folder and a loaded model have one
        outputs = feature_outputs(self.card)
        if self.folder is not None:
            return replace(self, outputs=outputs, features=True)
        predictor: Any = self.predictor
        return replace(self, outputs=outputs, predictor=encoder_of(predictor))

    def per_pixel(self) -> ModelSource:
        """The same, of a model that answers per pixel.

        Raises:
            ModelError: it answers per image.
        """
        if self.outputs.gives != "pixels":
            raise ModelError(
                f"the model gives {self.outputs.short}, and an answer per pixel is needed here; take a model "
                "of classes or values per pixel"
            )
        return self

    @property
    def path(self) -> str | None:
        """The model folder, or the ONNX file; None of a predictor in memory."""
        return self.folder or getattr(self.predictor, "path", None)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it lies in, which no product replaces; a folder is refused as a whole."""
        return getattr(getattr(self.predictor, "network", None), "files", ())

    @property
    def fed(self) -> FedBands | None:
        """Of someone else's network: how stored numbers become those that it takes."""
        return getattr(self.predictor, "fed", None)

    @property
    def input_px(self) -> tuple[int, int] | None:
        """Rows and columns of the images that it sees, where it takes no others."""
        return getattr(self.predictor, "input_px", None)

    @property
    def tile_px(self) -> int | None:
        """Side of the images that suit it, where something says so."""
        learned = None if self.card is None else self.card.chip_size_px
        return getattr(self.predictor, "tile_px", None) or learned

    @property
    def classes(self) -> Classes:
        """What the outputs mean.

        Raises:
            ModelError: they are no classes.
        """
        from ..models.card import classes_of

        return classes_of(self.outputs)

    def load(self, device: Device) -> tuple[Predictor, torch.device]:
        """The predictor and where it wants its tensors. A folder, or an ONNX file, is loaded once a process.

        Raises:
            ModelError: the folder changed since the run was planned, or there is no such device.
        """
        if hasattr(self.predictor, "on"):
            import torch

            return self._placed(device), torch.device("cpu")
        place = self.place(device)
        if self.predictor is not None:
            return self.predictor, place
        assert self.folder is not None  # one of the two is set by `of`
        load = _load_encoder if self.features else _load_folder
        return load(self.folder, self.fingerprint, str(place)), place

    def place(self, device: Device) -> torch.device:
        """Where the model runs here: an object with `auto` stays where it is.

        Raises:
            ModelError: there is no such device.
        """
        import torch

        from ..models.device import choose_device

        if hasattr(self.predictor, "on"):
            return torch.device(self._placed(device).runs_on)
        if self.predictor is not None and device == "auto":
            device = str(getattr(self.predictor, "device", "cpu"))
        try:
            return torch.device(choose_device(device))
        except ConfigError as error:
            raise ModelError(str(error)) from error

    def _placed(self, device: Device) -> Any:
        """A predictor that moves by itself, which with `auto` stays where it is."""
        predictor: Any = self.predictor
        return predictor if device == "auto" else predictor.on(device)

    def find_input(self, source: Source, unit: str | Sequence[str] | None = None) -> InputBands:
        """Which bands of a source the model reads, and how their numbers become those it was trained on.

        Args:
            source: What the map is made from.
            unit: What its numbers are, in place of what it tells; see `models.scene_bands.find_input`.

        Raises:
            ModelError: they are not there, or measure something else, or one of the two is a series and the
                other a single date; the message names them.
        """
        from ..models.card import check_resolution
        from ..models.scene_bands import find_input

        self._check_dates(source)
        made_for: Any = self.card or getattr(self.predictor, "network", None)
        if hasattr(made_for, "gsd"):
            grid = source.grid
            gsd = math.sqrt(abs(grid.affine.determinant))
            check_resolution(made_for, gsd, str(grid.crs.units[0]))
        return find_input(self.card or self.fed or self.bands, source.bands, unit)

    def _check_dates(self, source: Source) -> None:
        if source.is_series and self.dates == 1:
            raise ModelError(
                f"{source.bands.uri} is a series of dates, and the model sees one date at a time: give one "
                "date, such as the dataset that the series is made of with when='2019-07'"
            )
        if not source.is_series and self.dates != 1:
            count = "any number of" if self.dates == "any" else str(self.dates)
            raise ModelError(
                f"{source.bands.uri} is a single date, and the model sees series of {count} dates: give a "
                "dataset with dates, such as dataset.series(), or a file for each with join='dates' (--join "
                "dates)"
            )


@lru_cache(maxsize=1)
def _load_folder(folder: str, fingerprint: str | None, device: str) -> Predictor:
    from ..models.saved import load_model

    if folder_hash(folder) != fingerprint:
        raise ModelError(
            f"{folder} here is not the model that the run began with; all workers must see the same files"
        )
    return load_model(folder, device)


@lru_cache(maxsize=1)
def _load_encoder(folder: str, fingerprint: str | None, device: str) -> Predictor:
    from ..models.features import encoder_of

    whole: Any = _load_folder(folder, fingerprint, device)
    return encoder_of(whole)


def _network_hash(model: Any) -> str | None:
    """SHA-256 over the weights and card of a loaded model; None for anything else."""
    if not (hasattr(model, "network") and hasattr(model, "card")):
        return None
    digest = hashlib.sha256(json.dumps(model.card.to_dict(), default=str).encode())
    for name, value in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
