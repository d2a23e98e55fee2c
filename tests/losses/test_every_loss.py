"""What holds for every loss of the registry, whatever it measures; and values worked out by hand."""

import math
import pickle
import re
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloom.core.errors import ConfigError
from geoloom.losses import IGNORE_INDEX, cross_entropy, get_loss, registry
from geoloom.losses.registry import as_loss, check_loss, register_loss, summed_loss
from geoloom.losses.summed import WeightedSum
from geoloom.losses.weights import class_weights

SUMS = {
    "classes": ["ce+0.5*dice", "0.2*lovasz+tversky:alpha=0.1,beta=0.9+focal:gamma=1"],
    "multilabel": ["bce+2*jaccard:smooth=3+lovasz"],
    "values": ["huber:delta=0.3+0.1*quantile:q=0.9"],
}
EVERY = [
    (kind, name) for kind, known in registry.LOSSES.items() for name in [*known.list(), *SUMS[kind]]
]
every_loss = pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda text: text)


def batch_of(kind, seed=0, images=4, k=3, share=0.3):
    """Answers and targets, some unknown; of the second image nothing is known."""
    generator = torch.Generator().manual_seed(seed)
    shape = (images, k, 4, 5)
    answers = 2 * torch.randn(shape, generator=generator)
    if kind == "classes":
        target = torch.randint(0, k, (images, 4, 5), generator=generator)
        unknown = torch.rand(target.shape, generator=generator) < share
        unknown[1] = True
        return answers, target.masked_fill(unknown, IGNORE_INDEX), unknown[:, None].expand(shape)
    target = torch.randn(shape, generator=generator)
    target = (target > 0).float() if kind == "multilabel" else target
    unknown = torch.rand(shape, generator=generator) < share
    unknown[1] = True
    return answers, target.masked_fill(unknown, torch.nan), unknown


WEIGHTS = [None, torch.tensor([1.0, 5.0, 0.2])]


@every_loss
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 3), weighed=st.booleans())
@settings(max_examples=8)
def test_the_gradient_is_the_same_however_a_batch_is_cut(kind, name, seed, cut, weighed):
    """The sums of both devices are added up, and each has the loss of the whole: as training does it."""
    answers, target, _ = batch_of(kind, seed)
    weights, loss = WEIGHTS[weighed], summed_loss(get_loss(name, kind))
    whole = answers.clone().requires_grad_()
    loss(whole, target, weights).backward()
    devices = [part.clone().requires_grad_() for part in (answers[:cut], answers[cut:])]
    shares = zip(devices, (target[:cut], target[cut:]), strict=True)
    parts = [loss.parts(part, share, weights) for part, share in shares]
    assert all(len(part) == loss.count for part in parts)
    loss.value(tuple(a + b for a, b in zip(*parts, strict=True)), weights).backward()
    torch.testing.assert_close(
        torch.cat([part.grad for part in devices]), whole.grad, rtol=1e-4, atol=1e-7
    )
    assert whole.grad.abs().max() > 0
    # A function of one batch gives the same as its sums.
    torch.testing.assert_close(
        get_loss(name, kind)(answers, target, weights), loss(answers, target, weights)
    )


@every_loss
@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighed"])
def test_what_is_unknown_changes_nothing(kind, name, weights):
    answers, target, unknown = batch_of(kind)
    loss = get_loss(name, kind)
    wild = torch.where(unknown, 1e4 * torch.randn_like(answers), answers).requires_grad_()
    value = loss(wild, target, weights)
    torch.testing.assert_close(value, loss(answers, target, weights))
    value.backward()
    assert not wild.grad[unknown].any()
    nothing = torch.full_like(target, IGNORE_INDEX if kind == "classes" else torch.nan)
    empty = answers.clone().requires_grad_()
    value = loss(empty, nothing, weights)
    value.backward()
    assert value.item() == 0
    assert torch.equal(empty.grad, torch.zeros_like(answers))


@pytest.mark.parametrize("name", ["crossentropy", "weighted_cross_entropy", "focal"])
def test_pixels_of_a_class_of_weight_zero_do_not_count(name):
    answers, target, _ = batch_of("classes")
    loss, weights = get_loss(name), torch.tensor([1.0, 2.0, 0.0])
    without = torch.where(target == 2, IGNORE_INDEX, target)
    torch.testing.assert_close(loss(answers, target, weights), loss(answers, without, weights))


