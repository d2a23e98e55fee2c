"""Outputs: what each kind says, how its answers are written, and the way into JSON and back."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, ConfigError, DatasetError, ModelError
from geoloom.core.jsonfile import JsonValue
from geoloom.core.outputs import (
    IGNORE_INDEX,
    TARGETS,
    BoxOutputs,
    ClassOutputs,
    FeatureOutputs,
    ValueOutputs,
    outputs_from_dict,
    read_outputs,
    require_targets,
)
from geoloom.core.query import Sample

CLASSES = Classes.of(["forest", "water", "cleared"], codes=[3, 0, 255])

names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)
pers = st.sampled_from(["pixel", "image"])
finite = st.floats(-1e9, 1e9)


@st.composite
def classes(draw):
    of = draw(names)
    codes = draw(st.lists(st.integers(0, 255), min_size=len(of), max_size=len(of), unique=True))
    states = st.none() | st.lists(
        st.none() | st.text(max_size=6), min_size=len(of), max_size=len(of)
    )
    before = draw(states)
    after = None if before is None else draw(states.filter(lambda s: s is not None))
    return Classes.of(of, codes, before=before, after=after)


@st.composite
def values(draw):
    of = draw(names)
    each = {"min_size": len(of), "max_size": len(of)}
    units = draw(st.lists(st.none() | st.text(max_size=4), **each))
    if draw(st.booleans()):
        return ValueOutputs(of, units, draw(pers))
    mean = draw(st.lists(finite, **each))
    std = draw(st.lists(st.floats(1e-9, 1e9), **each))
    return ValueOutputs(of, units, draw(pers), mean, std)


outputs = st.one_of(
    st.builds(ClassOutputs, classes(), st.booleans(), pers, st.floats(1e-3, 1e3)),
    values(),
    st.builds(BoxOutputs, classes(), st.booleans()),
    st.builds(FeatureOutputs, st.integers(1, 5000)),
)


@given(outputs)
def test_outputs_go_into_json_and_back(known):
    back = outputs_from_dict(json.loads(json.dumps(known.to_dict())), where="model.json")
    assert back == known
    assert hash(back) == hash(known)
    assert pickle.loads(pickle.dumps(known)) == known


@given(outputs)
def test_all_kinds_answer_the_same_questions(known):
    assert known.channels == len(known.names) >= 1
    assert known.axes[0] == "K"
    assert (known.axes == ("K", "H", "W")) == (getattr(known, "per", "") == "pixel")
    assert known.activation in ("softmax", "sigmoid", "none")
    assert known.temperature > 0
    assert (known.mean is None) == (known.std is None)
    assert known.short
    assert known.scores is None or len(known.scores.bands) == known.channels
    for target in known.targets:
        assert target.key in Sample.__annotations__
    if known.kind != "features":
        assert known.target == known.targets[0]


def test_the_table_of_targets():
    """The table of the contract, word for word."""
    expected = {
        ClassOutputs(CLASSES): ("mask", ("H", "W"), "int64", IGNORE_INDEX),
        ClassOutputs(CLASSES, per="image"): ("label", (), "int64", IGNORE_INDEX),
        ClassOutputs(CLASSES, multilabel=True): ("multilabel", ("K", "H", "W"), "bool", None),
        ClassOutputs(CLASSES, True, "image"): ("multilabel", ("K",), "bool", None),
    }
    for known, row in expected.items():
        (target,) = known.targets
        assert (target.key, target.axes, target.dtype, target.unknown) == row
    for per, axes in (("pixel", ("K", "H", "W")), ("image", ("K",))):
        (target,) = ValueOutputs(("a",), (None,), per).targets
        assert (target.key, target.axes, target.dtype) == ("value", axes, "float32")
        assert math.isnan(target.unknown)
    boxes = BoxOutputs(CLASSES, masks=True).targets
    assert [t.key for t in boxes] == ["boxes", "box_labels", "box_masks"]
    assert BoxOutputs(CLASSES).targets == boxes[:2]
    assert [t.axes for t in boxes] == [("N", "4"), ("N",), ("N", "H", "W")]
    with pytest.raises(ConfigError, match="7 features are learned without labels"):
        FeatureOutputs(7).target  # noqa: B018 - asking is the point


def test_what_the_network_has_to_give():
    several = ClassOutputs(CLASSES, multilabel=True)
    assert (several.channels, several.activation, several.gives) == (3, "sigmoid", "pixels")
    assert ClassOutputs(CLASSES, per="image").gives == "image"
    assert ValueOutputs(("a", "b"), (None, "m")).channels == 2
    assert BoxOutputs(CLASSES).gives == "boxes"
    assert FeatureOutputs(128).channels == 128


def test_a_class_map_is_written_with_its_palette_and_a_nodata_that_is_no_class():
    form = ClassOutputs(CLASSES).written
    assert (form.bands, form.dtype, form.nodata, form.categorical) == (("class",), "uint8", 1, True)
    assert form.class_names == {3: "forest", 0: "water", 255: "cleared"}
    assert form.colormap == CLASSES.colormap()
    assert ClassOutputs(Classes.of(["a"], codes=[7])).written.nodata == 255
    full = Classes.of([str(i) for i in range(256)], codes=range(256))
    with pytest.raises(ModelError, match="256"):
        ClassOutputs(full).written  # noqa: B018 - asking is the point
    assert len(ClassOutputs(full, per="image").scores.bands) == 256


@given(st.integers(1, 5), st.integers(0, 99))
def test_labels_are_numpys_argmax_and_nodata_elsewhere(count, seed):
    random = np.random.default_rng(seed)
    known = Classes.of([str(i) for i in range(count)], codes=range(10, 10 + count))
    scores = random.integers(0, 4, (count, 6, 7)).astype("float32")
    valid = random.random((6, 7)) < 0.8
    scores[random.integers(count), 2, 3] = np.nan
    written = ClassOutputs(known).written.encode(scores, valid)
    expected = np.array(known.codes)[scores.argmax(axis=0)]
    expected[~valid] = expected[2, 3] = 255
    np.testing.assert_array_equal(written, expected[None])
    assert written.dtype == np.uint8


def test_several_classes_at_once_are_bands_of_zero_and_one():
    form = ClassOutputs(CLASSES, multilabel=True).written
    assert (form.bands, form.dtype, form.nodata) == (CLASSES.names, "uint8", 255)
    assert form.colormap is None
    scores = np.array([[[0.5, 0.9, 0.1]], [[0.4, 0.9, np.inf]], [[0.0, 0.9, 0.2]]], np.float32)
    written = form.encode(scores, np.array([[True, False, True]]))
    assert written.dtype == np.uint8
    assert written[:, 0].tolist() == [[1, 255, 255], [0, 255, 255], [0, 255, 255]]


def test_values_are_written_as_they_are_with_their_units():
    form = ValueOutputs(("height", "share"), ("m", None)).written
    assert (form.bands, form.units, form.dtype) == (("height", "share"), ("m", None), "float32")
    assert math.isnan(form.nodata)
    assert not form.categorical
    answers = np.array([[[1.5, -2.0, np.inf]], [[0.0, 1.0, 2.0]]], np.float32)
    written = form.encode(answers, np.array([[True, False, True]]))
    np.testing.assert_array_equal(
        written, np.array([[[1.5, np.nan, np.nan]], [[0, np.nan, 2]]], np.float32)
    )
    assert written.dtype == np.float32


def test_boxes_are_written_as_features():
    form = BoxOutputs(CLASSES, masks=True).written
    assert [name for name, _ in form.fields] == ["class", "code", "score"]
    assert form.outline == "mask"
    assert BoxOutputs(CLASSES).written.outline == "box"


def test_a_missing_target_is_named_with_what_there_is():
    task = ClassOutputs(CLASSES)
    assert require_targets({"image": 0, "mask": 0}, task) == task.targets
    with pytest.raises(
        DatasetError,
        match=r"holds image, label, and lacks 'mask' \(H, W\) int64, from which 3 classes \(forest, water, "
        r"cleared\) per pixel are learned; choose a task .* 'label' is for classes per image",
    ):
        require_targets({"image": 0, "label": 0}, task)
    with pytest.raises(DatasetError, match="imagery & labels"):
        require_targets({"image": 0}, task)
    with pytest.raises(DatasetError, match="holds nothing"):
        require_targets({}, BoxOutputs(CLASSES))
    with pytest.raises(DatasetError, match="lacks 'box_labels'"):
        require_targets({"boxes": 0}, BoxOutputs(CLASSES))
    assert require_targets({}, FeatureOutputs(3)) == ()


def test_one_of_several_label_layers_is_chosen_by_name():
    task, batch = ClassOutputs(CLASSES), {"mask:nlcd": 0, "mask:buildings": 0}
    assert require_targets(batch, task, layer="nlcd")[0].key == "mask:nlcd"
    with pytest.raises(DatasetError, match="label layers: mask:buildings, mask:nlcd"):
        require_targets(batch, task)
    with pytest.raises(DatasetError, match="lacks 'mask:roads'"):
        require_targets(batch, task, layer="roads")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "maps"}, r"kind of model\.json is 'maps'; expected one of classes, multilabel"),
        ({"per": "tile"}, r"per of model\.json is 'tile'; expected one of pixel, image"),
        ({"per": 4}, r"per of model\.json is 4; expected a text"),
        ({"temperature": 0}, r"temperature of model\.json is 0; expected a number above 0"),
        ({"temperature": "hot"}, r"temperature of model\.json is 'hot'; expected a finite number"),
        ({"classes": {"names": []}}, r"classes of model\.json: classes need as many names"),
        ({"classes": {"names": ["a", "a"]}}, r"classes of model\.json: class name used twice: a"),
        (
            {"classes": {"names": ["a"], "codes": [256]}},
            r"classes\.codes\[0\] of model\.json is 256; expected a whole number from 0 to 255",
        ),
        (
            {"classes": {"names": ["a"], "before": ["x"]}},
            r"classes of model\.json: 1 classes have 1 states before and None after",
        ),
    ],
)
def test_damaged_classes_are_refused_with_file_and_key(change, message):
    values = ClassOutputs(CLASSES).to_dict() | change
    with pytest.raises(ModelError, match=message):
        outputs_from_dict(values, where="model.json")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "features", "dim": 0}, r"dim of m\.json is 0; expected a whole number from 1"),
        ({"kind": "features"}, r"expected a table with the key 'dim'"),
        ({"kind": "boxes", "classes": {"names": ["a"]}, "masks": 1}, r"expected true or false"),
        ({"kind": "values", "names": [], "units": [], "per": "pixel"}, r"m\.json: values need a name"),
        (
            {"kind": "values", "names": ["a"], "units": [], "per": "pixel"},
            r"units of m\.json is a list of 0; expected a list of 1",
        ),
        (
            {"kind": "values", "names": ["a"], "units": [3], "per": "pixel"},
            r"units\[0\] of m\.json is 3; expected a text",
        ),
        (
            {"kind": "values", "names": ["a"], "units": [None], "per": "pixel", "mean": [1]},
            r"m\.json: mean and std of values go together",
        ),
        (
            {"kind": "values", "names": ["a"], "units": [None], "per": "pixel", "mean": [1],
             "std": [0]},
            r"m\.json: mean \(1\.0,\) and std \(0\.0,\) of a have to be finite",
        ),
    ],
)  # fmt: skip
def test_other_damaged_outputs_are_refused_with_file_and_key(values, message):
    with pytest.raises(ModelError, match=message):
        outputs_from_dict(values, where="m.json")


def test_errors_are_of_the_kind_and_key_that_the_reader_asks_for():
    inside = JsonValue(
        {"outputs": {"kind": "features", "dim": 0}}, "zarr.json", ChipError, "cut again"
    )
    with pytest.raises(ChipError, match=r"outputs\.dim of zarr\.json is 0; .*: cut again"):
        read_outputs(inside["outputs"])
    values = {"kind": "values", "names": ["a", "a"], "units": [None, None], "per": "image"}
    with pytest.raises(ChipError, match=r"^zarr\.json: values .* found a twice; cut again$"):
        outputs_from_dict(values, where="zarr.json", error=ChipError, fix="cut again")


def test_values_that_make_no_sense_are_refused_where_they_are_made():
    with pytest.raises(ModelError, match="neither 'pixel' nor 'image'"):
        ClassOutputs(CLASSES, per="tile")
    with pytest.raises(ModelError, match="temperature is nan"):
        replace(ClassOutputs(CLASSES), temperature=math.nan)
    with pytest.raises(ModelError, match=r"2 values \(a, b\) have 1 units"):
        ValueOutputs(("a", "b"), ("m",))
    with pytest.raises(ModelError, match="have to be finite"):
        ValueOutputs(("a",), (None,), mean=(math.inf,), std=(1.0,))
    with pytest.raises(ModelError, match="features of 0 dimensions"):
        FeatureOutputs(0)


def test_classes_of_change_say_what_was_there_before_and_after():
    change = Classes.of(["cleared", "same"], before=["forest", None], after=["pasture", None])
    assert (change.before, change.after) == (("forest", None), ("pasture", None))
    assert "before" not in CLASSES.to_dict()
    with pytest.raises(ModelError, match="2 classes have 1 states before and 2 after"):
        replace(change, before=("forest",))


def test_every_kind_has_its_rows_in_the_table():
    assert {kind for kind, _ in TARGETS} == {"classes", "multilabel", "values", "boxes"}
