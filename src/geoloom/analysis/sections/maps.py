"""What reports of maps say alike: their first line, their files, the ground that they cover."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ..evidence.accuracies import A
from ..evidence.facts import Facts
from ..evidence.mapped import Mapped
from ..tables import hectares
from .method import describe_grid


def map_subtitle(facts: Facts[A], mapped: Mapped, done: str) -> str:
    """The map's file, and by what and when it was made.

    Args:
        facts: Of the report.
        mapped: The map.
        done: What the network did to the scene, such as `classified`.
    """
    scene = f" from {escape(mapped.scene.name)}" if mapped.scene else ""
    return f"<b>{escape(mapped.path.name)}</b>, {done}{scene} by a network of type {maker(facts)}"


def maker(facts: Facts[A]) -> str:
    """The network's name and the date."""
    when = facts.finished.strftime("%d %B %Y").lstrip("0")
    return (
        f"<b>{escape(facts.card.architecture)}</b> on "
        f'<time datetime="{facts.finished.isoformat()}">{when}</time>'
    )


def map_files(mapped: Mapped, truth: Path | None) -> list[tuple[str, str]]:
    """Names of the files, and where the map lies."""
    files = [("Map", mapped.path.name)]
    if mapped.scene is not None:
        files.append(("Scene", mapped.scene.name))
    if truth is not None:
        files.append(("Truth", truth.name))
    return [*files, *describe_grid(mapped.grid)]


def area_tile(area: float) -> tuple[str, str, str]:
    """The ground that a map covers, from hectares."""
    return ("Mapped area", f"{hectares(area)}\u202fha", f"{area / 100:,.0f} km²")
