from __future__ import annotations

import pytest

from geoloom.cli.document import read_document
from geoloom.core.errors import ConfigError


def write(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    return path


def test_values_are_yaml_and_lines_are_the_editors(tmp_path):
    document = read_document(
        write(tmp_path, "a: 1\nsteps:\n  - cut:\n      size: 2.5\n      names: [x, y]\n  - null\n")
    )
    assert document.data == {"a": 1, "steps": [{"cut": {"size": 2.5, "names": ["x", "y"]}}, None]}
    assert document.where(("steps", 0, "cut", "size")) == "line 4, steps[0].cut.size"
    assert document.where(("steps", 0, "cut", "absent")) == "line 3, steps[0].cut.absent"
    assert document.lines["steps", 1] == 6


def test_anchors_and_merges_mean_what_yaml_says(tmp_path):
    document = read_document(
        write(tmp_path, "base: &base {size: 1, rule: mode}\nother:\n  <<: *base\n  size: 2\n")
    )
    assert document.data["other"] == {"size": 2, "rule": "mode"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", r"line 3: 'a' is already given on line 1"),
        ("a:\n  - {b: 1, b: 2}\n", r"line 2: 'b' is already given on line 2"),
        ("a: [1, 2\nb: 3\n", r"line 2: .*expected YAML"),
        ("a:\n\tb: 1\n", r"line 2: .*indented with spaces"),
        ("? [1, 2]\n: 3\n", r"line 1: .*keys must be plain words"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read_document(write(tmp_path, text))


def test_a_missing_file_and_a_binary_one_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="not found; give the path"):
        read_document(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_document(tmp_path / "b.yaml")
