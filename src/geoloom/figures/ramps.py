"""Continuous colours for measured values: a ramp between two limits, and what its legend says.

Both ramps are read alike by people with and without a deficiency of colour vision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

Colors = Literal["viridis", "RdBu_r"]

LEVELS = 255
"""Colours of a ramp: with the clear one, as many as a picture with a palette holds."""

VALUES: Colors = "viridis"
"""From dark to light, so that more is lighter in print too."""
DIFFERENCES: Colors = "RdBu_r"
"""From blue, too low, over white to red, too high."""
VIEW = (2.0, 98.0)
"""Percentiles between which colours are spread: a few odd values must not take all of them."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Colours between two limits; values beyond them have the colour of the limit."""

    low: float
    high: float
    """Above `low`."""
    colors: Colors = VALUES
    beyond: tuple[bool, bool] = (False, False)
    """Whether there are values below `low`, above `high`."""

    @classmethod
    def of(cls, *parts: np.ndarray) -> Ramp:
        """For values of which some are unknown (NaN): between percentiles of all parts together.

        Example:
            >>> Ramp.of(np.array([0.0, np.nan]), np.array([100.0])).low
            2.0
        """
        known = np.concatenate([part[np.isfinite(part)] for part in parts])
        if not known.size:
            return cls(0.0, 1.0)
        low, high = (float(v) for v in np.percentile(known, VIEW))
        if low == high:
            half = abs(low) / 2 or 0.5
            low, high = low - half, high + half
        return cls(low, high, VALUES, (bool(known.min() < low), bool(known.max() > high)))

    @classmethod
    def around_zero(cls, differences: np.ndarray) -> Ramp:
        """For differences, NaN = unknown: as far below 0 as above.

        Example:
            >>> ramp = Ramp.around_zero(np.array([-4.0, 1.0, np.nan]))
            >>> ramp.low == -ramp.high, ramp.beyond
            (True, (True, False))
        """
        known = differences[np.isfinite(differences)]
        reach = float(np.percentile(np.abs(known), VIEW[1])) if known.size else 0.0
        reach = reach or 1.0
        beyond = (bool((known < -reach).any()), bool((known > reach).any()))
        return cls(-reach, reach, DIFFERENCES, beyond)

    @property
    def colormap(self) -> ListedColormap:
        """matplotlib's, of `LEVELS` colours."""
        return ListedColormap(mpl.colormaps[self.colors](np.linspace(0, 1, LEVELS)))

    def paint(self, values: np.ndarray) -> NDArray[np.uint8]:
        """Values in their colours, (H, W, 4); alpha 0 where they are NaN.

        Example:
            >>> Ramp(0.0, 10.0).paint(np.array([[-5.0, 10.0, np.nan]]))[0].tolist()
            [[68, 1, 84, 255], [253, 231, 36, 255], [0, 0, 0, 0]]
        """
        known = np.isfinite(values)
        unit = (np.where(known, values, self.low) - self.low) / (self.high - self.low)
        level = np.rint(np.clip(unit, 0, 1) * (LEVELS - 1)).astype(np.intp)
        return np.where(known[..., None], self.table()[level], 0).astype(np.uint8)

    def table(self) -> NDArray[np.uint8]:
        """(LEVELS, 4), red, green, blue and alpha, from the lower limit to the upper one."""
        colors = mpl.colormaps[self.colors](np.linspace(0, 1, LEVELS), bytes=True)
        return np.asarray(colors, dtype=np.uint8)

    def ticks(self, wanted: int = 5) -> tuple[float, ...]:
        """Round values within the limits, for a legend.

        Example:
            >>> Ramp(0.7, 21.3).ticks()
            (5.0, 10.0, 15.0, 20.0)
        """
        at = MaxNLocator(wanted, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        return tuple(float(v) for v in at if self.low <= v <= self.high)

    def mappable(self) -> ScalarMappable:
        """What matplotlib draws a colour bar of."""
        return ScalarMappable(Normalize(self.low, self.high), self.colormap)

    @property
    def extend(self) -> Literal["neither", "min", "max", "both"]:
        """At which ends a colour bar is pointed, since there are values beyond."""
        below, above = self.beyond
        return "both" if below and above else "min" if below else "max" if above else "neither"
