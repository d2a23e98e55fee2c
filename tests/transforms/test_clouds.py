"""Quality bands against the values that the providers' guides print."""

from __future__ import annotations

import numpy as np
import pytest

from geoloom.core.errors import ConfigError
from geoloom.transforms.clouds import cloud_mask

# Landsat 8-9 Collection 2, "QA_PIXEL value interpretations" of the product guide.
LANDSAT = {
    1: "fill",
    21824: "clear",
    21826: "dilated_cloud",
    21888: "water",
    22080: "mid conf cloud",
    22280: "cloud",
    23888: "cloud_shadow",
    23952: "shadow over water",
    24088: "mid conf cloud with shadow",
    30048: "snow",
    54596: "cirrus",
    55052: "cirrus, mid cloud",
}


@pytest.mark.parametrize(
    ("flags", "hidden"),
    [
        (None, {1, 21826, 22280, 23888, 23952, 24088, 54596, 55052}),
        (["snow"], {30048}),
        (["cloud"], {22280, 24088, 55052}),
        (["water"], {21888, 23952}),
    ],
)
def test_landsat_values_of_the_guide(flags, hidden):
    values = np.array(list(LANDSAT), dtype=np.uint16)
    assert set(values[cloud_mask(values, flags=flags)].tolist()) == hidden


def test_sentinel2_scene_classes():
    codes = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert codes[cloud_mask(codes, "sentinel2_scl")].tolist() == [0, 1, 3, 8, 9, 10]
    assert codes[cloud_mask(codes, "sentinel2_scl", ["snow"])].tolist() == [11]


def test_refusals():
    with pytest.raises(ConfigError, match="did you mean 'cloud_shadow'"):
        cloud_mask(np.array([1]), flags=["cloud_shadw"])
    with pytest.raises(ConfigError, match="unknown quality band"):
        cloud_mask(np.array([1]), "landsat")
    with pytest.raises(ConfigError, match="integers"):
        cloud_mask(np.array([1.0]))
