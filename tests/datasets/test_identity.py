"""Two datasets are equal only if they answer alike: by what was found, not by what was asked."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from geoloom.datasets import RasterDataset, VectorDataset


def test_files_that_came_between_make_another_dataset(raster, utm, tmp_path):
    raster("s/a.tif", 1)
    before = RasterDataset(tmp_path / "s")
    assert before == RasterDataset(tmp_path / "s")
    raster("s/b.tif", 2, utm.translate_pix(80, 0))
    after = RasterDataset(tmp_path / "s")
    assert before != after
    assert len(before | after) == 2
    east = utm.translate_pix(80, 0)
    assert ((before | after)[east]["image"] == 2).all()


def test_a_folder_by_a_relative_name_is_not_another_of_that_name(raster, tmp_path, monkeypatch):
    raster("one/data/a.tif", 1)
    raster("two/data/b.tif", 2)
    made = []
    for folder in ("one", "two"):
        monkeypatch.chdir(tmp_path / folder)
        made.append(RasterDataset())
    assert made[0] != made[1]


def test_an_index_holds_what_a_scan_finds(raster, tmp_path, monkeypatch):
    raster("data/a.tif", 1)
    monkeypatch.chdir(tmp_path)
    scanned, kept, opened = RasterDataset(), RasterDataset(index=True), RasterDataset(index=True)
    assert scanned == kept == opened


def test_labels_that_were_edited_between_make_another_dataset(utm, tmp_path):
    def labels(edge):
        shape = shapely.box(600000, 4498200, edge, 4500000)
        frame = gpd.GeoDataFrame({"class": ["forest"]}, geometry=[shape], crs=utm.crs.to_wkt())
        frame.to_file(tmp_path / "l.gpkg")
        return VectorDataset(tmp_path / "l.gpkg", class_field="class")

    small, same, large = labels(600300), labels(600300), labels(602400)
    assert small == same
    assert small != large
    both = (small | large)[utm]
    np.testing.assert_array_equal(both["valid"], large[utm]["valid"])


def test_transforms_need_no_hash(raster, utm):
    @dataclass
    class Factor:
        by: float

        def __call__(self, sample):
            return {**sample, "image": sample["image"] * self.by}

    plain = RasterDataset(raster("a.tif", 1))
    twice, same, thrice = (plain.with_transforms(Factor(by)) for by in (2, 2, 3))
    assert twice == same
    assert hash(twice) == hash(same)
    assert twice != thrice
    assert (twice | same) is twice
    assert (twice & thrice)[utm]["image"][:, 0, 0].tolist() == [2, 3]
