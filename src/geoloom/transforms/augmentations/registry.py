"""Augmentations by name, with their options."""

from __future__ import annotations

from collections.abc import Callable

from ...core.errors import ConfigError
from ...core.options.named import Named, typed_options
from ...core.registry import Registry
from ..augmentation import Augmentation
from ..symmetries import SYMMETRIES

_HERE = __name__.rpartition(".")[0]

AUGMENTATION_KINDS: Registry[Callable[..., Augmentation]] = Registry(
    "augmentation",
    {
        **{name: f"{_HERE}.symmetry:{name}" for name in SYMMETRIES},
        "symmetries": f"{_HERE}.symmetry:Symmetries",
        "affine": f"{_HERE}.geometry:Affine",
        "rotate": f"{_HERE}.geometry:Rotate",
        "resized_crop": f"{_HERE}.geometry:ResizedCrop",
        "elastic": f"{_HERE}.geometry:Elastic",
        "gain_offset": f"{_HERE}.radiometry:GainOffset",
        "noise": f"{_HERE}.radiometry:Noise",
        "blur": f"{_HERE}.radiometry:Blur",
        "channel_dropout": f"{_HERE}.radiometry:ChannelDropout",
        "erase": f"{_HERE}.radiometry:Erase",
        "grey": f"{_HERE}.radiometry:Grey",
        "jitter": f"{_HERE}.jitter:Jitter",
        "cutmix": f"{_HERE}.mixing:CutMix",
        "mixup": f"{_HERE}.mixing:MixUp",
    },
)
"""Each a dataclass whose fields are its options."""
_NOT_WRITTEN = ("statistics",)
"""Fields that no text can give."""


def list_augmentations() -> tuple[str, ...]:
    """Names that `make_augmentation` knows, sorted; the turns and flips among them are `SYMMETRIES`."""
    return AUGMENTATION_KINDS.list()


def make_augmentation(text: str) -> Augmentation:
    """An augmentation by its name, with options after a colon.

    Args:
        text: One of `list_augmentations()`, such as `rotate` or `rotate:degrees=30,chance=0.5`.

    Raises:
        ConfigError: there is none, or it has no such option, or the option cannot be; the message says which.

    Example:
        >>> make_augmentation("rotate:degrees=30")
        Rotate(degrees=30.0, chance=1.0)
    """
    named = Named.parse(text, "augmentation")
    kind = AUGMENTATION_KINDS.get(named.name)
    return kind(**typed_options(kind, named, "augmentation", but=_NOT_WRITTEN))


def register_augmentation(
    name: str, kind: Callable[..., Augmentation], *, overwrite: bool = False
) -> None:
    """Make an augmentation of your own known by name.

    Args:
        name: What users will call it.
        kind: Gives an `Augmentation` of its options, each of which has a default: a dataclass, say.
        overwrite: Replace one of that name.

    Raises:
        ConfigError: the name is taken, or holds what separates names and options.
    """
    if not name or set(name) & set("+*:,= "):
        raise ConfigError(
            f"an augmentation cannot be named {name!r}: : , = and spaces separate names and options"
        )
    AUGMENTATION_KINDS.register(name, kind, overwrite=overwrite)
