"""Areas of interest and grids of choice: the part, or the warp, of the map of one raster."""

from __future__ import annotations

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GridError, WriteError
from geoloom.core.grid import lattice_window, window_slices
from geoloom.datasets import RasterDataset
from geoloom.inference.explain import explain
from geoloom.inference.predict import predict
from geoloom.testing.predictors import BandPredictor, CodePredictor
from geoloom.testing.sources import FakeSource

CODES = Classes.of(["forest", "water", "cleared"], codes=[0, 4, 9])
TWO = Classes.of(["a", "b"], codes=[0, 1])
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)
RUN = {"tile": 16, "halo": 5}
PARK = shapely.Polygon(
    [(-50.994, -9.0480), (-50.985, -9.0475), (-50.9875, -9.0585), (-50.993, -9.057)]
)
"""In degrees, inside a scene of 60 by 80 pixels at `UTM`."""


def made_on(path):
    with rasterio.open(path) as made:
        return made.read(1), GeoBox.from_rio(made)


def park_on(grid):
    """Bool (H, W), True inside, by pyproj and GDAL alone: the edges of the park are short."""
    change = pyproj.Transformer.from_crs(4326, grid.crs.to_wkt(), always_xy=True)
    edge = shapely.segmentize(PARK, 1e-4)
    moved = shapely.transform(edge, lambda xy: np.column_stack(change.transform(*xy.T)))
    return geometry_mask([moved], tuple(grid.shape), grid.affine, invert=True)


@pytest.mark.parametrize("blend", ["cosine", "crop"])
@pytest.mark.parametrize("form", ["shape", "file", "box"])
def test_an_area_of_interest_is_the_part_of_the_whole_map(
    tmp_path, write_scene, blocky, form, blend
):
    codes = blocky((60, 80), CODES.codes)
    path = write_scene(tmp_path / "scene.tif", codes[None])
    grid = GeoBox((60, 80), UTM, "EPSG:32722")
    inside = park_on(grid)
    roi = PARK
    if form == "file":
        roi = tmp_path / "park.gpkg"
        geopandas.GeoDataFrame(geometry=[PARK], crs=4326).to_file(roi)
    if form == "box":
        roi = ((500_310, 8_998_500, 501_200, 8_999_700), "EPSG:32722")
        inside = np.zeros((60, 80), bool)
        inside[10:50, 10:40] = True
    predict(CodePredictor(CODES), path, tmp_path / "map.tif", roi=roi, blend=blend, **RUN)
    ours, where = made_on(tmp_path / "map.tif")
    window = lattice_window(grid, where)
    rows, cols = np.nonzero(inside)
    expected = np.where(inside, codes, 255)
    np.testing.assert_array_equal(ours, expected[window_slices(window)])
    assert 0 <= rows.min() - window.row <= 1
    assert 0 <= window.row + window.height - 1 - rows.max() <= 1
    assert 0 <= cols.min() - window.col <= 1
    assert 0 <= window.col + window.width - 1 - cols.max() <= 1


def test_only_tiles_that_touch_the_area_are_read(tmp_path):
    grid = GeoBox((320, 320), UTM, "EPSG:32722")
    source = FakeSource(np.zeros((1, 320, 320), "uint8"), grid)
    corners = [((0, 0), (20, 20)), ((300, 300), (320, 320))]
    boxes = [
        shapely.box(*(UTM * (left, bottom)), *(UTM * (right, top)))
        for (left, top), (right, bottom) in corners
    ]
    roi = [(box, "EPSG:32722") for box in boxes]
    predict(CodePredictor(CODES), source, tmp_path / "map.tif", tile=32, halo=0, roi=roi)
    read = {
        tuple(int(v) for v in (~UTM * (asked.affine.c, asked.affine.f))) for asked in source.asked
    }
    assert read == {(0, 0), (288, 288)}


def test_the_network_sees_around_the_area(tmp_path):
    """A pixel at its edge gets the answer that it has in the map of the whole."""
    rng = np.random.default_rng(0)
    values = rng.random((2, 60, 80)).astype("float32")
    grid = GeoBox((60, 80), UTM, "EPSG:32722")
    source = FakeSource(values, grid)
    run = {"tile": 80, "halo": 16}
    box = ((500_310, 8_998_500, 501_200, 8_999_700), "EPSG:32722")
    for name, roi in (("part", box), ("whole", None)):
        predict(Blurred(), source, tmp_path / f"{name}.tif", roi=roi,
                probabilities=tmp_path / f"{name}_p.tif", **run)  # fmt: skip
    with (
        rasterio.open(tmp_path / "part_p.tif") as part,
        rasterio.open(tmp_path / "whole_p.tif") as whole,
    ):
        np.testing.assert_allclose(part.read()[:, :, :-1], whole.read()[:, 10:50, 10:39], rtol=1e-5)


