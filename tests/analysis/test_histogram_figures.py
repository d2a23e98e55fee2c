"""Histograms and density lines, against numpy and the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.stats import norm

from geoloom.figures import plot_histogram_lines, plot_histograms
from geoloom.figures.histograms import band_colors, density_line
from geoloom.io.raster import Raster

GRID = GeoBox((200, 200), Affine(30, 0, 0, 0, -30, 0), "EPSG:32720")


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(2)
    values = rng.normal([[[100.0]], [[300.0]]], [[[10.0]], [[30.0]]], (2, 200, 200))
    valid = rng.random((200, 200)) > 0.3
    values[:, ~valid] = -9999
    return Raster(values.astype(np.float32), valid, GRID, ("red", "nir"))


def test_bars_are_shares_of_valid_pixels(seen):
    axes = plot_histograms(seen, bins=40, percentiles=(1, 99)).axes
    for ax, band, name in zip(axes, seen.values, seen.bands, strict=True):
        values = band[seen.valid]
        counts, edges = np.histogram(values, bins=40, range=np.percentile(values, [1, 99]))
        stairs = ax.patches[0].get_data()
        np.testing.assert_allclose(stairs.values, 100 * counts / values.size)
        np.testing.assert_allclose(stairs.edges, edges)
        assert ax.get_title(loc="left") == name
        assert stairs.values.sum() == pytest.approx(98, abs=0.2)


def test_density_of_normal_values_is_the_normal_density(seen):
    values = seen.values[0][seen.valid]
    x, density = density_line(values, (60.0, 140.0))
    np.testing.assert_allclose(density, norm.pdf(x, 100, 10), atol=0.0035)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=0.01)


def test_density_does_not_depend_on_the_order_of_pixels(seen):
    values = seen.values[0][seen.valid]
    _, first = density_line(values, (60.0, 140.0))
    _, second = density_line(np.sort(values)[::-1], (60.0, 140.0))
    np.testing.assert_array_equal(first, second)


def test_lines_are_named_by_their_bands(seen):
    ax = plot_histogram_lines(seen).axes[0]
    assert [line.get_label() for line in ax.lines] == ["red", "nir"]
    peaks = [line.get_xdata()[np.argmax(line.get_ydata())] for line in ax.lines]
    assert peaks == pytest.approx([100, 300], rel=0.05)


def test_a_band_that_does_not_vary_is_drawn_all_the_same():
    flat = Raster(np.full((1, 200, 200), 5), np.ones((200, 200), bool), GRID, ("a",))
    ax = plot_histograms(flat).axes[0]
    assert ax.patches[0].get_data().values.max() == 100
    assert density_line(np.full(9, 5), (4.5, 5.5))[1].max() == 0


def test_bands_are_in_colours_of_their_own_where_known():
    assert band_colors(["red", "green"]) == ("#d1495b", "#3a9a4b")
    assert len(set(band_colors(["a", "b", "c"]))) == 3
