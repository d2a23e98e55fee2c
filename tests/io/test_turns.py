"""Longitudes a full turn apart are one place, in grids of degrees too."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.datasets import RasterDataset
from geoloom.io.mosaic import read_many
from geoloom.io.raster import read
from geoloom.testing.ramps import truth, write_ramp, write_raster

ENGINES = ["direct", "gdal"]


def degrees(west: float, north: float, shape: tuple[int, int], pixel: float = 1.0) -> GeoBox:
    return GeoBox(shape, Affine(pixel, 0, west, 0, -pixel, north), "EPSG:4326")


@pytest.fixture(scope="module")
def climate(tmp_path_factory):
    """From 0 to 360 degrees, as models of the climate have it; the value is the column."""
    grid = degrees(0, 90, (180, 360))
    values = np.broadcast_to(np.arange(360, dtype="float32"), (1, 180, 360))
    return write_raster(tmp_path_factory.mktemp("turns") / "climate.tif", values, grid)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
class TestFrom0To360:
    def test_the_west_is_found(self, climate, engine, resampling):
        found = read(climate, degrees(-92, 45, (5, 10)), engine=engine, resampling=resampling)
        assert found.valid.all()
        assert found.values[0, 0].tolist() == list(range(268, 278))

    def test_a_window_over_greenwich_takes_both_ends(self, climate, engine, resampling):
        found = read(climate, degrees(-3, 45, (5, 6)), engine=engine, resampling=resampling)
        assert found.valid.all()
        assert found.values[0, 0].tolist() == [357, 358, 359, 0, 1, 2]

    def test_a_window_two_turns_away_is_the_same_place(self, climate, engine, resampling):
        found = read(climate, degrees(717, 45, (5, 6)), engine=engine, resampling=resampling)
        assert found.values[0, 0].tolist() == [357, 358, 359, 0, 1, 2]

    def test_resampled_between_pixels(self, climate, engine, resampling):
        found = read(climate, degrees(-92, 45, (5, 10), 0.5), engine=engine, resampling=resampling)
        near = np.arange(20) // 2 if resampling == "nearest" else np.arange(-0.25, 4.5, 0.5)
        assert found.valid.all()
        assert found.values[0, 0] == pytest.approx(268 + near[:10], abs=1e-3)

    def test_turned_pixels_across_the_seam(self, climate, engine, resampling):
        turned = Affine.translation(0, 40) * Affine.rotation(30) * Affine.scale(0.5, -0.5)
        grid = GeoBox((30, 40), turned * Affine.translation(-20, -15), "EPSG:4326")
        found = read(climate, grid, engine=engine, resampling=resampling)
        cols, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
        lon, _ = grid.affine * (cols, rows)
        inside = (lon % 360 > 0.5) & (lon % 360 < 359.5)  # half a pixel from the file's own ends
        exact = np.floor(lon % 360) if resampling == "nearest" else lon % 360 - 0.5
        assert found.valid.all()
        assert found.values[0][inside] == pytest.approx(exact[inside], abs=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_window_over_180_is_filled_from_the_files_on_both_sides(tmp_path, engine):
    west = write_raster(
        tmp_path / "w.tif", np.full((1, 20, 10), 1, "uint8"), degrees(170, 10, (20, 10))
    )
    east = write_raster(
        tmp_path / "e.tif", np.full((1, 20, 10), 2, "uint8"), degrees(-180, 10, (20, 10))
    )
    for at in (175, -185):
        found = read_many([west, east], degrees(at, 5, (10, 10)), engine=engine)
        assert found.valid.all()
        assert (found.values[0] == np.repeat([1, 2], 5)).all()


@pytest.mark.parametrize("at", [175, -185])
def test_datasets_are_whole_over_180(tmp_path, at):
    for name, value, lon in (("w", 1, 170), ("e", 2, -180)):
        write_raster(
            tmp_path / f"{name}.tif",
            np.full((1, 20, 10), value, "uint8"),
            degrees(lon, 10, (20, 10)),
        )
    sample = RasterDataset(tmp_path)[degrees(at, 5, (10, 10))]
    assert sample["valid"].all()
    assert (sample["image"][0].numpy() == np.repeat([1, 2], 5)).all()


def test_imagery_and_labels_that_count_otherwise_meet(tmp_path):
    scene, labels = degrees(262, 45, (20, 20)), degrees(-100, 45, (20, 20))
    write_raster(tmp_path / "scene.tif", np.full((1, 20, 20), 7, "uint8"), scene)
    write_raster(tmp_path / "labels.tif", np.full((1, 20, 20), 3, "uint8"), labels)
    both = RasterDataset(tmp_path / "scene.tif") & RasterDataset(
        tmp_path / "labels.tif", is_image=False
    )
    (region,) = both.regions
    assert region.area.bounds == pytest.approx((262, 25, 280, 45))
    sample = both[region.frame]
    assert sample["valid"].numpy()[:, :18].all()
    assert (sample["mask"].numpy()[:, :18] == 3).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
@given(
    turns=st.integers(-2, 2),
    west=st.floats(-200, 380),
    pixel=st.floats(0.3, 2.0),
    turn_deg=st.sampled_from([0.0, 0.0, 20.0, 180.0]),
)
def test_a_ramp_is_met_from_any_side_of_the_world(
    tmp_path_factory, engine, resampling, turns, west, pixel, turn_deg
):
    source = degrees(west, 30, (40, 60), 1.0)
    path = tmp_path_factory.getbasetemp() / f"ramp{west}.tif"
    if not path.exists():
        write_ramp(path, source)
    place = Affine.translation(west + 360 * turns + 20, 15) * Affine.rotation(turn_deg)
    grid = GeoBox((12, 14), place * Affine.scale(pixel, -pixel), "EPSG:4326")
    exact = truth(source, grid)
    margin = 2 * max(1, round(pixel)) + 2
    inside = (
        (exact.cols > margin)
        & (exact.cols < 60 - margin)
        & (exact.rows > margin)
        & (exact.rows < 40 - margin)
    )
    found = read(path, grid, engine=engine, resampling=resampling)
    assert found.valid[inside].all()
    places = exact.cols, exact.rows
    if resampling == "nearest":
        edges = [abs(at - np.round(at)) < 1e-6 for at in places]
        inside &= ~(edges[0] | edges[1])
        places = np.floor(places[0]) + 0.5, np.floor(places[1]) + 0.5
    for value, at in zip(found.values, places, strict=True):
        assert value[inside] == pytest.approx(at[inside] - 0.5, abs=2e-4)
