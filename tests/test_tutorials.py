"""The tutorials run as they are, and what they show is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_from_files_to_a_regression_map(tmp_path):
    script = EXAMPLES / "regression_map.py"
    made = subprocess.run(
        [sys.executable, script, tmp_path], check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    assert "1 value (ndvi in index) per pixel" in made.stdout
    with (
        rasterio.open(tmp_path / "map.tif") as mapped,
        rasterio.open(tmp_path / "ndvi.tif") as ndvi,
    ):
        assert mapped.units == ("index",)
        assert mapped.transform == ndvi.transform
        answers, truth = mapped.read(1), ndvi.read(1, masked=True).filled(np.nan)
    both = np.isfinite(answers) & np.isfinite(truth)
    assert both.mean() > 0.5
    errors = np.square(answers - truth)[both].sum()
    assert errors < 0.3 * np.square(truth[both] - truth[both].mean()).sum()  # R2 above 0.7
    picture = np.asarray(Image.open(tmp_path / "map.png").convert("L"))
    assert picture.std() > 10
