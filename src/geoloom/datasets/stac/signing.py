"""Addresses that are signed when they are used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...core.query import Scene
from ...io.access.remote import is_remote

Sign = Callable[[str], str]
"""Address as the catalogue has it -> the address to read."""

_KEPT = 8192
_KEPT_S = 600.0
"""A signed address is used so long: signing again at each read would lose all that was read before."""


class Signer:
    """Signs remote addresses, each again when it has become old or was refused.

    Guarantee: safe to be used by several threads. Local paths stay as they are.

    Args:
        sign: What signs; a function of a module, where the dataset is to be sent to other processes.

    Example:
        >>> signer = Signer(lambda address: f"{address}?sig=1")
        >>> signer("https://example.org/a.tif"), signer("/data/a.tif")
        ('https://example.org/a.tif?sig=1', '/data/a.tif')
    """

    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self._signed: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"sign": self._sign}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["sign"])  # type: ignore[misc]  # as if new

    def __call__(self, uri: str) -> str:
        """The address to read now."""
        if not is_remote(uri):
            return uri
        with self._lock:
            known = self._signed.get(uri)
        if known is not None and time.monotonic() - known[0] < _KEPT_S:
            return known[1]
        signed = self._sign(uri)
        with self._lock:
            if len(self._signed) >= _KEPT:
                self._signed.clear()
            self._signed[uri] = time.monotonic(), signed
        return signed

    def scene(self, scene: Scene) -> Scene:
        """The scene with its addresses signed."""
        return replace(scene, assets=tuple(replace(a, uri=self(a.uri)) for a in scene.assets))

    def forget(self) -> None:
        """Sign everything again from now on."""
        with self._lock:
            self._signed.clear()
