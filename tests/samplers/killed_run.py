"""A program that reads chips on three ranks of two workers each, kills all in the middle, and goes on."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from torch.utils.data import DataLoader

from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

SIZE, BATCH, RANKS, EPOCHS = 16, 3, 3, 2

SAMPLERS = {
    "random": lambda data: RandomGeoSampler(data, SIZE, 29, generator=4),
    "grid": lambda data: GridGeoSampler(data, SIZE, 12),
    "batches": lambda data: RandomBatchGeoSampler(data, SIZE, BATCH, 33, generator=4),
}


class Progress:
    """What a rank has done: its steps, and now and then a checkpoint, both in files that outlive it."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.steps_path = folder / f"rank{rank}.jsonl"
        self.state_path = folder / f"rank{rank}.state"

    def note(self, epoch: int, bounds: list) -> None:
        with self.steps_path.open("a") as file:
            file.write(json.dumps([epoch, bounds]) + "\n")

    def steps(self) -> list:
        text = self.steps_path.read_text() if self.steps_path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def save(self, state: dict, steps: int) -> None:
        part = self.state_path.with_suffix(".part")
        part.write_text(json.dumps({"sampler": state, "steps": steps}))
        part.replace(self.state_path)

    def restore(self) -> dict | None:
        """The last checkpoint; steps after it are undone, as a training's weights are."""
        if not self.state_path.exists():
            return None
        state = json.loads(self.state_path.read_text())
        kept = self.steps_path.read_text().splitlines(keepends=True)[: state["steps"]]
        self.steps_path.write_text("".join(kept))
        return state


def run(scene: Path, folder: Path, kind: str, rank: int, stop_after: int | None) -> None:
    """One rank: from its checkpoint on, or until killed some time after a checkpoint at `stop_after`."""
    dataset = RasterDataset(scene)
    sampler = SAMPLERS[kind](dataset).shard(rank, RANKS)
    batches = hasattr(sampler, "batch_size")
    how = {"batch_sampler": sampler} if batches else {"sampler": sampler, "batch_size": BATCH}
    progress = Progress(folder, rank)
    restored = progress.restore()
    if restored is not None:
        sampler.load_state_dict(restored["sampler"])
    for epoch in range(sampler.epoch, EPOCHS):
        for step, batch in enumerate(DataLoader(dataset, num_workers=2, **how), 1):
            progress.note(epoch, batch["bounds"].tolist())
            if step == stop_after:
                used = step if batches else step * BATCH
                progress.save(sampler.state_dict(given=used), len(progress.steps()))
            elif stop_after is not None and step > stop_after:
                time.sleep(300)  # a step beyond the checkpoint: here it is killed


def all_ranks(scene: Path, folder: Path, kind: str, stop_after: int | None) -> list[int]:
    """The ranks' process ids."""
    pids = []
    for rank in range(RANKS):
        pid = os.fork()
        if pid == 0:
            try:
                run(scene, folder, kind, rank, stop_after)
            except BaseException as error:
                sys.stderr.write(f"rank {rank}: {error!r}\n")
                os._exit(1)
            os._exit(0)
        pids.append(pid)
    return pids


def wait_until(true, seconds: float = 120) -> None:
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        time.sleep(0.05)
    raise TimeoutError("the ranks have not come that far")


def main(scene: Path, folder: Path, kind: str, stop_after: int) -> None:
    """Start, kill, and start again; says what became of the first ranks."""
    pids = all_ranks(scene, folder, kind, stop_after)
    wait_until(
        lambda: all(len(Progress(folder, rank).steps()) > stop_after for rank in range(RANKS))
    )
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    killed = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    resumed = all_ranks(scene, folder, kind, None)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in resumed]
    (folder / "exits.json").write_text(json.dumps([killed, ended]))


if __name__ == "__main__":
    scene, folder, stop_after, *kinds = sys.argv[1:]
    dataset = RasterDataset(scene)
    dataset[
        dataset.regions[0].frame
    ]  # what a read loads is loaded once, before the ranks are forked
    for kind in kinds:
        Path(folder, kind).mkdir()
        main(Path(scene), Path(folder, kind), kind, int(stop_after))
