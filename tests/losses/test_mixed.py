"""Losses of mixtures: s L(own) + (1 - s) L(other), for every loss by name, in whatever batches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from geoloom.core.errors import ConfigError
from geoloom.core.outputs import IGNORE_INDEX
from geoloom.losses.mixed import mixed_loss, mixed_parts
from geoloom.losses.registry import as_loss, get_loss, list_losses, summed_loss

B, K, SIDE = 5, 3, 6
NAMES = [
    *(("classes", name) for name in list_losses("classes")),
    *(("multilabel", name) for name in list_losses("multilabel")),
    *(("values", name) for name in list_losses("values")),
    ("classes", "dice:smooth=5"),
    ("classes", "ce+0.5*tversky:smooth=2"),
]


def own_loss(logits, target, class_weights=None):
    """Of a user: the mean over all pixels, without a reduction of ours."""
    return functional.cross_entropy(logits, target, weight=class_weights, ignore_index=-100)


def truth(kind, seed, *, unknown=0.0, image=False):
    draw = torch.Generator().manual_seed(seed)
    shape = (B,) if image else (B, SIDE, SIDE)
    hidden = torch.rand(shape, generator=draw) < unknown
    if kind == "classes":
        return torch.randint(0, K, shape, generator=draw).masked_fill(hidden, IGNORE_INDEX)
    full = (B, K, *shape[1:])
    if kind == "multilabel":
        return torch.rand(full, generator=draw) < 0.4
    return torch.randn(full, generator=draw).masked_fill(hidden[:, None].expand(full), torch.nan)


def answers(seed=0, image=False):
    shape = (B, K) if image else (B, K, SIDE, SIDE)
    return torch.randn(shape, generator=torch.Generator().manual_seed(100 + seed))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_mixture_costs_its_shares_of_both(kind, name, image, weighted):
    loss = summed_loss(get_loss(name, kind))
    weights = torch.tensor([1.0, 3.0, 0.5]) if weighted else None
    own, other = truth(kind, 1, image=image), truth(kind, 2, image=image)
    logits = answers(image=image).requires_grad_()
    for share in (0.0, 0.3, 1.0):
        shares = torch.full((B,), share)
        found = mixed_loss(loss)(logits, (own, other, shares), weights)
        expected = share * loss(logits, own, weights) + (1 - share) * loss(logits, other, weights)
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-6)
        slopes = [torch.autograd.grad(value, logits)[0] for value in (found, expected)]
        torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-6)


def test_cross_entropy_of_a_mixture_is_that_of_soft_targets():
    """Each pixel by its own share, what is unknown in one of the two by the other alone."""
    own, other = (truth("classes", seed, unknown=0.3) for seed in (1, 2))
    logits, shares = answers(), torch.tensor([0.1, 0.5, 0.9, 1.0, 0.0])
    total, weight = 0.0, 0.0
    logs = logits.double().log_softmax(1)
    for target, s in ((own, shares.double()), (other, 1 - shares.double())):
        for i, row, col in (target != IGNORE_INDEX).nonzero().tolist():
            total -= s[i] * logs[i, target[i, row, col], row, col]
            weight += s[i]
    found = mixed_loss(summed_loss(get_loss("ce")))(logits, (own, other, shares), None)
    assert float(found) == pytest.approx(float(total / weight), rel=1e-5)


@pytest.mark.parametrize("loss", [get_loss("ce"), get_loss("dice:smooth=3"), as_loss(own_loss)])
def test_a_mixture_does_not_depend_on_how_a_batch_is_cut(loss):
    summed = summed_loss(loss)
    mixed = mixed_loss(summed)
    own, other = (truth("classes", seed, unknown=0.2) for seed in (1, 2))
    logits, shares = answers(), torch.tensor([0.2, 1.0, 0.7, 1.0, 0.4])
    whole = mixed.parts(logits, (own, other, shares), None)
    assert len(whole) == mixed.count
    cut = [
        mixed.parts(logits[rows], (own[rows], other[rows], shares[rows]), None)
        for rows in (slice(0, 2), slice(2, 5))
    ]
    for part, *pieces in zip(whole, *cut, strict=True):
        torch.testing.assert_close(part, sum(pieces))
    assert torch.isfinite(mixed.value(whole, None))


@pytest.mark.parametrize("name", ["ce", "dice", "weighted_cross_entropy"])
def test_unmixed_samples_cost_what_they_did_and_nothing_known_costs_nothing(name):
    loss = summed_loss(get_loss(name))
    own, other, logits = truth("classes", 1), truth("classes", 2), answers().requires_grad_()
    alone = mixed_loss(loss)(logits, (own, other, torch.ones(B)), None)
    torch.testing.assert_close(alone, loss(logits, own, None))
    nothing = torch.full_like(own, IGNORE_INDEX)
    none = mixed_loss(loss)(logits, (nothing, nothing, torch.full((B,), 0.5)), None)
    assert none == 0
    none.backward()
    assert (logits.grad == 0).all()


def test_losses_that_compare_samples_are_refused():
    compared = as_loss(lambda logits, target: logits.mean() * 0, "spread", whole_batch=True)
    loss = summed_loss(compared)
    with pytest.raises(ConfigError, match="leave mixup"):
        mixed_parts(
            lambda *_: (), loss, answers(), truth("classes", 1), truth("classes", 2), torch.ones(B)
        )
