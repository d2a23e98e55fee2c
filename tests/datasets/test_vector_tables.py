"""A GeoDataFrame as a dataset: what the file of its rows would answer."""

from __future__ import annotations

import logging
import pickle
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import torch
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.errors import DatasetError, VectorError
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, VectorDataset

GRID = GeoBox((60, 80), Affine(1, 0, 5e5, 0, -1, 9e6), "EPSG:32722")
DEGREES = GeoBox.from_bbox(GRID.extent.to_crs("EPSG:4326").boundingbox, "EPSG:4326", shape=(50, 70))


@pytest.fixture
def table():
    """Fields in random order, some over one another, one broken, one without a class, heights on top."""
    rng = np.random.default_rng(3)
    shapes = [
        shapely.force_3d(shapely.Point(5e5 + x, 9e6 - y).buffer(r), 7.0)
        for x, y, r in zip(rng.uniform(0, 80, 20), rng.uniform(0, 60, 20), rng.uniform(2, 9, 20), strict=True)
    ]  # fmt: skip
    bow = shapely.Polygon([(5e5, 9e6), (500020, 8999980), (500020, 9e6), (5e5, 8999980)])
    kinds = [*rng.choice(["soy", "maize", "cotton"], 20), "soy"]
    kinds[4] = None
    return gpd.GeoDataFrame(
        {"kind": kinds, "year": [2018 + k % 3 for k in range(21)]},
        geometry=[*shapes, bow],
        crs="EPSG:32722",
    )


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "parquet"])
@pytest.mark.parametrize("grid", [GRID, DEGREES], ids=["utm", "degrees"])
def test_a_table_answers_as_the_file_of_its_rows(table, tmp_path, suffix, grid):
    path = tmp_path / f"fields.{suffix}"
    given = table.to_crs("EPSG:4326") if suffix == "geojson" else table
    given.to_parquet(path) if suffix == "parquet" else given.to_file(path)
    of_file = VectorDataset(path, class_field="kind")
    of_table = VectorDataset(given, class_field="kind")
    assert of_table.classes == of_file.classes
    assert of_table.classes.names == ("cotton", "maize", "soy")
    for key in ("mask", "valid"):
        assert torch.equal(of_table[grid][key], of_file[grid][key]), key
    assert of_table[grid]["mask"].unique().tolist() == [0, 1, 2, 3]
    (here,), (there,) = of_table.regions, of_file.regions
    differing = shapely.symmetric_difference(here.area, there.area).area
    rounded = 1e-6 if suffix == "geojson" else 0  # its numbers are text
    assert differing <= rounded * here.area.area
    assert here.crs == there.crs
    assert of_table.files == ()


def test_a_table_is_opened_joined_and_sampled(table, tmp_path, raster):
    scene = raster("scene.tif", 3, GRID)
    labels = gl.open(table, class_field="kind", classes=["soy", "maize"])
    dataset = RasterDataset(scene) & labels
    sampler = gl.samplers.RandomGeoSampler(dataset, 16, 8, generator=0)
    batch = next(iter(gl.loader(dataset, sampler, batch_size=8)))
    assert batch["mask"].shape == (8, 16, 16)
    assert set(batch["mask"].unique().tolist()) <= {0, 1, 2}
    alone = VectorDataset(table, res=2)
    assert alone.regions[0].frame.resolution.x == 2
    both = VectorDataset(table[:10]) | VectorDataset(table[10:])
    assert torch.equal(both[GRID]["valid"], VectorDataset(table)[GRID]["valid"])


def test_identity_is_by_content(table):
    dataset = VectorDataset(table, class_field="kind")
    same = VectorDataset(table.copy(deep=True), class_field="kind")
    assert dataset == same
    assert hash(dataset) == hash(same)
    assert (dataset | same) is dataset
    moved = table.copy()
    moved.geometry = moved.geometry.translate(1e-9)
    other_kind = table.assign(kind=["soy"] * 20 + ["maize"])
    for other in (
        VectorDataset(moved, class_field="kind"),
        VectorDataset(other_kind, class_field="kind"),
        VectorDataset(table, class_field="kind", classes=["soy"]),
        VectorDataset(table),
        VectorDataset(table[::-1], class_field="kind"),
    ):
        assert dataset != other
        assert hash(dataset) != hash(other)


