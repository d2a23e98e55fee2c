"""A value that is both the darkest measurement and nodata: `any` band or `all` bands decide."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core.errors import ConfigError
from geoloom.io.raster import read
from geoloom.preparation.band_stack import BandStack

WEDGE, WATER, LAND = (0, 0, 0), (0, 9, 30), (200, 90, 60)


@pytest.fixture
def stretched(tmp_path):
    path = tmp_path / "stretched.tif"
    values = np.array([[WEDGE, WATER, LAND]], dtype="uint8").transpose(2, 0, 1)
    with rasterio.open(
        path, "w", driver="GTiff", width=3, height=1, count=3, dtype="uint8", nodata=0,
        crs="EPSG:32622", transform=Affine(30, 0, 5e5, 0, -30, 9.4e6),
    ) as sink:  # fmt: skip
        sink.write(values)
    return path


def test_any_loses_the_pixel_and_all_keeps_it(stretched):
    lost = BandStack.open(stretched).array()
    kept = BandStack.open(stretched, nodata_rule="all").array()
    assert lost.mask[0, :, 0].tolist() == [True, True, False]
    assert kept.mask[0, :, 0].tolist() == [True, False, False]
    assert kept.data[0, 1].tolist() == list(WATER)


def test_what_all_keeps_is_still_observed_when_the_product_is_read(stretched, tmp_path):
    observed = BandStack.open(stretched, nodata_rule="all").save(tmp_path / "kept.tif")
    raster = read(tmp_path / "kept.tif")
    assert observed == pytest.approx(2 / 3)
    assert raster.values.dtype == np.int16
    assert raster.valid.tolist() == [[False, True, True]]
    assert raster.values[:, 0, 1].tolist() == list(WATER)


def test_the_rule_holds_for_a_value_given_by_hand(stretched):
    with rasterio.open(stretched, "r+") as untagged:
        untagged.nodata = None
    kept = BandStack.open(stretched, nodata=0, nodata_rule="all").array()
    assert kept.mask[0, :, 0].tolist() == [True, False, False]


def test_an_unknown_rule_is_refused(stretched):
    with pytest.raises(ConfigError, match="did you mean 'any'"):
        BandStack.open(stretched, nodata_rule="any_")
