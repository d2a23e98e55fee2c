"""What is known of a model that gives the class of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...metrics.accuracy import Accuracy
from ...metrics.subject import Subject
from ..answers import Answers
from .facts import Facts, Request, check_made_by, identity_of, record_of, training_of
from .scores import Score, Scored, find_scores, score_of

if TYPE_CHECKING:
    from ...models.card import ModelCard


@dataclass(frozen=True, slots=True)
class ImageModel:
    """The facts of one report."""

    facts: Facts[Accuracy]
    answers: Answers | None
    pictures: Path | None
    """The folder that the table's files lie in, where it is known."""

    @classmethod
    def of(cls, request: Request, card: ModelCard) -> ImageModel:
        """Read and count all that the report shows.

        Raises:
            ModelError: the table does not hold answers of the model.
        """
        identity = identity_of(request.model_dir)
        answers, run = None, {}
        if request.map is not None:
            run = record_of(request.map)
            check_made_by(str(request.map), run, identity)
            answers = Answers.of(request.map, card.classes)
        scored = Scored(request.model_dir, identity, request.map, None, card, None)
        counted = None
        if answers is not None and len(answers.judged()[1]):
            known = answers
            counted = lambda: _counted(known, scored)  # noqa: E731 - counted only where it is asked for
        scores = find_scores(scored, Accuracy, request.accuracy, counted, request.beside)
        return cls(Facts.of(request, card, scores, run), answers, _folder(request, card))


def _counted(answers: Answers, scored: Scored) -> Score[Accuracy]:
    """Figures of the table's own rows."""
    split, rows = answers.judged()
    splits = set(answers.labelled().get("split", ()))
    path = training_of(scored.card).get("path")
    own = Path(path).name if isinstance(path, str) else answers.path.name
    subject = Subject("chips", scored.model, own, split, chooses="val" not in splits)
    return score_of(replace(answers.accuracy(rows), subject=subject), scored)


def _folder(request: Request, card: ModelCard) -> Path | None:
    """The folder of pictures: given, or that of the training where it still is."""
    given: Any = request.chips if request.chips is not None else training_of(card).get("path")
    given = getattr(given, "path", given)
    folder = Path(given) if isinstance(given, str | Path) else None
    return folder if folder is not None and folder.is_dir() else None
