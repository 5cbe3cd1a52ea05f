"""Reading an untrusted file: a child process with limits does it, this process only opens the result.

Whatever the file does to its parser, the server gets a table or one clear error, and its memory is not touched.
"""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import psutil

from bertdemo import processes
from bertdemo.errors import ReadingTooLong, ReadingTooMuch, from_key
from bertdemo.settings import Limits, Settings
from bertdemo.slots import Slots
from bertdemo.tables import table_files
from bertdemo.tables.formats import size_text
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.sandbox_main import ANSWER
from bertdemo.tables.table import Table

_MODULE = "bertdemo.tables.sandbox_main"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
# Seconds for the child to start.
_GRACE = 5.0
# A file of a million rows is read in less; a longer wait would hold one of the 40 threads that serve the page.
_WAIT_SECONDS = 30.0


@lru_cache(maxsize=4)
def _readers(count: int, per_address: int) -> Slots:
    """Return the slots for reading a file, shared by all callers: each child may take gigabytes of memory."""
    return Slots(count, _WAIT_SECONDS, per_address)


def read_limited(
    path: Path,
    name: str,
    limits: Limits,
    options: ParseOptions = DECIDE,
    *,
    settings: Settings | None = None,
    target: Path | None = None,
) -> Table:
    """Return the table in the file at `path` as `table_files.read` would, read by a child process.

    The table is kept in the Parquet file `target`; without one it lives in a deleted file as long as it is in use.
    The child gets `settings.worker_env()`, or an empty environment. Raises what `table_files.read` raises,
    ReadingTooLong after `limits.read_seconds`, ReadingTooMuch where the child ran out of memory or died, and
    ServerBusy where too many files are being read.
    """
    name = table_files.check(path, name, limits)
    slots = _readers(limits.concurrent_readings, limits.readings_per_address)
    with slots.hold(), tempfile.TemporaryDirectory(prefix="bertdemo-read-") as folder:
        work = Path(folder)
        draft = work / "table.parquet" if target is None else target.with_name(f".tmp-{work.name}")
        try:
            _run(path, name, limits, options, draft, work, _environment(settings, folder))
            if target is None:
                return table_files.open(draft)
            draft.replace(target)
            return table_files.open(target)
        finally:
            draft.unlink(missing_ok=True)  # a mapped file outlives its name


def _environment(settings: Settings | None, folder: str) -> dict[str, str]:
    """Return the child's whole environment; its temporary files are deleted with `folder`."""
    inherited: Mapping[str, str] = settings.worker_env() if settings else {}
    path = inherited.get("PYTHONPATH", "")
    return {
        **inherited,
        "PYTHONPATH": f"{_PACKAGE_PARENT}:{path}" if path else str(_PACKAGE_PARENT),
        "TMPDIR": folder,
        "PYTHONDONTWRITEBYTECODE": "1",
        # Other allocators reserve far more address space than they use, and RLIMIT_AS counts what is reserved.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _run(
    path: Path, name: str, limits: Limits, options: ParseOptions, draft: Path, work: Path, env: Mapping[str, str]
) -> None:
    """Let the child write `draft`; raise the error that it answers, or what its exit code means."""
    job_file = work / "job.json"
    job = {
        "path": str(path.resolve()),
        "name": name,
        "limits": asdict(limits),
        "options": options.to_fields(),
        "target": str(draft.resolve()),
    }
    processes.write_atomic(job_file, json.dumps(job))
    child = processes.spawn(_MODULE, [str(job_file)], env=env, cwd=work, log=work / "log")
    identity = _identity(child)
    try:
        # The child limits its own processor time; half as much again by the clock, because others share the machine.
        code = child.wait(timeout=limits.read_seconds * 1.5 + _GRACE)
    except subprocess.TimeoutExpired:
        raise ReadingTooLong(file=name, seconds=limits.read_seconds) from None
    finally:
        if child.poll() is None:
            if identity is not None:
                processes.kill_session(identity)
            child.kill()
            child.wait()
    _raise_failure(code, name, path, limits, work)


def _identity(child: subprocess.Popen[bytes]) -> processes.Identity | None:
    try:
        return processes.Identity.of(child.pid)
    except psutil.NoSuchProcess:
        return None


def _raise_failure(code: int, name: str, path: Path, limits: Limits, work: Path) -> None:
    """Raise the error behind an exit code or an answer; return where the child has written the table."""
    if code == -signal.SIGXCPU:
        raise ReadingTooLong(file=name, seconds=limits.read_seconds)
    try:
        answer = json.loads((work / ANSWER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReadingTooMuch(file=name, size=size_text(path.stat().st_size)) from None
    if answer:
        raise from_key(answer["error"], answer["values"])
