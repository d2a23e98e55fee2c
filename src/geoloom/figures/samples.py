"""A picture of one sample: its image or dates and what is known of it, as maps where it has a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox

from ..core.errors import BandError
from ..core.grid import grid_at
from .boxes import PREDICTED_KEYS, TRUE_KEYS, Boxes
from .image_colors import Rgb, colors_of, names_of
from .label_panels import date_rows, label_panels, series_of_masks, valid_of
from .meanings import Given, Meanings, as_arrays
from .panels import Panel, Sheet, draw
from .profiles import draw_profiles
from .sample_words import words_of
from .views import MAX_PX
from .waveform import draw_waveform

_IN_A_ROW, _IN_A_STRIP = 4, 7
_IMAGE = "Image"
_PAIR = 2

_AXES = {
    "mask": (2, 3),
    "image": (3, 4),
    "mask_series": (3,),
    "prediction": (0, 1, 2, 3),
    "multilabel": (1, 3),
    "value": (1, 3),
    "boxes": (2,),
    "predicted_boxes": (2,),
    "audio": (1,),
}
"""What is drawn, and how many axes it may have in one sample."""


def plot_sample(
    sample: Mapping[str, Any],
    bands: Sequence[Any] = (),
    outputs: Given = None,
    *,
    rgb: Rgb | None = None,
    dates: int = 6,
    sample_rate_hz: float | None = None,
    title: str | None = None,
) -> Figure:
    """A sample as its dataset gives it: image or dates, and truth and prediction beside them or over them.

    Drawn is what a sample has of the following.

    - `image` (C, H, W), or (T, C, H, W) with `times`: a strip of dates, or `Before` and `After` of two, with
      the mask as their `Change`. Photographs (8 bits; red, green and blue) are as they are, a radar's two
      polarisations with their ratio as blue, and other numbers stretched between two percentiles, those of
      several dates alike. The series of a single pixel is drawn as lines over time.
    - `mask` and layers `mask:NAME`, (H, W) codes; `mask_series`, or a `mask` of a series, below its dates.
    - `boxes` in the colours and with the names of their classes, `box_masks` tinted and outlined; of several
      dates, over the last.
    - `multilabel` and `value` of pixels, a panel each; `label`, `multilabel` and `value` of the whole image
      in words. Positions count from 0, in the order of the classes.
    - `audio` (S,), as a strip below.
    - Answers that you have put in: `prediction`, of the form of any target but boxes (`prediction:NAME` of a
      layer); `predicted_boxes`, `predicted_box_labels`, `predicted_box_masks`, and `predicted_scores` (N,).

    Labels are clear where they are not `valid`, images where they were not `observed`.

    Args:
        sample: One sample, no batch; of tensors or arrays.
        bands: `dataset.bands`, or names of the channels: from them red, green and blue are chosen.
        outputs: `dataset.outputs` or `dataset.classes`: names, colours and units; of targets of several
            kinds, those of each key. None names codes and positions by their numbers.
        rgb: One or three bands, numbers (from 1) or names, instead of those chosen; or `true` or `false`
            for that colour, as far as the bands make it.
        dates: The most that are drawn of a series, chosen evenly.
        sample_rate_hz: Of the audio: values a second; None takes the sample's `audio_hz`.
        title: Above the picture.

    Raises:
        BandError: the sample has nothing that could be drawn, is a batch, or lacks a band.

    Example:
        >>> plot_sample(dataset[query], dataset.bands, dataset.outputs)     # doctest: +SKIP
        <Figure size 740x425 with 2 Axes>
    """
    arrays, meanings = as_arrays(sample), Meanings(outputs)
    refuse_batches(arrays)
    shape = shape_of(arrays)
    words, grid = words_of(arrays, meanings), _grid(arrays, shape)
    if shape == (1, 1) and "times" in arrays and "image" in arrays:
        profiles = _profiles(arrays, bands)
        return draw(Sheet([], shape, grid, title, words.lines, words.color, False, profiles, 3.0))
    rows, is_layered = panel_rows(arrays, bands, meanings, rgb=rgb, dates=dates, most_px=MAX_PX)
    wave = None
    if "audio" in arrays:
        rate_hz = arrays.get("audio_hz") if sample_rate_hz is None else sample_rate_hz
        known = None if rate_hz is None else float(rate_hz)
        wave = partial(draw_waveform, audio=arrays["audio"], rate_hz=known)
    return draw(Sheet(rows, shape, grid, title, words.lines, words.color, is_layered, wave))


def _profiles(arrays: Mapping[str, Any], bands: Sequence[Any]) -> Callable[[Axes], None]:
    """What draws the series of a single pixel."""
    values = arrays["image"][:, :, 0, 0]
    seen = arrays.get("valid_series", np.ones((len(values), 1, 1), bool))[:, 0, 0]
    names = names_of(bands, values.shape[1])
    return partial(draw_profiles, times=arrays["times"], values=values, seen=seen, names=names)


def panel_rows(
    arrays: Mapping[str, Any],
    bands: Sequence[Any],
    meanings: Meanings,
    *,
    rgb: Rgb | None,
    dates: int,
    most_px: int,
) -> tuple[list[list[Panel]], bool]:
    """The panels of a sample of arrays, row by row; and whether their classes differ from layer to layer."""
    images, chosen = _image_panels(arrays, bands, rgb, dates, most_px)
    is_pair = len(chosen) == _PAIR and len(arrays["image"]) == _PAIR
    images = _with_boxes(images, arrays, meanings)
    labels = label_panels(arrays, meanings, is_pair=is_pair, most_px=most_px)
    layered = len({key for key in arrays if key.startswith("mask:")} | ({"mask"} & set(arrays))) > 1
    if chosen and series_of_masks(arrays) is not None:
        return [images, *date_rows(arrays, chosen, meanings, most_px), *_in_rows(labels)], layered
    if len(chosen) > _PAIR:
        is_strip = len(images) + len(labels) <= _IN_A_STRIP
        return ([[*images, *labels]] if is_strip else [images, *_in_rows(labels)]), layered
    panels = [*images, *labels]
    if len(panels) == 1 and panels[0].title == _IMAGE:
        panels = [replace(panels[0], title="")]
    return _in_rows(panels), layered


def shape_of(arrays: Mapping[str, Any]) -> tuple[int, int]:
    """Rows and columns of a sample.

    Raises:
        BandError: it has no pixels, nor anything else to draw.
    """
    for key, value in arrays.items():
        if key.partition(":")[0] in _PIXELS and value.ndim > 1:
            return int(value.shape[-2]), int(value.shape[-1])
    if "audio" in arrays:
        return 1, 1
    raise BandError(
        f"a sample of {', '.join(sorted(arrays)) or 'nothing'} has nothing to draw; "
        f"expected one of {', '.join(_PIXELS)}"
    )


_PIXELS = (
    "image", "mask", "mask_series", "prediction", "value", "multilabel", "box_masks",
    "predicted_box_masks",
)  # fmt: skip


def date_of(arrays: Mapping[str, Any], t: int) -> str:
    """A date as `2017-07-14`; its number where it is not known."""
    second = float(arrays["times"][t])
    if not np.isfinite(second):
        return f"Date {t + 1}"
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d")


def refuse_batches(arrays: Mapping[str, Any]) -> None:
    """Refuse a batch, which is a sample of one axis more.

    Raises:
        BandError: a layer has more or fewer axes than in a sample; its shape is named.
    """
    for key, axes in _AXES.items():
        if key not in arrays:
            continue
        most = max(axes)
        if key in ("image", "mask") and "times" not in arrays:
            most = min(axes)
        if arrays[key].ndim > most or arrays[key].ndim < min(axes):
            raise BandError(
                f"{key} is {arrays[key].shape}: a batch is drawn sample by sample, see "
                "geoloom.datasets.unbind_samples; and a series has its times"
            )


def _grid(arrays: Mapping[str, Any], shape: tuple[int, int]) -> GeoBox | None:
    """Where the sample lies, if it says so."""
    if not {"crs", "transform"} <= set(arrays):
        return None
    return grid_at(shape, arrays["transform"], str(arrays["crs"]))


def _image_panels(
    arrays: Mapping[str, Any], bands: Sequence[Any], rgb: Rgb | None, dates: int, most_px: int
) -> tuple[list[Panel], list[int]]:
    """Panels of the image, and which dates of a series they are."""
    if "image" not in arrays:
        return [], []
    image = arrays["image"]
    is_series = image.ndim == 4
    seen = valid_of(arrays, image.shape[-2:], "observed")
    every = arrays.get("valid_series") if is_series else None
    all_seen = (
        np.broadcast_to(seen, (len(image) if is_series else 1, *seen.shape))
        if every is None
        else every
    )
    chosen = chosen_dates(all_seen, dates) if is_series else []
    shown = image[chosen] if is_series else image[None]
    parts = all_seen[chosen] if is_series else all_seen
    known = colors_of(shown, bands, rgb)
    panels = []
    for colors in known if not is_series else known[:1]:
        name = "Radar" if colors.is_radar and len(known) > 1 else _IMAGE
        titles = _date_titles(arrays, chosen) if is_series else [name]
        pictures = colors.paint(shown, parts, most_px)
        made = [Panel(title, picture) for title, picture in zip(titles, pictures, strict=True)]
        caption = "" if colors.is_photograph else colors.caption
        panels += [*made[:-1], replace(made[-1], caption=caption)]
    return panels, chosen


def chosen_dates(seen: np.ndarray, most: int) -> list[int]:
    """Up to `most` dates, evenly chosen among those that observed anything: one is the middle, of two both.

    Args:
        seen: bool (T, H, W), True = observed.
        most: At least 1.

    Example:
        >>> chosen_dates(np.array([True, True, False, True, True]).reshape(5, 1, 1), 2)
        [0, 4]
    """
    observed = np.flatnonzero(seen.any(axis=(1, 2)))
    if len(seen) <= _PAIR or not len(observed):
        observed, most = np.arange(len(seen)), max(most, _PAIR)
    last = len(observed) - 1
    if most == 1:
        return [int(observed[last // 2])]
    at = np.linspace(0, last, min(last + 1, most)).round().astype(int)
    return [int(date) for date in observed[at]]


def _date_titles(arrays: Mapping[str, Any], chosen: Sequence[int]) -> list[str]:
    if len(arrays["image"]) != _PAIR or len(chosen) != _PAIR:
        return [date_of(arrays, t) for t in chosen]
    known = np.isfinite(arrays["times"])
    return [
        f"{name}, {date_of(arrays, t)}" if known[t] else name
        for t, name in zip(chosen, ("Before", "After"), strict=True)
    ]


def _with_boxes(images: list[Panel], arrays: Mapping[str, Any], meanings: Meanings) -> list[Panel]:
    """Boxes over the last picture; predicted ones over a copy of it."""
    truth, guess = (Boxes.of(arrays, meanings, predicted=which) for which in (False, True))
    if truth is None and guess is None:
        return images
    if not images:
        key = (TRUE_KEYS if truth is not None else PREDICTED_KEYS)[0]
        raise BandError(f"{key} are drawn over an image, and the sample has none")
    *before, last = images
    over = [
        replace(last, title=title, boxes=boxes, legend=boxes.legend)
        for title, boxes in (
            ("Truth" if guess is not None else last.title, truth),
            ("Prediction", guess),
        )
        if boxes is not None
    ]
    return [*before, *over]


def _in_rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Rows of about equal length."""
    rows = -(-len(panels) // _IN_A_ROW)
    columns = -(-len(panels) // max(1, rows))
    return [list(panels[i : i + columns]) for i in range(0, len(panels), max(1, columns))]
