"""The bands of photographs of the National Agriculture Imagery Program. Loads no torch."""

from __future__ import annotations

from ...core.bands import Band

NAIP_BANDS = (
    Band("R", "red", 0.65, unit="DN"),
    Band("G", "green", 0.56, unit="DN"),
    Band("B", "blue", 0.46, unit="DN"),
    Band("NIR", "nir", 0.86, unit="DN"),
)
