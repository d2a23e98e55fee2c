"""Damaged and hostile project files, each made from its seed, and a trial that reads one.

Example:
    >>> damaged_project(7) == damaged_project(7)
    True
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

SOUND = """\
name: sound
variables:
  data: ${here}/data
  out: ${here}/work
  epochs: 3
steps:
  - prepare:
      scene: ${data}/scene.tif
      out: ${out}/prepared.tif
      index: [ndvi]
      band: {red: SR_B4, nir: 4}
      nodata: 0
  - chips:
      scene: ${out}/prepared.tif
      labels: ${data}/labels.tif
      out: ${out}/chips.zarr
      size: 96
      split: regions
      regions: {train: left, test: [0.5, 0, 1, 1]}
  - train: &training
      chips: ${out}/chips.zarr
      out: ${out}/model
      epochs: ${epochs}
      class_weights: [1, 2.5, 1e0]
      options: {batch_norm: true}
  - predict:
      model: ${out}/model
      scene: ${out}/prepared.tif
      out: ${out}/map.tif
      vector: ${out}/map.gpkg
  - report:
      model: ${out}/model
      map: ${out}/map.tif
      out: ${out}/report.html
"""
"""What is damaged; its inputs are `data/scene.tif` and `data/labels.tif`."""

VALUES = (
    "~", "''", "'/'", "'~'", "'~nobody/x'", "..", "[]", "{}", "[[[]]]", "true", "-1", "0", "1e308", ".nan",
    "-.inf", "9" * 4000, "9" * 5000, "0x" + "f" * 300, "1_000", "12:30:45", "2016-02-30", "2016-01-01",
    '"\\0"', '"\\x1b[2J"', '"\\ud800"', "!!binary aGk=", "!!python/object:os.system {}", "!!set {a, b}",
    "!!omap [a: 1]", "!!float a", "!!int ''", "!!timestamp 2016-01-01", "*nothing", "&a *a", "? [1, 2]",
    "${here}", "${none}", "${here", "${${here}}", "a" * 300, "a/" * 3000 + "b", "x" * 5000, "{a: 1, a: 2}",
    "|\n      text", "é" * 200, "\u200b", "1e999999999", "EPSG:banana", "{<<: [1]}", "{<<: *training}",
    "&x {y: *x}",
)  # fmt: skip
"""What a value may be replaced with."""


def _doubling(levels: int) -> str:
    """Variables, each twice the one before."""
    lines = ["a0: xxxxxxxxxx", *(f"a{i}: ${{a{i - 1}}}${{a{i - 1}}}" for i in range(1, levels))]
    steps = f"steps: [{{prepare: {{scene: '${{a{levels - 1}}}'}}}}]"
    return "variables:\n  " + "\n  ".join(lines) + f"\n{steps}\n"


def _laughs(first: str, line: Callable[[str, str], str], end: str = "steps: *l9") -> str:
    """Ten lines, each ten times the one before, that stand for a billion values."""
    names = [f"l{i}" for i in range(10)]
    lines = [line(before, name) for before, name in itertools.pairwise(names)]
    return "\n".join([f"l0: &l0 {first}", *lines, end]) + "\n"


def _tenfold_list(before: str, name: str) -> str:
    return f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"


def _tenfold_mapping(before: str, name: str) -> str:
    return f"{name}: &{name} {{{', '.join(f'k{i}: *{before}' for i in range(10))}}}"


def _tenfold_merge(before: str, name: str) -> str:
    return f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}], {name}: 1}}"


def _chain(links: int) -> str:
    lines = [f"  v{i}: ${{v{i + 1}}}" for i in range(links)]
    return "\n".join(["variables:", *lines, f"  v{links}: a", "steps: [a]"])


WHOLE: tuple[Callable[[], str], ...] = (
    lambda: _doubling(28),
    lambda: _laughs("[lol]", _tenfold_list),
    lambda: _laughs("{a: lol}", _tenfold_mapping),
    lambda: _laughs("{a: 1}", _tenfold_merge),
    lambda: _laughs("[lol]", _tenfold_list, "? *l9\n: 1"),
    lambda: "steps: " + "[" * 100_000,
    lambda: "steps: " + "{a: " * 100_000,
    lambda: "\n".join(" " * i + "a:" for i in range(3000)),
    lambda: "- " * 50_000,
    lambda: _chain(3000),
    lambda: "variables:\n  a: ${b}\n  b: ${a}\nsteps: [a]\n",
    lambda: "variables: {1: a, true: b, ~: c, 1.5: d}\nsteps: [{prepare: {1: 2, ~: 3}}]\n",
    lambda: "steps: [" + "{prepare: {}}," * 200_000 + "]",
    lambda: "a" * (3 << 20),
    lambda: "a: &a [*a]\nsteps: *a\n",
    lambda: "%YAML 9.9\n---\nsteps: 1\n",
    lambda: "--- 1\n--- 2\n",
    lambda: "steps: {a: b}\n",
    lambda: "- 1\n",
    lambda: "",
    lambda: "\ufeff" + SOUND,
    lambda: SOUND.replace("\n", "\r"),
    lambda: "x: " + "a " * 400_000,
    lambda: "{" + ",".join(f"k{i}: v" for i in range(50_000)) + "}",
)  # fmt: skip
"""Whole files that are not written by accident."""


def damaged_project(seed: int) -> bytes:
    """A project file with something wrong, the same for a seed."""
    chance = random.Random(seed)
    if chance.random() < 0.15:
        return chance.choice(WHOLE)().encode("utf-8", "surrogatepass")
    text = SOUND
    for _ in range(chance.choice((1, 1, 2, 4))):
        text = chance.choice((_other_value, _other_line, _indented, _cut))(text, chance)
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    if chance.random() < 0.3:
        for _ in range(chance.choice((1, 3, 20))):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def try_project(seed: int) -> str:
    """Read a damaged project and plan it; the records beside its products are damaged too.

    Raises:
        GeoloomError: it was refused, as it should be.
    """
    chance = random.Random(seed)
    return _try(damaged_project(seed), chance.choice(_RECORDS)())


def try_whole(number: int) -> str:
    """Read one of `WHOLE`.

    Raises:
        GeoloomError: it was refused, as it should be.
    """
    return _try(WHOLE[number]().encode("utf-8", "surrogatepass"), "{}")


def try_sound_project() -> str:
    """The same with nothing damaged, which loads all that reading a project needs."""
    return _try(SOUND.encode(), "{}")


def _try(project: bytes, record: str) -> str:
    from ..project.project_file import read_project
    from ..project.runner import plan

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in ("data/scene.tif", "data/labels.tif", "work/prepared.tif"):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).touch()
        (folder / "work" / "prepared.tif.run.json").write_text(record, encoding="utf-8")
        (folder / "project.yaml").write_bytes(project)
        steps = read_project(folder / "project.yaml").steps
        return ", ".join(f"{planned.action} {planned.step.verb}" for planned in plan(steps))


_RECORDS: tuple[Callable[[], str], ...] = (
    lambda: "[" * 200_000,
    lambda: '{"a":' * 100_000,
    lambda: json.dumps({"verb": "prepare", "settings": 5, "inputs": 7}),
    lambda: json.dumps({"verb": "prepare", "settings": {}, "inputs": [1, None, {"path": 3}]}),
    lambda: json.dumps({"verb": ["prepare"], "settings": {"out": {}}, "status": {}, "result": 1}),
    lambda: "null",
    lambda: "",
)


def _other_value(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    at = [i for i, line in enumerate(lines) if ": " in line]
    i = chance.choice(at)
    key = lines[i].partition(": ")[0]
    lines[i] = f"{key}: {chance.choice(VALUES)}\n"
    return "".join(lines)


def _other_line(text: str, chance: random.Random) -> str:
    """A line left out, doubled, or put elsewhere."""
    lines = text.splitlines(keepends=True)
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    line = lines[i] if chance.random() < 0.5 else lines.pop(i)
    lines.insert(j, line)
    return "".join(lines)


def _indented(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    i = chance.randrange(len(lines))
    lines[i] = chance.choice((" ", "\t", "  - ", "? ", "#", "- - - ")) + lines[i]
    return "".join(lines)


def _cut(text: str, chance: random.Random) -> str:
    i, j = sorted(chance.randrange(len(text)) for _ in range(2))
    return text[:i] + text[j:] if chance.random() < 0.5 else text[:j]
