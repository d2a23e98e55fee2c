"""Samples and batches that say what their keys are called here."""

from __future__ import annotations

from typing import Any, NoReturn

from .torchgeo import OF_KEYS


class KeyedDict(dict[str, Any]):
    """A dict whose errors about missing keys name those that there are, and what other libraries' are here.

    Raises:
        KeyError: as a dict, with the hint.

    Example:
        >>> KeyedDict(image=0, boxes=1)["bbox_xyxy"]
        Traceback (most recent call last):
        KeyError: "there is no 'bbox_xyxy': it is `boxes` (N, 4), in pixels; there are image, boxes"
    """

    __slots__ = ()

    def __missing__(self, key: str) -> NoReturn:
        hint = f": {OF_KEYS[key]}" if key in OF_KEYS else ""
        raise KeyError(f"there is no {key!r}{hint}; there are {', '.join(map(str, self))}")


def keyed(sample: Any) -> Any:
    """The same sample as a `KeyedDict`; what is no plain dict, as transforms may give, as it is.

    Example:
        >>> type(keyed({"image": 0})).__name__
        'KeyedDict'
    """
    return KeyedDict(sample) if type(sample) is dict else sample
