"""Model folders as disks, transfers and attackers damage them, and what reading one may then do.

Example:
    A trial is a number; 500 of them, in bounded processes::

        tally = Tally.of(run_trials(read_damaged_model, range(500), warm_up=warm_up))
        assert not tally.failures, tally.report()
"""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import GeoloomError
from geoloom.core.outputs import ClassOutputs

from .damage import Damage, one_of, places
from .trials import require

if TYPE_CHECKING:
    from geoloom.models.card import ModelCard

_BANDS = (
    Band("red", "red", unit="surface_reflectance", scale=1e-4),
    Band("nir", "nir", unit="surface_reflectance", scale=1e-4, offset=-0.1),
)
_OPTIONS: dict[str, Any] = {"width": 0.05, "depth": 2}
_RUN = {"config": {"model": "unet", "epochs": 3}, "chips": {"path": "/chips.zarr", "train": 4}}
_MARK = "code was run"


def sound_model(folder: Path) -> Path:
    """A small model folder with all that a training leaves, its checkpoints included."""
    import torch

    from geoloom.metrics.accuracy import Accuracy
    from geoloom.metrics.class_tally import ClassTally
    from geoloom.models.card import ModelCard
    from geoloom.models.saved import save_model, write_json

    torch.manual_seed(0)
    task, classes = _task(), Classes.of(["forest", "water"], codes=[3, 7])
    truth = np.array([[0, 1], [1, 1]])
    accuracy = Accuracy.of(ClassTally.of_probabilities(truth, np.full((2, 2, 2), 0.5)), classes)
    card = ModelCard(
        "unet",
        _OPTIONS,
        _BANDS,
        ClassOutputs(classes),
        normalization={"kind": "mean_std", "center": [9.0, 8.0], "scale": [2.0, 1.0], "bands": []},
        dtype="uint16",
        gsd=30.0,
        chip_size_px=64,
        metrics=accuracy.to_dict(curves=False),
        config=_RUN["config"],
    )
    path = save_model(folder / "model", task.network, card)
    write_json(path / "validation.json", accuracy.to_dict())
    write_json(path / "training.json", _RUN)
    row = {"epoch": 1, "train_loss": 0.5, "val_loss": None, "learning_rate": 1e-3, "seconds": 1.0}
    write_json(path / "history.json", [row, {**row, "epoch": 2}])
    (path / "checkpoints").mkdir()
    content = {"epoch": 2, "global_step": 8, "state_dict": task.state_dict()}
    for name in ("best", "last"):
        torch.save(content, path / "checkpoints" / f"{name}.ckpt")
    return path


def plain_card(
    architecture: str,
    options: dict[str, Any],
    bands: Sequence[str],
    classes: Classes,
    **others: Any,
) -> ModelCard:
    """The card of a model of classes per pixel, of whose bands nothing is known but their names.

    Args:
        architecture, options, others: As of `ModelCard`.
        bands: Names.
        classes: What the model gives.
    """
    from geoloom.models.card import ModelCard

    known = tuple(Band.named(name) for name in bands)
    return ModelCard(architecture, options, known, ClassOutputs(classes), **others)


def warm_up() -> None:
    """Make the sound folder, and read it once: what its bounds are measured against."""
    from geoloom.models.listing import list_models

    list_models("timm/*")  # imports timm, which a damaged card may name
    _read(_sound())


