"""The accuracies that a report shows: handed to it, found beside model, map or report, or counted now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from ...metrics.accuracy import Accuracy
from ...metrics.subject import Subject
from .accuracies import (
    A,
    AccuracySource,
    AnyAccuracy,
    find_accuracy,
    load_accuracy,
    of_kind,
    where_of,
)
from .learned import LearnedGround

if TYPE_CHECKING:
    from ...models.card import ModelCard

log = logging.getLogger(__name__)

_MOST_FILES = 1000
"""Looked at in a folder."""
_HEAD_BYTES = 400
_DIGITS = 6
"""To which sums over the same pixels agree, in whatever order they were taken."""

_CHIPS = {
    "train": ("training", "Chips that the network has learned from: its memory, not its skill."),
    "val": (
        "validation",
        "Labelled, observed pixels of the chips that chose the best epoch: slightly optimistic.",
    ),
    "test": (
        "test",
        "Labelled, observed pixels of chips that took no part in training. Where chips overlap, the mean of "
        "their answers counts.",
    ),
}
_IMAGES = {
    "train": ("training", "Images that the network has learned from: its memory, not its skill."),
    "val": ("validation", "The images that chose the best epoch: slightly optimistic."),
    "test": ("test", "Images that took no part in training."),
}
_LED_ASTRAY = " The training had no other {} to choose the best epoch on: slightly optimistic."
_UNSAID = "Figures that were given to this report without saying which {} they were counted on."


@dataclass(frozen=True, slots=True)
class Score(Generic[A]):
    """An accuracy, and what it was counted on."""

    accuracy: A
    title: str
    note: str
    independent: bool
    """Whether nothing of it had a part in the training, as far as known."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The model and its map that figures are looked for, by their contents."""

    model_dir: Path
    model: str | None
    """SHA-256 of the folder; None where it is not whole."""
    product: Path | None
    """The map, or the table of answers; None where there is neither."""
    identity: str | None
    """SHA-256 of the map's file; None where there is no map."""
    card: ModelCard
    learned: LearnedGround | None
    """None where answers have no place on the ground."""

    def is_of(self, subject: Subject | None) -> bool:
        """Whether figures were counted on this model or this map, as they are now."""
        if subject is None or subject.identity is None:
            return False
        return subject.identity == (self.identity if subject.kind == "map" else self.model)

    @property
    def samples(self) -> str:
        """What a network of this kind learns from, in the plural."""
        return "images" if self.card.outputs.gives == "image" else "chips"

    @property
    def counted(self) -> str:
        """What its figures count, in the plural."""
        return "images" if self.card.outputs.gives == "image" else "pixels"

    def spoken(self, split: str) -> tuple[str, str]:
        """A split in a word, and what its figures are worth."""
        known = _IMAGES if self.samples == "images" else _CHIPS
        return known.get(split, (split, f"{self.samples.capitalize()} of this split."))


def find_scores(
    scored: Scored,
    wanted: type[A],
    given: AccuracySource | None,
    agreement: Callable[[], Score[A]] | None = None,
    beside: Iterable[Path] = (),
) -> tuple[Score[A], ...]:
    """All scores, independent ones first.

    Figures of the validation samples are used only where there are no others; the agreement over the whole
    product comes last. Files whose figures were counted on another model or map are left out, whatever their
    age.

    Args:
        scored: What the figures must have been counted on.
        wanted: Of which kind they are.
        given: Figures chosen by the user, which take the place of those found.
        agreement: Compares the whole product with the truth; None where there is no truth.
        beside: Further folders to look in, besides those of model and map.
    """
    scores: list[Score[A]] = []
    if given is not None:
        scores = [score_of(of_kind(load_accuracy(given), wanted, where_of(given)), scored)]
    if not scores:
        own: tuple[Path, ...] = () if scored.product is None else (scored.product.parent,)
        folders = (scored.model_dir.parent, scored.model_dir, *own, *beside)
        scores = [score_of(accuracy, scored) for accuracy in _kept(folders, scored, wanted)]
    if not scores:
        scores = _of_training(scored, wanted)
    if agreement is not None:
        whole = agreement()
        if all(_figures(score.accuracy) != _figures(whole.accuracy) for score in scores):
            scores.append(whole)
    return tuple(sorted(scores, key=lambda score: not score.independent))


