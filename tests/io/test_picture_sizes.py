"""Pictures brought to one size: values and places that can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from geoloom.io.pictures.fit import fit_into, fitted_transform

SIDES = st.integers(1, 40)


def fitted(values, size, fit, valid=None, dtype=None):
    valid = np.ones(values.shape[1:], bool) if valid is None else valid
    out = np.full((len(values), *size), 77, dtype or values.dtype)
    out_valid = np.full(size, True)
    fit_into(values, valid, fit, out, out_valid)
    return out, out_valid


@given(SIDES, SIDES, SIDES, SIDES)
def test_cropping_copies_each_pixel_from_where_the_transform_says(height, width, rows, cols):
    values = np.arange(2 * height * width, dtype="int32").reshape(2, height, width) + 1
    out, valid = fitted(values, (rows, cols), "crop")
    affine = fitted_transform((height, width), (rows, cols), "crop")
    for row in range(rows):
        for col in range(cols):
            x, y = affine @ (col, row)
            inside = 0 <= x < width and 0 <= y < height
            assert valid[row, col] == inside
            expected = values[:, int(y), int(x)] if inside else 0
            np.testing.assert_array_equal(out[:, row, col], expected)
    # About the middle: what is cut off or added on either side differs by at most one pixel.
    before, after = affine.c, width - cols - affine.c
    assert abs(before - after) <= 1


@given(st.integers(4, 30), st.integers(4, 30), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_a_ramp_stays_a_ramp_when_resized(height, width, by_rows, by_cols, shrunk):
    """Away from the edges, where the filter's other half would lie outside."""
    rows, cols = height + 3 * (by_rows - 1), width * by_cols
    if shrunk:
        rows, cols, height, width = height, width, height * by_rows, width * by_cols
    y, x = np.mgrid[:height, :width] + 0.5
    values = np.stack([2 * x + 3 * y, 100 - y]).astype("float32")
    out, valid = fitted(values, (rows, cols), "resize")
    affine = fitted_transform((height, width), (rows, cols), "resize")
    new_x, new_y = affine.a * (np.arange(cols) + 0.5), affine.e * (np.arange(rows) + 0.5)
    expected = np.stack([2 * new_x + 3 * new_y[:, None], 100 - new_y[:, None] + 0 * new_x])
    reach_x, reach_y = max(width / cols, 1), max(height / rows, 1)
    inner_x = (new_x >= reach_x) & (new_x <= width - reach_x)
    inner_y = (new_y >= reach_y) & (new_y <= height - reach_y)
    difference = np.abs(out - expected)[:, inner_y][:, :, inner_x]
    assert not difference.size or difference.max() < 1e-3
    assert valid.all()


@pytest.mark.parametrize("size", [(20, 31), (90, 150), (33, 100)])
def test_resizing_is_that_of_torch(size):
    values = np.random.default_rng(1).random((3, 64, 100)).astype("float32")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None], size=size, mode="bilinear", antialias=True
    )[0]
    np.testing.assert_allclose(fitted(values, size, "resize")[0], expected, atol=1e-5)


def test_whole_numbers_are_rounded_and_fine_patterns_average_out():
    values = np.zeros((1, 64, 64), "uint8")
    values[:, ::2] = 101
    out, _ = fitted(values, (8, 8), "resize")
    assert out.dtype == "uint8"
    assert np.abs(out[0, 1:-1].astype(int) - 50).max() <= 1


def test_pixels_that_are_not_there_take_part_in_no_value():
    values = np.full((2, 40, 40), 5.0, "float32")
    valid = np.ones((40, 40), bool)
    valid[:, 20:] = False
    values[:, ~valid] = np.nan
    out, out_valid = fitted(values, (20, 20), "resize", valid)
    np.testing.assert_array_equal(out_valid, np.arange(20) < np.full((20, 1), 10))
    np.testing.assert_allclose(out[:, out_valid], 5.0, rtol=1e-6)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("fit", ["crop", "resize"])
def test_a_picture_of_the_size_is_copied(fit):
    values = np.random.default_rng(1).integers(0, 1 << 30, (2, 9, 11)).astype("int32")
    valid = np.random.default_rng(2).random((9, 11)) > 0.5
    out, out_valid = fitted(values, (9, 11), fit, valid, "float64")
    np.testing.assert_array_equal(out, values)
    np.testing.assert_array_equal(out_valid, valid)
    assert fitted_transform((9, 11), (9, 11), fit) == Affine.identity()
