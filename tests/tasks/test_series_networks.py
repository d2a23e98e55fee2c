"""Networks over series learn from batches with dates; batches without dates are refused in a sentence."""

from __future__ import annotations

import pytest
import torch

from geoloom.core.errors import ModelError
from geoloom.tasks import SegmentationTask

BATCH = {
    "image": torch.randn(2, 2, 3, 16, 16),
    "times": 1.6e9 + torch.rand(2, 2).double() * 1e7,
    "valid_series": torch.rand(2, 2, 16, 16) > 0.2,
    "valid": torch.ones(2, 16, 16, dtype=torch.bool),
    "mask": torch.randint(0, 2, (2, 16, 16)),
    "aux": torch.rand(2, 1, 16, 16) > 0.5,
}
NETWORKS = [
    ("utae", {"width": 0.25, "heads": 4}),
    ("fc_siam_diff", {"width": 0.5}),
    ("unet_aux", {"width": 0.125}),
    ("convlstm", {"hidden": 8}),
]


@pytest.mark.parametrize(("name", "options"), NETWORKS)
def test_a_step_is_taken_on_series(name, options):
    task = SegmentationTask(name, ["a", "b"], in_channels=3, options=options)
    loss = task.training_step(BATCH, 0)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None for p in task.network.parameters())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("utae", "there is no times"),
        ("fc_ef", r"takes a series of dates, \(B, T, C, H, W\)"),
    ],
)
def test_a_batch_without_dates_is_refused(name, said):
    task = SegmentationTask(name, ["a", "b"], in_channels=3)
    batch = {"image": BATCH["image"][:, 0], "mask": BATCH["mask"], "valid": BATCH["valid"]}
    with pytest.raises(ModelError, match=said):
        task.training_step(batch, 0)