@pytest.mark.parametrize(("kind", "name"), [pair for pair in EVERY if pair[0] != "classes"])
def test_answers_of_weight_zero_do_not_count(kind, name):
    answers, target, _ = batch_of(kind)
    loss, weights, changed = get_loss(name, kind), torch.tensor([1.0, 2.0, 0.0]), answers.clone()
    changed[:, 2] += 3
    torch.testing.assert_close(loss(changed, target, weights), loss(answers, target, weights))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(kind, name, dtype):
    answers, target, _ = batch_of(kind)
    half = (30 * answers).to(dtype).requires_grad_()
    value = get_loss(name, kind)(half, target, None)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(half.grad).all()
    torch.testing.assert_close(value, get_loss(name, kind)(half.detach().float(), target, None))


@every_loss
def test_a_perfect_answer_costs_next_to_nothing(kind, name):
    _, target, unknown = batch_of(kind)
    if kind == "classes":
        right = torch.where(unknown[:, 0], 0, target)
        answers = 50.0 * torch.nn.functional.one_hot(right, 3).movedim(-1, 1)
    else:
        right = target.nan_to_num()
        answers = 100 * (right - 0.5) if kind == "multilabel" else right
    assert get_loss(name, kind)(answers, target, None).item() == pytest.approx(0, abs=1e-4)


@every_loss
def test_an_image_may_have_one_answer(kind, name):
    answers, target, _ = batch_of(kind)
    one = target[:, 0, 0] if kind == "classes" else target[..., 0, 0]
    value = get_loss(name, kind)(answers[..., 0, 0].requires_grad_(), one, None)
    value.backward()
    assert value > 0


@every_loss
def test_every_loss_goes_into_a_pickle(kind, name):
    answers, target, _ = batch_of(kind)
    loss = get_loss(name, kind)
    for one in (loss, summed_loss(loss)):
        again = pickle.loads(pickle.dumps(one))
        assert again(answers, target, None) == one(answers, target, None)


