"""The peer's own environment: TorchGeo and what it lacks, in a folder that git does not see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".peer"
WANTED = ("torchgeo==0.8.1", "requests", "scipy")


def python() -> Path:
    """The interpreter of the peer's environment, which is made on first use (5.4 GB)."""
    found = FOLDER / "bin" / "python"
    done = FOLDER / "installed.txt"
    if not done.exists() or done.read_text() != "\n".join(WANTED):
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        subprocess.run([str(found), "-m", "pip", "install", "--quiet", *WANTED], check=True)
        done.write_text("\n".join(WANTED))
    return found


if __name__ == "__main__":
    print(python())
