"""Things that users name, and the programs of users and packages that add to them."""

from __future__ import annotations

from .plugins import load_known_plugins, load_plugin
from .registry import Registry

__all__ = ["Registry", "load_known_plugins", "load_plugin"]
