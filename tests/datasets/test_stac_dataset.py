"""A catalogue as a dataset: pixels in place, files compared with items, kept in an index, signed."""

from __future__ import annotations

import json
import os
import pickle

import numpy as np
import pytest
import rasterio
import torch
from shapely.geometry import box, mapping
from stac_files import (
    COARSE,
    GRID,
    band_asset,
    catalog,
    item,
    noise,
    place,
    write_band,
    write_catalog,
    write_json,
)
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core.errors import DatasetError, ReadError
from geoloom.core.grid import grid_at
from geoloom.core.outline import footprint
from geoloom.datasets import RasterDataset, StacDataset, VectorDataset
from geoloom.datasets.scenes.table import SavedScenes
from geoloom.samplers import GridGeoSampler
from geoloom.testing.server import serving

VALUES = [noise(seed) for seed in range(3)]
WINDOW = np.s_[100:228, 52:180]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    write_catalog(folder, VALUES)
    return folder


def day(number, roi=WINDOW):
    return gl.Query(GRID[roi], gl.Interval.of(f"2019-07-{number:02d}"))


class TestReading:
    def test_pixels_are_the_files(self, folder):
        dataset = gl.open(folder)
        assert isinstance(dataset, StacDataset)
        assert [(b.name, b.role) for b in dataset.bands] == [
            ("red", "red"), ("nir", "nir"), ("B11", "swir1"),
        ]  # fmt: skip
        assert [scene.grid for scene in dataset.scenes] == [GRID] * 3
        for number in (1, 2, 3):
            image = dataset[day(number)]["image"].numpy()
            assert (image[:2] == VALUES[number - 1][:2][:, *WINDOW]).all()
        coarse = dataset.with_bands(["B11"])[gl.Query(COARSE[:64, :64], day(2).when)]
        assert (coarse["image"][0].numpy() == VALUES[1][2][::2, ::2][:64, :64]).all()

    def test_the_same_as_a_raster_dataset_of_the_files(self, folder):
        stac = StacDataset(folder, bands=["red"])
        plain = RasterDataset(folder, filename_glob="red.tif")
        grid = GRID[WINDOW].to_crs("EPSG:3857")
        query = gl.Query(grid, gl.Interval.of("2019-07-03"))
        index = [s.assets[0].uri for s in plain.scenes].index(stac.scenes[2].assets[0].uri)
        one = RasterDataset(plain.scenes[index].assets[0].uri)
        assert (stac[query]["image"] == one[grid]["image"]).all()
        assert (stac[query]["valid"] == one[grid]["valid"]).all()

    def test_mosaics_compositions_loaders(self, folder, tmp_path):
        import geopandas as gpd

        newest = StacDataset(folder, bands=["red"])
        assert (newest[GRID[WINDOW]]["image"][0].numpy() == VALUES[2][0][WINDOW]).all()
        mean = StacDataset(folder, bands=["red"], mosaic="mean")[GRID[WINDOW]]["image"][0].numpy()
        truth = np.mean([v[0][WINDOW] for v in VALUES], axis=0)
        assert np.abs(mean - truth).max() < 1e-2
        gpd.GeoDataFrame(geometry=[footprint(GRID)], crs="EPSG:4326").to_file(tmp_path / "l.gpkg")
        both = newest & VectorDataset(tmp_path / "l.gpkg")
        sample = both[GRID[WINDOW]]
        assert sample["mask"].min() == 1
        assert (sample["image"][0].numpy() == VALUES[2][0][WINDOW]).all()
        sampler = GridGeoSampler(StacDataset(folder, bands=["red"], when="2019-07-02"), size=256)
        batches = list(DataLoader(newest, batch_sampler=[list(sampler)], collate_fn=lambda b: b))
        assert len(batches[0]) == 4

    def test_equal_unequal_and_pickled(self, folder):
        one = StacDataset(folder, bands=["red"], where={"eo:cloud_cover": (None, 25)})
        same = StacDataset(folder, bands=["red"], where={"eo:cloud_cover": (None, 25)})
        assert one == same
        assert len(one.scenes) == 2
        assert one != StacDataset(folder, bands=["red"])
        assert one | one == one
        lambdas = StacDataset(
            folder, bands=["red"], where=lambda declared: declared["eo:cloud_cover"] < 25
        )
        for dataset in (one, lambdas):
            again = pickle.loads(pickle.dumps(dataset))
            assert again == dataset
            assert (again[day(1)]["image"] == dataset[day(1)]["image"]).all()

    def test_classes(self, tmp_path):
        write_band(
            tmp_path / "c.tif", (np.indices((512, 512)).sum(0) % 5).astype("uint8"), nodata=None
        )
        declared = {"classification:classes": [{"value": 1, "name": "water"}]}
        asset = {**band_asset("c.tif", "", GRID), "raster:bands": [declared]}
        path = write_json(tmp_path / "item.json", item("a", {"classes": asset}))
        grid = GRID[:64, :64].to_crs("EPSG:3857")
        mask = StacDataset(path, is_image=False)[grid]["mask"]
        image = StacDataset(path)[grid]["image"]
        assert mask.unique().tolist() == [0, 1, 2, 3, 4]
        assert image.unique().tolist() == [0, 1, 2, 3, 4], "codes were averaged"


