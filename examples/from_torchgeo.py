# %% [markdown]
# # From a TorchGeo script to geoloom
#
# The example of the TorchGeo paper goes on here to where a project ends: Landsat 7 and 8 are joined,
# crossed with the Cropland Data Layer (CDL), sampled, learned from with Lightning's own `Trainer`, and
# mapped. Each step shows what a TorchGeo script has, and runs what becomes of it. The names side by side
# are in `docs/coming/torchgeo.md`.
#
# All files are simulated on the spot, named as the products are: `python examples/from_torchgeo.py` writes
# them, the map and all pictures into `from_torchgeo-out/`, in less than half a minute on one core. With
# your own downloads, leave the first step out.

# %%
from pathlib import Path

from lightning.pytorch import Trainer
from matplotlib import pyplot as plt  # shows figures below their cells, where this is a notebook
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core import Classes
from geoloom.datasets import CDL, Landsat7, Landsat8
from geoloom.figures import plot_comparison, plot_sample, save_figure
from geoloom.samplers import GridGeoSampler, RandomGeoSampler
from geoloom.splits import BlockSplit, divide
from geoloom.tasks import SegmentationTask
from geoloom.testing import simulated_crops
from geoloom.transforms import AppendIndex, EncodeClasses, fit_normalization, sample_statistics

out = Path("from_torchgeo-out")
root = out / "data"
made = simulated_crops(root)
print(*sorted(file.name for file in root.iterdir()), sep="\n")

# %% [markdown]
# ## Datasets
#
# TorchGeo:
#
# ```python
# landsat7 = Landsat7(root, bands=["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"])
# landsat8 = Landsat8(root, bands=["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"])
# landsat = landsat7 | landsat8
# cdl = CDL(root)
# dataset = landsat & cdl
# ```
#
# Bands need no list: the union takes those that measure the same, whatever their numbers. The scenes lie in
# two UTM zones and the labels in Albers' projection; nothing is reprojected now, and no scene later. The
# labels of 2019 meet the scene of 2019, and those of 2020 that of 2020.

# %%
landsat7 = Landsat7(root)
landsat8 = Landsat8(root)
landsat = landsat7 | landsat8
cdl = CDL(root)
dataset = landsat & cdl

for region in dataset.regions:
    print(region)
print([f"{band.name}: {band.role}" for band in dataset.bands])

# %% [markdown]
# ## One query, one sample
#
# TorchGeo:
#
# ```python
# sample = dataset[BoundingBox(xmin, xmax, ymin, ymax, tmin, tmax)]
# dataset.plot(sample)
# ```
#
# A query is a grid and a time. `at` makes one of an area of interest, here in degrees; any `GeoBox` will do
# as well. Labels are warped onto the image's pixels, and a pixel is `valid` where both were observed: the
# gaps are those of Landsat 7's broken scan line corrector.

# %%
query = dataset.at((-90.06, 41.10, -90.01, 41.14), when="2019-07")
sample = dataset[query]
print({key: tuple(value.shape) for key, value in sample.items() if key != "crs"}, sample["crs"])
figure = plot_sample(sample, dataset.bands, dataset.classes, title="July 2019, Landsat 7 and CDL")
save_figure(figure, out / "sample.png", dpi=120, overwrite=True)
figure

# %% [markdown]
# ## Transforms
#
# TorchGeo: `transforms=AppendNDVI(index_nir=3, index_red=2)`.

# %%
roles = [band.role for band in dataset.bands]
ndvi = AppendIndex("ndvi", {"nir": roles.index("nir"), "red": roles.index("red")})
reflectance = Landsat7(root, scaled=True).with_transforms(ndvi)  # stored * scale + offset
values = reflectance[query]["image"][-1]
print(f"NDVI from {values.min():.2f} to {values.max():.2f}")

# %% [markdown]
# ## Classes
#
# TorchGeo: `CDL(root, classes=[1, 5, 111, 121, 141, 176])`, and `ignore_index=0` in the task.
#
# `EncodeClasses` numbers the classes 0, 1, 2, ... for losses. All other codes are not valid; losses,
# metrics and statistics count nothing that is not. Names and colours stay with the model and its maps.

# %%
wanted = {1, 5, 111, 121, 141, 176}
names, codes, colors = zip(*(c for c in dataset.classes if c[1] in wanted), strict=True)
crops = Classes.of(names, codes, colors)
encoded = dataset.with_transforms(EncodeClasses(crops))

