"""Small polygons join their neighbours: compared with a plain search, pixel by pixel."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import scipy.ndimage
from affine import Affine
from hypothesis import example, given
from hypothesis import strategies as st

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, WriteError
from geoloom.inference import small_areas
from geoloom.inference.polygons import polygonize
from geoloom.inference.predict import predict
from geoloom.testing.predictors import CodePredictor

CLASSES = Classes.of(["a", "b", "c"], codes=[0, 1, 5])
LOCAL = "+proj=laea +lat_0=40 +lon_0=10 +datum=WGS84"
"""Equal-area: a pixel of 100 m is a hectare."""
HECTARES = Affine(100, 0, 0, 0, -100, 0)


def areas_of(codes):
    """Number of each pixel's area, by flooding from one pixel to the next; -1 = nodata."""
    numbers, n = np.full(codes.shape, -1), 0
    for start in np.ndindex(codes.shape):
        if codes[start] == 255 or numbers[start] >= 0:
            continue
        todo = [start]
        numbers[start] = n
        while todo:
            row, col = todo.pop()
            for at in ((row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)):
                inside = 0 <= at[0] < codes.shape[0] and 0 <= at[1] < codes.shape[1]
                if inside and numbers[at] < 0 and codes[at] == codes[start]:
                    numbers[at] = n
                    todo.append(at)
        n += 1
    return numbers, n


def joined(codes, least):
    """The rule, without any haste."""
    numbers, n = areas_of(codes)
    size = [int((numbers == i).sum()) for i in range(n)]
    own = [int(codes[numbers == i][0]) for i in range(n)]
    taken = {i: own[i] for i in range(n) if size[i] >= least}
    sides = [
        (int(a), int(b))
        for one, other in ((numbers[:, :-1], numbers[:, 1:]), (numbers[:-1], numbers[1:]))
        for a, b in zip(one.ravel(), other.ravel(), strict=True)
        if a != b and min(a, b) >= 0
    ]
    sides += [(b, a) for a, b in sides]
    while True:
        borders = {}
        for a, b in sides:
            if a not in taken and b in taken:
                lengths = borders.setdefault(a, {})
                lengths[taken[b]] = lengths.get(taken[b], 0) + 1
        if not borders:
            break
        for a, lengths in borders.items():
            taken[a] = min(lengths, key=lambda code: (-lengths[code], code))
    out = np.full(codes.shape, 255, "uint8")
    for i, code in taken.items():
        out[numbers == i] = code
    islands, count = scipy.ndimage.label((out == 255) & (codes != 255))
    for k in range(1, count + 1):
        inside = codes[islands == k]
        if len(inside) >= least:
            out[islands == k] = min(set(inside.tolist()), key=lambda c: (-(inside == c).sum(), c))
    return out


# Halves that are equal but for rounding.
@example(shape_px=(1, 3), rows=1, least=2, seed=14)
@example(shape_px=(3, 9), rows=1, least=8, seed=1)
@given(
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.integers(1, 6),
    st.sampled_from([1, 2, 3, 8]),
    st.integers(0, 10_000),
)
def test_each_small_area_joins_its_longest_border(
    tmp_path_factory, write_scene, shape_px, rows, least, seed
):
    folder = tmp_path_factory.mktemp("small")
    codes = np.random.default_rng(seed).choice([0, 1, 5, 255], shape_px, p=[0.4, 0.25, 0.15, 0.2])
    codes = codes.astype("uint8")
    path = write_scene(folder / "map.tif", codes[None], nodata=255, affine=HECTARES, crs=LOCAL)
    out = polygonize(path, folder / "m.gpkg", CLASSES, rows=rows, min_area=least - 1e-3)
    made = gpd.read_file(out, layer="m")
    drawn = np.full(shape_px, 255, "uint8")
    if len(made):
        assert made["area_m2"].min() >= (least - 1e-3) * 10_000
        shapes = zip(made.geometry, made["code"].astype(int), strict=True)
        drawn = rasterio.features.rasterize(
            shapes, shape_px, fill=255, transform=HECTARES, dtype="uint8"
        )
    np.testing.assert_array_equal(drawn, joined(codes, least))


def test_the_ellipsoid_decides_what_is_small(tmp_path, write_scene):
    """Of two areas of equal pixels in degrees, the northern one has half the ground."""
    codes = np.ones((61, 9), "uint8")
    codes[2:4, 3:6] = codes[57:59, 3:6] = 5
    path = write_scene(
        tmp_path / "map.tif", codes[None], affine=Affine(0.01, 0, 10, 0, -1.0, 61), crs="EPSG:4326"
    )
    whole = gpd.read_file(polygonize(path, tmp_path / "all.gpkg", CLASSES), layer="all")
    north, south = sorted(whole.loc[whole["code"] == 5, "area_m2"] / 10_000)
    assert north < 0.6 * south
    out = polygonize(path, tmp_path / "m.gpkg", CLASSES, min_area=(north + south) / 2)
    left = gpd.read_file(out, layer="m")
    assert sorted(left["code"]) == [1, 5]
    assert left.loc[left["code"] == 5].total_bounds[3] < 10
    assert left["area_m2"].sum() == pytest.approx(whole["area_m2"].sum(), rel=1e-5)


def test_too_many_areas_are_refused(tmp_path, write_scene, monkeypatch):
    codes = np.indices((9, 9)).sum(axis=0).astype("uint8") % 2
    path = write_scene(tmp_path / "map.tif", codes[None], affine=HECTARES, crs=LOCAL)
    monkeypatch.setattr(small_areas, "_MOST_PIECES", 80)
    with pytest.raises(WriteError, match=r"more than 80 areas.*--min-area"):
        polygonize(path, tmp_path / "m.gpkg", CLASSES, min_area=2)
    assert not (tmp_path / "m.gpkg").exists()


def test_a_prediction_joins_small_polygons_and_keeps_the_map(tmp_path, write_scene):
    codes = np.zeros((40, 40), "uint8")
    codes[10, 10] = codes[20:30, 20:30] = 1
    scene = write_scene(tmp_path / "scene.tif", codes[None], affine=HECTARES, crs=LOCAL)
    run = {"tile": 16, "halo": 4}
    with pytest.raises(ConfigError, match=r"min_area is 5, .*--vector"):
        predict(CodePredictor(CLASSES), scene, tmp_path / "map.tif", min_area=5, **run)
    predict(
        CodePredictor(CLASSES), scene, tmp_path / "map.tif", vector=tmp_path / "v.gpkg", min_area=5, **run
    )  # fmt: skip
    made = gpd.read_file(tmp_path / "v.gpkg", layer="v")
    assert sorted(made["code"]) == [0, 1]
    with rasterio.open(tmp_path / "map.tif") as written:
        np.testing.assert_array_equal(written.read(1), codes)
