# %% [markdown]
# # Pretrained weights on other bands and classes
#
# A network that has learned from many images needs fewer labels of yours. Its bands and classes are seldom
# yours: here a network that tells forest, deforestation and water apart in four bands becomes one that finds
# deforestation in four others.
#
# Weights that others have trained are fetched from the web, and this page runs without a connection: it first
# trains a network on a large area, which stands for them. `python examples/pretrained_weights.py` writes all
# files and pictures into `pretrained_weights-out/`.

# %%
from pathlib import Path

from matplotlib import pyplot as plt  # shows figures below their cells, where this is a notebook

import geoloom as gl
from geoloom.figures import plot_comparison, plot_image, save_figure
from geoloom.models import get_weights, read_card
from geoloom.testing import simulated_scene

out = Path("pretrained_weights-out")
settings = {"batch_size": 8, "device": "cpu", "progress": False, "overwrite": True}

# %% [markdown]
# ## A model with some bands and classes
#
# Blue, green, red and near infrared, and three classes. Any model folder may be begun from; with your own,
# leave this step out.

# %%
region = simulated_scene(out / "region", size_px=224, seed=1)
truth = out / "region_truth.tif"
gl.rasterize(region.truth, region.scene, truth, class_field="class", overwrite=True)
chips = gl.cut_chips(
    region.scene,
    out / "region.zarr",
    labels=truth,
    bands=["SR_B2", "SR_B3", "SR_B4", "SR_B5"],
    size=32,
    strategy="sequential",
    overwrite=True,
)
gl.train(chips, out / "region_model", epochs=6, width=0.125, **settings)
before = gl.evaluate(out / "region_model", chips)
print(f"{', '.join(before.classes)}: overall accuracy {before.overall_accuracy:.3f}")
figure = plot_image(region.scene, bands=["SR_B4", "SR_B3", "SR_B2"], title="Where it was trained")
save_figure(figure, out / "region.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# ## Your own place: other bands, other classes, few labels
#
# Red, near infrared and two bands of shortwave infrared; deforestation and all the rest. Eight chips are all
# that is labelled.

# %%
place = simulated_scene(out / "place", size_px=192, seed=4)
labels = out / "place_truth.tif"
gl.rasterize(
    place.truth,
    place.scene,
    labels,
    class_field="class",
    classes=["deforestation"],
    other="rest",
    overwrite=True,
)
bands = ["SR_B4", "SR_B5", "SR_B6", "SR_B7"]
given = {"labels": labels, "bands": bands, "size": 32, "overwrite": True}
few = gl.cut_chips(place.scene, out / "few.zarr", count=8, split=None, seed=1, **given)
figure = plot_image(place.scene, bands=["SR_B7", "SR_B5", "SR_B4"], title="Where it is to map")
save_figure(figure, out / "place.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# ## Begin from the model
#
# `weights=` takes the folder. The network and its options come with it; red and near infrared find their
# filters by name (or by what they measure, where bands have roles), the two unknown bands get the mean of all
# filters, and the last layer is new, because the classes are. The card of the new model says so. The second
# training is the same from random weights, of the same network.

# %%
brief = {"epochs": 10, "recipe": "none", "normalize": "mean_std", **settings}
gl.train(few, out / "begun", weights=str(out / "region_model"), **brief)
print(read_card(out / "begun").initial_weights)
gl.train(few, out / "random", width=0.125, **brief)

# %% [markdown]
# ## What it was worth
#
# Both models map the whole scene and are compared with the truth of all of it, the eight chips included.

# %%
for name in ("random", "begun"):
    gl.predict(out / name, place.scene, out / f"{name}.tif", overwrite=True)
    score = gl.evaluate(out / name, place.scene, truth=labels)
    print(f"{name:6}  overall accuracy {score.overall_accuracy:.3f}, mean IoU {score.mean_iou:.3f}")
figure = plot_comparison(place.scene, labels, out / "random.tif", title="From random weights")
save_figure(figure, out / "random.png", dpi=100, overwrite=True)
figure = plot_comparison(place.scene, labels, out / "begun.tif", title="Begun from the model")
save_figure(figure, out / "begun.png", dpi=100, overwrite=True)
figure

# %% [markdown]
# ## Weights that others have trained
#
# The table of weights says for which network each file is, which bands it knows, and what it wants to be fed.
# Nothing is fetched until a network begins from them.

# %%
for name in gl.list_weights("*MOCO*", sensor="sentinel-2", bands=["nir"], architecture="*resnet*"):
    known = get_weights(name)
    print(f"{name}: {known.architecture}, {len(known.bands)} bands, {known.level}, {known.licence}")

# %% [markdown]
# On the command line the same table is `geoloom weights`:
#
# ```bash
# geoloom weights list --sensor sentinel-2 --band nir --model 'timm/resnet*'
# geoloom weights info ResNet18_Weights.SENTINEL2_ALL_MOCO
# geoloom weights download ResNet18_Weights.SENTINEL2_ALL_MOCO
# geoloom train chips.zarr model/ --weights ResNet18_Weights.SENTINEL2_ALL_MOCO
# geoloom train pictures/ model/ --model timm/resnet18 --weights imagenet
# geoloom train chips.zarr model/ --weights old-model/ --missing-bands fresh
# ```
#
# Weights by name also bring the normalisation that they were trained with, and refuse bands in another unit
# by name. `--normalize mean_std` lets the network see each band by its own mean and deviation instead.

# %%
plt.close("all")