class TestTrust:
    """What an item says of its file, against the file."""

    def dataset(self, tmp_path, declared, grid=GRID, **options):
        write_band(tmp_path / "red.tif", VALUES[0][0][: grid.shape[0], : grid.shape[1]], grid)
        asset = {
            k: v
            for k, v in {**band_asset("red.tif", "red", grid), **declared}.items()
            if v is not None
        }
        path = write_json(tmp_path / "item.json", item("a", {"red": asset}))
        return StacDataset(path, **options)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"proj:shape": [512, 511]},
            {"proj:transform": [10, 0, 600005, 0, -10, 5000000]},
            {"proj:transform": [10, 0, 600000.01, 0, -10, 5000000]},
            {"proj:transform": [20, 0, 600000, 0, -20, 5000000]},
            {"proj:transform": [5, 0, 600000, 0, -5, 5000000]},
            {"proj:code": "EPSG:25833"},
        ],
        ids=["shape", "half a pixel", "a thousandth", "coarser", "finer", "crs"],
    )
    def test_another_grid_is_an_error_that_names_all(self, tmp_path, wrong):
        dataset = self.dataset(tmp_path, wrong)
        with pytest.raises(DatasetError) as error:
            dataset[dataset.scenes[0].grid[:10, :10]]
        for part in ("item 'a'", "red.tif is 512 x 512 at (10, 0, 600000", "grids='files'"):
            assert part in str(error.value)
        mended = self.dataset(tmp_path, wrong, grids="files")
        assert mended.scenes[0].grid == GRID
        assert (mended[GRID[WINDOW]]["image"][0].numpy() == VALUES[0][0][WINDOW]).all()

    def test_a_geometry_elsewhere_than_the_grid(self, tmp_path, caplog):
        with pytest.raises(
            DatasetError, match=r"item 'a' .*16\.27.* but its pixels .*22\.27.*='files'"
        ):
            self.dataset(tmp_path, {"proj:code": "EPSG:32634"})
        mended = self.dataset(tmp_path, {"proj:code": "EPSG:32634"}, grids="files")
        assert mended.scenes[0].grid == GRID
        document = json.loads((tmp_path / "item.json").read_text())
        document["geometry"] = mapping(box(45, 16, 46, 17))
        write_json(tmp_path / "item.json", document)
        mended = StacDataset(tmp_path / "item.json", grids="files")
        assert mended.scenes[0].footprint.equals(footprint(GRID))
        assert "elsewhere" in caplog.text

    def test_no_file_is_opened_where_items_declare_the_grids(self, tmp_path):
        dataset = self.dataset(tmp_path, {})
        (tmp_path / "red.tif").unlink()
        dataset = StacDataset(tmp_path / "item.json")
        assert dataset.regions[0].frame == GRID
        with pytest.raises(ReadError, match=r"red\.tif does not exist"):
            dataset[GRID[WINDOW]]

    def test_headers_are_read_where_they_do_not_and_the_log_says_so(self, tmp_path, caplog):
        with caplog.at_level("INFO"):
            dataset = self.dataset(tmp_path, {"proj:shape": None})
        assert dataset.scenes[0].grid == GRID
        assert "do not declare the grids of 1 files" in caplog.text

    def test_a_file_of_unknown_bands(self, tmp_path, caplog):
        write_band(tmp_path / "rgb.tif", VALUES[0])
        write_band(tmp_path / "one.tif", VALUES[0][0])
        assets = {k: {"href": f"{k}.tif", **place(GRID)} for k in ("rgb", "one")}
        path = write_json(tmp_path / "item.json", item("a", assets))
        with caplog.at_level("INFO"):
            dataset = StacDataset(path)
        assert [b.name for b in dataset.bands] == ["rgb_1", "rgb_2", "rgb_3", "one"]
        assert "which bands asset 'rgb' holds" in caplog.text
        assert (dataset[GRID[WINDOW]]["image"][:3].numpy() == VALUES[0][:, *WINDOW]).all()
        assert [a.index for a in StacDataset(path, bands=["one"]).scenes[0].assets] == [1]

    def scaled(self, tmp_path, declared, scales=None, offset=0.0):
        write_band(tmp_path / "red.tif", VALUES[0][0], scales=scales)
        asset = band_asset(
            "red.tif", "red", GRID, **({"raster:bands": [declared]} if declared else {})
        )
        path = write_json(tmp_path / "item.json", item("a", {"red": asset}))
        return StacDataset(path, scaled=True)[GRID[WINDOW]]["image"][0].numpy()

    def test_scales_are_the_items_else_the_files(self, tmp_path, caplog):
        stored = VALUES[0][0][WINDOW].astype(float)
        close = {"rtol": 1e-5, "atol": 1e-6}
        declared = {"scale": 1e-4, "offset": -0.1}
        np.testing.assert_allclose(self.scaled(tmp_path, declared), stored * 1e-4 - 0.1, **close)
        assert not caplog.text
        np.testing.assert_allclose(self.scaled(tmp_path, None, (0.5,)), stored * 0.5, **close)
        np.testing.assert_allclose(
            self.scaled(tmp_path, declared, (0.5,)), stored * 1e-4 - 0.1, **close
        )
        assert "the catalogue's are used" in caplog.text

    @pytest.mark.parametrize("declared", [None, {"scale": 0.5}])
    def test_a_loader_scales_by_what_the_files_declare_too(self, tmp_path, declared):
        self.scaled(tmp_path, declared, (0.5,))  # writes both
        dataset = StacDataset(tmp_path / "item.json")
        batches = gl.loader(dataset, GridGeoSampler(dataset, 128), device="cpu", scaled=True)
        for batch in batches:
            stored = torch.stack(
                [
                    dataset[grid_at((128, 128), transform, crs)]["image"]
                    for transform, crs in zip(batch["transform"], batch["crs"], strict=True)
                ]
            )
            torch.testing.assert_close(batch["image"], stored * 0.5)

    @pytest.mark.parametrize(
        ("declared", "dtype"), [(None, torch.float32), ({"data_type": "int16"}, torch.int16)]
    )
    def test_samples_have_the_dtype_that_items_declare_else_float32(
        self, tmp_path, declared, dtype
    ):
        write_band(tmp_path / "red.tif", VALUES[0][0].astype("int16"))
        asset = band_asset(
            "red.tif", "red", GRID, **({"raster:bands": [declared]} if declared else {})
        )
        path = write_json(tmp_path / "item.json", item("a", {"red": asset}))
        image = StacDataset(path)[GRID[WINDOW]]["image"]
        assert image.dtype == dtype
        np.testing.assert_array_equal(image[0], VALUES[0][0][WINDOW])

    def test_a_file_that_does_not_fit_the_declared_dtype_is_refused(self, tmp_path):
        write_band(tmp_path / "red.tif", VALUES[0][0].astype("float64") + 0.5)
        asset = band_asset("red.tif", "red", GRID, **{"raster:bands": [{"data_type": "int16"}]})
        path = write_json(tmp_path / "item.json", item("a", {"red": asset}))
        with pytest.raises(ReadError, match="holds float64, which does not fit the int16"):
            StacDataset(path)[GRID[WINDOW]]
        image = StacDataset(path, dtype="float32")[GRID[WINDOW]]["image"]
        np.testing.assert_array_equal(image[0], VALUES[0][0][WINDOW] + np.float32(0.5))

    def test_nodata_is_the_files_where_it_declares_it(self, tmp_path):
        values = VALUES[0][0].copy()
        values[WINDOW][:10], values[WINDOW][10:20] = 0, 9

        def missing(declared, tagged):
            write_band(tmp_path / "red.tif", values, nodata=tagged)
            asset = band_asset("red.tif", "red", GRID, **{"raster:bands": [{"nodata": declared}]})
            write_json(tmp_path / "item.json", item("a", {"red": asset}))
            sample = StacDataset(tmp_path / "item.json")[GRID[WINDOW]]
            return np.flatnonzero(~sample["valid"].numpy().any(axis=1)).tolist()

        assert missing(9, 0) == list(range(10))
        assert missing(9, None) == list(range(10, 20))
        assert missing(None, 9) == list(range(10, 20))


