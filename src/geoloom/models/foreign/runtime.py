"""ONNX Runtime: where networks run, and sessions, of which a process makes one for each network.

onnxruntime runs no code of a file: operators that it does not know are refused, as no library of others is
ever loaded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ...core.errors import MissingExtraError, ModelError
from .network import files_hash

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ONLY_FATAL = 4  # what goes wrong is raised here, and need not be on the terminal twice


def runs_on(device: str) -> str:
    """`auto` as CUDA where onnxruntime has it, else the CPU; `cpu`, `cuda` and `cuda:1` as they are.

    Raises:
        ModelError: the device is unknown, or onnxruntime has none such.
        MissingExtraError: onnxruntime is not installed.
    """
    there = _onnxruntime().get_available_providers()
    if device == "auto":
        return "cuda" if CUDA in there else "cpu"
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise ModelError(f"no device is named {device!r}; use 'auto', 'cpu' or 'cuda'")
    if kind == "cuda" and CUDA not in there:
        raise ModelError(
            f"device {device!r} was asked for, and onnxruntime here has {', '.join(there)}; use 'cpu' or "
            "'auto', or install onnxruntime-gpu in place of onnxruntime"
        )
    return device


@lru_cache(maxsize=1)
def session(files: tuple[str, ...], sha256: str, device: str, process: int) -> Any:
    """The session of a network, in this process.

    Args:
        files: Of the network; the first holds its graph.
        sha256: `files_hash` of them when the work was planned.
        device: As `runs_on` gives it.
        process: `os.getpid()`: a session does not survive a fork.

    Raises:
        ModelError: the files are others now, or onnxruntime cannot run what they hold.
    """
    if files_hash(files) != sha256:
        raise ModelError(
            f"{files[0]} here is not the model that the run began with; all workers must see the same files"
        )
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = usual_threads()
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _ONLY_FATAL
    # Waiting threads would burn what readers and writers of the same run need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        made = runtime.InferenceSession(files[0], options, providers=_providers(device))
    except Exception as error:  # its own errors have no common class below Exception
        raise ModelError(
            f"onnxruntime {runtime.__version__} cannot run {files[0]} ({_first_line(error)}); export it "
            "again with standard operators, or update onnxruntime"
        ) from error
    if device != "cpu" and CUDA not in made.get_providers():
        raise ModelError(
            f"onnxruntime could not start on {device} and fell back to {', '.join(made.get_providers())}; "
            "check its CUDA libraries, or give device='cpu' (--device cpu)"
        )
    return made


def run(made: Any, answer: str, given: dict[str, Any]) -> Any:
    """The answer to some arrays, by the names of the inputs.

    Raises:
        ModelError: onnxruntime refuses them, as where the network takes other sizes.
    """
    try:
        return made.run([answer], given)[0]
    except Exception as error:  # as above
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items())
        raise ModelError(
            f"onnxruntime failed on {shapes} ({_first_line(error)}); a network of several scales takes sizes "
            "that 32 divides: choose such a tile plus twice the halo (--tile, --halo)"
        ) from error


def usual_threads() -> int:
    """Threads of a session: what OMP_NUM_THREADS allows, as for torch, else the cores of this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _providers(device: str) -> Sequence[Any]:
    kind, _, number = device.partition(":")
    return [CPU] if kind == "cpu" else [(CUDA, {"device_id": int(number or 0)}), CPU]


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines() or [type(error).__name__]
    return text[0][:300]


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    return onnxruntime