# %% [markdown]
# ## Splits, samplers, loaders
#
# TorchGeo:
#
# ```python
# train, val, test = random_grid_cell_assignment(dataset, [0.6, 0.2, 0.2], grid_size=6)
# train_loader = DataLoader(train, batch_size=8, sampler=RandomGeoSampler(train, size=32, length=256),
#                           collate_fn=stack_samples)
# val_loader = DataLoader(val, batch_size=8, sampler=GridGeoSampler(val, size=32, stride=32),
#                         collate_fn=stack_samples)
# ```
#
# `BlockSplit` leaves a gap between the blocks, so that no chip of one part shows ground of another. Each
# part knows where it may be asked; torch's own collate makes the batches.

# %%
parts = divide(encoded, BlockSplit(test=0.2, val=0.2, block_px=64), size=32)
sampler = RandomGeoSampler(parts.train, size=32, length=256, generator=0)
train_loader = DataLoader(parts.train, batch_size=8, sampler=sampler)
val_loader = DataLoader(parts.val, batch_size=8, sampler=GridGeoSampler(parts.val, size=32))
test_loader = DataLoader(parts.test, batch_size=8, sampler=GridGeoSampler(parts.test, size=32))
print({split: len(loader) for split, loader in
       {"train": train_loader, "val": val_loader, "test": test_loader}.items()})  # fmt: skip

# %% [markdown]
# ## A task for your Trainer
#
# TorchGeo:
#
# ```python
# task = SemanticSegmentationTask(model="unet", backbone="resnet18", in_channels=6, num_classes=7,
#                                 ignore_index=0)
# trainer = Trainer(max_epochs=6)
# trainer.fit(task, train_loader, val_loader)
# trainer.test(task, test_loader)
# ```

# %%
seen = sample_statistics([parts.train[query] for query in sampler.table()])
task = SegmentationTask(
    "unet",
    crops,
    in_channels=len(dataset.bands),
    options={"width": 0.125},
    normalization=fit_normalization("mean_std", seen),
    learning_rate=5e-3,
)
trainer = Trainer(
    accelerator="cpu",
    max_epochs=6,
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(task, train_loader, val_loader)
trainer.test(task, test_loader, verbose=False)
print(task.report().text())

# %% [markdown]
# ## Predictions, chip by chip
#
# TorchGeo:
#
# ```python
# loader = DataLoader(test, sampler=GridGeoSampler(test, size=32, stride=32), collate_fn=stack_samples)
# predictions = trainer.predict(task, loader)
# ```
#
# The same works here, and each prediction says where it lies. `prediction` in a sample is drawn beside the
# mask.

# %%
tiles = GridGeoSampler(parts.test, size=32)
chip = next(iter(DataLoader(parts.test, sampler=tiles)))
answer = trainer.predict(task, DataLoader(parts.test, sampler=tiles))[0]
print(answer["scores"].shape, answer["crs"], answer["transform"])
shown = {key: value[0] for key, value in chip.items()}
shown["prediction"] = answer["scores"][0].argmax(0)
figure = plot_sample(shown, encoded.bands, encoded.classes, title="A chip of the test ground")
save_figure(figure, out / "chip.png", dpi=120, overwrite=True)
figure

# %% [markdown]
# ## What TorchGeo leaves to you: a map
#
# The network becomes a model folder: weights, and a card of the bands that it was fed, in which units, and
# of the classes that it gives. `predict` maps whatever has these bands, here the scene of 2020, on its own
# pixels, without seams, as a GeoTIFF with names and colours. Wrong bands are an error that names them.

# %%
task.save(out / "model", dataset, size=32, overwrite=True)
gl.predict(out / "model", landsat, out / "map.tif", when="2020", like=made.landsat8, overwrite=True)
truth = made.labels[1]
figure = plot_comparison(None, truth, out / "map.tif", crops, title="July 2020, Landsat 8")
save_figure(figure, out / "map.png", dpi=120, overwrite=True)
figure

# %% [markdown]
# ## And a report
#
# One HTML file that works offline: a zoomable map of truth, prediction and their disagreement, accuracy by
# class, confusion matrices, and the area of each crop.

# %%
gl.report(out / "model", out / "map.tif", out / "report.html", truth=truth, overwrite=True)
plt.close("all")
print(f"open {out / 'report.html'}")
