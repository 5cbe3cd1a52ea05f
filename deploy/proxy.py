"""The two pages around an app on a Space: a reverse proxy with a root path, and a page of another site that frames it.

    with framed_app(port, "/space") as frame:
        page.goto(frame.outer)      # http://localhost:…, whose frame shows http://127.0.0.1:…/space/

`localhost` and `127.0.0.1` are different sites to a browser, so what the app stores is storage of a third party. The
proxy passes bytes on as they come, because Gradio answers with streams of events.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

# Bytes of a request's first line and headers that are accepted.
_MOST_HEAD = 64 * 1024
# Bytes that are passed on at a time.
_CHUNK = 64 * 1024
# What the page of a Space lets the app in its frame do.
SANDBOX = (
    "allow-downloads allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-same-origin "
    "allow-scripts allow-storage-access-by-user-activation"
)
_PAGE = """<!doctype html><html lang="en"><title>A page around the app</title>
<style>body {{ margin: 0 }} iframe {{ border: 0; width: 100%; height: 100vh }}</style>
<iframe id="app" src="{address}" allow="clipboard-read; clipboard-write" sandbox="{sandbox}"></iframe></html>"""


@dataclass(frozen=True)
class Framed:
    """Where the app is now."""

    outer: str
    """The page of the other site, with the app in its frame; its query goes on to the app."""
    inner: str
    """The app itself behind the proxy, without a slash at its end."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return cast(int, self.server_address[1])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


@contextmanager
def framed_app(port: int, prefix: str) -> Iterator[Framed]:
    """Serve the app at `port` below the path `prefix`, and a page of another site around it."""
    proxy = _Server(_proxy(port, prefix))
    inner = f"http://127.0.0.1:{proxy.port}{prefix}"
    outer = _Server(_page(inner))
    with proxy.serving(), outer.serving():
        yield Framed(f"http://localhost:{outer.port}/", inner)


def _proxy(port: int, prefix: str) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # a browser that left, a server that restarts: the next request tells
                head, rest = _head(self.request)
                if not head:
                    return
                forwarded = _forwarded(head, prefix)
                if forwarded is None:
                    self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", port)) as app:
                    app.sendall(forwarded + rest)
                    threading.Thread(target=_pass_on, args=(self.request, app), daemon=True).start()
                    _pass_on(app, self.request)

    return Handler


def _page(inner: str) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                head, _ = _head(self.request)
                query = urlsplit(head.split(b" ")[1].decode("ascii")).query if head else ""
                body = _PAGE.format(address=f"{inner}/?{query}".replace("&", "&amp;"), sandbox=SANDBOX).encode()
                lines = ["HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}"]
                self.request.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)

    return Handler


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read up to the empty line; return the head with it, and what came after."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _MOST_HEAD:
        part = connection.recv(_CHUNK)
        if not part:
            return b"", b""
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _forwarded(head: bytes, prefix: str) -> bytes | None:
    """Return the head as the app gets it, one request per connection; None for a path outside the prefix."""
    first, *lines = head[:-4].split(b"\r\n")
    method, path, version = first.split(b" ", 2)
    if not (path == prefix.encode() or path.startswith((f"{prefix}/".encode(), f"{prefix}?".encode()))):
        return None
    headers = [line for line in lines if not line.lower().startswith((b"connection:", b"x-forwarded-"))]
    host = next((line.split(b":", 1)[1].strip() for line in lines if line.lower().startswith(b"host:")), b"")
    headers += [b"Connection: close", b"X-Forwarded-Host: " + host, b"X-Forwarded-Proto: http",
                b"X-Forwarded-For: 127.0.0.1"]  # fmt: skip
    target = path[len(prefix) :] or b"/"
    target = target if target.startswith(b"/") else b"/" + target
    return b"\r\n".join([b" ".join([method, target, version]), *headers, b"", b""])


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, then tell the target that no more come."""
    with suppress(OSError):
        while part := source.recv(_CHUNK):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
