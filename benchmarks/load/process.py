"""What the server takes meanwhile: memory, threads and open files, looked at twice a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil

_EVERY = 0.5


@dataclass(frozen=True)
class Usage:
    """Resident bytes, threads and open files of the server itself, without its children."""

    rss: int
    threads: int
    files: int

    @classmethod
    def of(cls, process: psutil.Process) -> Usage:
        """Look at it now."""
        with process.oneshot():
            return cls(process.memory_info().rss, process.num_threads(), process.num_fds())


@dataclass
class Watch:
    """The first, the largest and the last look."""

    start: Usage
    end: Usage
    peak: int = 0

    @property
    def words(self) -> str:
        """All of it for a table."""
        start, end = self.start, self.end
        return (
            f"{start.rss / 1e6:.0f}, {self.peak / 1e6:.0f}, {end.rss / 1e6:.0f} MB; "
            f"{start.threads}, {end.threads} threads; {start.files}, {end.files} files"
        )


@contextlib.asynccontextmanager
async def watched(pid: int) -> AsyncIterator[Watch]:
    """Look at the process while the block runs."""
    process = psutil.Process(pid)
    watch = Watch(Usage.of(process), Usage.of(process))
    watch.peak = watch.start.rss

    async def look() -> None:
        while True:
            watch.peak = max(watch.peak, Usage.of(process).rss)
            await asyncio.sleep(_EVERY)

    task = asyncio.create_task(look())
    try:
        yield watch
    finally:
        task.cancel()
        watch.end = Usage.of(process)
        watch.peak = max(watch.peak, watch.end.rss)
