"""Binary cross-entropy against torch's own, and what is unknown in it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from geoloom.core.classes import Classes
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.losses import IGNORE_INDEX, bce, get_loss, list_losses
from geoloom.losses.registry import summed_loss

CLASSES = Classes.of(["forest", "water", "road"])


@pytest.fixture(params=[(), (5, 4)], ids=["image", "pixels"])
def batch(request):
    generator = torch.Generator().manual_seed(0)
    shape = (6, 3, *request.param)
    logits = torch.randn(shape, generator=generator) * 3
    return (
        logits,
        torch.rand(shape, generator=generator) < 0.4,
        torch.rand(shape, generator=generator) < 0.7,
    )


def test_it_is_the_mean_over_what_is_known(batch):
    logits, present, known = batch
    expected = functional.binary_cross_entropy_with_logits(logits[known], present[known].float())
    floats = torch.where(known, present.float(), torch.nan)
    whole = torch.where(known, present.long(), IGNORE_INDEX)
    torch.testing.assert_close(bce(logits, floats), expected)
    torch.testing.assert_close(bce(logits, whole), expected)
    torch.testing.assert_close(
        bce(logits, present), functional.binary_cross_entropy_with_logits(logits, present.float())
    )


def test_weights_are_of_classes(batch):
    logits, present, known = batch
    weights = torch.tensor([1.0, 0.0, 3.0])
    each = functional.binary_cross_entropy_with_logits(logits, present.float(), reduction="none")
    of_entry = weights.view(-1, *[1] * (logits.ndim - 2)).expand_as(each) * known
    target = torch.where(known, present.float(), torch.nan)
    torch.testing.assert_close(
        bce(logits, target, weights), (each * of_entry).sum() / of_entry.sum()
    )


def test_what_is_unknown_has_no_gradient_whatever_is_answered(batch):
    logits, present, known = batch
    logits = torch.where(known, logits, torch.nan).requires_grad_()
    bce(logits, torch.where(known, present.float(), torch.nan)).backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[~known].any()
    nothing = bce(logits.detach(), torch.full_like(logits, torch.nan))
    assert nothing == 0


def test_batches_sum_to_the_whole(batch):
    logits, present, known = batch
    target, loss = torch.where(known, present.float(), torch.nan), summed_loss(bce)
    parts = [loss.parts(logits[i : i + 2], target[i : i + 2], None) for i in (0, 2, 4)]
    summed = tuple(sum(column) for column in zip(*parts, strict=True))
    torch.testing.assert_close(loss.value(summed, None), bce(logits, target))


@pytest.mark.parametrize(
    "outputs",
    [
        ClassOutputs(CLASSES),
        ClassOutputs(CLASSES, per="image"),
        ClassOutputs(CLASSES, multilabel=True),
        ClassOutputs(CLASSES, multilabel=True, per="image"),
        ValueOutputs(("height",), ("m",)),
    ],
)
def test_the_usual_loss_of_outputs_is_there(outputs):
    assert outputs.default_loss in list_losses(outputs.kind)
    assert callable(get_loss(outputs.default_loss, outputs.kind))
