"""The datasets as they are documented, each written small; one file a kind, found by its name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from documented.layout import Layout

LAYOUTS: dict[str, Layout] = {}
for module in iter_modules([str(Path(__file__).parent)]):
    LAYOUTS |= getattr(import_module(f"documented.{module.name}"), "LAYOUTS", {})
