"""The accuracy of a map, as reported: every figure from one tally."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.classes import Classes
from ..core.outputs import Per
from . import confusion, curves
from .curves import Curve
from .subject import Subject
from .written import checked_fields

if TYPE_CHECKING:
    from .class_tally import ClassTally

Figures = tuple[float, ...]

_CURVES = ("roc", "precision_recall")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How a prediction agrees with the truth, over all observed and labelled pixels, or over images.

    Per-class figures are in the order of `classes`. NaN: the question has no answer, such as the precision of
    a class that is never mapped. The last five fields are empty or NaN where no probabilities were given.
    """

    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    """Pixels: rows = truth, columns = prediction."""
    overall_accuracy: float
    """Share of pixels given their true class (pixel accuracy)."""
    mean_accuracy: float
    """Balanced accuracy: mean recall of the classes in the truth."""
    kappa: float
    precision: Figures
    """User's accuracy."""
    recall: Figures
    """Producer's accuracy."""
    f1: Figures
    iou: Figures
    mean_precision: float
    """Over the classes in the truth, as all means here; a class never mapped counts as 0."""
    mean_f1: float
    mean_iou: float
    log_loss: float
    """Cross-entropy: mean of -log(probability of the true class), in nats."""
    auc: Figures
    """Area under the ROC curve, one class against the rest."""
    average_precision: Figures
    roc: tuple[Curve, ...]
    """False positive rate, true positive rate; a curve without points where there is none."""
    precision_recall: tuple[Curve, ...]
    """Recall, precision; likewise."""
    subject: Subject | None = None
    """What was scored; None where not given."""
    per: Per = "pixel"
    """What has a class, and is counted: pixels, or whole images."""

    @classmethod
    def of(
        cls, tally: ClassTally, classes: Classes | Sequence[str], per: Per = "pixel"
    ) -> Accuracy:
        """All figures of a tally of these classes, or of classes of these names."""
        m = tally.matrix
        histograms = tally.histograms if tally.scored else tally.histograms[:0]
        return cls(
            classes=classes.names if isinstance(classes, Classes) else tuple(classes),
            matrix=tuple(tuple(row) for row in m.tolist()),
            overall_accuracy=confusion.overall_accuracy(m),
            mean_accuracy=confusion.mean_accuracy(m),
            kappa=confusion.kappa(m),
            precision=tuple(confusion.precision(m).tolist()),
            recall=tuple(confusion.recall(m).tolist()),
            f1=tuple(confusion.f1(m).tolist()),
            iou=tuple(confusion.iou(m).tolist()),
            mean_precision=confusion.macro_mean(confusion.precision(m), m),
            mean_f1=confusion.macro_mean(confusion.f1(m), m),
            mean_iou=confusion.macro_mean(confusion.iou(m), m),
            log_loss=tally.log_loss / tally.scored if tally.scored else math.nan,
            auc=tuple(curves.auc(h) for h in histograms),
            average_precision=tuple(curves.average_precision(h) for h in histograms),
            roc=tuple(curves.thinned(curves.roc_curve(h)) for h in histograms),
            precision_recall=tuple(
                curves.thinned(curves.precision_recall_curve(h)) for h in histograms
            ),
            per=per,
        )

    @property
    def confusion(self) -> np.ndarray:
        """The matrix as int64 (K, K)."""
        return np.asarray(self.matrix, dtype=np.int64)

    @property
    def pixels(self) -> int:
        """Pixels, or images, counted."""
        return int(self.confusion.sum())

    @property
    def counted(self) -> int:
        """Likewise."""
        return self.pixels

    def headline(self) -> dict[str, float]:
        """Overall accuracy, and the means of F1 and IoU over the classes in the truth."""
        return {"accuracy": self.overall_accuracy, "f1": self.mean_f1, "iou": self.mean_iou}

    def by_name(self) -> dict[str, float]:
        """F1 and IoU of each class, such as `iou/forest`."""
        return {
            f"{figure}/{name}": value
            for figure, values in (("f1", self.f1), ("iou", self.iou))
            for name, value in zip(self.classes, values, strict=True)
        }

    @property
    def support(self) -> tuple[int, ...]:
        """True pixels of each class."""
        return tuple(int(n) for n in self.confusion.sum(axis=1))

    def rows(self) -> list[dict[str, Any]]:
        """One row per class: class, precision, recall, f1, iou, auc, average_precision, pixels."""
        nothing = (math.nan,) * len(self.classes)
        columns = {
            "class": self.classes,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "iou": self.iou,
            "auc": self.auc or nothing,
            "average_precision": self.average_precision or nothing,
            "pixels": self.support,
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def text(self) -> str:
        """A report for people: the figures per class, the means, the confusion matrix."""
        width = max(12, *(len(name) for name in self.classes))
        widths = [max(12, len(name) + 1) for name in self.classes]
        counted = f"{self.per}s"
        head = ("precision", "recall", "F1", "IoU", "AUC", "AP", counted)
        lines = [f"{'class':<{width}}" + "".join(f"{name:>11}" for name in head)]
        for row in self.rows():
            name, *figures, pixels = row.values()
            lines.append(
                f"{name:<{width}}" + "".join(_cell(value) for value in figures) + f"{pixels:>11,}"
            )
        means = (self.mean_precision, self.mean_accuracy, self.mean_f1, self.mean_iou)
        lines += [
            f"{'mean':<{width}}" + "".join(_cell(value) for value in means),
            "",
            f"overall accuracy {_plain(self.overall_accuracy)}   kappa {_plain(self.kappa)}   "
            f"cross-entropy {_plain(self.log_loss)}   {counted} {self.pixels:,}",
            "",
            f"confusion matrix, {counted} (rows: truth, columns: prediction)",
            " " * width
            + "".join(f"{name:>{w}}" for name, w in zip(self.classes, widths, strict=True)),
        ]
        lines += [
            f"{name:<{width}}"
            + "".join(f"{count:>{w},}" for count, w in zip(row, widths, strict=True))
            for name, row in zip(self.classes, self.matrix, strict=True)
        ]
        return "\n".join(lines) + "\n"

    def to_dict(self, *, curves: bool = True) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None. The curves may be left out, for a summary."""
        left_out = ("subject", *(() if curves else _CURVES))
        names = [f.name for f in fields(self) if f.name not in left_out]
        # First, so that a search for figures of a model or map need not read the rest.
        subject = {} if self.subject is None else {"subject": self.subject.to_dict()}
        figures = {name: _to_json(getattr(self, name)) for name in names}
        return {**subject, **figures, "pixels": self.pixels}

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, where: str = "the dictionary given as accuracy"
    ) -> Accuracy:
        """The accuracy that `to_dict` wrote.

        Raises:
            ModelError: a value is none that it writes; the message names `where` and the key.
        """
        subject = None
        if values.get("subject") is not None:
            subject = Subject.from_dict(values["subject"], where=where)
        return cls(**checked_fields(values, where), subject=subject)


def _cell(value: float) -> str:
    return f"{_plain(value):>11}"


def _plain(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _to_json(value: Any) -> Any:
    if isinstance(value, Curve):
        return [_to_json(value.x), _to_json(value.y)]
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
