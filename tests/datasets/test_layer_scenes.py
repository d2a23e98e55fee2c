"""Landsat, Sentinel-1 and Sentinel-2: levels, units and resolutions, in files named as they are delivered."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, DatasetError
from geoloom.datasets import (
    Landsat4MSS,
    Landsat5MSS,
    Landsat5TM,
    Landsat7,
    Landsat8,
    Sentinel1,
    Sentinel2,
)

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
        assert [b.name for b in Landsat8(folder).bands][:2] == ["B1", "B2"]
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
        assert Landsat4MSS(tmp_path)[utm]["image"][:, 0, 0].tolist() == [
            11,
            12,
            13,
            14,
        ]
        with pytest.raises(DatasetError, match="no file"):
            Landsat5TM(tmp_path)


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
