"""Catalogues over a network: what is fetched, counted in bytes and requests by the server itself."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_geom
from rasterio.windows import Window
from stac_files import (
    GRID,
    band_asset,
    catalog,
    item,
    noise,
    write_band,
    write_catalog,
    write_json,
)

import geoloom as gl
from geoloom.core.errors import ReadError
from geoloom.datasets import RasterDataset, StacDataset
from geoloom.testing.server import serving

VALUES = [noise(seed) for seed in range(3)]
LARGE = GeoBox((2048, 2048), GRID.affine, GRID.crs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalog")
    write_catalog(folder, VALUES)
    return folder


@pytest.fixture(scope="module")
def cogs(tmp_path_factory):
    """Two bands of one item, as cloud-optimised GeoTIFFs of some 7 MB each."""
    folder = tmp_path_factory.mktemp("cogs")
    values = np.random.default_rng(3).integers(1, 10000, (2, 2048, 2048), dtype="uint16")
    assets = {}
    for name, band in zip(("red", "nir"), values, strict=True):
        plain = write_band(folder / "plain.tif", band, LARGE)
        options = {"driver": "COG", "compress": "deflate", "blocksize": 256}
        rasterio.shutil.copy(plain, folder / f"{name}.tif", **options)
        plain.unlink()
        assets[name] = band_asset(f"{name}.tif", name, LARGE)
    write_json(folder / "item.json", item("a", assets, grid=LARGE))
    return folder, values


def test_a_window_takes_a_small_part_of_each_file(cogs):
    folder, values = cogs
    with serving(folder) as server:
        dataset = gl.open(server.address("item.json"), bands=["red", "nir"])
        assert server.requests(".tif") == 0, "the item declares all that an index needs"
        roi = np.s_[512:768, 1024:1280]
        image = dataset[LARGE[roi]]["image"].numpy()
        assert (image == values[:, *roi]).all()
        for name in ("red", "nir"):
            size = (folder / f"{name}.tif").stat().st_size
            # One block of 256 x 256 random uint16, and the first 32 KiB with the header.
            assert server.sent(f"{name}.tif") < 0.05 * size
            assert server.requests(f"{name}.tif") <= 3
        before = server.requests(".tif")
        dataset[LARGE[roi[0], 1280:1536]]
        assert server.requests(".tif") - before == 2, (
            "one request per file, once its header is known"
        )


def test_a_small_view_of_the_whole_is_not_read_pixel_by_pixel(cogs):
    """What shrinking costs is the engine's matter; it must be the same far and near."""
    folder, _ = cogs
    view = LARGE.zoom_out(16)
    with serving(folder) as server:
        far = gl.open(server.address("item.json"), bands=["red"])[view]
        near = gl.open(folder / "item.json", bands=["red"])[view]
        assert (far["image"] == near["image"]).all()


def test_bands_and_a_batch_are_read_side_by_side(folder):
    with serving(folder, delay_s=0.05) as server:
        dataset = StacDataset(server.address("catalog.json"), bands=["red", "nir"])
        days = [gl.Interval.of(f"2019-07-0{1 + i % 3}") for i in range(9)]
        queries = [gl.Query(GRID[i * 50 : i * 50 + 50, :64], day) for i, day in enumerate(days)]
        samples = dataset.__getitems__(queries)
        for i, sample in enumerate(samples):
            truth = VALUES[i % 3][:2, i * 50 : i * 50 + 50, :64]
            assert (sample["image"].numpy() == truth).all()
        assert server.most_at_once >= 3


def test_a_batch_of_near_and_far_composed(folder, tmp_path):
    write_band(tmp_path / "labels.tif", np.full((512, 512), 3, "uint8"), nodata=None)
    with serving(folder) as server:
        far = StacDataset(server.address("catalog.json"), bands=["red"])
        both = far & RasterDataset(tmp_path / "labels.tif", is_image=False)
        samples = both.__getitems__([GRID[:64, :64], GRID[64:128, :64]])
        for sample, rows in zip(samples, (np.s_[:64], np.s_[64:128]), strict=True):
            assert (sample["image"][0].numpy() == VALUES[2][0][rows, :64]).all()
            assert (sample["mask"] == 3).all()


def test_a_missing_file_of_a_batch_is_named(folder, tmp_path):
    document = json.loads((folder / "fields" / "day1" / "day1.json").read_text())
    write_json(tmp_path / "item.json", document)
    with serving(tmp_path) as server:
        dataset = StacDataset(server.address("item.json"), bands=["red"])
        with pytest.raises(ReadError, match=r"127\.0\.0\.1:\d+/red\.tif cannot be opened: .*404"):
            dataset.__getitems__([GRID[:64, :64], GRID[64:128, :64]])


def test_an_index_asks_no_server(folder, tmp_path):
    with serving(folder) as server:
        address = server.address("catalog.json")
        first = StacDataset(address, index=tmp_path / "index.parquet")
        asked = len(server.asked)
        again = StacDataset(address, index=tmp_path / "index.parquet")
        assert len(server.asked) == asked
        assert tuple(again.scenes) == tuple(first.scenes)
        again = pickle.loads(pickle.dumps(again))
        query = gl.Query(GRID[:64, :64], gl.Interval.of("2019-07-02"))
        assert (again[query]["image"][0].numpy() == VALUES[1][0][:64, :64]).all()


