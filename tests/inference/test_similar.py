"""Search by example: maps of how alike pixels are to a place, held against plain numpy."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer

import geoloom as gl
from geoloom.core.errors import ConfigError, GridError, QueryError, VectorError, WriteError
from geoloom.datasets import EmbeddingDataset, RasterDataset
from geoloom.testing.trials import run_trials
from small_files import CRS, TRANSFORM, save

TO_DEGREES = Transformer.from_crs(CRS, 4326, always_xy=True)
GAP = 3, 4
"""Row and column that are not observed."""


def lonlat(row, col):
    """Of a pixel's centre."""
    x, y = TRANSFORM * (col + 0.5, row + 0.5)
    return TO_DEGREES.transform(x, y)


@pytest.fixture
def codes(tmp_path):
    made = np.random.default_rng(0).integers(-127, 128, (6, 40, 50)).astype("int8")
    made[:, *GAP] = -128
    save(tmp_path / "embeddings.tif", made)
    return made


@pytest.fixture
def values(codes):
    """By AlphaEarth's formula."""
    numbers = codes.astype("float64")
    return np.sign(numbers) * (np.abs(numbers) / 127.5) ** 2


@pytest.fixture
def search(tmp_path, codes):
    """Map the embeddings; the map's one band and what its file declares."""

    def run(places, **options):
        out = tmp_path / "similar.tif"
        given = {"quantization": "alphaearth", "overwrite": True, "tile": 16, **options}
        made = gl.similar(tmp_path / "embeddings.tif", places, out, **given)
        assert made == out
        with rasterio.open(made) as file:
            return file.read(1), {**file.profile, "names": file.descriptions}

    return run


def unit(vector):
    return vector / np.linalg.norm(vector, axis=0)