def test_the_dataset_keeps_what_the_table_held(table):
    dataset = VectorDataset(table, class_field="kind")
    before, again = dataset[GRID]["mask"], pickle.loads(pickle.dumps(dataset))
    table["kind"] = "soy"
    table.geometry = table.geometry.translate(30)
    assert torch.equal(dataset[GRID]["mask"], before)
    assert again == dataset
    assert torch.equal(again[GRID]["mask"], before)


@pytest.mark.parametrize(
    ("dates", "wanted"),
    [
        ([2018, 2019, None], ["2018", "2019", None]),
        (["2018-05", "2019-05-01/2019-06-30", ""], None),
        (pd.to_datetime(["2018-05-03", "2019-05-03", None]), ["2018-05-03", "2019-05-03", None]),
        ([date(2018, 5, 3), date(2019, 5, 3), None], ["2018-05-03", "2019-05-03", None]),
        (
            pd.to_datetime(["2018-05-03T10:30", "2019-05-03T00:00", None]),
            ["2018-05-03T10:30:00", "2019-05-03T00:00:00", None],
        ),
    ],
    ids=["years", "texts", "midnights", "days", "times"],
)
def test_features_hold_at_their_time(dates, wanted):
    boxes = [shapely.box(5e5 + 10 * k, 9e6 - 60, 5e5 + 10 * k + 10, 9e6) for k in range(3)]
    table = gpd.GeoDataFrame({"when": dates}, geometry=boxes, crs="EPSG:32722")
    if wanted is None:
        with pytest.raises(VectorError, match=r"column 'when'.*cannot read ''"):
            VectorDataset(table, date_field="when")
        return
    dataset = VectorDataset(table, date_field="when")
    whens = [ALWAYS if text is None else Interval.of(text) for text in wanted]
    assert {region.when for region in dataset.regions} == set(whens)
    for number in (0, 1):
        valid = dataset[Query(GRID, whens[number])]["valid"]
        at = [bool(valid[0, 10 * k + 5]) for k in range(3)]
        assert at == [number == 0, number == 1, True]
    assert dataset[GRID]["valid"][0, :30].all()


def test_the_newest_lies_on_top():
    boxes = [shapely.box(5e5, 9e6 - 60, 5e5 + 20, 9e6)] * 2
    table = gpd.GeoDataFrame(
        {"kind": ["new", "old"], "year": [2020, 2019]}, geometry=boxes, crs="EPSG:32722"
    )
    dataset = VectorDataset(table, class_field="kind", date_field="year")
    names = dict(zip(dataset.classes.codes, dataset.classes.names, strict=True))
    assert names[int(dataset[GRID]["mask"][0, 0])] == "new"
    assert names[int(dataset[Query(GRID, Interval.of("2019"))]["mask"][0, 0])] == "old"


def test_label_name_is_class_field(table, caplog):
    assert VectorDataset(table, label_name="kind") == VectorDataset(table, class_field="kind")
    assert "label_name" not in caplog.text
    with pytest.raises(DatasetError, match="class_field and label_name are the same"):
        VectorDataset(table, label_name="kind", class_field="kind")
    with caplog.at_level(logging.WARNING):
        dataset = VectorDataset(table, label_name="year")
    assert dataset.classes.codes == (1, 2, 3)
    assert "2018 is 1, 2019 is 2" in caplog.text


def test_what_a_table_lacks_is_said(table):
    with pytest.raises(VectorError, match=r"no column 'kin'; did you mean 'kind'"):
        VectorDataset(table, class_field="kin")
    with pytest.raises(VectorError, match=r"no column 'geometry'"):
        VectorDataset(table, class_field="geometry")
    with pytest.raises(VectorError, match=r"no CRS; say which with table.set_crs"):
        VectorDataset(table.set_crs(None, allow_override=True))
    assumed = table.set_crs(None, allow_override=True)
    assert VectorDataset(assumed, assume_crs="EPSG:32722").crs == "EPSG:32722"
    with pytest.raises(VectorError, match="no rows"):
        VectorDataset(table[:0])
    with pytest.raises(DatasetError, match=r"where='year = 2018' is of files.*table\[table.year"):
        VectorDataset(table, where="year = 2018")
    with pytest.raises(DatasetError, match=r"date_field.*geopandas.read_file"):
        VectorDataset("labels.gpkg", date_field="year")
    with pytest.raises(DatasetError, match=r"VectorDataset\(table\)"):
        RasterDataset(table)
    with pytest.raises(VectorError, match="no column 'kind'"):
        VectorDataset(table.geometry, class_field="kind")
