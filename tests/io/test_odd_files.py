"""Every odd real file: read right, compared with rasterio, or refused with an error that says what to do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from geoloom.core.errors import ReadError
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.ramps import truth

pytestmark = [
    pytest.mark.shared,
    # Files without any georeference are refused below; rasterio says so first.
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]


@dataclass(frozen=True)
class Read:
    """Read on its own lattice like rasterio, and onto another one."""

    valid: float
    """Share of observed pixels, to three digits, counted by hand from rasterio's masks."""
    crs: str
    """Its code, or the start of its name where it has none."""
    rule: str = "nodata"
    """Where it says what is observed."""
    alpha: bool = False
    classes: bool = False
    onto: str | None = "EPSG:3857"
    """A CRS to warp into and compare with pyproj; None where no transformation exists."""


@dataclass(frozen=True)
class Refused:
    """Refused with an error that matches."""

    why: str


NO_PLACE = Refused(r"no georeference .*identity.* gdal_translate -a_srs")
NO_CRS = Refused(r"a transform but no CRS; give .*crs='EPSG:4326'")
CONTROL_POINTS = Refused(r"\d+ ground control points.* gdalwarp -t_srs")
RPC = Refused(r"rational polynomial coefficients \(RPC\).* gdalwarp -rpc")
NO_RASTER = Refused(r"is not a raster that GDAL can read")
DAMAGED = Refused(r"is damaged in rows 0 to 1024.*; fetch it again")

UTM17, UTM22, UTM29, UTM31 = "EPSG:32617", "EPSG:32622", "EPSG:32629", "EPSG:32631"
LANDSAT5 = "rstoolbox_landsat5_bands/LT52240631988227CUB02_"
MODIS = "sits_modis_sinop/TERRA_MODIS_012010_NDVI_"
MODIS_DAYS = (
    *("2013-09-14", "2013-10-16", "2013-11-17", "2013-12-19", "2014-01-17", "2014-02-18"),
    *("2014-03-22", "2014-04-23", "2014-05-25", "2014-06-26", "2014-07-28", "2014-08-29"),
)
EXTMASK = "rio-tiler/201404_13SED190110_201404_0x1500m_CL_1_extmask.tif"