class Blurred:
    """The mean of each band over 7 x 7 pixels."""

    bands = ()
    classes = TWO

    def __call__(self, image, valid):
        import torch

        return torch.nn.functional.avg_pool2d(image * valid[:, None], 7, stride=1, padding=3)


def test_an_area_beside_the_scene_is_refused_with_both_extents(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.zeros((1, 60, 80), "uint8"))
    with pytest.raises(
        GridError, match=r"longitude 13.0000..14.0000.*lies beside.*longitude -51.0000"
    ):
        predict(CodePredictor(CODES), path, tmp_path / "map.tif", roi=(13, 45, 14, 46))
    assert [p.name for p in tmp_path.iterdir()] == ["scene.tif"]


def smooth():
    rows, cols = np.mgrid[:60, :80]
    first = np.sin(rows / 9) + np.cos(cols / 11)
    return np.stack([first, np.cos(rows / 13) - np.sin(cols / 7)]).astype("float32")


@pytest.mark.parametrize("choice", ["crs", "resolution", "like"])
def test_another_grid_is_one_exact_warp_away(tmp_path, write_scene, choice):
    path = write_scene(tmp_path / "scene.tif", smooth(), nodata=-9)
    given = {"crs": {"crs": "EPSG:4326"}, "resolution": {"crs": "EPSG:32723", "resolution": 20}}
    if choice == "like":
        degrees = Affine(0.0002, 0, -51.0005, 0, -0.0002, -9.0445)
        like = write_scene(
            tmp_path / "like.tif", np.zeros((1, 90, 140), "uint8"), affine=degrees, crs="EPSG:4326"
        )
        given["like"] = {"like": like}
    predict(BandPredictor(TWO), path, tmp_path / "map.tif", **given[choice], **RUN)
    ours, where = made_on(tmp_path / "map.tif")
    if choice == "resolution":
        assert (where.resolution.x, where.resolution.y) == (20, -20)
        assert where.affine.c % 20 == where.affine.f % 20 == 0
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file, crs=rasterio.crs.CRS.from_wkt(where.crs.to_wkt()), transform=where.affine,
            width=where.shape[1], height=where.shape[0], resampling=Resampling.bilinear,
            tolerance=1e-6,
        ) as vrt,
    ):  # fmt: skip
        warped = vrt.read()
    write_scene(
        tmp_path / "warped.tif", warped, nodata=-9, affine=where.affine, crs=where.crs.to_wkt()
    )
    predict(BandPredictor(TWO), tmp_path / "warped.tif", tmp_path / "theirs.tif", **RUN)
    theirs, _ = made_on(tmp_path / "theirs.tif")
    assert (theirs == 0).mean() > 0.2
    assert (theirs == 1).mean() > 0.2
    # But where the two bands are equal to the last bit or so.
    assert (ours != theirs).mean() < 0.001


def test_scenes_of_several_crss_on_one_grid(tmp_path, write_scene):
    """Two halves of one image, the second warped exactly to the next zone: the map of the whole."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    image = smooth()
    whole = write_scene(tmp_path / "whole.tif", image, nodata=-9)
    write_scene(folder / "a.tif", image, nodata=-9)
    with (
        rasterio.open(whole) as file,
        WarpedVRT(file, crs="EPSG:32723", resampling=Resampling.cubic, tolerance=1e-6) as vrt,
    ):
        write_scene(folder / "b.tif", vrt.read(), nodata=-9, affine=vrt.transform, crs=vrt.crs)
    with pytest.raises(GridError, match=r"lie in 2 CRSs \(EPSG:32722, EPSG:32723\)"):
        predict(BandPredictor(TWO), folder, tmp_path / "map.tif", **RUN)
    predict(BandPredictor(TWO), folder, tmp_path / "map.tif", like=whole, **RUN)
    predict(BandPredictor(TWO), whole, tmp_path / "of_whole.tif", **RUN)
    ours, theirs = made_on(tmp_path / "map.tif")[0], made_on(tmp_path / "of_whole.tif")[0]
    np.testing.assert_array_equal(ours, theirs)  # scene a comes first by its name, and fills all


def test_pixels_larger_than_all_that_is_mapped_and_no_path_are_refused(tmp_path, write_scene):
    scene = write_scene(tmp_path / "scene.tif", np.ones((1, 20, 30), "uint8"), names=("red",))
    model, out = CodePredictor(TWO), tmp_path / "map.tif"
    with pytest.raises(GridError, match=r"pixels of 1000000\.0 \(metre\) are larger than all of"):
        predict(model, scene, out, resolution=1e6)
    with pytest.raises(ConfigError, match=r"out is None; give the path of the map"):
        predict(model, scene, None)
    assert list(tmp_path.iterdir()) == [scene]


def test_choices_that_do_not_go_together_are_refused(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.zeros((1, 60, 80), "uint8"))
    far = write_scene(tmp_path / "far.tif", np.zeros((1, 60, 80), "uint8"), crs="EPSG:32633")
    refused = [
        ({"like": path, "crs": "EPSG:4326"}, ConfigError, "leave --crs and --resolution"),
        ({"resolution": 0}, ConfigError, "a number above 0"),
        ({"crs": "banana"}, GridError, "is not a CRS that PROJ knows"),
        ({"like": far}, GridError, "holds nothing on the grid that is asked for"),
        ({"when": "2019"}, ConfigError, "when chooses among the dates of a folder or a dataset"),
    ]
    for options, error, message in refused:
        with pytest.raises(error, match=message):
            predict(CodePredictor(CODES), path, tmp_path / "map.tif", **options)
    assert not (tmp_path / "map.tif").exists()


@pytest.fixture
def zones(tmp_path, write_scene, blocky):
    """A folder with a scene in each of two zones."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name, crs, seed in (("west", "EPSG:32722", 1), ("east", "EPSG:32723", 2)):
        values = blocky((60, 80), CODES.codes, seed)
        write_scene(folder / f"{name}.tif", values[None], crs=crs)
    return folder


