"""Chips over their scene: outlines where pyproj puts them, coloured by split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from matplotlib.collections import PolyCollection
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.analysis import plot_chips
from geoloom.analysis.chips import SPLIT_COLORS, chip_footprints
from geoloom.core.errors import ChipError
from geoloom.io.raster import Raster

GRID = GeoBox((300, 400), Affine(30, 0, 500_000, 0, -30, 8_900_000), "EPSG:32720")


class Store:
    """What is asked of a chip store."""

    size = (64, 48)

    def __init__(self, rows):
        self.table = pd.DataFrame(rows)


def row(affine, crs="EPSG:32720", split="train"):
    return {"split": split, "crs": crs, **dict(zip("abcdef", affine[:6], strict=True))}


def at(row_, col):
    return GRID.affine * Affine.translation(col, row_)


def scene():
    values = np.random.default_rng(0).random((3, 300, 400)).astype(np.float32)
    return Raster(values, np.ones((300, 400), bool), GRID, ("1", "2", "3"))


def test_corners_are_the_chips_own_pixels():
    found = chip_footprints(Store([row(at(10, 20))]), GRID)
    np.testing.assert_allclose(
        found.corners[0], [[20, 10], [68, 10], [68, 74], [20, 74]], atol=1e-6
    )


def test_chips_of_another_crs_are_reprojected():
    affine = Affine(0.0003, 0, -62.99, 0, -0.0003, -9.96)
    found = chip_footprints(Store([row(affine, "EPSG:4326")]), GRID)
    x, y = Transformer.from_crs(4326, 32720, always_xy=True).transform(*(affine * (48, 64)))
    np.testing.assert_allclose(found.corners[0, 2], ~GRID.affine * (x, y), atol=1e-6)


def test_outlines_are_coloured_and_counted_by_split():
    rows = [
        row(at(0, 0)),
        row(at(9, 9)),
        row(at(90, 90), split="test"),
        row(at(20, 200), split=None),
    ]
    figure = plot_chips(Store(rows), scene())
    drawn = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]
    assert [len(c.get_paths()) for c in drawn] == [2, 1, 1]
    labels = [t.get_text() for t in figure.legends[0].get_texts()]
    assert labels == ["train (2)", "test (1)", "unsplit (1)"]
    assert drawn[0].get_edgecolor()[0][:3] == pytest.approx(
        [int(SPLIT_COLORS["train"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
    )


def test_chips_elsewhere_are_left_out_and_none_at_all_is_an_error():
    far = row(Affine(30, 0, 700_000, 0, -30, 8_900_000))
    assert len(chip_footprints(Store([far, row(at(0, 0))]), GRID).splits) == 1
    with pytest.raises(ChipError, match="none of 1 chips lies in the scene"):
        chip_footprints(Store([far]), GRID)


def test_a_bare_table_must_give_the_size():
    with pytest.raises(ChipError, match="how large chips are"):
        chip_footprints(pd.DataFrame([row(at(0, 0))]), GRID)


def test_many_chips_are_drawn_as_the_ground_that_they_cover():
    rows = [row(at(i % 60, 2 * i)) for i in range(100)]
    figure = plot_chips(Store(rows), scene())
    (drawn,) = (c for c in figure.axes[0].collections if isinstance(c, PolyCollection))
    assert len(drawn.get_paths()) == 1
    corners = chip_footprints(Store(rows), GRID).corners
    box = drawn.get_paths()[0].get_extents()
    np.testing.assert_allclose([box.x0, box.y0], corners.min(axis=(0, 1)))
    np.testing.assert_allclose([box.x1, box.y1], corners.max(axis=(0, 1)))
    assert figure.legends[0].get_texts()[0].get_text() == "train (100)"