OUTCOMES: dict[str, Read | Refused] = {
    "rasterio/389225main_sw_1965_1024.jpg": NO_PLACE,
    "rasterio/N10W110.hgt.zip": Read(1.0, "EPSG:4326"),
    "rasterio/RGB.byte.gcp.vrt": CONTROL_POINTS,
    "rasterio/RGB.byte.rpc.vrt": RPC,
    "rasterio/RGB.byte.tif": Read(0.673, "EPSG:32618"),
    "rasterio/RGBA.uint16.tif": Read(0.489, "EPSG:32612", "alpha", alpha=True),
    "rasterio/all-nodata.tif": Read(0.0, "EPSG:32628"),
    "rasterio/alpha.tif": Read(0.015, "EPSG:3857", "alpha", alpha=True, onto="EPSG:4326"),
    "rasterio/corrupt.tif": DAMAGED,
    "rasterio/float_nan.tif": NO_CRS,
    # In an equal-area CRS, which pyproj's PROJ and GDAL's invert with a difference of half a millimetre.
    "rasterio/float_raster_with_nodata.tif": Read(0.628, "unknown"),
    "rasterio/goes.tif": Read(0.783, "unnamed", "mask"),
    "rasterio/rgb1.tif": Read(0.680, "UTM Zone 18, Northern Hemisphere"),
    "rasterio/rgb1_fake_nir_epsg3857.tif": Read(0.650, "EPSG:3857", onto="EPSG:4326"),
    "rasterio/rgb3.tif": Read(0.687, "UTM Zone 18, Northern Hemisphere"),
    "rasterio/rgb_lzw.tif": Read(0.673, "EPSG:32618"),
    "rasterio/rotated.tif": NO_CRS,
    "rasterio/test_esri_wkt.tif": Read(1.0, "EPSG:5070", "all"),
    "rio-cogeo/image_2000px.tif": Read(1.0, "EPSG:4326", "all"),
    "rio-cogeo/image_colormap.tif": Read(
        1.0, "WGS_1984_Lambert_Azimuthal_Equal_Area", "all", classes=True
    ),
    "rio-cogeo/image_geos.tif": Read(0.855, "unknown", "mask"),
    "rio-cogeo/image_missing_nodata.tif": Read(1.0, "Albers", "all"),
    "rio-cogeo/image_webp.tif": Read(1.0, "EPSG:3857", "all", onto="EPSG:4326"),
    "rio-cogeo/image_with_offsets.tif": Read(1.0, "unnamed"),
    "rio-cogeo/slc.tif": CONTROL_POINTS,
    EXTMASK: Read(0.969, "EPSG:26913", "mask"),
    f"{EXTMASK}.msk": NO_PLACE,
    "rio-tiler/blue.tif": Read(0.698, UTM17),
    "rio-tiler/cog_cmap.tif": Read(0.555, "EPSG:3857", classes=True, onto="EPSG:4326"),
    "rio-tiler/cog_dateline.tif": Read(1.0, "EPSG:32660", "all", onto="EPSG:32601"),
    "rio-tiler/cog_gcps.tif": CONTROL_POINTS,
    "rio-tiler/cog_hirise_mars.tif": Read(1.0, "Equirectangular MARS", "all", onto=None),
    "rio-tiler/cog_nodata_nan.tif": Read(0.489, "EPSG:32610"),
    "rio-tiler/cog_nonearth.tif": Read(0.098, "Equirectangular EUROPA", onto=None),
    "rio-tiler/cog_rgb_mask.tif": Read(0.969, "EPSG:26913", "mask"),
    "rio-tiler/cog_rgba.tif": Read(0.887, "EPSG:26913", "alpha", alpha=True),
    "rio-tiler/cog_scale.tif": Read(1.0, "unnamed"),
    "rio-tiler/green.tif": Read(0.698, UTM17),
    "rio-tiler/inverted_lat.tif": Read(0.0, "EPSG:4326"),
    "rio-tiler/lowres.tif": Read(0.699, UTM17),
    "rio-tiler/mosaic_cog3.tif": Read(0.657, "EPSG:4326"),
    "rio-tiler/no_geo2.jpg": NO_PLACE,
    "rio-tiler/pix4d_alpha_nodata.tif": Read(0.876, "EPSG:32750", "alpha", alpha=True),
    "rio-tiler/red.tif": Read(0.698, UTM17),
    "rio-tiler/scene_band1.tif": Read(1.0, UTM29),
    "rio-tiler/scene_band2.tif": Read(1.0, UTM29),
    "rio-tiler/stac.json": NO_RASTER,
    "rioxarray/test_rpcs.tif": RPC,
    **{f"{LANDSAT5}B{band}.TIF": Read(1.0, UTM22) for band in range(1, 8)},
    f"{LANDSAT5}MTL.txt": NO_RASTER,
    "rstoolbox_landsat5_bands/luna_lsat_stack.tif": Read(1.0, UTM22),
    **{f"{MODIS}{day}.jp2": Read(1.0, "unnamed", "all") for day in MODIS_DAYS},
    "sits_prodes/PRODES_LANDSAT_AMZ_2000-08-01_2020-07-31_class_v20220606.tif": Read(
        1.0, "EPSG:4674"
    ),
    "sits_prodes/SENTINEL2_MSI_20LNR_2020-06-04_2021-08-26_class_v1.tif": Read(1.0, "EPSG:32720"),
    "solaris/geotiff_labels.geojson": NO_RASTER,
    "solaris/sample_geotiff.tif": Read(1.0, "EPSG:32616"),
    "solaris/sar_hh.tif": Read(1.0, UTM31, "all"),
    "solaris/sar_masked.tif": Read(0.609, UTM31, "all"),
    "solaris/sar_vv.tif": Read(1.0, UTM31, "all"),
    "spdatalarge/nlcd.tif": Read(1.0, "EPSG:26912", classes=True),
    # Its CRS is not the one that it was made in. The file says so, so it is read so; crs= corrects it.
    "spdatalarge/nlcd2011.tif": Read(1.0, "UTM Zone 12, Northern Hemisphere", classes=True),
    "spdatalarge/srtm.tif": Read(1.0, "EPSG:4326"),
    "terra/sent2_L2A_2024-08-24.tif": Read(0.570, "EPSG:4326"),
}
READS = {name: outcome for name, outcome in OUTCOMES.items() if isinstance(outcome, Read)}
REFUSALS = {name: outcome for name, outcome in OUTCOMES.items() if isinstance(outcome, Refused)}


@pytest.fixture(scope="module")
def folder(shared_data) -> Path:
    return shared_data / "odd_files"


def test_the_table_holds_every_file(folder):
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == set(OUTCOMES)


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(folder, name):
    with pytest.raises(ReadError, match=REFUSALS[name].why) as caught:
        read(folder / name)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", READS)
