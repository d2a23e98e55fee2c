"""One dtype a dataset, whatever scenes a batch meets; labels that are not class codes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.errors import DatasetError, ReadError
from geoloom.core.interval import Interval
from geoloom.datasets import FixedSteps, RasterDataset
from geoloom.samplers import GridGeoSampler

DTYPES = ("uint8", "int16", "float64")


def beside(utm, number):
    """The grid's neighbour, so many scenes to the east."""
    return GeoBox(utm.shape, utm.affine, utm.crs).translate_pix(number * utm.shape[1], 0)


@pytest.fixture
def mixed(raster, utm, tmp_path):
    """Scenes side by side that are stored in three types."""
    for number, dtype in enumerate(DTYPES):
        raster(f"m/{number}.tif", number + 1, beside(utm, number), bands=2, dtype=dtype)
    return tmp_path / "m"


def dtypes_of(dataset, **options):
    sampler = GridGeoSampler(dataset, 20)
    return {str(b["image"].dtype) for b in gl.loader(dataset, sampler, batch_size=3, **options)}


class TestImages:
    def test_every_batch_has_the_dtype_that_holds_all_scenes(self, mixed):
        dataset = RasterDataset(mixed)
        assert dtypes_of(dataset) == {"torch.float64"}
        assert dtypes_of(dataset.with_bands(["2"])) == {"torch.float64"}
        assert dtypes_of(dataset.as_stored()) == {"torch.float64"}
        assert dtypes_of(RasterDataset(mixed, dtype="float32")) == {"torch.float32"}

    def test_the_dtype_is_known_before_a_pixel_is_read(self, mixed, raster, utm):
        images = RasterDataset(mixed)
        labels = RasterDataset(raster("labels.tif", 1, utm, dtype="uint8"), is_image=False)
        wide = RasterDataset(raster("wide.tif", 60000, dtype="uint16"))
        files, date = raster("dated/x_20190101.tif", 1, dtype="int16"), r"x_(?P<date>\d{8})"
        dated = RasterDataset(files, filename_regex=date)
        for dataset in (
            images,
            images.as_stored(),
            images.with_bands(["1"]),
            dated,
            dated.series(),
            dated.series(FixedSteps((Interval.of("2019"),), "mean")),
            RasterDataset(mixed, dtype="float32"),
            RasterDataset(mixed, mosaic="mean"),
            labels,
            labels.as_stored(),
            images & labels,
            wide,
            wide.as_stored(),
            wide | RasterDataset(raster("narrow.tif", 7, utm, dtype="uint8")),
        ):
            sample = dataset[utm]
            told = {layer: dataset.sample_dtype(layer) for layer in ("image", "mask")}
            found = {layer: sample[layer].numpy().dtype for layer in told if layer in sample}
            assert {layer: dtype for layer, dtype in told.items() if dtype is not None} == found
            assert dataset.with_transforms(dict).sample_dtype("image") is None

    def test_an_index_keeps_what_settles_the_dtype(self, mixed, utm):
        made, opened = (RasterDataset(mixed, index=True) for _ in range(2))
        for dataset in (made, opened):
            assert dataset[utm]["image"].dtype == torch.float64
        assert opened == RasterDataset(mixed, index=True)
        assert opened.with_bands(["1"])[utm]["image"].dtype == torch.float64

    def test_values_are_those_of_the_files(self, mixed, utm):
        dataset = RasterDataset(mixed)
        for number in range(len(DTYPES)):
            assert (dataset[beside(utm, number)]["image"] == number + 1).all()

    def test_a_mean_is_float32_of_one_scene_as_of_several(self, raster, utm, tmp_path):
        raster("s/a.tif", 1)
        raster("s/b.tif", 2, utm.translate_pix(40, 0))
        dataset = RasterDataset(tmp_path / "s", mosaic="mean")
        alone, shared = dataset[utm[:, :30]], dataset[utm[:, 40:]]
        assert alone["image"].dtype == shared["image"].dtype == torch.float32
        assert (shared["image"] == 1.5).all()

    def test_a_union_gives_one_dtype(self, raster, utm, tmp_path):
        parts = [
            RasterDataset(raster(f"{dtype}.tif", 1, beside(utm, number), dtype=dtype))
            for number, dtype in enumerate(("uint8", "int16"))
        ]
        assert dtypes_of(parts[0] | parts[1]) == {"torch.int16"}

    def test_stored_types_that_torch_does_not_promote_meet(self, raster, utm):
        wide = RasterDataset(raster("wide.tif", 60000, dtype="uint16"))
        narrow = RasterDataset(raster("narrow.tif", 7, utm, dtype="uint8"))
        (batch,) = gl.loader(
            wide & narrow, GridGeoSampler(wide, 60), batch_size=9, device="cpu", convert=False
        )
        assert batch["image"].dtype == torch.uint16
        assert batch["image"][0, :, 0, 0].tolist() == [60000, 7]

    def test_a_file_that_was_replaced_by_a_wider_one_is_refused(self, raster, utm):
        dataset = RasterDataset(raster("a.tif", 1, dtype="uint8"))
        raster("a.tif", 1234.5, dtype="float64")
        with pytest.raises(ReadError, match=r"holds float64, which does not fit the uint8"):
            dataset[utm]


class TestLabels:
    def test_continuous_values_are_refused_with_the_way_to_read_them(self, raster, utm):
        heights = np.full((1, *utm.shape), 2.75, "float32")
        path = raster("heights.tif", heights)
        labels = RasterDataset(path, is_image=False)
        for ask in (lambda: labels[utm], lambda: labels.__getitems__([gl.Query(utm)] * 2)):
            with pytest.raises(DatasetError, match=r"heights.* hold 2\.75.*gives=\"value\""):
                ask()
        with pytest.raises(DatasetError, match=r"2\.75"):
            next(iter(gl.loader(labels, GridGeoSampler(labels, 20), device="cpu")))
        assert (RasterDataset(path)[utm]["image"] == 2.75).all()

    def test_whole_numbers_stored_as_floats_are_codes(self, raster, utm):
        codes = np.random.default_rng(0).integers(0, 5, (1, *utm.shape)).astype("float32")
        codes[0, 0, 0] = np.nan
        path = raster("codes.tif", codes, nodata=np.nan)
        labels = RasterDataset(path, is_image=False)
        sample, (same, _) = labels[utm], labels.__getitems__([gl.Query(utm)] * 2)
        for given in (sample, same):
            assert given["mask"].dtype == torch.int64
            seen = given["valid"].numpy()
            assert not seen[0, 0]
            assert seen.sum() == seen.size - 1
            np.testing.assert_array_equal(given["mask"].numpy()[seen], codes[0][seen])
            assert given["mask"][0, 0] == 0
        (batch,) = gl.loader(labels, GridGeoSampler(labels, 60), device="cpu", batch_size=8)
        assert batch["mask"].dtype == torch.int64

    def test_codes_are_never_averaged(self, raster):
        path = raster("codes.tif", 3, dtype="uint8")
        with pytest.raises(DatasetError, match="resampling='nearest' or 'mode'"):
            RasterDataset(path, is_image=False, resampling="bilinear")