class TestTheMap:
    @pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
    def test_is_what_numpy_computes(self, search, values, metric):
        found, file = search(lonlat(20, 10), metric=metric)
        wanted = values[:, 20, 10]
        if metric == "euclidean":
            expected = np.sqrt(((values - wanted[:, None, None]) ** 2).sum(axis=0))
        else:
            expected = np.einsum("c,chw->hw", wanted, values)
            if metric == "cosine":
                expected /= np.linalg.norm(wanted) * np.linalg.norm(values, axis=0)
        expected[GAP] = np.nan
        np.testing.assert_allclose(found, expected, atol=2e-6)
        assert np.isnan(found[GAP])
        assert np.isnan(file["nodata"])
        assert (file["count"], file["dtype"]) == (1, "float32")
        names = {
            "cosine": "cosine_similarity",
            "dot": "dot_product",
            "euclidean": "euclidean_distance",
        }
        assert file["names"] == (names[metric],)
        assert file["transform"] == TRANSFORM
        assert file["crs"] == rasterio.crs.CRS.from_string(CRS)

    def test_the_place_itself_is_the_most_alike(self, search):
        found, _ = search(lonlat(33, 41))
        assert np.unravel_index(np.nanargmax(found), found.shape) == (33, 41)
        assert found[33, 41] == pytest.approx(1, abs=1e-6)
        assert np.nanmin(found) >= -1
        assert np.nanmax(found) <= 1

    def test_of_several_places_the_mean(self, search, values):
        pixels = [(20, 10), (5, 44), (5, 44)]
        found, _ = search([lonlat(*pixel) for pixel in pixels])
        wanted = np.mean([unit(values[:, *pixel]) for pixel in pixels], axis=0)
        np.testing.assert_allclose(
            found[:3], np.einsum("c,chw->hw", unit(wanted), unit(values))[:3], atol=2e-6
        )
        found, _ = search([lonlat(*pixel) for pixel in pixels], metric="dot")
        wanted = np.mean([values[:, *pixel] for pixel in pixels], axis=0)
        np.testing.assert_allclose(found[:3], np.einsum("c,chw->hw", wanted, values)[:3], atol=2e-6)

    def test_places_in_whatever_form(self, tmp_path, search):
        pixels = [(20, 10), (5, 44)]
        expected, _ = search([lonlat(*pixel) for pixel in pixels])
        xy = np.array([TRANSFORM * (col + 0.5, row + 0.5) for row, col in pixels])
        table = gpd.GeoDataFrame(geometry=shapely.points(xy), crs=CRS)
        table.to_file(tmp_path / "points.gpkg")
        rows = "\n".join("{},{}".format(*lonlat(*pixel)) for pixel in pixels)
        Path(tmp_path / "points.csv").write_text(f"lon,lat\n{rows}\n")
        for places in (
            table,
            table.to_crs(4326),
            tmp_path / "points.gpkg",
            str(tmp_path / "points.csv"),
            (xy, CRS),
            np.array([lonlat(*pixel) for pixel in pixels]),
            tuple(lonlat(*pixel) for pixel in pixels),
        ):
            np.testing.assert_array_equal(search(places)[0], expected)

    def test_a_vector_and_its_record(self, tmp_path, search, values):
        vector = np.arange(6, dtype="float64")
        found, _ = search(vector)
        expected = np.einsum("c,chw->hw", unit(vector), unit(values))
        expected[GAP] = np.nan
        np.testing.assert_allclose(found, expected, atol=2e-6)
        record = json.loads((tmp_path / "similar.tif.run.json").read_text())
        assert record["model_facts"] == {"metric": "cosine", "vector": vector.tolist()}

    def test_a_vector_without_length_is_like_nothing(self, tmp_path):
        path = save(tmp_path / "a.tif", np.array([[[1, 0]], [[2, 0]]], "float32"))
        made = gl.similar(path, lonlat(0, 0), tmp_path / "map.tif")
        with rasterio.open(made) as file:
            assert file.read(1).tolist() == [[1.0, 0.0]]

    @pytest.mark.parametrize("tile", [16, 33, 256])
    def test_does_not_depend_on_tiles(self, search, tile):
        np.testing.assert_allclose(
            search(lonlat(20, 10), tile=tile)[0], search(lonlat(20, 10))[0], atol=1e-6
        )

    def test_a_part_and_another_grid(self, search, values):
        whole, _ = search(lonlat(20, 10))
        left, bottom = TRANSFORM * (5, 30)
        right, top = TRANSFORM * (25, 12)
        part, file = search(lonlat(20, 10), roi=((left, bottom, right, top), CRS))
        assert file["transform"] == TRANSFORM @ Affine.translation(5, 12)
        np.testing.assert_array_equal(part, whole[12:30, 5:25])
        _, file = search(lonlat(20, 10), resolution=60)
        assert file["transform"].a == 60

    def test_two_zones(self, tmp_path):
        """On each tile's pixels, its own vectors; in one map, those that lie there."""
        folder = tmp_path / "tiles"
        folder.mkdir()
        places = []
        for number, (zone, east) in enumerate(((32722, 820_000), (32723, 180_000))):
            vectors = np.zeros((2, 20, 20), "float32")
            vectors[number] = 1
            transform = Affine(100, 0, east, 0, -100, 9_002_000)
            save(folder / f"{zone}.tif", vectors, transform=transform, crs=f"EPSG:{zone}")
            to_degrees = Transformer.from_crs(zone, 4326, always_xy=True)
            places.append(to_degrees.transform(east + 950, 9_001_050))
        with pytest.raises(GridError, match=r"2 CRSs.*crs="):
            gl.similar(folder, places[1], tmp_path / "map.tif")
        made = gl.similar(
            folder, places[1], tmp_path / "map.tif", crs="EPSG:4326", resolution=0.001
        )
        with rasterio.open(made) as file:
            assert [next(file.sample([place])).item() for place in places] == [0.0, 1.0]
            assert np.isnan(file.read(1)).any()
        gl.similar(folder, places[0], tmp_path / "maps", per_scene=True)
        for zone, expected in ((32722, 1.0), (32723, 0.0)):
            with rasterio.open(tmp_path / "maps" / f"{zone}.tif") as file:
                assert (file.read(1) == expected).all()

    def test_a_year(self, tmp_path):
        for year, vectors in ((2019, [[1.0], [0.0]]), (2020, [[0.0], [1.0]])):
            save(tmp_path / f"t_{year}.tif", np.array(vectors, "float32")[:, None])
        dataset = EmbeddingDataset(tmp_path, filename_regex=r"t_(?P<date>\d{4})", date_format="%Y")
        for when, expected in (("2019", [1.0]), ("2020", [0.0])):
            made = gl.similar(
                dataset, np.array([2.0, 0.0]), tmp_path / "map.tif", when=when, overwrite=True
            )
            with rasterio.open(made) as file:
                assert file.read(1)[0].tolist() == expected
        with pytest.raises(QueryError, match="nothing at the time asked about"):
            gl.similar(dataset, lonlat(0, 0), tmp_path / "no.tif", when="1990")
        with pytest.raises(ConfigError, match="series of dates"):
            gl.similar(dataset.series(), lonlat(0, 0), tmp_path / "no.tif")