def test_read_as_rasterio_does(folder, name):
    outcome = READS[name]
    header = read_header(folder / name)
    got = read(header)
    with rasterio.open(folder / name) as file:
        data = [i for i, c in enumerate(file.colorinterp, 1) if c.name != "alpha"]
        values, masks = file.read(data), file.read_masks(data) > 0
        assert header.grid.shape == file.shape
        assert header.grid.affine == file.transform
        tagged = CRS.from_wkt(file.crs.to_wkt())
        assert CRS.from_wkt(header.grid.crs.to_wkt()).equals(tagged, ignore_axis_order=True)
        assert header.nodata == pytest.approx(file.nodatavals, nan_ok=True)
        assert header.dtypes == file.dtypes
        assert header.descriptions == file.descriptions
        assert (header.scales, header.offsets) == (file.scales, file.offsets)
    np.testing.assert_array_equal(got.values, values)
    observed = masks.all(axis=0) & ~np.isnan(values).any(axis=0)
    np.testing.assert_array_equal(got.valid, observed)
    assert got.valid.mean() == pytest.approx(outcome.valid, abs=6e-4)
    assert header.validity[0] == outcome.rule
    assert (header.alpha is not None) == outcome.alpha
    assert header.categorical == outcome.classes
    authority = tagged.to_authority()
    code = ":".join(authority) if authority else tagged.name
    assert outcome.crs in (code, tagged.name, f"EPSG:{tagged.to_epsg()}")


@pytest.mark.parametrize("name", READS)
def test_warped_to_where_pyproj_says(folder, name):
    """The nearest source pixel under each centre of a turned grid in another CRS."""
    outcome = READS[name]
    header = read_header(folder / name)
    if outcome.onto is None:
        earth = GeoBox((9, 9), Affine(1e-3, 0, 0, 0, -1e-3, 0), "EPSG:4326")
        with pytest.raises(ReadError, match=r"no transformation .*celestial body"):
            read(header, earth)
        return
    grid = turned_grid(header.grid, outcome.onto)
    own = read(header, bands=[1])
    got = read(header, grid, bands=[1], resampling="nearest")
    expected = truth(header.grid, grid)
    assert expected.inside().mean() > 0.5
    sure = expected.off_ties(2e-4) & (expected.inside(1e-3) | ~expected.inside(-1e-3))
    seen = expected.nearest(own.valid.astype("uint8")) > 0
    np.testing.assert_array_equal(got.valid[sure], seen[sure])
    both = sure & seen
    np.testing.assert_array_equal(got.values[0][both], expected.nearest(own.values[0])[both])


def turned_grid(source: GeoBox, crs: str) -> GeoBox:
    """Fifty-odd pixels around the source's middle, of half its size, turned by ten degrees."""
    height, width = source.shape
    to_crs = Transformer.from_crs(CRS.from_wkt(source.crs.to_wkt()), crs, always_xy=True)
    cols = np.array([width / 2, width / 2 + 1, width / 2])
    rows = np.array([height / 2, height / 2, height / 2 + 1])
    x, y = to_crs.transform(*(source.affine * (cols, rows)))
    pixel = float(np.hypot(x[1:] - x[0], y[1:] - y[0]).max())
    size = min(height, width)
    affine = (
        Affine.translation(x[0], y[0])
        * Affine.rotation(10)
        * Affine.scale(pixel * size / 100, -pixel * size / 100)
        * Affine.translation(-25, -28)
    )
    return GeoBox((56, 50), affine, crs)


def test_a_wrong_tag_is_corrected_by_crs(folder):
    """The two NLCD files are one raster; the copy's wrong CRS puts it elsewhere until it is overridden."""
    right = read(folder / "spdatalarge/nlcd.tif")
    wrong = folder / "spdatalarge/nlcd2011.tif"
    mended = read(wrong, right.grid, assume_crs="EPSG:26912")
    np.testing.assert_array_equal(mended.valid, read(wrong).valid)
    np.testing.assert_array_equal(mended.values, read(wrong).values)


def test_a_missing_crs_is_supplied_by_crs(folder):
    got = read(folder / "rasterio/rotated.tif", assume_crs="EPSG:32618")
    assert got.grid.affine.b == pytest.approx(5)
    assert got.valid.all()
    nan = read(folder / "rasterio/float_nan.tif", assume_crs="EPSG:32618")
    np.testing.assert_array_equal(nan.valid, ~np.isnan(nan.values[0]))


def test_a_damaged_file_is_read_where_it_is_whole(folder):
    header = read_header(folder / "rasterio/corrupt.tif")
    with rasterio.open(folder / "rasterio/corrupt.tif") as file:
        expected = file.read(window=((0, 100), (0, 100)))
    got = read(header, header.grid[:100, :100])
    np.testing.assert_array_equal(got.values, expected)


def test_nothing_is_said_on_the_terminal(folder, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in OUTCOMES:
            try:
                read_header(folder / name)
            except ReadError:
                continue
    assert capfd.readouterr() == ("", "")
