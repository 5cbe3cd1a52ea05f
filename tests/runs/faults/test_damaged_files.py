"""Whatever becomes of the files of one run, its readers raise and invent nothing, and others are untouched."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bertdemo.runs import events as ev
from bertdemo.runs.event_log import EventLog, ends_of
from bertdemo.runs.registry import Registry, RunView
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.faults.damaged import read, views, written
from tests.runs.support import created

DEEP = b"[" * 100_000 + b"]" * 100_000
FLIPS = 10_000
# Of each file, in `make test`.
_SLICE = 40


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


@pytest.fixture
def own_settings(home: Path) -> Settings:
    settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
    settings.runs.mkdir()
    return settings


@pytest.fixture
def run(own_settings: Settings, registry: Registry, tmp_path: Path) -> str:
    return written(own_settings, registry, tmp_path)


@pytest.fixture
def other(registry: Registry, data: Path) -> Callable[[], None]:
    """Check that another run, and one of another owner, are as they were."""
    mine, theirs = created(registry, data), created(registry, data, owner="them")

    def seen() -> tuple[RunView, RunView]:
        return registry.read(mine, ""), registry.read(theirs, "them")

    before = seen()

    def check() -> None:
        assert mine in registry.ids("") and theirs in registry.ids(None)
        assert registry.ids("them") == [theirs]
        assert seen() == before

    return check


def files_of(folder: Path) -> list[str]:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    return [name for name in names if (folder / name).stat().st_size]


def test_events_cut_at_any_byte_are_read_as_far_as_they_are_whole(registry: Registry, run: str) -> None:
    path = registry.folder(run) / "events.jsonl"
    whole = path.read_bytes()
    events = ev.parse(whole.decode())
    path.write_bytes(b"")
    log, before = EventLog(path), 0
    every = range(len(whole) + 1)
    for cut in sweep.cases(every, 0, 600):
        path.write_bytes(whole[:cut])  # of the same file, which grows
        for found in (log.read(), EventLog(path).read()):
            assert list(found) == events[: len(found)]
            assert len(found) >= before
        before = len(found)
        state = ev.state_of(found, lock_held=False, exit_code=None, now=0.0)
        assert state == ("finished" if len(found) == len(events) else "interrupted" if len(found) != 1 else "queued")
        ends = ends_of(path, held=False)
        assert ends is None or list(ends) == list(found)
    path.write_bytes(whole)
    assert list(log.read()) == events


def test_flipped_bytes_in_any_file_raise_nothing_and_invent_nothing(
    registry: Registry, run: str, other: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = registry.folder(run)
    events = ev.parse((folder / "events.jsonl").read_text(encoding="utf-8"))
    names = files_of(folder)
    assert len(names) >= 14
    for name in names:
        path, generator = folder / name, random.Random(name)
        whole = path.read_bytes()
        for turn in range(FLIPS if sweep.WHOLE else _SLICE):
            damaged = bytearray(whole)
            for _ in range(generator.randint(1, 5)):
                damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
            path.write_bytes(damaged)
            read(registry, run, name)
            if name == "events.jsonl":
                found = ev.parse(damaged.decode("utf-8", errors="replace"))
                assert all(event in events for event in found), damaged
                assert [event.seq for event in found] == sorted({event.seq for event in found})
            if turn % 1000 == 0:
                caplog.clear()  # each damaged file is logged
                other()
        path.write_bytes(whole)
        registry._forget(run)
        other()
    views(registry, run)


def test_a_folder_or_endless_brackets_in_place_of_any_file_harm_that_run_alone(
    registry: Registry, run: str, other: Callable[[], None]
) -> None:
    folder = registry.folder(run)
    for name in [*files_of(folder), "cancel", "lock", "killed", "deleted"]:
        path = folder / name
        whole = path.read_bytes() if path.exists() else None
        path.write_bytes(DEEP)
        read(registry, run, name)
        other()
        path.unlink()
        path.mkdir()
        read(registry, run, name)
        other()
        path.rmdir()
        if whole is not None:
            path.write_bytes(whole)
    resume = folder / "resume"
    shutil.rmtree(resume)
    resume.write_text("")
    read(registry, run, "resume")


@pytest.mark.parametrize("seq", ["100000000000000000000000", "1e23", "-1", "true", "9223372036854775808"])
def test_an_event_with_a_number_that_was_never_written_is_skipped(registry: Registry, run: str, seq: str) -> None:
    path = registry.folder(run) / "events.jsonl"
    before = registry.read(run, "")
    with path.open("a", encoding="utf-8") as file:
        file.write(f'{{"kind": "queued", "seq": {seq}, "attempt": 2, "at": 1.0, "not_exact": false, "crc": "0"}}\n')
        line = ev.to_line(ev.Queued(9, 2, 1.0))
        file.write(line.replace('"seq": 9', f'"seq": {seq}'))
    view = registry.read(run, "")
    assert (view.state, view.events) == (before.state, before.events) and view.state == "finished"


def test_a_line_of_an_earlier_version_has_no_checksum_and_is_read() -> None:
    event = ev.Queued(1, 1, 1.0)
    line = ev.to_line(event)
    bare = line[: line.index(', "crc"')] + "}"
    assert ev.parse(bare + "\n") == [event]
    assert ev.parse(bare[:-1] + ', "crd": "01234567"}\n') == []
    assert ev.parse(bare[:-1] + ', "crc": "01234567"}\n') == []
