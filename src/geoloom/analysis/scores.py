"""The accuracies that a report shows: handed to it, found beside model, map or report, or counted now."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ModelError
from ..core.jsonfile import JsonValue
from ..metrics.accuracy import Accuracy
from ..metrics.subject import Subject
from .learned import LearnedGround
from .truth import KnownTruth

if TYPE_CHECKING:
    from ..models.card import ModelCard

log = logging.getLogger(__name__)

AccuracySource = Accuracy | Mapping[str, Any] | str | Path

_MOST_FILES = 1000
"""Looked at in a folder."""
_HEAD_BYTES = 400
_DEEPEST = 20

_SPLITS = {
    "train": ("training", "Chips that the network has learned from: its memory, not its skill."),
    "val": (
        "validation",
        "Labelled, observed pixels of the chips that chose the best epoch: slightly optimistic.",
    ),
    "test": (
        "test",
        "Labelled, observed pixels of chips that took no part in training. Where chips overlap, the mean of "
        "their scores counts.",
    ),
}
_LED_ASTRAY = " The training had no other chips to choose the best epoch on: slightly optimistic."
_UNSAID = "Figures that were given to this report without saying which pixels they were counted on."


@dataclass(frozen=True, slots=True)
class Score:
    """An accuracy, and which pixels it was counted on."""

    accuracy: Accuracy
    title: str
    note: str
    independent: bool
    """Whether no pixel of it had a part in the training, as far as known."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The model and the map that figures are looked for, by their contents."""

    model_dir: Path
    model: str | None
    """SHA-256 of the folder; None where it is not whole."""
    class_map: Path
    map: str
    """SHA-256 of the file."""
    card: ModelCard
    learned: LearnedGround

    def is_of(self, subject: Subject | None) -> bool:
        """Whether figures were counted on this model or this map, as they are now."""
        if subject is None or subject.identity is None:
            return False
        return subject.identity == (self.map if subject.kind == "map" else self.model)


def find_scores(
    scored: Scored,
    truth: KnownTruth | None,
    given: AccuracySource | None,
    beside: Iterable[Path] = (),
) -> tuple[Score, ...]:
    """All scores, independent ones first.

    Figures of the validation chips are used only where there are no others; the agreement over the whole map
    comes last. Files whose figures were counted on another model or map are left out, whatever their age.

    Args:
        scored: What the figures must have been counted on.
        truth: Compared with the whole map.
        given: Figures chosen by the user, which take the place of those found.
        beside: Further folders to look in, besides those of model and map.
    """
    scores = [score_of(load_accuracy(given), scored)] if given is not None else []
    if not scores:
        folders = (scored.model_dir.parent, scored.model_dir, scored.class_map.parent, *beside)
        scores = [score_of(accuracy, scored) for accuracy in _kept(folders, scored)]
    if not scores:
        scores = _of_training(scored)
    if truth is not None:
        whole = _agreement(truth, scored)
        if all(score.accuracy.matrix != whole.accuracy.matrix for score in scores):
            scores.append(whole)
    return tuple(sorted(scores, key=lambda score: not score.independent))


def load_accuracy(source: AccuracySource) -> Accuracy:
    """An accuracy as it is, from its dictionary, or from a JSON file that holds one.

    Raises:
        ModelError: the file or dictionary holds none, or a value in it is none that an evaluation writes.
    """
    if isinstance(source, Accuracy):
        return source
    where = "the dictionary given as accuracy"
    values: Any = source
    if isinstance(source, str | Path):
        where, values = str(source), _json_of(Path(source))
    accuracy = _find(values, where)
    if accuracy is None:
        raise ModelError(f"{where} holds no accuracy; give what `evaluate` returned or wrote")
    return accuracy


def score_of(accuracy: Accuracy, scored: Scored) -> Score:
    """The figures, with what they were counted on in words."""
    subject = accuracy.subject
    if subject is None:
        return Score(accuracy, "As evaluated", _UNSAID, independent=False)
    if subject.kind == "chips":
        return _of_chips(accuracy, subject, scored.card)
    apart = scored.learned.apart_from(subject.bounds)
    what = "of the map" if subject.kind == "map" else "on the scene"
    where = "in the area that the evaluation was given" if subject.bounds else "over all of it"
    ground = (
        "the network has learned from no chip there"
        if apart
        else "ground that the network has learned from may be among them"
    )
    note = f"Every pixel that has truth, {where}: {ground}."
    return Score(accuracy, f"Accuracy {what}", note, independent=apart)