def test_an_object_store(folder, monkeypatch):
    """Documents and files by `s3://`; the server's folder stands for a bucket, as in MinIO."""
    with serving(folder.parent) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.address().rstrip("/"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_REGION": "us-east-1",
            "AWS_S3_ENDPOINT": f"127.0.0.1:{server.port}",
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
        }.items():
            monkeypatch.setenv(name, value)
        dataset = StacDataset(f"s3://{folder.name}/catalog.json", bands=["red"], when="2019-07-01")
        (scene,) = dataset.scenes
        assert scene.assets[0].uri == f"s3://{folder.name}/fields/day1/red.tif"
        assert (dataset[GRID[:64, :64]]["image"][0].numpy() == VALUES[0][0][:64, :64]).all()
        assert (
            server.sent("red.tif") < 0.2 * (folder / "fields" / "day1" / "red.tif").stat().st_size
        )


def real_item(path, name, when):
    """An item of a raster, made with rasterio alone."""
    with rasterio.open(path) as file:
        crs = file.crs
        declared = {
            "proj:shape": list(file.shape),
            "proj:transform": list(file.transform),
            **({"proj:epsg": crs.to_epsg()} if crs.to_epsg() else {"proj:wkt2": crs.to_wkt()}),
        }
        around = shapely.box(*file.bounds).segmentize(file.width * abs(file.transform.a) / 16)
        geometry = transform_geom(crs, "EPSG:4326", shapely.geometry.mapping(around))
        asset = {
            "href": f"./{Path(path).name}",
            "type": "image/tiff",
            "roles": ["data"],
            **declared,
        }
        asset["raster:bands"] = [{"nodata": file.nodata, "scale": 1e-4}]
    document = item(name, {"NDVI": asset}, when)
    return {**document, "geometry": geometry, "bbox": list(shapely.geometry.shape(geometry).bounds)}


@pytest.mark.shared
def test_a_year_of_real_scenes_served(shared_data, tmp_path):
    """CBERS-4 NDVI in an Albers projection without a code: 23 dates as COGs, a catalogue over them."""
    links = []
    for path in sorted((shared_data / "cbers_timeseries").glob("*_NDVI.tif")):
        first, last = (
            datetime.fromisoformat(text).replace(tzinfo=UTC) for text in path.stem.split("_")[5:7]
        )
        target = tmp_path / path.name
        rasterio.shutil.copy(path, target, driver="COG", compress="deflate", blocksize=256)
        end = last + timedelta(days=1, seconds=-1)
        document = real_item(target, path.stem, (first.isoformat(), end.isoformat()))
        write_json(tmp_path / f"{path.stem}.json", document)
        links.append(("item", f"{path.stem}.json"))
    assert len(links) == 23
    write_json(tmp_path / "catalog.json", catalog("cbers", links))
    with serving(tmp_path) as server:
        dataset = gl.open(server.address("catalog.json"), scaled=True)
        assert len(dataset.scenes) == 23
        assert server.requests(".tif") == 0
        grid = dataset.scenes[0].grid[300:556, 300:556]
        sample = dataset[gl.Query(grid, gl.Interval.of("2019-07-20"))]
        name = "CB4_64_16D_STK_022024_2019-07-12_2019-07-27_NDVI.tif"
        with rasterio.open(shared_data / "cbers_timeseries" / name) as file:
            truth = file.read(1, window=Window(300, 300, 256, 256), masked=True)
        assert (sample["valid"].numpy() == ~np.ma.getmaskarray(truth)).all()
        np.testing.assert_allclose(
            sample["image"][0].numpy()[sample["valid"]], truth.compressed() * 1e-4, atol=1e-6
        )
        assert {one.path for one in server.asked if one.path.endswith(".tif")} == {name}
        assert server.sent(".tif") < 0.35 * (tmp_path / name).stat().st_size


@pytest.mark.shared
def test_a_real_item_that_declares_little(shared_data, caplog):
    """Neither bands nor grids, and addresses that lead elsewhere."""
    files = shared_data / "odd_files" / "rio-tiler"
    dataset = StacDataset(
        files / "stac.json",
        bands=["red", "green", "blue"],
        sign=lambda address: str(files / address.rpartition("/")[2]),
    )
    (scene,) = dataset.scenes
    with rasterio.open(files / "green.tif") as file:
        assert scene.grid == GeoBox(file.shape, file.transform, "EPSG:32617")
        truth = file.read(1, window=Window(50, 60, 100, 90))
    assert (dataset[scene.grid[60:150, 50:150]]["image"][1].numpy() == truth).all()
    with pytest.raises(ReadError, match=r"which bands its asset 'rgb' holds.*bands=\[\.\.\.\]"):
        StacDataset(files / "stac.json", sign=lambda a: str(files / a.rpartition("/")[2]))
