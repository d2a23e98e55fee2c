"""The mean over turned and mirrored tiles, against the same written out with numpy."""

import numpy as np
import torch

from geoloom.inference.symmetries import mean_over_symmetries


def _lopsided(image, valid):
    """Scores that depend on direction: each pixel and the one to its left, and how far down it lies."""
    left = torch.roll(image, 1, dims=-1)
    rows = torch.arange(image.shape[-2], dtype=torch.float32)[:, None]
    return torch.cat([image + 0.5 * left, image * rows * valid[:, None]], dim=1)


def test_equals_eight_answers_turned_back_by_hand():
    rng = np.random.default_rng(0)
    image = rng.random((2, 1, 5, 7), dtype=np.float32)
    valid = rng.random((2, 5, 7)) > 0.2
    expected = np.zeros((2, 2, 5, 7))
    for mirror in (False, True):
        for quarter_turns in range(4):
            turned = np.rot90(image[..., ::-1] if mirror else image, quarter_turns, (-2, -1))
            seen = np.rot90(valid[..., ::-1] if mirror else valid, quarter_turns, (-2, -1))
            scores = _lopsided(
                torch.from_numpy(turned.copy()), torch.from_numpy(seen.copy())
            ).numpy()
            back = np.rot90(scores, -quarter_turns, (-2, -1))
            expected += (back[..., ::-1] if mirror else back) / 8
    found = mean_over_symmetries(_lopsided, torch.from_numpy(image), torch.from_numpy(valid))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_a_model_blind_to_direction_answers_the_same():
    image = torch.rand(1, 3, 6, 4)
    valid = torch.ones(1, 6, 4, dtype=torch.bool)
    found = mean_over_symmetries(lambda pixels, _: pixels.softmax(1), image, valid)
    torch.testing.assert_close(found, image.softmax(1))
