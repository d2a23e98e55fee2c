"""A picture of one sample: its image or dates, and its labels, framed as maps where it has a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import BandError
from ..core.grid import grid_at
from ..io.raster import Raster
from .composites import composites_of
from .images import class_legend, map_figure, show_on
from .ramps import Ramp
from .style import INK, LABEL_PT, new_figure
from .values import titled
from .views import paint, stretch

_MOST_DATES = 4
_SIDE_IN = 3.4

Panel = tuple[str, np.ndarray]
"""A title, and a picture, uint8 (H, W, 4)."""


def plot_sample(
    sample: Mapping[str, Any],
    bands: Sequence[Any] = (),
    classes: Classes | None = None,
    *,
    rgb: Sequence[int | str] | None = None,
    title: str | None = None,
) -> Figure:
    """A sample as its dataset gives it: image, mask, measured values, and a prediction, side by side.

    Args:
        sample: One sample, no batch. Drawn are `image` (C, H, W), or (T, C, H, W) of up to four dates; `mask`
            (H, W); each of `value` (K, H, W); and `prediction` (H, W), codes as of the mask, where you have
            put one in. Pixels that are not `valid` are clear in labels, those not `observed` in images.
        bands: `dataset.bands`, or names of the channels: from them red, green and blue are chosen.
        classes: `dataset.classes`; None makes one of each code that occurs.
        rgb: One or three bands, numbers (from 1) or names, instead of those chosen.
        title: Above the picture.

    Raises:
        BandError: the sample has nothing that could be drawn, is a batch, or lacks a band.

    Example:
        >>> plot_sample(dataset[query], dataset.bands, dataset.classes)     # doctest: +SKIP
        <Figure size 740x425 with 2 Axes>
    """
    arrays = {name: np.asarray(sample[name]) for name in _DRAWN if name in sample}
    grid, placed = _grid(sample, arrays)
    panels = _image_panels(sample, arrays, grid, bands, rgb)
    known = classes if classes is not None else _codes(sample, arrays)
    for key in ("mask", "prediction"):
        if key in arrays and known is not None:
            valid = _valid(sample, arrays[key].shape, "valid" if key == "mask" else "observed")
            panels.append((key.capitalize(), paint(arrays[key], valid, known)))
    maps = arrays["value"] if arrays.get("value", np.empty(0)).ndim > 1 else ()
    for number, values in enumerate(maps):
        panels.append((titled(f"Value {number + 1}", None), Ramp.of(values).paint(values)))
    figure = _drawn(panels, grid if placed else None, title)
    if known is not None and {"mask", "prediction"} & set(arrays):
        class_legend(figure, _occurring(known, arrays))
    return figure


_DRAWN = ("image", "mask", "prediction", "value")


def _grid(sample: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> tuple[GeoBox, bool]:
    """Where the sample lies, and whether it says so."""
    if not arrays:
        raise BandError(
            f"a sample of {', '.join(sorted(sample)) or 'nothing'} has nothing to draw; "
            f"expected one of {', '.join(_DRAWN)}"
        )
    for key, usual in (("mask", 2), ("prediction", 2), ("value", 3), ("image", 4)):
        if key in arrays and arrays[key].ndim > usual:
            raise BandError(
                f"{key} is {arrays[key].shape}: a batch is drawn sample by sample, "
                "see geoloom.datasets.unbind_samples"
            )
    shape = next(iter(arrays.values())).shape[-2:]
    if not {"crs", "transform"} <= set(sample):
        return GeoBox(shape, (1, 0, 0, 0, -1, 0), "EPSG:3857"), False
    return grid_at(shape, np.asarray(sample["transform"]), str(sample["crs"])), True


def _image_panels(
    sample: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    grid: GeoBox,
    bands: Sequence[Any],
    rgb: Sequence[int | str] | None,
) -> list[Panel]:
    if "image" not in arrays:
        return []
    image = arrays["image"]
    dates = image if image.ndim == 4 else image[None]
    names = _names(bands, dates.shape[1])
    chosen = _positions(rgb or composites_of(_roles(bands, names))[0].bands, names)
    shown = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), _MOST_DATES)).astype(int))
    panels = []
    for t in shown:
        seen = _seen(sample, t, image.ndim == 4, grid.shape)
        values = dates[t][chosen]
        seen = seen & np.isfinite(values).all(axis=0)
        raster = Raster(values, seen, grid, tuple(names[i] for i in chosen))
        panels.append((_date(sample, t) if image.ndim == 4 else "Image", stretch(raster)[0]))
    return panels


def _names(bands: Sequence[Any], count: int) -> list[str]:
    """A name for each channel; those that a transform has appended are numbered."""
    named = [getattr(band, "name", band) for band in bands][:count]
    return [*named, *(str(number) for number in range(len(named) + 1, count + 1))]


def _roles(bands: Sequence[Any], names: Sequence[str]) -> list[str]:
    """What each channel measures, where its band says that, else its name."""
    roles = [getattr(band, "role", None) for band in bands][: len(names)]
    return [role or name for role, name in zip([*roles, *[None] * len(names)], names, strict=False)]


def _positions(chosen: Sequence[int | str], names: Sequence[str]) -> list[int]:
    if len(chosen) not in (1, 3):
        raise BandError(
            f"a picture is made of one band or three, not {len(chosen)}: {list(chosen)}"
        )
    numbers: dict[int | str, int] = {i + 1: i for i in range(len(names))}
    numbers |= {name: i for i, name in enumerate(names)}
    missing = [band for band in chosen if band not in numbers]
    if missing:
        raise BandError(f"no band {missing[0]!r}; the sample has {', '.join(names)}")
    return [numbers[band] for band in chosen]


def _seen(sample: Mapping[str, Any], t: int, is_series: bool, shape: Any) -> np.ndarray:
    if is_series and "valid_series" in sample:
        return np.asarray(sample["valid_series"][t])
    return _valid(sample, tuple(shape), "observed")


def _valid(sample: Mapping[str, Any], shape: tuple[int, ...], key: str) -> np.ndarray:
    """Labels are drawn where they are valid; images where they were observed, whatever the labels say."""
    found = sample.get(key, sample.get("valid"))
    return np.ones(shape, bool) if found is None else np.asarray(found)


def _date(sample: Mapping[str, Any], t: int) -> str:
    second = float(np.asarray(sample["times"])[t]) if "times" in sample else np.nan
    if not np.isfinite(second):
        return f"Date {t + 1}"
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d")


def _codes(sample: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Classes | None:
    """A class for each code of a mask or prediction whose classes nobody has named."""
    found: set[int] = set()
    for key in ("mask", "prediction"):
        if key in arrays:
            valid = _valid(sample, arrays[key].shape, "valid")
            found |= set(np.unique(arrays[key][valid]).tolist())
    legend = {int(code): f"class {int(code)}" for code in sorted(found) if 0 <= code <= 255}
    return Classes.from_legend(legend) if legend else None


def _occurring(classes: Classes, arrays: Mapping[str, np.ndarray]) -> list[tuple[str, int, str]]:
    """Only these are in the legend: a product such as CDL has more than a hundred."""
    codes: set[int] = set()
    for key in ("mask", "prediction"):
        codes |= set(np.unique(arrays[key]).tolist()) if key in arrays else set()
    return [entry for entry in classes if entry[1] in codes]


def _drawn(panels: Sequence[Panel], grid: GeoBox | None, title: str | None) -> Figure:
    if grid is not None and len(panels) <= 4:
        figure, axes = map_figure(grid, len(panels), title)
        for ax, (name, picture) in zip(axes, panels, strict=True):
            show_on(ax, picture, grid, name)
            if ax is not axes[0]:
                ax.set_yticks([])
        return figure
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    height, width = panels[0][1].shape[:2]
    figure = new_figure(
        _SIDE_IN * columns, _SIDE_IN * rows * np.clip(height / width, 0.3, 2.2) + 0.5, title=title
    )
    flat: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for ax in flat:
        ax.set_axis_off()
    for ax, (name, picture) in zip(flat, panels, strict=False):
        ax.imshow(picture, interpolation="auto")
        ax.set_title(name, loc="left", fontsize=LABEL_PT + 1, color=INK, fontweight="bold")
    return figure
