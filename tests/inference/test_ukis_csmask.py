"""A network that others made and published: clouds and shadows of ukis-csmask on a real Landsat scene.

It needs the package (`pip install ukis-csmask`, Apache-2.0, 145 MB) and the scenes, and skips aloud without.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

import geoloom as gl

pytestmark = pytest.mark.shared

SIDE, STEP, HALO, OVERLAP = 256, 204, 26, 51
"""Of tiles, pixels: the package's first ones reach 51 beyond the scene; ours reach 26 beyond a core."""
FIRST = STEP - OVERLAP + HALO
"""Where our core has to begin for tiles to be the package's."""
TILES = 2


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip(
        "ukis_csmask.mask",
        reason="ukis-csmask is not installed (pip install ukis-csmask): no network of others",
    )


@pytest.fixture(scope="module")
def scene(shared_data, tmp_path_factory):
    """620 x 620 px of the scene, which is clear, with a bright cloud and its shadow painted in."""
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    with rasterio.open(shared_data / "rondonia_landsat8" / "LC08_232066_20190727.jp2") as source:
        window = Window(300, 300, 620, 620)
        values = source.read(window=window)
        profile = {
            "driver": "GTiff",
            "crs": source.crs,
            "transform": source.window_transform(window),
        }
    rows, cols = np.mgrid[:620, :620]

    def blob(row, col, radius):
        return np.exp(-((((rows - row) ** 2 + (cols - col) ** 2) / radius**2) ** 2))

    painted = values * (1 - 0.75 * blob(380, 330, 60)) + 5500 * blob(290, 380, 60)
    profile |= {"count": 6, "height": 620, "width": 620, "dtype": "int16"}
    with rasterio.open(path, "w", **profile) as target:
        target.write(painted.astype("int16"))
    return path


def test_the_map_is_the_packages_own_where_tiles_coincide(tmp_path, package, scene):
    from scipy.special import softmax

    net = Path(package.__file__).with_name("model_6b_l2a.onnx")
    known = json.loads(net.with_suffix(".json").read_text())["data"]["dataset_statistics"]
    mean, std = known["img"]
    with rasterio.open(scene) as source:
        image = np.moveaxis(source.read(), 0, -1) * np.float32(1e-4)
        part = Window(FIRST, FIRST, TILES * STEP, TILES * STEP)
        grid = gl.GeoBox((part.height, part.width), source.window_transform(part), str(source.crs))
    theirs = package.CSmask(
        image, known["band_names"], product_level="l2a", intra_op_num_threads=1,
        providers=["CPUExecutionProvider"],
    )  # fmt: skip
    gl.predict(
        net, scene, tmp_path / "map.tif", roi=grid, tile=STEP, halo=HALO, blend="crop",
        bands="1,2,3,4,5,6", scale=1e-4, mean=mean, std=std, classes="0=clear,1=cloud,2=shadow",
        probabilities=tmp_path / "p.tif",
    )  # fmt: skip
    with rasterio.open(tmp_path / "map.tif") as made, rasterio.open(tmp_path / "p.tif") as scores:
        assert made.transform == grid.affine
        codes, ours = made.read(1), scores.read()
    assert set(np.unique(codes)) == {0, 1, 2}
    inner = slice(OVERLAP + 1, SIDE - OVERLAP - 1)  # of a tile: there its package counts no other
    for i in range(TILES):
        for j in range(TILES):
            top, left = (STEP * (k + 1) - OVERLAP for k in (i, j))
            tile = np.moveaxis(theirs.img[top : top + SIDE, left : left + SIDE], -1, 0)[None]
            raw = theirs.session.run(None, {theirs.input_names: tile})[0]
            core = slice(HALO, HALO + STEP)
            place = slice(i * STEP, (i + 1) * STEP), slice(j * STEP, (j + 1) * STEP)
            answer = softmax(raw, axis=1)[0][:, core, core]
            np.testing.assert_allclose(ours[:, *place], answer, atol=1e-5)
            rows = slice(top + inner.start, top + inner.stop)
            cols = slice(left + inner.start, left + inner.stop)
            at = (
                slice(rows.start - FIRST, rows.stop - FIRST),
                slice(cols.start - FIRST, cols.stop - FIRST),
            )
            np.testing.assert_array_equal(codes[at], theirs.csm[rows, cols, 0])
