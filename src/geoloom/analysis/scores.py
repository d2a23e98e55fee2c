"""The accuracies that a report shows: handed to it, kept beside model and map, or counted now."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ModelError
from ..metrics.accuracy import Accuracy
from .truth import KnownTruth

if TYPE_CHECKING:
    from ..models.card import ModelCard

log = logging.getLogger(__name__)

AccuracySource = Accuracy | Mapping[str, Any] | str | Path

_TEST = (
    "Accuracy on test chips",
    "Labelled, observed pixels of chips that took no part in training, each once: where chips overlap, by "
    "the mean of their scores.",
)
_VALID = (
    "Accuracy on validation chips",
    "Labelled, observed pixels of the chips that chose the best epoch: slightly optimistic.",
)
_OF_MAP = (
    "Accuracy of the map",
    "Pixels of the map that have truth, in the area that the evaluation was given.",
)
_GIVEN = (
    "As evaluated",
    "Labelled, observed pixels of the evaluation whose figures were given to this report.",
)


@dataclass(frozen=True, slots=True)
class Score:
    """An accuracy, and which pixels it was counted on."""

    accuracy: Accuracy
    title: str
    note: str


def find_scores(
    model_dir: Path,
    card: ModelCard,
    class_map: Path,
    truth: KnownTruth | None,
    given: AccuracySource | None,
) -> tuple[Score, ...]:
    """All scores, the one to lead with first.

    Independent ones come before that of the validation chips, which is used only where there is no other,
    and before the agreement over the whole map. A file older than what it scores is left out.
    """
    scores = [Score(load_accuracy(given), *_GIVEN)] if given is not None else []
    if not scores:
        scores = list(_kept(model_dir, class_map))
    if not scores:
        scores = _of_training(model_dir, card)
    if truth is not None:
        whole = _agreement(class_map, truth, card)
        if all(score.accuracy.matrix != whole.accuracy.matrix for score in scores):
            scores.append(whole)
    return tuple(scores)


def load_accuracy(source: AccuracySource) -> Accuracy:
    """An accuracy as it is, from its dictionary, or from a JSON file that holds one.

    Raises:
        ModelError: the file or dictionary holds none.
    """
    if isinstance(source, Accuracy):
        return source
    values: Any = source
    where = "the dictionary given as accuracy"
    if isinstance(source, str | Path):
        where = str(source)
        try:
            values = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read accuracy from {source}: {error}") from error
    found = _find(values)
    if found is None:
        raise ModelError(f"{where} holds no accuracy; give what `evaluate` returned or wrote")
    return found


def _find(values: Any) -> Accuracy | None:
    """The first accuracy in nested dictionaries."""
    if not isinstance(values, Mapping):
        return None
    if {"matrix", "classes", "overall_accuracy"} <= set(values):
        return Accuracy.from_dict(dict(values))
    return next((a for v in values.values() if (a := _find(v)) is not None), None)


def _kept(model_dir: Path, class_map: Path) -> Iterator[Score]:
    """What earlier evaluations left beside the model and the map."""
    weights = model_dir / "model.json"
    places = (
        (model_dir.with_name(f"{model_dir.name}.test.json"), weights, _TEST),
        (model_dir / "test.json", weights, _TEST),
        (class_map.with_name(f"{class_map.name}.accuracy.json"), class_map, _OF_MAP),
    )
    for path, scored, (title, note) in places:
        if not path.exists():
            continue
        if path.stat().st_mtime < scored.stat().st_mtime:
            log.warning("%s is older than %s and left out; evaluate again", path, scored)
            continue
        yield Score(load_accuracy(path), title, note)


def _of_training(model_dir: Path, card: ModelCard) -> list[Score]:
    """What training measured on its validation chips: with curves in its file, without them on the card."""
    path = model_dir / "validation.json"
    if path.exists():
        return [Score(load_accuracy(path), *_VALID)]
    found = _find(card.metrics)
    return [Score(found, *_VALID)] if found else []


def _agreement(class_map: Path, truth: KnownTruth, card: ModelCard) -> Score:
    from ..tasks.evaluate import evaluate_map

    accuracy = evaluate_map(
        class_map, truth.source, classes=card.classes, class_field=truth.class_field
    )
    return Score(
        accuracy,
        "Agreement over the whole map",
        f"Every mapped pixel for which {truth.source.name} tells a class, training areas included: this "
        "shows where map and truth differ, but it is no independent test.",
    )
