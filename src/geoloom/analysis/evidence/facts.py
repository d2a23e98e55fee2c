"""What every report knows, whatever its model gives: the model, its training, its figures."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from ...core.errors import ModelError
from ...models.identity import folder_hash
from ..history import History, read_history
from .accuracies import A, AccuracySource
from .scores import Score

if TYPE_CHECKING:
    from ...models.card import ModelCard

log = logging.getLogger(__name__)

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What a report is asked for; arguments as those of `report`."""

    model_dir: Path
    map: Path | None
    scene: Path | None
    truth: Path | None
    accuracy: AccuracySource | None
    chips: Any
    beside: tuple[Path, ...] = ()
    """Further folders to look for figures in."""
    bands: Sequence[int | str] | None = None
    """Of the scene, shown besides true and false colour."""
    named: bool = False
    """Whether the codes of the map are named beside its file."""


@dataclass(frozen=True, slots=True)
class Facts(Generic[A]):
    """The facts that reports have in common."""

    card: ModelCard
    scores: tuple[Score[A], ...]
    """Independent ones first; empty where nothing was measured."""
    history: History | None
    settings: tuple[tuple[str, Record], ...]
    """Title and content of each record of settings."""
    finished: datetime
    """When map or answers were made, or the model where there are none; UTC."""

    @classmethod
    def of(
        cls,
        request: Request,
        card: ModelCard,
        scores: tuple[Score[A], ...],
        run: Record,
    ) -> Facts[A]:
        """Facts of a request.

        Args:
            request: What is asked for.
            card: The model's.
            scores: All figures.
            run: The record of the prediction; empty where there is none.
        """
        records = (("Training", card.config), ("Prediction", run))
        return cls(
            card=card,
            scores=scores,
            history=read_history(request.model_dir),
            settings=tuple((title, record) for title, record in records if record),
            finished=_finished(run, request.map or request.model_dir / "model.json"),
        )

    @property
    def leading(self) -> Score[A] | None:
        """The figures to lead with: independent ones, or none."""
        first = next(iter(self.scores), None)
        return first if first is not None and first.independent else None


def identity_of(model_dir: Path) -> str | None:
    """SHA-256 of a model folder; None for one without weights, which can still be described."""
    try:
        return folder_hash(model_dir)
    except ModelError:
        return None


def record_of(product: Path) -> dict[str, Any]:
    """The record of the run that made a product; empty where there is none."""
    try:
        content = json.loads(product.with_name(product.name + ".run.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def check_made_by(product: str, run: Record, identity: str | None) -> None:
    """Refuse a product that another command, or another state of the model, made.

    Raises:
        ModelError: its record says so.
    """
    if run.get("verb") not in (None, "predict"):
        raise ModelError(
            f"{product} was made by `geoloom {run['verb']}`; give what `geoloom predict` wrote"
        )
    made_by = run.get("model_fingerprint")
    in_memory = "/" not in str(run.get("model")) and "\\" not in str(run.get("model"))
    if identity is not None and made_by is not None and not in_memory and made_by != identity:
        raise ModelError(
            f"{product} was made by the model {run.get('model')} in another state than the one given; "
            "predict again, or give the model that made the map"
        )


def training_of(card: ModelCard) -> Record:
    """What the card records of the training's samples; empty where nothing."""
    recorded = card.config.get("chips")
    return recorded if isinstance(recorded, Mapping) else {}


def _finished(run: Record, product: Path) -> datetime:
    try:
        return datetime.fromisoformat(str(run.get("finished"))).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(product.stat().st_mtime, UTC)
