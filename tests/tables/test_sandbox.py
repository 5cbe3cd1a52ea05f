"""A file is read by a process that has limits; what becomes of that process is told in words."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from bertdemo import errors
from bertdemo.settings import MIB, Limits, Settings
from bertdemo.tables import sandbox, table_files
from bertdemo.tables.sandbox import read_limited
from bertdemo.tables.table_files import ParseOptions

pytestmark = pytest.mark.slow


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, so that a test can see that none is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_table_comes_back_as_if_it_had_been_read_here(upload: Callable[[bytes], Path], scratch: Path) -> None:
    path = upload("文本;n\n好;1\n很差;2\n".encode("gb18030"))
    options = ParseOptions(encoding="gb18030", header="1")
    here, there = table_files.read(path, "a.csv", Limits(), options), read_limited(path, "a.csv", Limits(), options)
    assert dict(there.columns) == dict(here.columns)
    assert (there.name, tuple(there.row_numbers), there.notes, there.detected) == (
        here.name, here.row_numbers, here.notes, here.detected,
    )  # fmt: skip
    assert list(scratch.iterdir()) == []


def test_the_table_is_kept_where_it_is_wanted(
    upload: Callable[[bytes], Path], settings: Settings, tmp_path: Path
) -> None:
    target = tmp_path / "run" / "data.parquet"
    target.parent.mkdir()
    read_limited(upload(b"a,b\nc,d\n"), "a.csv", Limits(), settings=settings, target=target)
    assert dict(table_files.open(target).columns) == {"a": ("c",), "b": ("d",)}
    assert [item.name for item in target.parent.iterdir()] == ["data.parquet"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", b"", errors.FileEmpty),
        ("a.xyz", b"x", errors.FileKindUnknown),
        ("a.jsonl", b'{"a": 1}\n{', errors.LineBroken),
        ("a.csv", b"text\n" + b"x" * 200_000, errors.CellTooLong),
        ("a.xlsx", b"PK\x03\x04", errors.FileBroken),
    ],
)
def test_an_error_of_the_child_is_the_same_error_here(
    name: str, content: bytes, error: type[errors.TableError], upload: Callable[[bytes], Path], scratch: Path
) -> None:
    path = upload(content)
    with pytest.raises(error) as there:
        read_limited(path, name, Limits())
    with pytest.raises(error) as here:
        table_files.read(path, name, Limits())
    assert there.value.values == here.value.values
    assert list(scratch.iterdir()) == []


def test_a_file_beyond_the_reader_s_memory_is_too_much(upload: Callable[[bytes], Path], scratch: Path) -> None:
    content = json.dumps([{"a": i, "b": [i]} for i in range(300_000)]).encode()
    with pytest.raises(errors.ReadingTooMuch) as caught:
        read_limited(upload(content), "a.json", Limits(read_memory_bytes=450 * MIB))
    assert caught.value.values["file"] == "a.json"
    assert list(scratch.iterdir()) == []


def test_a_reader_that_computes_too_long_is_stopped(upload: Callable[[bytes], Path]) -> None:
    content = b"text,label\n" + b"some words,x\n" * 1_500_000
    with pytest.raises(errors.ReadingTooLong) as caught:
        read_limited(upload(content), "a.csv", Limits(read_seconds=1))
    assert caught.value.values == {"file": "a.csv", "seconds": 1}


def test_a_reader_that_hangs_is_stopped_and_leaves_no_process(
    upload: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = sandbox.processes.spawn, []

    def asleep(module: str, arguments: Any, **rest: Any) -> Any:
        child = real("timeit", ["-n1", "-r1", "import time; time.sleep(60)"], **rest)
        seen.append(child.pid)
        return child

    monkeypatch.setattr(sandbox.processes, "spawn", asleep)
    monkeypatch.setattr(sandbox, "_GRACE", 0.5)
    with pytest.raises(errors.ReadingTooLong):
        read_limited(upload(b"a\nb\n"), "a.csv", Limits(read_seconds=0))
    assert not psutil.pid_exists(seen[0])


def test_a_reader_that_dies_is_told_of(upload: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    real = sandbox.processes.spawn
    crash = ["-n1", "-r1", "import os; os.abort()"]
    monkeypatch.setattr(sandbox.processes, "spawn", lambda module, arguments, **rest: real("timeit", crash, **rest))
    with pytest.raises(errors.ReadingTooMuch):
        read_limited(upload(b"a\nb\n"), "a.csv", Limits())


def test_the_reader_gets_no_secret(
    upload: Callable[[bytes], Path], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}
    real = sandbox.processes.spawn

    def watched(module: str, arguments: Any, **rest: Any) -> Any:
        seen.update(rest["env"])
        return real(module, arguments, **rest)

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(sandbox.processes, "spawn", watched)
    read_limited(upload(b"a\nb\n"), "a.csv", Limits(), settings=settings)
    assert "hf_secret" not in seen.values()
    assert seen["HF_HUB_OFFLINE"] == "1"


def test_a_file_is_refused_in_words_while_too_many_are_being_read(
    upload: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, most, entered, go = sandbox.processes.spawn, 2, threading.Semaphore(0), threading.Event()

    def held(module: str, arguments: Any, **rest: Any) -> Any:
        entered.release()
        assert go.wait(20)
        return real(module, arguments, **rest)

    monkeypatch.setattr(sandbox.processes, "spawn", held)
    monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 0.05)
    sandbox._readers.cache_clear()
    path, limits = upload(b"a\nb\n"), Limits(concurrent_readings=most)
    with ThreadPoolExecutor(most) as pool:
        reading = [pool.submit(read_limited, path, "a.csv", limits) for _ in range(most)]
        for _ in reading:
            assert entered.acquire(timeout=20)
        with pytest.raises(errors.ServerBusy):
            read_limited(path, "a.csv", limits)
        go.set()
        assert [dict(future.result().columns) for future in reading] == [{"a": ("b",)}] * most
    assert dict(read_limited(path, "a.csv", limits).columns) == {"a": ("b",)}
    sandbox._readers.cache_clear()
