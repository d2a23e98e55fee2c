"""From samples to a table: what a model that answers per image says of each chip or picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from ..core.errors import ConfigError, ModelError, WriteError
from ..core.files import may_replace, replacing
from ..core.outline import footprints
from ..core.outputs import ClassOutputs, Outputs
from ..core.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from ..tasks.answers import Scorer, Unit
    from ..tasks.source import TrainingSource

Outlines = Sequence[BaseGeometry] | None
"""Of all samples, in longitude and latitude; None where one has no place on Earth."""

_NOTED = ("file", "index", "split", "class", "source")
"""Columns of the samples that the table keeps; the class becomes `truth`."""


def predict_images(
    model: str | Path | Scorer,
    samples: str | Path | TrainingSource,
    out: str | Path,
    *,
    batch_size: int | None = None,
    device: str = "auto",
    unit: Unit = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Ask a model about chips or pictures, and write a table of its answers, a row for each.

    Columns: `file` (of pictures) or `index` and `source` (of chips), `split` and `truth` where known; of
    classes `class`, `probability` of that class, and `p_NAME` for each class; of values, one column each.
    Where samples have a place on Earth, footprints in longitude and latitude.

    Args:
        model: Model folder, ONNX file, or loaded model, that answers per image.
        samples: Chip store, folder of pictures (in folders of classes or not), or dataset of images. Pictures
            are brought to the size that the model learned from.
        out: `*.csv`, with the bounds `west`, `south`, `east` and `north`; `*.parquet`, GeoParquet where there
            are footprints; or `*.gpkg`, a layer of footprints.
        batch_size: Samples at once; 16 if not given.
        device: `auto`, `cpu` or `cuda`, where `model` is a folder.
        unit: What the stored numbers are, instead of what the samples say; as of `predict`.
        overwrite: Replace the table.
        progress: Called with (done, total).

    Returns:
        Path of the table.

    Raises:
        ModelError: the model answers per pixel, or bands do not match.
        DatasetError: there are no samples.
        ConfigError: `samples` is a file, or several.
        WriteError: the table exists and `overwrite` is not set, is of another kind, or has no footprints to
            hold.
    """
    from ..models.opening import load_scorer
    from ..tasks.answers import answers, outputs_of
    from ..tasks.source import open_samples, size_of

    path = Path(out)
    if not is_table(path):
        raise WriteError(
            "the answers of a model per image to chips or pictures are a table; found "
            f"{path}, expected {', '.join(_WRITERS)}"
        )
    may_replace(
        path, overwrite=overwrite, inputs=[p for p in (model, samples) if isinstance(p, str | Path)]
    )
    if (isinstance(samples, str | Path) and Path(samples).is_file()) or isinstance(
        samples, list | tuple
    ):
        raise ConfigError(
            f"the model answers per image; found {samples}, expected one chip store or folder of pictures; "
            "the answers to a scene are a map: name it *.tif"
        )
    scorer: Any = model
    if isinstance(model, str | Path):
        scorer = load_scorer(model, device)
    outputs = outputs_of(scorer)
    if outputs.gives not in ("image", "features"):
        raise ModelError(
            f"the model gives {outputs.short}; give a scene, and a map to write, *.tif: {path} is a table"
        )
    source = open_samples(samples, size_of(scorer))
    numbers = source.indices()
    rows = answers(scorer, source, numbers, batch_size or 16, progress, unit)
    scores = np.stack([row for _, _, row in rows])
    table = _noted(source).assign(**_answered(scores, outputs))
    _write(table, source, path)
    return path


def are_samples(given: Any) -> bool:
    """Whether numbered images are given, a chip store or folders of pictures by class, and no scene."""
    from ..datasets.layouts.detect import is_class_folder
    from ..tasks.source import TrainingSource

    if isinstance(given, str | Path):
        return (Path(given) / "zarr.json").is_file() or is_class_folder(str(given))
    return isinstance(given, TrainingSource)


def refuse_map_options(given: Sequence[str]) -> None:
    """Refuse options of maps where a table is written.

    Raises:
        ConfigError: one is given; the message names it.
    """
    if given:
        raise ConfigError(
            f"the model answers per image, and {', '.join(given)} {'are' if len(given) > 1 else 'is'} of "
            "maps; leave that out: the table holds all answers"
        )


def is_table(path: Path) -> bool:
    """Whether a product is a table of answers, by its ending."""
    return path.suffix.lower() in _WRITERS


def count_answers(table: Path) -> dict[str, int]:
    """How many rows of a table have each class; of values, how many rows there are."""
    import geopandas as gpd
    import pandas as pd

    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".gpkg": gpd.read_file}
    rows = readers[table.suffix.lower()](table)
    return rows["class"].value_counts().to_dict() if "class" in rows else {"rows": len(rows)}


def _noted(source: TrainingSource) -> pd.DataFrame:
    """What is known of the samples beforehand."""
    known = source.table
    return known[[name for name in _NOTED if name in known]].rename(columns={"class": "truth"})


def _answered(scores: np.ndarray, outputs: Outputs) -> dict[str, Any]:
    """Columns of the answers (N, K)."""
    if not isinstance(outputs, ClassOutputs):
        return dict(zip(outputs.names, scores.T, strict=True))
    best = scores.argmax(axis=1)
    return {
        "class": np.array(outputs.names, object)[best],
        "probability": np.take_along_axis(scores, best[:, None], axis=1)[:, 0],
        **{f"p_{name}": column for name, column in zip(outputs.names, scores.T, strict=True)},
    }


def _write(table: pd.DataFrame, source: TrainingSource, path: Path) -> None:
    grids = [source.grid(int(i)) for i in source.indices()]
    placed = [grid for grid in grids if grid is not None and grid.crs is not None]
    outlines = footprints(placed) if len(placed) == len(grids) else None
    with replacing(path) as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The filename extension")  # until it is whole
        _WRITERS[path.suffix.lower()](table, outlines, scratch, path)


def _write_csv(table: pd.DataFrame, outlines: Outlines, scratch: Path, path: Path) -> None:
    if outlines is not None:
        sides = np.array([outline.bounds for outline in outlines])
        names = ("west", "south", "east", "north")
        table = table.assign(**dict(zip(names, sides.T, strict=True)))
    table.to_csv(scratch, index=False)


def _write_parquet(table: pd.DataFrame, outlines: Outlines, scratch: Path, path: Path) -> None:
    import geopandas as gpd

    if outlines is None:
        table.to_parquet(scratch, index=False)
    else:
        frame = gpd.GeoDataFrame(table, geometry=outlines, crs="EPSG:4326")
        frame.to_parquet(scratch, index=False)


def _write_geopackage(table: pd.DataFrame, outlines: Outlines, scratch: Path, path: Path) -> None:
    import geopandas as gpd

    if outlines is None:
        raise WriteError(
            f"{path} would hold footprints, and samples have no place on Earth, or not all; write *.csv or "
            "*.parquet"
        )
    frame = gpd.GeoDataFrame(table, geometry=outlines, crs="EPSG:4326")
    frame.to_file(scratch, layer=path.stem, driver="GPKG", engine="pyogrio")


_WRITERS: dict[str, Callable[[pd.DataFrame, Outlines, Path, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".gpkg": _write_geopackage,
}
"""By the ending of the table."""
