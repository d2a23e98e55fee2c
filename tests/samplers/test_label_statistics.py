"""What label statistics count, against numpy on the arrays that were written."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from label_files import RARE, UTM, with_rare_class, write_codes, write_image, write_polygons
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry

from geoloom.core.errors import SamplerError
from geoloom.datasets import RasterDataset, VectorDataset, intersection
from geoloom.samplers import GridGeoSampler, class_shares, label_statistics
from geoloom.samplers.tally import Tally
from geoloom.testing.ramps import truth


@pytest.fixture
def codes():
    return with_rare_class()


@pytest.fixture
def labels(tmp_path, codes):
    return RasterDataset(write_codes(tmp_path / "codes.tif", codes), is_image=False)


def counted(codes):
    found, counts = np.unique(codes[codes > 0], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def seen(statistics):
    return dict(zip(statistics.codes.tolist(), statistics.counts.sum(axis=0).tolist(), strict=True))


def test_every_pixel_is_counted_once(labels, codes):
    found = label_statistics(labels, every_px=1)
    assert seen(found) == counted(codes)
    assert found.every_px == label_statistics(labels).every_px == 1


@pytest.mark.parametrize("every_px", [2, 3, 8])
def test_a_coarser_lattice_looks_at_pixels_evenly_spread(labels, codes, every_px):
    found = label_statistics(labels, every_px=every_px)
    start = every_px // 2
    assert seen(found) == counted(codes[start::every_px, start::every_px])
    assert found.shares["2"] == pytest.approx(0.5, abs=0.02)


def test_points_are_pixels_of_their_class(labels, codes):
    for every_px in (1, 4):
        found = label_statistics(labels, every_px=every_px)
        for code, points in zip(found.codes.tolist(), found.points, strict=True):
            assert (codes[points["row"], points["col"]] == code).all()
            assert len(set(points.tolist())) == len(points)
    rare = label_statistics(labels, every_px=1).points[-1]
    assert len(rare) == (codes == RARE).sum()


def test_of_a_common_class_an_even_share_of_the_points_is_kept(labels, codes):
    points = label_statistics(labels, every_px=1).points[0]
    of_class = (codes == 1).sum()
    assert of_class > 1 << 16
    assert 1 << 15 < len(points) <= 1 << 16
    kept = np.histogram2d(points["row"], points["col"], bins=(10, 5), range=((0, 900), (0, 350)))[0]
    whole = (codes[:, :350] == 1).reshape(10, 90, 5, 70).sum(axis=(1, 3))
    expected = whole * len(points) / of_class
    assert (np.abs(kept - expected) <= 5 * np.sqrt(expected)).all()


def test_memory_does_not_grow_with_the_ground():
    tally = Tally(1, most_kept=100)
    for tile in range(60):
        rows = np.arange(5000) + 5000 * tile
        tally.add(0, tile, rows % 4, rows, rows)
        assert sum(len(points) for points in tally.result().points) <= 400
    found = tally.result()
    assert found.counts.tolist() == [[75_000] * 4]
    assert all(len(points) > 50 for points in found.points)


def test_what_is_kept_follows_from_the_tiles_and_not_from_their_order():
    rows = np.arange(3000)
    forth, back, other = Tally(1, 5, 200), Tally(1, 5, 200), Tally(1, 6, 200)
    for tile in range(9):
        for tally, number in ((forth, tile), (back, 8 - tile), (other, tile)):
            tally.add(0, number, (rows + number) % 3, rows + 3000 * number, rows)
    one, two, three = (tally.result().points for tally in (forth, back, other))
    assert [set(p.tolist()) for p in one] == [set(p.tolist()) for p in two]
    assert [set(p.tolist()) for p in one] != [set(p.tolist()) for p in three]


def test_codes_may_be_large_or_below_zero():
    tally = Tally(1)
    tally.add(0, 0, np.array([1 << 40, -3, 5, -3]), np.arange(4), np.arange(4))
    found = tally.result()
    assert found.codes.tolist() == [-3, 5, 1 << 40]
    assert found.counts.tolist() == [[2, 1, 1]]
    assert found.points[0]["row"].tolist() == [1, 3]


def test_only_ground_of_interest_is_counted(labels, codes):
    ring = shapely.Point(300, 400).buffer(250) - shapely.Point(300, 400).buffer(100)
    roi = shapely.transform(ring, lambda xy: np.column_stack(UTM.affine @ (xy[:, 0], xy[:, 1])))
    found = label_statistics(labels, roi=Geometry(roi, UTM.crs), every_px=1)
    inside = rasterio.features.rasterize([ring], UTM.shape, transform=Affine.identity()) > 0
    assert seen(found) == counted(np.where(inside, codes, 0))


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:32634", "EPSG:3035"])
def test_labels_come_to_the_pixels_of_the_imagery(tmp_path, crs):
    """Counted as chips will show them; pyproj finds which label pixel lies under each of the imagery's."""
    image = GeoBox((200, 150), Affine(30, 0, 600310, 0, -30, 4499100), "EPSG:32633")
    around = image.pad(40).to_crs(crs)
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 5, around.shape, dtype=np.uint8)
    labels = RasterDataset(write_codes(tmp_path / "codes.tif", codes, around), is_image=False)
    dataset = RasterDataset(write_image(tmp_path / "image.tif", image)) & labels
    where = truth(around, image)
    assert where.inside().all()
    assert seen(label_statistics(dataset, every_px=1)) == counted(where.nearest(codes))


