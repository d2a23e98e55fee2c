"""Losses compared with torch, numpy and values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from geoloom.core.errors import ConfigError
from geoloom.losses import IGNORE_INDEX, registry
from geoloom.losses.overlap import (
    avg_generalized_dice,
    avg_soft_dice,
    bin_iou,
    crossentropy_dice,
    dice,
)
from geoloom.losses.pixel import cross_entropy, focal, weighted_cross_entropy
from geoloom.losses.registry import get_loss, list_losses, register_loss
from geoloom.losses.weights import class_weights

ALL = [
    "crossentropy",
    "weighted_cross_entropy",
    "focal",
    "dice",
    "avg_soft_dice",
    "avg_generalized_dice",
    "bin_iou",
    "crossentropy_dice",
]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 5, 6, generator=generator)
    target = torch.randint(0, 3, (2, 5, 6), generator=generator)
    target[torch.rand(2, 5, 6, generator=generator) < 0.3] = IGNORE_INDEX
    return logits, target


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 5.0, 0.2])])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs(batch, weights, smoothing):
    ours = cross_entropy(*batch, weights, label_smoothing=smoothing)
    torchs = functional.cross_entropy(*batch, weight=weights, label_smoothing=smoothing)
    torch.testing.assert_close(ours, torchs)


def test_focal_without_focus_is_cross_entropy(batch):
    weights = torch.tensor([1.0, 5.0, 0.2])
    torch.testing.assert_close(focal(*batch, weights, gamma=0.0), cross_entropy(*batch, weights))


def test_focal_by_hand():
    # p = 0.8 and 0.5 for the true class: mean of 0.2^2 * -log 0.8 and 0.5^2 * -log 0.5
    p = torch.tensor([[0.8, 0.2], [0.5, 0.5]]).T.reshape(1, 2, 1, 2)
    expected = (0.04 * -math.log(0.8) + 0.25 * -math.log(0.5)) / 2
    assert focal(p.log(), torch.zeros(1, 1, 2, dtype=torch.int64)).item() == pytest.approx(expected)


def test_weighted_cross_entropy_gives_each_class_of_the_batch_equal_say(batch):
    logits, target = batch
    per_class = [
        functional.cross_entropy(logits, torch.where(target == k, target, IGNORE_INDEX))
        for k in range(3)
    ]
    torch.testing.assert_close(
        weighted_cross_entropy(logits, target), torch.stack(per_class).mean()
    )


def overlaps(logits, target):
    """Probabilities and one-hot truth of the counted pixels, in numpy float64, (N, K)."""
    z = np.moveaxis(logits.double().numpy(), 1, -1)[target.numpy() != IGNORE_INDEX]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return p, np.eye(3)[target[target != IGNORE_INDEX].numpy()]


def test_overlap_losses_are_their_formulas(batch):
    p, y = overlaps(*batch)
    both, sp, sy = (p * y).sum(0), p.sum(0), y.sum(0)
    w = 1 / sy**2
    expected = {
        dice: 1 - np.mean(2 * both / (sp + sy)),
        avg_soft_dice: 1 - np.mean(2 * both / ((p**2).sum(0) + sy)),
        avg_generalized_dice: 1 - 2 * (w * both).sum() / (w * (sp + sy)).sum(),
        bin_iou: 1 - np.mean(both / (sp + sy - both)),
    }
    for loss, value in expected.items():
        assert loss(*batch).item() == pytest.approx(value, rel=1e-5), loss.__name__
    torch.testing.assert_close(crossentropy_dice(*batch), cross_entropy(*batch) + dice(*batch))


def test_a_class_that_is_not_there_does_not_count():
    logits = torch.randn(1, 3, 4, 4)
    target = torch.randint(0, 2, (1, 4, 4))
    p = logits.softmax(1)[0].flatten(1)
    y = functional.one_hot(target, 3).movedim(-1, 1)[0].flatten(1)
    per_class = 1 - 2 * (p * y).sum(1) / (p.sum(1) + y.sum(1))
    torch.testing.assert_close(dice(logits, target), per_class[:2].mean())


@pytest.mark.parametrize("name", ALL)
def test_ignored_pixels_change_nothing(batch, name):
    logits, target = batch
    wild = torch.where((target == IGNORE_INDEX)[:, None], 1e4 * torch.randn_like(logits), logits)
    torch.testing.assert_close(
        get_loss(name)(wild, target, None), get_loss(name)(logits, target, None)
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 0.0])])
def test_a_batch_without_a_label_costs_nothing(name, weights):
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = get_loss(name)(logits, torch.full((1, 4, 4), IGNORE_INDEX), weights)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("name", ALL)
def test_a_perfect_prediction_costs_next_to_nothing_and_descent_leads_there(name):
    target = torch.randint(0, 3, (1, 8, 8), generator=torch.Generator().manual_seed(1))
    perfect = 50.0 * functional.one_hot(target, 3).movedim(-1, 1)
    assert get_loss(name)(perfect, target, None).item() == pytest.approx(0, abs=1e-4)
    logits = torch.zeros(1, 3, 8, 8, requires_grad=True)
    get_loss(name)(logits, target, None).backward()
    step = -logits.grad
    assert (step.argmax(1) == target).all()


@pytest.mark.parametrize("name", ALL)
def test_half_precision_logits_are_summed_in_float32(batch, name):
    logits, target = batch
    loss = get_loss(name)(logits.bfloat16(), target, None)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, get_loss(name)(logits, target, None), atol=0.02, rtol=0.02)


def test_a_loss_of_ones_own(batch, monkeypatch):
    monkeypatch.setattr(
        registry.LOSSES["classes"], "_entries", dict(registry.LOSSES["classes"]._entries)
    )
    register_loss("double", lambda logits, target: 2 * cross_entropy(logits, target))
    register_loss("weighed", lambda logits, target, weights: cross_entropy(logits, target, weights))
    weights = torch.tensor([1.0, 5.0, 0.2])
    torch.testing.assert_close(get_loss("double")(*batch, None), 2 * cross_entropy(*batch))
    with pytest.raises(ConfigError, match="'double' takes no class weights"):
        get_loss("double")(*batch, weights)
    torch.testing.assert_close(get_loss("weighed")(*batch, weights), cross_entropy(*batch, weights))
    with pytest.raises(ConfigError, match="registered already"):
        register_loss("dice", dice)


def of_gamma(logits, target, gamma=2.0):
    return focal(logits, target, gamma=gamma)


def of_weight(logits, target, weight=None):
    return cross_entropy(logits, target, weight)


def of_named_gamma(logits, target, *, gamma=2.0):
    return focal(logits, target, gamma=gamma)


@pytest.mark.parametrize("loss", [of_gamma, of_named_gamma, nn.CrossEntropyLoss(), of_weight])
def test_only_a_third_argument_for_weights_is_given_weights(batch, monkeypatch, loss):
    monkeypatch.setattr(
        registry.LOSSES["classes"], "_entries", dict(registry.LOSSES["classes"]._entries)
    )
    register_loss("own", loss)
    torch.testing.assert_close(get_loss("own")(*batch, None), loss(*batch))
    if loss is of_weight:
        weights = torch.tensor([1.0, 5.0, 0.2])
        torch.testing.assert_close(get_loss("own")(*batch, weights), loss(*batch, weights))


def test_a_loss_that_needs_more_than_it_is_given_is_refused(monkeypatch):
    monkeypatch.setattr(
        registry.LOSSES["classes"], "_entries", dict(registry.LOSSES["classes"]._entries)
    )
    for loss in (lambda logits: 0, lambda a, b, c, d: 0, lambda a, b, *, gamma: 0):
        with pytest.raises(ConfigError, match=r"expected \(logits, target\)"):
            register_loss("own", loss)


def test_an_unknown_loss_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'crossentropy'"):
        get_loss("crosentropy")
    assert set(ALL) <= set(list_losses())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("balanced", [100 / (3 * 60), 100 / (3 * 30), 100 / (3 * 10), 0]),
        ("sqrt", [math.sqrt(100 / 180), math.sqrt(100 / 90), math.sqrt(100 / 30), 0]),
        ("one_minus_proportion", [0.4, 0.7, 0.9, 0]),
        ("inv_squared_proportion", [3 / 41, 12 / 41, 108 / 41, 0]),
    ],
)
def test_class_weights_by_hand(rule, expected):
    assert class_weights([60, 30, 10, 0], rule) == pytest.approx(expected)


def test_class_weights_are_refused_where_they_cannot_be():
    with pytest.raises(ConfigError, match="did you mean 'balanced'"):
        class_weights([1, 2], "balance")
    with pytest.raises(ConfigError, match="has none"):
        class_weights([0, 0], "balanced")
