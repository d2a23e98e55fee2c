"""One file from the web: whole and checked under its name, or not at all."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..core.errors import ReadError, WriteError
from ..core.files import hold, may_replace, scratch_path, write_text, writing
from ..core.jsonfile import JsonValue
from ..core.progress import Progress
from ..core.publish import publish, remove
from .access.remote import without_query
from .access.servers import refused
from .access.web import FAILURES, TIMEOUT_S, persist, refuse_offline
from .checksums import Checksum, Digests, checksum_of

_PIECE_BYTES = 1 << 18
_WAIT_S = 3600.0
"""How long a download waits for another process that fetches the same file."""

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PAGE = "text/html"
_FIX = "delete it, and download again"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file came from; kept beside it as `NAME.origin.json`."""

    address: str
    """Without a query, which may hold a signature."""
    bytes: int
    sha256: str
    fetched: str
    """When, ISO 8601, UTC."""

    @staticmethod
    def path_of(path: Path) -> Path:
        """Where the origin of a file is kept."""
        return path.with_name(f"{path.name}.origin.json")

    @classmethod
    def read(cls, path: Path) -> Origin | None:
        """The origin of a file; None where none was kept.

        Raises:
            ReadError: what was kept is damaged.
        """
        try:
            kept = JsonValue.read(cls.path_of(path), ReadError, _FIX)
        except FileNotFoundError:
            return None
        sha256 = Checksum("sha256", kept["sha256"].text()).digits
        return cls(kept["address"].text(), kept["bytes"].whole(0), sha256, kept["fetched"].text())


