"""The architecture page lists the modules that there are, each by the first line of its docstring.

Run as a script, it writes the list into the page: python tests/test_architecture.py
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "geoloom"
PAGE = ROOT / "docs" / "developers" / "architecture.md"
START, STOP = "<!-- modules -->\n", "<!-- end of modules -->"
VERBS = PACKAGE / "cli" / "verbs"
"""One file a verb, named after it: not listed one by one."""


def first_line(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def listing() -> str:
    """A heading for each folder, and a line for each of its modules."""
    lines: list[str] = []
    folders = sorted({file.parent for file in PACKAGE.rglob("*.py")})
    for folder in folders:
        if folder == VERBS:
            continue
        parts = folder.relative_to(PACKAGE).parts
        files = sorted(file for file in folder.glob("*.py") if file.stem != "__init__")
        title = "/".join(parts) or "geoloom"
        lines += [f"### {title}", "", first_line(folder / "__init__.py"), ""]
        lines += [f"- `{file.stem}`: {first_line(file)}" for file in files]
        lines += [""] if files else []
    return "\n".join(lines).rstrip() + "\n"


def parts_of_page() -> tuple[str, str, str]:
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    listed, stop, after = rest.partition(STOP)
    assert start, f"{PAGE} has no {START!r}"
    assert stop, f"{PAGE} has no {STOP!r}"
    return before + start, listed, stop + after


def test_every_module_says_what_it_is():
    silent = [str(file) for file in PACKAGE.rglob("*.py") if not first_line(file)]
    assert not silent


def test_the_page_lists_the_modules_that_there_are():
    listed = parts_of_page()[1].splitlines()
    wanted = listing().splitlines()
    stale = [f"- {line}" for line in listed if line and line not in wanted]
    missing = [f"+ {line}" for line in wanted if line and line not in listed]
    assert listed == wanted, "\n".join(
        ["run `python tests/test_architecture.py`:", *stale, *missing]
    )


def test_the_listing_leaves_no_module_out():
    count = sum(1 for f in PACKAGE.rglob("*.py") if f.stem != "__init__" and f.parent != VERBS)
    assert listing().count("\n- `") == count


if __name__ == "__main__":
    before, _, after = parts_of_page()
    PAGE.write_text(before + listing() + after, encoding="utf-8")
