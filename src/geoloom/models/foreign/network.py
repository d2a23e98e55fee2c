"""A network in an ONNX file of which all is known that running it needs. Plain values, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.bands import Band
from ...core.classes import Classes
from ...core.errors import ModelError
from ...core.outputs import ClassOutputs, Outputs, ValueOutputs
from ..card import ModelCard
from ..identity import file_hash
from ..scene_bands import FedBands
from .described import DescribedNetwork
from .graph import Side, Tensor


@dataclass(frozen=True, slots=True)
class OnnxNetwork:
    """How a network is fed, and what its answers mean.

    It travels to other processes as it is; each of them opens the file by itself.
    """

    path: str
    inputs: tuple[Tensor, ...]
    """The image first."""
    answer: Tensor
    """The output that is taken."""
    outputs: Outputs
    card: ModelCard | None
    """Of a network that geoloom has exported: its image holds NaN where it was not observed, and its answers
    are finished. None for one of someone else's."""
    fed: FedBands | None
    """Of one of someone else's: its bands, and how stored numbers become those that are normalised."""
    mean: tuple[float, ...]
    """What is subtracted from each band then; empty for a network that normalises itself."""
    std: tuple[float, ...]
    """What that is divided by."""
    activation: str
    """What makes scores of its answers; see `NetworkFacts.activation`."""
    bands_last: bool
    """Whether its images, and its answers per pixel, are (rows, columns, bands)."""
    input_px: tuple[int, int] | None
    """Rows and columns of its images, where it takes no others."""
    batch: int | None
    """Images at once, where it takes no other number."""
    tile_px: int | None
    """Side of the images that suit it, where something says so."""
    facts: dict[str, Any]
    """What was known of it, as JSON values, for the record."""
    files: tuple[str, ...]
    files_sha256: str
    """Over all its files."""
    gsd: float | None = None
    """Ground sample distance that it was made for, in `gsd_unit`."""
    gsd_unit: str = "metre"

    @classmethod
    def of(cls, known: DescribedNetwork) -> OnnxNetwork:
        """A network of which enough is known.

        Raises:
            ModelError: something has to be stated, or facts and graph do not go together; the message says
                which.
        """
        known.check()
        files = tuple(str(path) for path in known.graph.files)
        digest = files_hash(files)
        if known.own is not None:
            return _own(known, files, digest)
        facts, image = known.facts, known.image
        assert isinstance(facts.bands, tuple)  # `check` has looked
        assert facts.answer is not None
        count = len(facts.bands)
        channels = known.channels
        if isinstance(channels, int) and channels != count:
            raise ModelError(
                f"{known.graph.path} takes [{image}], {channels} bands; found {count} stated "
                f"({', '.join(facts.bands)}): state the bands that it reads, in its order (--bands), or its "
                "layout (--layout)"
            )
        answer, _ = known.graph.output(facts.answer)
        last = facts.layout == "NHWC"
        sides = _sides(image.shape, last)
        scaling = None
        if facts.scale is not None or facts.offset is not None:
            scales = _each("scale", facts.scale or (1.0,), count)
            scaling = tuple(
                zip(scales, _each("offset", facts.offset or (0.0,), count), strict=True)
            )
        units = _each("model_unit", facts.model_unit or (None,), count)
        named = zip((Band.named(str(name)) for name in facts.bands), units, strict=True)
        return cls(
            known.graph.path,
            (image,),
            answer,
            _outputs(known, answer, last),
            None,
            FedBands(tuple(Band(b.name, b.role, unit=unit) for b, unit in named), scaling),
            _each("mean", facts.mean, count),
            _each("std", facts.std, count),
            str(facts.activation),
            last,
            sides,
            _whole(image.shape, 0),
            facts.input_size,
            facts.to_dict(),
            files,
            digest,
            known.gsd_m,
        )._checked()

    def _checked(self) -> OnnxNetwork:
        size = self.tile_px
        if size is not None and self.input_px not in (None, (size, size)):
            raise ModelError(
                f"{self.path} takes images of {self.input_px} px, and input_size is {size}; leave it out"
            )
        return self

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that it reads."""
        return self.card.band_names if self.card else tuple(b.name for b in self._fed.bands)

    @property
    def _fed(self) -> FedBands:
        assert self.fed is not None  # of a network without a card
        return self.fed

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that decides its answers: the files, and how it is fed."""
        said = json.dumps([self.files_sha256, self.facts, self.outputs.to_dict()], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def files_hash(files: Sequence[str]) -> str:
    """SHA-256 over the bytes of some files, in their order.

    Raises:
        ReadError: one cannot be read.
    """
    return hashlib.sha256("".join(file_hash(file) for file in files).encode()).hexdigest()


def _own(known: DescribedNetwork, files: tuple[str, ...], digest: str) -> OnnxNetwork:
    own, image = known.own, known.image
    assert own is not None  # the caller has looked
    others = tuple(tensor for tensor in known.graph.inputs if tensor is not image)
    if strange := [t.name for t in others if t.name != "times"]:
        raise ModelError(
            f"{known.graph.path} takes {', '.join(strange)} besides the image, which nothing gives; update "
            "geoloom, or export the model again"
        )
    return OnnxNetwork(
        known.graph.path,
        (image, *others),
        known.graph.outputs[0],
        own.card.outputs,
        own.card,
        None,
        (),
        (),
        "none",
        bands_last=False,
        input_px=_sides(image.shape, last=False),
        batch=_whole(image.shape, 0),
        tile_px=own.tile_px,
        facts={},
        files=files,
        files_sha256=digest,
    )


def _outputs(known: DescribedNetwork, answer: Tensor, last: bool) -> Outputs:
    """What the answers mean, which have as many channels as there are names."""
    facts, shape = known.facts, answer.shape
    per_image = shape is not None and (
        len(shape) <= 2 or (len(shape) == 4 and (shape[1:3] if last else shape[2:]) == (1, 1))
    )
    per: Any = "image" if per_image else "pixel"
    channels = _channels(shape, last)
    if isinstance(facts.classes, Classes):
        names: tuple[str, ...] = facts.classes.names
        outputs: Outputs = ClassOutputs(facts.classes, per=per)
        alone = channels == 1 and len(names) == 2  # one probability, of the second class
        fits = alone or facts.activation == "positions"
    else:
        assert isinstance(facts.values, tuple)  # `check` has looked
        pairs = [text.partition("=") for text in facts.values]
        names = tuple(name.strip() for name, _, _ in pairs)
        units = tuple(unit.strip() or None for _, _, unit in pairs)
        scaled = known.output_scaling != 1
        mean = (0.0,) * len(names) if scaled else None
        std = (known.output_scaling,) * len(names) if scaled else None
        outputs, fits = ValueOutputs(names, units, per, mean, std), False
    if isinstance(channels, int) and channels != len(names) and not fits:
        raise ModelError(
            f"{known.graph.path} answers [{answer}], {channels} channels; found {len(names)} names stated "
            f"({', '.join(names)}): state one for each, in its order (--classes or --values)"
        )
    return outputs


def _channels(shape: tuple[Side, ...] | None, last: bool) -> Side:
    if shape is None:
        return None
    if len(shape) in (1, 3):
        return 1
    return shape[3] if last and len(shape) == 4 else shape[1]


def _sides(shape: tuple[Side, ...] | None, last: bool) -> tuple[int, int] | None:
    """Rows and columns, where both are fixed."""
    if shape is None:
        return None
    rows, cols = shape[1:3] if last else shape[-2:]
    return (rows, cols) if isinstance(rows, int) and isinstance(cols, int) else None


def _whole(shape: tuple[Side, ...] | None, axis: int) -> int | None:
    side = None if shape is None else shape[axis]
    return side if isinstance(side, int) else None


def _each(name: str, values: Any, count: int) -> tuple[Any, ...]:
    """One value for each band."""
    if len(values) not in (1, count):
        raise ModelError(
            f"{name} has {len(values)} values, and the network reads {count} bands; give one for all, or one "
            "for each"
        )
    return tuple(values) * count if len(values) == 1 else tuple(values)
