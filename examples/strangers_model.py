# %% [markdown]
# # A stranger's model over a scene
#
# Many networks come as an ONNX file and a page that says what they want: these bands, in these numbers,
# these classes. Here such a network maps a scene in one call. geoloom has not trained it and does not know
# it; what it does not know, it asks for, and guesses nothing.
#
# So that this runs without a download, the first half plays the stranger: plain PyTorch, a small network,
# and `torch.onnx`. `python examples/strangers_model.py` writes the files, the map and all pictures into
# `strangers_model-out/`. With a network of someone else's, begin at "What is known of it".

# %%
import json
from pathlib import Path

import numpy as np
import rasterio
import torch
from matplotlib import pyplot as plt  # shows figures below their cells, where this is a notebook
from torch import nn

import geoloom as gl
from geoloom.core import ModelError
from geoloom.figures import plot_classes, plot_comparison, plot_image, save_figure
from geoloom.models import open_onnx
from geoloom.testing import simulated_scene

out = Path("strangers_model-out")
made = simulated_scene(out / "data", size_px=256)
labels = gl.rasterize(
    made.truth, made.scene, out / "labels.tif", class_field=made.class_field, overwrite=True
)
print("classes:", *labels.classes.names)
figure = plot_image(made.scene, title="The scene: forest, clearings, a river, clouds")
save_figure(figure, out / "scene.png", dpi=110, overwrite=True)
figure

# %% [markdown]
# ## The stranger
#
# Reads red, near and shortwave infrared, makes reflectance of them, standardises it, and learns on the left
# half of the scene. Nothing of this is geoloom's, and the file that comes out says nothing of it.

# %%
torch.manual_seed(0)
with rasterio.open(made.scene) as scene, rasterio.open(out / "labels.tif") as truth:
    seen = scene.read_masks(1) > 0
    reflectance = scene.read([3, 4, 5]).astype("float32") * 2.75e-5 - 0.2
    codes = truth.read(1).astype("int64")
    codes[(truth.read_masks(1) == 0) | ~seen] = 0  # the classes are 1, 2, 3

mean, std = reflectance[:, seen].mean(axis=1), reflectance[:, seen].std(axis=1)
x = (reflectance - mean[:, None, None]) / std[:, None, None]
image = torch.from_numpy(np.where(seen, x, 0).astype("float32"))
target = torch.from_numpy(codes) - 1

network = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.ReLU(),
    nn.Conv2d(16, 3, 1),
)  # fmt: skip
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(80):
    row, col = torch.randint(0, 192, (4,)).tolist(), torch.randint(0, 64, (4,)).tolist()
    tiles = [(slice(r, r + 64), slice(c, c + 64)) for r, c in zip(row, col, strict=True)]
    answers = network(torch.stack([image[:, *tile] for tile in tiles]))
    wanted = torch.stack([target[tile] for tile in tiles])
    loss = nn.functional.cross_entropy(answers, wanted, ignore_index=-1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

net = out / "clearings.onnx"
torch.onnx.export(
    network.eval(), (torch.zeros(1, 3, 128, 128),), str(net), input_names=["image"], verbose=False
)
print(f"loss {loss.item():.2f}, {net.name} is written")

# %% [markdown]
# ## What is known of it
#
# The file holds a graph that takes images of 128 x 128 pixels and three bands, and no more. Asked for a map
# at once, geoloom names all that is missing; `geoloom info clearings.onnx` shows the same.

# %%
try:
    gl.predict(net, made.scene, out / "map.tif", overwrite=True)
except ModelError as refused:
    print(refused)

# %% [markdown]
# ## One call
#
# The page that a stranger writes becomes keywords, or options of the command line:
#
# ```bash
# geoloom predict clearings.onnx scene.tif map.tif --bands SR_B4,SR_B5,SR_B6 --scale 2.75e-5 --offset -0.2 \
#     --mean ... --std ... --classes 1=deforestation,2=forest,3=water
# ```
#
# Tiles are of the size that the network takes, a quarter of it overlapping on each side; everything after is
# as for any model: blended, resumable, a cloud-optimised GeoTIFF with names and colours.

# %%
facts = {
    "bands": ["SR_B4", "SR_B5", "SR_B6"],
    "scale": 2.75e-5,
    "offset": -0.2,
    "mean": mean.tolist(),
    "std": std.tolist(),
    "classes": "1=deforestation,2=forest,3=water",
}
gl.predict(net, made.scene, out / "map.tif", overwrite=True, **facts)
figure = plot_classes(out / "map.tif", title="The map of the stranger's network")
save_figure(figure, out / "map.png", dpi=110, overwrite=True)
figure

# %% [markdown]
# The same by hand, on one tile, shows that nothing else has happened: the network's own answer, in PyTorch,
# to the pixels as the stranger prepared them.

# %%
with rasterio.open(out / "map.tif") as mapped:
    ours = mapped.read(1)[64:128, 64:128]
with torch.inference_mode():
    own = network(image[None, :, 32:160, 32:160])[0, :, 32:96, 32:96].argmax(dim=0).numpy() + 1
where = seen[64:128, 64:128]
print(f"equal at {100 * (ours == own)[where].mean():.1f} % of the pixels of a tile")

# %% [markdown]
# ## Written down once
#
# In a file beside the network, the facts are there for every command: `predict`, `evaluate`, `info`.
# `model_unit` stands for scale and offset there: the scene's own tags hold them, `unit` says what they lead
# to, and the network is fed alike with scenes in other scales, while another quantity is refused.
#
# The right half of the scene is scored, of which the stranger has learned nothing.

# %%
beside = {name: facts[name] for name in ("bands", "mean", "std", "classes")}
beside["model_unit"] = "surface_reflectance"
net.with_name("clearings.onnx.json").write_text(json.dumps(beside, indent=1))

right = gl.GeoBox.from_rio(rasterio.open(made.scene))[:, 128:]
report = gl.evaluate(
    net,
    made.scene,
    truth=made.truth,
    class_field=made.class_field,
    roi=right,
    unit="surface_reflectance",
)
print(report.text())

# %%
model = open_onnx(net)  # the same as an object, for loops of one's own
print(model.bands, model.outputs.short, model.input_px)
figure = plot_comparison(made.scene, out / "labels.tif", out / "map.tif", model.classes)
save_figure(figure, out / "comparison.png", dpi=110, overwrite=True)
plt.close("all")
figure
