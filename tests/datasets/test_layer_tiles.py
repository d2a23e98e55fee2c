"""Chesapeake CVPR and Canada's buildings: small files, laid out as the archives unpack."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox

from geoloom.cli.app import app
from geoloom.core.errors import DatasetError, ReadError
from geoloom.datasets import (
    CanadianBuildingFootprints,
    ChesapeakeCVPR,
    RasterDataset,
    get_layer,
)
from geoloom.datasets.benchmarks.listing import DATASETS
from geoloom.testing.server import serving

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
        scene = RasterDataset(provinces.parent / "scene.tif")
        both = scene & CanadianBuildingFootprints(provinces, provinces=["PrinceEdwardIsland"])
        sample = both[ISLAND]
        assert int(sample["mask"].sum()) == 24
        from geoloom.samplers.sheet import window_sheet

        figure = window_sheet(CanadianBuildingFootprints(provinces), 2, size=16)
        assert len([ax for ax in figure.axes if ax.get_visible()]) == 2
        plt.close(figure)
