# %% [markdown]
# # From files to a regression map
#
# A network learns a *measured value* of each pixel: here the vegetation index NDVI, from bands that do not
# contain it. The near infrared is left out, and what it shows has to be learned from the visible and
# shortwave bands. All files are made on the spot, so that the script runs without data:
# `python examples/regression_map.py OUT`.
#
# With your own files, replace `scene` by your scene and `ndvi` by any raster of measurements.

# %%
import sys
from pathlib import Path

import numpy as np
import rasterio

import geoloom as gl
from geoloom.testing import simulated_scene

out = Path(sys.argv[1] if len(sys.argv) > 1 else "regression_map")
made = simulated_scene(out / "data", size_px=256)

# %% [markdown]
# ## The labels: a raster of measurements
#
# `prepare` computes the index from scaled reflectance; all other bands are dropped. What the clouds hide is
# not masked here: a cloud has an NDVI, too.

# %%
gl.prepare(
    made.scene,
    out / "ndvi.tif",
    index="ndvi",
    band={"red": "SR_B4", "nir": "SR_B5"},
    drop=list(made.bands),
    overwrite=True,
)
values = gl.open(out / "ndvi.tif", gives="value")
print(values.outputs.short)

# %% [markdown]
# ## Chips of images and values
#
# `label_kind="values"` says that the labels are numbers and no classes. Test and validation lie in blocks of
# their own.

# %%
without_nir = ["SR_B2", "SR_B3", "SR_B4", "SR_B6", "SR_B7"]
store = gl.cut_chips(
    made.scene,
    out / "chips.zarr",
    labels=out / "ndvi.tif",
    label_kind="values",
    bands=without_nir,
    size=32,
    strategy="sequential",
    min_valid=0.5,
    overwrite=True,
)
print(len(store), "chips:", store.splits, store.outputs.short)

# %% [markdown]
# ## Train, and score on blocks that were not seen

# %%
gl.train(
    store,
    out / "model",
    task="pixel_regression",
    width=0.125,
    epochs=20,
    batch_size=8,
    device="cpu",
    progress=False,
    overwrite=True,
)
report = gl.evaluate(out / "model", store)
print(report.text())

# %% [markdown]
# ## The map
#
# One float32 band, on the scene's own pixels.

# %%
gl.predict(out / "model", made.scene, out / "map.tif", overwrite=True)
with rasterio.open(out / "map.tif") as file:
    mapped = np.ma.masked_invalid(file.read(1))
with rasterio.open(out / "ndvi.tif") as file:
    truth = np.ma.masked_invalid(file.read(1, masked=True))

# %%
import matplotlib  # noqa: E402 - the picture comes last

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
shown = {"computed": truth, "mapped": mapped, "difference": mapped - truth}
for axis, (title, layer) in zip(axes, shown.items(), strict=True):
    scale = (-0.3, 0.3, "RdBu") if title == "difference" else (-0.6, 0.9, "viridis")
    picture = axis.imshow(layer, vmin=scale[0], vmax=scale[1], cmap=scale[2])
    axis.set_title(title)
    axis.set_axis_off()
    figure.colorbar(picture, ax=axis, shrink=0.7, label="NDVI")
figure.savefig(out / "map.png", dpi=120)
