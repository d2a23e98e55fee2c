"""Where the addresses in a document may lead: an untrusted catalogue reaches only what is public."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from ...core.errors import DatasetError
from ...io.access.remote import without_query

Allowed: TypeAlias = Literal["safe", "anywhere"] | Sequence[str]
"""`safe`: from remote documents no local files; to hosts of a private network only from themselves.
`anywhere`: no limit. Or hosts, addresses and folders that are reached besides what is safe."""

IN_MEMORY = ""
"""Origin of what was handed over in memory: the caller's own, which may lead anywhere."""

_PRIVATE_ENDS = (".localhost", ".local", ".internal", ".home.arpa")
_HOST = re.compile(r"(?:https?|ftp)://(?:[^/@?#]*@)?(\[[^]]*\]|[^/:?#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reach:
    """What documents may lead to.

    Raises:
        DatasetError: `allowed` is neither a word known nor a list of texts.
    """

    allowed: Allowed = "safe"

    def __post_init__(self) -> None:
        if isinstance(self.allowed, str):
            if self.allowed not in ("safe", "anywhere"):
                raise DatasetError(
                    f"reach is {self.allowed!r}; expected 'safe', 'anywhere', or a list of hosts, addresses "
                    "and folders"
                )
        else:
            object.__setattr__(self, "allowed", tuple(str(prefix) for prefix in self.allowed))

    def require(self, target: str, origin: str, whose: str) -> None:
        """Refuse an address that a document may not lead to.

        Args:
            target: Absolute.
            origin: Where the document that names it was found; `IN_MEMORY` for the caller's own.
            whose: What names it, for messages.

        Raises:
            DatasetError: it leads beyond the reach; the message says how to allow it.
        """
        if self.allowed == "anywhere" or origin == IN_MEMORY or self._is_listed(target):
            return
        hosts = [host.strip("[]").lower() for host in _HOST.findall(target)]
        own = [host.strip("[]").lower() for host in _HOST.findall(origin)]
        private = next((host for host in hosts if is_private(host) and host not in own), None)
        if private is not None:
            what, allow = f"the private host {private}", private
        elif is_far(origin) and not is_far(target):
            what, allow = "a local file", os.path.dirname(target)  # noqa: PTH120 - maybe no path
        elif _directs(target):
            what, allow = "directions to other places", target
        else:
            return
        raise DatasetError(
            f"{whose} leads from {without_query(origin)} to {what}, {without_query(target)}, where no "
            f"untrusted document should; if you trust it, StacDataset(..., reach=[{allow!r}]) or "
            "reach='anywhere' opens it"
        )

    def _is_listed(self, target: str) -> bool:
        if isinstance(self.allowed, str):
            return False
        host = (urlsplit(target).hostname or "") if "://" in target else ""
        return any(
            prefix == host or target == prefix or target.startswith(f"{prefix.rstrip('/')}/")
            for prefix in self.allowed
        )


def _directs(target: str) -> bool:
    """Whether GDAL would follow what a file says, far from the eyes of any check: a VRT elsewhere."""
    bare = target.partition("?")[0].lower()
    return bare.startswith("vrt:") or (
        bare.endswith(".vrt") and (is_far(bare) or bare.startswith("/vsi"))
    )


def is_far(address: str) -> bool:
    """Whether an address is one of a network, not a path of this machine."""
    return "://" in address and not address.startswith(("file:", "/vsi"))


def is_private(host: str) -> bool:
    """Whether a host is this machine or one of a private network, judged by its name.

    Example:
        >>> [is_private(h) for h in ("localhost", "169.254.169.254", "10.1", "0x7f000001", "example.org")]
        [True, True, True, True, False]
    """
    if host == "localhost" or host.endswith(_PRIVATE_ENDS):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # short and hexadecimal forms
        except (OSError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global
