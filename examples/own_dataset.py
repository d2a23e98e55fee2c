# %% [markdown]
# # A dataset of one's own, in one file
#
# Image chips and masks in folders, as many projects have them, become a dataset with a name: drawn, divided
# so that training and test do not share ground, trained on. The chips are simulated here; `python
# examples/own_dataset.py` writes them, a model and pictures into `own_dataset-out/`.

# %%
import shutil
from pathlib import Path

import numpy as np
import rasterio
from matplotlib import pyplot as plt  # shows figures below their cells, where this is a notebook
from rasterio.windows import Window

import geoloom as gl
from geoloom.datasets import Benchmark, benchmark_class, register_dataset
from geoloom.datasets.declare import (
    Band,
    Classes,
    ClassOutputs,
    Codes,
    Masks,
    PatternLayout,
    Pictures,
)
from geoloom.figures import plot_comparison, save_figure
from geoloom.splits import BlockSplit, divide
from geoloom.testing import simulated_scene

out = Path("own_dataset-out")

# %% [markdown]
# ## The files
#
# `images/plot_ROW_COL.tif` has four bands of Landsat, `masks/plot_ROW_COL.tif` the codes 10 for forest, 20
# for deforestation, 30 for water, and 0 where nobody looked. With files of your own, leave this step out.

# %%
made = simulated_scene(out / "scene", size_px=640, seed=2)
truth = out / "scene" / "truth.tif"
gl.rasterize(made.truth, made.scene, truth, class_field="class", overwrite=True)
folder = out / "clearings"
shutil.rmtree(folder, ignore_errors=True)
codes = {"forest": 10, "deforestation": 20, "water": 30}
names = gl.open(truth, is_image=False).classes
stored = np.zeros(256, np.uint8)
stored[list(names.codes)] = [codes[name] for name in names.names]
with rasterio.open(made.scene) as scene, rasterio.open(truth) as labels:
    for row in range(0, 640, 32):
        for col in range(0, 640, 32):
            window = Window(col, row, 32, 32)
            image, mask = scene.read([3, 4, 5, 6], window=window), labels.read(1, window=window)
            if not image.any():  # beyond the scene's edge
                continue
            mask = np.where(labels.read_masks(1, window=window) > 0, stored[mask], 0)
            profile = {"driver": "GTiff", "height": 32, "width": 32, "crs": scene.crs}
            profile["transform"] = scene.window_transform(window)
            for kind, values in (("images", image), ("masks", mask[None].astype(np.uint8))):
                path = folder / kind / f"plot_{row:03}_{col:03}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                with rasterio.open(
                    path, "w", count=len(values), dtype=values.dtype, **profile
                ) as file:
                    file.write(values)

# %% [markdown]
# ## The declaration
#
# This is all that geoloom has to be told. Kept in a file of its own, such as `clearings.py`, it is also
# what the command line takes: `geoloom datasets plot clearings DIR 12 --plugin clearings.py`.

# %%
CLASSES = Classes.from_legend(dict(enumerate(codes)))
BANDS = tuple(
    Band(name, role, unit="surface_reflectance", scale=2.75e-5, offset=-0.2, nodata=0)
    for name, role in (("SR_B4", "red"), ("SR_B5", "nir"), ("SR_B6", "swir1"), ("SR_B7", "swir2"))
)
CLEARINGS = Benchmark(
    name="Clearings",
    about="forest, its clearings and water in chips of Landsat 8",
    files=(),  # they are here already
    layout=PatternLayout("images/{name}.tif", {"mask": "masks/{name}.tif"}),
    image=Pictures(BANDS, "uint16"),
    targets=(
        Masks(
            Pictures((Band("class"),), column="mask"),
            Codes({10: 0, 20: 1, 30: 2}, unlabelled=(0,)),
        ),
    ),
    outputs=ClassOutputs(CLASSES),
    samples=400,
    size=(32, 32),
    placed=True,
    home="https://example.org/clearings",
    citation="simulated",
)
register_dataset(CLEARINGS, overwrite=True)

# %% [markdown]
# ## Look at it
#
# A class with that name is there now. Values that mean something else than the declaration says would be an
# error that names the file.

# %%
chips = benchmark_class("clearings")(folder)
print(chips)
figure = chips.sheet(12, seed=1)
save_figure(figure, out / "sheet.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# One sample is drawn with its place, by `plot`.

# %%
figure = chips.plot(chips[40])
save_figure(figure, out / "sample.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# ## Divide it without leaks
#
# Neighbouring chips show the same clearings: dealt out one by one, test chips would lie beside those
# learned from. Blocks of ground keep them apart; the report measures what the parts share, and `require`
# ends the script where they lie nearer than they should.

# %%
division = divide(chips, BlockSplit(test=0.25, val=0.15, buffer_m=480, seed=0))
print(division.report.require(gap_m=480))

# %% [markdown]
# ## Train and test
#
# Water is rare, so that classes are weighed. The declared bands, units and classes go into the model, which
# maps whole scenes like any other. The scene's file says its scale and not its unit, so that this is said
# here: a model guesses none.

# %%
settings = {"batch_size": 8, "device": "cpu", "progress": False, "overwrite": True}
settings |= {"epochs": 16, "width": 0.125, "recipe": "none", "class_weights": "sqrt"}
gl.train(division.whole, out / "model", **settings)
score = gl.evaluate(out / "model", division.whole, split="test")
print(f"{', '.join(score.classes)}: overall accuracy {score.overall_accuracy:.3f} on test chips")
unit = "surface_reflectance"
gl.predict(out / "model", made.scene, out / "map.tif", unit=unit, overwrite=True)
figure = plot_comparison(made.scene, truth, out / "map.tif", title="The scene, mapped")
save_figure(figure, out / "map.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# ## A layer of the Earth
#
# The chips' files say where they lie, so that they are also asked by place, and meet any other layer.

# %%
layer = chips.as_geo()
both = layer & gl.open(out / "map.tif", is_image=False)
sample = both[gl.Query(chips.grid(40))]
print({key: tuple(value.shape) for key, value in sample.items() if key in ("image", "mask")})
plt.close("all")
