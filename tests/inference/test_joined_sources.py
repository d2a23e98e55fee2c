"""Maps of several files and of datasets equal those of one raster that holds the same pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

import geoloom as gl
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GridError, ModelError
from geoloom.core.grid import lattice_window, window_slices
from geoloom.datasets import RasterDataset
from geoloom.inference import products
from geoloom.inference.predict import predict
from geoloom.testing.predictors import BandPredictor, CodePredictor

CODES = Classes.of(["forest", "water", "cleared"], codes=[0, 4, 9])
TWO = Classes.of(["a", "b"], codes=[0, 1])
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)
RUN = {"tile": 16, "halo": 5}


def shifted(rows, cols):
    return UTM * Affine.translation(cols, rows)


def codes_of(path):
    with rasterio.open(path) as made:
        return made.read(1)


@pytest.fixture
def bands(tmp_path, write_scene):
    """Two bands of noise with holes of their own, as two files and as one."""
    rng = np.random.default_rng(0)
    image = rng.integers(1, 200, (2, 50, 70), dtype="uint8")
    image[0, 10:14, 5:30] = 0
    image[1, 30:32, 40:50] = 0
    for name, band in zip(("B04", "B08"), image, strict=True):
        write_scene(tmp_path / f"{name}.tif", band[None], nodata=0)
    write_scene(tmp_path / "stacked.tif", image, nodata=0, names=("B04", "B08"))
    return tmp_path


def test_band_files_make_the_map_of_their_stack(bands):
    model = BandPredictor(TWO, bands=("B08", "B04"))
    files = [bands / "B04.tif", bands / "B08.tif"]
    predict(model, files, bands / "files.tif", join="bands", **RUN)
    predict(model, bands / "stacked.tif", bands / "stack.tif", **RUN)
    assert (bands / "files.tif").read_bytes() == (bands / "stack.tif").read_bytes()


def test_files_that_nothing_joins_are_refused_with_the_three_ways(bands):
    files = [bands / "B04.tif", bands / "B08.tif"]
    with pytest.raises(
        ConfigError, match=r"B04.tif, B08.tif.*--join bands.*--join mosaic.*--join dates"
    ):
        predict(BandPredictor(TWO), files, bands / "map.tif")
    with pytest.raises(ConfigError, match=r"join is 'band'.*did you mean 'bands'"):
        predict(BandPredictor(TWO), files, bands / "map.tif", join="band")
    assert not (bands / "map.tif").exists()


def test_the_names_of_a_sensors_files_tell_which_band_each_holds(bands, write_scene):
    names = [f"T22MBT_20190705T134211_{band}_10m.tif" for band in ("B04", "B08")]
    files = [
        (bands / f"B0{n}.tif").rename(bands / name) for n, name in zip((4, 8), names, strict=True)
    ]
    predict(BandPredictor(TWO, bands=("B08", "B04")), files, bands / "files.tif", **RUN)
    predict(BandPredictor(TWO, bands=("B08", "B04")), bands / "stacked.tif", bands / "m.tif", **RUN)
    np.testing.assert_array_equal(codes_of(bands / "files.tif"), codes_of(bands / "m.tif"))


def test_a_mosaic_makes_the_map_of_the_whole(tmp_path, write_scene, blocky):
    whole = blocky((60, 80), CODES.codes)
    write_scene(tmp_path / "whole.tif", whole[None])
    parts = {"west": (slice(0, 60), slice(0, 37)), "east": (slice(0, 60), slice(30, 80))}
    files = [
        write_scene(
            tmp_path / f"{name}.tif", whole[None][:, rows, cols], affine=shifted(0, cols.start)
        )
        for name, (rows, cols) in parts.items()
    ]
    predict(CodePredictor(CODES), files, tmp_path / "map.tif", join="mosaic", **RUN)
    np.testing.assert_array_equal(codes_of(tmp_path / "map.tif"), whole)
    other = write_scene(tmp_path / "two.tif", np.ones((2, 4, 4), "uint8"))
    with pytest.raises(ModelError, match="the files of a mosaic hold the same bands"):
        predict(CodePredictor(CODES), [*files, other], tmp_path / "no.tif", join="mosaic")


def test_dates_are_bands_to_a_network_of_one_date_and_a_series_to_others(tmp_path, write_scene):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 200, (2, 40, 40), dtype="uint8")
    image[0, 5:9, 5:9] = image[1, 7:12, 7:12] = 0
    files = [
        write_scene(tmp_path / f"red_{day}.tif", date[None], nodata=0, names=("red",))
        for day, date in zip(("20190705", "20200101"), image, strict=True)
    ]
    one = BandPredictor(TWO, bands=("t2_red", "t1_red"))
    predict(one, files, tmp_path / "bands.tif", join="dates", **RUN)
    expected = np.where((image == 0).any(axis=0), 255, image[::-1].argmax(axis=0))
    np.testing.assert_array_equal(codes_of(tmp_path / "bands.tif"), expected)
    predict(
        Latest(), files, tmp_path / "series.tif", join="dates",
        probabilities=tmp_path / "p.tif", **RUN,
    )  # fmt: skip
    check_latest(tmp_path / "p.tif", image)
    with pytest.raises(ConfigError, match="2020-01-01, 2019-07-05; give them from the oldest"):
        predict(Latest(), files[::-1], tmp_path / "no.tif", join="dates")


class Latest:
    """Over series of one band: the latest value observed, and the year of the last date."""

    bands = ()
    classes = TWO
    dates = "any"
    fingerprint = "latest"

    def __call__(self, image, valid, times_BT):
        last = torch.zeros_like(image[:, 0])
        for date in range(image.shape[1]):
            last = torch.where(valid[:, date, None], image[:, date], last)
        year = 1970 + times_BT[:, -1].to(torch.float64) / 31_556_952
        return torch.cat([last, year.float()[:, None, None, None].expand_as(last)], dim=1)


def check_latest(path, image, years=(2020.0, 2020.01)):
    seen = (image > 0).any(axis=0)
    with rasterio.open(path) as made:
        latest = np.where(image[1] > 0, image[1], image[0])
        np.testing.assert_allclose(made.read(1)[seen], latest[seen], rtol=1e-6)
        assert np.isnan(made.read(1)[~seen]).all()
        assert ((made.read(2)[seen] > years[0]) & (made.read(2)[seen] < years[1])).all()


def test_a_folder_of_dates_is_a_series_to_a_network_over_dates(tmp_path, write_scene):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 200, (3, 40, 40), dtype="uint8")
    image[0, 5:9, 5:9] = image[1, 7:12, 7:12] = 0
    folder = tmp_path / "scenes"
    folder.mkdir()
    for day, date in zip(("20190705", "20200101", "20210101"), image, strict=True):
        write_scene(folder / f"red_{day}.tif", date[None], nodata=0, names=("red",))
    dataset = RasterDataset(folder, filename_regex=r"red_(?P<date>\d{8})")
    made = {"probabilities": tmp_path / "p.tif", **RUN}
    predict(Latest(), dataset, tmp_path / "map.tif", when="2019/2020", **made)
    check_latest(tmp_path / "p.tif", image[:2])
    with pytest.raises(ModelError, match="is a single date"):
        predict(Latest(), folder / "red_20190705.tif", tmp_path / "no.tif")
    with pytest.raises(ModelError, match="is a series of dates, and the model sees one date"):
        predict(CodePredictor(CODES), dataset.series(), tmp_path / "no.tif")
    with pytest.raises(ConfigError, match=r"holds nothing during \[2017.*data is of"):
        predict(CodePredictor(CODES), dataset, tmp_path / "no.tif", when="2017")


def test_a_stac_catalogue_is_mapped_by_its_address(tmp_path, write_scene, blocky):
    codes = blocky((40, 60), CODES.codes)
    path = write_scene(tmp_path / "scene.tif", codes[None], names=("red",))
    corners = [[-51, -9.06], [-50.98, -9.06], [-50.98, -9.04], [-51, -9.04], [-51, -9.06]]
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "one", "links": [],
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "bbox": [-51, -9.06, -50.98, -9.04],
        "properties": {"datetime": "2019-07-05T10:00:00Z"},
        "assets": {"red": {"href": "./scene.tif", "type": "image/tiff; application=geotiff",
                           "roles": ["data"], "eo:bands": [{"name": "red"}]}},
    }  # fmt: skip
    (tmp_path / "item.json").write_text(json.dumps(item))
    predict(
        CodePredictor(CODES), tmp_path / "item.json", tmp_path / "map.tif", when="2019-07", **RUN
    )
    predict(CodePredictor(CODES), path, tmp_path / "of_file.tif", **RUN)
    assert (tmp_path / "map.tif").read_bytes() == (tmp_path / "of_file.tif").read_bytes()
    with pytest.raises(ConfigError, match="holds nothing during"):
        predict(CodePredictor(CODES), tmp_path / "item.json", tmp_path / "no.tif", when="2018")


@pytest.fixture
def sensors(tmp_path, write_scene, blocky):
    """Two sensors of one lattice, the first with an old scene in the west and a new one in the east, the
    second with one of the time between over all, with other bands' names; and all that each observed."""
    codes = [4, 9]
    scenes = {
        "a_20180101": (shifted(0, 0), blocky((60, 40), codes, 1)),
        "a_20200101": (shifted(3, 40), blocky((60, 50), codes, 2)),
        "b_20190101": (shifted(-5, -7), blocky((75, 110), codes, 3)),
    }
    for name, (affine, values) in scenes.items():
        values[20:30, 10:25] = 77
        write_scene(
            tmp_path / f"{name}.tif", values[None], affine=affine, nodata=77, names=("red",)
        )
    sensor = {"filename_regex": r"._(?P<date>\d{8})"}
    first = RasterDataset(tmp_path, filename_glob="a_*.tif", **sensor)
    return tmp_path, first, RasterDataset(tmp_path, filename_glob="b_*.tif", **sensor)


