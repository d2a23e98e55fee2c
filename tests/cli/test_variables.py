from __future__ import annotations

import pytest

from geoloom.core.errors import ConfigError
from geoloom.project.variables import fill, resolve


def test_variables_refer_to_each_other_in_any_order():
    assert resolve({"c": "${b}/c", "b": "${a}/b", "a": "x"}) == {"c": "x/b/c", "b": "x/b", "a": "x"}


def test_a_whole_reference_keeps_its_type_and_a_part_becomes_text():
    variables = {"n": 3, "flag": True}
    assert fill({"n": "${n}", "text": "n=${n}", "list": ["${flag}"]}, variables) == {
        "n": 3,
        "text": "n=3",
        "list": [True],
    }


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(ConfigError, match=r"\$\{rot\} is not a variable; did you mean 'root'\?"):
        fill("${rot}/a", {"root": "."})


def test_a_circle_is_named():
    with pytest.raises(ConfigError, match="a -> b -> a"):
        resolve({"a": "${b}", "b": "x${a}"})


def test_texts_that_double_are_stopped_where_no_setting_could_be_meant():
    doubling = {"a0": "x" * 10} | {f"a{i}": f"${{a{i - 1}}}${{a{i - 1}}}" for i in range(1, 16)}
    with pytest.raises(ConfigError, match="grows to more than 4096 characters"):
        resolve(doubling)


def test_a_chain_of_variables_has_an_end():
    chain = {f"v{i}": f"${{v{i + 1}}}" for i in range(3000)} | {"v3000": "x"}
    with pytest.raises(ConfigError, match="more than 40 links"):
        resolve(chain)