class TestWhatCannotBe:
    @pytest.mark.parametrize(
        ("places", "error", "message"),
        [
            (lonlat(20, 60), QueryError, r"point 1, .* lies outside the data: it holds .*inside"),
            ([lonlat(1, 1), lonlat(*GAP)], QueryError, r"point 2, .* observed nothing \(nodata\)"),
            ((-3.0, 120.0), ConfigError, "expected longitude and latitude in degrees"),
            (None, ConfigError, "places is None; give"),
            ([], ConfigError, "give"),
            ([(1.0, 2.0, 3.0)], ConfigError, "give"),
            ("plots.gpkg", VectorError, "no file plots.gpkg"),
            (np.ones(5), ConfigError, "vector of 5 numbers .* has 6 bands"),
            (np.full(6, np.nan), ConfigError, "0 of them finite"),
            (np.zeros(6), ConfigError, "0 in every band and points nowhere"),
        ],
        ids=str,
    )
    def test_places(self, search, places, error, message):
        with pytest.raises(error, match=message):
            search(places)

    def test_options(self, tmp_path, search):
        with pytest.raises(ConfigError, match="did you mean 'cosine'"):
            search(lonlat(1, 1), metric="cosin")
        dataset = RasterDataset(tmp_path / "embeddings.tif")
        with pytest.raises(ConfigError, match="quantization is of files"):
            gl.similar(dataset, lonlat(1, 1), tmp_path / "no.tif", quantization="alphaearth")
        labels = RasterDataset(tmp_path / "embeddings.tif", is_image=False)
        with pytest.raises(ConfigError, match="holds mask, and vectors come from images"):
            gl.similar(labels, lonlat(1, 1), tmp_path / "no.tif")

    def test_replacing_what_it_is_made_from(self, tmp_path, search):
        points = tmp_path / "points.tif"  # whatever its name
        points.write_text(
            json.dumps({"type": "Point", "coordinates": list(lonlat(1, 1))}), encoding="utf-8"
        )
        for out, places in ((tmp_path / "embeddings.tif", lonlat(1, 1)), (points, points)):
            with pytest.raises(WriteError, match="input"):
                gl.similar(
                    tmp_path / "embeddings.tif",
                    places,
                    out,
                    quantization="alphaearth",
                    overwrite=True,
                )


class MapRows:
    """Picklable, so that another process can be measured at it."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, rows):
        gl.similar(self.folder / f"{rows}.tif", np.ones(32), self.folder / f"{rows}_map.tif")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by Linux's means")
def test_memory_does_not_grow_with_the_area(tmp_path):
    """Eight times the rows, 235 MB more of float32, and the same memory."""
    for rows in (512, 4096):
        values = np.arange(32 * rows * 512, dtype="int8").reshape(32, rows, 512) % 50
        save(tmp_path / f"{rows}.tif", values, compress="deflate", tiled=True, interleave="pixel")
    few, many = run_trials(
        MapRows(tmp_path),
        [512, 4096],
        seconds=120,
        memory_bytes=4 << 30,
        warm_up=partial(gl.similar, tmp_path / "512.tif", np.ones(32), tmp_path / "first.tif"),
    )
    assert [few.verdict, many.verdict] == ["answered"] * 2, (few, many)
    assert 1 << 20 < few.peak_bytes < 150 << 20
    assert many.peak_bytes - few.peak_bytes < 80 << 20
