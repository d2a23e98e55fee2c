"""Compare our loader with TorchGeo's, in turn, each epoch in a fresh process.

    python -m benchmarks.loader [--quick] [--only random grid_w2 ...]

Writes `benchmarks/out/loader.json`, `loader.md` and `loader.png`. The first run makes the data (some 15 GB
for all cases) and the peer's own environment (5.4 GB).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Literal

from . import check, data, peer, prepared, queries, report
from .measure import ROOT, SYSTEMS, Case, run

LENGTHS = {"random": 1024, "random_batch": 4096, "grid": 4096}
"""Samples per epoch: enough to outlast the start, few enough to wait for."""

State = data.Packing | Literal["prepared"]

CASES: dict[str, tuple[queries.SamplerName, State, int]] = {
    **{name: (name, "plain", 0) for name in queries.SAMPLERS},
    **{f"{name}_w2": (name, "plain", 2) for name in queries.SAMPLERS},
    **{
        f"{sampler}_{packing}": (sampler, packing, 0)
        for packing in ("deflate", "zstd")
        for sampler in ("random", "grid")
    },
    "random_prepared": ("random", "prepared", 0),
}
"""Name -> sampler, state of the data, workers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="12 scenes, an eighth of the samples")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    size = data.Size(12) if given.quick else data.Size()
    print(_machine(size), flush=True)
    peer.python()
    results: list[report.Result] = []
    notes: list[str] = []
    for name in given.only:
        case = _prepare(name, size, 8 if given.quick else 1)
        run("ours", case)  # compiles what is not compiled yet, outside the timing
        pairs = [(run("ours", case), run("peer", case)) for _ in range(given.repeats)]
        results.append(report.Result(name, *map(list, zip(*pairs, strict=True))))
        print(results[-1].row(), flush=True)
        if name in queries.SAMPLERS:
            notes.append(_profile(name, case))
    notes.append(_rightness(data.make(data.OUT, "plain", size), size))
    print("\n".join(["", report.table(results), "", *notes]))
    report.write(data.OUT / "loader.json", results)
    text = "\n\n".join([_machine(size), report.table(results), *notes])
    (data.OUT / "loader.md").write_text(text + "\n")
    report.draw(data.OUT / "loader.png", results)


def _prepare(name: str, size: data.Size, share: int) -> Case:
    """Data in the page cache, queries and workers of a case; makes what is not there yet."""
    sampler, state, workers = CASES[name]
    plain = data.make(data.OUT, "plain", size)
    length = LENGTHS[sampler] // share
    asked = data.OUT / f"queries-{sampler}-{size.scenes}-{length}.json"
    if not asked.exists():
        queries.write(asked, plain, sampler, length, seed=0)
    ours = theirs = plain
    if state == "prepared":
        ours = prepared.make_chips(data.OUT, plain, asked)
        theirs = prepared.make(data.OUT, plain, size)
    elif state != "plain":
        ours = theirs = data.make(data.OUT, state, size)
    for root in {ours, theirs}:
        _warm(root)
    return Case(ours, theirs, asked, workers)


def _machine(size: data.Size) -> str:
    return (
        f"{len(os.sched_getaffinity(0))} processors ({platform.machine()}), {size.scenes} scenes of "
        f"{size.side_px} x {size.side_px} x 7 uint16, {queries.SIZE_PX}-pixel chips, batches of "
        f"{queries.BATCH}, warm cache, first epoch of fresh processes in turn; one processor, or with _w2 "
        "two threads of ours against two workers of TorchGeo's."
    )


def _warm(root: Path) -> None:
    """Bring all files into the page cache."""
    for path in (path for path in root.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def _rightness(plain: Path, size: data.Size) -> str:
    root = data.make_check(data.OUT, plain, size)
    asked = queries.write(data.OUT / "queries-check.json", root, "random", queries.BATCH, seed=1)
    dumps = {system: data.OUT / f"last-{system}.npz" for system in SYSTEMS}
    for system, dump in dumps.items():
        run(system, Case(root, root, asked, 0), dump)
    labels = {s: check.label_agreement(dump, root, asked) for s, dump in dumps.items()}
    images = check.image_agreement(dumps["ours"], dumps["peer"])
    return (
        f"Labels that are the source pixel under their centre, by pyproj: geoloom {labels['ours']:.4%}, "
        f"TorchGeo {labels['peer']:.2%}. Images: {images['equal']} of {images['chips']} chips equal (those "
        f"that need no warp), mean difference over all {images['mean_off']:.1f} counts."
    )


def _profile(name: str, case: Case) -> str:
    command = [*case.command("ours"), "--profile"]
    cpu = sorted(os.sched_getaffinity(0))[-1]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    result = json.loads(done.stdout.strip().splitlines()[-1])
    rate = result["samples"] / result["seconds"]
    parts = ", ".join(
        f"{kind} {share:.0%}" for kind, share in result["shares"].items() if share >= 0.01
    )
    return (
        f"{name}: {rate:.0f} samples/s when warm are {rate / result['limit']:.0%} of the "
        f"{result['limit']:.0f} at which the same bytes can be copied. Time goes into: {parts}."
    )


if __name__ == "__main__":
    main()
