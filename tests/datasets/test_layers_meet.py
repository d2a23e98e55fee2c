"""CDL, Landsat, Sentinel-2 and a map of the Chesapeake Bay, in three CRSs, meet pixel by pixel.

What each pixel should hold is known without geoloom: images hold a plane over longitude and latitude, labels
are looked up in their own rasters by pyproj.
"""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.core.interval import Interval
from geoloom.datasets import CDL, ChesapeakeMD, Landsat8, Sentinel2
from geoloom.samplers import RandomGeoSampler
from geoloom.testing.ramps import truth

LON, LAT = -78.0, 39.6  # in Maryland, where two UTM zones meet
SEED = 5
RED, NIR, BLUE, EDGE = (
    (350_000, 300_000),
    (-250_000, 200_000),
    (300_000, -325_000),
    (-200_000, -225_000),
)
"""Counts per degree east and north: 2 to 4 per metre."""


def around(crs, pixel_m, side_m):
    """A grid of whole pixels around the middle."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(LON, LAT)
    count = side_m // pixel_m
    left, top = (round(c / 30) * 30 + s * side_m / 2 for c, s in ((x, -1), (y, 1)))
    return GeoBox((count, count), Affine(pixel_m, 0, left, 0, -pixel_m, top), crs)


def lonlat(grid):
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
    x, y = grid.affine * (cols, rows)
    return Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)


def plane(grid, slopes):
    lon, lat = lonlat(grid)
    return 30_000 + slopes[0] * (lon - LON) + slopes[1] * (lat - LAT)


def fields(grid, codes, metres):
    """Codes in squares of so many metres, as fields and lots are."""
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]] * grid.affine.a
    squares = (rows // metres * 7 + cols // metres * 3).astype(int)
    return np.asarray(codes, np.uint8)[squares % len(codes)]


GRIDS = {
    "landsat": around("EPSG:32617", 30, 6_000),
    "cdl": around("EPSG:5070", 30, 6_300),
    "maryland": around("EPSG:5070", 1, 3_000),
    10: around("EPSG:32618", 10, 6_000),
    20: around("EPSG:32618", 20, 6_000),
}
CROPS = fields(GRIDS["cdl"], [1, 5, 176, 141, 0], 600)
LAND = fields(GRIDS["maryland"], [11, 27, 41, 95, 127], 170)


@pytest.fixture
def layers(raster, tmp_path):
    scene = "LC08_L2SP_017032_20180720_20200831_02_T1"
    for band, slopes in (("SR_B4", RED), ("SR_B5", NIR)):
        values = np.rint(plane(GRIDS["landsat"], slopes)).astype("uint16")
        raster(f"{scene}/{scene}_{band}.TIF", values, GRIDS["landsat"], nodata=0)
    folder = "S2A_MSIL2A_20180720T160021_N0208_R097_T18SUJ_20180720T202212.SAFE"
    for band, metres, slopes in (("B02", 10, BLUE), ("B05", 20, EDGE)):
        values = np.rint(plane(GRIDS[metres], slopes)).astype("uint16")
        name = f"{folder}/R{metres}m/T18SUJ_20180720T160021_{band}_{metres}m.tif"
        raster(name, values, GRIDS[metres])
    raster("2018_30m_cdls.tif", CROPS, GRIDS["cdl"])
    raster("md_lulc_2018_2022-Edition.tif", LAND, GRIDS["maryland"])
    return {
        "landsat": Landsat8(tmp_path, bands=["red", "nir"]),
        "sentinel": Sentinel2(tmp_path, bands=["B02", "B05"]),
        "cdl": CDL(tmp_path, years=[2018]),
        "maryland": ChesapeakeMD(tmp_path, years=[2018]),
    }


@pytest.mark.parametrize("first", ["landsat", "sentinel", "cdl"])
def test_samples_are_aligned_whichever_comes_first(layers, first):
    crss = {str(layer.regions[0].crs) for layer in layers.values()}
    assert crss == {"EPSG:32617", "EPSG:32618", "EPSG:5070"}
    order = [first, *(name for name in layers if name != first)]
    dataset = layers[order[0]] & layers[order[1]] & layers[order[2]] & layers[order[3]]
    images = [name for name in order if name in ("landsat", "sentinel")]
    slopes = {"landsat": (RED, NIR), "sentinel": (BLUE, EDGE)}
    sampler = RandomGeoSampler(
        dataset, size=32 if images[0] == "landsat" else 96, length=12, generator=SEED
    )
    slopes_in_order = [own for name in images for own in slopes[name]]
    starts, tested = set(), []
    for query in sampler:
        assert query.when.overlaps(Interval.of("2018-07-20"))
        assert query.grid.crs == layers[images[0]].regions[0].crs
        starts.add(query.grid.affine)
        sample = dataset[query]
        np.testing.assert_allclose(sample["transform"], query.grid.affine[:6])
        sure = np.ones(query.grid.shape, bool)
        for name in layers:
            source = truth(GRIDS[10 if name == "sentinel" else name], query.grid)
            # Near the edge of images there is nothing to interpolate, on ties labels have no nearest.
            sure &= source.inside(3) if name in images else source.inside() & source.off_ties()
        for channel, own in zip(sample["image"].numpy(), slopes_in_order, strict=True):
            # A count is lost by rounding, in the file and on reading; to lie 1 m beside would give 2 to 4.
            assert np.abs(channel - plane(query.grid, own))[sure].max() < 1.1
        crops = truth(GRIDS["cdl"], query.grid).nearest(CROPS)
        land = truth(GRIDS["maryland"], query.grid).nearest(LAND, fill=127)
        for position, codes in enumerate((crops, land)):
            np.testing.assert_array_equal(sample["mask"].numpy()[position][sure], codes[sure])
        valid = (crops != 0) & (land != 127)
        np.testing.assert_array_equal(sample["valid"].numpy()[sure], valid[sure])
        assert 0.2 < valid[sure].mean() < 1
        tested.append(sure.mean())
    assert len(starts) > 10, "one place drawn again and again"
    assert np.mean(tested) > 0.75, "the rest lies beyond the edge of a map"
