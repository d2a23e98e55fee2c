"""The analyst's questions: each page's transcripts run as they stand, and print what the page says.

What a page shows is renewed by

    GEOLOOM_UPDATE_TRANSCRIPTS=1 python -m pytest -m transcripts tests/test_questions.py
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "questions").glob("*.md"))
UPDATE = "GEOLOOM_UPDATE_TRANSCRIPTS"

LEARNED = {"train", "evaluate", "change"}
"""Verbs whose figures come from a training: machines round differently, and a training amplifies it."""
SHARE_TOLERANCE = 0.2
"""Of accuracies, F1 and other figures from 0 to 1; those of rare classes differ most."""
COUNT_TOLERANCE = 0.15
"""Of pixels and hectares, as a share of the largest number that the same command prints."""
NUMBER = re.compile(r"^[+-]?\d[\d,]*(\.\d+)?$")


@pytest.fixture
def transcripts(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("transcripts")


def number(word: str) -> float | None:
    return float(word.replace(",", "")) if NUMBER.match(word) else None


def differences(verb: str, page: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    """Lines that are not what the page says: learned numbers within their tolerance, all else exactly."""
    if verb not in LEARNED:
        return [] if page == now else [f"the page has {page}", f"it prints {now}"]
    if len(page) != len(now):
        return [f"the page has {len(page)} lines, it prints {len(now)}: {now}"]
    counts = [abs(n) for line in page for n in map(number, line.split()) if n is not None]
    most = COUNT_TOLERANCE * max(counts, default=0.0)
    return [
        f"the page has {old!r}, it prints {new!r}"
        for old, new in zip(page, now, strict=True)
        if not alike(old.replace(",\n", " ").split(), new.split(), most, verb != "change")
    ]


def alike(old: list[str], new: list[str], most: float, has_shares: bool) -> bool:
    """Whether two lines say the same; of a change all figures are areas, small ones too."""
    if len(old) != len(new):
        return False
    for a, b in zip((w.rstrip(",;") for w in old), (w.rstrip(",;") for w in new), strict=True):
        x, y = number(a), number(b)
        if x is None or y is None:
            if a != b:
                return False
        elif abs(x - y) > (SHARE_TOLERANCE if has_shares and abs(x) <= 1 and "." in a else most):
            return False
    return True


@pytest.mark.transcripts
@pytest.mark.parametrize("kind", ["simulated", "real"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page, kind, transcripts, tmp_path, request):
    if kind == "real":
        request.getfixturevalue("shared_data")  # skips, saying so, where there are none
    commands = transcripts.transcript(page, kind)
    assert commands
    now = tuple(transcripts.run(commands, tmp_path))
    if os.environ.get(UPDATE):
        page.write_text(transcripts.renewed(page.read_text(), kind, now))
        return
    for old, new in zip(commands, now, strict=True):
        wrong = differences(old.words[0], old.output, new.output)
        assert not wrong, (
            f"{old.shown}\n" + "\n".join(wrong) + f"\nif it is meant: {UPDATE}=1 and -m transcripts"
        )
    files = [
        f
        for of, names, _ in transcripts.PICTURE.findall(page.read_text())
        if of == kind
        for f in names.split()
    ]
    assert files
    assert all((tmp_path / file).is_file() for file in files)


def test_differences_are_seen():
    page = ("model is trained: validation accuracy 0.900, mean F1 0.880", "forest  1,000  20")
    same = ("model is trained: validation accuracy 0.955, mean F1 0.800", "forest  900  150")
    assert differences("train", page, page) == differences("train", page, same) == []
    for changed in (
        ("model is trained: validation accuracy 0.690, mean F1 0.880", page[1]),
        ("model is done: validation accuracy 0.900, mean F1 0.880", page[1]),
        (page[0], "forest  800  20"),
        page[:1],
    ):
        assert differences("train", page, changed), changed
    assert differences("rasterize", page, same)
