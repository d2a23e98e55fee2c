"""The patches of a table that are most like a vector.

Legend: N rows, C numbers of a vector.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ConfigError, VectorError, suggest
from ...io.vector.geoparquet import is_geoparquet, open_geoparquet, parquet_rows
from .metrics import BAND_NAMES, Metric, check_metric, compared, largest_first

if TYPE_CHECKING:
    from pandas import DataFrame

_ROWS_AT_ONCE = 1 << 13
_NUMBERED = re.compile(r"^(.*?)[_ -]?(\d+)$")
_USUAL = ("embedding", "embeddings", "vector", "features")
"""What a column of vectors is called, in this order of preference."""


def nearest_patches(
    table: str | Path | DataFrame,
    vector: Any,
    k: int = 10,
    *,
    columns: str | Sequence[str] | None = None,
    metric: Metric = "cosine",
) -> DataFrame:
    """The rows of a table of embeddings that are most like a vector, by comparing all of them.

    Guarantee: exact. Of a file, some thousands of vectors are in memory at once, and of the other columns
    only the rows that are found.

    Args:
        table: GeoParquet or Parquet, as `predict` writes of chips with `output="features"`; or a DataFrame or
            GeoDataFrame.
        vector: (C,), such as that of one row.
        k: How many to give; all, where the table has fewer.
        columns: The column that holds lists of numbers, or those that hold a number each. Default: the column
            `embedding`, `embeddings`, `vector` or `features`; or else the numbered ones, such as `feature_1`
            to `feature_512`.
        metric: As of `similar`.

    Returns:
        The rows, the most alike first (of equal ones the first in the table), with their positions as index
        and how alike they are in a column `cosine_similarity`, `dot_product` or `euclidean_distance`. Rows
        whose vectors hold what is not finite are left out.

    Raises:
        ConfigError: vector, k or metric cannot be, or vectors differ in length.
        VectorError: the table has no such columns, or cannot be read.

    Example:
        >>> import pandas as pd
        >>> patches = pd.DataFrame({"name": ["a", "b", "c"], "x_1": [1.0, 0.0, 3.0], "x_2": [0.0, 1.0, 1.0]})
        >>> nearest_patches(patches, np.array([1.0, 0.0]), 2)["name"].tolist()
        ['a', 'c']
    """
    check_metric(metric)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ConfigError(f"k is {k!r}; give how many rows to find, a whole number from 1")
    wanted = np.asarray(vector, dtype=np.float64)
    if wanted.ndim != 1 or not len(wanted) or not np.isfinite(wanted).all():
        raise ConfigError(f"vector has the shape {wanted.shape}; give (C,) finite numbers")
    if metric == "cosine" and not wanted.any():
        raise ConfigError(
            "the vector is 0 everywhere and points nowhere; choose metric='euclidean'"
        )
    if isinstance(table, str | Path):
        rows, scores = _best(_of_file(Path(table), columns), wanted, k, metric)
        found = parquet_rows(Path(table), rows)
    else:
        chosen = _columns(list(map(str, table.columns)), columns, "the table")
        rows, scores = _best(_of_frame(table, chosen), wanted, k, metric)
        found = table.iloc[rows].set_axis(rows)
    return found.assign(**{BAND_NAMES[metric]: scores})


def _best(
    blocks: Iterable[NDArray[Any]], wanted: NDArray[np.float64], k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and scores of the best rows, block by block."""
    rows, scores, done = np.empty(0, np.int64), np.empty(0, np.float32), 0
    sign = -1 if largest_first(metric) else 1
    for block in blocks:
        if block.shape[1] != len(wanted):
            raise ConfigError(
                f"the vector has {len(wanted)} numbers, and those of the table {block.shape[1]}; give one of "
                "the same network"
            )
        own = compared(block.T, wanted, metric)
        known = np.isfinite(block).all(axis=1) & np.isfinite(own)
        rows = np.concatenate([rows, done + np.flatnonzero(known)])
        scores = np.concatenate([scores, own[known]])
        best = np.lexsort((rows, sign * scores))[:k]
        rows, scores, done = rows[best], scores[best], done + len(block)
    return rows, scores


def _of_file(path: Path, columns: str | Sequence[str] | None) -> Iterator[NDArray[Any]]:
    """Vectors (n, C) of a file, in its order."""
    import pyarrow

    if not is_geoparquet(path):
        raise VectorError(
            f"{path} is not Parquet; write the table with to_parquet, or read it and give the DataFrame"
        )
    file = open_geoparquet(path)
    chosen = _columns(file.schema_arrow.names, columns, str(path))
    try:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=chosen):
            yield _of_columns([_numpy(batch.column(name)) for name in chosen], chosen)
    except (pyarrow.ArrowException, OSError) as error:
        raise VectorError(f"{path} cannot be read: {error}") from error


def _numpy(column: Any) -> NDArray[Any]:
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _of_frame(table: DataFrame, chosen: Sequence[str]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(table), _ROWS_AT_ONCE):
        part = table.iloc[start : start + _ROWS_AT_ONCE]
        yield _of_columns([part[name].to_numpy() for name in chosen], chosen)


def _of_columns(columns: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    """Vectors (n, C) of one column of lists, or of a column for each number."""
    first = columns[0]
    listed = len(columns) == 1 and first.dtype == object
    try:
        vectors = np.stack(first.tolist()) if listed else np.stack(columns, axis=1)
        return vectors.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{', '.join(names[:5])} hold no vectors of one length ({error}); choose columns=, and leave out "
            "rows without a vector"
        ) from error


def _columns(names: Sequence[str], asked: str | Sequence[str] | None, where: str) -> list[str]:
    """The columns that hold the vectors.

    Raises:
        VectorError: they are not there, or nothing tells which they are.
    """
    if asked is not None:
        chosen = [asked] if isinstance(asked, str) else list(asked)
        for name in chosen:
            if name not in names:
                raise VectorError(f"{where} has no column {name!r}{suggest(name, names)}")
        return chosen
    for name in _USUAL:
        if name in names:
            return [name]
    numbered: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := _NUMBERED.match(name):
            numbered.setdefault(match[1], []).append((int(match[2]), name))
    several = [own for own in numbered.values() if len(own) > 1]
    if len(several) == 1:
        return [name for _, name in sorted(several[0])]
    raise VectorError(
        f"nothing tells which columns of {where} hold the vectors: it has {', '.join(names[:20])}; choose "
        "columns="
    )
