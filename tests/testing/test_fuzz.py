"""Small TIFFs of every layout, changed at random: each is read alike by all engines, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.testing.fuzz import fuzz, main, mutants, tiffs_in
from geoloom.testing.mutants import mutant
from geoloom.testing.trials import Tally

TILES = {"tiled": True, "blockxsize": 32, "blockysize": 32}
KINDS = {
    "strips": {},
    "tiles": TILES,
    "big": {**TILES, "BIGTIFF": "YES", "compress": "deflate"},
    "deflate_2": {"compress": "deflate", "predictor": 2},
    "lzw_2": {**TILES, "compress": "lzw", "predictor": 2},
    "zstd_2": {**TILES, "compress": "zstd", "predictor": 2},
    "float_3": {**TILES, "compress": "deflate", "predictor": 3, "dtype": "float32"},
    "planar": {**TILES, "compress": "zstd", "interleave": "band"},
    "swapped": {"ENDIANNESS": "BIG", "interleave": "band"},
    "nodata": {**TILES, "nodata": 7, "compress": "lzw"},
}
PER_KIND = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiffs")
    for seed, (name, options) in enumerate(KINDS.items()):
        dtype = options.get("dtype", "uint16")
        values = np.random.default_rng(seed).integers(0, 60, (3, 70, 90)).astype(dtype)
        profile = {"driver": "GTiff", "height": 70, "width": 90, "count": 3}
        place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
        with rasterio.open(
            folder / f"{name}.tif", "w", **profile, **place, **{"dtype": dtype, **options}
        ) as file:
            file.write(values)
    return folder


def test_tiffs_that_lie_are_read_alike_or_refused(folder):
    tally = Tally.of(fuzz(tiffs_in(folder), count=PER_KIND * len(KINDS), seed=0, seconds=60))
    assert not tally.failures, tally.report()
    verdicts = [outcome.verdict for outcome in tally.outcomes]
    assert (
        verdicts.count("answered") > 60
    )  # changes must leave something to read, or nothing is compared
    assert verdicts.count("refused") > 60


def test_equal_seeds_give_equal_mutants_and_others_others(folder):
    data = (folder / "big.tif").read_bytes()
    changed = [mutant(data, seed) for seed in range(40)]
    assert changed == [mutant(data, seed) for seed in range(40)]
    assert len({bytes_ for bytes_, _ in changed}) > 35
    assert all(how for _, how in changed)


def test_what_is_no_tiff_is_changed_too():
    for data in (b"", b"II", b"PK\x03\x04" * 9):
        for seed in range(30):
            mutant(data, seed)


def test_every_file_gets_its_turn(folder):
    cases = list(mutants(tiffs_in(folder), 200, 0))
    assert len({case.path for case in cases}) == len(KINDS)
    assert len({case.seed for case in cases}) == 200


def test_the_command_prints_one_line(folder, capsys):
    assert main([str(folder), "--count", "10", "--seconds", "60"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("10 trials: ")
    assert "0 crashes, 0 hangs, 0 out of memory, 0 differing, 0 foreign errors" in said
