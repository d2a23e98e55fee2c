"""A table of a model's answers to images, as `predict` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.classes import Classes
from ..core.errors import ModelError
from ..metrics.accuracy import Accuracy
from ..metrics.class_count import ClassCount, match_classes

if TYPE_CHECKING:
    import pandas as pd

_FIX = "give the table that `geoloom predict` wrote with it"


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A row an image: its file, its split and true class where known, and a probability for each class."""

    path: Path
    table: pd.DataFrame
    """Columns `class` and `p_NAME` for each class; `file`, `split` and `truth` where known."""
    classes: Classes

    @classmethod
    def of(cls, path: Path, classes: Classes) -> Answers:
        """The table of a model's answers.

        Args:
            path: `*.csv`, `*.parquet` or `*.gpkg`.
            classes: Of the model.

        Raises:
            ModelError: it is no table, or of other classes.
        """
        table = _read(path)
        missing = [
            name for name in ("class", *(f"p_{c}" for c in classes.names)) if name not in table
        ]
        if missing:
            raise ModelError(
                f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(map(str, table))}: {_FIX}"
            )
        return cls(path, table.reset_index(drop=True), classes)

    def labelled(self) -> pd.DataFrame:
        """Rows of which the true class is known."""
        return self.table[self.table["truth"].notna()] if "truth" in self.table else self.table[:0]

    def judged(self) -> tuple[str | None, pd.DataFrame]:
        """The split to judge the model by, and its labelled rows: those of the test, where there is one."""
        rows = self.labelled()
        splits = set(rows["split"].dropna()) if "split" in rows else set()
        for split in ("test", "val"):
            if split in splits:
                return split, rows[rows["split"] == split]
        return None, rows

    def accuracy(self, rows: pd.DataFrame) -> Accuracy:
        """All figures over labelled rows; true classes that the model lacks are errors.

        Raises:
            ModelError: no true class is one of the model's.
        """
        names = dict(enumerate(sorted(set(rows["truth"].astype(str)))))
        codes = {name: code for code, name in names.items()}
        truth = rows["truth"].astype(str).map(codes).to_numpy(np.int64)
        scores = rows[[f"p_{name}" for name in self.classes.names]].to_numpy(np.float64).T
        positions = match_classes(names, self.classes, str(self.path))
        count = ClassCount(self.classes, positions, names, str(self.path), "image")
        count.add_scores(truth[None], scores[:, None], np.ones((1, len(rows)), bool))
        return count.report()


def _read(path: Path) -> Any:
    import geopandas as gpd
    import pandas as pd

    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".gpkg": gpd.read_file}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ModelError(
            f"{path} is no table of answers to images, which end in {', '.join(readers)}; {_FIX}"
        )
    try:
        return read(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be read as a table ({error}); {_FIX}") from error