def read_damaged_model(seed: int) -> str:
    """Damage a copy of the sound folder and read all of it.

    Returns:
        What was damaged, and which parts were read all the same.

    Raises:
        GeoloomError: nothing could be read, as it should be.
        DiffersError: a model that was read answers no probabilities, or code in the folder was run.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="geoloom-model-") as made:
        path = Path(made) / "model"
        shutil.copytree(_sound(), path)
        damage = one_of(_DAMAGES, rng)
        damage(path, rng)
        try:
            answered = _read(path)
        finally:
            require(not list(Path(made).rglob(_MARK)), f"{damage.__name__}: code was run")
        return f"{damage.__name__}: {answered}"


def _read(path: Path) -> str:
    """Each part of the folder by itself; raises the refusal where one part was refused."""
    from geoloom.analysis.evidence.accuracies import load_accuracy
    from geoloom.analysis.history import read_history

    parts: dict[str, Callable[[], object]] = {
        "model": lambda: _predict(path),
        "validation": lambda: load_accuracy(path / "validation.json"),
        "history": lambda: read_history(path),
        "settings": lambda: _workspace(path).check(_RUN, overwrite=False, resume=True),
        "best": lambda: _best(path),
        "last": lambda: _last(path),
    }
    refused: list[GeoloomError] = []
    for read in parts.values():
        try:
            read()
        except GeoloomError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return "read"


def _predict(path: Path) -> None:
    import torch

    from geoloom.models.saved import load_model

    model = load_model(path)
    require(len(model.bands) < 1000, "a model of more bands than it has weights for")
    image = torch.full((1, len(model.bands), 16, 16), 9.0)
    scores = model(image, torch.ones(1, 16, 16, dtype=torch.bool))
    shape = (1, model.outputs.channels, 16, 16)
    require(tuple(scores.shape) == shape, "scores of another shape")
    # A flipped bit may make a weight so large that sums overflow, which prediction refuses.
    require(bool(((scores >= 0) & (scores <= 1) | scores.isnan()).all()), "no probabilities")


def _best(path: Path) -> None:
    from geoloom.tasks.fitting import load_best

    load_best(_workspace(path), _task())


def _last(path: Path) -> None:
    from geoloom.tasks.checkpoints import read_checkpoint

    last = _workspace(path).last
    if last is not None:
        read_checkpoint(last)


def _workspace(path: Path) -> Any:
    from geoloom.tasks.training.workspace import Workspace

    return Workspace(path)


def _task() -> Any:
    from geoloom.models.registry import create_model
    from geoloom.tasks.supervised.segmentation import SegmentationTask

    return SegmentationTask(create_model("unet", len(_BANDS), 2, **_OPTIONS), 2)


@lru_cache(maxsize=1)
def _sound() -> Path:
    return sound_model(Path(tempfile.mkdtemp(prefix="geoloom-sound-model-")))


def change_card(path: Path, rng: np.random.Generator) -> None:
    """One to three values of the card are others, or gone."""
    _change_json(path / "model.json", rng)


def absurd_card(path: Path, rng: np.random.Generator) -> None:
    """The card of a network larger than any memory."""
    file = path / "model.json"
    card = json.loads(file.read_text())
    card |= one_of(_ABSURD, rng)
    file.write_text(json.dumps(card))


def change_note(path: Path, rng: np.random.Generator) -> None:
    """A value of another JSON file is another, or gone."""
    _change_json(path / one_of(("validation.json", "training.json", "history.json"), rng), rng)


def replace_json(path: Path, rng: np.random.Generator) -> None:
    """A JSON file holds something else."""
    file = one_of(sorted(path.glob("*.json")), rng)
    file.write_text(one_of(_NO_JSON, rng), encoding="latin-1")


def flip_bits(path: Path, rng: np.random.Generator) -> None:
    """Some bits of a file are flipped."""
    file = one_of(_files(path), rng)
    data = bytearray(file.read_bytes())
    reach = min(len(data), int(one_of((200, 4000, len(data)), rng)))
    for position in rng.integers(0, reach, int(rng.integers(1, 9))):
        data[int(position)] ^= 1 << int(rng.integers(8))
    file.write_bytes(data)


def truncate(path: Path, rng: np.random.Generator) -> None:
    """A file ends too soon, or goes on too long."""
    file = one_of(_files(path), rng)
    data = file.read_bytes()
    keep = int(rng.integers(0, len(data)))
    file.write_bytes(data[:keep] if rng.random() < 0.8 else data + data[:keep])


def lose(path: Path, rng: np.random.Generator) -> None:
    """A file is not there, or is a folder."""
    file = one_of(_files(path), rng)
    file.unlink()
    if rng.random() < 0.4:
        file.mkdir()


def swap(path: Path, rng: np.random.Generator) -> None:
    """A file has the contents of another."""
    files = _files(path)
    one_of(files, rng).write_bytes(one_of(files, rng).read_bytes())


def forge_contents(path: Path, rng: np.random.Generator) -> None:
    """The weights' table of contents says what is not so."""
    file = path / "weights.safetensors"
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    table, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    entry = table[one_of([name for name in table if name != "__metadata__"], rng)]
    key = one_of(("dtype", "shape", "data_offsets"), rng)
    forged: dict[str, list[Any]] = {
        "dtype": ["F64", "F16", "I64", "BOOL", "F8_E4M3", "C64", "object", 7],
        "shape": [[], [1 << 40], [1 << 62, 4], [-1], [0], ["8"], [[8]], [1] * 5000, None],
        "data_offsets": [[0, 0], [0, 1 << 60], [8, 4], [-8, 0], [0], "0:8"],
    }
    entry[key] = one_of(forged[key], rng)
    header = json.dumps(table).encode()
    if rng.random() < 0.3:
        header = one_of([b"{" * 90_000, b'{"a":' * 90_000, b"[]", b"null", b'{"a":{}}', b""], rng)
    declared = len(header) if rng.random() < 0.7 else int(one_of((0, 1 << 40, 2**64 - 1, 7), rng))
    file.write_bytes(struct.pack("<Q", declared) + header + body)


