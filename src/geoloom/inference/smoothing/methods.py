"""What smooths a class map: each pixel looks at the answers around it.

Legend: K classes, H rows, W columns; r the reach of a window of 2 * r + 1 pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Smooth = Literal["majority", "bayes"]
"""`majority` takes the most frequent class of a window; `bayes` weighs probabilities by those around."""

USUAL_WINDOW_PX: dict[Smooth, int] = {"majority": 3, "bayes": 7}

_LEAST_P = 1e-6
"""Probabilities are kept so far from 0 and 1, where their logit has no end."""
_VALUES_AT_ONCE = 2_000_000
"""Of neighbours that are sorted together, for bounded memory."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Smoother(Protocol):
    """Decides pixels by what lies around them."""

    @property
    def reach_px(self) -> int:
        """How far it looks, r."""
        ...

    def smooth(self, scores_KHW: Floats, valid_HW: Bools) -> tuple[Floats, Floats]:
        """Smooth the inner pixels of a block.

        Args:
            scores_KHW: Probabilities, float32 (K, H + 2 * r, W + 2 * r).
            valid_HW: True = observed; others take no part.

        Returns:
            Float32 (K, H, W): of which the largest is the class; and those that are written as probabilities.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the record."""
        ...


@dataclass(frozen=True, slots=True)
class Majority:
    """The most frequent class of the observed pixels of a window; where two are, the pixel keeps its own.

    The probabilities stay those of the network.
    """

    window_px: int = 3

    @property
    def reach_px(self) -> int:
        """Half the window."""
        return self.window_px // 2

    def smooth(self, scores_KHW: Floats, valid_HW: Bools) -> tuple[Floats, Floats]:
        """See `Smoother.smooth`; the first are the shares of votes, and 2 for a class that is kept."""
        own = scores_KHW.argmax(axis=0)
        votes = np.stack(
            [_sums((own == k) & valid_HW, self.window_px) for k in range(len(scores_KHW))]
        )
        most = votes.max(axis=0)
        tied = (votes == most).sum(axis=0) > 1
        inner = _inner(own, self.reach_px)
        kept = tied & (np.arange(len(votes))[:, None, None] == inner)
        shares = (votes / np.maximum(votes.sum(axis=0), 1)).astype(np.float32)
        shares[kept] = 2.0
        return shares, _inner(scores_KHW, self.reach_px)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "majority", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Bayes:
    """Bayesian smoothing of class probabilities.

    Of each class the logit x = log(p / (1 - p)) is taken as observed with the variance `smoothness` around a
    value whose prior is normal: mean m and variance v of the largest logits of that class among the observed
    pixels of the window, of which `fraction` are taken (at least one). The posterior mean
    (v * x + smoothness * m) / (v + smoothness) becomes a probability again, and the classes' sum is made 1.
    Taking the largest alone lets a pixel at an edge look at its own side of it.

    Source:
        Camara et al. 2024, Bayesian inference for post-processing of remote-sensing image classification,
        Remote Sensing 16(23), 4572; the defaults are those of the R package bayesEO. Beyond the edge of the
        scene there is nothing here, where that package mirrors.
    """

    window_px: int = 7
    smoothness: float = 10.0
    """Variance of a pixel's logit, above 0: the larger, the more its neighbours count."""
    fraction: float = 0.5
    """Of the neighbours, those with the largest logits, 0 < fraction <= 1."""

    @property
    def reach_px(self) -> int:
        """Half the window."""
        return self.window_px // 2

    def smooth(self, scores_KHW: Floats, valid_HW: Bools) -> tuple[Floats, Floats]:
        """See `Smoother.smooth`; both are the smoothed probabilities."""
        r = self.reach_px
        rows, cols = valid_HW.shape[0] - 2 * r, valid_HW.shape[1] - 2 * r
        smoothed = np.zeros((len(scores_KHW), rows, cols))
        step = max(1, _VALUES_AT_ONCE // max(1, cols * self.window_px**2))
        for top in range(0, rows, step):
            bottom = min(rows, top + step)
            seen = valid_HW[top : bottom + 2 * r]
            taken = np.ceil(self.fraction * _sums(seen, self.window_px) - 1e-9).clip(1)
            for k, scores in enumerate(scores_KHW):
                p = scores[top : bottom + 2 * r].astype(np.float64).clip(_LEAST_P, 1 - _LEAST_P)
                logits = np.where(seen, np.log(p / (1 - p)), -np.inf)
                smoothed[k, top:bottom] = self._posterior(logits, taken)
        chances = 1 / (1 + np.exp(-smoothed))
        total = chances.sum(axis=0)
        written = (chances / np.where(total > 0, total, 1)).astype(np.float32)
        return written, written

    def _posterior(self, logits: NDArray[np.float64], taken: NDArray[np.float64]) -> Any:
        """Posterior means (H, W); 0 where the pixel itself is not observed."""
        windows = sliding_window_view(logits, (self.window_px, self.window_px))
        largest = -np.sort(-windows.reshape(*windows.shape[:2], -1), axis=-1)
        used = (np.arange(largest.shape[-1]) < taken[..., None]) & np.isfinite(largest)
        values = np.where(used, largest, 0.0)
        mean = values.sum(axis=-1) / taken
        off = np.where(used, values - mean[..., None], 0.0)
        variance = (off**2).sum(axis=-1) / np.maximum(taken - 1, 1)
        own = _inner(logits, self.reach_px)
        own = np.where(np.isfinite(own), own, 0.0)
        return (variance * own + self.smoothness * mean) / (variance + self.smoothness)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "bayes", **asdict(self)}


def _sums(flags: Bools, window_px: int) -> NDArray[np.int64]:
    """How many are True in the window about each inner pixel."""
    total = np.zeros((flags.shape[0] + 1, flags.shape[1] + 1), np.int64)
    total[1:, 1:] = flags.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    n = window_px
    sums: NDArray[np.int64] = total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]
    return sums


def _inner(values: NDArray[Any], reach: int) -> NDArray[Any]:
    """Without a margin along the last two axes."""
    rows, cols = values.shape[-2:]
    return values[..., reach : rows - reach, reach : cols - reach]
