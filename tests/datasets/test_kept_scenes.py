"""A kept index gives what a scan would give now, and scans no more than it must."""

from __future__ import annotations

import os
import pickle
import shutil
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.errors import BandError, DatasetError, ReadError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.datasets import raster as raster_module
from geoloom.datasets.scenes import cached as kept
from geoloom.datasets.scenes.table import SavedScenes, save_scenes

REGEX = r"x_(?P<date>\d{8})"
PER_BAND = {
    "filename_regex": r"s(?P<date>\d{4})_(?P<band>B\d)(?:_(?P<resolution>\d+m))?\.tif",
    "date_format": "%Y",
    "separate_files": True,
}


@pytest.fixture
def folder(raster, tmp_path):
    for day in (1, 2, 3):
        raster(f"data/x_2019010{day}.tif", day)
    return tmp_path / "data"


@pytest.fixture
def scanned(monkeypatch):
    """The names of the files that were scanned, listed as they are."""
    asked = []
    true_scan = raster_module.scan

    def watched(paths, *rest, **options):
        scenes = true_scan(paths, *rest, **options)
        asked.extend(sorted({os.path.basename(a.uri) for s in scenes for a in s.assets}))
        return scenes

    monkeypatch.setattr(raster_module, "scan", watched)
    return asked


def opened(folder, index=True, **options):
    return RasterDataset(folder, index=index, **{"filename_regex": REGEX, **options})


def touch(path):
    """As if it were written in place: the folder does not change."""
    os.utime(path, ns=(1, 1))


def test_the_first_dataset_saves_what_the_next_one_opens(folder, utm, scanned):
    first = opened(folder)
    del scanned[:]
    kept_one = opened(folder)
    assert not scanned
    assert isinstance(kept_one.scenes, SavedScenes)
    assert tuple(kept_one.scenes) == tuple(first.scenes)
    assert kept_one == first
    assert kept_one.regions == first.regions
    for when in ("2019-01-02", "2019-01"):
        query = Query(utm[5:20, 7:30], Interval.of(when))
        assert (kept_one[query]["image"] == first[query]["image"]).all()


def test_beside_the_data_in_the_cache_or_where_one_says(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
    opened(folder)
    opened(folder, "cache")
    opened(folder, tmp_path / "own" / "scenes.parquet")
    assert len(list((folder / ".geoloom").glob("rasterdataset-*.parquet"))) == 1
    assert len(list((tmp_path / "cache" / "scenes").glob("rasterdataset-*.parquet"))) == 1
    assert (tmp_path / "own" / "scenes.parquet").exists()


def test_the_cache_lies_where_the_platform_has_it(folder, monkeypatch, tmp_path):
    """Of the user that runs the tests, in a home of its own."""
    monkeypatch.delenv("GEOLOOM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "home"))
    places = {"win32": "geoloom", "darwin": "Library/Caches/geoloom"}
    expected = tmp_path / "home" / places.get(sys.platform, ".cache/geoloom")
    assert kept.cache_folder() == expected
    opened(folder, "cache")
    assert len(list((expected / "scenes").glob("rasterdataset-*.parquet"))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="known on Unix alone")
def test_variables_name_the_cache(folder, scanned, monkeypatch, tmp_path):
    monkeypatch.delenv("GEOLOOM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    opened(folder, "cache")
    assert len(list((tmp_path / "xdg" / "geoloom" / "scenes").iterdir())) == 1
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "own"))  # before the platform's
    opened(folder, "cache")
    assert len(list((tmp_path / "own" / "scenes").iterdir())) == 1
    del scanned[:]
    opened(folder, "cache")
    assert not scanned


def test_a_cache_that_cannot_be_written_is_done_without(folder, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "file"))
    assert len(opened(folder, "cache").scenes) == 3
    assert f"no index can be kept at {tmp_path / 'file'}" in caplog.text


