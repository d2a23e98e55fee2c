"""A value that is both the darkest measurement and nodata: `any` band or `all` bands decide."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core.errors import ConfigError
from geoloom.io.raster import read
from geoloom.toolbox.preprocessor import Preprocessor

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
    lost = Preprocessor(stretched).get_array_stacked_raster()
    kept = Preprocessor(stretched, nodata_rule="all").get_array_stacked_raster()
    assert lost.mask[0, :, 0].tolist() == [True, True, False]
    assert kept.mask[0, :, 0].tolist() == [True, False, False]
    assert kept.data[0, 1].tolist() == list(WATER)


def test_what_all_keeps_is_still_observed_when_the_product_is_read(stretched, tmp_path):
    preproc = Preprocessor(stretched, nodata_rule="all")
    out = preproc.save_stacked_raster(tmp_path / "kept.tif")
    raster = read(out)
    assert raster.values.dtype == np.int16
    assert raster.valid.tolist() == [[False, True, True]]
    assert raster.values[:, 0, 1].tolist() == list(WATER)


def test_the_rule_holds_for_a_value_given_by_hand(stretched):
    with rasterio.open(stretched, "r+") as untagged:
        untagged.nodata = None
    kept = Preprocessor(stretched, no_data=0, nodata_rule="all").get_array_stacked_raster()
    assert kept.mask[0, :, 0].tolist() == [True, False, False]


def test_an_unknown_rule_is_refused(stretched):
    with pytest.raises(ConfigError, match="did you mean 'any'"):
        Preprocessor(stretched, nodata_rule="any_")
