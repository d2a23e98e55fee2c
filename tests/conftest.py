"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fast",
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("deep", settings.get_profile("fast"), max_examples=500)
settings.load_profile(os.environ.get("GEOLOOM_HYPOTHESIS", "fast"))

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scenes beside the checkout; skips, saying so, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("real scenes not found at ../shared/data: this test needs them")
    return SHARED