def test_imagery_is_read_only_if_asked_for(tmp_path, codes, labels):
    path = write_image(tmp_path / "image.tif", nodata_corner=300)
    dataset = RasterDataset(path) & labels
    both = codes.copy()
    both[:300, :300] = 0
    assert seen(label_statistics(dataset, labels=dataset, every_px=1)) == counted(both)
    path.write_bytes(b"no longer an image")
    assert seen(label_statistics(dataset, every_px=1)) == counted(codes)


@pytest.mark.parametrize("background", [None, "other"])
def test_vector_layers_are_counted_as_they_are_burned(tmp_path, background):
    shapes = [shapely.Point(200, 300).buffer(80), shapely.box(400.3, 500.2, 560.8, 803.7)]
    path = write_polygons(tmp_path / "truth.gpkg", shapes, ["lake", "field"])
    vector = VectorDataset(path, class_field="class", background=background)
    dataset = RasterDataset(write_image(tmp_path / "image.tif")) & vector
    found = label_statistics(dataset, every_px=1)
    burned = rasterio.features.rasterize(
        [(shapes[1], 1), (shapes[0], 2)], UTM.shape, transform=Affine.identity()
    )
    if background is None:
        wanted = {"field": (burned == 1).sum(), "lake": (burned == 2).sum()}
    else:
        left, top, right, bottom = shapely.union_all(shapes).bounds
        box = burned[round(top) : round(bottom), round(left) : round(right)]
        wanted = {n: (box == i).sum() for i, n in enumerate(("other", "field", "lake"))}
    counts = dict(zip(found.names, found.counts[0].tolist(), strict=True))
    assert counts == wanted


def test_ground_is_square_kilometres_whatever_the_pixels(tmp_path, codes):
    """Pixels of 30 m and of 10 m: ground counts, not pixels."""
    fine = GeoBox((300, 300), Affine(10, 0, 700000, 0, -10, 4500000), "EPSG:32633")
    write_codes(tmp_path / "a.tif", codes)
    write_codes(tmp_path / "b.tif", np.full(fine.shape, 2, np.uint8), fine)
    found = label_statistics(RasterDataset(tmp_path, is_image=False), every_px=1)
    ground = np.array([(codes == c).sum() for c in (1, 2, RARE)]) * 900 / 1e6
    ground[1] += 300 * 300 * 100 / 1e6
    # A sphere stands for the ellipsoid, and UTM enlarges by up to 0.04 %.
    assert found.ground_km2 == pytest.approx(ground, rel=1e-2)
    assert list(found.shares.values()) == pytest.approx(ground / ground.sum(), rel=1e-2)