def pickle_checkpoint(path: Path, rng: np.random.Generator) -> None:
    """A checkpoint runs a program when it is unpickled."""
    import torch

    evil = _Evil(path / _MARK)
    content: Any = one_of(({"state_dict": {"a": evil}}, evil, {"state_dict": {}, "b": evil}), rng)
    new = bool(rng.random() < 0.5)
    file = one_of(_checkpoints(path), rng)
    torch.save(content, file, _use_new_zipfile_serialization=new)


def pickle_weights(path: Path, rng: np.random.Generator) -> None:
    """The weights are a pickle that runs a program."""
    import torch

    torch.save(_Evil(path / _MARK), path / "weights.safetensors")


def change_checkpoint(path: Path, rng: np.random.Generator) -> None:
    """A value of a checkpoint is another, or gone."""
    import torch

    file = one_of(_checkpoints(path), rng)
    content = torch.load(file, weights_only=True)
    holder = content if rng.random() < 0.5 else content["state_dict"]
    key = one_of(list(holder), rng)
    if rng.random() < 0.3:
        del holder[key]
    else:
        wide = torch.zeros(1).expand(1 << 40)  # four terabytes, of one number
        holder[key] = one_of([*_HOSTILE[:-1], torch.zeros(3), torch.zeros(0), wide], rng)
    torch.save(content, file)


def pack_checkpoint(path: Path, rng: np.random.Generator) -> None:
    """A checkpoint of some kilobytes unpacks to gigabytes."""
    file = one_of(_checkpoints(path), rng)
    with zipfile.ZipFile(file) as old:
        names = old.namelist()
        entries = {name: old.read(name) for name in names}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        bomb = one_of([name for name in names if "/data/" in name], rng)
        for name, data in entries.items():
            new.writestr(name, bytes(1 << 26) if name == bomb else data)


_DAMAGES: list[Damage] = [
    change_card, change_card, absurd_card, change_note, replace_json, flip_bits, flip_bits, truncate, lose,
    swap, forge_contents, forge_contents, pickle_checkpoint, pickle_weights, change_checkpoint,
    pack_checkpoint,
]  # fmt: skip


def _classes(count: int) -> dict[str, Any]:
    """Outputs of so many classes."""
    names = [f"c{i}" for i in range(count)]
    return {"kind": "classes", "classes": {"names": names}, "per": "pixel", "temperature": 1.0}


_HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**62, 2**64, 10**400, 1e308, float("nan"), float("inf"), -0.5, "", "x",
    "../../etc/passwd", [], {}, [1, 2], [[]], {"a": 1}, [2**40] * 4, "fcn8s", "per_image", "y" * 5000,
    ["z"] * 70_000,
]  # fmt: skip
_ABSURD: list[dict[str, Any]] = [
    {"options": {"width": 1000}},
    {"options": {"width": 1e300}},
    {"options": {"width": 0.05, "depth": 9}},
    {"options": {"width": 0.05, "depth": 8}},
    {"options": {"width": 0.05, "depth": 10**6}},
    {"architecture": "fcn8s", "options": {"width": 40}},
    {"bands": [{"name": f"b{i}"} for i in range(60_000)]},
    {"outputs": _classes(100_000)},
    {"outputs": _classes(256) | {"temperature": 1e300}},
    {
        "outputs": {
            "kind": "values",
            "names": [f"v{i}" for i in range(60_000)],
            "units": [None] * 60_000,
            "per": "pixel",
            "mean": None,
            "std": None,
        }
    },
    {"outputs": {"kind": "features", "dim": 65_535}},
    {"outputs": {"kind": "boxes", "classes": {"names": ["a"]}, "masks": True}},
    {"architecture": "timm/resnet18", "options": {}, "outputs": {"kind": "features", "dim": 512}},
]
_NO_JSON = [
    "", "null", "[]", "{", "[" * 100_000, '{"a":' * 50_000, "\x00\x01", "1" * 10_000, "\xff\xfe",
    '{"matrix": 1, "classes": 2, "overall_accuracy": 3}', '{"config": [], "chips": {}}', '[{"epoch": {}}]',
    '{"format": 99}', '{"format": 1}', '{"format": 2}',
]  # fmt: skip


class _Evil:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def _change_json(file: Path, rng: np.random.Generator) -> None:
    values = json.loads(file.read_text())
    for _ in range(int(rng.integers(1, 4))):
        inside = list(places(values, most=50))
        if not inside:
            break
        holder, key = one_of(inside, rng)
        if isinstance(holder, dict) and rng.random() < 0.2:
            del holder[key]
        else:
            holder[key] = one_of(_HOSTILE, rng)
    file.write_text(json.dumps(values))


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def _checkpoints(path: Path) -> list[Path]:
    return sorted((path / "checkpoints").iterdir())
