"""Datasets with sounds, as they are documented."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from documented.layout import Layout, photograph

ADVANCE = [
    "airport", "beach", "bridge", "farmland", "forest", "grassland", "harbour", "lake", "orchard",
    "residential", "sparse shrub land", "sports land", "train station",
]  # fmt: skip


def waves(path: Path, values: list[int], rate_hz: int = 22_050) -> None:
    """A sound of one channel, 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.array(values, "<i2").tobytes())


def advance(root: Path) -> None:
    for number, name in enumerate(ADVANCE):
        photograph(root / f"vision/{name}/{50_000 - number}_1.jpg", number, 512, 512)
        waves(root / f"sound/{name}/{50_000 - number}_1.wav", [0, 16_384, -32_768, 128 * number])


LAYOUTS = {
    "advance": Layout(
        advance,
        {"ADVANCE_vision.zip": ["vision"], "ADVANCE_sound.zip": ["sound"]},
        {},
        {
            "": [
                {"label": number, "audio": [0, 0.5, -1, number / 256], "audio_hz": 22_050}
                for number in range(13)
            ]
        },
        3, (512, 512), "uint8",
    ),
}  # fmt: skip