# 2 x 2 pixels; probability of class 1, and the truth; the last pixel of class 0 is not labelled.
P1 = torch.tensor([[0.9, 0.6], [0.2, 0.7]])
TRUTH = torch.tensor([[1, 1], [0, IGNORE_INDEX]])
# Of class 1: TP = 1.5, sum p = 1.7, y = 2. Of class 0: TP = 0.8, sum p = 1.3, y = 1.
TVERSKY = [1.5 / (1.5 + 0.3 * 0.2 + 0.7 * 0.5), 0.8 / (0.8 + 0.3 * 0.5 + 0.7 * 0.2)]
# Errors of class 1: 0.4, 0.2, 0.1 of a pixel of class 1, one of 0, one of 1: the index falls from 1 to
# 1/2, 1/3 and 0. Of class 0, of a pixel of the rest, the one, the rest: 1 to 1/2, 0, 0.
LOVASZ = [0.4 * 1 / 2 + 0.2 * 1 / 6 + 0.1 * 1 / 3, 0.4 * 1 / 2 + 0.2 * 1 / 2]
BY_HAND = {
    "crossentropy": -(math.log(0.9) + math.log(0.6) + math.log(0.8)) / 3,
    "weighted_cross_entropy": (-(math.log(0.9) + math.log(0.6)) / 2 - math.log(0.8)) / 2,
    "focal": -(0.01 * math.log(0.9) + 0.16 * math.log(0.6) + 0.04 * math.log(0.8)) / 3,
    "dice": 1 - (3 / 3.7 + 1.6 / 2.3) / 2,
    "dice:smooth=1": 1 - (4 / 4.7 + 2.6 / 3.3) / 2,
    "avg_soft_dice": 1 - (3 / (0.81 + 0.36 + 0.04 + 2) + 1.6 / (0.01 + 0.16 + 0.64 + 1)) / 2,
    "avg_generalized_dice": 1 - 2 * (1.5 / 4 + 0.8) / (3.7 / 4 + 2.3),
    "jaccard": 1 - (1.5 / 2.2 + 0.8 / 1.5) / 2,
    "bin_iou": 1 - (1.5 / 2.2 + 0.8 / 1.5) / 2,
    "jaccard:smooth=0.5": 1 - (2 / 2.7 + 1.3 / 2) / 2,
    "tversky": 1 - sum(TVERSKY) / 2,
    "tversky:alpha=0.5,beta=0.5": 1 - (3 / 3.7 + 1.6 / 2.3) / 2,
    "focal_tversky": sum((1 - index) ** 0.75 for index in TVERSKY) / 2,
    "focal_tversky:gamma=1": 1 - sum(TVERSKY) / 2,
    "lovasz": sum(LOVASZ) / 2,
    "crossentropy_dice": -math.log(0.9 * 0.6 * 0.8) / 3 + 1 - (3 / 3.7 + 1.6 / 2.3) / 2,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_classes_by_hand(name):
    logits = torch.stack([1 - P1, P1]).log()[None]
    assert get_loss(name)(logits, TRUTH[None], None).item() == pytest.approx(
        BY_HAND[name], rel=1e-5
    )
    assert {text.partition(":")[0] for text in BY_HAND} == set(registry.LOSSES["classes"].list())


# One class, logits 2, 0.5, -1 and one unknown; truth 1, 0, 0.
SIGMOID = [1 / (1 + math.exp(-x)) for x in (2, 0.5, -1)]
TP, P = SIGMOID[0], sum(SIGMOID)
RIGHT = [SIGMOID[0], 1 - SIGMOID[1], 1 - SIGMOID[2]]
# Hinge errors 1 - 2, 1 + 0.5, 1 - 1: sorted 1.5 (absent), 0 (absent), -1 (present): steps 1/2, 1/6, 1/3.
SEVERAL_BY_HAND = {
    "bce": -sum(map(math.log, RIGHT)) / 3,
    "focal": -sum((1 - p) ** 2 * math.log(p) for p in RIGHT) / 3,
    "focal:alpha=0.25": -sum(
        a * (1 - p) ** 2 * math.log(p) for a, p in zip((0.25, 0.75, 0.75), RIGHT, strict=True)
    )
    / 3,
    "dice": 1 - 2 * TP / (P + 1),
    "jaccard": 1 - TP / (P + 1 - TP),
    "tversky": 1 - TP / (TP + 0.3 * (P - TP) + 0.7 * (1 - TP)),
    "focal_tversky": (1 - TP / (TP + 0.3 * (P - TP) + 0.7 * (1 - TP))) ** 0.75,
    "lovasz": 1.5 / 2,
}


@pytest.mark.parametrize("name", SEVERAL_BY_HAND)
def test_several_classes_at_once_by_hand(name):
    logits = torch.tensor([[2.0, 0.5], [-1.0, 9.0]])[None, None]
    truth = torch.tensor([[1.0, 0.0], [0.0, torch.nan]])[None, None]
    value = get_loss(name, "multilabel")(logits, truth, None).item()
    assert value == pytest.approx(SEVERAL_BY_HAND[name], rel=1e-5)
    names = {text.partition(":")[0] for text in SEVERAL_BY_HAND}
    assert names == set(registry.LOSSES["multilabel"].list())


def test_lovasz_of_answers_that_are_classes_is_the_intersection_over_union():
    """Berman et al. 2018: on the corners of the cube the extension is the loss itself."""
    generator = torch.Generator().manual_seed(3)
    answer, truth = (torch.randint(0, 3, (1, 9, 9), generator=generator) for _ in range(2))
    logits = 200.0 * torch.nn.functional.one_hot(answer, 3).movedim(-1, 1)
    overlaps = [
        ((answer == k) & (truth == k)).sum() / ((answer == k) | (truth == k)).sum()
        for k in range(3)
    ]
    expected = 1 - torch.stack(overlaps).mean()
    torch.testing.assert_close(get_loss("lovasz")(logits, truth, None), expected)


def test_the_best_constant_of_quantile_is_the_quantile():
    target = torch.arange(101.0).view(1, 1, -1)
    answer = torch.linspace(0, 100, 1001)
    costs = [
        get_loss("quantile:q=0.9", "values")(a.expand(1, 1, 101), target, None) for a in answer
    ]
    assert answer[torch.stack(costs).argmin()].item() == pytest.approx(90)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("ce+0.5*dise", "classes", "did you mean 'dice'"),
        ("tversky:alfa=1", "classes", "no option 'alfa'; did you mean 'alpha'"),
        ("dice:class_weights_K=none", "classes", "no option 'class_weights_K'"),
        ("tversky:alpha=low", "classes", "alpha is 'low'; expected a number"),
        ("ce+mse", "classes", "'mse' is for values"),
        ("ce+mse", None, "sum of losses that no outputs have in common"),
        ("cee", None, "did you mean 'ce|no loss is named 'cee'"),
        ("mae:x=1", None, "no option 'x'"),
        ("ce dice", "classes", "no loss for classes is named 'ce dice'"),
    ],
)
def test_losses_that_cannot_be_are_refused(name, kind, message):
    with pytest.raises(ConfigError, match=message):
        check_loss(name, kind)


