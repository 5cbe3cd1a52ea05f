"""Locks, child processes and signals, the same on Linux and macOS (Windows is not tested).

A run is alive exactly as long as its worker holds the run's lock; the operating system releases it when the process
ends, however it ends. A process is identified by pid *and* start time, because pids are reused.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from bertdemo.faults import fault

# Two probes of this process at once would take each other for a holder of the lock.
_PROBE = threading.Lock()


@dataclass(frozen=True)
class Identity:
    """One process, distinguished from a later one with the same pid."""

    pid: int
    started: float
    """Seconds since the epoch, as the operating system reports it."""

    @classmethod
    def of(cls, pid: int | None = None) -> Identity:
        """Return the identity of a live process (of this one when no pid is given)."""
        pid = os.getpid() if pid is None else pid
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Return whether this process is still running; a zombie is not."""
        try:
            process = psutil.Process(self.pid)
            # The start time is computed from the boot time, which the clock may shift by a fraction of a second.
            same = abs(process.create_time() - self.started) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock at `path` while the block runs; waits for a probe, which holds it for a moment."""
    lock = FileLock(path, mode=0o600, thread_local=False)
    with lock.acquire(timeout=5, poll_interval=0.005):
        yield


def is_held(path: Path) -> bool:
    """Return whether another process holds the lock at `path`. Costs tens of microseconds."""
    if not path.exists():
        return False
    with _PROBE:
        for _ in range(2):
            lock = FileLock(path, mode=0o600, is_singleton=False, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                time.sleep(0.002)  # a probe of another server takes microseconds: try again
            except IsADirectoryError:  # nobody can hold what is no file
                return False
            else:
                lock.release()
                return False
    return True


def spawn(
    module: str,
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    piped: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `python -m module` in its own session, with its output in a file so that no reader is needed.

    With `piped`, standard input is a pipe whose end of file tells the child that the server has ended.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            # Nothing reads an unpiped child's input: it must not wait for the terminal of the server.
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            close_fds=True,
            start_new_session=True,  # so that kill_session reaches everything that the child starts
        )


def lower_priority() -> None:
    """Let the server have the processor first: a worker calls this for itself."""
    with contextlib.suppress(OSError):
        os.nice(10)
    with contextlib.suppress(OSError):  # Linux: out of memory, the kernel should kill the worker, not the server
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def kill_session(identity: Identity) -> None:
    """Kill a session leader and its whole session; does nothing where the process has ended."""
    if identity.alive():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(identity.pid, signal.SIGKILL)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk, so that what was published survives a power failure."""
    fault("sync")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a small file so that a reader sees either the old or the new content."""
    fault("write")
    draft = path.with_name(f".tmp-{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            fault("sync")
            os.fsync(file.fileno())
        fault("replace")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # it exists only where the write failed


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex, without reading it into memory at once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Of glibc's mallopt: M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, with what they are set to.
_MALLOC = ((-8, 2), (-3, 4 * 1024 * 1024), (-1, 16 * 1024 * 1024))


def return_freed_memory() -> None:
    """Let glibc give back what was freed; call it before there are threads. Elsewhere it does nothing.

    By default each of 40 threads keeps freed memory in an arena of its own, up to tensors of 32 MB: after 16 texts of
    512 tokens were inspected at once the server kept 1.0 GB more, and with two arenas, and tensors from 4 MB on taken
    from the system, 0.1 GB.
    """
    with contextlib.suppress(OSError, AttributeError):  # no glibc, as on macOS
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _MALLOC:
            mallopt(parameter, value)
