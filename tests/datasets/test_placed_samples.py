"""Numbered samples with a place, asked by place: equal to the samples, and composed with other layers."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from documented import LAYOUTS
from documented.layout import photograph, written
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import DatasetError
from geoloom.core.outputs import ClassOutputs
from geoloom.datasets import (
    OSCD,
    SEN12MS,
    EuroSAT,
    ImageFolder,
    LandCoverAIBase,
    RasterDataset,
    SampleDataset,
)
from geoloom.datasets.samples.listing import Listing
from geoloom.datasets.samples.masks import Codes, Masks
from geoloom.datasets.samples.pictures import Pictures
from geoloom.datasets.samples.stacks import BandStack, DateStack

SIDE = 32
RED, NIR = Band("red", "red"), Band("nir", "nir")


def write(path, values, grid):
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=grid.shape[0], width=grid.shape[1],
        dtype=values.dtype, crs=str(grid.crs), transform=grid.affine,
    ) as file:  # fmt: skip
        file.write(values[None])


def grid_of(number: int, step: float = 10) -> GeoBox:
    side = round(SIDE * 10 / step)
    affine = Affine(step, 0, 500_000 + SIDE * 10 * number, 0, -step, 5_000_000)
    return GeoBox((side, side), affine, "EPSG:32632")


@pytest.fixture
def samples(tmp_path):
    """Two places beside one another: red at 10 m, infrared at 20 m, a mask of 0, 255 and 7 for unknown."""
    rng = np.random.default_rng(0)
    for number in range(2):
        write(
            tmp_path / f"red_{number}.tif",
            rng.integers(1, 99, (SIDE, SIDE)).astype("uint16"),
            grid_of(number),
        )
        coarse = grid_of(number, 20)
        write(
            tmp_path / f"nir_{number}.tif",
            rng.integers(1, 99, coarse.shape).astype("uint16"),
            coarse,
        )
        mask = np.where(np.arange(SIDE) < 10, 255, 0)[None].repeat(SIDE, 0).astype("uint8")
        mask[0] = 7
        write(tmp_path / f"mask_{number}.tif", mask, grid_of(number))
    names = {
        name: np.array([f"{name}_{number}.tif" for number in range(2)], object)
        for name in ("red", "nir", "mask")
    }
    image = BandStack(
        (Pictures((RED,), "uint16", "red"), Pictures((NIR,), "uint16", "nir")), size=(SIDE, SIDE)
    )
    masks = Masks(Pictures((Band("mask"),), column="mask"), Codes({0: 0, 255: 1}, unlabelled=(7,)))
    return SampleDataset(
        Listing(tmp_path, names),
        image,
        (masks,),
        outputs=ClassOutputs(Classes.from_legend({0: "land", 1: "water"})),
        placed=True,
    )


def test_asked_for_the_grid_of_a_sample_it_gives_the_sample(samples):
    geo = samples.as_geo()
    for number in range(2):
        sample, answer = samples[number], geo[gl.Query(samples.grid(number))]
        np.testing.assert_array_equal(answer["image"][0], sample["image"][0])
        for key in ("mask", "valid", "observed"):
            np.testing.assert_array_equal(answer[key], sample[key], err_msg=key)
    assert geo.classes.names == ("land", "water")


def test_neighbours_are_one_layer(samples):
    across = grid_of(0).translate_pix(SIDE // 2, 0)
    answer = samples.as_geo()[gl.Query(across)]
    half = SIDE // 2
    left, right = samples[0]["image"][0][:, half:], samples[1]["image"][0][:, :half]
    np.testing.assert_array_equal(answer["image"][0], np.concatenate([left, right], axis=1))


def test_a_band_alone_opens_no_other_file(samples, tmp_path):
    red = SampleDataset(samples.listing, samples.reader.source, placed=True, bands=["red"])
    for number in range(2):
        (tmp_path / f"nir_{number}.tif").unlink()
    np.testing.assert_array_equal(red.as_geo()[gl.Query(grid_of(1))]["image"], red[1]["image"])


def test_a_layer_of_another_crs_joins(samples, tmp_path):
    there = GeoBox.from_bbox((8.9, 45.1, 9.1, 45.2), "EPSG:4326", shape=(400, 400))
    rows = np.arange(400, dtype="float32")[:, None].repeat(400, 1)
    write(tmp_path / "other" / "height.tif", rows, there)
    both = samples.as_geo() & RasterDataset(tmp_path / "other")
    sample = both[gl.Query(samples.grid(0))]
    assert sample["image"].shape == (3, SIDE, SIDE)
    np.testing.assert_array_equal(sample["mask"], samples[0]["mask"])


def test_one_class_per_picture_holds_where_it_lies(tmp_path):
    root = written(LAYOUTS["eurosat"], tmp_path)
    dataset = EuroSAT(root, split=None, bands=["B04"])
    answer = dataset.as_geo()[gl.Query(dataset.grid(5))]
    codes = dataset.classes.codes
    assert np.unique(answer["mask"]).tolist() == [codes[int(dataset[5]["label"])]]
    np.testing.assert_array_equal(answer["image"], dataset[5]["image"])


def test_dates_are_scenes_of_their_days(tmp_path):
    for name, value in (("a", 1), ("b", 2)):
        write(tmp_path / f"{name}.tif", np.full((SIDE, SIDE), value, "uint8"), grid_of(0))
    columns = {
        "a": np.array(["a.tif"], object),
        "b": np.array(["b.tif"], object),
        "first": np.array([np.datetime64("2019-05-01", "s").astype(float)]),
        "second": np.array([np.datetime64("2020-05-01", "s").astype(float)]),
    }
    image = DateStack(
        (Pictures((RED,), column="a"), Pictures((RED,), column="b")), times=("first", "second")
    )
    geo = SampleDataset(Listing(tmp_path, columns), image, placed=True).as_geo()
    for year, value in (("2019", 1), ("2020", 2)):
        answer = geo[gl.Query(grid_of(0), gl.Interval.of(year))]
        assert np.unique(answer["image"]).tolist() == [value]
    series = geo.series()[gl.Query(grid_of(0))]
    assert series["image"][:, 0, 0, 0].tolist() == [1, 2]


def test_pictures_without_a_place_cannot_be_asked_by_place(tmp_path):
    for number, name in enumerate(("forest", "river")):
        photograph(tmp_path / name / "0.png", number, 8, 8)
    with pytest.raises(DatasetError, match="do not say where on Earth they lie"):
        ImageFolder(tmp_path).as_geo()


def test_whole_orthophotos_are_layers_of_pixels_and_classes(tmp_path):
    dataset = LandCoverAIBase(written(LAYOUTS["landcoveraibase"], tmp_path), split=None)
    geo = dataset.as_geo()
    for number, (step_m, size) in enumerate(((0.25, (40, 30)), (0.5, (20, 24)))):
        grid = GeoBox(
            size, Affine(step_m, 0, 500_000 + 640 * number, 0, -step_m, 5_000_000), "EPSG:2180"
        )
        assert dataset.grid(number) == grid
        sample, answer = dataset[number], geo[gl.Query(grid)]
        for key in ("image", "mask", "valid"):
            np.testing.assert_array_equal(answer[key], sample[key], err_msg=key)
    assert geo.classes == dataset.classes


def test_codes_of_land_cover_are_classes_by_place_too(tmp_path):
    dataset = SEN12MS(written(LAYOUTS["sen12ms"], tmp_path), split=None)
    geo = dataset.as_geo()
    assert [band.name for band in geo.bands] == [band.name for band in dataset.bands]
    for number in range(4):
        sample, answer = dataset[number], geo[gl.Query(dataset.grid(number))]
        for key in ("image", "mask", "valid"):
            np.testing.assert_array_equal(answer[key], sample[key], err_msg=key)


def test_two_dates_of_a_city_are_scenes_of_their_days(tmp_path):
    root = written(LAYOUTS["oscd"], tmp_path)
    for file in root.glob("*/*/imgs_*_rect/B0[1235678].tif"):
        file.unlink()
    dataset = OSCD(root, "test", bands=["B04", "B12"])
    grid = GeoBox((10, 18), Affine(10, 0, 501_280, 0, -10, 5_000_000), "EPSG:32632")
    assert dataset.grid(0) == grid
    geo = dataset.as_geo()
    for day, values in (("2016-04-15", [1032, 1122]), ("2018-04-25", [2032, 2122])):
        answer = geo[gl.Query(grid, gl.Interval.of(day))]
        assert answer["image"][:, 0, 0].tolist() == values
    np.testing.assert_array_equal(geo.series()[gl.Query(grid)]["image"], dataset[0]["image"])
