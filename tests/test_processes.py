"""Locks, identities and atomic files, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from bertdemo import processes
from bertdemo.processes import Identity, hold, is_held, write_atomic
from tests.runs.support import eventually

_HOLDER = """
import sys, time, os
from pathlib import Path
from bertdemo.processes import hold
with hold(Path(sys.argv[1])):
    if "fork" in sys.argv:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def holder(lock: Path, *words: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Start a child that holds the lock; return it with what it said until then."""
    root = str(Path(__file__).resolve().parents[1])
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(lock), *words],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    said = [child.stdout.readline().strip()]
    while said[-1] != "held":
        said.append(child.stdout.readline().strip())
        assert said[-1], "the child has died"
    return child, said[:-1]


@pytest.fixture
def reap() -> Iterator[list[int]]:
    """Kill the processes whose ids a test leaves here."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_lock_that_nobody_ever_took_is_free(lock: Path) -> None:
    assert not is_held(lock)
    assert not lock.exists()


def test_a_child_holds_its_lock_until_it_is_killed(lock: Path, reap: list[int]) -> None:
    child, _ = holder(lock)
    reap.append(child.pid)
    assert is_held(lock)
    child.kill()
    child.wait()
    assert not is_held(lock)


def test_a_forked_child_does_not_keep_the_lock(lock: Path, reap: list[int]) -> None:
    child, (forked,) = holder(lock, "fork")
    reap.extend([child.pid, int(forked)])
    assert is_held(lock)
    child.kill()
    child.wait()
    assert psutil.pid_exists(int(forked))
    eventually(lambda: not is_held(lock), 5)


def test_a_holder_lets_go_at_the_end_of_its_block(lock: Path) -> None:
    with hold(lock):
        assert is_held(lock)
    assert not is_held(lock)


def test_many_probes_at_once_never_claim_that_a_free_lock_is_held(lock: Path) -> None:
    lock.touch()
    gate = threading.Barrier(8)

    def probe() -> list[bool]:
        gate.wait()
        return [is_held(lock) for _ in range(50)]

    with ThreadPoolExecutor(8) as executor:
        answers = [future.result() for future in [executor.submit(probe) for _ in range(8)]]
    assert not any(any(answer) for answer in answers)


def test_a_worker_takes_its_lock_while_others_probe_it(lock: Path) -> None:
    stop = threading.Event()

    def probe() -> None:
        while not stop.is_set():
            is_held(lock)

    with ThreadPoolExecutor(2) as executor:
        for _ in range(2):
            executor.submit(probe)
        try:
            for _ in range(50):
                with hold(lock):
                    pass
        finally:
            stop.set()


def test_a_process_is_told_apart_from_a_later_one_with_its_pid() -> None:
    own = Identity.of()
    assert own.alive()
    assert not Identity(own.pid, own.started - 100).alive()


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = Identity.of(child.pid)
    assert identity.alive()
    child.kill()
    eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE, 10)
    assert not identity.alive()
    child.wait()
    assert not identity.alive()


def test_a_session_is_killed_with_all_in_it_and_only_if_it_is_that_process(lock: Path, reap: list[int]) -> None:
    child, (forked,) = holder(lock, "fork")
    reap.extend([child.pid, int(forked)])
    identity = Identity.of(child.pid)
    processes.kill_session(Identity(child.pid, identity.started - 100))
    assert identity.alive()
    processes.kill_session(identity)
    child.wait()
    eventually(lambda: not lives(int(forked)), 10)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_file_is_written_whole_and_privately(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, "old")
    write_atomic(path, "新\u2028")
    assert path.read_bytes() == "新\u2028".encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, "0" * 100_000)
    stop = threading.Event()

    def read() -> set[int]:
        seen = set()
        while not stop.is_set():
            text = path.read_text()
            seen.add(len(text) if len(set(text)) == 1 else -1)
        return seen

    with ThreadPoolExecutor(1) as executor:
        reader = executor.submit(read)
        for digit in "123456789" * 5:
            write_atomic(path, digit * 100_000)
        stop.set()
    assert reader.result() == {100_000}


def test_a_spawned_module_writes_its_log_and_gets_only_its_environment(tmp_path: Path) -> None:
    (tmp_path / "say.py").write_text(
        "import os, sys; print(sorted(os.environ), sys.argv[1:], os.getsid(0) == os.getpid())"
    )
    log = tmp_path / "log"
    env = {"PYTHONPATH": str(tmp_path), "LC_ALL": "C.UTF-8"}
    child = processes.spawn("say", ["a b", "$HOME"], env=env, cwd=tmp_path, log=log)
    assert child.wait(timeout=60) == 0
    assert log.read_text() == "['LC_ALL', 'PYTHONPATH'] ['a b', '$HOME'] True\n"
