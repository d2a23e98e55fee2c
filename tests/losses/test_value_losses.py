"""Losses of values: scikit-learn's and Huber's, where the truth is known, whatever the batches."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error

from geoloom.core.errors import ConfigError
from geoloom.losses import registry
from geoloom.losses.registry import get_loss, list_losses, register_loss, summed_loss
from geoloom.losses.value import huber


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    answer = torch.randn(4, 2, 3, 5, generator=generator)
    target = answer + 2 * torch.randn(answer.shape, generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.3] = torch.nan
    return answer, target


def known(answer, target, k=slice(None)):
    answer, target = answer[:, k].double().numpy(), target[:, k].double().numpy()
    return target[~np.isnan(target)], answer[~np.isnan(target)]


@pytest.mark.parametrize(
    ("name", "expected"), [("mse", mean_squared_error), ("mae", mean_absolute_error)]
)
def test_agrees_with_scikit_learn(batch, name, expected):
    assert get_loss(name, "values")(*batch, None).item() == pytest.approx(expected(*known(*batch)))
    weights = torch.tensor([3.0, 0.5])
    pairs = [known(*batch, k) for k in range(2)]
    sums = [w * len(pair[0]) for w, pair in zip(weights.tolist(), pairs, strict=True)]
    weighted = sum(s * expected(*pair) for s, pair in zip(sums, pairs, strict=True)) / sum(sums)
    assert get_loss(name, "values")(*batch, weights).item() == pytest.approx(weighted, rel=1e-5)


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_huber_is_its_formula(batch, delta):
    truth, answer = known(*batch)
    error = np.abs(answer - truth)
    each = np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))
    assert huber(*batch, delta=delta).item() == pytest.approx(each.mean(), rel=1e-5)


@pytest.mark.parametrize("loss", [*list_losses("values"), partial(huber, delta=0.3)])
def test_sums_of_batches_give_the_loss_of_all(batch, loss):
    loss = get_loss(loss, "values") if isinstance(loss, str) else loss
    summed = summed_loss(loss)
    parts = [
        summed.parts(answer[None], target[None], None)
        for answer, target in zip(*batch, strict=True)
    ]
    total = tuple(sum(column) for column in zip(*parts, strict=True))
    torch.testing.assert_close(summed.value(total, None), loss(*batch, None))


@pytest.mark.parametrize("name", list_losses("values"))
def test_what_is_not_known_has_no_gradient(batch, name):
    answer, target = batch[0].clone().requires_grad_(), batch[1]
    get_loss(name, "values")(answer, target, None).backward()
    assert torch.isfinite(answer.grad).all()
    assert (answer.grad[torch.isnan(target)] == 0).all()
    nothing = get_loss(name, "values")(answer, torch.full_like(target, torch.nan), None)
    assert nothing.item() == 0
    nothing.backward()


def test_names_are_looked_up_by_what_is_learned(monkeypatch):
    values = registry.LOSSES["values"]
    monkeypatch.setattr(values, "_entries", dict(values._entries))
    with pytest.raises(ConfigError, match="'dice' is for classes and multilabel, and values"):
        get_loss("dice", "values")
    with pytest.raises(ConfigError, match="'mse' is for values, and classes"):
        get_loss("mse")
    with pytest.raises(ConfigError, match="losses of boxes come with the network"):
        get_loss("mse", "boxes")
    register_loss("quartic", lambda answer, target: (answer - target).nanmean() ** 4, kind="values")
    assert "quartic" in list_losses("values")
    assert "quartic" not in list_losses()
