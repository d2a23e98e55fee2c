"""The simulated farmland is what its docstring says: products by name, two zones, labels where fields are."""

from __future__ import annotations

import numpy as np
import pytest

import geoloom as gl
from geoloom.core.errors import GridError
from geoloom.datasets import CDL, Landsat7, Landsat8
from geoloom.testing import simulated_crops


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return simulated_crops(tmp_path_factory.mktemp("crops"), size_px=96)


def test_the_sensors_find_their_files_and_years_meet(made):
    dataset = (Landsat7(made.root) | Landsat8(made.root)) & CDL(made.root)
    assert [str(r.crs) for r in dataset.regions] == ["EPSG:32615", "EPSG:32616"]
    assert [r.when.start.year for r in dataset.regions] == [2019, 2020]
    assert dataset.regions[0].frame == made.landsat7


def test_reflectance_says_what_grows(made):
    """Healthy crops are far brighter in the near infrared than in red, and water is not."""
    scene = Landsat8(made.root, scaled=True)
    sample = (scene & CDL(made.root))[gl.Query(made.landsat8, gl.Interval.of("2020"))]
    red, nir = sample["image"][3].numpy(), sample["image"][4].numpy()
    mask = sample["mask"].numpy()
    assert (nir - red)[mask == 5].mean() > 0.35
    assert (nir - red)[mask == 141].mean() > 0.2
    assert {1, 5} <= set(np.unique(mask))
    first, second = (gl.read(path, made.landsat8).values[0] for path in made.labels)
    assert np.isin(second[first == 1], [5, 111]).all()  # corn one year, soybeans the next


def test_landsat_7_has_gaps_and_landsat_8_none(made):
    seen = Landsat7(made.root)[made.landsat7]["valid"].numpy()
    assert 0.8 < seen.mean() < 0.9
    assert Landsat8(made.root)[made.landsat8]["valid"].all()


def test_a_scene_without_room_for_fields_is_refused(tmp_path):
    with pytest.raises(GridError, match="give 64 or more"):
        simulated_crops(tmp_path, size_px=20)
