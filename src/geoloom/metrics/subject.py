"""What an accuracy was counted on, so that later readers know what its figures describe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..core.errors import ModelError

Kind = Literal["chips", "scene", "map"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was scored, and where. It is known by contents, which copying does not change, not by times."""

    kind: Kind
    """A model on chips, a model on a scene, or a finished map."""
    identity: str | None
    """SHA-256 of the model's folder, or of the map's file; None for a model in memory."""
    chips: str | None = None
    """Name of the chip store."""
    split: str | None = None
    """Of the chips; None where the store has no splits."""
    chooses: bool = False
    """Whether chips of this split choose a training's weights: the store has none that are kept for that."""
    bounds: tuple[float, float, float, float] | None = None
    """Of a scene or map: left, bottom, right, top of the area asked for, in its CRS; None means all of it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "bounds": None if self.bounds is None else list(self.bounds)}

    @classmethod
    def from_dict(cls, values: Any, *, where: str) -> Subject:
        """The subject that `to_dict` wrote.

        Raises:
            ModelError: it is none; the message names `where` and the key.
        """
        if not isinstance(values, dict):
            raise ModelError(f"{where}: subject is {values!r:.60}; expected names and values")
        texts = {name: values.get(name) for name in ("identity", "chips", "split")}
        wrong = [name for name, v in texts.items() if not isinstance(v, str | None)]
        if values.get("kind") not in get_args(Kind):
            wrong.append("kind")
        if not isinstance(values.get("chooses", False), bool):
            wrong.append("chooses")
        bounds = values.get("bounds")
        if bounds is not None and not _four_numbers(bounds):
            wrong.append("bounds")
        if wrong:
            given = values.get(wrong[0])
            raise ModelError(
                f"{where}: subject.{wrong[0]} is {given!r:.60}, which no evaluation writes; evaluate again"
            )
        return cls(
            kind=values["kind"],
            chooses=values.get("chooses", False),
            bounds=None if bounds is None else tuple(map(float, bounds)),  # type: ignore[arg-type]
            **texts,
        )


def _four_numbers(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(v, int | float) and abs(v) < 1e300 for v in value)
    )
