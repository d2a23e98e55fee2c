"""What users write into subclasses: honoured by every way of asking, or refused where it is written."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, random_split

from geoloom.core.errors import DatasetError, QueryError
from geoloom.datasets import CDL, RasterDataset
from geoloom.samplers import GridGeoSampler


def corn_or_not(sample):
    return {**sample, "mask": (sample["mask"] == 1).long()}


class Corn(CDL):
    """One class of the crop layer."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options, transforms=corn_or_not)


def test_what_a_subclass_does_to_samples_reaches_every_batch(raster, utm, tmp_path):
    raster("2019_30m_cdls.tif", 5, dtype="uint8")
    images = RasterDataset(raster("i/a.tif", 1))
    corn = Corn(tmp_path)
    sampler = GridGeoSampler(corn, 20)
    assert not corn[utm]["mask"].any()
    for dataset in (corn, images & corn):
        for batch in DataLoader(dataset, sampler=sampler, batch_size=4):
            assert not batch["mask"].any()


@pytest.mark.parametrize("name", ["__getitem__", "__getitems__", "answer"])
def test_an_override_that_batches_would_pass_by_is_refused(name):
    with pytest.raises(DatasetError, match=rf"Corn overrides {name}; .*transforms="):
        type("Corn", (CDL,), {name: lambda self, query: None})


def test_an_override_of_a_parent_is_refused_too():
    class Mapping:
        def __getitem__(self, query):
            return corn_or_not(super().__getitem__(query))

    with pytest.raises(DatasetError, match="overrides __getitem__"):
        type("Corn", (Mapping, CDL), {})


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("dtype", torch.float32, r"super\(\)\.__init__\(\.\.\., dtype="),
        ("dtype", property(lambda self: torch.float32), "dtype="),
        ("mint", "2019-01-01", "filename_regex"),
        ("maxt", "2019-12-31", "filename_regex"),
        ("resampling", "nearest", "resampling="),
        ("scaled", True, "scaled=True"),
    ],
)
def test_unused_class_attributes_are_refused(name, value, instead):
    with pytest.raises(DatasetError, match=f"Mine sets {name}, .*{instead}"):
        type("Mine", (RasterDataset,), {name: value})


class TestTorch:
    def test_it_is_a_dataset_of_torch(self, raster):
        assert isinstance(RasterDataset(raster("a.tif", 1)), Dataset)

    def test_shuffle_and_random_split_name_the_way(self, raster):
        dataset = RasterDataset(raster("a.tif", 1))
        with pytest.raises(QueryError, match=r"sampler=RandomGeoSampler\(dataset, size=256\)"):
            next(iter(DataLoader(dataset, shuffle=True)))
        (part,) = random_split(dataset, [1])
        with pytest.raises(QueryError, match=r"instead of random_split divide it: .*BlockSplit"):
            part[0]

    def test_datasets_are_not_added(self, raster):
        dataset = RasterDataset(raster("a.tif", 1))
        with pytest.raises(DatasetError, match=r"a \| b"):
            dataset + dataset
