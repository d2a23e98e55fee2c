"""The papers' listings run with only their import lines and file paths changed, on files made here.

Figures 2, 3 and 4 of the DeepGeo paper, and listing 1 of the TorchGeo paper. The latter's files are named
and laid out as the products are: Landsat 7 and 8 in two UTM zones, one file per band, and the Cropland Data
Layer in Albers' projection.
"""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.features import rasterize

from geoloom.core.grid import grid_at, lattice_window

FIGURE_2 = """
import geoloom.toolbox.preprocessor as prep
raster_file = "{folder}/my_raster.tif"
# Define a Preprocessor for file "my_raster.tif"
preproc = prep.Preprocessor(raster_file,no_data=0)
# Compute Vegetation indices (NDVI and EVI2)
preproc.compute_indices({{
"ndvi": {{"idx_b_red": 3, "idx_b_nir": 4}},
"evi2": {{"idx_b_red": 3, "idx_b_nir": 4}}}})
# Standardize the image. Subtracts from the mean and then divides by the standard deviation
preproc.standardize_image("mean_std")
preproc.save_stacked_raster("{folder}/output.tiff")
"""

# The figure calls its raster `raster_file` where it names it and `shape_file` where it uses it: the path
# line takes the second name.
FIGURE_3 = """
import geoloom.toolbox.rasterizer as rast
# Defines input data
shape_file = "{folder}/my_raster.tif"
labels_shp = "{folder}/my_labels.shp"
# Defines the column in shape file containing the classes
class_column = "class"
# Define the classes to be rasterized
classes_of_inter = ["deforestation", "forest"]
# Defines the Rasterize
rasterizer = rast.Rasterizer(shape_file,
labels_shp,
class_column=class_column,
classes_interest=classes_of_inter)
# Rasterizes the data and save at "my_labels.tif"
rasterizer.rasterize_layer()
rasterizer.save_labeled_raster_to_gtiff("{folder}/my_labels.tif")
"""

FIGURE_4 = """
import geoloom.toolbox.model_builder as mb
import geoloom.toolbox.vector_utils as dsutils
# Datasets are stored in chip stores
train_ds = "{folder}/dataset.zarr#train"
test_ds = "{folder}/dataset.zarr#test"
valid_ds = "{folder}/dataset.zarr#val"
model_dir = "{folder}/trained_model"
test_img = "{folder}/output.tiff"
output = "{folder}/classif.tif"
# Defines some parameters of the DNN.
params = {{"epochs": 600,
"batch_size": 20,
"learning_rate": 0.0001,
"data_aug_ops": ["rot90", "rot180",
"rot270", "flip_left_right",
"flip_up_down", "flip_transpose"]}}
# Defines a FCN8s model and train it.
model = mb.ModelBuilder("fcn8s")
model.train(train_ds, test_ds, params, model_dir)
# Test in validation dataset
model.validate(valid_ds, params, model_dir)
# Perform classification
model.predict(test_img, params, model_dir, output)
"""

SHAPE = (150, 160)
TRANSFORM = Affine(30, 0, 500_000, 0, -30, 9_500_000)


def _run(listing, folder):
    exec(compile(listing.format(folder=folder), "listing", "exec"), {})


@pytest.fixture
def folder(tmp_path):
    """Six reflectance bands in which clearings are bright in red and dark in the near infrared, with a
    nodata edge; truth as polygons in degrees, with a class that the figure does not ask for."""
    rng = np.random.default_rng(0)
    blocks = [
        shapely.box(500_000 + 30 * 20 * i, 9_500_000 - 30 * 25 * (j + 1), 500_000 + 30 * 20 * (i + 1),
                    9_500_000 - 30 * 25 * j)
        for j in range(6) for i in range(8)
    ]  # fmt: skip
    names = np.array(["forest", "deforestation", "water"])[
        rng.choice(3, len(blocks), p=[0.5, 0.4, 0.1])
    ]
    labels = geopandas.GeoDataFrame({"class": names}, geometry=blocks, crs="EPSG:32722")
    labels.to_crs("EPSG:4326").to_file(tmp_path / "my_labels.shp")
    burned = rasterize(
        zip(blocks, (names == "forest") * 1 + (names == "deforestation") * 2, strict=True),
        out_shape=SHAPE, transform=TRANSFORM, dtype="uint8",
    )  # fmt: skip
    red = np.choose(burned, [0.03, 0.04, 0.16])
    nir = np.choose(burned, [0.02, 0.42, 0.25])
    image = np.stack([red, red, red, red, nir, red]) + rng.normal(0, 0.005, (6, *SHAPE))
    image[:, :, :4] = 0
    with rasterio.open(
        tmp_path / "my_raster.tif", "w", driver="GTiff", height=SHAPE[0], width=SHAPE[1], count=6,
        dtype="float32", crs="EPSG:32722", transform=TRANSFORM,
    ) as file:  # fmt: skip
        file.write(image.astype(np.float32))
    return tmp_path


