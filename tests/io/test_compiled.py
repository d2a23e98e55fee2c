"""Compiled loops are kept while what they are made of stays, and never at the cost of a read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import geoloom

SOURCE = Path(geoloom.__file__).parent


@pytest.fixture
def package(tmp_path):
    """A copy of the package whose files may be changed, away from what is kept of the real one."""
    folder = tmp_path / "lib" / "geoloom"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def python(package, code, **environment):
    """What code prints that imports the copy."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**kept, "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LOOK_UP = """
    import numpy as np
    from geoloom.chips.zarr.lookup import look_up
    out = np.zeros(3, np.uint8)
    look_up(np.array([1, 2, 3], np.uint8), np.arange(256).astype(np.uint8), out)
    print(out.tolist(), len(look_up.stats.cache_hits), len(look_up.stats.cache_misses))
"""


def touched(file, old="", new=""):
    """The file, changed; its time and its size say so."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new) if old else text + "\n# Another line.\n", "utf-8")
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 5_000_000_000))


def test_a_loop_is_compiled_again_when_it_changes_and_not_when_another_file_does(package):
    place = {"NUMBA_CACHE_DIR": str(package.parent / "kept")}
    assert python(package, LOOK_UP, **place) == "[1, 2, 3] 0 1"
    assert python(package, LOOK_UP, **place) == "[1, 2, 3] 1 0"
    touched(package / "io" / "headers" / "scan.py")
    touched(package / "io" / "loops" / "interpolate.py")
    assert python(package, LOOK_UP, **place) == "[1, 2, 3] 1 0", (
        "compiled again though nothing changed"
    )
    touched(
        package / "chips" / "zarr" / "lookup.py", "table[codes[i]]", "table[codes[i]] + np.uint8(1)"
    )
    assert python(package, LOOK_UP, **place).startswith("[2, 3, 4] "), "old machine code ran"


def test_a_loop_is_compiled_again_when_a_constant_of_its_helper_changes(package):
    """`HALF` stands in `rounding`, is used by `rounds` and its callers in `bilinear_simd`."""
    code = """
        import numpy as np
        from geoloom.io.loops import bilinear_simd
        out = np.zeros((1, 1, 1), np.uint8)
        source = np.array([[[0, 1], [0, 1]]], np.uint8)
        share = np.array([0.25], np.float32)
        corner = np.zeros(1, np.int32)
        bilinear_simd.bilinear_row(source, corner, 0, 1, share, share, out, 0)
        print(out[0, 0, 0])
    """
    place = {"NUMBA_CACHE_DIR": str(package.parent / "kept")}
    assert python(package, code, **place) == "0"
    touched(package / "io" / "loops" / "rounding.py", "HALF = 0.5 + 1e-5", "HALF = 0.5 + 0.4000")
    assert python(package, code, **place) == "1"


def test_without_a_place_to_keep_them_loops_are_compiled_and_run(package, tmp_path):
    """Names below a regular file cannot be made, not even by root."""
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    for inside in ("io/loops", "chips/zarr"):
        (package / inside / "__pycache__").write_text("no folder")
    below = str(nowhere / "home")
    printed = python(package, LOOK_UP, HOME=below, XDG_CACHE_HOME=below, NUMBA_CACHE_DIR=below)
    assert printed.startswith("[1, 2, 3] 0 ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is needed: /dev/full")
def test_a_full_disk_does_not_stop_a_loop(package):
    code = """
        import pathlib
        import numpy as np
        from numba.core import caching
        def full(self, path):
            return open("/dev/full", "wb", buffering=0)
        caching.IndexDataCacheFile._open_for_write = full
        from geoloom.chips.zarr.lookup import look_up
        out = np.zeros(3, np.uint8)
        look_up(np.array([1, 2, 3], np.uint8), np.arange(256).astype(np.uint8), out)
        print(out.tolist())
    """
    assert python(package, code, NUMBA_CACHE_DIR=str(package.parent / "kept")) == "[1, 2, 3]"


def test_what_numba_no_longer_builds_is_done_plainly(package):
    """Vectors' pointers without a type of their own, as LLVM has them since version 17."""
    code = """
        import numpy as np
        from llvmlite import ir
        def gone(*_, **__):
            raise AttributeError("gone")
        ir.VectorType.as_pointer = gone
        from geoloom.io.loops.bilinear_simd import bilinear_row
        source = np.arange(36).astype(np.uint8).reshape(1, 3, 12)
        corner = np.arange(10).astype(np.int32)
        share, out = np.full(10, 0.5, np.float32), np.zeros((1, 1, 10), np.uint8)
        bilinear_row(source, corner, 0, 10, share, share, out, 0)
        print(out.tolist())
    """
    printed = python(package, code, NUMBA_CACHE_DIR=str(package.parent / "kept"))
    assert printed == str([[[7 + i for i in range(10)]]])
