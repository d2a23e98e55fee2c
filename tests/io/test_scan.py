"""Files to scenes: grouping, dates, declared bands, and what is said when something is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, DatasetError, ReadError
from geoloom.core.interval import Interval
from geoloom.io.access.naming import Naming, interval_from
from geoloom.io.headers.scan import find_files, scan

PER_BAND = Naming(
    filename_regex=r"(?P<tile>T\d+)_(?P<date>\d{8})_(?P<band>B\w+?)(?:_(?P<resolution>\d+m))?\.tif",
    separate_files=True,
)
BANDS = (Band("B2", "blue"), Band("B10", "cirrus", nodata=0, scale=0.5))


def write(path, *, count=1, res=30.0, crs="EPSG:32622", descriptions=None, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=3, count=count, dtype="int16", crs=crs,
        transform=Affine(res, 0, 5e5, 0, -res, 9e6), **profile,
    ) as target:  # fmt: skip
        target.write(np.ones((count, 3, 4), "int16"))
        target.descriptions = descriptions or [None] * count
    return path


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("2019", "%Y", "2019"),
        ("201902", "%Y%m", "2019-02"),
        ("2019-02-28", "%Y-%m-%d", "2019-02-28"),
        ("2019059", "%Y%j", "2019-02-28"),
    ],
)
def test_a_date_covers_the_time_that_its_format_gives(text, date_format, expected):
    assert interval_from(text, date_format) == Interval.of(expected)


def test_a_date_with_a_time_covers_a_second_in_utc():
    found = interval_from("20190228T101559", "%Y%m%dT%H%M%S")
    assert found.start == datetime(2019, 2, 28, 10, 15, 59, tzinfo=UTC)
    assert (found.stop - found.start).total_seconds() == 1


def test_a_stop_date_is_in_the_interval():
    naming = Naming(filename_regex=r"(?P<start>\d{8})_(?P<stop>\d{8})")
    assert naming.parse("20190101_20190116.tif").when == Interval.of(("2019-01-01", "2019-01-16"))


def test_an_impossible_date_names_the_file_and_the_format():
    with pytest.raises(DatasetError, match=r"'20191301\.tif' with date_format '%Y%m%d'"):
        Naming(filename_regex=r"(?P<date>\d{8})").parse("20191301.tif")


def test_a_naming_that_cannot_work_is_refused():
    with pytest.raises(DatasetError, match="not a regular expression"):
        Naming(filename_regex="(")
    with pytest.raises(DatasetError, match=r"\(\?P<band>"):
        Naming(separate_files=True)


def test_bands_of_one_scene_are_gathered_and_put_in_order(tmp_path):
    for date in ("20190101", "20200101"):
        for band in ("B10", "B2"):
            write(tmp_path / f"T1_{date}_{band}.tif")
    older, newer = scan(tmp_path, PER_BAND, bands=BANDS)
    assert (older.when, newer.when) == (Interval.of("2019-01-01"), Interval.of("2020-01-01"))
    assert [b.name for b in older.bands] == ["B2", "B10"]
    assert [a.uri[-6:] for a in older.assets] == ["B2.tif", "10.tif"]
    assert older.bands[1] == BANDS[1]
    (only,) = scan(tmp_path / "T1_20190101_B10.tif", PER_BAND, bands=BANDS, wanted=["B10"])
    assert [b.name for b in only.bands] == ["B10"]


def test_undeclared_bands_are_sorted_by_number(tmp_path):
    for band in ("B10", "B2", "B1"):
        write(tmp_path / f"T1_20190101_{band}.tif")
    (scene,) = scan(tmp_path, PER_BAND)
    assert [b.name for b in scene.bands] == ["B1", "B2", "B10"]


def test_of_several_resolutions_the_finest_is_taken_and_gives_the_grid(tmp_path):
    write(tmp_path / "R20" / "T1_20190101_B2_20m.tif", res=20.0)
    write(tmp_path / "R10" / "T1_20190101_B2_10m.tif", res=10.0)
    write(tmp_path / "R60" / "T1_20190101_B10_60m.tif", res=60.0)
    (scene,) = scan(tmp_path, PER_BAND, bands=BANDS)
    assert scene.assets[0].uri.endswith("B2_10m.tif")
    assert scene.grid.resolution.x == 10


def test_same_names_in_two_folders_are_two_scenes(tmp_path):
    naming = Naming(filename_regex=r"(?P<band>B\d+)\.tif", separate_files=True)
    for folder in ("a", "b"):
        write(tmp_path / folder / "B2.tif")
    assert len(scan(tmp_path, naming)) == 2


def test_what_the_file_says_wins_over_what_the_provider_declares(tmp_path):
    band = Band("B", nodata=0, scale=0.1, offset=1.0)
    (declared,) = scan(write(tmp_path / "plain.tif"), Naming(), bands=[band])
    assert declared.bands == (band,)
    path = write(tmp_path / "declared.tif", nodata=-9)
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = (2.0,), (3.0,)
    (scene,) = scan(path, Naming(), bands=[band])
    assert (scene.bands[0].nodata, scene.bands[0].scale, scene.bands[0].offset) == (-9, 2.0, 3.0)


def test_band_names_are_the_descriptions_and_roles_are_recognised(tmp_path):
    write(tmp_path / "a.tif", count=2, descriptions=["Red", "ndvi"])
    (scene,) = scan(tmp_path, Naming())
    assert scene.bands == (Band("Red", role="red"), Band("ndvi"))
    (one,) = scan(tmp_path, Naming(), wanted=["ndvi"])
    assert [a.index for a in one.assets] == [2]


def test_folders_files_patterns_and_lists_find_the_same(tmp_path):
    paths = [str(write(tmp_path / "x" / name)) for name in ("a.tif", "b.tif")]
    (tmp_path / "x" / "a.tif.aux.xml").write_text("")
    assert find_files(tmp_path) == find_files(str(tmp_path / "**" / "*.tif")) == tuple(paths)
    assert find_files([*paths, tmp_path]) == tuple(paths)


def test_the_glob_holds_for_files_and_patterns_too(tmp_path):
    paths = [str(write(tmp_path / name)) for name in ("a1.tif", "b1.tif")]
    assert find_files(paths, "b*") == (paths[1],)
    assert find_files(str(tmp_path / "*.tif"), "a*") == (paths[0],)
    with pytest.raises(DatasetError, match=r"matches filename_glob 'c\*'"):
        find_files(paths, "c*")


def test_nothing_found_says_where_and_what_is_there(tmp_path):
    write(tmp_path / "LC08_x.tif")
    with pytest.raises(
        DatasetError, match=r"'LE07_\*'.*1 other files are there, such as 'LC08_x.tif'"
    ):
        find_files(tmp_path, "LE07_*")
    with pytest.raises(DatasetError, match=r"does not exist.*did you mean"):
        find_files(str(tmp_path) + "_")
    with pytest.raises(
        DatasetError, match=r"none matches filename_regex '\^Q'; the first is 'LC08_x"
    ):
        scan(tmp_path, Naming(filename_regex="^Q"))


def test_missing_bands_are_named_with_their_scene(tmp_path):
    write(tmp_path / "T1_20190101_B2.tif")
    write(tmp_path / "T1_20190101_B10.tif")
    write(tmp_path / "T1_20200101_B2.tif")
    with pytest.raises(DatasetError, match=r"T1_20200101_\*\.tif lacks the bands B10"):
        scan(tmp_path, PER_BAND, bands=BANDS)
    assert len(scan(tmp_path, PER_BAND, bands=BANDS, wanted=["B2"])) == 2
    with pytest.raises(BandError, match="'B20'; did you mean 'B2'"):
        scan(tmp_path, PER_BAND, bands=BANDS, wanted=["B20"])


def test_a_declared_band_that_no_scene_has_is_an_error_unless_others_are_asked_for(tmp_path):
    write(tmp_path / "T1_20190101_B2.tif")
    with pytest.raises(DatasetError, match=r"lacks the bands B10: .* with bands=\['B2'\]"):
        scan(tmp_path, PER_BAND, bands=BANDS)
    for choice in ({"wanted": ["B2"]}, {"optional": ["B10"]}):
        (scene,) = scan(tmp_path, PER_BAND, bands=BANDS, **choice)
        assert [b.name for b in scene.bands] == ["B2"]


def test_the_siblings_of_the_files_that_the_glob_takes_are_found(tmp_path):
    """The usual way of subclasses elsewhere: the glob takes one band of each scene."""
    for date in ("20190101", "20190202"):
        for band in ("B2", "B3", "B10"):
            write(tmp_path / f"T1_{date}_{band}_10m.tif")
            write(tmp_path / f"T1_{date}_{band}_10m.tif.ovr")
    write(tmp_path / "T1_00000000_B3_10m.tif")  # of no scene, and no date
    naming = Naming("T*_B2_10m.tif", r"T\d_(?P<date>\d{8})_(?P<band>B\d+)_10m", separate_files=True)
    declared = (*BANDS, Band("B3", "green"))
    for place in (tmp_path, tmp_path / "T1_*", sorted(tmp_path.glob("*_B2_10m.tif"))):
        first, second = scan(place, naming, bands=declared)
        assert [b.name for b in first.bands] == ["B2", "B10", "B3"]
        assert [a.uri.rpartition("_2019")[2] for a in second.assets] == [
            "0202_B2_10m.tif", "0202_B10_10m.tif", "0202_B3_10m.tif",
        ]  # fmt: skip
    (tmp_path / "T1_20190202_B3_10m.tif").unlink()
    with pytest.raises(DatasetError, match=r"T1_20190202_\*_10m\.tif lacks the bands B3"):
        scan(tmp_path, naming, bands=declared)


def test_linked_folders_are_looked_through_once(tmp_path):
    write(tmp_path / "far" / "deep" / "a.tif")
    write(tmp_path / "near" / "b.tif")
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "near" / "again").symlink_to(tmp_path / "near")
    (tmp_path / "far" / "deep" / "back").symlink_to(tmp_path / "near")
    expected = (str(tmp_path / "near" / "b.tif"), str(tmp_path / "near/link/deep/a.tif"))
    assert find_files(tmp_path / "near") == expected
    assert find_files(str(tmp_path / "near" / "**" / "*.tif")) == expected
    assert find_files(str(tmp_path / "*" / "*.tif")) == expected[:1]


def test_a_name_that_exists_is_no_pattern(tmp_path):
    path = write(tmp_path / "[2019] *?" / "s" / "a[1].tif")
    folder = path.parent.parent
    for place in (path, folder, folder / "s", f"{folder}/*/a*.tif", f"{folder}/**/*.tif"):
        assert find_files(place) == (str(path),)


def test_files_that_cannot_be_read_are_left_out_where_that_is_asked_for(tmp_path, caplog):
    for number in range(6):
        write(tmp_path / f"{number}.tif")
    (tmp_path / "2.tif").write_bytes(b"II*\0")
    (tmp_path / "4.tif").write_bytes(b"")
    with pytest.raises(ReadError, match=r"2\.tif is not a raster"):
        scan(tmp_path, Naming())
    calls = []
    scenes = scan(
        tmp_path,
        Naming(),
        on_error="skip",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert [s.name for s in scenes] == ["0", "1", "3", "5"]
    assert calls[-1] == (6, 6)
    assert re.search(
        r"2 of 6 files cannot be read and are left out .*2\.tif is not a ", caplog.text
    )
    for number in (0, 1, 3, 5):
        (tmp_path / f"{number}.tif").unlink()
    with pytest.raises(ReadError, match=r"2\.tif is not a raster"):
        scan(tmp_path, Naming(), on_error="skip")


def test_a_scene_of_which_a_band_cannot_be_read_is_left_out_whole(tmp_path, caplog):
    for date in ("20190101", "20200101"):
        for band in ("B10", "B2"):
            write(tmp_path / f"T1_{date}_{band}.tif")
    (tmp_path / "T1_20190101_B10.tif").write_bytes(b"II*\0")
    (scene,) = scan(tmp_path, PER_BAND, bands=BANDS, on_error="skip")
    assert scene.when == Interval.of("2020-01-01")
    assert "1 of 2 scenes are left out" in caplog.text


def test_headers_of_many_files_hold_no_descriptors(tmp_path):
    """Each file is of a kind of its own, so that GDAL opens all of them."""
    for number in range(150):
        write(tmp_path / f"{number}.tif", res=30.0, descriptions=[f"d{number}"])
    code = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        from geoloom.io.headers.scan import read_headers
        uris = [r"{tmp_path}/" + f"{{n}}.tif" for n in range(150)]
        print(len(read_headers(uris)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "150", done.stderr


def test_files_that_disagree_are_distinguished(tmp_path):
    write(tmp_path / "a.tif", count=1)
    write(tmp_path / "b.tif", count=2)
    with pytest.raises(DatasetError, match=r"a\.tif has 1 and .*b\.tif has 1, 2"):
        scan(tmp_path, Naming())
    with pytest.raises(DatasetError, match=r"a\.tif has 1 bands, expected the 2 bands B2, B10"):
        scan(tmp_path / "a.tif", Naming(), bands=BANDS)


def test_a_file_without_a_crs_needs_one(tmp_path):
    write(tmp_path / "a.tif", crs=None)
    with pytest.raises(ReadError, match="CRS"):
        scan(tmp_path, Naming())
    (scene,) = scan(tmp_path, Naming(), crs="EPSG:32622")
    assert scene.grid.crs == "EPSG:32622"


def test_progress_and_rate_are_reported(tmp_path, caplog):
    for number in range(70):
        write(tmp_path / f"{number}.tif")
    calls = []
    with caplog.at_level("INFO"):
        scan(tmp_path, Naming(), progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (70, 70)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert re.search(r"70 headers read in \d+\.\d\d s: \d+ files/s", caplog.text)


def test_a_damaged_file_among_many_is_named(tmp_path):
    for number in range(40):
        write(tmp_path / f"{number}.tif")
    (tmp_path / "7.tif").write_bytes(b"II*\0")
    with pytest.raises(ReadError, match=r"7\.tif is not a raster that GDAL can read"):
        scan(tmp_path, Naming())


@pytest.mark.shared
def test_sixteen_day_composites_have_their_intervals(shared_data):
    naming = Naming(
        filename_regex=r".*_(?P<start>\d{4}-\d\d-\d\d)_(?P<stop>\d{4}-\d\d-\d\d)_NDVI",
        date_format="%Y-%m-%d",
    )
    scenes = scan(shared_data / "cbers_timeseries", naming)
    assert len(scenes) == 23
    assert scenes[0].when == Interval.of(("2018-08-29", "2018-09-13"))
    assert all(a.when.stop <= b.when.start for a, b in pairwise(scenes))
    assert {b.nodata for s in scenes for b in s.bands} == {-9999}
