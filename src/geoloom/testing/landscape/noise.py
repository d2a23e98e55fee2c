"""Fractal noise: the raw material of simulated terrain, canopy and cloud."""

from __future__ import annotations

import numpy as np
import scipy.fft
from scipy.interpolate import CubicSpline


def fractal_noise(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    slope: float,
    longest_px: float,
    shortest_px: float = 2.0,
) -> np.ndarray:
    """Gaussian noise whose amplitude spectrum falls as frequency to the power of -slope.

    Args:
        shape: Rows and columns.
        rng: Source of chance; consumed.
        slope: Spectral exponent: 1 is rough (canopy), 2 is smooth (relief).
        longest_px, shortest_px: Wavelengths outside of these are suppressed, so that a feature has
            the same size in pixels in a small scene as in a large one.

    Returns:
        float32 (H, W), mean 0, standard deviation 1.

    Example:
        >>> z = fractal_noise((64, 64), np.random.default_rng(0), slope=1.5, longest_px=32)
        >>> z.shape, round(float(z.std()), 3)
        ((64, 64), 1.0)
    """
    # The transform is periodic: a margin of half a wavelength keeps opposite edges apart.
    margin = int(min(longest_px / 2, max(shape) / 4))
    rows, cols = (scipy.fft.next_fast_len(n + margin, real=True) for n in shape)
    spectrum = scipy.fft.rfft2(rng.standard_normal((rows, cols), dtype=np.float32))
    frequency = np.hypot(scipy.fft.fftfreq(rows)[:, None], scipy.fft.rfftfreq(cols)[None, :])
    floor = 1.0 / longest_px
    gain = (frequency**2 + floor**2) ** (-slope / 2) * np.exp(
        -((frequency * shortest_px / 1.4) ** 2)
    )
    gain[0, 0] = 0.0
    noise = scipy.fft.irfft2(spectrum * gain.astype(np.float32), s=(rows, cols))
    noise = noise[: shape[0], : shape[1]]
    noise -= noise.mean()
    return np.asarray(noise / max(float(noise.std()), 1e-12), dtype=np.float32)


def smooth_walk(length: int, rng: np.random.Generator, *, wavelength: float) -> np.ndarray:
    """A smooth random function of one variable, float64 (length,), roughly in [-2, 2]."""
    knots = max(4, int(np.ceil(length / wavelength)) + 3)
    at = np.linspace(0, length, knots)
    return np.asarray(CubicSpline(at, rng.standard_normal(knots))(np.arange(length)))
