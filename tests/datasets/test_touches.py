"""Reading one sample opens the files that it needs, and reads the windows and rows that it needs of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from documented.crops import BANDS, CV4A_DATES, HIGH, WIDE, plane

pytestmark = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc/self/io")

TOUCHED = """
import json, sys
from pathlib import Path
from geoloom.datasets import benchmark_class
root, name, number, options = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
dataset = benchmark_class(name)(root, split=None, **options)
dataset[0]  # loads what loads once
opened = []
watching = False
def see(event, args):
    if watching and event == "open" and str(args[0]).startswith(root):
        opened.append(str(args[0])[len(root) + 1:])
sys.addaudithook(see)
def came():
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])
before = came()
watching = True
sample = dataset[number]
watching = False
print(json.dumps({
    "opened": sorted(set(opened)), "bytes": came() - before,
    "needed": sample["image"].numel() * sample["image"].element_size(),
}))
"""


def touched(root, name, number, **options):
    done = subprocess.run(
        [sys.executable, "-c", TOUCHED, str(root), name, str(number), json.dumps(options)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_cv4a_reads_the_window_of_the_bands_wanted(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 60_000, (HIGH, WIDE), dtype=np.uint16)
    for tile in "0123":
        for day in CV4A_DATES:
            for band in BANDS if tile == "0" and day == CV4A_DATES[0] else ("B04",):
                plane(tmp_path / "data" / tile / day / f"{tile}_{band}_{day}.tif", noise)
        for name in ("label", "field_id"):
            plane(tmp_path / "data" / tile / f"{tile}_{name}.tif", np.zeros_like(noise))
    seen = touched(tmp_path, "cv4akenyacroptype", 17, bands=["B04"])
    expected = {f"data/0/{day}/0_B04_{day}.tif" for day in CV4A_DATES}
    images = {path for path in seen["opened"] if "_B" in path}
    assert images <= expected
    # Windows of 256 lie on the blocks of 256: stored, each is about as large as it is unpacked, and 13 whole
    # rasters would be 159 MB.
    assert seen["bytes"] < 3 * seen["needed"] + 2_000_000
    assert seen["needed"] == 13 * 256 * 256 * 4


@pytest.fixture(scope="module")
def zuericrop(tmp_path_factory):
    root = tmp_path_factory.mktemp("zuericrop")
    with h5py.File(root / "ZueriCrop.hdf5", "w") as file:
        file.create_dataset("data", (40, 142, 24, 24, 9), "f8", data=np.ones((40, 142, 24, 24, 9)))
        file["gt"] = np.ones((40, 24, 24, 1))
        file["gt_instance"] = np.ones((40, 24, 24, 1))
    (root / "labels.csv").write_text("code\n", encoding="utf-8")
    return root


def test_zuericrop_reads_one_row(zuericrop):
    seen = touched(zuericrop, "zuericrop", 30)
    assert set(seen["opened"]) <= {"ZueriCrop.hdf5"}
    assert seen["needed"] == 142 * 24 * 24 * 9 * 8
    assert seen["bytes"] < 1.2 * seen["needed"] + 200_000


def test_so2sat_reads_the_row_of_the_sensor_wanted(tmp_path):
    for stem in ("training", "validation", "testing"):
        label = np.zeros((300, 17))
        label[:, 3] = 1
        with h5py.File(tmp_path / f"{stem}.h5", "w") as file:
            file["sen1"] = np.ones((300, 32, 32, 8))
            file["sen2"] = np.ones((300, 32, 32, 10))
            file["label"] = label
    one = 32 * 32 * 8
    seen = touched(tmp_path, "so2sat", 500, bands="s2")
    assert set(seen["opened"]) == {"validation.h5"}
    assert seen["needed"] == 10 * one
    assert seen["bytes"] < 10 * one + 40_000, "the row of Sentinel-1 would be 65,536 more"
