"""A small HTTP server that answers as the Hub does, for what huggingface_hub 2.4 asks of it.

    with HubDouble() as hub:
        hub.add("owner/tiny", folder)
        hub.fail("owner/closed", "gated")
        hub.add_data("owner/reviews", {"data/train.csv": b"…"})
        settings = replace(settings, hub_endpoint=hub.url)

`fail` scripts a repository: not_found, gated, stalled, error_500, cut_off (the first `times` answers to a GET of
the weights end half way; with `dead` everything after that is dropped), wrong_bytes. `hub.requests` counts
(method, path); a data set is "datasets/owner/name". Files above 100 KB are announced as LFS files with their
SHA-256, the others by their git SHA-1.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from tests.hub_double.writing import Writing

How = Literal["not_found", "gated", "stalled", "error_500", "cut_off", "wrong_bytes"]
LFS_BYTES = 100_000
_API = re.compile(r"/api/(?:models/)?((?:datasets/)?[^/]+/[^/]+)(?:/revision/[^/]+)?")
_FILE = re.compile(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """Files of one repository and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    how: How | None = None
    times: int = 0
    dead: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that the metadata claim instead of the true ones."""
    fragile: str = "model.safetensors"
    """The file that cut_off and wrong_bytes are about."""

    @property
    def commit(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for name in sorted(self.files):
            digest.update(name.encode() + self.files[name])
        return digest.hexdigest()


class HubDouble:
    """The server; use it as a context manager. Safe to script while it runs."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.writing = Writing()
        """What is created and committed here."""
        self.requests: Counter[tuple[str, str]] = Counter()
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        """Set when the server stops, so that a stalled answer ends."""
        self.connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address to give as HF_ENDPOINT, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop answering: from now on a connection is refused, and those that clients keep alive are closed."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def add(self, repo_id: str, folder: Path, *, without: tuple[str, ...] = (), **changed: bytes | None) -> Repository:
        """Serve the files of `folder`, some left out; `config_json=b"…"` replaces config.json."""
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        files |= {re.sub(r"_(json|txt|safetensors|bin)$", r".\1", name): data or b"" for name, data in changed.items()}
        self.repositories[repo_id] = Repository({name: data for name, data in files.items() if name not in without})
        return self.repositories[repo_id]

    def add_data(self, repo_id: str, files: Mapping[str, bytes]) -> Repository:
        """Serve a data set; its last file is the one that can break off."""
        repository = Repository(dict(files), fragile=max(files))
        self.repositories[f"datasets/{repo_id}"] = repository
        return repository

    def fail(self, repo_id: str, how: How | None, *, times: int = 1, dead: bool = False) -> None:
        """Script a repository (made when there is none); None lets it behave again."""
        repository = self.repositories.setdefault(repo_id, Repository({"config.json": b'{"model_type": "bert"}'}))
        repository.how, repository.times, repository.dead = how, times, dead

    def count(self, suffix: str = "", method: str = "") -> int:
        """Return how many requests came for paths with that ending."""
        return sum(
            number for (verb, path), number in self.requests.items() if path.endswith(suffix) and method in {"", verb}
        )


def sibling(repository: Repository, name: str) -> dict[str, Any]:
    """Return the metadata of one file as `?blobs=true` gives them."""
    data = repository.files[name]
    size = repository.sizes.get(name, len(data))
    git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"rfilename": name, "blobId": git, "size": size}
    if len(data) > LFS_BYTES:
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 134}
    return entry


def _handler(hub: HubDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            hub.connections.add(self.connection)

        def finish(self) -> None:
            hub.connections.discard(self.connection)
            super().finish()

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests[self.command, path] += 1
            hub.headers.append({name.lower(): value for name, value in self.headers.items()})
            length = int(self.headers.get("Content-Length") or 0)
            sent = {name.lower(): value for name, value in self.headers.items()}
            written = hub.writing.answer(self.command, path, sent, self.rfile.read(length))
            if written is not None:
                self.reply(written[0], json.dumps(written[1]).encode(), {"Content-Type": "application/json"})
                return
            api, file = _API.fullmatch(path), _FILE.fullmatch(path)
            repository = hub.repositories.get((api or file).group(1)) if api or file else None
            if repository is None or repository.how == "not_found":
                # What an anonymous visitor gets for a private and for a missing repository alike.
                self.refuse(401, "RepoNotFound", "Invalid username or password.")
            elif repository.how == "stalled":
                hub.released.wait(60)
                self.close_connection = True
            elif repository.how == "error_500":
                self.refuse(500, "", "Internal error")
            elif api:
                self.describe(api.group(1), repository)
            elif file:
                self.file(repository, file.group(3))

        def describe(self, repo_id: str, repository: Repository) -> None:
            body = {
                "_id": "0", "id": repo_id.removeprefix("datasets/"), "modelId": repo_id, "author": "owner",
                "sha": repository.commit, "private": False,
                "gated": "manual" if repository.how == "gated" else False, "disabled": False, "tags": [],
                "downloads": 0, "siblings": [sibling(repository, name) for name in sorted(repository.files)],
            }  # fmt: skip
            self.reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

        def file(self, repository: Repository, name: str) -> None:
            commit = {"X-Repo-Commit": repository.commit}
            if repository.how == "gated":
                return self.refuse(403, "GatedRepo", "Access to this model is restricted.")
            if name not in repository.files:
                return self.refuse(404, "EntryNotFound", "Entry not found", commit)
            data, facts = repository.files[name], sibling(repository, name)
            headers = {**commit, "Accept-Ranges": "bytes", "ETag": f'"{facts["blobId"]}"'}
            if "lfs" in facts:
                headers |= {"X-Linked-Etag": f'"{facts["lfs"]["sha256"]}"', "X-Linked-Size": str(facts["size"])}
            if repository.how == "wrong_bytes" and name == repository.fragile:
                data = data[:-8] + bytes(8)[: len(data)]
            return self.content(repository, name, data, headers)

        def content(self, repository: Repository, name: str, data: bytes, headers: dict[str, str]) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked.group(1)) if asked else 0
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            cutting = repository.how == "cut_off" and self.command == "GET" and name == repository.fragile
            if cutting and repository.times > 0:
                repository.times -= 1
                self.reply(206 if asked else 200, data[start:], headers, cut=(len(data) - start) // 2)
            elif cutting and repository.dead:
                self.close_connection = True
            else:
                self.reply(206 if asked else 200, data[start:], headers)

        def refuse(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
            names = {"X-Error-Code": code} if code else {}
            self.reply(
                status,
                json.dumps({"error": message}).encode(),
                {**names, "X-Error-Message": message, **(headers or {})},
            )

        def reply(self, status: int, body: bytes, headers: dict[str, str], *, cut: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.close_connection = True

    return Handler
