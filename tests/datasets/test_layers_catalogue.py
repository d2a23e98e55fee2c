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
from geoloom.core.errors import BandError, DatasetError, ReadError
from geoloom.core.interval import Interval
from geoloom.datasets import (
    CDL,
    CanadianBuildingFootprints,
    Chesapeake,
    ChesapeakeCVPR,
    ChesapeakeDC,
    ChesapeakeDE,
    GeoDataset,
    Landsat5MSS,
    Landsat5TM,
    Landsat7,
    Landsat8,
    Sentinel1,
    Sentinel2,
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


L8 = "LC08_{}_015033_20190720_20200827_02_T1"
OLI = (1, 2, 3, 4, 5, 6, 7)


@pytest.fixture
def two_levels(raster, tmp_path):
    """A scene of Landsat 8 at both levels, as delivered."""
    one, two = L8.format("L1TP"), L8.format("L2SP")
    for band in OLI:
        raster(f"{one}/{one}_B{band}.TIF", 5000 + band, dtype="uint16")
        raster(f"{two}/{two}_SR_B{band}.TIF", 7273 + band, dtype="uint16", nodata=0)
    for band in (9, 10, 11):
        raster(f"{one}/{one}_B{band}.TIF", 5000 + band, dtype="uint16")
    fine = GeoBox((120, 160), Affine(15, 0, 600000, 0, -15, 4500000), "EPSG:32633")
    raster(f"{one}/{one}_B8.TIF", 5008, fine, dtype="uint16")
    for name in (one, two):
        raster(f"{name}/{name}_QA_PIXEL.TIF", 21824, dtype="uint16")
    return tmp_path


class TestLandsatLevels:
    def test_level_two_unless_another_is_asked_for(self, two_levels, utm):
        (scene,) = Landsat8(two_levels).scenes
        assert [b.name for b in scene.bands] == [f"SR_B{n}" for n in OLI]
        assert {b.unit for b in scene.bands} == {"surface_reflectance"}
        by_level = Landsat8(two_levels, level="L1")
        assert [b.name for b in by_level.bands] == [f"B{n}" for n in OLI]
        assert [b.role for b in by_level.bands] == [b.role for b in scene.bands]
        assert by_level[utm]["image"][:, 0, 0].tolist() == [5000 + n for n in OLI]
        by_name = Landsat8(two_levels, bands=["B4", "B10"])
        assert by_name[utm]["image"][:, 0, 0].tolist() == [5004, 5010]
        assert (
            Landsat8(two_levels, bands=["red", "QA_PIXEL"])
            .scenes[0]
            .assets[0]
            .uri.endswith("SR_B4.TIF")
        )
        assert by_level != Landsat8(two_levels)

    def test_level_one_where_it_is_all_there_is(self, two_levels):
        folder = two_levels / L8.format("L1TP")
        assert [b.name for b in geoloom.datasets.Landsat8(folder).bands][:2] == ["B1", "B2"]
        assert Landsat8(folder, bands=["red"]).bands[0].name == "B4"
        pan = Landsat8(folder, bands=["B8", "B4"])
        assert pan.regions[0].frame.shape == (120, 160)

    def test_levels_that_there_are_not(self, two_levels):
        with pytest.raises(DatasetError, match="Landsat5MSS has no level 'L2', it has L1"):
            Landsat5MSS(two_levels, level="L2")
        with pytest.raises(DatasetError, match="no level is called 'L3'"):
            Landsat8(two_levels, level="L3")

    def test_counts_become_reflectance_by_the_scenes_own_factors(self, two_levels, utm):
        """USGS: (2e-5 * count - 0.1) / sin(sun's elevation), here 30 degrees, of which the sine is 0.5."""
        folder, name = two_levels / L8.format("L1TP"), L8.format("L1TP")
        assert {b.unit for b in Landsat8(folder).bands} == {"DN"}
        (folder / f"{name}_MTL.txt").write_text(
            "GROUP = LANDSAT_METADATA_FILE\n"
            "    SUN_ELEVATION = 30.00000000\n"
            "    REFLECTANCE_MULT_BAND_4 = 2.0000E-05\n"
            "    REFLECTANCE_ADD_BAND_4 = -0.100000\n"
            "    RADIANCE_MULT_BAND_10 = 3.3420E-04\n"
            "    RADIANCE_ADD_BAND_10 = 0.10000\n"
            "END_GROUP = LANDSAT_METADATA_FILE\nEND\n"
        )
        dataset = Landsat8(folder, bands=["B4", "B10", "B5"], scaled=True)
        assert [b.unit for b in dataset.bands] == ["toa_reflectance", "radiance", "DN"]
        red, thermal, nir = dataset[utm]["image"][:, 0, 0].tolist()
        assert red == pytest.approx(2 * (5004 * 2e-5 - 0.1), abs=1e-6)
        assert thermal == pytest.approx(5010 * 3.342e-4 + 0.1, abs=1e-5)
        assert nir == 5005

    @pytest.mark.parametrize(
        ("sensor", "name", "names", "extra"),
        [
            (Landsat5TM, "LT05_L1TP_015033_19990720_20200827_02_T1", (1, 2, 3, 4, 5, 7), ("6",)),
            (
                Landsat7,
                "LE07_L1TP_015033_20010720_20200827_02_T1",
                (1, 2, 3, 4, 5, 7),
                ("6_VCID_1", "6_VCID_2", "8"),
            ),
        ],
    )
    def test_level_one_of_the_older_ones(self, raster, tmp_path, sensor, name, names, extra):
        for band in (*map(str, names), *extra):
            raster(f"{name}_B{band}.TIF", 9, dtype="uint8")
        dataset = sensor(tmp_path)
        assert [b.name for b in dataset.bands] == [f"B{n}" for n in names]
        assert [b.role for b in dataset.bands] == ["blue", "green", "red", "nir", "swir1", "swir2"]
        thermal = sensor(tmp_path, bands=[f"B{extra[0]}"])
        assert thermal.bands[0].role == "thermal"

    def test_both_instruments_of_landsat_5_take_their_own_scenes(self, raster, tmp_path, utm):
        old, new = (
            "LM05_L1TP_023031_19840720_20200827_02_T1",
            "LM04_L1TP_023031_19840720_20200827_02_T1",
        )
        for number, name in enumerate((old, new)):
            for band in (1, 2, 3, 4):
                raster(f"{name}_B{band}.TIF", 10 * number + band, dtype="uint8")
        assert Landsat5MSS(tmp_path)[utm]["image"][:, 0, 0].tolist() == [1, 2, 3, 4]
        assert geoloom.datasets.Landsat4MSS(tmp_path)[utm]["image"][:, 0, 0].tolist() == [
            11,
            12,
            13,
            14,
        ]
        with pytest.raises(DatasetError, match="no file"):
            Landsat5TM(tmp_path)


def test_a_sheet_has_a_picture_for_each_window(cdl, raster):
    from geoloom.core.errors import SamplerError
    from geoloom.samplers.sheet import window_sheet

    figure = window_sheet(CDL(cdl, years=[2018]), 3, size=20)
    assert [ax.get_xlabel() for ax in figure.axes if ax.get_visible()] == ["2018"] * 3
    plt.close(figure)
    scene = raster("a.tif", np.arange(4 * 60 * 80).reshape(4, 60, 80).astype("uint16"))
    plain = geoloom.datasets.RasterDataset(scene)
    figure = window_sheet(plain, 2)
    assert figure.axes[0].images[0].get_array().shape == (60, 60, 4)
    plt.close(figure)
    with pytest.raises(SamplerError, match="0 windows"):
        window_sheet(plain, 0)


class TestSentinel1Units:
    RTC = "S1A_IW_20180128T161201_DVP_RTC30_G_g{}uned_FD6A"
    GRD = "S1A_IW_GRDH_1SDV_20180128T161201_20180128T161226_020354_022C1A_9F5C"

    def product(self, raster, name, *values):
        for band, value in zip(("VV", "VH"), values, strict=True):
            raster(f"{name}/{name}_{band}.tif", value, dtype="float32", nodata=-9999)

    def test_powers_become_decibels_and_back(self, raster, tmp_path, utm):
        """10 log10(0.01) is -20, 10 ^ (-3 / 10) is 0.501187."""
        self.product(raster, self.RTC.format("p"), 0.01, 10.0)
        dataset = Sentinel1(tmp_path, unit="dB")
        assert {band.unit for band in dataset.bands} == {"dB"}
        sample = dataset[utm]
        np.testing.assert_allclose(sample["image"][:, 0, 0], [-20, 10], atol=1e-5)
        assert str(sample["image"].dtype) == "torch.float32"
        assert bool(sample["valid"].all())
        np.testing.assert_allclose(
            dataset.with_bands(["VH"])[utm]["image"][:, 0, 0], [10], atol=1e-5
        )
        same = Sentinel1(tmp_path, unit="linear")
        np.testing.assert_allclose(same[utm]["image"][:, 0, 0], [0.01, 10])
        assert same != dataset

        self.product(raster, "b/" + self.RTC.format("d"), -3.0, 0.0)
        linear = Sentinel1(tmp_path / "b", unit="linear")
        np.testing.assert_allclose(linear[utm]["image"][:, 0, 0], [0.501187, 1], atol=1e-6)

    def test_what_has_no_decibels_is_not_valid(self, raster, tmp_path, utm):
        power = np.full(utm.shape, 0.1, "float32")
        power[:, :10] = 0
        name = self.RTC.format("p")
        raster(f"{name}_VV.tif", power, nodata=-9999)
        sample = Sentinel1(tmp_path, unit="dB")[utm]
        np.testing.assert_array_equal(sample["valid"], power > 0)
        np.testing.assert_allclose(sample["image"][0][sample["valid"]], -10, atol=1e-5)

    def test_units_that_nobody_knows_are_asked_for(self, raster, tmp_path, utm):
        self.product(raster, self.GRD, 0.01, 0.1)
        plain = Sentinel1(tmp_path)
        assert [band.unit for band in plain.bands] == [None, None]
        assert plain.scenes[0].when.start.isoformat() == "2018-01-28T16:12:01+00:00"
        assert plain.scenes[0].when.stop.isoformat()[:16] == "2018-01-28T16:12"
        with pytest.raises(BandError, match="VV no known unit, VH no known unit; say what they"):
            Sentinel1(tmp_path, unit="dB")
        said = Sentinel1(tmp_path, unit="dB", stored_unit="linear")
        np.testing.assert_allclose(said[utm]["image"][:, 0, 0], [-20, -10], atol=1e-5)
        self.product(raster, "b/" + self.RTC.format("d"), -3.0, 0.0)
        with pytest.raises(
            DatasetError, match="holds dB by its name or tags, not stored_unit='lin"
        ):
            Sentinel1(tmp_path / "b", stored_unit="linear")
        with pytest.raises(DatasetError, match="no unit of backscatter"):
            Sentinel1(tmp_path, unit="db")

    def test_scenes_in_both_units_unite_in_one(self, raster, tmp_path, utm):
        self.product(raster, "a/" + self.RTC.format("p"), 0.01, 10.0)
        later = self.RTC.format("d").replace("20180128", "20180209")
        self.product(raster, "b/" + later, -3.0, 0.0)
        both = Sentinel1(tmp_path / "a", unit="dB") | Sentinel1(tmp_path / "b", unit="dB")
        np.testing.assert_allclose(both[utm]["image"][:, 0, 0], [-3, 0], atol=1e-5)
        january = both[both.at(utm.geographic_extent, when="2018-01")]
        assert float(january["image"][0, 5, 5]) == pytest.approx(-20, abs=1e-5)


def plane(grid, dtype="uint16"):
    """A number for each pixel that follows linearly from where its centre lies."""
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    x, y = grid.affine * (cols, rows)
    return np.rint(2000 + (x - 600_000) + (5_000_000 - y) / 2).astype(dtype)


GSD = {"B01": 60, "B02": 10, "B05": 20, "B09": 60}


class TestSentinel2Levels:
    DAY = "T33UXP_20220301T100021"

    def grid(self, metres):
        size = 480 // metres
        return GeoBox((size, size), Affine(metres, 0, 6e5, 0, -metres, 5e6), "EPSG:32633")

    def product(self, raster, level, folder=""):
        """As delivered: level 1C flat, level 2A sorted by resolution, the coarser ones copies."""
        safe = f"{folder}S2A_MSI{level}_20220301T100021_N0301_R122_T33UXP_20220301T120000.SAFE"
        inside = f"{safe}/GRANULE/{level}_T33UXP_A034943_20220301T100021/IMG_DATA"
        for band, gsd in GSD.items():
            if level == "L1C":
                raster(f"{inside}/{self.DAY}_{band}.tif", plane(self.grid(gsd)), self.grid(gsd))
                continue
            for metres in (m for m in (10, 20, 60) if m >= gsd):
                name = f"{inside}/R{metres}m/{self.DAY}_{band}_{metres}m.tif"
                raster(name, plane(self.grid(metres)), self.grid(metres))

    @pytest.mark.parametrize(("level", "top"), [("L1C", "toa"), ("L2A", "surface")])
    def test_three_resolutions_come_onto_one_grid(self, raster, tmp_path, level, top):
        self.product(raster, level)
        dataset = Sentinel2(tmp_path, bands=list(GSD), level=level)
        assert {band.unit for band in dataset.bands} == {f"{top}_reflectance"}
        fine = self.grid(10)
        assert dataset.regions[0].frame == fine
        image = dataset[fine]["image"].numpy()
        inside = np.s_[
            :, 3:-3, 3:-3
        ]  # within half a coarse pixel of the edge nothing can be interpolated
        np.testing.assert_allclose(image[inside], np.stack([plane(fine)] * 4)[inside], atol=1)
        assert all(
            f"_{band}_{gsd}m" in asset.uri or level == "L1C"
            for asset, (band, gsd) in zip(dataset.scenes[0].assets, GSD.items(), strict=True)
        )

    def test_levels_side_by_side_are_told_apart(self, raster, tmp_path):
        self.product(raster, "L1C")
        self.product(raster, "L2A")
        wanted = list(GSD)
        for level, top in (("L1C", "toa"), ("L2A", "surface")):
            dataset = Sentinel2(tmp_path, bands=wanted, level=level)
            assert len(dataset.scenes) == 1
            assert dataset.bands[0].unit == f"{top}_reflectance"
        with pytest.raises(BandError, match="toa_reflectance, which do not compare"):
            Sentinel2(tmp_path, bands=wanted)
        with pytest.raises(DatasetError, match="no level is called 'L2'"):
            Sentinel2(tmp_path, bands=wanted, level="L2")

    def test_loose_files_of_level_2a(self, raster, tmp_path):
        for band, gsd in GSD.items():
            name = f"{self.DAY}_{band}_{gsd}m.tif"
            raster(name, plane(self.grid(gsd)), self.grid(gsd))
        dataset = Sentinel2(tmp_path, bands=["B09", "B02"], level="L2A")
        assert [band.unit for band in dataset.bands] == ["surface_reflectance"] * 2
        assert dataset.regions[0].frame.shape == (48, 48)


TILES = {
    "de-train": ("de_1m_2013_extended-debuffered-train_tiles", "m_3807502_ne_18_1", "EPSG:26918"),
    "de-test": ("de_1m_2013_extended-debuffered-test_tiles", "m_3807601_sw_18_1", "EPSG:26918"),
    "wv-val": ("wv_1m_2014_extended-debuffered-val_tiles", "m_3708001_nw_17_1", "EPSG:26917"),
}
PRIOR = "prior_from_cooccurrences_101_31_no_osm_no_buildings"
LAND = np.repeat(np.array([0, 1, 4, 6, 15], np.uint8), 8)[None].repeat(30, axis=0)
IN_FILE = {
    "naip-new": np.stack([np.full((30, 40), 50 * b, "uint8") for b in (1, 2, 3, 4)]),
    "naip-old": np.stack([np.full((30, 40), 50 * b + 1, "uint8") for b in (1, 2, 3, 4)]),
    "landsat-leaf-on": np.full((9, 30, 40), 700, "uint16"),
    "landsat-leaf-off": np.full((9, 30, 40), 800, "uint16"),
    "nlcd": np.where(np.arange(40) < 20, 0, 82).astype("uint8")[None].repeat(30, axis=0),
    "lc": LAND,
    "buildings": np.where(np.arange(40) < 10, 1, 0).astype("uint8")[None].repeat(30, axis=0),
    PRIOR: np.full((4, 30, 40), 25, "uint8"),
}


def tile_grid(crs):
    return GeoBox((30, 40), Affine(1, 0, 450_000, 0, -1, 4_300_000), crs)


@pytest.fixture
def tiles(raster, tmp_path):
    """As the archives unpack: folders of tiles, and an index in EPSG:3857 with a path of each layer."""
    rows = []
    for split, (folder, stem, crs) in TILES.items():
        listed = {"split": split}
        for layer, values in IN_FILE.items():
            name = f"{folder}/{stem}_{layer}.tif"
            raster(f"cvpr/{name}", values, tile_grid(crs))
            if layer != PRIOR:
                listed[layer] = name
        outline = tile_grid(crs).extent.to_crs("EPSG:3857").json
        rows.append({"type": "Feature", "properties": listed, "geometry": outline})
    index = {"type": "FeatureCollection", "features": rows}
    index["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    (tmp_path / "cvpr" / "spatial_index.geojson").write_text(json.dumps(index), "utf-8")
    return tmp_path / "cvpr"


class TestChesapeakeCVPR:
    def test_every_layer_comes_under_its_own_name(self, tiles):
        dataset = ChesapeakeCVPR(tiles, ["de-train"], list(IN_FILE))
        (region,) = dataset.regions
        sample = dataset[region.frame]
        assert region.frame == tile_grid("EPSG:26918")
        # Images one behind the other, in the order asked for; the extension is the last.
        np.testing.assert_array_equal(
            sample["image"][:, 0, 0],
            [50, 100, 150, 200, 51, 101, 151, 201, *[700] * 9, *[800] * 9, *[25] * 4],
        )
        names = [band.name for band in dataset.bands]
        assert names[:8] == ["R", "G", "B", "NIR", "R_2", "G_2", "B_2", "NIR_2"]
        np.testing.assert_array_equal(sample["mask"], IN_FILE["nlcd"])
        np.testing.assert_array_equal(sample["mask:lc"], LAND)
        np.testing.assert_array_equal(sample["mask:buildings"], IN_FILE["buildings"])
        np.testing.assert_array_equal(sample["valid"], (LAND != 15) & (IN_FILE["nlcd"] != 0))
        np.testing.assert_array_equal(sample["observed"], np.ones((30, 40), bool))
        assert dataset.classes.names[0] == "open water"

    def test_splits_and_zones(self, tiles):
        assert {str(r.crs) for r in ChesapeakeCVPR(tiles).regions} == {"EPSG:26917", "EPSG:26918"}
        assert len(ChesapeakeCVPR(tiles, ["de-train", "de-test"]).regions) == 2
        dataset = ChesapeakeCVPR(tiles, ["wv-val"], ["lc"])
        sample = dataset[tile_grid("EPSG:26917")]
        assert sample["crs"] == "EPSG:26917"
        np.testing.assert_array_equal(sample["mask"], LAND)
        assert dict(zip(dataset.classes.codes, dataset.classes.names, strict=True))[1] == "water"
        assert dataset != ChesapeakeCVPR(tiles, ["wv-val"], ["nlcd"])

    def test_samples_of_a_batch_and_of_unions(self, tiles):
        layers = ["naip-new", "lc", "nlcd"]
        train, test = (ChesapeakeCVPR(tiles, [s], layers) for s in ("de-train", "de-test"))
        grid = tile_grid("EPSG:26918")
        one, two = train.__getitems__([grid, grid[:10, :10]])
        np.testing.assert_array_equal(one["mask:nlcd"], IN_FILE["nlcd"])
        assert two["mask:nlcd"].shape == (10, 10)
        both = (train | test)[grid]
        np.testing.assert_array_equal(both["mask:nlcd"], IN_FILE["nlcd"])
        np.testing.assert_array_equal(both["mask"], one["mask"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"splits": ["de-trian"]}, "no split 'de-trian'; did you mean 'de-train'"),
            ({"layers": ["naip"]}, "no layer 'naip'"),
            ({"layers": []}, "layers is \\[\\]"),
            ({"layers": ["lc", "lc"]}, "names one twice"),
            (
                {"splits": ["ny-test"]},
                r"lists no tile of ny-test, it has those of de-test, de-train, wv",
            ),
        ],
    )
    def test_what_there_is_not(self, tiles, options, message):
        with pytest.raises(DatasetError, match=message):
            ChesapeakeCVPR(tiles, **options)

    def test_files_that_are_missing(self, tiles):
        folder, stem, _ = TILES["de-test"]
        (tiles / folder / f"{stem}_{PRIOR}.tif").unlink()
        with pytest.raises(DatasetError, match=r"1 of 3 tiles lack .*--part prior"):
            ChesapeakeCVPR(tiles, None, ["naip-new", PRIOR])
        (tiles / "spatial_index.geojson").write_text('{"features": [{"properties": {}}]}')
        with pytest.raises(ReadError, match="is not the index of the tiles"):
            ChesapeakeCVPR(tiles, ["de-train"])
        (tiles / "spatial_index.geojson").unlink()
        with pytest.raises(
            DatasetError, match=r"spatial_index\.geojson, which is missing; .*--part"
        ):
            ChesapeakeCVPR(tiles)

    def test_it_is_fetched_and_drawn(self, tiles, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        given = tmp_path / "given"
        given.mkdir()
        base, prior = get_layer("chesapeakecvpr").files
        for file, is_prior in ((base, False), (prior, True)):
            with zipfile.ZipFile(given / file.name, "w") as archive:
                for path in sorted(p for p in tiles.rglob("*.*") if p.is_file()):
                    if (PRIOR in path.name) == is_prior:
                        archive.write(path, path.relative_to(tiles))
        with serving(given) as server:
            files = tuple(
                replace(file, address=server.address(file.name), checksum=None)
                for file in (base, prior)
            )
            here = replace(get_layer("chesapeakecvpr"), files=files)
            monkeypatch.setitem(DATASETS._entries, "chesapeakecvpr", here)
            assert len(ChesapeakeCVPR("new", download=True)) == 3
            assert server.requests(prior.name) == 0
            with_prior = ChesapeakeCVPR("new", None, ["naip-new", PRIOR], download=True)
            assert len(with_prior.bands) == 8
            ChesapeakeCVPR("new", None, ["naip-new", PRIOR], download=True)
            assert server.requests(prior.name) == 1
        words = ["datasets", "plot", "chesapeakecvpr", "new", "2", "--split", "wv-val"]
        result = CliRunner().invoke(app, words)
        assert "2 windows of 1 scene" in result.output, result.output


ISLAND = GeoBox((40, 40), Affine(10, 0, 480_000, 0, -10, 5_130_400), "EPSG:32620")


def buildings(path, *boxes):
    """Outlines in degrees, as the provinces' files have them, from boxes of rows and columns of `ISLAND`."""
    features = []
    for rows, cols in boxes:
        outline = ISLAND[rows, cols].extent.to_crs("EPSG:4326").json
        features.append({"type": "Feature", "properties": {}, "geometry": outline})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")


class TestCanadianBuildings:
    @pytest.fixture
    def provinces(self, tmp_path):
        buildings(tmp_path / "ca" / "PrinceEdwardIsland.geojson", np.s_[2:6, 3:9])
        buildings(tmp_path / "ca" / "NovaScotia.geojson", np.s_[20:30, 10:12], np.s_[2:4, 30:38])
        (tmp_path / "ca" / "notes.geojson").write_text("{}")
        return tmp_path / "ca"

    def test_buildings_are_burned(self, provinces):
        expected = np.zeros((40, 40), int)
        expected[2:6, 3:9] = 1
        island = CanadianBuildingFootprints(provinces, provinces=["PrinceEdwardIsland"])
        sample = island[ISLAND]
        np.testing.assert_array_equal(sample["mask"], expected)
        assert bool(sample["valid"].all())
        assert island.classes.names == ("no building", "building")
        expected[20:30, 10:12] = expected[2:4, 30:38] = 1
        both = CanadianBuildingFootprints(provinces)[ISLAND]
        np.testing.assert_array_equal(both["mask"], expected, "one province hides another")
        unlabelled = CanadianBuildingFootprints(provinces, background=None)[ISLAND]
        np.testing.assert_array_equal(unlabelled["mask"], expected)
        np.testing.assert_array_equal(unlabelled["valid"], expected > 0)

    def test_provinces_that_there_are_not(self, provinces):
        with pytest.raises(
            DatasetError, match="no province 'Novascotia'; did you mean 'NovaScotia'"
        ):
            CanadianBuildingFootprints(provinces, provinces=["Novascotia"])
        with pytest.raises(DatasetError, match=r"of Quebec is not at .*--part Quebec"):
            CanadianBuildingFootprints(provinces, provinces=["NovaScotia", "Quebec"])

    def test_it_meets_imagery_and_is_drawn(self, provinces, raster):
        raster("scene.tif", np.full((3, 40, 40), 7, "uint8"), ISLAND)
        scene = geoloom.datasets.RasterDataset(provinces.parent / "scene.tif")
        both = scene & CanadianBuildingFootprints(provinces, provinces=["PrinceEdwardIsland"])
        sample = both[ISLAND]
        assert int(sample["mask"].sum()) == 24
        from geoloom.samplers.sheet import window_sheet

        figure = window_sheet(CanadianBuildingFootprints(provinces), 2, size=16)
        assert len([ax for ax in figure.axes if ax.get_visible()]) == 2
        plt.close(figure)
