"""Scenes saved and opened again: equal, compared with their files, and readable by others."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.bands import Band
from geoloom.core.errors import DatasetError
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.outline import footprint
from geoloom.core.query import Asset, Scene
from geoloom.datasets.scenes.table import SavedScenes, save_scenes
from geoloom.io.access.naming import Naming
from geoloom.io.headers.scan import scan
from geoloom.testing import strategies as some

REMOTE = "/vsicurl/https://example.org/a.tif"


BANDS = (Band("b", "red", 0.66, 30.0, "K", 0.1, -1.0, -9.0),)


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


def test_what_changed_or_went_is_reported(folder, raster):
    path = save_scenes(folder / "index.parquet", scan(folder, NAMING))
    assert SavedScenes(path).stale() == []
    raster("data/x_20190102.tif", 5, bands=2)
    (folder / "x_20190103.tif").unlink()
    assert SavedScenes(path).stale() == [1, 2]


def test_an_index_is_rewritten_from_rows_and_scenes(folder, utm):
    first = scan(folder, NAMING)
    path = save_scenes(folder / "index.parquet", first, {"made": "once"})
    opened = SavedScenes(path)
    other = scene(utm[:9, :9], name="other", bands=(Band("y"), *BANDS))
    opened.rewrite([2, other, 0], {"made": "twice"})
    again = SavedScenes(path)
    assert tuple(again) == (first[2], other, first[0])
    assert [s.footprint for s in again] == [first[2].footprint, other.footprint, first[0].footprint]
    assert (opened.record, again.record) == ({"made": "once"}, {"made": "twice"})
    assert again.stale() == []


def test_an_opened_index_stays_what_it_was_when_the_file_is_replaced(folder, utm):
    path = save_scenes(folder / "index.parquet", scan(folder, NAMING))
    opened = SavedScenes(path)
    save_scenes(path, [scene(utm[:9, :9])])
    assert opened[1].footprint.equals(footprint(utm))
    assert len(SavedScenes(path)) == 1


def test_writers_and_readers_at_once_never_meet_half_an_index(tmp_path, utm):
    path = tmp_path / "index.parquet"
    lists = [[scene(utm, name=str(n))] * (1 + 40 * n) for n in range(4)]
    save_scenes(path, lists[0])

    def work(turn):
        save_scenes(path, lists[turn % 4])
        opened = SavedScenes(path)
        return len(opened) == 1 + 40 * int(opened[0].name)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(60)))
    assert [p.name for p in tmp_path.iterdir()] == ["index.parquet"]


def test_what_is_no_index_says_so(tmp_path, utm):
    Path(tmp_path / "a.parquet").write_text("?")
    with pytest.raises(DatasetError, match=r"a\.parquet is not a readable index"):
        SavedScenes(tmp_path / "a.parquet")
    gpd.GeoDataFrame(geometry=[footprint(utm)]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match="no scenes as this version writes them"):
        SavedScenes(tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match="no scenes to save"):
        save_scenes(tmp_path / "c.parquet", [])
