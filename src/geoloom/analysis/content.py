"""What a page consists of, whatever its report is about. All of it is HTML, escaped where it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page below a heading."""

    key: str
    """Its address in the page."""
    link: str
    """Its name in the navigation."""
    title: str
    body: str

    @property
    def html(self) -> str:
        """The section as it stands in the page."""
        heading = f'<h2 id="{self.key}-title">{self.title}</h2>'
        return f'<section id="{self.key}" aria-labelledby="{self.key}-title">{heading}{self.body}</section>'


@dataclass(frozen=True, slots=True)
class MapPart:
    """A zoomable map."""

    data: Mapping[str, Any]
    """Plain values for its script."""
    picture: str
    """The same in pictures, for print and where scripts do not run."""


@dataclass(frozen=True, slots=True)
class Content:
    """All of a page."""

    kicker: str
    """What kind of report it is."""
    title: str
    subtitle: str
    lead: str
    """The findings in sentences."""
    tiles: str
    """The figures that people look for first."""
    sections: tuple[Section, ...]
    """In order; the map, where there is one, stands before them."""
    map: MapPart | None = None
