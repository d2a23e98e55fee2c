"""Scale and offset: each scene's own, and never two of them in one channel."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import rasterio
import torch

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.errors import DatasetError, SamplerError
from geoloom.datasets import Landsat8, RasterDataset, Sentinel2
from geoloom.samplers import GridGeoSampler

REFLECTANCE = 0.3


def stored(raster, name, grid, scale, offset, *, value=REFLECTANCE):
    """One band of uint16 that holds a reflectance."""
    count = round((value - offset) / scale)
    path = raster(name, count, grid, dtype="uint16")
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,), (offset,)
    return path


def read(dataset, **options):
    """The image of every chip, through the loader."""
    sampler = GridGeoSampler(dataset, 20)
    batches = gl.loader(dataset, sampler, batch_size=4, **options)
    return torch.cat([batch["image"] for batch in batches]).numpy()


class TestLoader:
    @pytest.fixture
    def two(self, raster, utm, tmp_path):
        """Two scenes side by side, of one reflectance in different counts."""
        stored(raster, "s/a.tif", utm, 1e-4, 0.0)
        stored(raster, "s/b.tif", utm.translate_pix(80, 0), 1e-4, -0.1)
        return tmp_path / "s"

    def test_each_scene_is_scaled_by_its_own_factors(self, two):
        got = read(RasterDataset(two), device="cpu", scaled=True)
        np.testing.assert_allclose(got, REFLECTANCE, atol=1e-4)

    def test_products_of_two_baselines_give_one_reflectance(self, raster, utm, tmp_path):
        for number, (baseline, offset) in enumerate((("0301", 0), ("0400", 1000))):
            safe = f"S2A_MSIL2A_2021120{1 + number}T102321_N{baseline}_R065_T33TWE_x.SAFE"
            name = f"{safe}/T33TWE_2021120{1 + number}T102321_B02_10m.tif"
            raster(name, 3000 + offset, utm.translate_pix(80 * number, 0), dtype="uint16")
        dataset = Sentinel2(tmp_path, bands=["B02"])
        got = read(dataset, device="cpu", scaled=True)
        np.testing.assert_allclose(got, REFLECTANCE, atol=1e-6)

    def test_parts_that_are_scaled_already_are_not_scaled_twice(self, raster, utm):
        path = stored(raster, "a.tif", utm, 1e-4, 0.0)
        other = stored(raster, "b.tif", utm, 2e-4, 0.0)
        both = RasterDataset(path, scaled=True) & RasterDataset(other)
        got = read(both, device="cpu", scaled=True)
        np.testing.assert_allclose(got, REFLECTANCE, atol=1e-4)

    def test_a_series_is_scaled_date_by_date(self, raster, utm, tmp_path):
        stored(raster, "t/x_20210101.tif", utm, 1e-4, 0.0)
        stored(raster, "t/x_20220301.tif", utm, 1e-4, -0.1)
        dated = RasterDataset(tmp_path / "t", filename_regex=r"x_(?P<date>\d{8})")
        got = read(dated.series(), device="cpu", scaled=True)
        assert got.shape[1] == 2
        np.testing.assert_allclose(got, REFLECTANCE, atol=1e-4)

    def test_values_that_transforms_see_first_are_not_scaled_after(self, two):
        dataset = RasterDataset(two).with_transforms(lambda sample: sample)
        with pytest.raises(DatasetError, match="scaled=True"):
            read(dataset, device="cpu", scaled=True)

    def test_scaled_values_are_floats(self, two):
        dataset = RasterDataset(two)
        with pytest.raises(SamplerError, match="float32"):
            read(dataset, device="cpu", scaled=True, convert=False)

    def test_where_scenes_differ_the_dataset_says_so(self, two, caplog):
        with caplog.at_level(logging.WARNING):
            RasterDataset(two, scaled=True)
        assert not caplog.text
        with caplog.at_level(logging.WARNING):
            RasterDataset(two)
        assert "scale 0.0001 and offset -0.1 or scale 0.0001 and offset 0" in caplog.text


class TestUnion:
    def make(self, raster, utm, scale, offset, **options):
        bands = [Band("red", "red", scale=scale, offset=offset)]
        path = stored(raster, f"{scale}.tif", utm, scale, offset)
        return RasterDataset(path, all_bands=bands, **options)

    def test_counts_of_two_scales_are_refused(self, raster, utm):
        landsat = self.make(raster, utm, 2.75e-5, -0.2)
        sentinel = self.make(raster, utm, 1e-4, 0.0)
        with pytest.raises(DatasetError, match=r"band 'red' .* scale 2\.75e-05 .*scaled=True"):
            landsat | sentinel

    def test_scaled_with_unscaled_is_refused(self, raster, utm):
        one = self.make(raster, utm, 2.75e-5, -0.2)
        other = self.make(raster, utm, 1e-4, 0.0, scaled=True)
        for parts in ((one, other), (other, one)):
            with pytest.raises(DatasetError, match=r"values with no scale to apply"):
                parts[0] | parts[1]

    def test_physical_values_unite(self, raster, utm):
        one = self.make(raster, utm, 2.75e-5, -0.2, scaled=True)
        other = self.make(raster, utm, 1e-4, 0.0, scaled=True)
        np.testing.assert_allclose((one | other)[utm]["image"], REFLECTANCE, atol=1e-4)

    def test_sensors_of_two_agencies_unite_as_reflectance(self, raster, utm, tmp_path):
        stem = "LC08_L2SP_190030_20210706_20210713_02_T1"
        for number in range(1, 8):
            raster(f"l8/{stem}_SR_B{number}.tif", 18182, utm, dtype="uint16")
        for band in ("B02", "B03"):
            raster(f"s2/T33TWE_20210706T100031_{band}_10m.tif", 3000, utm, dtype="uint16")
        with pytest.raises(DatasetError, match="scaled=True"):
            Landsat8(tmp_path / "l8") | Sentinel2(tmp_path / "s2", bands=["B02", "B03"])
        both = Landsat8(tmp_path / "l8", scaled=True) | Sentinel2(
            tmp_path / "s2", bands=["B02", "B03"], scaled=True
        )
        np.testing.assert_allclose(both[utm]["image"], REFLECTANCE, atol=1e-4)