def test_figure_2_defining_and_using_a_preprocessor(folder):
    _run(FIGURE_2, folder)
    with rasterio.open(folder / "my_raster.tif") as file:
        image = file.read().astype(float)
    with rasterio.open(folder / "output.tiff") as file:
        output = file.read()
        assert file.descriptions[6:] == ("ndvi", "evi2")
        assert file.dtypes == ("float32",) * 8
        assert file.crs.to_epsg() == 32722
        assert file.transform == TRANSFORM
        rule = json.loads(file.tags()["GEOLOOM_NORMALIZATION"])
    red, nir = image[3], image[4]
    with np.errstate(invalid="ignore"):
        stack = np.concatenate(
            [image, [(nir - red) / (nir + red)], [2.5 * (nir - red) / (nir + 2.4 * red + 1)]]
        )
    seen = image[0] != 0
    assert (~seen).any()
    assert np.isnan(output[:, ~seen]).all()
    mean, std = stack[:, seen].mean(axis=1), stack[:, seen].std(axis=1)
    np.testing.assert_allclose(
        output[:, seen], (stack[:, seen] - mean[:, None]) / std[:, None], atol=2e-4
    )
    np.testing.assert_allclose(rule["center"], mean, rtol=1e-5)


def test_figure_3_rasterizing_ground_truth(folder):
    _run(FIGURE_3, folder)
    labels = geopandas.read_file(folder / "my_labels.shp").to_crs("EPSG:32722")
    code = {"deforestation": 1, "forest": 2, "water": 3}
    truth = rasterize(
        zip(labels.geometry, labels["class"].map(code), strict=True),
        out_shape=SHAPE, transform=TRANSFORM, dtype="uint8",
    )  # fmt: skip
    with rasterio.open(folder / "my_labels.tif") as file:
        found = file.read(1)
        assert file.nodata == 0
        assert file.dtypes == ("uint8",)
        assert (file.transform, file.crs.to_epsg()) == (TRANSFORM, 32722)
        assert len(file.colormap(1)) > 3
    assert (found == truth).mean() > 0.999  # edges lie on pixel corners, and go to degrees and back
    assert set(np.unique(found)) == {1, 2, 3}


@pytest.fixture
def quick(monkeypatch):
    """The figure trains the network of 134 million parameters for up to 600 epochs: here one of that name has
    a thousandth of them, and the training ends once two epochs in a row are no better."""
    from geoloom.models import listing
    from geoloom.models.networks.fcn import FCN8s
    from geoloom.models.specs import ModelSpec
    from geoloom.toolbox import model_builder, training_params

    def narrow(in_channels, out_channels, *, width=1 / 32, dropout=0.0):
        return FCN8s(in_channels, out_channels, width=width, dropout=dropout)

    def impatient(params):
        return {**training_params.training_settings(params), "early_stopping": 2}

    monkeypatch.setitem(listing.MODELS._entries, "fcn8s", ModelSpec(narrow))
    monkeypatch.setattr(model_builder, "training_settings", impatient)


@pytest.mark.usefixtures("quick")
def test_figure_4_training_validating_and_predicting(folder):
    from geoloom.chips.store import ChipStore
    from geoloom.toolbox import DatasetGenerator

    _run(FIGURE_2, folder)
    _run(FIGURE_3, folder)
    generator = DatasetGenerator(folder / "output.tiff", folder / "my_labels.tif", "random")
    generator.generate_chips({"win_size": 24, "quantity": 8})
    generator.split_ds(perc_test=20, perc_val=20)
    generator.save_to_disk(folder, "dataset")
    _run(FIGURE_4, folder)

    history = json.loads((folder / "trained_model" / "history.json").read_text())
    losses = [epoch["train_loss"] for epoch in history]
    assert losses[-1] < losses[0]
    with rasterio.open(folder / "classif.tif") as file:
        found = file.read(1)
        seen = file.read_masks(1) > 0
        assert (file.transform, file.crs.to_epsg(), file.shape) == (TRANSFORM, 32722, SHAPE)
        assert file.dtypes == ("uint8",)
    assert not seen[:, :4].any()
    assert seen[:, 4:].all()
    assert set(np.unique(found[seen])) <= {1, 2, 3}
    validation = folder / "trained_model" / "validation"
    report = json.loads((validation / "validation_report.json").read_text())
    assert report["classes"] == ["deforestation", "forest", "non_class"]
    # Every labelled pixel of the ground under the validation chips was counted, once.
    store = ChipStore.open(folder / "dataset.zarr#val")
    labelled = np.zeros(SHAPE, dtype=bool)
    for i in range(len(store)):
        left, top = ~TRANSFORM * tuple(store.transform(i)[[2, 5]])
        rows, cols = np.nonzero(store.valid(i))
        labelled[rows + round(top), cols + round(left)] = True
    assert report["pixels"] == labelled.sum()
    assert "deforestation" in (validation / "validation_report.txt").read_text()
    assert (validation / "validation_confusion_matrix.png").exists()