class TestIndex:
    def write(self, folder, count=2):
        links = []
        for number in range(count):
            write_band(folder / f"{number}.tif", VALUES[number % 3][0])
            document = item(f"i{number}", {"red": band_asset(f"{number}.tif", "red", GRID)})
            write_json(folder / f"i{number}.json", document)
            links.append(("item", f"i{number}.json"))
        return write_json(folder / "catalog.json", catalog("root", links))

    @pytest.mark.parametrize("index", ["file", True, "cache"])
    def test_what_the_first_dataset_saves_the_next_one_opens(self, tmp_path, monkeypatch, index):
        monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
        place = tmp_path / "kept" / "index.parquet" if index == "file" else index
        path = self.write(tmp_path / "data")
        first = StacDataset(path, index=place)
        monkeypatch.setattr("geoloom.datasets.stac.dataset.found_items", None)
        second = StacDataset(path, index=place)
        assert isinstance(second.scenes, SavedScenes)
        assert second == first
        assert tuple(second.scenes) == tuple(first.scenes)
        assert (second[GRID[WINDOW]]["image"] == first[GRID[WINDOW]]["image"]).all()

    def test_inside_the_folder_that_it_depends_on(self, tmp_path, monkeypatch):
        self.write(tmp_path)
        (tmp_path / "catalog.json").unlink()
        StacDataset(tmp_path, index=tmp_path / "index.parquet")
        StacDataset(tmp_path, index=True)
        monkeypatch.setattr("geoloom.datasets.stac.dataset.found_items", None)
        assert len(StacDataset(tmp_path, index=tmp_path / "index.parquet").scenes) == 2
        assert len(StacDataset(tmp_path, index=True).scenes) == 2

    def test_news_are_noticed(self, tmp_path):
        index = tmp_path / "index.parquet"
        path = self.write(tmp_path / "data")
        assert len(StacDataset(path, index=index).scenes) == 2
        self.write(tmp_path / "data", 3)
        assert len(StacDataset(path, index=index).scenes) == 3
        document = json.loads((tmp_path / "data" / "i1.json").read_text())
        document["properties"]["datetime"] = "2021-01-01T00:00:00Z"
        write_json(tmp_path / "data" / "i1.json", document)
        os.utime(tmp_path / "data" / "i1.json", ns=(1, 1))
        dates = [scene.when.start.year for scene in StacDataset(path, index=index).scenes]
        assert dates == [2019, 2021, 2019]
        (tmp_path / "data" / "i1.json").unlink()
        with pytest.raises(DatasetError, match=r"i1\.json \(linked as item"):
            StacDataset(path, index=index)

    def test_another_question_is_asked_again(self, tmp_path):
        index = tmp_path / "index.parquet"
        path = self.write(tmp_path / "data")
        StacDataset(path, index=index)
        assert StacDataset(path, bands=["x_red"], index=index).bands[0].name == "x_red"
        with pytest.raises(DatasetError, match="is wanted"):
            StacDataset(path, when="2020", index=index)

    def test_an_index_of_something_else_is_left_alone(self, tmp_path):
        path = self.write(tmp_path / "data")
        RasterDataset(tmp_path / "data", index=tmp_path / "index.parquet")
        with pytest.raises(DatasetError, match="not of a catalogue"):
            StacDataset(path, index=tmp_path / "index.parquet")
        with pytest.raises(DatasetError, match="no local folder"):
            StacDataset(item("a", {"red": band_asset("/a.tif", "red", GRID)}), index=True)


