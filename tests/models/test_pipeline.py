"""One module from stored numbers to finished answers, for validation, prediction and export."""

import pytest
import torch
from torch import nn

from geoloom.core.classes import Classes
from geoloom.core.outputs import ClassOutputs, FeatureOutputs, ValueOutputs
from geoloom.models.pipeline import Pipeline, finished, normalised, shown
from geoloom.models.registry import create_model
from geoloom.models.saved import LoadedModel
from geoloom.tasks.supervised.segmentation import SegmentationTask
from geoloom.testing.models import plain_card
from geoloom.transforms.normalize import Normalization

TWO = Classes.of(["forest", "water"])
RULE = Normalization("mean_std", (100.0, 50.0, 7.0), (20.0, 10.0, 2.0))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_model("unet", 3, 2, width=0.1, depth=2).eval()


@pytest.fixture
def image():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 255, (2, 3, 36, 44), generator=generator).float()


@pytest.fixture
def observed():
    return torch.rand(2, 36, 44, generator=torch.Generator().manual_seed(2)) > 0.3


def test_unobserved_pixels_reach_the_network_as_zero():
    image = torch.tensor([[[[5.0, torch.inf], [7.0, torch.nan]]]])
    seen = torch.tensor([[[True, True], [False, False]]])
    assert normalised(image, seen, None).tolist() == [[[[5.0, 0.0], [0.0, 0.0]]]]
    rule = Normalization("mean_std", (3.0,), (2.0,))
    assert normalised(image, seen, rule).tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]
    assert normalised(image, None, rule).tolist() == [[[[1.0, 0.0], [2.0, 0.0]]]]


def test_a_series_is_normalised_date_by_date():
    image = torch.randint(0, 9, (2, 4, 3, 5, 6)).float()
    seen = torch.rand(2, 4, 5, 6) > 0.5
    x = normalised(image, seen, RULE)
    for date in range(4):
        assert torch.equal(x[:, date], normalised(image[:, date], seen[:, date], RULE))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (ClassOutputs(TWO), lambda raw: raw.softmax(1)),
        (ClassOutputs(TWO, temperature=2.0), lambda raw: (raw / 2).softmax(1)),
        (ClassOutputs(TWO, multilabel=True, temperature=0.5), lambda raw: (raw * 2).sigmoid()),
        (FeatureOutputs(2), lambda raw: raw),
        (
            ValueOutputs(("a", "b"), ("m", "K"), mean=(10.0, -1.0), std=(2.0, 0.5)),
            lambda raw: torch.stack([raw[:, 0] * 2 + 10, raw[:, 1] * 0.5 - 1], 1),
        ),
    ],
)
@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 4, 5)])
def test_answers_are_finished_as_the_outputs_say(outputs, expected, shape):
    raw = torch.randn(shape)
    torch.testing.assert_close(finished(raw, outputs), expected(raw))


def test_what_predicts_is_what_validates_and_what_is_exported(network, image, observed):
    outputs = ClassOutputs(TWO, temperature=1.5)
    pipeline = Pipeline(network, outputs, RULE).eval()
    predicted = pipeline.predict(image, observed)
    task = SegmentationTask(network, outputs, normalization=RULE).eval()
    with torch.inference_mode():
        validated = task.predict_step({"image": image, "observed": observed}, 0)["scores"]
    assert torch.equal(validated, predicted)
    program = torch.export.export(pipeline, (image, observed))
    exported = program.module()(image, observed)
    torch.testing.assert_close(exported, predicted, atol=1e-6, rtol=1e-6)
    assert predicted.is_contiguous()
    assert not predicted.requires_grad
    torch.testing.assert_close(predicted.sum(1), torch.ones(2, 36, 44))


def test_a_loaded_model_is_its_pipeline(network, image, observed):
    options = {"width": 0.1, "depth": 2}
    card = plain_card("unet", options, ("a", "b", "c"), TWO, normalization=RULE.to_dict())
    pipeline = Pipeline(network, ClassOutputs(TWO), RULE)
    assert torch.equal(
        LoadedModel.of(network, card)(image, observed), pipeline.predict(image, observed)
    )


class Dated(nn.Module):
    """The mean over the dates that were seen, plus the time of the last one."""

    def forward(self, image, times, valid_series):
        seen = valid_series[:, :, None]
        mean = (image * seen).sum(1) / seen.sum(1).clamp(min=1)
        return mean + times[:, -1, None, None, None]


def test_a_network_is_given_by_keyword_what_it_asks_for():
    outputs = ValueOutputs(("a", "b", "c"), (None,) * 3)
    pipeline = Pipeline(Dated(), outputs, inputs=("image", "times", "valid_series"))
    batch = {
        "image": torch.tensor([1.0, 5.0]).view(1, 2, 1, 1, 1).expand(1, 2, 3, 2, 2),
        "times": torch.tensor([[10.0, 20.0]]),
        "valid_series": torch.tensor([True, False]).view(1, 2, 1, 1).expand(1, 2, 2, 2),
        "valid": torch.ones(1, 2, 2, dtype=torch.bool),
        "mask": torch.zeros(1, 2, 2),
    }
    given = shown(batch, pipeline.inputs)
    assert sorted(given) == ["image", "observed", "times"]
    assert pipeline.predict(**given).unique().tolist() == [21.0]
    everything_seen = pipeline.predict(given["image"], times=given["times"])
    assert everything_seen.unique().tolist() == [23.0]


def test_a_network_of_an_image_is_shown_what_was_observed_before_what_is_valid():
    image, valid, observed = torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2), torch.ones(1, 2, 2)
    assert shown({"image": image, "valid": valid})["observed"] is valid
    assert shown({"image": image, "valid": valid, "observed": observed})["observed"] is observed
    assert "observed" not in shown({"image": image})