@pytest.mark.parametrize("form", ["folder", "files", "dataset", "union"])
def test_each_scene_has_a_map_of_its_own(tmp_path, zones, form):
    files = [zones / "west.tif", zones / "east.tif"]
    union = RasterDataset(files[0]) | RasterDataset(files[1])
    given = {"folder": zones, "files": files, "dataset": RasterDataset(zones), "union": union}
    predict(CodePredictor(CODES), given[form], tmp_path / "maps", per_scene=True, **RUN)
    assert sorted(p.name for p in (tmp_path / "maps").glob("*.tif")) == ["east.tif", "west.tif"]
    for file in files:
        predict(CodePredictor(CODES), file, tmp_path / file.name, **RUN)
        made = (tmp_path / "maps" / file.name).read_bytes()
        assert made == (tmp_path / file.name).read_bytes()


def test_maps_that_were_made_before_are_kept(tmp_path, zones, caplog):
    class Failing(CodePredictor):
        def __call__(self, image_BCHW, valid_BHW):
            if failing and (tmp_path / "maps" / "east.tif").exists():
                raise KeyboardInterrupt
            return super().__call__(image_BCHW, valid_BHW)

    failing = True
    with pytest.raises(KeyboardInterrupt):
        predict(Failing(CODES), zones, tmp_path / "maps", per_scene=True, **RUN)
    first = (tmp_path / "maps" / "east.tif").stat().st_mtime_ns
    failing = False
    predict(Failing(CODES), zones, tmp_path / "maps", per_scene=True, **RUN)
    assert (tmp_path / "maps" / "east.tif").stat().st_mtime_ns == first
    assert (tmp_path / "maps" / "west.tif").exists()
    with pytest.raises(WriteError, match="exists"):
        predict(Failing(CODES), zones, tmp_path / "maps", per_scene=True, **{**RUN, "halo": 4})


def test_only_scenes_in_the_area_are_mapped(tmp_path, zones):
    predict(CodePredictor(CODES), zones, tmp_path / "maps", per_scene=True, roi=PARK, **RUN)
    assert [p.name for p in (tmp_path / "maps").glob("*.tif")] == ["west.tif"]
    with pytest.raises(GridError, match="no scene touches"):
        predict(CodePredictor(CODES), zones, tmp_path / "no", per_scene=True, roi=(13, 45, 14, 46))
    with pytest.raises(ConfigError, match="join makes one of several"):
        predict(CodePredictor(CODES), zones, tmp_path / "no", per_scene=True, join="mosaic")


def test_each_scene_has_its_polygons_and_probabilities(tmp_path, zones):
    folder, settings = tmp_path / "maps", {"per_scene": True, **RUN}
    also = {"vector": folder, "probabilities": folder}
    plans = explain(CodePredictor(CODES), zones, **settings)
    assert not folder.exists()
    predict(CodePredictor(CODES), zones, folder, **also, **settings)
    made = {path.name for path in folder.iterdir() if path.suffix in (".tif", ".gpkg")}
    assert made == {
        f"{name}{end}"
        for name in ("east", "west")
        for end in (".tif", ".gpkg", ".probabilities.tif")
    }
    assert [name for name, _ in plans.scenes] == ["east", "west"]
    for name, plan in plans.scenes:
        assert f"{name}.tif\nmap " in plans.text()
        with rasterio.open(folder / f"{name}.tif") as out:
            assert plan.grid.shape == out.shape
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    predict(CodePredictor(CODES), zones, folder, **also, **settings)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
