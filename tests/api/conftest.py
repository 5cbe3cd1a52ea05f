"""Two servers and a trained run on each, shared by all tests of this folder: this machine alone, and a Space."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api.caller import Caller
from tests.e2e.server import Server
from tests.tiny import build_tiny_checkpoint

FILE_BYTES = 200_000
"""The upload limit of the local server."""
ROWS = 48


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Trained:
    """A run that has finished: who called, its id, every status on the way, and the file that it learned from."""

    caller: Caller
    run_id: str
    statuses: list[dict[str, Any]]
    data: Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of short reviews, as a spreadsheet would save it."""
    return write_rows(tmp_path_factory.mktemp("data") / "reviews.csv", review_rows(ROWS))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    yield from running(
        Server(tmp_path_factory.mktemp("local") / "home", tiny, {"BERTDEMO_MAX_FILE_BYTES": f"{FILE_BYTES}"})
    )


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    yield from running(Server(tmp_path_factory.mktemp("space") / "home", tiny, {"SPACE_ID": "somebody/bertdemo"}))


@pytest.fixture(scope="session")
def caller(local: Server) -> Caller:
    return Caller(local.url)


@pytest.fixture(scope="session")
def trained(caller: Caller, reviews: Path) -> Trained:
    """A finished run on the local server."""
    return train(caller, reviews)


@pytest.fixture(scope="session")
def anna(space: Server, reviews: Path) -> Trained:
    """A visitor of the Space who has trained a checkpoint."""
    return train(newcomer(space), reviews)


@pytest.fixture(scope="session")
def ben(space: Server) -> Caller:
    """Another visitor of the Space."""
    return newcomer(space)


def running(server: Server) -> Iterator[Server]:
    """Start it, lend it, end it; nothing in its log may be an error of ours."""
    try:
        server.start()
        yield server
        log = server.log.read_text(encoding="utf-8", errors="replace")
        assert not re.search(r"^error [0-9a-f]{8}\b", log, re.MULTILINE), log[-6000:]
    finally:
        server.close()


def newcomer(server: Server) -> Caller:
    caller = Caller(server.url)
    caller.owner = caller.call("new_owner").value["owner"]
    return caller


def train(caller: Caller, data: Path, checkpoint: str = "local:tiny", **more: Any) -> Trained:
    """Fine-tune the tiny checkpoint for one epoch."""
    begun = caller.call(
        "start_run", file=caller.upload(data), checkpoint=checkpoint, config={"epochs": 1, "batch_size": 4}, **more
    )
    assert begun.ok, begun.raw
    run_id = begun.value["run_id"]
    return Trained(caller, run_id, caller.wait(run_id, "finished"), data)


def review_rows(count: int) -> list[tuple[str, str]]:
    """Return reviews that are all different, with two labels in turn."""
    good, bad = ("good", "great", "nice", "love"), ("bad", "poor", "awful", "hate")
    rows = []
    for i in range(count):
        words = good if i % 2 == 0 else bad
        rows.append((f"the {words[i // 2 % 4]} film, number {i}", "pos" if i % 2 == 0 else "neg"))
    return rows


def write_rows(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([header, *rows])
    return path
