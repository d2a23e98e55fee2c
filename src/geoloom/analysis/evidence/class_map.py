"""What is known of a map of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.classes import Classes
from ...core.errors import ModelError
from ...core.outputs import Outputs
from ...evaluation.maps import evaluate_map
from ...io.headers.header import Header
from ...metrics.accuracy import Accuracy
from ...models.card import classes_of
from ..areas import AreaTable, class_areas
from .facts import Facts, Request
from .mapped import Mapped
from .scores import Score, Scored, find_scores
from .truth import KnownTruth

if TYPE_CHECKING:
    from ...models.card import ModelCard


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The facts of one report."""

    facts: Facts[Accuracy]
    mapped: Mapped
    truth: KnownTruth | None
    areas: AreaTable

    @property
    def classes(self) -> Classes:
        """What the map's codes mean."""
        return self.facts.card.classes

    @classmethod
    def of(cls, request: Request, card: ModelCard) -> ClassMap:
        """Read and count all that the report shows.

        Raises:
            ModelError: the raster is not a map of the model, or truth has other classes.
            ReadError: map, scene or truth cannot be read.
        """
        check = check_codes if request.named else check_class_map
        mapped, scored = Mapped.of(request, card, check)
        truth = None if request.truth is None else KnownTruth.of(request.truth, card.classes)
        agreement = None if truth is None else lambda: _agreement(truth, mapped, scored)
        scores = find_scores(scored, Accuracy, request.accuracy, agreement, request.beside)
        return cls(
            facts=Facts.of(request, card, scores, mapped.run),
            mapped=mapped,
            truth=truth,
            areas=class_areas(mapped.path, card.classes),
        )


def check_class_map(header: Header, outputs: Outputs) -> None:
    """Refuse a raster that is not a map of the model's classes.

    Raises:
        ModelError: its codes carry no names, or others than the model's classes have.
    """
    classes = classes_of(outputs)
    own = {code: name for code, name in (header.class_names or {}).items() if name}
    wanted = dict(zip(classes.codes, classes.names, strict=True))
    if not own.items() >= wanted.items():
        problem = f"names its codes {own}" if own else "carries no class names"
        raise ModelError(
            f"{header.uri} is not a map of this model: it {problem}, where the model's classes are {wanted}; "
            "give what `geoloom predict` wrote with it"
        )


def check_codes(header: Header, outputs: Outputs) -> None:
    """Refuse a raster that holds no codes, where names of codes are given for it.

    Raises:
        ModelError: its first band is not of whole numbers.
    """
    kind = np.dtype(header.dtypes[0])
    if kind.kind not in "iu":
        raise ModelError(
            f"{header.uri} is of {kind}, and names of codes (--class) are given for it: give a map of "
            f"whole numbers, such as uint8, that holds {outputs.short}"
        )


def _agreement(truth: KnownTruth, mapped: Mapped, scored: Scored) -> Score[Accuracy]:
    accuracy = evaluate_map(
        mapped.path, truth.source, classes=scored.card.classes, class_field=truth.class_field
    )
    assert isinstance(accuracy, Accuracy)  # classes were given
    assert scored.learned is not None  # maps lie somewhere
    apart = scored.learned.apart_from(None)
    note = f"Every mapped pixel for which {truth.name} gives a class{whole_ground(apart=apart)}"
    return Score(accuracy, "Agreement over the whole map", note, independent=apart)


def whole_ground(*, apart: bool) -> str:
    """What figures of the whole map are worth."""
    if apart:
        return "; the network has learned from no chip there."
    return (
        ", training areas included: this shows where map and truth differ, but it is not an independent "
        "test."
    )
