# %% [markdown]
# # From files to a regression map
#
# A network learns a *measured value* of each pixel: here the vegetation index NDVI, from bands that do not
# contain it. The near infrared is left out, and what it shows has to be learned from the visible and
# shortwave bands.
#
# All files are simulated on the spot: `python examples/regression_map.py` writes them, the map and all
# pictures into `regression_map-out/`. With your own files, replace `made.scene` by your scene and
# `ndvi.tif` by any raster of measurements.

# %%
from pathlib import Path

from matplotlib import pyplot as plt  # shows figures below their cells, where this is a notebook

import geoloom as gl
from geoloom.figures import plot_image, plot_value_panels, plot_values, save_figure
from geoloom.testing import simulated_scene

out = Path("regression_map-out")
made = simulated_scene(out / "data", size_px=256)
figure = plot_image(made.scene, title="The scene: forest, clearings, a river, clouds")
save_figure(figure, out / "scene.png", dpi=110, overwrite=True)
figure

# %% [markdown]
# ## The labels: a raster of measurements
#
# `prepare` computes the index from scaled reflectance; all other bands are dropped. What the clouds hide is
# not masked here: a cloud has an NDVI, too. `gives="value"` opens the file as measurements, and no classes.

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
figure = plot_values(out / "ndvi.tif", unit="index", title="The labels: NDVI of the same day")
save_figure(figure, out / "labels.png", dpi=110, overwrite=True)
figure

# %% [markdown]
# ## Chips of images and values
#
# `label_kind="values"` says that the labels are numbers and no classes. Test and validation lie in blocks
# of their own.

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
# One float32 band, on the scene's own pixels. Where the model is wrong, it says what the near infrared
# alone would show.

# %%
gl.predict(out / "model", made.scene, out / "map.tif", overwrite=True)
mapped, truth = gl.read(out / "map.tif"), gl.read(out / "ndvi.tif")
truth.values[:, ~truth.valid] = float("nan")
figure = plot_value_panels(mapped.grid, "NDVI", mapped.values[0], truth.values[0])
save_figure(figure, out / "map.png", dpi=120, overwrite=True)
figure

# %% [markdown]
# ## A report
#
# One HTML file that works offline: zoomable layers, truth against prediction, how the values are
# distributed, and how the training went.

# %%
gl.report(
    out / "model", out / "map.tif", out / "report.html", truth=out / "ndvi.tif", overwrite=True
)
plt.close("all")
print(f"open {out / 'report.html'}")