def _of_chips(accuracy: Accuracy, subject: Subject, card: ModelCard) -> Score:
    training = card.config.get("chips")
    training = training if isinstance(training, Mapping) else {}
    if subject.split is None:
        own = subject.chips in _names_of(training)
        note = f"All chips of {subject.chips}, which has no splits" + (
            ": the network has learned from them." if own else "."
        )
        return Score(accuracy, f"Accuracy on {subject.chips}", note, independent=not own)
    title, note = _SPLITS.get(subject.split, (subject.split, "Chips of this split."))
    chose = subject.chooses and subject.chips in _names_of(training, "validation_path")
    if subject.split == "test" and chose:
        note += _LED_ASTRAY
    independent = subject.split == "test" and not chose
    return Score(accuracy, f"Accuracy on {title} chips", note, independent=independent)


def _names_of(training: Mapping[str, Any], *keys: str) -> set[str]:
    paths = [training.get(key) for key in (keys or ("path", "validation_path"))]
    return {Path(path).name for path in paths if isinstance(path, str)}


def _find(values: Any, where: str, depth: int = 0) -> Accuracy | None:
    """The first accuracy in nested dictionaries."""
    if not isinstance(values, Mapping) or depth > _DEEPEST:
        return None
    if {"matrix", "classes", "overall_accuracy"} <= set(values):
        return Accuracy.from_dict(values, where=where)
    inner_ones = (_find(inner, where, depth + 1) for inner in values.values())
    return next((accuracy for accuracy in inner_ones if accuracy is not None), None)


def _json_of(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ModelError: it cannot be read, is not JSON, or is too large or too deep to be an accuracy.
    """
    fix = "give what `evaluate` wrote"
    try:
        return JsonValue.read(path, ModelError, fix).value
    except FileNotFoundError as error:
        raise ModelError(f"{path} not found; {fix}") from error


def _kept(folders: Iterable[Path], scored: Scored) -> Iterator[Accuracy]:
    """What earlier evaluations of this model and this map left in some folders."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.is_dir() or folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        for path in sorted(islice(folder.glob("*.json"), _MOST_FILES)):
            if not _tells_its_subject(path):
                continue
            accuracy = load_accuracy(path)
            if scored.is_of(accuracy.subject):
                yield accuracy
            elif path.name.startswith((f"{scored.model_dir.name}.", f"{scored.class_map.name}.")):
                log.warning(
                    "%s was counted on another model or map than %s and %s as they are now, and is left "
                    "out; evaluate again",
                    path,
                    scored.model_dir,
                    scored.class_map,
                )


def _tells_its_subject(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"subject"' in head and b'"kind"' in head


def _of_training(scored: Scored) -> list[Score]:
    """What training measured on its validation chips: with curves in its file, without them on the card."""
    path = scored.model_dir / "validation.json"
    where = scored.model_dir / "model.json"
    accuracy = load_accuracy(path) if path.exists() else _find(scored.card.metrics, str(where))
    title, note = _SPLITS["val"]
    return (
        [Score(accuracy, f"Accuracy on {title} chips", note, independent=False)] if accuracy else []
    )


def _agreement(truth: KnownTruth, scored: Scored) -> Score:
    from ..evaluation.maps import evaluate_map

    accuracy = evaluate_map(
        scored.class_map, truth.source, classes=scored.card.classes, class_field=truth.class_field
    )
    assert isinstance(accuracy, Accuracy)  # classes were given
    apart = scored.learned.apart_from(None)
    return Score(
        accuracy,
        "Agreement over the whole map",
        f"Every mapped pixel for which {truth.name} gives a class"
        + (
            "; the network has learned from no chip there."
            if apart
            else ", training areas included: this shows where map and truth differ, but it is not an "
            "independent test."
        ),
        independent=apart,
    )
