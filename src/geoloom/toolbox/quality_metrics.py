"""`evaluate_classification`: a finished map against ground truth, from files to a report."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import ModelError
from ..core.files import may_replace
from ..metrics.accuracy import Accuracy
from .params import check_keys


def evaluate_classification(
    prediction_path: str | Path,
    ground_truth_path: str | Path,
    params: dict[str, object] | None = None,
    prediction_prob: str | Path | None = None,
    out_dir: str | Path | None = None,
    file_sufix: str = "",
    *,
    class_column: str | None = None,
    overwrite: bool = False,
) -> Accuracy:
    """Score a classified map, pixel by pixel where both it and the truth say something.

    Truth in any CRS and resolution is read onto the map's pixels. Classes are matched by name.

    Args:
        prediction_path: Map of class codes with class names, as `ModelBuilder.predict` writes it.
        ground_truth_path: Label raster with class names, or a vector file.
        params: `class_names`, for a map that carries none: names of the codes 1, 2, ...
        prediction_prob: Raster of one band per class, for ROC and precision-recall curves.
        out_dir: Folder for `classification_report<sufix>.txt` and `.json` and the figures; None writes none.
        file_sufix: Ends the files' names. (The paper's code spells it so.)
        class_column: Of a vector file: the attribute that gives the class.
        overwrite: Replace the files.

    Raises:
        ModelError: the map names no classes and none are given, or none match the truth's.
        WriteError: a file exists.
    """
    from ..evaluation.maps import evaluate_map
    from .chip_params import named_classes
    from .model_builder import write_figures

    given = check_keys(params or {}, ("class_names",), where="params")
    names = given.get("class_names")
    report = None
    if out_dir is not None:
        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        report = folder / f"classification_report{file_sufix}.json"
        may_replace(report, overwrite=overwrite)
    accuracy = evaluate_map(
        prediction_path,
        ground_truth_path,
        classes=None if names is None else named_classes(names),
        class_field=class_column,
        probabilities=prediction_prob,
        out=report,
        overwrite=overwrite,
    )
    if not isinstance(accuracy, Accuracy):
        raise ModelError(
            f"{prediction_path} is a map of measured values; give one of classes, or use geoloom.evaluate"
        )
    if report is not None:
        write_figures(accuracy, report.parent, prefix="classification_", suffix=file_sufix)
    return accuracy