class TestOpening:
    def test_what_is_no_stac_stays_what_it_is(self, tmp_path):
        import geopandas as gpd

        frame = gpd.GeoDataFrame({"class": ["a"]}, geometry=[footprint(GRID)], crs="EPSG:4326")
        frame.to_file(tmp_path / "v" / "labels.geojson") if (tmp_path / "v").mkdir() else None
        frame.to_file(tmp_path / "v" / "labels.geojson")
        frame.to_parquet(tmp_path / "v.parquet")
        assert isinstance(gl.open(tmp_path / "v" / "labels.geojson"), VectorDataset)
        assert isinstance(gl.open(tmp_path / "v"), VectorDataset)
        assert isinstance(gl.open(tmp_path / "v.parquet"), VectorDataset)
        write_band(tmp_path / "r" / "a.tif", VALUES[0][0])
        write_json(tmp_path / "r" / "notes.json", {"by": "hand"})
        assert isinstance(gl.open(tmp_path / "r" / "a.tif"), RasterDataset)

    def test_each_form(self, folder):
        forms = (
            folder, folder / "catalog.json", folder / "fields" / "collection.json",
            folder / "fields" / "day1" / "day1.json", folder / "fields" / "day1",
            [folder / "fields" / f"day{n}" / f"day{n}.json" for n in (1, 2)],
        )  # fmt: skip
        counts = []
        for form in forms:
            dataset = gl.open(form, bands=["nir"])
            assert isinstance(dataset, StacDataset)
            counts.append(len(dataset.scenes))
        assert counts == [3, 3, 3, 1, 1, 2]


