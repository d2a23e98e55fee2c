"""Panels of what is known, or predicted, of a sample's pixels: masks, several classes at once, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.classes import Classes
from .image_colors import thinned
from .meanings import Meanings
from .panels import Panel
from .ramps import Ramp
from .views import paint

_MOST_LAYERS = 6
"""Values, or classes of several at once, that are drawn."""
_PREDICTED = "prediction"


def label_panels(
    sample: Mapping[str, Any], meanings: Meanings, *, is_pair: bool, most_px: int
) -> list[Panel]:
    """Of all that is known or predicted of a sample's pixels as of one time.

    Args:
        sample: Of arrays.
        meanings: Of its targets.
        is_pair: Whether its image is of two dates, between which the mask tells the change.
        most_px: Longest side of the pictures.
    """
    panels: list[Panel] = []
    for key, codes in _masks(sample):
        layer = key.partition(":")[2]
        title = layer or ("Change" if is_pair else "Mask")
        guess = sample.get(f"{_PREDICTED}:{layer}" if layer else _PREDICTED)
        panels += _mask_panels(sample, key, title, codes, guess, meanings, most_px)
    alone = sample.get(_PREDICTED)
    if "mask" not in sample and alone is not None and alone.ndim == 2 and alone.dtype.kind in "iub":
        panels += _mask_panels(sample, "mask", "Mask", None, alone, meanings, most_px)
    panels += _several_panels(sample, meanings, most_px)
    panels += _value_panels(sample, meanings, most_px)
    return panels


def date_rows(
    sample: Mapping[str, Any], dates: Sequence[int], meanings: Meanings, most_px: int
) -> list[list[Panel]]:
    """A row of masks of each date, and one of predictions of them; empty where there are none.

    Args:
        sample: Of arrays.
        dates: Which are drawn.
        meanings: Of its targets.
        most_px: Longest side of the pictures.
    """
    series = {"Mask": series_of_masks(sample), "Prediction": _whole_series(sample.get(_PREDICTED))}
    known = [codes for codes in series.values() if codes is not None]
    key = "mask_series" if meanings.classes("mask_series") is not None else "mask"
    classes = meanings.code_classes(key, *known)
    if classes is None:
        return []
    rows = []
    for name, codes in series.items():
        if codes is not None:
            seen = sample.get("valid_series", np.ones(codes.shape, bool))
            row = [_painted("", codes[t], seen[t], classes, most_px) for t in dates]
            rows.append([replace(row[0], title=name), *row[1:]])
    return rows


def series_of_masks(sample: Mapping[str, Any]) -> Any:
    """Labels (T, H, W) of each date; None where there are none."""
    if "mask_series" in sample:
        return sample["mask_series"]
    mask = sample.get("mask")
    return mask if mask is not None and mask.ndim == 3 and "times" in sample else None


def valid_of(sample: Mapping[str, Any], shape: Sequence[int], key: str) -> np.ndarray:
    """Labels are drawn where they are valid; images where they were observed, whatever the labels say."""
    found = sample.get(key, sample.get("valid"))
    return np.ones(shape, bool) if found is None else np.asarray(found, bool)


def _whole_series(prediction: Any) -> Any:
    is_series = prediction is not None and prediction.ndim == 3 and prediction.dtype.kind in "iu"
    return prediction if is_series else None


def _masks(sample: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    for key, value in sample.items():
        if key.partition(":")[0] == "mask" and value.ndim == 2:
            yield key, value


def _mask_panels(
    sample: Mapping[str, Any],
    key: str,
    title: str,
    truth: np.ndarray | None,
    guess: np.ndarray | None,
    meanings: Meanings,
    most_px: int,
) -> Iterator[Panel]:
    pairs = [(title, truth, "valid")]
    if guess is not None and guess.ndim == 2:
        name = f"{title}: predicted" if ":" in key else "Prediction"
        pairs.append((name, guess, "observed"))
    known = [
        (name, codes.astype(np.int64), valid_of(sample, codes.shape, validity))
        for name, codes, validity in pairs
        if codes is not None
    ]
    classes = meanings.code_classes(key, *(codes[valid] for _, codes, valid in known))
    if classes is None:
        return
    for name, codes, valid in known:
        yield _painted(name, codes, valid, classes, most_px)


def _painted(
    title: str, codes: np.ndarray, valid: np.ndarray, classes: Classes, most_px: int
) -> Panel:
    codes, valid = thinned(codes.astype(np.int64), most_px), thinned(valid, most_px)
    occurring = set(np.unique(codes[valid]).tolist())
    # Only these are in the legend: a product such as CDL has more than a hundred.
    legend = tuple((name, color) for name, code, color in classes if code in occurring)
    return Panel(title, paint(codes, valid, classes), is_labels=True, legend=legend)


def _several_panels(sample: Mapping[str, Any], meanings: Meanings, most_px: int) -> Iterator[Panel]:
    """A panel for each class that is somewhere, truth and prediction side by side."""
    truth, guess = sample.get("multilabel"), sample.get(_PREDICTED)
    layers: list[tuple[str, Any, str]] = [("", truth, "valid")]
    if guess is not None and guess.dtype == bool:
        layers.append((": predicted", guess, "observed"))
    layers = [entry for entry in layers if entry[1] is not None and entry[1].ndim == 3]
    if not layers:
        return
    present = np.any([flags.any(axis=(1, 2)) for _, flags, _ in layers], axis=0)
    for k in np.flatnonzero(present)[:_MOST_LAYERS].tolist():
        name, color = meanings.name("multilabel", k), meanings.color("multilabel", k)
        only = Classes((name,), (1,), (color,))
        for suffix, flags, validity in layers:
            valid = valid_of(sample, flags.shape[1:], validity) & flags[k]
            panel = _painted(f"{name}{suffix}", flags[k].astype(np.uint8), valid, only, most_px)
            yield replace(panel, legend=())


def _value_panels(sample: Mapping[str, Any], meanings: Meanings, most_px: int) -> Iterator[Panel]:
    """A panel for each value; truth and prediction of one have equal colours for equal numbers."""
    layers = [("", _maps(sample.get("value")), "valid")]
    guess = sample.get(_PREDICTED)
    if guess is not None and guess.dtype.kind == "f":
        layers.append((": predicted", _maps(guess), "observed"))
    layers = [entry for entry in layers if entry[1] is not None]
    if not layers:
        return
    for k in range(min(_MOST_LAYERS, max(len(values) for _, values, _ in layers))):
        parts = []
        for suffix, values, validity in layers:
            if k < len(values):
                valid = valid_of(sample, values.shape[1:], validity)
                parts.append((suffix, thinned(np.where(valid, values[k], np.nan), most_px)))
        ramp = Ramp.of(*(values for _, values in parts))
        name, scale = meanings.value_name("value", k), meanings.value_title("value", k)
        for suffix, values in parts:
            yield Panel(f"{name}{suffix}", ramp.paint(values), ramp=ramp, scale=scale)


def _maps(values: Any) -> Any:
    """Values per pixel (K, H, W); None of others."""
    if values is None or values.ndim not in (2, 3):
        return None
    return values if values.ndim == 3 else values[None]