def download(
    address: str,
    path: str | Path,
    *,
    checksum: Checksum | str | None = None,
    most: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Bring a file from the web.

    A download that was stopped goes on where it was, if the server can and its file is the same still; a
    connection that breaks is taken up again. One process fetches, others that want the same file wait.
    What comes gets its name when it is whole and its checksum is right. What is there already is taken as it
    is, if it was fetched or checked before; else it is checked first.

    Args:
        address: http or https. An answer that leads from https to http is not followed.
        path: The file to write. Its `Origin` is kept beside it, and outlives it: where no checksum is given,
            a later download of the same name has to bring the same bytes.
        checksum: `Checksum`, or text such as `md5:...`; the first 8 or more digits are enough.
        most: Bytes that the file may have; None allows any that fit on the disk.
        overwrite: Fetch again what is there.
        progress: Called with (bytes that came, bytes of the file or 0 where the server does not say).

    Returns:
        `path`.

    Raises:
        ReadError: the server refuses or cannot be reached, what it sends is another file or too large, or
            `GEOLOOM_OFFLINE=1` forbids to ask.
        WriteError: there is no room or no right to write.
    """
    path = Path(path)
    wanted = Checksum.parse(checksum) if isinstance(checksum, str) else checksum
    if path.is_file() and not overwrite:
        return _checked(path, wanted)
    may_replace(path, overwrite=True)
    _require_web(address)
    refuse_offline(address)
    with hold(path, wait_s=_WAIT_S), writing(path):
        if path.is_file() and not overwrite:  # another process brought it meanwhile
            return _checked(path, wanted)
        _fetch(address, path, wanted, most, progress)
    return path


def _checked(path: Path, wanted: Checksum | None) -> Path:
    """A file that is there, once it is known to be the right one."""
    origin = Origin.read(path)
    same_size = origin is not None and origin.bytes == path.stat().st_size
    if wanted is None and (origin is None or same_size):
        return path
    if same_size and origin is not None and wanted is not None and wanted.algorithm == "sha256":
        found = origin.sha256
    elif wanted is None:
        assert origin is not None  # the first case otherwise
        raise ReadError(
            f"{path} has {path.stat().st_size:,} bytes, and {origin.bytes:,} were fetched; {_FIX}"
        )
    else:
        found = checksum_of(path, wanted.algorithm)
    if wanted is not None and not wanted.matches(found):
        raise ReadError(
            f"{path} has the checksum {wanted.algorithm}:{found}, expected {wanted}; {_FIX}"
        )
    return path


def _require_web(address: str) -> None:
    if urlsplit(address).scheme not in ("http", "https"):
        raise ReadError(f"{address!r} is no web address; expected one that begins with https://")


def _fetch(
    address: str, path: Path, wanted: Checksum | None, most: int | None, progress: Progress | None
) -> None:
    pinned = Origin.read(path)
    transfer = _Transfer(address, path, most, progress, known=wanted is not None)
    resumed = transfer.have > 0
    while True:
        try:
            persist(transfer.go_on, lambda: transfer.furthest)
        except FAILURES as error:
            raise ReadError(_refusal(address, path, error, transfer.have)) from error
        digests = Digests(["sha256", *([wanted.algorithm] if wanted is not None else [])])
        digests.add_file(transfer.scratch)
        if wanted is None or wanted.matches(digests.of(wanted.algorithm)):
            break
        start = transfer.start_of()
        transfer.forget()
        if not resumed:
            raise ReadError(
                f"{without_query(address)} sends a file of the checksum "
                f"{wanted.algorithm}:{digests.of(wanted.algorithm)}, expected {wanted}; it begins with "
                f"{start!r}. Either it was changed or it is damaged on the way: try again, or look at it"
            )
        resumed = False  # its first part may have been of an earlier file
    sha256 = digests.of("sha256")
    if wanted is None and pinned is not None and pinned.sha256 != sha256:
        transfer.forget()
        raise ReadError(
            f"{without_query(address)} sends another file than on {pinned.fetched[:10]} (sha256 {sha256}, "
            f"before {pinned.sha256}); if you trust it, delete {Origin.path_of(path)} and try again"
        )
    size = transfer.scratch.stat().st_size
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    origin = Origin(without_query(address), size, sha256, now)
    write_text(Origin.path_of(path), json.dumps(asdict(origin), indent=2) + "\n", within=path)
    publish(transfer.scratch, path)
    transfer.forget()


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of the server's file; kept beside the part that came."""

    address: str
    validator: str = ""
    """ETag or date by which the server tells one version from another."""
    total: int = 0


class _Transfer:
    """The bytes of a file on their way to its scratch name."""

    def __init__(
        self, address: str, path: Path, most: int | None, progress: Progress | None, *, known: bool
    ) -> None:
        self.scratch = scratch_path(path)
        self.furthest = 0
        """Bytes of the file that some try of this run has come to: what is sent again is no progress."""
        self._address, self._path, self._most, self._progress = address, path, most, progress
        self._note = scratch_path(path, ".json")
        self._known = known
        self._opener = build_opener(_Redirects)
        self._state = self._kept()
        if not self._may_resume():
            self.forget()

    @property
    def have(self) -> int:
        """Bytes that are there."""
        return self.scratch.stat().st_size if self.scratch.is_file() else 0

    def forget(self) -> None:
        """Drop what came."""
        remove(self.scratch)
        remove(self._note)
        self._state = _State(self._address)

    def start_of(self) -> bytes:
        """The first bytes, for messages."""
        with self.scratch.open("rb") as file:
            return file.read(16)

    def go_on(self) -> None:
        """Ask for what is missing, and write it.

        Raises:
            ReadError: what the server offers may not be taken.
        """
        have = self.have
        if have and have == self._state.total:
            return
        headers = {"User-Agent": "geoloom", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self._state.validator:
                headers["If-Range"] = self._state.validator
        try:
            answer = self._opener.open(Request(self._address, headers=headers), timeout=TIMEOUT_S)
        except HTTPError as error:
            if error.code != 416 or not have:
                raise
            self.forget()  # the server's file is no longer than the part that is here: begin anew
            self.go_on()
            return
        with answer:
            at, total = _place(answer, have)
            self._check_room(total, at)
            if at == 0:
                self._begin(answer.headers, total)
            self._take(answer, at)
        if self._state.total and self.have < self._state.total:
            raise ConnectionError(f"broken off after {self.have:,} of {self._state.total:,} bytes")

    def _begin(self, headers: Mapping[str, str], total: int) -> None:
        if headers.get("Content-Encoding", "identity") != "identity":
            raise ReadError(
                f"{without_query(self._address)} is sent in the encoding {headers['Content-Encoding']}, "
                "not as the file itself; fetch it by hand"
            )
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == _PAGE and self._path.suffix.lower() not in (".html", ".htm"):
            raise ReadError(
                f"{without_query(self._address)} answers with a web page instead of a file: perhaps one to "
                f"sign in or to agree on; open it in a browser, and save the file as {self._path} by hand"
            )
        etag = headers.get("ETag", "")
        validator = headers.get("Last-Modified", "") if etag.startswith("W/") else etag
        self._state = _State(self._address, validator or headers.get("Last-Modified", ""), total)
        remove(self.scratch)
        self._note.write_text(json.dumps(asdict(self._state)), encoding="utf-8")

    def _check_room(self, total: int, at: int) -> None:
        if self._most is not None and total > self._most:
            raise ReadError(self._too_large(f"{total:,} bytes"))
        free = shutil.disk_usage(self.scratch.parent).free
        if total - at > free:
            raise WriteError(
                f"{without_query(self._address)} needs {total - at:,} bytes more, and the disk of "
                f"{self.scratch.parent} has {free:,}; free some space or write to another disk"
            )

    def _too_large(self, size: str) -> str:
        return (
            f"{without_query(self._address)} has {size}, and at most {self._most:,} are expected; "
            "check the address"
        )

    def _take(self, answer: Any, at: int) -> None:
        with self.scratch.open("ab") as file:
            file.truncate(at)
            while piece := answer.read(_PIECE_BYTES):
                at += len(piece)
                if self._most is not None and at > self._most:
                    self.forget()
                    raise ReadError(self._too_large("more"))
                file.write(piece)
                self.furthest = max(self.furthest, at)
                if self._progress is not None:
                    self._progress(at, self._state.total)

    def _kept(self) -> _State:
        with suppress(OSError, ValueError, TypeError):
            return _State(**json.loads(self._note.read_text(encoding="utf-8")))
        return _State("")

    def _may_resume(self) -> bool:
        """Whether the part that is here can be known to be of the same file as the rest."""
        same = self._state.address == self._address
        return same and bool(self.have) and (self._known or bool(self._state.validator))


def _place(answer: Any, have: int) -> tuple[int, int]:
    """Where the answer's bytes begin in the file, and how many the file has (0: not said)."""
    length = int(answer.headers.get("Content-Length") or 0)
    if answer.status != 206:
        return 0, length
    found = _RANGE.match(answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != have:
        raise HTTPException(
            f"asked for the bytes from {have:,} on, answered are {found and found[0]}"
        )
    return have, have + length if found[3] == "*" else int(found[3])


class _Redirects(HTTPRedirectHandler):
    """Follows a server elsewhere, but not from a safe connection to an open one."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise ReadError(
                f"{without_query(req.full_url)} leads from https to {without_query(newurl)}; give an address "
                "that keeps to https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refusal(address: str, path: Path, error: Exception, have: int) -> str:
    where = without_query(address)
    if isinstance(error, HTTPError):
        return f"{where} cannot be fetched: {refused(error)}"
    kept = (
        f"; the {have:,} bytes that came are kept, and the next download goes on from there"
        if have
        else ""
    )
    by_hand = f"or fetch it where there is a connection, and put it to {path}"
    return f"{where} cannot be fetched ({error}){kept}; check your connection, {by_hand}"
