"""Enlargements: learned ones start as bilinear interpolation."""

import pytest
import torch
from torch.nn import functional

from geoloom.models.layers.padding import mirrored, pad_to_multiple
from geoloom.models.layers.upsampling import bilinear_upsampling


@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_upsampling_starts_as_bilinear_interpolation(factor):
    image = torch.randn(1, 3, 6, 5)
    ours = bilinear_upsampling(3, factor)(image)
    torchs = functional.interpolate(image, scale_factor=factor, mode="bilinear")
    inner = (..., slice(factor, -factor), slice(factor, -factor))  # the rim blends with zero
    assert ours.shape == torchs.shape
    torch.testing.assert_close(ours[inner], torchs[inner], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (32, 33), (64, 32)])
def test_images_grow_to_a_multiple_by_their_last_row_and_column(size):
    image = torch.randn(2, 3, *size)
    rows, columns = (-side % 32 for side in size)
    expected = functional.pad(image, (0, columns, 0, rows), "replicate")
    assert torch.equal(pad_to_multiple(image, 32), expected)


def test_mirror_images_are_torchs_and_wider_where_torch_has_none():
    image = torch.randn(1, 2, 7, 9)
    assert torch.equal(
        mirrored(image, (6, 3), (2, 8)), functional.pad(image, (2, 8, 6, 3), "reflect")
    )
    row = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert mirrored(row, (0, 0), (3, 4)).flatten().tolist() == [2, 3, 2, 1, 2, 3, 2, 1, 2, 3]
    assert mirrored(row, (1, 1), (0, 0)).shape == (1, 1, 3, 3)
