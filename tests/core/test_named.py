"""Names with options, and sums of them: what is read from them, and what is refused."""

import pytest

from geoloom.core.errors import ConfigError
from geoloom.core.options.named import Named, parse_sum, typed_options


def option(
    _given,
    *,
    share: float = 0.5,
    count: int = 2,
    on: bool = False,
    kind: str = "a",
    most: float | None = None,
    loose=1.0,
):
    """Has one option of each kind."""


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("ce", [(1, "ce", {})]),
        (" ce + 0.5 * dice ", [(1, "ce", {}), (0.5, "dice", {})]),
        ("a:x=1e+3+2e-1*b:y=-2,z=w", [(1, "a", {"x": "1e+3"}), (0.2, "b", {"y": "-2", "z": "w"})]),
        ("timm2+3*user_loss", [(1, "timm2", {}), (3, "user_loss", {})]),
    ],
)
def test_sums_are_read(text, terms):
    read = [(weight, named.name, named.options) for weight, named in parse_sum(text, "loss")]
    assert read == terms
    again = "+".join(f"{weight}*{named}" for weight, named in parse_sum(text, "loss"))
    assert parse_sum(again, "loss") == parse_sum(text, "loss")


@pytest.mark.parametrize(
    "text", ["", "ce+", "+ce", "ce++dice", "x*ce", "-1*ce", "0*ce", "nan*ce", "inf*ce", "*ce",
             "ce:", "ce:a", "ce:a=", "ce:=1", "ce:a=1,a=2", ":a=1", "0.5*", "ce:a=1,"]
)  # fmt: skip
def test_other_forms_are_refused(text):
    with pytest.raises(ConfigError, match="loss"):
        parse_sum(text, "loss")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("share", "1", 1.0),
        ("share", 1, 1.0),
        ("count", "3", 3),
        ("on", "True", True),
        ("kind", "5", "5"),
        ("most", "none", None),
        ("most", "0.5", 0.5),
        ("loose", "2", 2.0),
    ],
)
def test_options_take_their_types(key, text, value):
    found = typed_options(option, Named("n", {key: text}), "loss")[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("shar", "1", "did you mean 'share'"),
        ("_given", "1", "no option '_given'"),
        ("share", "much", "share is 'much'; expected a number"),
        ("share", "nan", "expected a number"),
        ("share", True, "expected a number"),
        ("count", "2.5", "expected a whole number"),
        ("count", 2.5, "expected a whole number"),
        ("on", "1", "expected true or false"),
    ],
)
def test_wrong_options_are_refused(key, text, message):
    with pytest.raises(ConfigError, match=message):
        typed_options(option, Named("n", {key: text}), "loss")
