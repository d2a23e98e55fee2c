"""Files that are directions to other places: what they may refer to, and where they come from."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.errors import ReadError
from geoloom.datasets import RasterDataset
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.ramps import write_raster
from geoloom.testing.server import serving

GRID = GeoBox((8, 16), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32633")
VALUES = np.arange(128, dtype="uint8").reshape(1, 8, 16)


@pytest.fixture
def place(tmp_path):
    """An untrusted folder, beside files that do not belong to it."""
    write_raster(tmp_path / "private.tif", VALUES, GRID)
    (tmp_path / "secret").write_bytes(bytes(range(65, 193)))
    (tmp_path / "data").mkdir()
    write_raster(tmp_path / "data" / "tile.tif", VALUES, GRID)
    return tmp_path / "data"


def vrt(path, source, *, relative=0, raw=False, tag="SourceFilename", more=""):
    """Writes a VRT of one band that is `source`."""
    name = f'<{tag} relativeToVRT="{relative}">{source}</{tag}>'
    if raw:
        band = f'subClass="VRTRawRasterBand">{name}<PixelOffset>1</PixelOffset><LineOffset>16</LineOffset>'
    else:
        band = f"><SimpleSource>{name}<SourceBand>1</SourceBand></SimpleSource>"
    path.write_text(
        f'<VRTDataset rasterXSize="16" rasterYSize="8"><SRS>EPSG:32633</SRS>{more}'
        "<GeoTransform>500000, 10, 0, 5000000, 0, -10</GeoTransform>"
        f'<VRTRasterBand dataType="Byte" band="1" {band}</VRTRasterBand></VRTDataset>'
    )
    return path


@pytest.mark.parametrize("raw", [False, True])
def test_a_vrt_that_is_named_like_an_image_is_none(place, raw):
    path = vrt(place / "x.tif", place.parent / ("secret" if raw else "private.tif"), raw=raw)
    for reads in (read, RasterDataset, gl.open):
        with pytest.raises(
            ReadError, match=r"x\.tif is not an image but directions .* ends in \.vrt"
        ):
            reads(path)
    with pytest.raises(ReadError, match="directions to other places"):
        RasterDataset(place)


def test_raw_bytes_come_from_below_the_vrt_alone(place, monkeypatch):
    (place / "own").write_bytes(VALUES.tobytes())
    assert (read(vrt(place / "own.vrt", "own", relative=1, raw=True)).values == VALUES).all()
    for source in (place.parent / "secret", "../secret", "/etc/passwd", "/vsistdin/"):
        path = vrt(place / "x.vrt", source, relative=1, raw=True)
        with pytest.raises(ReadError, match=r"x\.vrt is a VRT that refers to .*raw bytes"):
            read(path)
    monkeypatch.setenv("GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE", "ALL")
    assert read(vrt(place / "y.vrt", "../secret", relative=1, raw=True)).values[0, 0, 0] == 65


def test_a_vrt_found_among_files_refers_to_what_lies_below_it(place):
    nested = place / "deep"
    nested.mkdir()
    write_raster(nested / "tile.tif", VALUES, GRID)
    vrt(nested / "inner.vrt", "tile.tif", relative=1)
    vrt(place / "outer.vrt", "deep/inner.vrt", relative=1)
    (place / "tile.tif").unlink()
    assert len(RasterDataset(place)) == 3
    (nested / "tile.tif").unlink()
    vrt(nested / "tile.tif", place.parent / "private.tif")
    for found in (place / "*.vrt", nested):
        with pytest.raises(ReadError, match=r"not an image but directions"):
            RasterDataset(found)


OUTSIDE = {
    "absolute": {"source": "{parent}/private.tif"},
    "by the parent": {"source": "../private.tif", "relative": 1},
    "by a link": {"source": "link.tif", "relative": 1},
    "spelled small": {"source": "{parent}/private.tif", "tag": "sourcefilename"},
    "of a server": {"source": "/vsicurl/http://127.0.0.1:9/a.tif"},
    "of another driver": {"source": "NETCDF:a.nc:b"},
    "inline": {"source": "&lt;VRTDataset/&gt;"},
    "of coordinates": {
        "source": "tile.tif",
        "relative": 1,
        "more": '<Metadata domain="GEOLOCATION"><MDI key="X_DATASET">{parent}/private.tif</MDI></Metadata>',
    },
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_a_vrt_found_among_files_that_refers_elsewhere_is_refused(place, way):
    (place / "link.tif").symlink_to(place.parent / "private.tif")
    options = {
        key: value.format(parent=place.parent) if isinstance(value, str) else value
        for key, value in OUTSIDE[way].items()
    }
    vrt(place / "x.vrt", options.pop("source"), **options)
    with pytest.raises(ReadError, match=r"x\.vrt is a VRT that refers to .* by its own name"):
        RasterDataset(place / "*.vrt")
    with pytest.raises(ReadError, match=r"by its own name"):
        gl.open(str(place / "*.vrt"))


def test_a_vrt_that_is_named_may_refer_to_anything(place):
    path = vrt(place / "x.vrt", place.parent / "private.tif")
    assert (read(path).values == VALUES).all()
    dataset = RasterDataset(path, index=place.parent / "index.parquet")
    assert (dataset[GRID]["image"].numpy() == VALUES).all()
    with serving(place.parent) as server:
        path = vrt(place / "y.vrt", f"/vsicurl/{server.address('private.tif')}")
        assert (read(path).values == VALUES).all()
        asked = server.requests()
        with pytest.raises(ReadError, match="VRT that refers to"):
            RasterDataset(place / "*y.vrt")
        assert server.requests() == asked


def test_hostile_text_is_refused(place):
    deep = "<a>" * 100_000
    for text, said in {
        "<VRTDataset": "cannot be understood",
        f"<VRTDataset>{deep}": "lie more than 100 deep",
        '<!DOCTYPE a [<!ENTITY b "bb">]><VRTDataset>&b;</VRTDataset>': "declares a document type",
        "": "cannot be understood",
    }.items():
        (place / "x.vrt").write_text(text)
        with pytest.raises(ReadError, match=said):
            RasterDataset(place / "*.vrt")
        with pytest.raises(ReadError):
            read(place / "x.vrt")


def test_vrts_that_refer_to_each_other_end(place):
    vrt(place / "a.vrt", "b.vrt", relative=1)
    vrt(place / "b.vrt", "a.vrt", relative=1)
    RasterDataset(place / "*.vrt")
    with pytest.raises(ReadError):
        read(place / "a.vrt")


@pytest.mark.parametrize(
    ("text", "driver"),
    [("<GDAL_WMS><Service name='TMS'/></GDAL_WMS>", "WMS"), ("<GDALTileIndexDataset/>", "GTI")],
)
def test_other_directions_are_opened_where_a_setting_allows_them(place, text, driver, monkeypatch):
    path = place / "x.tif"
    path.write_text(text)
    with pytest.raises(ReadError, match=rf"driver {driver}.*GEOLOOM_DRIVERS={driver}"):
        read_header(path)
    with pytest.raises(ReadError, match=r"is not a raster|does not exist|cannot be opened"):
        read_header("MEM:::DATAPOINTER=4096,PIXELS=9,LINES=9")
    monkeypatch.setenv("GEOLOOM_DRIVERS", driver)
    with pytest.raises(ReadError) as refused:
        read_header(path)
    assert "GEOLOOM_DRIVERS" not in str(refused.value)
