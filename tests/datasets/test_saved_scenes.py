"""Scenes saved and opened again: equal, checked against their files, and readable by others."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, DatasetError
from geoloom.core.grid import footprint
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.query import Asset, Query, Scene
from geoloom.datasets.raster import RasterDataset
from geoloom.datasets.saved import SavedScenes, save_scenes
from geoloom.io.naming import Naming
from geoloom.io.scan import scan
from geoloom.testing import strategies as some

REMOTE = "/vsicurl/https://example.org/a.tif"


BANDS = (Band("b", "red", 0.66, 30.0, 0.1, -1.0, -9.0),)


def scene(grid, when=ALWAYS, name="s", bands=BANDS):
    assets = tuple(Asset(REMOTE, i) for i in range(1, len(bands) + 1))
    return Scene(name, grid, when, bands, assets, footprint(grid))


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_scenes_come_back_as_they_were(tmp_path_factory, kind, data):
    grids = data.draw(st.lists(some.grids(kind), min_size=1, max_size=4))
    when = data.draw(st.sampled_from([ALWAYS, Interval.of("2019-07"), Interval.of("1969-07-20")]))
    several = (Band("x"), Band("y", scale=0.5))
    scenes = [
        scene(grid, when, str(i), several if i % 2 else several[:1]) for i, grid in enumerate(grids)
    ]
    path = save_scenes(tmp_path_factory.mktemp("index") / "s.parquet", scenes)
    opened = SavedScenes(path)
    assert tuple(opened) == tuple(scenes)
    assert all(a.footprint.equals(b.footprint) for a, b in zip(opened, scenes, strict=True))
    assert [s.grid.crs for s in opened] == [s.grid.crs for s in scenes]
    boxes, owners = opened.parts()
    for box, owner in zip(boxes, owners, strict=True):
        assert box.intersects(scenes[owner].footprint)
    assert sorted(set(owners.tolist())) == list(range(len(scenes)))
    assert opened.times()[0].tolist() == [s.when.start.timestamp() for s in scenes]


def test_others_read_it_as_geoparquet(tmp_path, utm):
    path = save_scenes(tmp_path / "s.parquet", [scene(utm, Interval.of("2019")), scene(utm)])
    table = gpd.read_parquet(path)
    assert table.crs == "OGC:CRS84"
    assert table.geometry[0].equals(footprint(utm))
    assert table["start"][0].isoformat() == "2019-01-01T00:00:00+00:00"
    assert list(table["bands"][0]) == ["b"]


@pytest.fixture
def folder(raster, tmp_path):
    for day in (1, 2, 3):
        raster(f"data/x_2019010{day}.tif", day)
    return tmp_path / "data"


NAMING = Naming(filename_regex=r"x_(?P<date>\d{8})")


def test_index_and_files_may_be_moved_together(folder, tmp_path):
    save_scenes(folder / "index.parquet", scan(folder, NAMING))
    moved = folder.rename(tmp_path / "elsewhere")
    opened = SavedScenes(moved / "index.parquet")
    assert opened.stale() == []
    assert tuple(opened) == scan(moved, NAMING)
    assert pickle.loads(pickle.dumps(opened))[2] == opened[-1]


def test_what_changed_is_scanned_again_and_only_that(folder, raster, utm):
    path = save_scenes(folder / "index.parquet", scan(folder, NAMING))
    raster("data/x_20190102.tif", 5, utm[:20, 5:30])
    os.utime(folder / "x_20190102.tif", ns=(1, 1))
    opened, asked = SavedScenes(path), []

    def again(files):
        asked.extend(files)
        return scan(files, NAMING)

    assert opened.refreshed(again) == [1]
    assert asked == [str(folder / "x_20190102.tif")]
    assert tuple(opened) == scan(folder, NAMING)
    boxes, owners = opened.parts()
    changed = boxes[owners.tolist().index(1)]
    assert changed.bounds == footprint(utm[:20, 5:30]).bounds
    assert pickle.loads(pickle.dumps(opened))[1].grid == utm[:20, 5:30]


def test_files_that_are_gone_are_named(folder):
    path = save_scenes(folder / "index.parquet", scan(folder, NAMING))
    (folder / "x_20190103.tif").unlink()
    with pytest.raises(DatasetError, match=r"1 of 3 files .* are gone, such as .*x_20190103\.tif"):
        SavedScenes(path).stale()


def test_a_file_with_other_bands_is_no_longer_the_scene(folder, raster):
    path = save_scenes(folder / "index.parquet", scan(folder, NAMING))
    raster("data/x_20190102.tif", 5, bands=3)
    with pytest.raises(DatasetError, match="no longer gives scene"):
        SavedScenes(path).refreshed(lambda files: scan(files, NAMING))


def test_what_is_no_index_says_so(tmp_path, utm):
    Path(tmp_path / "a.parquet").write_text("?")
    with pytest.raises(DatasetError, match=r"a\.parquet is no readable index"):
        SavedScenes(tmp_path / "a.parquet")
    gpd.GeoDataFrame(geometry=[footprint(utm)]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match="no scenes as this version writes them"):
        SavedScenes(tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match="no scenes to save"):
        save_scenes(tmp_path / "c.parquet", [])


class TestDatasets:
    regex = NAMING.filename_regex

    def opened(self, folder, **options):
        index = folder / "index.parquet"
        return RasterDataset(folder, filename_regex=self.regex, index=index, **options)

    def test_the_first_dataset_saves_what_the_next_one_opens(self, folder, utm, monkeypatch):
        scanned = self.opened(folder)
        monkeypatch.setattr("geoloom.datasets.raster.scan", None)
        kept = self.opened(folder)
        assert isinstance(kept.scenes, SavedScenes)
        assert tuple(kept.scenes) == tuple(scanned.scenes)
        assert kept == scanned
        assert kept.regions == scanned.regions
        for when in ("2019-01-02", "2019-01"):
            query = Query(utm[5:20, 7:30], Interval.of(when))
            assert (kept[query]["image"] == scanned[query]["image"]).all()

    def test_a_changed_file_is_read_as_it_is_now(self, folder, raster, utm, caplog):
        self.opened(folder)
        raster("data/x_20190102.tif", 77, utm[:20, 5:30])
        os.utime(folder / "x_20190102.tif", ns=(1, 1))
        with caplog.at_level("INFO"):
            kept = self.opened(folder)
        assert "1 of them scanned again" in caplog.text
        assert kept[Query(utm[:5, 5:10], Interval.of("2019-01-02"))]["image"].max() == 77

    def test_some_bands_of_an_index(self, raster, tmp_path, utm):
        raster("data/x_20190101.tif", 1, bands=3)
        whole = self.opened(tmp_path / "data")
        one = self.opened(tmp_path / "data", bands=["2"])
        assert [a.index for a in one.scenes[0].assets] == [2]
        assert len(whole.bands) == 3
        assert pickle.loads(pickle.dumps(one)).bands == one.bands
        with pytest.raises(BandError, match=r"index\.parquet has no band '7'"):
            self.opened(tmp_path / "data", bands=["7"])
