"""What the command says, to whom, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from geoloom.cli.app import app
from geoloom.project.steps import STEPS

COMMAND = "import sys; sys.argv[0] = 'geoloom'; from geoloom.cli import main; main()"


def shell(line: str, *words: object) -> subprocess.CompletedProcess[str]:
    """A line of sh in which `$@` is the command with its words."""
    command = [sys.executable, "-c", COMMAND, *map(str, words)]
    return subprocess.run(
        ["sh", "-c", line, "sh", *command], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_reader_that_has_gone_is_no_error():
    done = shell('{ "$@"; echo "code $?" >&2; } | true', "models")
    assert done.stderr.strip() == "code 0"


def test_a_closed_stderr_stops_no_work(tmp_path):
    (tmp_path / "a.yaml").write_text("steps: 5\n")
    done = shell('"$@" 2>&-', "models")
    assert (done.returncode, done.stderr) == (0, "")
    failed = shell('"$@" 2>&-; echo "code $?"', "run", tmp_path / "a.yaml")
    assert failed.stdout.strip() == "code 1"
    misused = shell('"$@" 2>&-', "chops", "--json")
    assert misused.returncode == 2
    assert json.loads(misused.stdout)["error"] == "UsageError"


def test_an_answer_that_finds_no_room_is_an_error_of_ours():
    done = shell('"$@" > /dev/full', "models")
    assert done.returncode == 1
    assert "the answer cannot be written to stdout: No space left" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["chips", "a.tif", "--size", "x"],
        ["chips", "a.tif", "b.tif", "c.zarr", "--region", "train"],
        ["chops"],
        [],
        ["--nope", "train"],
        ["--", "--nope"],
    ],
)
def test_a_wrong_command_line_answers_in_json_too(words):
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert answer["message"]
    assert result.stderr


@pytest.mark.parametrize("verb", sorted(set(STEPS)))
def test_an_interruption_is_reported_as_the_verb_takes_it(verb, monkeypatch, tmp_path):
    """Prediction and what is made by it go on by themselves, training when asked to; all else starts over."""
    from test_defaults import KINDS

    def interrupted(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("geoloom.project.perform.perform", interrupted)
    monkeypatch.chdir(tmp_path)
    (settings,) = list(KINDS[verb].values())[:1]
    words = [
        w for value in settings.values() for w in (value if isinstance(value, list) else [value])
    ]
    result = CliRunner().invoke(app, [verb, *words])
    assert result.exit_code == 130
    goes_on = "goes on where this one was"
    expected = {"predict": goes_on, "similar": goes_on, "train": "with --resume goes on"}
    assert expected.get(verb, "starts over") in result.stderr