def score_of(accuracy: A, scored: Scored) -> Score[A]:
    """The figures, with what they were counted on in words."""
    subject = accuracy.subject
    if subject is None:
        return Score(accuracy, "As evaluated", _UNSAID.format(scored.counted), independent=False)
    if subject.kind == "chips":
        return _of_samples(accuracy, subject, scored)
    apart = scored.learned is not None and scored.learned.apart_from(subject.bounds)
    what = "of the map" if subject.kind == "map" else "on the scene"
    where = "in the area that the evaluation was given" if subject.bounds else "over all of it"
    ground = (
        "the network has learned from no chip there"
        if apart
        else "ground that the network has learned from may be among them"
    )
    note = f"Every pixel that has truth, {where}: {ground}."
    return Score(accuracy, f"Accuracy {what}", note, independent=apart)


def _of_samples(accuracy: A, subject: Subject, scored: Scored) -> Score[A]:
    recorded = scored.card.config.get("chips")
    training = recorded if isinstance(recorded, Mapping) else {}
    if subject.split is None:
        own = subject.chips in _names_of(training)
        note = f"All {scored.samples} of {subject.chips}, which has no splits" + (
            ": the network has learned from them." if own else "."
        )
        return Score(accuracy, f"Accuracy on {subject.chips}", note, independent=not own)
    title, note = scored.spoken(subject.split)
    chose = subject.chooses and subject.chips in _names_of(training, "validation_path")
    if subject.split == "test" and chose:
        note += _LED_ASTRAY.format(scored.samples)
    independent = subject.split == "test" and not chose
    return Score(accuracy, f"Accuracy on {title} {scored.samples}", note, independent=independent)


def _names_of(training: Mapping[str, Any], *keys: str) -> set[str]:
    paths = [training.get(key) for key in (keys or ("path", "validation_path"))]
    return {Path(path).name for path in paths if isinstance(path, str)}


def _figures(accuracy: AnyAccuracy) -> Any:
    """What is equal where the same pairs were counted."""
    if isinstance(accuracy, Accuracy):
        return accuracy.matrix
    return accuracy.count, tuple(f"{value:.{_DIGITS}g}" for value in accuracy.rmse)


def _kept(folders: Iterable[Path], scored: Scored, wanted: type[A]) -> Iterator[A]:
    """What earlier evaluations of this model and this map left in some folders."""
    seen: set[Path] = set()
    names = [path.name for path in (scored.model_dir, scored.product) if path is not None]
    for folder in folders:
        if not folder.is_dir() or folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        for path in sorted(islice(folder.glob("*.json"), _MOST_FILES)):
            if not _tells_its_subject(path):
                continue
            accuracy = load_accuracy(path)
            if scored.is_of(accuracy.subject):
                yield of_kind(accuracy, wanted, str(path))
            elif path.name.startswith(tuple(f"{name}." for name in names)):
                log.warning(
                    "%s was counted on another model or map than %s as they are now, and is left out; "
                    "evaluate again",
                    path,
                    " and ".join(names),
                )


def _tells_its_subject(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b'"subject"' in head and b'"kind"' in head


def _of_training(scored: Scored, wanted: type[A]) -> list[Score[A]]:
    """What training measured on its validation samples: with curves in its file, without them on the card."""
    path = scored.model_dir / "validation.json"
    where = scored.model_dir / "model.json"
    accuracy = (
        load_accuracy(path) if path.exists() else find_accuracy(scored.card.metrics, str(where))
    )
    if accuracy is None:
        return []
    title, note = scored.spoken("val")
    known = of_kind(accuracy, wanted, str(path if path.exists() else where))
    return [Score(known, f"Accuracy on {title} {scored.samples}", note, independent=False)]
