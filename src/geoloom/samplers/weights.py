"""How often each region, and each area of interest, is drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ..core.errors import SamplerError
from ..datasets.region import Region
from .sampling_regions import SamplingRegion

log = logging.getLogger(__name__)

Weights: TypeAlias = Literal["area", "equal"] | Sequence[float] | Callable[[Region], float]
"""How often a region is drawn: by the ground that its chips can cover; as often as any other; or by numbers
of one's own, one per region of the dataset or from a function of the region."""

RoiWeights: TypeAlias = Literal["equal"] | Sequence[float]
"""How often an area of interest is drawn: as often as any other, or by one number per area."""


def chances(
    regions: Sequence[SamplingRegion],
    ground: np.ndarray,
    weights: Weights,
    roi_weights: RoiWeights | None,
    *,
    region_count: int,
    roi_count: int,
) -> np.ndarray:
    """The chance (N,) of each region to be drawn; they sum to 1.

    Args:
        regions: Those that can hold a chip.
        ground: (N,) square kilometres that the chips of each can cover.
        weights: By region. Parts of one region share its weight by their ground.
        roi_weights: By area of interest, inside which `weights` hold; None draws from all as one.
        region_count, roi_count: How many regions the dataset has, and how many areas of interest there are.

    Raises:
        SamplerError: weights are unknown, negative, all 0, or not as many as there are regions or areas.
    """
    weighted = _by_region(regions, ground, weights, region_count)
    if roi_weights is not None:
        wanted = _given("roi_weights", roi_weights, roi_count, "area of interest")
        homes = np.array([region.roi for region in regions])
        weighted = _share_out(wanted, homes, weighted)
    if weighted.sum() == 0:
        raise SamplerError("what has a weight above 0 cannot hold a chip; weigh other regions, too")
    shares: np.ndarray = weighted / weighted.sum()
    return shares


def _by_region(
    regions: Sequence[SamplingRegion], ground: np.ndarray, weights: Weights, region_count: int
) -> np.ndarray:
    if callable(weights):
        own = [weights(region.source) for region in regions]
        return _checked("weights", own, len(regions), "region")
    if isinstance(weights, str) and weights == "area":
        return ground
    wanted = _given("weights", weights, region_count, "region")
    return _share_out(wanted, np.array([region.number for region in regions]), ground)


def _given(name: str, weights: str | Sequence[float], count: int, each: str) -> np.ndarray:
    """One weight (count,) each."""
    if not isinstance(weights, str):
        return _checked(name, weights, count, each)
    if weights != "equal":
        others = "'area', 'equal', a function of a region" if each == "region" else "'equal'"
        raise SamplerError(f"{name} is {weights!r}; expected {others} or one number per {each}")
    return np.ones(count)


def _checked(name: str, weights: Any, count: int, each: str) -> np.ndarray:
    numbers = np.asarray(weights, dtype=np.float64)
    if numbers.shape != (count,):
        raise SamplerError(f"{name} has shape {numbers.shape}; give one number per {each}: {count}")
    if not np.isfinite(numbers).all() or (numbers < 0).any() or numbers.sum() == 0:
        raise SamplerError(f"{name} must be 0 or more and not all 0, got {numbers.tolist()[:8]}")
    return numbers


def _share_out(wanted: np.ndarray, homes: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Weights (N,) whose sums by home (N,) are the wanted ones; inside each home as they were."""
    sums = np.bincount(homes, given, minlength=len(wanted))
    lost = (sums == 0) & (wanted > 0)
    if lost.any():
        log.warning(
            "%d of %d have a weight but hold no chip, such as number %d: the others share it",
            lost.sum(),
            len(wanted),
            np.flatnonzero(lost)[0],
        )
    shared: np.ndarray = given * (wanted / np.where(sums == 0, 1, sums))[homes]
    return shared
