"""The compiled loop that turns stored class codes into what is trained on."""

from __future__ import annotations

import numpy as np

from ...io.loops.jit import compiled


@compiled
def look_up(codes: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    """`out[i] = table[codes[i]]`; codes uint8 (n,), table (256,), out (n,)."""
    for i in range(codes.size):
        out[i] = table[codes[i]]
