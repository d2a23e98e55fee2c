"""`--help`: what it shows, how it is laid out, and how little it loads."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli_verbs import LEAVES
from geoloom.cli.app import app

VERBS = list(app.commands)
CALLS = [("--help",), *((*verb.split(), "--help") for verb in LEAVES)]


def help_of(verb: str) -> str:
    """With its colours, as wide as the terminal, unlike what `CliRunner` shows."""
    context = LEAVES[verb].make_context(f"geoloom {verb}", [], resilient_parsing=True)
    return context.get_help()


def sections_of(text: str) -> dict[str, str]:
    """The lines below each heading."""
    parts = re.split(r"^([A-Z][^:\n]*)\n(?=  )", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_help_loads_nothing_but_click():
    """Neither what the work needs nor anything that looks better on a terminal."""
    code = f"""
import sys
before = set(sys.modules)
from geoloom.cli.app import app
for call in {CALLS!r}:
    app(call, standalone_mode=False)
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(sorted(loaded - set(sys.stdlib_module_names)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == len(CALLS)
    assert done.stderr.strip() == "['click', 'geoloom']"


def test_help_has_the_verbs_in_the_order_of_the_work(geoloom):
    said = geoloom("--help")
    assert said.code == 0
    shown = re.findall(r"^  (\w+)  ", sections_of(said.out)["Commands"], re.MULTILINE)
    assert shown == VERBS
    assert shown.index("prepare") < shown.index("chips") < shown.index("train")


def test_no_words_are_answered_with_help(geoloom):
    said = geoloom()
    assert (said.code, said.err) == (2, "")
    assert said.out == geoloom("-h").out


def test_help_has_sections(geoloom):
    """The product last, the options in the sections that they were declared in, how to run at the end."""
    said = geoloom("chips", "-h").out
    assert said.startswith("Usage: geoloom chips [OPTIONS] SCENE LABELS OUT\n\n  Cut chips")
    sections = sections_of(said)
    declared = list(dict.fromkeys(parameter.section for parameter in app.commands["chips"].params))
    assert list(sections) == [*declared, "Examples"]
    assert (declared[:2], declared[-1]) == (["Arguments", "Options"], "How to run")
    terms = re.findall(r"^  ([A-Z]+)", sections["Arguments"], re.MULTILINE)
    assert terms == ["SCENE", "LABELS", "OUT"]
    assert re.search(
        r"^  -s, --size INTEGER +Side .*\[default: 256\]$", sections["Options"], re.MULTILINE
    )
    assert "--stride" in sections[declared[2]]
    assert "-q, --quiet" in sections["How to run"]


@pytest.mark.parametrize("verb", LEAVES)
def test_everything_that_a_verb_takes_is_explained(verb):
    sections = sections_of(click.unstyle(help_of(verb)))
    for parameter in LEAVES[verb].params:
        option = parameter.param_type_name == "option"
        shown = parameter.opts[0] if option else parameter.human_readable_name
        row = re.search(
            rf"^  (-\w, |\[)?{re.escape(shown)}(?=[\] .]|$).*",
            sections[parameter.section],
            re.MULTILINE,
        )
        assert row is not None, shown
        assert parameter.help.split()[0] in row[0]


@pytest.mark.parametrize("verb", LEAVES)
def test_lines_are_as_wide_as_the_terminal_but_readable(verb, monkeypatch):
    longest = {}
    for columns in (60, 90, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        longest[columns] = max(map(len, click.unstyle(help_of(verb)).splitlines()))
    assert longest[60] <= 60
    assert longest[90] <= 90
    assert longest[200] <= 100


@pytest.mark.parametrize("verb", LEAVES)
def test_examples_are_commands_to_copy(verb, monkeypatch):
    """In a narrow terminal too: the shell joins what a backslash parts."""
    monkeypatch.setenv("COLUMNS", "60")
    shown = sections_of(click.unstyle(help_of(verb)))
    (text,) = (shown[title] for title in ("Example", "Examples") if title in shown)
    commands = text.replace("\\\n", "").split("$ ")[1:]
    assert [shlex.split(command) for command in commands] == [
        shlex.split(example) for example in LEAVES[verb].examples
    ]
    for _, *words in map(shlex.split, commands):
        named = len(verb.split())
        assert words[:named] == verb.split()
        LEAVES[verb].make_context(verb, words[named:])


def test_colours_are_for_terminals(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    plain = CliRunner().invoke(app, ["train", "--help"]).stdout
    coloured = CliRunner().invoke(app, ["train", "--help"], color=True).stdout
    assert "\x1b[" not in plain
    assert click.style("--epochs", fg="cyan") in coloured
    assert click.unstyle(coloured) == plain
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert CliRunner().invoke(app, ["train", "--help"], color=True).stdout == plain
