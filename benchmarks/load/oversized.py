"""Requests without a file that are larger than any the server takes: how much of them it reads, and keeps."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks.load.process import watched
from benchmarks.load.scenarios import Site
from benchmarks.row import Row

MB = 1_000_000
_PIECE = 64 * 1024
_BOUNDARY = "----bertdemo"
_FIELD = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="note"\r\n\r\n'.encode()


async def oversized(site: Site) -> list[Row]:
    """A field of 120 MB, JSON of 60 MB, and 20 fields of 31 MB at once, each declared and in chunks."""
    field = f"multipart/form-data; boundary={_BOUNDARY}"
    sent = (
        ("a text field of 120 MB", "/gradio_api/upload", field, 120 * MB, 1),
        ("JSON of 60 MB", "/gradio_api/queue/join", "application/json", 60 * MB, 1),
        ("20 text fields of 31 MB at once", "/gradio_api/upload", field, 31 * MB, 20),
    )
    rows = []
    for what, path, kind, size, count in sent:
        for chunked in (False, True):
            async with watched(site.pid) as watch:
                answers = await asyncio.gather(*(post(site, path, kind, size, chunked=chunked) for _ in range(count)))
                await asyncio.sleep(1)
            grown = (watch.peak - watch.start.rss) / MB
            statuses = Counter(status for status, _ in answers)
            told = f"{dict(statuses)}, at most {max(read for _, read in answers) / MB:.1f} MB taken, {grown:+.1f} MB"
            refused = set(statuses) <= {413, 0}
            form = "in chunks" if chunked else "declared"
            rows.append(Row(f"{what}, {form}", told, "413, < 20 MB", refused and grown < 20))
    return rows


def body_of(kind: str, size: int) -> Iterator[bytes]:
    """Yield the body in pieces."""
    yield _FIELD if kind.startswith("multipart") else b'{"data": ["'
    for _ in range(size // _PIECE):
        yield b"x" * _PIECE


async def post(site: Site, path: str, kind: str, size: int, *, chunked: bool) -> tuple[int, int]:
    """Send until the server answers or hangs up; return its status, 0 for none, and the bytes that it took."""
    address = urlsplit(site.door.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    length = "transfer-encoding: chunked" if chunked else f"content-length: {size + len(_FIELD)}"
    writer.write(f"POST {path} HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-type: {kind}\r\n{length}\r\n\r\n".encode())
    answer = asyncio.create_task(reader.read(4096))
    taken = 0
    try:
        for piece in body_of(kind, size):
            if answer.done():
                break
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await asyncio.wait_for(writer.drain(), 20)
            taken += len(piece)
        told = await asyncio.wait_for(answer, 20)
    except (OSError, TimeoutError):
        told = answer.result() if answer.done() and not answer.exception() else b""
    writer.close()
    match = re.match(rb"HTTP/1.1 (\d+)", told)
    return (int(match[1]) if match else 0), taken
