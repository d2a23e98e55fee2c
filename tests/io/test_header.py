"""Headers: what files say, what is refused, and when a header is read again."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

import geoloom as gl
from geoloom.core.errors import BandError, GridError, ReadError
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.ramps import write_raster

GRID = GeoBox((6, 8), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")


def make(path, count=1, dtype="uint8", **options):
    return write_raster(path, np.zeros((count, *GRID.shape), dtype), GRID, **options)


def test_describes_what_the_file_holds(tmp_path):
    path = make(tmp_path / "a.tif", 2, "int16", nodata=-9999, descriptions=("red", "nir"))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.1, 0.2), (1.0, 2.0)
        file.update_tags(sensor="OLI")
    header = read_header(path)
    assert header.uri == str(path)
    assert header.driver == "GTiff"
    assert header.grid == GRID
    assert header.dtypes == ("int16", "int16")
    assert header.nodata == (-9999, -9999)
    assert header.descriptions == header.band_names == ("red", "nir")
    assert header.scales == (0.1, 0.2)
    assert header.offsets == (1.0, 2.0)
    assert header.validity == ("nodata", "nodata")
    assert header.tags["sensor"] == "OLI"
    assert header.alpha is None
    assert not header.categorical


def test_is_a_value(tmp_path):
    header = read_header(make(tmp_path / "a.tif"))
    assert pickle.loads(pickle.dumps(header)) == header
    assert hash(header) == hash(read_header(tmp_path / "a.tif"))


def test_alpha_is_no_data_band(tmp_path):
    path = make(tmp_path / "a.tif", 4)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [*file.colorinterp[:3], ColorInterp.alpha]
    header = read_header(path)
    assert header.alpha == 4
    assert header.find(None) == header.data_bands == (1, 2, 3)
    assert header.find([4, 1]) == (4, 1)
    assert header.validity[:3] == ("alpha",) * 3


@pytest.mark.parametrize("colors", [4, 2])
def test_a_band_tagged_as_alpha_that_is_no_mask_is_data(tmp_path, caplog, colors):
    """As GDAL writes four bands of bytes, the last of them infrared; and a band beside one of gray."""
    rng = np.random.default_rng(1)
    path = make(tmp_path / "a.tif", colors)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [*file.colorinterp[: colors - 1], ColorInterp.alpha]
        file.write(rng.integers(0, 200, (colors, *GRID.shape)).astype("uint8"))
    header = read_header(path)
    assert header.alpha is None
    assert header.data_bands == tuple(range(1, colors + 1))
    assert header.validity == ("all",) * colors
    assert f"band {colors} is tagged as transparency" in caplog.text
    assert read(path).valid.all()
    caplog.clear()
    other = tmp_path / "b.tif"
    other.write_bytes(path.read_bytes())
    assert read_header(other).alpha is None
    assert not caplog.text, "said once a folder"


def test_bands_known_to_be_measurements_are_no_alpha(tmp_path):
    path = make(tmp_path / "a.tif", 4)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [*file.colorinterp[:3], ColorInterp.alpha]
    assert read_header(path).alpha == read_header(path, measured=3).alpha == 4
    assert read_header(path, measured=4).alpha is None
    assert read(read_header(path, measured=4)).valid.all()
    assert not read(path).valid.any()


def test_palette_and_names_make_classes(tmp_path):
    path = make(tmp_path / "palette.tif")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (255, 0, 0, 255)})
    assert read_header(path).colormap[1] == (255, 0, 0, 255)
    assert read_header(path).categorical
    named = make(tmp_path / "named.tif")
    assert not read_header(named).categorical
    (tmp_path / "named.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><CategoryNames><Category></Category>"
        "<Category>forest</Category></CategoryNames></PAMRasterBand></PAMDataset>"
    )
    assert read_header(named).class_names == {1: "forest"}
    tagged = make(tmp_path / "tagged.tif")
    with rasterio.open(tagged, "r+") as file:
        file.update_tags(1, class_names='{"3": "water"}')
    assert read_header(tagged).class_names == {3: "water"}


def test_a_broken_names_tag_is_named(tmp_path):
    path = make(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as file:
        file.update_tags(1, class_names="forest, water")
    with pytest.raises(ReadError, match="'class_names' is 'forest, water', not a JSON object"):
        read_header(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"1": ' * 100_000, "[1]", "7", '{"x": "y"}'])
def test_names_in_a_tag_that_make_no_sense_are_named(tmp_path, text):
    path = make(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as file:
        file.update_tags(1, class_names=text)
    with pytest.raises(ReadError, match=r"'class_names' is .*, not a JSON object"):
        read_header(path)


def test_hostile_metadata_beside_a_file_name_no_classes(tmp_path):
    """GDAL has its own say about the file; here it takes neither long nor much memory."""
    path = make(tmp_path / "a.tif")
    band = "<PAMRasterBand band='1'><CategoryNames>"
    for text in (
        "<a>" * 200_000,
        f"<PAMDataset>{band}{'<Category>x</Category>' * 200_000}",
        f"<!DOCTYPE a [<!ENTITY b 'x'>]><PAMDataset>{band}<Category>&b;</Category></CategoryNames>"
        "</PAMRasterBand></PAMDataset>",
    ):
        (tmp_path / "a.tif.aux.xml").write_text(text)
        with suppress(ReadError):
            assert read_header(path).class_names is None


def test_bands_are_found_by_number_and_name(tmp_path):
    header = read_header(make(tmp_path / "a.tif", 3, descriptions=("blue", "green", "red")))
    assert header.find(["red", 1]) == (3, 1)
    with pytest.raises(
        BandError, match=r"no band 'reed'; did you mean 'red'\? Known: blue, green, red"
    ):
        header.find(["reed"])
    with pytest.raises(BandError, match=r"bands 1 to 3 \(counted from 1\), not 0"):
        header.find([0])
    with pytest.raises(BandError, match=r"write \['red'\]"):
        header.find("red")
    with pytest.raises(BandError, match="at least one"):
        header.find([])


def test_is_cached_until_the_file_changes(tmp_path):
    path = make(tmp_path / "a.tif")
    first = read_header(path)
    assert read_header(str(path)) is first
    make(path, count=2)
    os.utime(path, ns=(1, 1))
    assert read_header(path).count == 2


def test_an_external_mask_that_appears_is_noticed(tmp_path):
    path = make(tmp_path / "a.tif")
    assert read(path).valid.all()
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(*GRID.shape) > 0)
    assert path.with_name("a.tif.msk").exists()
    assert read_header(path).validity == ("mask",)
    np.testing.assert_array_equal(read(path).valid, np.eye(*GRID.shape) > 0)


def test_a_given_crs_replaces_a_missing_or_wrong_one(tmp_path):
    bare = tmp_path / "bare.tif"
    profile = {"driver": "GTiff", "width": 8, "height": 6, "count": 1, "dtype": "uint8"}
    with rasterio.open(bare, "w", **profile, transform=GRID.affine) as file:
        file.write(np.ones((1, 6, 8), "uint8"))
    with pytest.raises(ReadError, match=r"bare\.tif has a transform but no CRS; .*crs='EPSG:4326'"):
        read_header(bare)
    assert read_header(bare, crs="EPSG:32720").grid == GRID
    assert read(bare, GRID, assume_crs="EPSG:32720").valid.all()
    tagged = make(tmp_path / "tagged.tif")
    assert read_header(tagged, crs="EPSG:32721").grid.crs.epsg == 32721
    assert read(read_header(tagged), assume_crs="EPSG:32721").grid.crs.epsg == 32721
    with pytest.raises(
        GridError, match=r"'EPSG:nonsense' is not a CRS that PROJ knows; give a code"
    ):
        read_header(bare, crs="EPSG:nonsense")


def test_where_nothing_was_observed_a_scaled_value_is_the_fill_scaled(tmp_path):
    """As the documentation of `read` has it."""
    path = make(tmp_path / "a.tif", 1, "int16", nodata=-9999)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (1.0,)
        file.write(np.full((1, *GRID.shape), -9999, "int16"))
    found = read(path, scaled=True)
    assert not found.valid.any()
    assert (found.values == -9999 * 0.5 + 1.0).all()
    assert "with `scaled` they are that number scaled" in read.__doc__


class TestRefusals:
    def write(self, path, **options):
        profile = {"driver": "GTiff", "width": 8, "height": 6, "count": 1, "dtype": "uint8"}
        with rasterio.open(path, "w", **profile, **options) as file:
            file.write(np.ones((1, 6, 8), "uint8"))
        return path

    def test_no_georeference(self, tmp_path):
        with pytest.warns(NotGeoreferencedWarning):
            path = self.write(tmp_path / "a.tif", crs="EPSG:32720")
        with (
            pytest.warns(NotGeoreferencedWarning),
            pytest.raises(ReadError, match=r"has no georeference .* gdal_translate -a_srs"),
        ):
            read_header(path)

    def test_ground_control_points(self, tmp_path):
        points = [GroundControlPoint(r, c, c * 1.0, -r * 1.0) for r in (0, 5) for c in (0, 7)]
        path = self.write(tmp_path / "a.tif", gcps=points, crs="EPSG:4326")
        with pytest.raises(ReadError, match=r"4 ground control points.*: gdalwarp -t_srs"):
            read_header(path)

    def test_ground_control_points_in_no_crs(self, tmp_path):
        points = "".join(
            f'<GCP Id="{i}" Pixel="{i}" Line="{i * i}" X="{i}" Y="{i}"/>' for i in range(4)
        )
        path = tmp_path / "a.vrt"
        path.write_text(
            f'<VRTDataset rasterXSize="8" rasterYSize="6"><GCPList>{points}</GCPList>'
            '<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
        )
        with pytest.raises(ReadError, match=r"4 ground control points.* no CRS.*-s_srs EPSG:n"):
            read_header(path)

    def test_missing_file_names_the_nearest(self, tmp_path):
        make(tmp_path / "scene_2019.tif")
        with pytest.raises(ReadError, match=r"does not exist; did you mean 'scene_2019\.tif'\?"):
            read_header(tmp_path / "scene_2018.tif")
        with pytest.raises(ReadError, match="cannot be opened"):
            read_header(tmp_path / "nowhere" / "scene.tif")

    def test_what_is_no_raster(self, tmp_path):
        (tmp_path / "a.tif").write_text("not a raster")
        with pytest.raises(ReadError, match="is not a raster that GDAL can read"):
            read_header(tmp_path / "a.tif")

    def test_a_cut_off_file(self, tmp_path):
        path = write_raster(
            tmp_path / "a.tif",
            np.random.default_rng(0).integers(0, 255, (1, 64, 64)).astype("uint8"),
            GeoBox((64, 64), GRID.affine, GRID.crs),
        )
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(ReadError, match=r"a\.tif is damaged .* fetch it again"):
            read(path)

    def test_a_container_names_what_is_inside(self, tmp_path):
        path = tmp_path / "a.gpkg"
        for table in ("first", "second"):
            profile = {"driver": "GPKG", "width": 8, "height": 6, "count": 1, "dtype": "uint8"}
            place = {"crs": "EPSG:32720", "transform": GRID.affine}
            more = {"RASTER_TABLE": table, "APPEND_SUBDATASET": table == "second"}
            with rasterio.open(path, "w", **profile, **place, **more) as file:
                file.write(np.ones((1, 6, 8), "uint8"))
        with pytest.raises(ReadError, match=r"holds no band; open one of its subdatasets.*:first"):
            read_header(path)


@pytest.mark.parametrize(
    ("descriptions", "names"),
    [
        (("ndvi", "ndvi", "red"), ("ndvi (1)", "ndvi (2)", "red")),
        (("2", "", "red"), ("2 (1)", "2 (2)", "red")),
        (("a", "a", "a (1)"), ("1", "2", "3")),
    ],
)
def test_bands_of_one_name_are_told_apart_by_number(tmp_path, descriptions, names):
    path = tmp_path / "bands.tif"
    values = np.arange(3 * 48, dtype="uint8").reshape(3, 6, 8)
    write_raster(path, values, GRID, descriptions=descriptions)
    assert read_header(path).band_names == names
    for number, name in enumerate(names):
        np.testing.assert_array_equal(read(path, bands=[name]).values[0], values[number])


def test_bands_of_one_name_are_all_read_by_a_dataset(tmp_path):
    path = tmp_path / "bands.tif"
    values = np.arange(3 * 48, dtype="uint8").reshape(3, 6, 8)
    write_raster(path, values, GRID, descriptions=("ndvi", "ndvi", "red"))
    dataset = gl.open(path)
    assert [band.name for band in dataset.bands] == ["ndvi (1)", "ndvi (2)", "red"]
    np.testing.assert_array_equal(dataset[GRID]["image"], values)
    with pytest.raises(BandError, match=r"no band 'ndvi'.*ndvi \(1\)"):
        gl.open(path, bands=["ndvi"])