def test_other_data_other_options_and_other_bands_have_files_of_their_own(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
    shutil.copytree(folder, tmp_path / "data2")
    for given_folder, options in [
        (folder, {}),
        (folder, {"assume_crs": "EPSG:32634"}),
        (folder, {"bands": ["1"]}),
        (tmp_path / "data2", {}),
    ]:
        opened(given_folder, "cache", **options)
        opened(given_folder, "cache", **options)
    assert len(list((tmp_path / "cache" / "scenes").iterdir())) == 4


def test_what_comes_is_scanned_alone(folder, raster, utm, scanned, caplog):
    opened(folder)
    del scanned[:]
    raster("data/x_20181231.tif", 9)
    raster("data/sub/x_20190102.tif", 8, utm[:20, 5:30])
    with caplog.at_level("INFO"):
        now = opened(folder)
    assert scanned == ["x_20181231.tif", "x_20190102.tif"]
    assert "5 scenes from" in caplog.text
    assert "2 of them scanned again" in caplog.text
    assert tuple(now.scenes) == tuple(RasterDataset(folder, filename_regex=REGEX).scenes)
    assert now[Query(utm[:5, 5:10], Interval.of("2018-12-31"))]["image"].max() == 9
    del scanned[:]
    opened(folder)
    assert not scanned


def test_what_went_is_forgotten(folder, scanned):
    opened(folder)
    del scanned[:]
    (folder / "x_20190102.tif").unlink()
    now = opened(folder)
    assert [s.name for s in now.scenes] == ["x_20190101", "x_20190103"]
    assert not scanned


def test_what_changed_in_place_is_scanned_again_and_only_that(folder, raster, utm, scanned):
    opened(folder)
    del scanned[:]
    raster("data/x_20190102.tif", 77, utm[:20, 5:30])
    touch(folder / "x_20190102.tif")
    now = opened(folder)
    assert scanned == ["x_20190102.tif"]
    assert now.scenes[1].grid == utm[:20, 5:30]
    assert now[Query(utm[:5, 5:10], Interval.of("2019-01-02"))]["image"].max() == 77


def test_other_files_that_come_and_the_index_itself_are_no_change(folder, monkeypatch):
    index = folder / "scenes.parquet"
    opened(folder, index)
    monkeypatch.setattr(kept, "scene_names", None)  # the files need not even be listed
    assert isinstance(opened(folder, index).scenes, SavedScenes)
    monkeypatch.undo()
    (folder / "readme.txt").write_text("new")
    monkeypatch.setattr(raster_module, "scan", None)
    assert len(opened(folder, index).scenes) == 3


def test_an_index_beside_the_data_is_no_data(folder):
    opened(folder)
    with pytest.raises(DatasetError, match="no file at"):
        VectorDataset(folder, filename_glob="*.parquet")
    with pytest.raises(DatasetError, match="no file at"):
        VectorDataset(str(folder / "**" / "*.parquet"))


def test_index_and_data_may_be_moved_together(folder, tmp_path, scanned):
    opened(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    del scanned[:]
    now = opened(moved)
    assert not scanned
    assert now.scenes[0].assets[0].uri == str(moved / "x_20190101.tif")
    assert pickle.loads(pickle.dumps(now)).scenes[2] == now.scenes[2]


def test_options_that_change_the_scan_make_an_index_stale(folder, raster, tmp_path, caplog):
    index = tmp_path / "scenes.parquet"
    raster("data/y_20190101.tif", 4)
    assert len(opened(folder, index).scenes) == 3
    with caplog.at_level("INFO"):
        assert len(opened(folder, index, filename_regex=".*").scenes) == 4
    assert "other paths or options" in caplog.text
    assert opened(folder, index).scenes[0].when == Interval.of("2019-01-01")
    assert len(opened(folder / "x_20190101.tif", index).scenes) == 1


class TestBands:
    def test_some_of_an_index_of_all(self, raster, tmp_path, scanned):
        raster("data/x_20190101.tif", 1, bands=3)
        index = tmp_path / "scenes.parquet"
        whole = opened(tmp_path / "data", index)
        del scanned[:]
        one = opened(tmp_path / "data", index, bands=["2"])
        assert not scanned
        assert [a.index for a in one.scenes[0].assets] == [2]
        assert len(whole.bands) == 3
        assert pickle.loads(pickle.dumps(one)).bands == one.bands
        with pytest.raises(BandError, match=r"scenes\.parquet has no band '7'"):
            opened(tmp_path / "data", index, bands=["7"])

    def test_others_chosen_later_stay_in_the_index(self, raster, tmp_path):
        for day in (1, 2):
            raster(f"data/x_2019010{day}.tif", day, bands=3)
        opened(tmp_path / "data")
        some = opened(tmp_path / "data").with_bands(["3", "1"])
        assert isinstance(some.scenes, SavedScenes)
        scanned = RasterDataset(tmp_path / "data", filename_regex=REGEX).with_bands(["3", "1"])
        assert tuple(some.scenes) == tuple(scanned.scenes)
        assert pickle.loads(pickle.dumps(some)).bands == scanned.bands

    def test_all_of_an_index_of_some_are_scanned_again(self, raster, tmp_path):
        raster("data/x_20190101.tif", 1, bands=3)
        index = tmp_path / "scenes.parquet"
        opened(tmp_path / "data", index, bands=["3", "2"])
        assert [b.name for b in opened(tmp_path / "data", index, bands=["2"]).bands] == ["2"]
        assert len(opened(tmp_path / "data", index).bands) == 3

    def test_what_changed_keeps_the_bands_wanted(self, raster, tmp_path, scanned):
        raster("data/x_20190101.tif", 1, bands=3)
        raster("data/x_20190102.tif", 1, bands=3)
        index = tmp_path / "scenes.parquet"
        opened(tmp_path / "data", index)
        touch(tmp_path / "data" / "x_20190102.tif")
        one = opened(tmp_path / "data", index, bands=["2"])
        assert [b.name for b in one.scenes[1].bands] == ["2"]
        assert len(opened(tmp_path / "data", index).scenes[1].bands) == 3

    def test_extra_bands_are_scanned_when_they_are_wanted(self, raster, tmp_path):
        class Odd(RasterDataset):
            filename_regex = PER_BAND["filename_regex"]
            date_format, separate_files = "%Y", True
            all_bands = (Band("B1"),)
            extra_bands = (Band("B2"),)

        for band in ("B1", "B2"):
            raster(f"data/s2019_{band}.tif", 1)
        index = tmp_path / "scenes.parquet"
        for wanted in (None, ["B2", "B1"], None):
            dataset = Odd(tmp_path / "data", index=index, bands=wanted)
            assert [b.name for b in dataset.bands] == (wanted or ["B1"])

    def test_a_band_that_comes_for_all_scenes_is_there(self, raster, tmp_path):
        for year in (2019, 2020):
            raster(f"data/s{year}_B1.tif", 1)
        assert len(opened(tmp_path / "data", **PER_BAND).bands) == 1
        for year in (2019, 2020):
            raster(f"data/s{year}_B2.tif", 1)
        assert [b.name for b in opened(tmp_path / "data", **PER_BAND).bands] == ["B1", "B2"]

    def test_a_band_that_went_is_missed_as_by_a_scan(self, raster, tmp_path):
        for year in (2019, 2020):
            for band in ("B1", "B2"):
                raster(f"data/s{year}_{band}.tif", 1)
        opened(tmp_path / "data", **PER_BAND)
        (tmp_path / "data" / "s2020_B2.tif").unlink()
        with pytest.raises(DatasetError, match=r"s2020_\*\.tif lacks the bands B2"):
            opened(tmp_path / "data", **PER_BAND)


def test_an_index_that_cannot_be_written_is_done_without(
    folder, raster, tmp_path, caplog, monkeypatch
):
    (tmp_path / "file").write_text("")
    assert len(opened(folder, tmp_path / "file" / "scenes.parquet").scenes) == 3
    assert "no index can be kept" in caplog.text
    index = tmp_path / "scenes.parquet"
    opened(folder, index)
    raster("data/x_20190104.tif", 4, bands=1)

    def refused(self, *asked):
        raise PermissionError("read-only")

    monkeypatch.setattr(SavedScenes, "rewrite", refused)
    assert [s.name[-1] for s in opened(folder, index, bands=["1"]).scenes] == ["1", "2", "3", "4"]
    assert "cannot be brought up to date: read-only" in caplog.text


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "older", "record"])
def test_a_damaged_index_is_made_again(folder, tmp_path, caplog, damage, monkeypatch):
    index = tmp_path / "scenes.parquet"
    if damage == "older":
        monkeypatch.setattr("geoloom.datasets.scenes.table_rows.VERSION", 1)
    expected = tuple(opened(folder, index).scenes)
    monkeypatch.undo()
    data = bytearray(index.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[len(data) // 8 : len(data) // 8 + 40] = bytes(40)
    elif damage == "emptied":
        data = bytearray()
    elif damage == "record":
        save_scenes(index, expected, {**SavedScenes(index).record, "folders": 3})
        data = index.read_bytes()
    index.write_bytes(data)
    assert tuple(opened(folder, index).scenes) == expected
    assert "again" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        assert tuple(opened(folder, index).scenes) == expected
    assert "none of them scanned again" in caplog.text


def test_what_is_no_index_by_its_name_is_left_alone(folder, tmp_path):
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    with pytest.raises(DatasetError, match=r"notes\.txt is not a readable index"):
        opened(folder, mine)
    assert mine.read_text() == "mine"


def test_files_that_cannot_be_read_stay_left_out(folder, raster, tmp_path, caplog):
    index = tmp_path / "scenes.parquet"
    (folder / "x_20190102.tif").write_bytes(b"II*\0")
    for _ in range(2):
        assert len(opened(folder, index, on_error="skip").scenes) == 2
    (folder / "x_20190103.tif").write_bytes(b"II*\0")
    assert len(opened(folder, index, on_error="skip").scenes) == 1
    with pytest.raises(ReadError, match="is not a raster"):
        opened(folder, index)


def test_a_file_that_comes_in_a_linked_folder_is_noticed(folder, raster, tmp_path):
    index = tmp_path / "scenes.parquet"
    raster("far/x_20190104.tif", 4)
    (folder / "link").symlink_to(tmp_path / "far")
    assert len(opened(folder, index).scenes) == 4
    raster("far/x_20190105.tif", 5)
    assert len(opened(folder, index).scenes) == 5


@pytest.mark.parametrize("record", [None, {"question": "of a catalogue"}])
def test_an_index_that_no_scan_made_is_left_alone(folder, tmp_path, record):
    index = save_scenes(tmp_path / "mine.parquet", opened(folder, None).scenes, record)
    before = index.read_bytes()
    with pytest.raises(
        DatasetError, match=r"mine\.parquet does not record how its scenes were found"
    ):
        opened(folder, index)
    assert index.read_bytes() == before


def test_beside_remote_data_is_nowhere():
    with pytest.raises(DatasetError, match="some of it is remote; give a file, or index='cache'"):
        RasterDataset("/vsicurl/https://example.org/a.tif", index=True)


NAMES = [f"s{year}_{rest}.tif" for year in (2018, 2019) for rest in ("B1", "B1_20m", "B2", "B2_9m")]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "drop", "touch", "nothing"]),
        st.sampled_from(["", "a/", "a/b/"]),
        st.sampled_from(NAMES),
        st.sampled_from([10.0, 30.0]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20)