@pytest.fixture
def own(monkeypatch):
    for known in registry.LOSSES.values():
        monkeypatch.setattr(known, "_entries", dict(known._entries))


def of_ignore(logits, target, ignore_index, *, gamma: float = 1.0):
    assert ignore_index == IGNORE_INDEX
    return gamma * cross_entropy(logits, target)


def of_late_weight(logits, target, gamma=1.0, weight=None):
    return gamma * cross_entropy(logits, target, weight)


@pytest.mark.usefixtures("own")
def test_a_loss_of_ones_own_is_given_what_it_names():
    answers, target, _ = batch_of("classes")
    plain, weighed = (cross_entropy(answers, target, weights) for weights in WEIGHTS)
    register_loss("ignoring", of_ignore)
    register_loss("late", of_late_weight)
    torch.testing.assert_close(get_loss("ignoring:gamma=3")(answers, target, None), 3 * plain)
    torch.testing.assert_close(get_loss("late:gamma=2")(answers, target, WEIGHTS[1]), 2 * weighed)
    with pytest.raises(ConfigError, match="'ignoring' has no option 'gama'"):
        get_loss("ignoring:gama=3")
    with pytest.raises(ConfigError, match="takes no class weights"):
        get_loss("ignoring")(answers, target, WEIGHTS[1])
    with pytest.raises(ConfigError, match="cannot be named 'a\\+b'"):
        register_loss("a+b", of_ignore)
    mixed = summed_loss(get_loss("ce+0.5*late"))
    assert mixed.count == 4
    assert not mixed.cannot
    for loss in (as_loss(of_late_weight), as_loss(partial(of_late_weight, gamma=1.0))):
        torch.testing.assert_close(loss(answers, target, WEIGHTS[1]), weighed)
    pickle.loads(pickle.dumps(mixed))


@pytest.mark.usefixtures("own")
def test_a_loss_that_compares_samples_says_that_it_cannot_be_shared():
    def spread(logits, target):
        return logits.flatten(1).mean(1).var()

    register_loss("spread", spread, whole_batch=True)
    loss = get_loss("ce+0.1*spread")
    assert isinstance(loss, WeightedSum)
    assert "'spread' compares the samples" in summed_loss(loss).cannot
    answers, target, _ = batch_of("classes")
    expected = cross_entropy(answers, target) + 0.1 * spread(answers, target)
    torch.testing.assert_close(summed_loss(loss)(answers, target, None), expected)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("mean_proportion", [100 / 180, 100 / 90, 100 / 30, 0]),
        ("effective_number:beta=0.5", [1 / (2 - 2**-59), 1 / (2 - 2**-29), 1 / (2 - 2**-9), 0]),
        ("effective_number", [(1 - 0.99**n) ** -1 for n in (60, 30, 10)] + [0]),
    ],
)
def test_class_weights_by_hand(rule, expected):
    found = class_weights([60, 30, 10, 0], rule)
    scale = 3 / sum(expected) if rule.startswith("effective") else 1
    assert found == pytest.approx([scale * weight for weight in expected])


def test_effective_numbers_of_millions_of_pixels_are_not_lost_in_rounding():
    few, many = class_weights([10**3, 10**9], "effective_number:beta=0.9999999999")
    assert many / few == pytest.approx(1e3 / 0.951625820e9, rel=1e-2)
    for rule in ("effective_number:beta=1", "effective_number:beta=0"):
        with pytest.raises(ConfigError, match="above 0, below 1"):
            class_weights([1, 2], rule)
    with pytest.raises(ConfigError, match="no option 'beta'"):
        class_weights([1, 2], "balanced:beta=0.9")


def test_the_page_of_losses_lists_those_that_there_are():
    page = Path(__file__).parents[2] / "docs" / "concepts" / "losses.md"
    rows = page.read_text(encoding="utf-8").partition("## By name")[2].partition("Options")[0]
    named = set(
        re.findall(r"`(\w+)`", "".join(r.split("|")[1] for r in rows.split("\n") if "|" in r))
    )
    assert named == {*registry.list_losses(None), "ce"}
