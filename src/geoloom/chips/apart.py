"""Whether the chips of different splits are as far apart as is wanted, before their store is finished."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ..core.grid import PixelWindow, window_grid
from ..samplers.drawing.candidates import Candidates
from ..splits.names import SPLITS
from ..splits.report import SplitReport

log = logging.getLogger(__name__)


def require_apart(
    candidates: Candidates,
    windows: Sequence[tuple[int, int, int]],
    codes: Sequence[int],
    min_gap_m: float,
) -> SplitReport:
    """The report on chips that are far enough apart.

    Args:
        candidates: Where they were chosen from.
        windows: Scene, row and column of each chip.
        codes: Its split code.
        min_gap_m: Least gap between chips of different splits, metres.

    Raises:
        ConfigError: two chips of different splits are nearer; the message names them.
    """
    scene, row, col = np.array(windows, np.int64).T
    sources = candidates.sources
    grids = [
        window_grid(sources[s].frame, PixelWindow(r, c, *candidates.options.size))
        for s, r, c in windows
    ]
    columns = {
        "source": np.array([sources[s].name for s in scene.tolist()], object),
        "row": row,
        "col": col,
        "split": np.array([SPLITS[code] if code >= 0 else None for code in codes], object),
    }
    report = SplitReport.of_columns(columns, grids)
    for pair in report.pairs:
        log.info("%s", pair)
    return report.require(gap_m=min_gap_m)