def test_class_shares_of_chips_are_those_of_their_pixels(labels, codes):
    tiles = GridGeoSampler(labels, 100, roi=UTM[100:400, 200:500])
    part = codes[100:400, 200:500]
    wanted = {str(code): count / part.size for code, count in counted(part).items()}
    assert class_shares(labels, tiles.table()) == pytest.approx(wanted)


class TestCache:
    def test_what_a_file_keeps_is_not_looked_up_again(self, tmp_path, labels, codes, monkeypatch):
        cache = tmp_path / "sub" / "labels.npz"
        first = label_statistics(labels, every_px=3, cache=cache)
        monkeypatch.setattr(type(labels), "_plan", None)
        again = label_statistics(labels, every_px=3, cache=cache)
        assert seen(again) == seen(first)
        assert all((a == b).all() for a, b in zip(again.points, first.points, strict=True))
        assert [p.name for p in cache.parent.iterdir()] == ["labels.npz"]

    def test_other_options_are_looked_up_again(self, tmp_path, labels, caplog):
        cache = tmp_path / "labels.npz"
        first = label_statistics(labels, every_px=3, cache=cache)
        with caplog.at_level(logging.INFO):
            other = label_statistics(labels, every_px=5, cache=cache)
        assert "made again" in caplog.text
        assert seen(other) != seen(first)
        assert seen(label_statistics(labels, every_px=5, cache=cache)) == seen(other)

    def test_a_file_of_another_kind_is_left_alone(self, tmp_path, labels):
        cache = tmp_path / "notes.txt"
        cache.write_text("notes")
        with pytest.raises(SamplerError, match=r"notes\.txt is not a file of label statistics"):
            label_statistics(labels, cache=cache)
        assert cache.read_text() == "notes"


class TestRefusals:
    def test_imagery_alone_has_no_labels(self, tmp_path):
        image = RasterDataset(write_image(tmp_path / "image.tif"))
        with pytest.raises(SamplerError, match="no label layer; join it with labels"):
            label_statistics(image)

    def test_several_label_layers_are_not_chosen_from(self, tmp_path, labels, codes):
        other = RasterDataset(write_codes(tmp_path / "b.tif", codes), is_image=False)
        with pytest.raises(SamplerError, match="2 label layers"):
            label_statistics(labels & other)
        assert seen(label_statistics(labels & other, labels=other, every_px=1)) == counted(codes)

    def test_nothing_labelled_is_said(self, tmp_path):
        blank = RasterDataset(
            write_codes(tmp_path / "b.tif", np.zeros((50, 50), np.uint8), UTM[:50, :50]),
            is_image=False,
        )
        with pytest.raises(SamplerError, match="is valid anywhere"):
            label_statistics(blank)
        with pytest.raises(SamplerError, match="is valid in the chips"):
            class_shares(blank, GridGeoSampler(blank, 10))

    def test_a_step_of_nothing_is_refused(self, labels):
        with pytest.raises(SamplerError, match="every_px=0; give at least 1"):
            label_statistics(labels, every_px=0)


def test_labels_paired_by_year_are_found_beside_the_imagery(tmp_path, codes):
    """The day of the image lies outside the labels' interval: the pair decides which labels are meant."""
    for year, shown in (("2018", np.where(codes > 0, 3, 0)), ("2019", codes)):
        write_codes(tmp_path / f"codes_{year}1231.tif", shown.astype(np.uint8))
    write_image(tmp_path / "image_20190704.tif")
    labels = RasterDataset(
        tmp_path, filename_regex=r"^codes_(?P<date>\d{8})", filename_glob="codes*", is_image=False
    )
    image = RasterDataset(
        tmp_path, filename_regex=r"^image_(?P<date>\d{8})", filename_glob="image*"
    )
    dataset = intersection(image, labels, pairing="same_year")
    assert seen(label_statistics(dataset, every_px=1)) == counted(codes)
