"""Test chips in the report: how far from the training, and on which the map is worst and best."""

from __future__ import annotations

import re

import numpy as np
import pytest
import rasterio
from pyproj import Geod, Transformer
from reported import CLASSES, Page, make_map, report_of, save_card

from geoloom.analysis.report import report
from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.core.errors import BandError, ConfigError, ModelError
from geoloom.testing.models import plain_card
from geoloom.testing.simulate import simulated_scene

SIDE = 20


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Chips on a map that is wrong on more of each test chip than on the one before."""
    folder = tmp_path_factory.mktemp("tested")
    made = simulated_scene(folder, size_px=160, seed=4)
    save_card(folder / "model", plain_card("unet", {}, made.bands, CLASSES))
    truth, mapped = make_map(made, folder / "map.tif")
    shares = {}
    with ChipWriter(
        folder / "chips.zarr", channels=1, size=SIDE, dtype="uint16", bands=["red"], classes=CLASSES
    ) as writer:
        for i in range(14):
            row, col = (40 + i * 0, 0) if i == 0 else (100 + 20 * (i // 8), 20 * (i % 8))
            part = np.s_[row : row + SIDE, col : col + SIDE]
            mask, valid = truth[part].astype("uint8"), (truth[part] > 0) & (mapped[part] > 0)
            writer.add(
                np.ones((1, SIDE, SIDE), np.uint16), mask=mask, valid=valid, crs="EPSG:32720",
                transform=tuple(made.grid[part].affine[:6]), source="scene.tif", row=row, col=col,
                split="test" if i else "train",
            )  # fmt: skip
            if i and valid.any():
                shares[i] = float((truth[part] == mapped[part])[valid].mean())
    return folder, made, shares


def test_worst_and_best_chips_are_those_that_numpy_ranks(case):
    folder, _, shares = case
    html = report(
        folder / "model", folder / "map.tif", folder / "r.html", chips=folder / "chips.zarr", overwrite=True
    ).read_text()  # fmt: skip
    assert f"{len(shares)} of 13 test chips were compared" in html
    assert html.count("The test chips on which") == 4, "two sheets, each with alt text and caption"
    from geoloom.analysis.sections.tested_chips import _compared
    from geoloom.io.headers.header import read_header

    store, header = ChipStore.open(folder / "chips.zarr"), read_header(folder / "map.tif")
    for i, share in shares.items():
        one = _compared(store, i, header, CLASSES)
        assert one.agrees == pytest.approx(share)
        assert [p.shape for p in one.pictures] == [(SIDE, SIDE, 4)] * 3


def test_the_gap_is_the_geodesic_between_the_nearest_corners(case):
    folder, made, _ = case
    text = report_of(folder, chips=folder / "chips.zarr").text
    said = float(re.search(r"lie at least ([\d,]+) m", text)[1].replace(",", ""))
    # Of the training chip's lower edge (row 60) to the test chips' upper one (row 100).
    to_degrees = Transformer.from_crs("EPSG:32720", "EPSG:4326", always_xy=True)
    (x1, y1), (x2, y2) = (made.grid.affine * at for at in ((20, 60), (20, 100)))
    lon, lat = to_degrees.transform([x1, x2], [y1, y2])
    exact = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    assert said == pytest.approx(exact, abs=2)


def test_a_map_of_bare_codes_is_named_and_coloured_beside_its_file(case, tmp_path):
    """Codes of its own: those of the model's map, turned around."""
    folder, made, _ = case
    with rasterio.open(folder / "map.tif") as file:
        codes, profile = file.read(1), file.profile
    bare = np.where(codes > 0, 10 - codes, 0).astype("uint8")
    with rasterio.open(tmp_path / "bare.tif", "w", **{**profile, "driver": "GTiff"}) as file:
        file.write(bare[None])
    names = {10 - code: name for name, code, _ in CLASSES}
    given = {"truth": made.truth, "overwrite": True}
    with pytest.raises(ModelError, match="carries no class names"):
        report(folder / "model", tmp_path / "bare.tif", tmp_path / "r.html", **given)
    pages = [
        Page(report(folder / "model", path, tmp_path / "r.html", **given, **more).read_text())
        for path, more in (
            (folder / "map.tif", {}),
            (tmp_path / "bare.tif", {"classes": names, "colors": {"water": "#123456"}}),
        )
    ]
    legends = [{c["name"]: c for c in page.data()["classes"]} for page in pages]
    assert legends[0].keys() == legends[1].keys()
    assert legends[1]["water"]["color"] == "#123456"
    for name in ("forest", "deforestation"):
        assert legends[0][name]["color"] == legends[1][name]["color"]
        assert legends[0][name]["area"] == legends[1][name]["area"]
    shares = [re.findall(r"[\d.]+ %", page.text) for page in pages]
    assert shares[0] == shares[1]
    with pytest.raises(ModelError, match=r"once"):
        report(
            folder / "model", tmp_path / "bare.tif", tmp_path / "r.html", classes={9: "forest"}, **given
        )  # fmt: skip
    with pytest.raises(ConfigError, match="no class is named 'lava'"):
        report(
            folder / "model", folder / "map.tif", tmp_path / "r.html", colors={"lava": "#ff0000"}, **given
        )  # fmt: skip


def test_bands_of_choice_are_a_layer_of_their_own(case):
    folder, made, _ = case
    page = report_of(folder, scene=made.scene, bands=["swir2", 1, "nir"])
    layers = {layer["key"]: layer["title"] for layer in page.data()["layers"]}
    chosen = [made.bands[i] for i in (5, 0, 3)]
    assert layers["scene-chosen"] == f"Bands {', '.join(chosen)}"
    assert {"scene-true", "scene-false"} <= layers.keys()
    with pytest.raises(BandError, match="no band 'ultraviolet'; name one of"):
        report_of(folder, scene=made.scene, bands=["ultraviolet"])
    with pytest.raises(BandError, match="one band or three, and 2"):
        report_of(folder, scene=made.scene, bands=[1, 2])
    with pytest.raises(BandError, match="--scene"):
        report_of(folder, bands=[1])
