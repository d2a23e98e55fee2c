"""A small web server of a folder that answers ranges and remembers what it was asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_TRUE_BYTES = 1 << 16
_ASKED, _BEHAVE = ".asked", ".behave"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a server answers."""

    token: str | None = None
    """Where set, only addresses whose query has `token=` and this are answered; others with 403."""
    failures: dict[str, int] = field(default_factory=dict)
    """Path -> how many of the next requests are answered with 503."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Path -> with which status all requests are answered."""
    drops: dict[str, int] = field(default_factory=dict)
    """Path -> how many of the next answers with a body break off half way, and the connection with them."""
    stalls: dict[str, int] = field(default_factory=dict)
    """Path -> how many of the next answers with a body fall silent half way, the connection left open."""
    shift: int = 0
    """By how many bytes the ranges answered lie beside those asked for, where these begin after the first
    64 KiB; the answer says so."""
    ranges: bool = True
    """Whether ranges are answered; else each request with the whole file."""
    kind: str = ""
    """Content-Type of all answers with a file."""
    delay_s: float = 0.0
    """How long every answer waits, as over a long line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    """Within the folder, without the query."""
    query: str
    range: str | None
    """As the header has it, such as `bytes=0-16383`."""
    status: int
    sent: int
    """Bytes of the answer's body."""
    body: str = ""
    """Of a POST."""


@dataclass(frozen=True, slots=True)
class FolderServer:
    """A server that runs."""

    port: int

    def address(self, path: str = "") -> str:
        """The address of a file in the folder."""
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def asked(self) -> list[Asked]:
        """Every request so far."""
        return [Asked(**request) for request in self._state()["asked"]]

    @property
    def most_at_once(self) -> int:
        """The most requests that were under way at the same moment."""
        return int(self._state()["most_at_once"])

    def sent(self, path: str = "") -> int:
        """Bytes sent of the files whose paths end so."""
        return sum(request.sent for request in self.asked if request.path.endswith(path))

    def requests(self, path: str = "") -> int:
        """How many requests were made for the files whose paths end so."""
        return sum(request.path.endswith(path) for request in self.asked)

    def behave(self, **behaviour: Any) -> None:
        """Change some fields of the server's `Behaviour`."""
        urlopen(self.address(_BEHAVE), json.dumps(behaviour).encode()).read()

    def _state(self) -> dict[str, Any]:
        with urlopen(self.address(_ASKED)) as answer:
            state: dict[str, Any] = json.load(answer)
        return state


@contextmanager
def serving(folder: str | Path, **behaviour: Any) -> Iterator[FolderServer]:
    """Serve a folder on this machine, on a free port, while the block runs.

    The server is a process of its own: GDAL keeps Python's lock during some requests, so that a thread
    could not answer it. A POST is answered with the file of its path and `.json`; where its JSON body has
    a `token`, with `path-token.json`.

    Args:
        folder: What to serve.
        behaviour: Fields of `Behaviour`.

    Example:
        >>> Path("a.txt").write_text("hello")
        5
        >>> with serving(".") as server:
        ...     text = urlopen(server.address("a.txt")).read()
        ...     print(text, server.sent("a.txt"))
        b'hello' 5
    """
    command = [sys.executable, "-m", __name__, str(Path(folder).absolute())]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None  # asked for above
    try:
        server = FolderServer(int(process.stdout.readline()))
        if behaviour:
            server.behave(**behaviour)
        yield server
    finally:
        process.communicate()  # the server ends with its input


class _Service:
    """What the server's process knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.behaviour = Behaviour()
        self.asked: list[Asked] = []
        self.busy = self.most_at_once = 0
        self.lock = threading.Lock()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path, wanted = unquote(parts.path).lstrip("/"), handler.headers.get("Range")
        posted = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if path in (_ASKED, _BEHAVE):
            _send(handler, 200, self._control(posted), {})
            return
        with self.lock:
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
        time.sleep(self.behaviour.delay_s)
        only_if = handler.headers.get("If-Range")
        status, body, headers = self._reply(
            handler.command, path, parts.query, wanted, only_if, posted
        )
        sent = 0 if handler.command == "HEAD" else len(body)
        with self.lock:
            self.busy -= 1
            text = posted.decode()
            self.asked.append(Asked(handler.command, path, parts.query, wanted, status, sent, text))
        with self.lock:
            breaks = bool(sent) and _counted_down(self.behaviour.drops, path)
            stalls = bool(sent) and _counted_down(self.behaviour.stalls, path)
        _send(handler, status, body, headers, whole=not (breaks or stalls))
        if stalls:
            handler.wfile.flush()
            handler.connection.recv(1)  # until the client hangs up

    def _control(self, posted: bytes) -> bytes:
        with self.lock:
            if posted:
                self.behaviour = replace(self.behaviour, **json.loads(posted))
            state = {
                "asked": [asdict(request) for request in self.asked],
                "most_at_once": self.most_at_once,
            }
        return json.dumps(state).encode()

    def _reply(
        self,
        method: str,
        path: str,
        query: str,
        wanted: str | None,
        only_if: str | None,
        posted: bytes,
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of the answer."""
        with self.lock:
            failing = self.behaviour.failures.get(path, 0)
            self.behaviour.failures[path] = failing - 1
        if failing > 0:
            return 503, b"try again", {}
        if path in self.behaviour.statuses:
            return self.behaviour.statuses[path], b"as asked", {}
        if self.behaviour.token not in (None, *parse_qs(query).get("token", ())):
            return 403, b"no token", {}
        if method == "POST":
            token = json.loads(posted).get("token")
            path = f"{path}.json" if token is None else f"{path}-{token}.json"
        file = self.folder / path
        if not file.is_file():
            return 404, b"", {}
        size = file.stat().st_size
        headers = {"Accept-Ranges": "bytes", "ETag": _tag(file)}
        if self.behaviour.kind:
            headers["Content-Type"] = self.behaviour.kind
        match = _RANGE.match(wanted or "") if self.behaviour.ranges else None
        if match is None or method == "HEAD" or only_if not in (None, _tag(file)):
            return 200, file.read_bytes(), headers
        first = int(match[1])
        last = min(int(match[2] or size), size - 1)
        if first >= _TRUE_BYTES:
            first, last = (max(0, end - self.behaviour.shift) for end in (first, last))
        if first > last:
            return 416, b"", {"Content-Range": f"bytes */{size}"}
        with file.open("rb") as opened:
            opened.seek(first)
            body = opened.read(last - first + 1)
        return 206, body, {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}


def _counted_down(left: dict[str, int], path: str) -> bool:
    """Whether an answer is one of those that are left, which are then one fewer."""
    count = left.get(path, 0)
    left[path] = max(0, count - 1)
    return count > 0


def _tag(file: Path) -> str:
    """By which a client tells one version of a file from another."""
    return f'"{zlib.crc32(file.read_bytes()):08x}"'


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict[str, str],
    *,
    whole: bool = True,
) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body if whole else body[: len(body) // 2])
    if not whole:
        handler.close_connection = True


def _serve(folder: str) -> None:
    """Serve until the standard input ends; the first line of the output is the port."""
    service = _Service(Path(folder))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            service.answer(self)

        do_HEAD = do_POST = do_GET  # noqa: N815 - as the base class calls them

        def log_message(self, *_: Any) -> None:
            """Nothing: the service remembers instead."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    sys.stdout.write(f"{listener.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve(sys.argv[1])
