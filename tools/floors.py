"""Prints the lowest versions that pyproject.toml declares as constraints: one `name==version` per line.

`make floors` installs with them, so that the tests run on the oldest libraries that it declares.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*(?:>=\s*(?P<floor>[\w.]+))?$")
"""What pyproject.toml writes: a name, perhaps extras of it, perhaps a floor, and nothing else."""


def floors(project: Path) -> dict[str, str]:
    """The lowest version of every dependency with a floor, those of the extras included.

    Raises:
        ValueError: a requirement has another form, or one library has two floors.
    """
    lowest: dict[str, str] = {}
    for requirement in _requirements(project):
        match = _REQUIREMENT.match(requirement)
        if match is None:
            raise ValueError(f"{project}: {requirement!r} is not of the form `name>=version`")
        name, floor = match["name"].lower(), match["floor"]
        if floor is not None and lowest.setdefault(name, floor) != floor:
            raise ValueError(f"{project}: {name} has two floors, {lowest[name]} and {floor}")
    return dict(sorted(lowest.items()))


def _requirements(project: Path) -> Iterator[str]:
    tables = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    yield from tables["dependencies"]
    for extra in tables["optional-dependencies"].values():
        yield from extra


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    sys.stdout.writelines(
        f"{name}=={floor}\n" for name, floor in floors(root / "pyproject.toml").items()
    )
