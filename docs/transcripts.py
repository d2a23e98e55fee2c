"""Transcripts in pages: commands with what they print, run again by a test, and for the pages' pictures."""

from __future__ import annotations

import contextlib
import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "questions"
PICTURES = ROOT / "docs" / "pictures" / "questions"
REAL_DATA = ROOT.parent / "shared" / "data"
"""The folder that pages call `data/`."""

BLOCK = re.compile(r"<!-- transcript: (simulated|real) -->\n```console\n(.*?)```", re.DOTALL)
PICTURE = re.compile(r"<!-- picture: (simulated|real): ([^|]+) \| ([^>]+) -->")
_LONGEST_TITLE = 20
"""Letters of a file's name above its picture; the caption says what longer ones show."""
_LEGEND_INCHES = 0.4
"""For a legend of several rows."""
_PROGRESS = re.compile(r"(epoch|chips:|tiles:|blocks:) ?\d+/\d+")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a page shows it, and the lines below it."""

    shown: str
    """With its line breaks."""
    output: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """What follows `geoloom`."""
        return shlex.split(self.shown.replace("\\\n", " "))[1:]

    def text(self) -> str:
        """As the page has it."""
        return "\n".join([f"$ {self.shown}", *self.output])


def commands_of(block: str) -> tuple[Command, ...]:
    """The commands of a console block.

    Raises:
        ValueError: one is not of geoloom.
    """
    commands = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.rstrip("\n").split("\n")
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1
        if not lines[0].startswith("geoloom "):
            raise ValueError(f"expected a command of geoloom, found {lines[0]!r}")
        output = "\n".join(lines[end:]).strip("\n")
        commands.append(
            Command("\n".join(lines[:end]), tuple(output.split("\n") if output else ()))
        )
    return tuple(commands)


def transcript(page: Path, kind: str) -> tuple[Command, ...]:
    """All commands of a page of one kind, in order."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return tuple(command for k, block in found if k == kind for command in commands_of(block))


def run(commands: tuple[Command, ...], folder: Path) -> Iterator[Command]:
    """The commands, done one after the other in a folder, with what they print now.

    Lines of progress are left out. The folder sees real data as `data/`, where there are any.

    Raises:
        RuntimeError: one fails.
    """
    from click.testing import CliRunner

    from geoloom.cli.app import app

    if REAL_DATA.is_dir():
        (folder / "data").symlink_to(REAL_DATA)
    for command in commands:
        with contextlib.chdir(folder):
            done = CliRunner().invoke(app, command.words)
        lines = [line.rstrip() for line in done.output.strip("\n").split("\n")]
        if done.exit_code:
            raise RuntimeError(f"{command.shown}\n" + "\n".join(lines))
        kept = "\n".join(line for line in lines if not _PROGRESS.match(line)).strip("\n")
        yield Command(command.shown, tuple(kept.split("\n") if kept else ()))


def renewed(text: str, kind: str, commands: tuple[Command, ...]) -> str:
    """A page's text with the outputs of these commands, all of one kind."""
    left = iter(commands)

    def block(found: re.Match[str]) -> str:
        if found[1] != kind:
            return found[0]
        own = [next(left).text() for _ in commands_of(found[2])]
        return f"<!-- transcript: {kind} -->\n```console\n" + "\n\n".join(own) + "\n```"

    return BLOCK.sub(block, text)


def on_pre_build(config: Any) -> None:
    """What mkdocs calls before it builds the site: runs the transcripts and draws what they made."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for page in sorted(PAGES.glob("*.md")):
        for kind in ("simulated", "real") if REAL_DATA.is_dir() else ("simulated",):
            commands = transcript(page, kind)
            with tempfile.TemporaryDirectory() as scratch:
                for _ in run(commands, Path(scratch)):
                    pass
                draw_pictures(page, kind, Path(scratch), PICTURES)


def draw_pictures(page: Path, kind: str, folder: Path, out: Path) -> None:
    """Draw the pictures that a page shows of what its transcript has left in a folder."""
    for number, (of, files, _) in enumerate(PICTURE.findall(page.read_text(encoding="utf-8"))):
        if of == kind:
            draw([folder / name for name in files.split()], out / _name(page.stem, number))


def draw(files: list[Path], path: Path) -> None:
    """Rasters side by side on the pixels of the last: classes in their colours, others stretched."""
    from geoloom.figures.images import class_legend, map_figure, show_on
    from geoloom.figures.views import classes_of, look_at_classes, look_at_image, paint, stretch
    from geoloom.io import read_header

    last = look_at_classes(files[-1], max_px=700)
    figure, axes = map_figure(last.grid, len(files), None)
    for ax, file in zip(axes, files, strict=True):
        if read_header(file).class_names:
            seen = look_at_classes(file, grid=last.grid)
            shown = paint(seen.values[0], seen.valid, classes_of(file))
        else:
            shown, _ = stretch(look_at_image(file, grid=last.grid))
        show_on(ax, shown, last.grid, name=file.stem if len(file.stem) <= _LONGEST_TITLE else None)
        ax.set(xticks=[], yticks=[])
    class_legend(figure, classes_of(files[-1]))
    figure.set_figheight(figure.get_figheight() + _LEGEND_INCHES)
    figure.savefig(path, dpi=130)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """What mkdocs calls for each page: its pictures in place of their marks; none where none was drawn."""
    stem, number = Path(page.file.src_path).stem, iter(range(100))

    def picture(found: re.Match[str]) -> str:
        name = _name(stem, next(number))
        there = (PICTURES / name).is_file()
        return f"![{found[3]}](../pictures/questions/{name})\n\n*{found[3]}*" if there else ""

    return PICTURE.sub(picture, markdown)


def _name(stem: str, number: int) -> str:
    return f"{stem}{number}.png"
