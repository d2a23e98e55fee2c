"""What is stated of someone else's network: its forms, and which of two sources wins."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError
from geoloom.models.foreign.facts import NetworkFacts, NetworkFactSettings
from geoloom.models.foreign.predictor import open_onnx


def test_settings_by_name_are_the_fields():
    ours = {
        name: kind.__forward_arg__ for name, kind in NetworkFactSettings.__annotations__.items()
    }
    assert ours == {field.name: field.type for field in fields(NetworkFacts)}
    assert "facts" in inspect.signature(open_onnx).parameters


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"bands": "red, nir"}, ("red", "nir")),
        ({"bands": [4, 5]}, ("4", "5")),
        ({"scale": 1e-4}, (1e-4,)),
        ({"scale": "0.0001"}, (1e-4,)),
        ({"mean": "-0.5,2"}, (-0.5, 2.0)),
        ({"std": [1, 2.5]}, (1.0, 2.5)),
        ({"model_unit": "surface_reflectance"}, ("surface_reflectance",)),
        ({"classes": "clear,cloud"}, Classes.of(["clear", "cloud"])),
        ({"classes": "0=clear, 4=cloud"}, Classes.of(["clear", "cloud"], [0, 4])),
        ({"classes": {0: "clear", "4": "cloud"}}, Classes.of(["clear", "cloud"], [0, 4])),
        ({"values": "height=m,slope"}, ("height=m", "slope")),
    ],
)
def test_all_forms_of_a_fact_are_one(given, kept):
    ((name, _),) = given.items()
    facts = NetworkFacts(**given)
    assert getattr(facts, name) == kept
    assert list(facts.stated) == [name]
    assert hash(facts) == hash(NetworkFacts(**{name: kept}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bands": "red,,nir"}, r"bands is 'red,,nir'; give names"),
        ({"bands": []}, r"bands is \[\]; give names"),
        ({"bands": [1.5]}, r"bands is \[1\.5\]"),
        ({"scale": "x"}, r"scale is 'x'; give one finite number"),
        ({"scale": 0}, r"scale is \(0\.0,\); give other numbers than 0"),
        ({"mean": float("nan")}, r"mean is nan; give one finite"),
        ({"mean": True}, r"mean is True"),
        ({"std": "1,0"}, r"std is \(1\.0, 0\.0\); give numbers above 0"),
        ({"model_unit": "reflectance"}, r"no unit is called 'reflectance'; did you mean"),
        ({"model_unit": "none"}, r"model_unit is 'none'; give a unit, or leave it out"),
        ({"classes": "a,1=b"}, r"give names \(clear,cloud\), or all with codes"),
        ({"classes": "x=b"}, r"codes are whole numbers"),
        ({"classes": "300=b"}, r"classes: class codes \[300\] are outside"),
        ({"classes": "a,a"}, r"classes: class name used twice: a"),
        ({"classes": "a", "values": "b"}, r"classes and values are stated"),
        ({"activation": "softmx"}, r"activation is 'softmx'; did you mean 'softmax'\?"),
        ({"layout": "CHW"}, r"layout is 'CHW'; did you mean 'NCHW'\?"),
        ({"input_size": 0}, r"input_size is 0; give a whole number"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(given, message):
    with pytest.raises(ConfigError, match=message):
        NetworkFacts(**given)


def test_what_is_stated_first_wins():
    first = NetworkFacts(scale=2, values="height")
    both = first.over(NetworkFacts(scale=3, mean=1, classes="a,b"))
    assert both == NetworkFacts(scale=2, mean=1, values="height")
    assert first == NetworkFacts(scale=2, values="height")
