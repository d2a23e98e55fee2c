"""The word for what a network has to give; light, so that networks can be listed at once."""

from __future__ import annotations

from typing import Literal

Gives = Literal["pixels", "image", "boxes", "features"]
"""What a network of some outputs has to give; the word that `ModelSpec.gives` uses."""
