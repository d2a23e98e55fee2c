"""What a training has to know of its labels: numpy's own figures over all of them, and refusals by name."""

import numpy as np
import pytest

from geoloom.core.classes import Classes
from geoloom.core.errors import DatasetError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.tasks.learnable import learn_targets

CLASSES = ClassOutputs(Classes.of(["forest", "water", "ice"]))
VALUES = ValueOutputs(("height", "temperature"), ("m", "K"))


def value_samples(seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(5):
        value = np.stack([rng.gamma(2, 8, (6, 7)), rng.normal(300, 0.1, (6, 7))]).astype(np.float32)
        value[1, rng.random((6, 7)) < 0.5] = np.nan
        yield {"value": value, "valid": rng.random((6, 7)) < 0.7}


def test_values_are_standardised_by_what_is_known():
    outputs, count = learn_targets(VALUES, value_samples(), "chips")
    known = [[], []]
    for sample in value_samples():
        for k in range(2):
            values = sample["value"][k][sample["valid"]].astype(np.float64)
            known[k].extend(values[~np.isnan(values)])
    assert count.tolist() == [len(values) for values in known]
    assert outputs.mean == pytest.approx([np.mean(values) for values in known], rel=1e-6)
    assert outputs.std == pytest.approx([np.std(values) for values in known], rel=1e-4)


def test_classes_are_counted_where_valid(caplog):
    mask = np.array([[0, 0], [1, 1]])
    valid = np.array([[True, False], [True, True]])
    outputs, count = learn_targets(CLASSES, [{"mask": mask, "valid": valid}] * 3, "chips")
    assert outputs is CLASSES
    assert count.tolist() == [3, 6, 0]
    assert "no training pixel is ice" in caplog.text


def test_images_are_counted_by_their_label():
    per_image = ClassOutputs(CLASSES.classes, per="image")
    labels = [{"label": np.int64(k)} for k in (0, 2, 2, -100)]
    assert learn_targets(per_image, labels, "chips")[1].tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("outputs", "sample", "match"),
    [
        (
            CLASSES,
            {"mask": np.zeros((2, 2), int), "valid": np.zeros((2, 2), bool)},
            "no training pixel of a.zarr",
        ),
        (
            CLASSES,
            {"mask": np.ones((2, 2), int), "valid": np.ones((2, 2), bool)},
            "a.zarr is water",
        ),
        (CLASSES, {"value": np.ones((1, 2, 2))}, "lacks 'mask'"),
        (
            VALUES,
            {"value": np.ones((2, 2, 2))},
            "height is the same everywhere in the training samples of a.zarr",
        ),
        (VALUES, {"value": np.full((2, 2, 2), np.nan)}, "height is known nowhere"),
    ],
)
def test_what_teaches_nothing_is_refused(outputs, sample, match):
    with pytest.raises(DatasetError, match=match):
        learn_targets(outputs, [sample] * 2, "a.zarr")
