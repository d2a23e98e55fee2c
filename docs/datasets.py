"""The table of datasets on the pages: what is declared, as `geoloom datasets list` has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PLACE = "<!-- datasets -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What mkdocs calls for each page: the table in place of its mark."""
    return markdown.replace(PLACE, "\n".join(_rows())) if PLACE in markdown else markdown


def _rows() -> Iterator[str]:
    from geoloom.datasets import get_benchmark, list_datasets

    yield "| name | what | samples | bands | teaches | divided |"
    yield "|---|---|---|---|---|---|"
    for command in list_datasets(kind="samples"):
        known = get_benchmark(command)
        size = "" if known.size is None else " of {} x {}".format(*known.size)
        names = [band.name for band in known.bands]
        bands = ", ".join(names) if len(names) < 5 else f"{len(names)}: {names[0]} .. {names[-1]}"
        dates = "" if known.image.dates is None else f", {known.image.dates} dates"
        teaches = "nothing" if known.outputs is None else known.outputs.short
        divided = ", ".join(known.splits) or "not"
        yield (
            f"| `{known.name}` | {known.about} | {known.samples:,}{size} | {bands}{dates} | {teaches} | "
            f"{divided} |"
        )
