"""Compare two maps of classes: what became what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from ..listener import Listener
from .base import ClassColor, CodeName, Step


class Change(Step):
    """`geoloom change`: two maps of classes in, a map of changes out."""

    verb = "change"
    reads = ("before", "after")

    before: Path
    after: Path
    out: Path
    classes: dict[CodeName, str] = Field(default_factory=dict)
    colors: dict[str, ClassColor] = Field(default_factory=dict)
    align: bool = False

    def also_written(self) -> tuple[Path, ...]:
        """The matrix of areas."""
        from ...analysis.map_change import matrix_paths

        return matrix_paths(self.out)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Compare them."""
        from ...analysis.map_change import change

        with listener.track("blocks") as advance:
            made = change(
                self.before,
                self.after,
                self.out,
                classes=self.classes or None,
                colors=self.colors or None,
                align=self.align,
                overwrite=overwrite,
                progress=advance,
            )
        return {**made.matrix.to_dict(), "unmapped": made.unmapped}

    def sentence(self, result: dict[str, Any]) -> str:
        """The areas, as tables."""
        from ...analysis.change_matrix import ChangeMatrix

        return (
            f"{ChangeMatrix.from_dict(result).text()}\n\n{self.out}: {result['changed_hectares']:,.1f} ha "
            f"have another class; {result['unmapped']:,} px have none before or after"
        )
