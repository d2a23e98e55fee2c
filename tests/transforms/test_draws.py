"""Draws from seeds: splitmix64's numbers, even, independent, and the same however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.transforms.draws import bits, child_seeds, integers, sample_seeds, uniform

WORD = (1 << 64) - 1
COUNT = 100_000


def splitmix64(state, count):
    """As its authors' C has it (prng.di.unimi.it/splitmix64.c), in Python's whole numbers."""
    numbers = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        numbers.append(z ^ (z >> 31))
    return numbers


@given(seed=st.integers(0, WORD))
def test_bits_are_those_of_splitmix64(seed):
    signed = torch.tensor([seed - (1 << 64) if seed >> 63 else seed])
    assert [int(word) & WORD for word in bits(signed, 6)[0]] == splitmix64(seed, 6)


def test_the_published_numbers_come_out():
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(word) & WORD for word in bits(torch.tensor([1234567]), 4)[0]] == published


def columns():
    """Draws that an augmentation might think independent: of positions, epochs, trainings, children."""
    seeds = sample_seeds(7, 0, COUNT)
    first, second = uniform(seeds, 2).numpy().T
    return {
        "first": first,
        "second": second,
        "next position": np.roll(first, 1),
        "next epoch": uniform(sample_seeds(7, 1, COUNT), 1)[:, 0].numpy(),
        "next training": uniform(sample_seeds(8, 0, COUNT), 1)[:, 0].numpy(),
        "first child": uniform(child_seeds(seeds, 0), 1)[:, 0].numpy(),
        "second child": uniform(child_seeds(seeds, 1), 1)[:, 0].numpy(),
        "grandchild": uniform(child_seeds(child_seeds(seeds, 0), 0), 1)[:, 0].numpy(),
    }


def test_draws_are_even():
    for name, draws in columns().items():
        assert draws.min() >= 0, name
        assert draws.max() < 1, name
        counts, _ = np.histogram(draws, 256, (0, 1))
        chi2 = (np.square(counts - COUNT / 256) / (COUNT / 256)).sum()
        assert 255 - 5 * 22.6 < chi2 < 255 + 5 * 22.6, name  # five deviations of chi square


def test_draws_are_independent():
    made = columns()
    names, values = list(made), np.array(list(made.values()))
    correlations = np.corrcoef(values)[np.triu_indices(len(names), 1)]
    assert np.abs(correlations).max() < 5 / COUNT**0.5
    # Not only without correlation: pairs fill the square evenly.
    for other in values[1:]:
        counts, _, _ = np.histogram2d(values[0], other, 16, [(0, 1), (0, 1)])
        chi2 = (np.square(counts - COUNT / 256) / (COUNT / 256)).sum()
        assert chi2 < 255 + 5 * 22.6


@pytest.mark.parametrize("below", [1, 2, 7, 1000])
def test_whole_numbers_are_even_up_to_their_bound(below):
    draws = integers(sample_seeds(0, 0, COUNT), 1, below)[:, 0]
    counts = torch.bincount(draws, minlength=below).numpy()
    assert len(counts) == below
    expected = COUNT / below
    chi2 = (np.square(counts - expected) / expected).sum()
    assert chi2 <= below - 1 + 5 * (2 * below) ** 0.5


@given(seed=st.integers(0, 1 << 62), epoch=st.integers(0, 1000), cut=st.integers(0, 50))
def test_a_seed_depends_on_training_epoch_and_position_alone(seed, epoch, cut):
    whole = sample_seeds(seed, epoch, 50)
    assert torch.equal(sample_seeds(seed, epoch, cut), whole[:cut])
    parts = torch.cat([uniform(whole[:cut], 3), uniform(whole[cut:], 3)])
    assert torch.equal(parts, uniform(whole, 3))
    assert len(whole.unique()) == 50
    assert not torch.isin(whole, sample_seeds(seed, epoch + 1, 50)).any()
