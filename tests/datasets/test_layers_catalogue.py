"""The layers of the catalogue: small files, named and laid out as their providers document them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox

import geoloom.datasets
from geoloom.cli.app import app
from geoloom.core.errors import DatasetError, ReadError
from geoloom.core.interval import Interval
from geoloom.datasets import (
    CDL,
    Chesapeake,
    ChesapeakeDC,
    ChesapeakeDE,
    GeoDataset,
    get_benchmark,
    get_dataset,
    get_layer,
    list_datasets,
)
from geoloom.datasets.benchmarks.listing import DATASETS
from geoloom.testing.server import serving

ALBERS = GeoBox((40, 60), Affine(30, 0, 1_620_000, 0, -30, 1_930_020), "EPSG:5070")
LAYERS = list_datasets(kind="layer")


class TestKnown:
    @pytest.mark.parametrize("name", LAYERS)
    def test_each_is_declared_and_opened_by_a_public_class(self, name):
        layer = get_layer(name)
        opened = layer.dataset_class()
        assert layer.command == name
        assert getattr(geoloom.datasets, layer.name) is opened
        assert issubclass(opened, GeoDataset)
        assert layer.bands
        assert layer.home.startswith("https://")
        assert layer.files or layer.by_hand
        assert json.loads(json.dumps(layer.to_dict()))["kind"] == "layer"

    def test_addresses_and_checksums_are_those_of_the_reference(self, shared_data):
        told = (shared_data.parent / "reference" / "dataset_facts.json").read_text("utf-8")
        facts = json.loads(told)
        for layer in map(get_layer, LAYERS):
            for file in layer.files:
                assert file.checksum.removeprefix("md5:") in json.dumps(facts[layer.name])
        (cdl,) = get_layer("cdl").only(["2017"]).files
        assert cdl.address == facts["CDL"]["url"].format(2017)
        assert cdl.checksum == f"md5:{facts['CDL']['md5s']['2017']}"
        (de,) = get_layer("chesapeakede").only(["2018"]).files
        assert de.address == facts["Chesapeake"]["url"].format(state="de", year=2018)

    def test_both_kinds_are_listed_and_kept_apart(self):
        assert set(list_datasets()) == set(LAYERS) | set(list_datasets(kind="samples"))
        assert get_dataset("Landsat8") is get_layer("landsat8")
        with pytest.raises(DatasetError, match="CDL is a layer of the Earth"):
            get_benchmark("cdl")
        with pytest.raises(DatasetError, match="EuroSAT holds 27,000 numbered samples"):
            get_layer("eurosat")
        with pytest.raises(DatasetError, match="did you mean 'landsat8'"):
            get_dataset("landsat88")


CODES = np.repeat(np.array([0, 1, 5, 176], np.uint8), 15)[None].repeat(40, axis=0)
"""Outside the country, corn, soybeans, pasture: from left to right."""


@pytest.fixture
def cdl(raster, tmp_path):
    raster("cdl/2018_30m_cdls.tif", CODES, ALBERS)
    raster("cdl/2019_30m_cdls.tif", np.where(CODES == 1, 5, CODES).astype("uint8"), ALBERS)
    return tmp_path / "cdl"


class TestCDL:
    def test_codes_are_kept(self, cdl):
        sample = CDL(cdl, years=[2018])[ALBERS]
        np.testing.assert_array_equal(sample["mask"], CODES)
        np.testing.assert_array_equal(sample["valid"], CODES > 0)

    def test_years_are_chosen(self, cdl):
        assert {r.when for r in CDL(cdl).regions} == {Interval.of("2018"), Interval.of("2019")}
        (scene,) = CDL(cdl, years=[2019]).scenes
        assert scene.when == Interval.of("2019")
        assert CDL(cdl, years=[2018]) != CDL(cdl, years=[2019])
        with pytest.raises(DatasetError, match=r"CDL of 2020 is not at .*--part 2020"):
            CDL(cdl, years=[2018, 2020])
        with pytest.raises(DatasetError, match="years is 2018; give a list of years"):
            CDL(cdl, years=2018)

    @pytest.mark.parametrize(
        ("classes", "mask", "counted"),
        [
            ([5, 1], [0, 2, 1, 0], [False, True, True, False]),
            (["Soybeans", "Corn"], [0, 2, 1, 0], [False, True, True, False]),
            ([0, 5], [0, 0, 1, 0], [False, True, True, True]),
        ],
    )
    def test_classes_are_chosen(self, cdl, classes, mask, counted):
        dataset = CDL(cdl, years=[2018], classes=classes)
        sample = dataset[ALBERS]
        np.testing.assert_array_equal(sample["mask"][7, ::15], mask)
        np.testing.assert_array_equal(sample["valid"][7, ::15], counted)
        (batch,) = dataset.__getitems__([ALBERS])
        np.testing.assert_array_equal(batch["mask"], sample["mask"])
        assert dataset.as_stored()[ALBERS]["mask"].max() == max(mask)
        known = dict(zip(dataset.classes.codes, dataset.classes.names, strict=True))
        named = {1: "Soybeans"} if 0 in classes else {1: "Soybeans", 2: "Corn"}
        assert known == ({0: "other"} if 0 in classes else {}) | named
        assert dataset != CDL(cdl, years=[2018])

    @pytest.mark.parametrize(
        ("classes", "message"),
        [
            ([1, 7], "no class has the code 7"),
            (["corn"], "no class has the name 'corn'; did you mean 'Corn'"),
            ([1, 1], "names \\[1\\] twice"),
            ([], "names no class"),
        ],
    )
    def test_classes_that_there_are_not(self, cdl, classes, message):
        with pytest.raises(DatasetError, match=message):
            CDL(cdl, classes=classes)


def archived(folder, name, file):
    """A zip of one file, as a provider gives it away."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.write(file, file.name)
    return folder / name


