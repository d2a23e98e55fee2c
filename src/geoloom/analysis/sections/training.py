"""The network and how its training went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..content import Section
from ..curves import plot_training
from ..evidence.accuracies import A
from ..evidence.facts import Facts
from ..tables import pairs_table
from .html import svg

_DEGREE_M = 111_195.0
"""Metres in a degree of latitude, on the mean sphere."""


def training_section(facts: Facts[A], given: tuple[str, str], measures: Sequence[str]) -> Section:
    """Options, input and output of the network, and the curves of its training.

    Args:
        facts: Of the report.
        given: What the network gives: a name and its value.
        measures: What curves are drawn of, such as `loss`; empty means all that the history has.
    """
    card = facts.card
    rows = [
        ("Network", card.architecture),
        ("Options", ", ".join(f"{k} {v}" for k, v in card.options.items()) or "defaults"),
        ("Input bands", ", ".join(card.band_names)),
        given,
        ("Normalisation", str((card.normalization or {}).get("kind", "none"))),
    ]
    if card.chip_size_px:
        noun = "images" if card.outputs.gives == "image" else "chips"
        rows.append((f"Training {noun}", f"{card.chip_size_px} × {card.chip_size_px} pixels"))
    if card.gsd:
        rows.append(("Trained on pixels of", pixel_in_words(card.gsd, card.gsd_unit)))
    body = pairs_table(rows)
    history = facts.history
    if history is not None and history.panels(measures):
        best = f", best at epoch {history.best_epoch}" if history.best_epoch else ""
        caption = f"Loss and scores by epoch, {len(history.epochs)} epochs{best}."
        body = svg(plot_training(history, measures=measures), "training", caption) + body
    return Section("model", "Model", "Model and training", body)


def pixel_in_words(size: float, unit: str) -> str:
    """A pixel's side as people speak of it; degrees with what they measure along a meridian.

    Example:
        >>> pixel_in_words(30.0, "metre"), pixel_in_words(8.14913e-05, "degrees_north")
        ('30 m', '0.0000815 degrees, about 9.06 m')
    """
    if unit.startswith("degree"):
        plain = np.format_float_positional(size, precision=3, fractional=False, trim="-")
        return f"{plain} degrees, about {size * _DEGREE_M:.3g} m"
    if unit.startswith("metre"):
        return f"{size:.4g} m"
    return f"{size:.6g} {unit}"
