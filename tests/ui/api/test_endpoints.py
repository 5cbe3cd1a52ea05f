"""What the endpoints hand on, without a server between."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import TextMissing
from bertdemo.services import Services
from bertdemo.serving.inspector import Question
from bertdemo.settings import PUBLIC_LIMITS, Settings
from bertdemo.slots import Visitor, visited_by
from bertdemo.ui.api.endpoints import Endpoints
from tests.runs.support import machine, rows_of, settings_with, write_csv


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    built = Services.create(settings_with(home))
    built.admission.devices_found(machine())
    yield built
    built.close()


@pytest.mark.parametrize("columns", [None, {"text": "text", "label": "label"}])
def test_a_run_keeps_the_baselines_that_a_check_found(
    services: Services, tmp_path: Path, columns: dict[str, str] | None
) -> None:
    path, calls = write_csv(tmp_path / "data.csv", rows_of(24)), Endpoints(services)
    reached = calls.check_data(str(path))["baseline"]
    run = calls.start_run(str(path), columns=columns)["run_id"]
    kept = services.registry.read(run, "").request.baselines
    assert set(kept) == {"majority", "tfidf", "frozen"}
    assert kept["frozen"] == reached["frozen"]


def test_what_was_noted_while_a_file_was_read_is_among_the_findings(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    lines = [f"{text},{label}" for text, label in rows_of(24)]
    path.write_text("\n".join(["Survey 2026,", "text,label", *lines, "alone", "", "too,many,cells"]), encoding="utf-8")
    found = {one["code"]: one for one in Endpoints(Services.create(settings)).check_data(str(path))["findings"]}
    assert all(set(one) == {"level", "code", "message", "rows"} for one in found.values())
    assert found["short_rows"]["level"] == "warn" and found["short_rows"]["rows"] == [27]
    assert found["long_rows"]["rows"] == [29] and found["above_header"]["rows"] == [1]
    assert "Rows with too few cells: 1 (line 27)" in found["short_rows"]["message"]


def test_few_texts_are_inspected_at_once_and_one_address_leaves_a_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = replace(settings, limits=PUBLIC_LIMITS)
    services, going, most = Services.create(public), list[int](), list[int]()
    stranger, entered, done = Visitor("1.1.1.1", "stranger"), threading.Event(), threading.Event()

    def look(question: Question, owner: str) -> object:
        going.append(1)
        most.append(len(going))
        entered.set()
        assert question.text == "other" or done.wait(20)
        going.pop()
        raise TextMissing

    monkeypatch.setattr(services.inspector, "look", look)
    calls = Endpoints(services)

    def inspect(who: Visitor, text: str) -> None:
        with visited_by(who), contextlib.suppress(TextMissing):
            calls.inspect(text)

    threads = [threading.Thread(target=inspect, args=(stranger, "long")) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(20)
    inspect(Visitor("2.2.2.2", "other"), "other")  # answered although the stranger's have not ended
    assert most == [1, 2]
    done.set()
    for thread in threads:
        thread.join()
    assert max(most) == 2 and len(most) == 5