def test_a_union_makes_the_map_of_its_answer(sensors, write_scene):
    folder, first, second = sensors
    union = first | second
    predict(CodePredictor(CODES), union, folder / "map.tif", **RUN)
    with rasterio.open(folder / "map.tif") as made:
        grid = GeoBox.from_rio(made)
        codes = made.read(1)
    assert tuple(grid.shape) == (75, 110)
    sample = union[gl.Query(grid)]
    truth = np.where(sample["valid"].numpy(), sample["image"].numpy()[0], 255)
    np.testing.assert_array_equal(codes, truth)
    # By hand: the first sensor holds the newest scene of the map, so that it comes first everywhere.
    with rasterio.open(folder / "a_20180101.tif") as file:
        west = file.read(1)
    np.testing.assert_array_equal(codes[5:65, 7:47][west != 77], west[west != 77])


def test_a_map_of_a_dataset_goes_on_to_the_same_bytes(sensors, monkeypatch):
    folder, first, second = sensors
    predict(CodePredictor(CODES), first | second, folder / "whole.tif", **RUN)
    monkeypatch.setattr(products, "MARK_EVERY_S", 0.0)

    def stop(done, total):
        if done * 2 > total:
            raise KeyboardInterrupt

    def again(**options):
        return RasterDataset(
            folder, filename_glob="a_*.tif", filename_regex=r"._(?P<date>\d{8})", **options
        )

    with pytest.raises(KeyboardInterrupt):
        predict(CodePredictor(CODES), first | second, folder / "map.tif", progress=stop, **RUN)
    other, seen = again(mosaic="first") | second, []
    with pytest.raises(KeyboardInterrupt):  # other options: it starts over
        predict(CodePredictor(CODES), other, folder / "map.tif",
                progress=lambda *now: (seen.append(now), stop(*now)), **RUN)  # fmt: skip
    assert seen[0][0] == 1
    with pytest.raises(KeyboardInterrupt):
        predict(CodePredictor(CODES), first | second, folder / "map.tif", progress=stop, **RUN)
    seen.clear()
    predict(
        CodePredictor(CODES), again() | second, folder / "map.tif",
        progress=lambda *now: seen.append(now), **RUN,
    )  # fmt: skip
    assert seen[0][0] > 1, "finished rows must not be made again"
    assert (folder / "map.tif").read_bytes() == (folder / "whole.tif").read_bytes()


