"""The program of a user's own network, by name and contents: noted in a model, never run from there."""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ..core.jsonfile import JsonValue

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where a network's builder was defined when the model was trained."""

    name: str
    """Module and name of the builder, such as `my_networks.tiny`."""
    sha256: str | None = None
    """Of the module's source; None where there is none to be found, as in an interactive session."""

    @classmethod
    def of(cls, builder: Callable[..., Any]) -> Plugin:
        """The program of a builder."""
        module = getattr(builder, "__module__", None) or "unknown"
        name = f"{module}.{getattr(builder, '__qualname__', type(builder).__qualname__)}"
        try:
            source = inspect.getsource(inspect.getmodule(builder) or builder)
        except (OSError, TypeError):
            return cls(name)
        return cls(name, hashlib.sha256(source.encode()).hexdigest())

    def compare(self, other: Plugin, where: str) -> None:
        """Warn, through logging, where the program here is another than the one that a model was made with.

        Args:
            other: Of the network registered here under the model's name.
            where: The model, for the message.
        """
        if None not in (self.sha256, other.sha256) and self.sha256 != other.sha256:
            log.warning(
                "%s was trained with another version of %s than the one registered here (%s): if the network "
                "computes something else now, its answers are wrong",
                where,
                self.name,
                other.name,
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonValue) -> Plugin:
        """What `to_dict` wrote; raises as the value's own `error`."""
        digest = value.get("sha256")
        return cls(value["name"].text(), None if digest is None else digest.text())