def sign_right(address):
    return f"{address}?token=right"


class TestSigning:
    def test_at_reading_time_and_again_after_a_refusal(self, folder):
        asked = []
        token = ["one"]

        def sign(address):
            asked.append(address)
            return f"{address}?token={token[0]}"

        with serving(folder) as server:
            dataset = StacDataset(server.address("catalog.json"), bands=["red"], sign=sign)
            assert not asked, "nothing was to be read yet"
            server.behave(token="one")
            assert (dataset[day(1)]["image"][0].numpy() == VALUES[0][0][WINDOW]).all()
            assert asked == [server.address("fields/day1/red.tif")]
            dataset[day(1)]
            assert len(asked) == 1, "an address is used for a while"
            server.behave(token="two")
            token[0] = "two"
            roi = np.s_[300:400, 300:400]
            assert (dataset[day(1, roi)]["image"][0].numpy() == VALUES[0][0][roi]).all()
            assert len(asked) == 2
            assert "token" not in dataset.scenes[0].assets[0].uri

    def test_headers_that_are_read_at_once_are_signed_too(self, folder):
        with serving(folder) as server:
            address = server.address("catalog.json")
            dataset = StacDataset(address, bands=["red"], sign=sign_right, grids="files")
            assert {one.query for one in server.asked if one.path.endswith("tif")} == {
                "token=right"
            }
            server.behave(token="right")
            again = pickle.loads(pickle.dumps(dataset))
            assert (again[day(2)]["image"][0].numpy() == VALUES[1][0][WINDOW]).all()

    def test_a_refusal_for_good_says_so(self, folder):
        with serving(folder) as server:
            address = server.address("catalog.json")
            dataset = StacDataset(address, bands=["red"], sign=lambda a: f"{a}?token=wrong")
            server.behave(token="right")
            with pytest.raises(ReadError, match=r"red\.tif cannot be opened: .*403"):
                dataset[day(1)]

    def test_chips_made_of_signed_files_keep_their_type(self, folder, tmp_path):
        from geoloom.chips.materialize import materialize

        with serving(folder) as server:
            address = server.address("catalog.json")
            dataset = StacDataset(address, bands=["red"], sign=sign_right)
            server.behave(token="right")
            store = materialize(dataset, [day(1)], tmp_path / "a.zarr")
        assert (store.image(0)[0] == VALUES[0][0][WINDOW]).all()
        assert store.dtype == VALUES[0][0].dtype

    def test_local_files_need_none(self, folder):
        dataset = StacDataset(folder, bands=["red"], sign=lambda a: "nowhere")
        assert (dataset[day(1)]["image"][0].numpy() == VALUES[0][0][WINDOW]).all()


def test_rasterio_reads_the_test_files_as_written(folder):
    """The truth of the tests above, from outside."""
    with rasterio.open(folder / "fields" / "day2" / "nir.tif") as file:
        assert (file.read(1) == VALUES[1][1]).all()
