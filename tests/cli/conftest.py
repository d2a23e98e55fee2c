"""A project of fake steps that work in no time, and a way to run the command in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from click.testing import CliRunner
from pydantic import BeforeValidator, PositiveInt

from geoloom.cli.app import app
from geoloom.cli.terminal import Terminal
from geoloom.core.errors import ChipError
from geoloom.project.steps import STEPS
from geoloom.project.steps.base import Step, as_list


class Cut(Step):
    """Copies its input, so many times."""

    verb = "cut"
    reads = ("scene", "extra")
    incidental = frozenset({"workers"})

    scene: Path
    out: Path
    size: PositiveInt = 4
    rule: Literal["mode", "nearest"] = "mode"
    extra: Annotated[tuple[Path, ...], BeforeValidator(as_list)] = ()
    workers: PositiveInt = 1

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.size == 13:
            yield "size", "13 brings bad luck"

    def perform(self, terminal: Terminal, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        if self.size == 666:
            raise ChipError("found 666 chips, expected fewer; lower size")
        if self.size == 667:
            raise ZeroDivisionError("deep inside")
        if self.size == 668:
            raise KeyboardInterrupt
        if self.size == 669:
            raise MemoryError("unable to allocate 8 TiB")
        with terminal.track("cutting") as advance:
            advance(1, 1)
        self.out.write_text(self.scene.read_text() * self.size)
        return {"copies": self.size, "resumed": resume}


class Join(Step):
    """Joins two files."""

    verb = "join"
    reads = ("left", "right")
    resumable = True

    left: Path
    right: Path
    out: Path

    def perform(self, terminal: Terminal, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        self.out.write_text(self.left.read_text() + self.right.read_text())
        return {"length": len(self.out.read_text())}


@pytest.fixture
def fake_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "cut", Cut)
    monkeypatch.setitem(STEPS, "join", Join)


PROJECT = """\
name: fake
variables:
  root: {root}
  out: {root}/work
  size: 2
steps:
  - cut:
      scene: ${{root}}/a.txt
      out: ${{out}}/cut.txt
      size: ${{size}}
  - join:
      left: ${{out}}/cut.txt
      right: ${{root}}/b.txt
      out: ${{out}}/joined.txt
"""


@pytest.fixture
def project(tmp_path: Path, fake_steps: None) -> Path:
    """A project file with its two inputs."""
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    path = tmp_path / "project.yaml"
    path.write_text(PROJECT.format(root=tmp_path))
    return path


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def geoloom():
    """Call the command: `geoloom("run", path)`."""

    def call(*words: object) -> Answer:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call