def test_an_intersection_reads_the_channels_of_both(tmp_path, write_scene):
    rng = np.random.default_rng(0)
    red = rng.random((1, 60, 80)).astype("float32")
    write_scene(tmp_path / "red.tif", red, names=("red",))
    rows, cols = np.mgrid[:90, :110]
    height = (np.sin(rows / 7) * np.cos(cols / 9) + 1)[None].astype("float32") / 2
    elsewhere = Affine(0.0003, 0, -50.997, 0, -0.0003, -9.036 + 0.0003 * 15)
    write_scene(
        tmp_path / "dem.tif", height, affine=elsewhere, crs="EPSG:4326", names=("elevation",)
    )
    imagery, dem = RasterDataset(tmp_path / "red.tif"), RasterDataset(tmp_path / "dem.tif")
    model = BandPredictor(TWO, bands=("elevation", "red"))
    predict(model, imagery & dem, tmp_path / "map.tif", **RUN)
    with (
        rasterio.open(tmp_path / "red.tif") as like,
        rasterio.open(tmp_path / "dem.tif") as file,
        WarpedVRT(
            file, crs=like.crs, transform=like.transform, width=80, height=60,
            resampling=Resampling.bilinear, tolerance=1e-6, nodata=-1,
        ) as vrt,
    ):  # fmt: skip
        warped = vrt.read()
    both = np.concatenate([warped, red])
    write_scene(
        tmp_path / "stack.tif",
        np.where(warped < 0, -1, both),
        nodata=-1,
        names=("elevation", "red"),
    )
    predict(model, tmp_path / "stack.tif", tmp_path / "stacked.tif", **RUN)
    with rasterio.open(tmp_path / "map.tif") as made, rasterio.open(tmp_path / "red.tif") as like:
        ours, window = made.read(1), lattice_window(GeoBox.from_rio(like), GeoBox.from_rio(made))
    theirs = codes_of(tmp_path / "stacked.tif")
    outside = theirs.copy()
    outside[window_slices(window)] = 255
    assert (outside == 255).all(), "the map holds all that lies in both"
    assert 0.1 < (theirs == 0).mean() < (theirs != 255).mean()
    # Ties of two numbers, and the edge of the elevation, where GDAL takes half a pixel more or less.
    assert (ours != theirs[window_slices(window)]).mean() < 0.005


def test_scenes_of_several_crss_need_a_grid(tmp_path, write_scene, blocky):
    folder = tmp_path / "scenes"
    folder.mkdir()
    write_scene(folder / "west.tif", blocky((40, 40), CODES.codes)[None])
    write_scene(folder / "east.tif", blocky((40, 40), CODES.codes)[None], crs="EPSG:32723")
    with pytest.raises(
        GridError, match=r"2 CRSs \(EPSG:32723, EPSG:32722\).*--crs.*--like.*--per-scene"
    ):
        predict(CodePredictor(CODES), folder, tmp_path / "map.tif")
