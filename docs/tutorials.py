"""Tutorial pages: the scripts in `examples/`, run when the site is built with output and pictures."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
PLACE = re.compile(r"<!-- tutorial: (\w+)\.py -->")
_CELL = re.compile(r"^# %%(?: \[(markdown)\])?\n", re.MULTILINE)
_SAVED = re.compile(r"save_figure\(figure, out / \"([\w.]+)\"")

_printed: dict[str, list[str]] = {}
"""What each cell of a script printed, filled before the pages are built."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a script in percent format."""

    is_text: bool
    source: str

    @property
    def pictures(self) -> list[str]:
        """Files that it draws."""
        return [] if self.is_text else _SAVED.findall(self.source)


def cells_of(script: Path) -> list[Cell]:
    """The cells of a script, comments of text cells uncovered."""
    _, *parts = _CELL.split(script.read_text(encoding="utf-8"))
    return [
        Cell(True, re.sub(r"^# ?", "", source, flags=re.MULTILINE).strip())
        if kind
        else Cell(False, source.strip())
        for kind, source in zip(parts[::2], parts[1::2], strict=True)
    ]


def on_pre_build(config: Any) -> None:
    """What mkdocs calls before it builds the site: runs the scripts and keeps what they print and draw."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for name in PLACE.findall(page.read_text(encoding="utf-8")):
            cells = cells_of(ROOT / "examples" / f"{name}.py")
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                _printed[name] = run(cells)
                drawn = PICTURES / name
                drawn.mkdir(parents=True, exist_ok=True)
                for picture in [p for cell in cells for p in cell.pictures]:
                    shutil.copy(Path(folder) / f"{name}-out" / picture, drawn)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What mkdocs calls for each page: the script in place of its mark."""
    return PLACE.sub(lambda found: page_text(found[1], _printed.get(found[1])), markdown)


def page_text(name: str, printed: list[str] | None) -> str:
    """A script as Markdown.

    Args:
        name: Of the script, without its ending.
        printed: By each cell; None leaves output out.
    """
    parts = []
    cells = cells_of(ROOT / "examples" / f"{name}.py")
    for cell, output in zip(cells, printed or [""] * len(cells), strict=True):
        parts.append(cell.source if cell.is_text else f"```python\n{cell.source}\n```")
        if output.strip():
            parts.append(f"```text\n{output.rstrip()}\n```")
        parts += [f"![{Path(p).stem}](../pictures/{name}/{p})" for p in cell.pictures]
    return "\n\n".join(parts)


def run(cells: list[Cell]) -> list[str]:
    """Run the code cells in one namespace, as a notebook does, here; returns what each printed."""
    space: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for cell in cells:
        heard = io.StringIO()
        if not cell.is_text:
            with contextlib.redirect_stdout(heard):
                exec(compile(ast.parse(cell.source), "cell", "exec"), space)
        printed.append(heard.getvalue())
    return printed