@given(steps=STEPS, paths=st.sampled_from(["", "**/*.tif", "*/s*.tif"]))
def test_whatever_comes_or_goes_it_is_what_a_scan_gives(
    raster, tmp_path_factory, utm, steps, paths
):
    """Step by step, with bands in files of their own and copies of several resolutions."""
    root = tmp_path_factory.mktemp("steps")
    (root / "data" / "a" / "b").mkdir(parents=True)
    where = os.path.join(root / "data", paths) if paths else root / "data"

    def scenes(**options):
        try:
            return tuple(RasterDataset(where, bands=["B1"], **PER_BAND, **options).scenes)
        except DatasetError as error:
            return str(error).split(";")[0]

    for number, (what, inside, name, res) in enumerate(steps):
        path = root / "data" / inside / name
        if what == "put":
            raster(path, number, utm.zoom_to(resolution=res)[:9, :9])
        elif what == "drop":
            path.unlink(missing_ok=True)
        elif what == "touch" and path.exists():
            os.utime(path, ns=(number, number))
        assert scenes(index=root / "scenes.parquet") == scenes()


def test_files_opened_by_what_they_are_are_kept_as_well(folder, raster, scanned):
    first = gl.open(folder, filename_regex=REGEX, index=True)
    del scanned[:]
    assert tuple(gl.open(folder, filename_regex=REGEX, index=True).scenes) == tuple(first.scenes)
    assert not scanned
    raster("data/x_20190104.tif", 4)
    assert len(gl.open(folder, filename_regex=REGEX, index=True).scenes) == 4
    assert scanned == ["x_20190104.tif"]


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names there are text")
def test_files_whose_names_are_no_text_are_scanned_each_time(folder, utm, caplog):
    index = folder.parent / "index.parquet"
    RasterDataset(folder, index=index)
    shutil.copy(folder / "x_20190101.tif", os.fsdecode(os.fsencode(folder) + b"/\xff.tif"))
    for path in (index, folder.parent / "another.parquet"):
        dataset = RasterDataset(folder, index=path)
        assert len(dataset.scenes) == 4
        assert (dataset[utm]["valid"]).all()
    assert "cannot be brought up to date" in caplog.text
    assert "no index can be kept" in caplog.text


@pytest.mark.parametrize("place", [3, 0, ["a"], 1.5])
def test_a_place_that_is_none_is_refused(folder, place):
    with pytest.raises(DatasetError, match=r"index is .*give True, 'cache', or the file"):
        RasterDataset(folder, index=place)