@pytest.fixture
def given_away(cdl, tmp_path, monkeypatch):
    """The layer of 2018 and 2019 as given away on a server of this machine."""
    folder = tmp_path / "given"
    files = []
    with serving(tmp_path) as server:
        for year in (2018, 2019):
            path = archived(folder, f"{year}_30m_cdls.zip", cdl / f"{year}_30m_cdls.tif")
            (file,) = get_layer("cdl").only([str(year)]).files
            md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            address = server.address(f"given/{path.name}")
            files.append(replace(file, address=address, checksum=f"md5:{md5}"))
        here = replace(get_layer("cdl"), files=tuple(files))
        monkeypatch.setitem(DATASETS._entries, "cdl", here)
        yield server


class TestDownload:
    def test_the_years_named_are_fetched_once(self, given_away, tmp_path):
        root = tmp_path / "new"
        dataset = CDL(root, years=[2019], download=True)
        assert dataset[ALBERS]["mask"][0, 20] == 5
        assert sorted(p.name for p in root.glob("[!.]*.[tz]i[fp]")) == [
            "2019_30m_cdls.tif",
            "2019_30m_cdls.zip",
        ]
        CDL(root, years=[2019], download=True, checksum=True)
        assert given_away.requests("2019_30m_cdls.zip") == 1
        assert given_away.requests("2018_30m_cdls.zip") == 0
        assert len(CDL(root, years=[2018, 2019], download=True)) == 2

    def test_which_ones_has_to_be_said(self, given_away, tmp_path):
        with pytest.raises(DatasetError, match=r"comes in parts .* 2018, 2019 .*--part 2018"):
            CDL(tmp_path / "new", download=True)
        with pytest.raises(DatasetError, match="CDL has no part '1990'"):
            CDL(tmp_path / "new", years=[1990], download=True)
        with pytest.raises(DatasetError, match="give the one folder"):
            CDL(tmp_path / "cdl" / "2018_30m_cdls.tif", years=[2018], download=True)
        assert given_away.requests("cdls.zip") == 0

    def test_an_archive_that_lies_there_is_unpacked(self, given_away, tmp_path):
        assert len(CDL(tmp_path / "given")) == 2
        assert given_away.requests("cdls.zip") == 0

    def test_a_damaged_archive_is_named(self, given_away, tmp_path):
        path = tmp_path / "given" / "2018_30m_cdls.zip"
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(
            ReadError, match=r"2018_30m_cdls\.zip has the checksum md5:\w+, expected"
        ):
            CDL(tmp_path / "given", years=[2018], checksum=True)
        with pytest.raises(ReadError, match=r"2018_30m_cdls\.zip cannot be unpacked"):
            CDL(tmp_path / "given", years=[2018])
        # The other year is whole, but the folder is not: half a map might be taken for all of it.
        with pytest.raises(ReadError, match=r"a part of 2018_30m_cdls\.zip alone"):
            CDL(tmp_path / "given", years=[2019])

    def test_by_the_command_line(self, given_away, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        def run(*words):
            return CliRunner().invoke(app, ["datasets", *map(str, words)])

        refused = run("download", "cdl", "new")
        assert refused.exit_code != 0
        assert "choose some of 2018, 2019" in refused.output
        assert run("download", "cdl", "new", "--part", "2019").stdout.strip() == "new: CDL 2019"
        assert given_away.requests("2018_30m_cdls.zip") == 0
        assert "4 windows of 1 scene\n" in run("plot", "cdl", "new", 4).output
        assert (tmp_path / "cdl.png").stat().st_size > 5_000
        assert "parts    2018, 2019" in run("info", "CDL").output
        assert "has no files to fetch" in run("download", "landsat8", "new").output
        assert "has no part '2019'" in run("download", "eurosat", "new", "--part", "2019").output
        assert (
            "CDL has no split 'train'"
            in run("plot", "cdl", "new", 4, "b.png", "--split", "train").output
        )
        listed = json.loads(run("list", "--json").output)["datasets"]
        assert {one["command"]: one["kind"] for one in listed}["cdl"] == "layer"


class TestChesapeake:
    CODES = np.repeat(np.array([11, 27, 95, 127], np.uint8), 15)[None].repeat(40, axis=0)
    GRID = GeoBox((40, 60), Affine(1, 0, 1_700_000, 0, -1, 1_950_000), "EPSG:5070")

    @pytest.fixture
    def states(self, raster, tmp_path):
        for state, year in (("de", 2013), ("de", 2018), ("dc", 2017)):
            raster(f"{state}_lulc_{year}_2022-Edition.tif", self.CODES, self.GRID)
        return tmp_path

    def test_a_state_takes_its_own_maps(self, states):
        assert [str(r.when.start.year) for r in ChesapeakeDE(states).regions] == ["2013", "2018"]
        assert ChesapeakeDE(states, years=[2018]).regions[0].when == Interval.of("2018")
        assert ChesapeakeDC(states).files == (str(states / "dc_lulc_2017_2022-Edition.tif"),)
        assert len(Chesapeake(states)) == 3
        with pytest.raises(DatasetError, match=r"download chesapeakede FOLDER --part 2014"):
            ChesapeakeDE(states, years=[2014])
        with pytest.raises(DatasetError, match="download by one of its subclasses"):
            Chesapeake(states, download=True)

    def test_codes_and_what_is_not_known(self, states):
        sample = ChesapeakeDC(states)[self.GRID]
        np.testing.assert_array_equal(sample["mask"], self.CODES)
        np.testing.assert_array_equal(sample["valid"], self.CODES != 127)
        chosen = ChesapeakeDC(states, classes=[27])
        np.testing.assert_array_equal(chosen[self.GRID]["mask"], self.CODES == 27)
        assert chosen.classes.names == ("class 27",)


def test_a_sheet_has_a_picture_for_each_window(cdl, raster):
    from geoloom.core.errors import SamplerError
    from geoloom.samplers.sheet import window_sheet

    figure = window_sheet(CDL(cdl, years=[2018]), 3, size=20)
    assert [ax.get_xlabel() for ax in figure.axes if ax.get_visible()] == ["2018"] * 3
    (legend,) = figure.legends
    shown = {text.get_text() for text in legend.get_texts()}
    assert shown
    assert shown <= {"Corn", "Soybeans", "Grassland/Pasture"}
    plt.close(figure)
    scene = raster("a.tif", np.arange(4 * 60 * 80).reshape(4, 60, 80).astype("uint16"))
    plain = geoloom.datasets.RasterDataset(scene)
    figure = window_sheet(plain, 2)
    assert figure.axes[0].images[0].get_array().shape == (60, 60, 4)
    plt.close(figure)
    with pytest.raises(SamplerError, match="0 windows"):
        window_sheet(plain, 0)


class TestChosenClassesElsewhere:
    """Whatever asks for the labels sees the classes that were chosen, not those of the files."""

    @pytest.fixture
    def fields(self, cdl, raster):
        scene = raster("scene.tif", np.full((3, 40, 60), 9, "uint8"), ALBERS)
        crops = CDL(cdl, years=[2018], classes=["Soybeans", "Corn"])
        return geoloom.datasets.RasterDataset(scene) & crops

    def test_chips(self, fields, tmp_path):
        from geoloom.chips import ChipStore, cut_chips

        out = tmp_path / "chips.zarr"
        cut_chips(fields, out, size=20, strategy="sequential", min_valid=0, split=None)
        store = ChipStore(tmp_path / "chips.zarr")
        known = dict(zip(store.classes.codes, store.classes.names, strict=True))
        assert known == {1: "Soybeans", 2: "Corn"}

    def test_balanced_samples(self, fields):
        from geoloom.samplers import BalancedGeoSampler

        sampler = BalancedGeoSampler(fields, size=8, length=8, generator=0)
        assert set(sampler.chances) == {"Soybeans", "Corn"}
        seen = [int(code) for query in sampler for code in np.unique(fields[query]["mask"])]
        assert set(seen) <= {0, 1, 2}
        assert {1, 2} <= set(seen)


LANDSATS = {
    "landsat1": ("LM01_L1TP_015033_19730720_20200827_02_T2", "1973-07-20", "B4 B5 B6 B7"),
    "landsat2": ("LM02_L1TP_015033_19760720_20200827_02_T2", "1976-07-20", "B4 B5 B6 B7"),
    "landsat3": ("LM03_L1TP_015033_19790720_20200827_02_T2", "1979-07-20", "B4 B5 B6 B7"),
    "landsat4mss": ("LM04_L1TP_015033_19830720_20200827_02_T2", "1983-07-20", "B1 B2 B3 B4"),
    "landsat5mss": ("LM05_L1TP_015033_19840720_20200827_02_T1", "1984-07-20", "B1 B2 B3 B4"),
    "landsat4tm": (
        "LT04_L2SP_015033_19890720_20200827_02_T1",
        "1989-07-20",
        "{1} {2} {3} {4} {5} {7}",
    ),
    "landsat5tm": (
        "LT05_L2SP_015033_19990720_20200827_02_T1",
        "1999-07-20",
        "{1} {2} {3} {4} {5} {7}",
    ),
    "landsat7": (
        "LE07_L2SP_015033_20010720_20200827_02_T1",
        "2001-07-20",
        "{1} {2} {3} {4} {5} {7}",
    ),
    "landsat8": (
        "LC08_L2SP_015033_20190720_20200827_02_T1",
        "2019-07-20",
        "{1} {2} {3} {4} {5} {6} {7}",
    ),
    "landsat9": (
        "LC09_L2SP_015033_20220720_20220827_02_T1",
        "2022-07-20",
        "{1} {2} {3} {4} {5} {6} {7}",
    ),
}
"""Name of a scene, its day, and the bands that are read."""
SURFACE = ["", *(f"SR_B{n}" for n in range(1, 8))]
S2 = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12"
S1 = "S1A_IW_20180128T161201_DVP_RTC30_G_gpuned_FD6A"
ONE_FILE = {
    "naip": ("m_3807502_ne_18_1_20180712.tif", "2018-07-12", "R G B NIR", "uint8"),
    "cdl": ("2018_30m_cdls.tif", "2018", "class", "uint8"),
    "chesapeakedc": ("dc_lulc_2017_2022-Edition.tif", "2017", "class", "uint8"),
    "chesapeakede": ("de_lulc_2018_2022-Edition.tif", "2018", "class", "uint8"),
    "chesapeakemd": ("md_lulc_2013_2022-Edition.tif", "2013", "class", "uint8"),
    "chesapeakeny": ("ny_lulc_2017_2022-Edition.tif", "2017", "class", "uint8"),
    "chesapeakepa": ("pa_lulc_2013_2022-Edition.tif", "2013", "class", "uint8"),
    "chesapeakeva": ("va_lulc_2014_2022-Edition.tif", "2014", "class", "uint8"),
    "chesapeakewv": ("wv_lulc_2018_2022-Edition.tif", "2018", "class", "uint8"),
}


def documented(name):
    """Files of a layer (type and count of bands), its day or year, names of bands; as documented."""
    if name in LANDSATS:
        stem, day, bands = LANDSATS[name]
        names = bands.format(*SURFACE).split()
        files = {f"{stem}/{stem}_{band}.TIF": ("uint16", 1) for band in names}
    elif name == "sentinel1":
        day, names = "2018-01-28", ["VV", "VH"]
        files = {f"{S1}/{S1}_{band}.tif": ("float32", 1) for band in names}
    elif name == "sentinel2":
        day, names = "2022-03-01", S2.split()
        files = {f"T33UXP_20220301T100021_{band}.tif": ("uint16", 1) for band in names}
    else:
        file, day, bands, dtype = ONE_FILE[name]
        names = bands.split()
        files = {file: (dtype, len(names))}
    return files, Interval.of(day), names


@pytest.mark.parametrize("name", [*LANDSATS, "sentinel1", "sentinel2", *ONE_FILE])
def test_each_opens_by_its_name_among_the_files_of_all(raster, tmp_path, utm, name):
    from geoloom.samplers.sheet import window_sheet

    others = [*LANDSATS, "sentinel1", *ONE_FILE]
    for other in dict.fromkeys([name, *others]):
        for file, (dtype, count) in documented(other)[0].items():
            raster(file, 27, dtype=dtype, bands=count)
    _, when, names = documented(name)
    dataset = get_layer(name).open(tmp_path)
    (region,) = dataset.regions
    assert [band.name for band in dataset.bands] == names
    assert set(names) <= {band.name for band in get_layer(name).bands}
    assert when.overlaps(region.when)
    sample = dataset[utm]
    key = "mask" if names == ["class"] else "image"
    assert bool((sample[key] == 27).all())
    assert bool(sample["valid"].all())
    figure = window_sheet(dataset, 1, size=32)
    assert figure.axes[0].get_xlabel() == (
        str(when.start.year) if key == "mask" else str(when.start.date())
    )
    plt.close(figure)


def test_table_2_is_whole():
    """Of the TorchGeo paper, all rows, by hand."""
    assert {get_layer(name).name for name in LAYERS} == {
        "Landsat1", "Landsat2", "Landsat3", "Landsat4MSS", "Landsat4TM", "Landsat5MSS", "Landsat5TM",
        "Landsat7", "Landsat8", "Landsat9", "Sentinel1", "Sentinel2", "NAIP", "CDL", "ChesapeakeCVPR",
        "ChesapeakeDC", "ChesapeakeDE", "ChesapeakeMD", "ChesapeakeNY", "ChesapeakePA", "ChesapeakeVA",
        "ChesapeakeWV", "CanadianBuildingFootprints",
    }  # fmt: skip


def test_files_are_recognised(raster):
    from geoloom.datasets.opening import open as open_dataset

    raster("m/md_lulc_2018_2022-Edition.tif", 27, dtype="uint8")
    folder = raster("c/2018_30m_cdls.tif", 5, dtype="uint8").parent
    assert type(open_dataset(folder)) is CDL
    assert type(open_dataset(folder.parent / "m")) is Chesapeake


def test_a_layer_of_ones_own_is_known_by_name(raster, tmp_path, utm, monkeypatch):
    mine = replace(get_layer("naip"), name="MyPhotographs", about="of my own", by_hand="ask me")
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    geoloom.datasets.register_dataset(mine)
    raster("a/m_4709963_se_14_1_20190904.tif", 9, bands=4, dtype="uint8")
    opened = get_layer("myphotographs").open(tmp_path / "a")
    assert opened[utm]["image"].shape == (4, 60, 80)
    assert "myphotographs" in list_datasets("my*", kind="layer")
