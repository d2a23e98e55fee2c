"""Triplets: who is near and who is far on the ground, by the geodesic library."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from affine import Affine
from label_files import UTM, write_image
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core.errors import SamplerError
from geoloom.core.grid import lattice_window
from geoloom.datasets import RasterDataset
from geoloom.samplers import RandomGeoSampler, TripletGeoSampler

WEST = GeoBox((900, 700), Affine(30, 0, 780000, 0, -30, 4500000), "EPSG:32633")
EAST = GeoBox((2700, 2100), Affine(10, 0, 275000, 0, -10, 4500000), "EPSG:32634")
DEGREES = GeoBox((600, 600), Affine(0.0003, 0, 18.5, 0, -0.0003, 40.4), "EPSG:4326")
TURNED = GeoBox(
    (800, 800),
    Affine.translation(800000, 4450000) @ Affine.rotation(30) @ Affine.scale(30, -20),
    "EPSG:32633",
)
FIJI_WEST = GeoBox((400, 400), Affine(30, 0, 805000, 0, -30, 8116000), "EPSG:32760")
FIJI_EAST = GeoBox((400, 400), Affine(30, 0, 190000, 0, -30, 8116000), "EPSG:32701")


def lonlat(queries):
    """Centres of chips, by pyproj alone."""
    places = []
    for query in queries:
        height, width = query.grid.shape
        x, y = query.grid.affine @ (width / 2, height / 2)
        move = Transformer.from_crs(query.grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
        places.append(move.transform(x, y))
    return np.array(places).T


def apart_m(one, other):
    return np.array(Geod(ellps="WGS84").inv(*lonlat(one), *lonlat(other))[2])


def thirds(queries):
    third = len(queries) // 3
    return queries[:third], queries[third : 2 * third], queries[2 * third :]


def members(sampler, epoch=0):
    """Anchors, neighbours and distant chips of an epoch."""
    parts = [thirds(batch) for batch in sampler.table(epoch).batches(sampler.batch_size)]
    return tuple([q for part in parts for q in part[i]] for i in range(3))


@pytest.mark.parametrize(
    "scenes",
    [(UTM,), (WEST, EAST), (EAST, DEGREES, TURNED), (FIJI_WEST, FIJI_EAST)],
    ids=["one scene", "two zones", "degrees and turned", "antimeridian"],
)
def test_neighbours_are_near_and_distant_chips_far_on_the_ground(regions, scenes):
    sampler = TripletGeoSampler(regions(*scenes), 16, 10, 900, 3000, 300, generator=0)
    anchors, neighbours, distant = members(sampler)
    assert len(anchors) == len(neighbours) == len(distant) == 300
    near, far = apart_m(anchors, neighbours), apart_m(anchors, distant)
    assert (near > 0).all()
    assert (near <= 900).all()
    assert near.max() > 800
    assert (far > 3000).all()
    zones = Counter((a.grid.crs, d.grid.crs) for a, d in zip(anchors, distant, strict=True))
    assert len(zones) == len({scene.crs for scene in scenes}) ** 2
    for anchor, neighbour in zip(anchors, neighbours, strict=True):
        assert lattice_window(anchor.grid, neighbour.grid) is not None
    for query in (*neighbours, *distant):
        windows = [w for scene in scenes if (w := lattice_window(scene, query.grid)) is not None]
        assert any(
            min(w.row, w.col) >= 0 and w.row + 16 <= s.shape[0] and w.col + 16 <= s.shape[1]
            for w, s in zip(
                windows, [x for x in scenes if lattice_window(x, query.grid)], strict=True
            )
        )


def test_every_place_near_an_anchor_is_as_likely(regions):
    """In a disc, squares of distances are even, and so are directions."""
    big = GeoBox((3000, 3000), Affine(10, 0, 500000, 0, -10, 4500000), "EPSG:32633")
    middle = big[1000:2000, 1000:2000]
    sampler = TripletGeoSampler(
        regions(big), 10, 100, 2000, 0, 5000, roi=middle.pad(250), generator=1
    )
    rows = sampler.table().rows.reshape(-1, 3, 100)
    row, col = (rows[name].astype(float) for name in ("row", "col"))
    inner = (row[:, 0] > 1000) & (row[:, 0] < 1990) & (col[:, 0] > 1000) & (col[:, 0] < 1990)
    down, right = (row[:, 1] - row[:, 0])[inner], (col[:, 1] - col[:, 0])[inner]
    squares = (down**2 + right**2) * 100 / 2000**2  # UTM's scale is 0.9996 here
    for values, span in ((squares, 1.0), (np.arctan2(down, right) + np.pi, 2 * np.pi)):
        counts = np.histogram(values, bins=10, range=(0, span))[0]
        expected = len(values) / 10
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_anchors_lie_anywhere(regions):
    """Also beside the edge, where half of what is near lies outside."""
    sampler = TripletGeoSampler(regions(UTM), 2, 100, 3000, length=20_000, generator=2)
    anchors = sampler.table().rows.reshape(-1, 3, 100)[:, 0].ravel()
    counts = np.histogram2d(anchors["row"], anchors["col"], bins=5, range=((0, 899), (0, 699)))[0]
    assert (np.abs(counts - 800) < 5 * np.sqrt(800)).all()


def test_a_batch_holds_anchors_then_neighbours_then_distant_chips(tmp_path):
    """Through a plain loader and ours: thirds of the batch are the three."""
    dataset = RasterDataset(write_image(tmp_path / "image.tif"))
    sampler = TripletGeoSampler(dataset, 16, 4, 600, 6000, 8, generator=0)
    geod, move = (
        Geod(ellps="WGS84"),
        Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True),
    )
    plain = list(DataLoader(dataset, batch_sampler=sampler))
    sampler.set_epoch(0)
    ours = list(gl.loader(dataset, sampler))
    assert len(plain) == len(ours) == len(sampler) == 2
    for one, other in zip(plain, ours, strict=True):
        assert torch.equal(one["bounds"], other["bounds"])
        assert one["image"].shape == (12, 1, 16, 16)
        bounds = one["bounds"].numpy().reshape(3, 4, 4)
        x, y = (bounds[..., 0] + bounds[..., 2]) / 2, (bounds[..., 1] + bounds[..., 3]) / 2
        lon, lat = move.transform(x, y)
        assert (geod.inv(lon[0], lat[0], lon[1], lat[1])[2] <= 600).all()
        assert (geod.inv(lon[0], lat[0], lon[2], lat[2])[2] > 6000).all()


def test_distant_chips_are_beyond_the_near_ones_by_default(regions):
    sampler = TripletGeoSampler(regions(UTM), 8, 5, 9000, length=100, generator=0)
    anchors, neighbours, distant = members(sampler)
    assert (apart_m(anchors, neighbours) <= 9000).all()
    assert (apart_m(anchors, distant) > 9000).all()


def test_anchors_without_companions_are_not_drawn(regions):
    """Only near its ends has a strip of 6 km places 5 km apart."""
    strip = GeoBox((10, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
    sampler = TripletGeoSampler(regions(strip), 4, 10, 300, 5000, 200, generator=0)
    anchors, _, distant = members(sampler)
    assert (apart_m(anchors, distant) > 5000).all()
    col = sampler.table().rows.reshape(-1, 3, 10)[:, 0]["col"].ravel()
    assert ((col < 35) | (col > 160)).all()


def test_neighbours_lie_in_the_area_of_interest(regions):
    roi = UTM[400:440, 300:340]
    sampler = TripletGeoSampler(regions(UTM), 6, 5, 2000, 500, 200, roi=roi, generator=0)
    rows = sampler.table().rows
    assert ((rows["row"] + 3 >= 400) & (rows["row"] + 3 <= 440)).all()
    assert ((rows["col"] + 3 >= 300) & (rows["col"] + 3 <= 340)).all()


def test_equal_seeds_give_equal_epochs_and_ranks_share_them(regions):
    def make(**share):
        return TripletGeoSampler(regions(UTM, WEST), 8, 3, 900, 4000, 33, generator=5, **share)

    one, two = make(), make()
    first, second = list(one), list(one)
    assert first == list(two)
    assert second == list(two)
    assert first != second
    shares = [list(make(rank=rank, world_size=3)) for rank in range(3)]
    assert [len(share) for share in shares] == [4, 4, 3]
    seen = Counter(tuple(batch) for share in shares for batch in share)
    assert seen == Counter(tuple(batch) for batch in first)


def test_by_default_as_many_as_tile_the_area_once(regions):
    assert len(TripletGeoSampler(regions(UTM), 100, 9, 900)) == 7
    assert len(RandomGeoSampler(regions(UTM), 100)) == 63


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"near_m": 10}, r"hardly any chip has another within near_m=10 in its scene \(0.0%"),
        ({"far_m": 90_000}, r"hardly any chip has another farther than far_m=90000 \(0.0%"),
        ({"near_m": 0}, "metres above 0"),
        ({"near_m": float("nan")}, "metres above 0"),
        ({"far_m": -1}, "metres above 0"),
        ({"triplets": 0}, "give 1 to length"),
        ({"triplets": 101}, "triplets=101 with length=100"),
        ({"size": 1000}, "exceeds every scene"),
    ],
)
def test_an_impossible_order_says_why(regions, options, message):
    order = {"size": 8, "triplets": 5, "near_m": 900, "far_m": 4000, "length": 100, **options}
    with pytest.raises(SamplerError, match=message):
        TripletGeoSampler(regions(UTM), **order, generator=0).table()
