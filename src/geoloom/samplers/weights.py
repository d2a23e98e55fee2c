"""How often each region, and each place of interest, is drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ..core.errors import SamplerError
from ..datasets.region import Region
from .places import Place

log = logging.getLogger(__name__)

Weights: TypeAlias = Literal["area", "equal"] | Sequence[float] | Callable[[Region], float]
"""How often a region is drawn: by the ground that its chips can cover; as often as any other; or by numbers
of one's own, one a region of the dataset or from a function of the region."""

RoiWeights: TypeAlias = Literal["equal"] | Sequence[float]
"""How often a place of interest is drawn: as often as any other, or by one number a place."""


def chances(
    places: Sequence[Place],
    ground: np.ndarray,
    weights: Weights,
    roi_weights: RoiWeights | None,
    *,
    regions: int,
    rois: int,
) -> np.ndarray:
    """The chance (N,) of each place to be drawn; they sum to 1.

    Args:
        places: Those that can hold a chip.
        ground: (N,) square kilometres that the chips of each can cover.
        weights: By region. Parts of one region share its weight by their ground.
        roi_weights: By place of interest, inside which `weights` hold; None draws from all as one.
        regions, rois: How many the dataset has, and how many places of interest there are.

    Raises:
        SamplerError: weights are unknown, negative, all 0, or not as many as there are regions or places.
    """
    found = _by_region(places, ground, weights, regions)
    if roi_weights is not None:
        wanted = _given("roi_weights", roi_weights, rois, "place of interest")
        homes = np.array([place.roi for place in places])
        found = _share_out(wanted, homes, found)
    if found.sum() == 0:
        raise SamplerError("what has a weight above 0 cannot hold a chip; weigh other places, too")
    shares: np.ndarray = found / found.sum()
    return shares


def _by_region(
    places: Sequence[Place], ground: np.ndarray, weights: Weights, regions: int
) -> np.ndarray:
    if callable(weights):
        own = [weights(place.region) for place in places]
        return _checked("weights", own, len(places), "region")
    if isinstance(weights, str) and weights == "area":
        return ground
    wanted = _given("weights", weights, regions, "region")
    return _share_out(wanted, np.array([place.number for place in places]), ground)


def _given(name: str, weights: str | Sequence[float], count: int, each: str) -> np.ndarray:
    """One weight (count,) each."""
    if not isinstance(weights, str):
        return _checked(name, weights, count, each)
    if weights != "equal":
        others = "'area', 'equal', a function of a region" if each == "region" else "'equal'"
        raise SamplerError(f"{name} is {weights!r}; expected {others} or one number a {each}")
    return np.ones(count)


def _checked(name: str, weights: Any, count: int, each: str) -> np.ndarray:
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (count,):
        raise SamplerError(f"{name} has shape {found.shape}; give one number a {each}: {count}")
    if not np.isfinite(found).all() or (found < 0).any() or found.sum() == 0:
        raise SamplerError(f"{name} must be 0 or more and not all 0, got {found.tolist()[:8]}")
    return found


def _share_out(wanted: np.ndarray, homes: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Weights (N,) whose sums by home (N,) are the wanted ones; inside each home as they were."""
    sums = np.bincount(homes, found, minlength=len(wanted))
    lost = (sums == 0) & (wanted > 0)
    if lost.any():
        log.warning(
            "%d of %d have a weight but hold no chip, such as number %d: the others share it",
            lost.sum(),
            len(wanted),
            np.flatnonzero(lost)[0],
        )
    shared: np.ndarray = found * (wanted / np.where(sums == 0, 1, sums))[homes]
    return shared