SIDE = 1100
# Both scenes lie within 30 km of the border of the zones, at 90 degrees west.
LANDSAT7 = GeoBox((SIDE, SIDE), Affine(30, 0, 710_000, 0, -30, 4_560_000), "EPSG:32615")
LANDSAT8 = GeoBox((SIDE, SIDE), Affine(30, 0, 256_000, 0, -30, 4_561_000), "EPSG:32616")
CDL_GRID = GeoBox((1700, 3000), Affine(30, 0, 440_000, 0, -30, 2_050_000), "EPSG:5070")
SCENES = {
    "LE07_L2SP_024031_20190705_20200825_02_T1": (LANDSAT7, [f"SR_B{i}" for i in (1, 2, 3, 4, 5, 7)]),
    "LC08_L2SP_023031_20190720_20200827_02_T1": (LANDSAT8, [f"SR_B{i}" for i in range(1, 8)]),
}  # fmt: skip


def pattern(grid, seed):
    """Values that differ from pixel to pixel and compress well."""
    rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]]
    return (rows // 7 * 31 + cols // 5 * 17 + 1000 * seed) % 30_000 + 1


def write(path, values, grid, **options):
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.shape[1], height=grid.shape[0], count=1, dtype=values.dtype,
        crs=grid.crs.to_wkt(), transform=grid.affine, tiled=True, compress="deflate", zlevel=1, **options,
    ) as target:  # fmt: skip
        target.write(values, 1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listing")
    for name, (grid, bands) in SCENES.items():
        for position, band in enumerate(bands):
            values = pattern(grid, position).astype("uint16")
            write(folder / f"{name}_{band}.TIF", values, grid, nodata=0)
    for year in (2018, 2019):
        values = (pattern(CDL_GRID, year) % 6 + 1).astype("uint8")
        write(folder / f"{year}_30m_cdls.tif", values, CDL_GRID)
    return str(folder)


def test_torchgeo_listing_1(root):
    from torch.utils.data import DataLoader

    from geoloom.datasets import CDL, Landsat7, Landsat8
    from geoloom.samplers import RandomGeoSampler

    landsat7 = Landsat7(root=root)
    landsat8 = Landsat8(root=root)
    landsat = landsat7 | landsat8
    cdl = CDL(root=root)
    dataset = landsat & cdl
    sampler = RandomGeoSampler(dataset, size=1000, length=512)
    dataloader = DataLoader(dataset, sampler=sampler, batch_size=32)
    for batch in dataloader:
        assert len(dataloader) == 16
        check(batch, dataset)
        break  # the other fifteen batches are like the first


def check(batch, dataset):
    """Pixels of the right scene, and labels of the nearest pixel of the map of 2019."""
    assert batch["image"].shape == (32, 6, 1000, 1000)
    assert batch["mask"].shape == (32, 1000, 1000)
    assert [b.role for b in dataset.bands] == ["blue", "green", "red", "nir", "swir1", "swir2"]
    assert {r.when.start.year for r in dataset.regions} == {2019}
    assert set(batch["crs"]) == {"EPSG:32615", "EPSG:32616"}
    labels = pattern(CDL_GRID, 2019) % 6 + 1
    for i, crs in enumerate(batch["crs"]):
        scene, first = (LANDSAT7, 0) if crs == "EPSG:32615" else (LANDSAT8, 1)
        grid = grid_at((1000, 1000), batch["transform"][i], crs)
        at = lattice_window(scene, grid)
        rows, cols = slice(at.row, at.row + 1000), slice(at.col, at.col + 1000)
        for channel in (0, 5):
            expected = pattern(scene, first + channel)[rows, cols]
            np.testing.assert_array_equal(batch["image"][i, channel], expected)
        assert_nearest(batch["mask"][i].numpy(), batch["valid"][i].numpy(), grid, labels)


def assert_nearest(mask, valid, grid, labels):
    """Where a pixel's centre lies clearly in one pixel of the map, it has that one's class."""
    rows, cols = np.random.default_rng(0).integers(0, 1000, (2, 3000))
    x, y = grid.affine @ (cols + 0.5, rows + 0.5)
    x, y = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:5070", always_xy=True).transform(x, y)
    col, row = ~CDL_GRID.affine @ (x, y)
    clear = (np.abs(col - np.round(col)) > 1e-3) & (np.abs(row - np.round(row)) > 1e-3)
    inside = (col > 0) & (col < CDL_GRID.shape[1]) & (row > 0) & (row < CDL_GRID.shape[0])
    np.testing.assert_array_equal(valid[rows, cols][clear], inside[clear])
    at = clear & inside
    assert at.sum() > 1500
    expected = labels[row[at].astype(int), col[at].astype(int)]
    np.testing.assert_array_equal(mask[rows, cols][at], expected)
