"""Sensors find their own files, named as the providers name them."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom.datasets
from geoloom.core.errors import DatasetError
from geoloom.core.interval import Interval
from geoloom.datasets import (
    CDL,
    NAIP,
    Landsat5TM,
    Landsat7,
    Landsat8,
    Landsat9,
    Sentinel1,
    Sentinel2,
    VectorDataset,
)
from geoloom.datasets.opening import open as open_dataset

L7 = "LE07_L2SP_022032_20190705_20200825_02_T1"
L8 = "LC08_L2SP_023031_20190720_20200827_02_T1"
L9 = "LC09_L2SP_023031_20220720_20220827_02_T2"
L5 = "LT05_L2SP_023031_19990720_20220827_02_T1"
OLI, TM = (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 5, 7)


@pytest.fixture
def landsat(raster, tmp_path):
    """Landsat folders as delivered, beside files that are not bands."""
    for name, numbers in ((L7, TM), (L8, OLI), (L9, OLI), (L5, TM)):
        for band in numbers:
            raster(f"{name}/{name}_SR_B{band}.TIF", 7273 + band, dtype="uint16", nodata=0)
        raster(f"{name}/{name}_QA_PIXEL.TIF", 21824, dtype="uint16")
        (tmp_path / name / f"{name}_MTL.txt").write_text("GROUP = X")
    return tmp_path


@pytest.mark.parametrize(
    ("sensor", "name", "numbers", "day"),
    [
        (Landsat7, L7, TM, "2019-07-05"),
        (Landsat8, L8, OLI, "2019-07-20"),
        (Landsat9, L9, OLI, "2022-07-20"),
        (Landsat5TM, L5, TM, "1999-07-20"),
    ],
)
def test_each_landsat_takes_its_own_scenes(landsat, utm, sensor, name, numbers, day):
    dataset = sensor(root=landsat)
    (scene,) = dataset.scenes
    assert scene.when == Interval.of(day)
    assert [b.name for b in dataset.bands] == [f"SR_B{n}" for n in numbers]
    image = dataset[utm]["image"]
    assert image[:, 0, 0].tolist() == [7273.0 + n for n in numbers]
    assert all(name in asset.uri for asset in scene.assets)


MSS = {
    "Landsat1": ("LM01_L1TP_023031_19730720_20200827_02_T2", (4, 5, 6, 7)),
    "Landsat2": ("LM02_L1GS_023031_19760720_20200827_02_T2", (4, 5, 6, 7)),
    "Landsat3": ("LM03_L1TP_023031_19790720_20200827_02_T2", (4, 5, 6, 7)),
    "Landsat4MSS": ("LM04_L1TP_023031_19830720_20200827_02_T2", (1, 2, 3, 4)),
    "Landsat5MSS": ("LM05_L1TP_023031_19840720_20200827_02_T1", (1, 2, 3, 4)),
}


def test_each_multispectral_scanner_takes_its_own_scenes(raster, tmp_path, utm):
    for name, numbers in MSS.values():
        for band in numbers:
            raster(f"{name}/{name}_B{band}.TIF", int(name[3]) * 10 + band, dtype="uint8", nodata=0)
        raster(f"{name}/{name}_QA_PIXEL.TIF", 21824, dtype="uint16")
    for sensor, (name, numbers) in MSS.items():
        dataset = getattr(geoloom.datasets, sensor)(tmp_path)
        (scene,) = dataset.scenes
        assert all(name in asset.uri for asset in scene.assets)
        assert [band.name for band in dataset.bands] == [f"B{n}" for n in numbers]
        assert [band.role for band in dataset.bands] == ["green", "red", "other", "nir"]
        assert dataset[utm]["image"][:, 0, 0].tolist() == [int(name[3]) * 10 + n for n in numbers]
        assert {band.unit for band in dataset.bands} == {"DN"}
        opened = open_dataset(str(tmp_path / name))
        assert type(opened).__name__ == sensor


def test_reflectance_and_quality_bands(landsat, utm):
    """USGS: reflectance = stored * 0.0000275 - 0.2, so 7273 stands for almost 0."""
    red = Landsat8(landsat, bands=["red"], scaled=True)[utm]["image"]
    np.testing.assert_allclose(red, (7273 + 4) * 0.0000275 - 0.2, atol=1e-7)
    dataset = Landsat8(landsat, bands=["SR_B4", "QA_PIXEL"])
    assert dataset[utm]["image"][1, 0, 0] == 21824


def test_landsats_unite_by_what_their_bands_measure(landsat, utm):
    both = Landsat7(landsat) | Landsat8(landsat)
    assert [b.role for b in both.bands] == ["blue", "green", "red", "nir", "swir1", "swir2"]
    assert both[utm]["image"][:, 0, 0].tolist() == [7273.0 + n for n in (2, 3, 4, 5, 6, 7)]


def test_a_missing_band_names_the_scene(landsat):
    (landsat / L8 / f"{L8}_SR_B5.TIF").unlink()
    other = L8.replace("20190720", "20190805")
    for band in OLI:
        source = landsat / L7 / f"{L7}_SR_B1.TIF"
        (landsat / f"{other}_SR_B{band}.TIF").write_bytes(source.read_bytes())
    with pytest.raises(DatasetError, match=rf"{L8}_\*\.TIF lacks the bands SR_B5"):
        Landsat8(landsat)


def test_a_band_that_no_scene_has_is_missed_unless_others_are_asked_for(landsat, utm):
    (landsat / L8 / f"{L8}_SR_B5.TIF").unlink()
    with pytest.raises(DatasetError, match=r"lacks the bands SR_B5: .*bands=\['SR_B1', 'SR_B2'"):
        Landsat8(landsat)
    assert Landsat8(landsat, bands=["red", "green"])[utm]["image"].shape[0] == 2


class TestSentinel2:
    def product(self, raster, safe, level, res):
        for band, size in (("B02", 10), ("B8A", 20)):
            grid = GeoBox(
                (60 // size, 60 // size), Affine(size, 0, 6e5, 0, -size, 5e6), "EPSG:32633"
            )
            sub = f"R{size}m/" if level == "2A" else ""
            tail = f"_{size}m" if level == "2A" else ""
            name = f"T33UXP_20220301T100021_{band}{tail}.jp2.tif".replace(".jp2", "")
            raster(
                f"{safe}/GRANULE/L{level}_T33UXP/IMG_DATA/{sub}{name}", 2000, grid, dtype="uint16"
            )

    @pytest.mark.parametrize("level", ["1C", "2A"])
    def test_both_levels_and_the_finest_resolution(self, raster, tmp_path, level):
        safe = f"S2A_MSIL{level}_20220301T100021_N0400_R122_T33UXP_20220301T120000.SAFE"
        self.product(raster, safe, level, 10)
        if level == "2A":
            grid = GeoBox((3, 3), Affine(20, 0, 6e5, 0, -20, 5e6), "EPSG:32633")
            coarse = "GRANULE/L2A_T33UXP/IMG_DATA/R20m/T33UXP_20220301T100021_B02_20m.tif"
            raster(f"{safe}/{coarse}", 1, grid, dtype="uint16")
        dataset = Sentinel2(tmp_path, bands=["B02", "B8A"])
        assert [b.name for b in dataset.bands] == ["B02", "B8A"]
        assert dataset.regions[0].frame.shape == (6, 6)
        assert dataset.scenes[0].when.start.hour == 10
        assert dataset[dataset.regions[0].frame]["image"][0, 0, 0] == 2000

    def test_level_2a_has_no_cirrus_band_and_needs_none(self, raster, tmp_path):
        for band in ("B01", *(f"B{n:02}" for n in range(2, 10)), "B8A", "B11", "B12"):
            raster(f"T33UXP_20220301T100021_{band}_20m.tif", 1, dtype="uint16")
        assert len(Sentinel2(tmp_path).bands) == 12
        (tmp_path / "T33UXP_20220301T100021_B11_20m.tif").unlink()
        with pytest.raises(DatasetError, match="lacks the bands B11: "):
            Sentinel2(tmp_path)

    @pytest.mark.parametrize(("baseline", "reflectance"), [("N0301", 0.2), ("N0400", 0.1)])
    def test_the_offset_of_newer_baselines_is_known(self, raster, tmp_path, baseline, reflectance):
        """ESA: since baseline 04.00, reflectance = (stored - 1000) / 10000."""
        safe = f"S2A_MSIL2A_20220301T100021_{baseline}_R122_T33UXP_20220301T120000.SAFE"
        self.product(raster, safe, "2A", 10)
        dataset = Sentinel2(tmp_path, scaled=True, bands=["blue"])
        image = dataset[dataset.regions[0].frame]["image"]
        np.testing.assert_allclose(image, reflectance, atol=1e-6)


def test_naip(raster, utm):
    path = raster("m_4709963_se_14_1_20190904.tif", 9, bands=4, dtype="uint8")
    dataset = NAIP(path.parent)
    assert [b.role for b in dataset.bands] == ["red", "green", "blue", "nir"]
    assert dataset.regions[0].when == Interval.of("2019-09-04")
    assert NAIP(path, bands=["nir"])[utm]["image"].shape[0] == 1
    raster("m_4709963_se_14_060_20210904_20220101.tif", 9, bands=4, dtype="uint8")
    assert len(NAIP(path.parent)) == 2


def test_a_declared_band_is_data_even_where_the_file_calls_it_transparency(tmp_path, utm):
    """GDAL tags the fourth of four bands of bytes as alpha: infrared that is 0 over water, 255 on land."""
    values = np.full((4, *utm.shape), 90, "uint8")
    values[3, :, :40], values[3, :, 40:] = 0, 255
    path = tmp_path / "m_4709963_se_14_1_20190904.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=80, height=60, count=4, dtype="uint8", crs=str(utm.crs),
        transform=utm.affine,
    ) as file:  # fmt: skip
        file.write(values)
        assert file.colorinterp[3].name == "alpha"
    index = tmp_path / "index.parquet"
    for dataset in (NAIP(path), NAIP(path, index=index), NAIP(path, index=index)):
        sample = dataset[utm]
        np.testing.assert_array_equal(sample["image"], values)
        assert sample["valid"].all()
    warped = NAIP(path, bands=["R"])[utm.zoom_out(1.5)[1:38, 1:50]]
    assert warped["valid"].all(), "closed by a band that is not a mask"


def test_cdl(raster, utm):
    codes = np.zeros(utm.shape, "uint8")
    codes[:, 40:] = 5
    dataset = CDL(raster("2019_30m_cdls.tif", codes).parent)
    assert dataset.regions[0].when == Interval.of("2019")
    sample = dataset[utm]
    np.testing.assert_array_equal(sample["mask"], codes)
    np.testing.assert_array_equal(sample["valid"], codes > 0)
    legend = dict(zip(dataset.classes.codes, dataset.classes.names, strict=True))
    assert (legend[1], legend[5], legend[176]) == ("Corn", "Soybeans", "Grassland/Pasture")
    assert (legend[65], legend[131]) == ("Barren (65)", "Barren (131)")
    assert max(legend) == 254


class TestOpen:
    def test_names_identify_the_sensor(self, landsat, raster):
        assert type(open_dataset(landsat / L8)) is Landsat8
        assert type(open_dataset(str(landsat / L7 / "*.TIF"))) is Landsat7
        assert type(open_dataset(raster("c/2019_30m_cdls.tif", 1, dtype="uint8").parent)) is CDL
        with pytest.raises(DatasetError, match=r"Landsat8\(paths\) \| Landsat9\(paths\)"):
            open_dataset([landsat / L8, landsat / L9])

    def test_a_stray_file_does_not_hide_the_sensor(self, landsat, raster):
        raster(f"{L8}/cloud_mask.tif", 1)
        (landsat / L8 / f"{L8}_MTL.json").write_text("{}")
        (landsat / L8 / "clouds.gml").write_text("<gml/>")
        assert len(open_dataset(landsat / L8)) == 1

    def test_other_rasters_and_vectors(self, raster, tmp_path, utm):
        path = raster("scene.tif", 1)
        assert open_dataset(path).layers == {"image"}
        assert open_dataset(path, is_image=False).layers == {"mask"}
        import geopandas as gpd

        gpd.GeoDataFrame({"k": ["a"]}, geometry=[utm.extent.geom], crs=utm.crs.to_wkt()).to_file(
            tmp_path / "v.geojson"
        )
        assert type(open_dataset(tmp_path / "v.geojson", class_field="k")) is VectorDataset
        with pytest.raises(DatasetError, match="are mixed"):
            open_dataset(tmp_path)

    def test_a_palette_means_labels(self, raster):
        import rasterio

        path = raster("classes.tif", 1, dtype="uint8")
        with rasterio.open(path, "r+") as target:
            target.write_colormap(1, {1: (0, 0, 0)})
        assert open_dataset(path).layers == {"mask"}


@pytest.mark.shared
def test_real_quarter_quads_of_two_years(shared_data):
    dataset = open_dataset(shared_data / "naip_multiyear_northdakota")
    assert type(dataset) is NAIP
    assert [r.when for r in dataset.regions] == [
        Interval.of("2009-08-18"),
        Interval.of("2019-09-04"),
    ]


class TestSentinel1:
    """Names as of HyP3's product guide."""

    NAME = "S1A_IW_20180128T161201_DVP_RTC30_G_g{scale}uned_FD6A"

    def product(self, raster, scale="p", bands=("VV", "VH"), name=NAME):
        name = name.format(scale=scale)
        for number, band in enumerate(bands):
            raster(f"{name}/{name}_{band}.tif", 0.25 + number, dtype="float32", nodata=0)
        for other in ("dem", "inc_map", "ls_map"):
            raster(f"{name}/{name}_{other}.tif", 1, dtype="float32")

    @pytest.mark.parametrize(("scale", "unit"), [("p", "linear"), ("d", "dB"), ("a", None)])
    def test_polarisations_date_and_unit(self, raster, tmp_path, utm, scale, unit):
        self.product(raster, scale)
        dataset = Sentinel1(tmp_path)
        (scene,) = dataset.scenes
        assert [(b.name, b.role, b.unit) for b in dataset.bands] == [
            ("VV", "vv", unit),
            ("VH", "vh", unit),
        ]
        assert scene.when.start.isoformat() == "2018-01-28T16:12:01+00:00"
        assert dataset[utm]["image"][:, 0, 0].tolist() == [0.25, 1.25]

    def test_scenes_of_other_polarisations_are_named(self, raster, tmp_path):
        self.product(raster)
        other = self.NAME.replace("DVP", "DHP").replace("20180128", "20180209")
        self.product(raster, bands=("HH", "HV"), name=other)
        with pytest.raises(DatasetError, match="lacks the bands"):
            Sentinel1(tmp_path)

    def test_it_is_recognised_and_joins_optical_imagery(self, raster, tmp_path, utm):
        self.product(raster)
        assert isinstance(open_dataset(tmp_path / self.NAME.format(scale="p")), Sentinel1)
        radar = Sentinel1(tmp_path)
        raster("optical.tif", 3, dtype="float32")
        from geoloom.datasets import RasterDataset

        both = radar & RasterDataset(tmp_path / "optical.tif")
        assert both[utm]["image"].shape[0] == 3


def test_a_dataset_draws_its_own_samples_in_the_colours_of_its_sensor(landsat, utm):
    from geoloom.figures import plot_sample

    dataset = Landsat8(landsat)
    sample = dict(dataset[utm])
    noise = np.random.default_rng(0).random((7, *utm.shape))
    sample["image"] = sample["image"].numpy() + noise
    drawn = dataset.plot(sample).axes[0].images[0].get_array()
    expected = plot_sample(sample, rgb=[4, 3, 2]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(drawn, expected)
    both = dataset.plot({**sample, "prediction": sample["valid"].long()}, title="Both")
    assert len(both.axes) == 2
