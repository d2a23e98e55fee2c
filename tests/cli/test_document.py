from __future__ import annotations

import sys

import pytest

from geoloom.core.errors import ConfigError
from geoloom.project.yaml_document import read_document


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


LAUGHS = "\n".join(
    ["l0: &l0 [lol]", *(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 6))]
)
MERGES = "\n".join(
    [
        "l0: &l0 {a: 1}",
        *(f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 10)}], b{i}: 1}}" for i in range(1, 6)),
    ]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, r"line 5: the file stands for more than 10,000 values"),
        (MERGES, r"line 5: the file stands for more than 10,000 values"),
        ("a: &a [*a]\n", r"line 1: \*a stands inside what it stands for"),
        ("a:\n  " + "[" * 3000, r"line 2: values are nested more than 40 deep"),
        ("a: " + "x" * 5000, r"line 1: a text has more than 4096 characters"),
        ("a: 1\nb: \x1b[2J\n", r"line 2: holds the control character '\\x1b'"),
        ("a: 1\nb: " + "9" * 4095, r"line 2: '9+' is not a number that a setting can have"),
        ("a: !!binary aGk=\n", r"line 1: .*binary is not a plain value"),
        ("a: !!omap [b: 1]\n", r"line 1: .*omap is not a plain value"),
        ("# " + "x" * (1 << 20), r"more than 1,048,576 bytes"),
    ],
)
def test_what_stands_for_too_much_or_for_no_setting_is_refused_with_its_line(tmp_path, text, said):
    if "9" * 4095 in text:
        text = text.replace("9" * 4095, "9" * 4090)  # as long as a text may be, and no number yet
        sys.set_int_max_str_digits(4000)
    try:
        with pytest.raises(ConfigError, match=said):
            read_document(write(tmp_path, text))
    finally:
        sys.set_int_max_str_digits(4300)


def test_a_date_is_the_text_that_was_written(tmp_path):
    document = read_document(write(tmp_path, "name: 2016-02-30\nwhen: 2016-01-01\n"))
    assert document.data == {"name": "2016-02-30", "when": "2016-01-01"}


def test_an_alias_may_lead_to_a_mapping_with_a_merge_more_than_once(tmp_path):
    text = "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: [*b, *b]\n"
    assert read_document(write(tmp_path, text)).data["c"] == [{"x": 2}, {"x": 2}]
