"""The Runs tab: every mistake can be had as a table, and a result that is drawn is not sent again."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from bertdemo.i18n.translation import translate
from bertdemo.runs import events as ev
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.api.endpoints import Endpoints
from bertdemo.ui.page import Visit
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.runs.layout import layout
from bertdemo.ui.updates import Updates
from tests.runs.support import request_for, rows_of, started, write_csv
from tests.ui.fine_tune.support import tab as fine_tune_tab
from tests.ui.pages import empty_page


def tab(services: Services) -> Callbacks:
    """The listeners of a tab that is drawn on a page of its own."""
    with empty_page(services) as page:
        return Callbacks(page, layout(page))


def path_of(calls: Callbacks, updates: Updates) -> Path:
    """The file that the browser is handed."""
    button = updates[calls.parts.download]
    return Path(button["value"] if isinstance(button, dict) else button.value["path"])


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.fixture
def run(services: Services, tmp_path: Path) -> str:
    """A finished run with 600 mistakes, one of them a formula to a spreadsheet."""
    registry = services.registry
    run = registry.create(request_for(write_csv(tmp_path / "a.csv", rows_of(12)), checkpoint="bundled"), "")
    wrong = {"label": "no", "predicted": "yes", "confidence": 0.75}
    texts = ["=1+1", *(f"text {i}" for i in range(599))]
    lines = [json.dumps({"row": i + 2, "text": text, **wrong}) for i, text in enumerate(texts)]
    (registry.folder(run) / "evaluation.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    registry.append(run, started(seq=2))
    metrics = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}
    end = ev.Finished(
        seq=3, attempt=1, at=time.time(), checkpoint="", metrics=metrics, evaluated_on="test", rows=600, seconds=1
    )
    registry.append(run, end)
    return run


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_mistakes_are_in_the_csv_and_none_of_them_is_a_formula(services: Services, run: str, lang: str) -> None:
    calls = tab(services)
    with path_of(calls, calls.csv(run, "mistakes", "", lang)).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][1] == translate(lang, "role_word.text")
    assert rows[1] == ["2", "'=1+1", "no", "yes", "0.750000"]
    assert len(rows) == 601


def test_the_timer_sends_the_opened_run_once(services: Services, run: str) -> None:
    calls = tab(services)
    state, listing = calls.parts.state, calls.parts.listing
    first = calls.watch(run, "", "", "", "en")
    assert "bd-mistake-table" in first[calls.parts.pictures.result]
    assert 'data-csv="mistakes"' in first[calls.parts.pictures.result]
    second = calls.watch(run, first[state.drawn], first[state.listed], "", "en")
    assert second[state.drawn] == first[state.drawn]
    assert set(second) == {state.drawn, state.listed, listing.filter, state.timer}  # nor the list, as nothing changed
    assert listing.runs in calls.watch(run, first[state.drawn], "of another language", "", "zh")
    assert "bd-mistake-table" in calls.watch(run, first[state.drawn], "", "", "zh")[calls.parts.pictures.result]


def exported(services: Services, data: Path, task: str, metric: str, row: dict[str, object]) -> list[list[str]]:
    """Return the CSV of a run of `task` that kept this one mistake."""
    registry = services.registry
    run = registry.create(replace(request_for(data, checkpoint="bundled"), task=task), "")
    text = json.dumps({"row": 2, "label": "a", "predicted": "b", "right": False, **row})
    (registry.folder(run) / "evaluation.jsonl").write_text(text + "\n", encoding="utf-8")
    registry.append(run, replace(started(seq=2), metric=metric, labels=()))
    registry.append(run, ev.Finished(
        seq=3, attempt=1, at=time.time(), checkpoint="", metrics={metric: {"value": 0.5, "low": None, "high": None}},
        evaluated_on="test", rows=1, seconds=1,
    ))  # fmt: skip
    calls = tab(services)
    with path_of(calls, calls.csv(run, "mistakes", "", "en")).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("task", "metric", "row", "expected"),
    [
        (
            "question_answering", "f1", {"text": "Who?", "pair": "Anna won.", "confidence": 0.5},
            [["line", "question", "passage", "label", "predicted", "confidence"],
             ["2", "Who?", "Anna won.", "a", "b", "0.500000"]],
        ),
        (
            "pair", "accuracy", {"text": "one", "pair": "two", "confidence": 0.75},
            [["line", "text", "second text", "label", "predicted", "confidence"],
             ["2", "one", "two", "a", "b", "0.750000"]],
        ),
        (
            "search", "recall_at_10", {"text": "q", "pair": "a", "rank": 14},
            [["line", "text", "second text", "label", "ranked first", "documents ranked above it"],
             ["2", "q", "a", "a", "b", "13"]],
        ),
        (
            "search", "recall_at_10", {"text": "q", "pair": "a", "confidence": 1 - 1 / 14},  # an older run's
            [["line", "text", "second text", "label", "ranked first", "documents ranked above it"],
             ["2", "q", "a", "a", "b", "13"]],
        ),
        (
            "similarity", "spearman", {"text": "one", "pair": "two", "error": 0.31},
            [["line", "text", "second text", "label", "predicted", "error (share of the scale)"],
             ["2", "one", "two", "a", "b", "0.310000"]],
        ),
    ],
    ids=["questions", "pairs", "search", "search of an older run", "similarity"],
)  # fmt: skip
def test_the_csv_of_mistakes_holds_all_that_was_read_and_names_its_number(
    services: Services, tmp_path: Path, task: str, metric: str, row: dict[str, object], expected: list[list[str]]
) -> None:
    data = write_csv(tmp_path / "a.csv", rows_of(12))
    assert exported(services, data, task, metric, row) == expected


def test_the_list_reads_no_run_whole_and_neither_does_a_timer_over_an_ended_run(
    services: Services, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tab(services)
    followed = fine_tune_tab(services)
    drawn = calls.watch(run, "", "", "", "en")[calls.parts.state.drawn]
    mark = str(followed.runs.arrive(Visit("en", "", run, "", ""), None)[followed.parts.state.drawn])
    read: list[str] = []
    monkeypatch.setattr(services.registry, "read", lambda run_id, owner: read.append(run_id))
    calls.refresh(calls.listed("", "en"), "en")
    calls.watch(run, drawn, "", "", "en")
    followed.runs.tick({"run": run}, "run", mark, "", "en")
    assert [found["run_id"] for found in Endpoints(services).runs()] == [run]
    assert read == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_link_to_a_run_that_is_gone_says_so_and_no_run_says_to_choose_one(services: Services, lang: str) -> None:
    calls = tab(services)
    assert translate(lang, "runs.lost") in str(calls.show("20260101-000000-gone", "", lang)[calls.parts.title])
    assert translate(lang, "runs.choose") in str(calls.show("", "", lang)[calls.parts.title])


@pytest.fixture
def open_page() -> Iterator[None]:
    """Requests come from one open page."""
    LocalContext.request.set(SimpleNamespace(session_hash="one"))  # type: ignore[arg-type]
    yield
    LocalContext.request.set(None)


@pytest.mark.usefixtures("open_page")
def test_a_late_answer_about_a_run_does_not_open_it_again(
    services: Services, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tab(services)
    parts = calls.parts
    shows = Callbacks.show

    def slow(self: Callbacks, opened: str, key: str, lang: str) -> Updates:
        """Go back to the list while the run is drawn."""
        answer = shows(self, opened, key, lang)
        if opened:
            calls.back("", "en")
        return answer

    late = [
        lambda: calls.arrive(Visit("en", "runs", run, "", "")),
        lambda: calls.choose("", "en", SimpleNamespace(run=run)),
        lambda: calls.come(run, "", "", "en"),
        lambda: calls.watch(run, "", "", "", "en"),
        lambda: calls.tick(run, "", "en"),
    ]
    for ask in late:
        calls.open_runs.opens(run)
        monkeypatch.setattr(Callbacks, "show", shows)
        assert parts.box in ask()
        monkeypatch.setattr(Callbacks, "show", slow)
        answer = ask()
        assert parts.listing.runs in answer
        assert not {parts.box, parts.title, parts.listing.box, parts.state.opened, parts.state.drawn} & set(answer)
