"""Fixtures of the training tests."""

import pytest

from small_chips import write_chips


@pytest.fixture
def chips(tmp_path):
    return write_chips(tmp_path / "chips.zarr", ["train"] * 8 + ["val"] * 3 + ["test"] * 3)
