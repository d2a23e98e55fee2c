"""How alike two vectors are.

Legend: N vectors, C bands.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ConfigError, suggest

Metric = Literal["cosine", "dot", "euclidean"]
"""Cosine of the angle, -1 to 1; product, the larger the more alike; distance, 0 where equal."""

BAND_NAMES: dict[Metric, str] = {
    "cosine": "cosine_similarity",
    "dot": "dot_product",
    "euclidean": "euclidean_distance",
}
"""What a band or column of each is called."""


def check_metric(metric: Any) -> None:
    """Refuse what is no metric.

    Raises:
        ConfigError: the message names the nearest.
    """
    if metric not in get_args(Metric):
        raise ConfigError(f"metric is {metric!r}{suggest(str(metric), get_args(Metric))}")


def compared(vectors: NDArray[Any], reference: NDArray[Any], metric: Metric) -> NDArray[np.float32]:
    """Each vector compared with one.

    Args:
        vectors: (C, N).
        reference: (C,).
        metric: How.

    Returns:
        float32 (N,). The cosine of a vector of length 0, which points nowhere, is 0.

    Example:
        >>> compared(np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]]), np.array([1.0, 0.0]), "cosine").tolist()
        [1.0, 0.0, 0.0]
    """
    numbers = vectors.astype(np.float32, copy=False)
    wanted = reference.astype(np.float32)
    if metric == "euclidean":
        apart = numbers - wanted[:, None]
        distance: NDArray[np.float32] = np.sqrt(np.einsum("cn,cn->n", apart, apart))
        return distance
    product: NDArray[np.float32] = wanted @ numbers
    if metric == "dot":
        return product
    lengths = np.sqrt(np.einsum("cn,cn->n", numbers, numbers)) * np.linalg.norm(wanted)
    cosine: NDArray[np.float32] = np.zeros_like(product)
    np.divide(product, lengths, out=cosine, where=lengths != 0)
    # Rounding leads beyond by a unit in the last place.
    return np.clip(cosine, -1, 1, out=cosine)


def largest_first(metric: Metric) -> bool:
    """Whether larger numbers mean more alike."""
    return metric != "euclidean"
