"""A file of a run that stands half on the disk, or holds what it should not, never costs a visitor the page."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from bertdemo import tasks
from bertdemo.checkpoints import Card
from bertdemo.checkpoints.info import owner_sha256
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.dataset import stored
from bertdemo.processes import Identity
from bertdemo.run_config import RunConfig
from bertdemo.runs import admission
from bertdemo.runs import events as ev
from bertdemo.runs.liveness.process_files import note_exit, note_process, process_of
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.tables import table_files
from bertdemo.ui.api.endpoints import Endpoints
from bertdemo.ui.hooks import Hook, call_all
from bertdemo.ui.page import Visit
from bertdemo.ui.runs import callbacks as runs
from bertdemo.ui.runs.layout import layout
from bertdemo.ui.updates import Updates
from tests import sweep
from tests.runs.support import request_for, rows_of, started, write_csv
from tests.ui.fine_tune.support import tab
from tests.ui.pages import empty_page

DEEP = b"[" * 10_000 + b"]" * 10_000
ROW = {"row": 2, "text": "好 film", "label": "no", "predicted": "yes", "confidence": 0.75}


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.fixture
def run(services: Services, tmp_path: Path) -> str:
    """An ended run whose folder holds a file of every kind."""
    registry = services.registry
    source = write_csv(tmp_path / "a.csv", rows_of(12))
    request = request_for(source, checkpoint="bundled")
    run = registry.create(request, "", admission.checked(request, services.datasets, services.settings.limits))
    folder = registry.folder(run)
    registry.append(run, started(seq=2))
    registry.append(run, ev.Failed(3, 1, time.time(), message="error.disk_full", values={}))
    (folder / "evaluation.jsonl").write_text(json.dumps(ROW, ensure_ascii=False) + "\n", encoding="utf-8")
    note_exit(folder, 0)
    note_process(folder, Identity.of())
    (folder / "cancel").touch()
    (folder / "worker.log").write_text("12:00:00 failed", encoding="utf-8")
    (folder / "split.json").write_text('{"train": {"file": "a.csv", "rows": [2, 3]}}', encoding="utf-8")
    (folder / HEAD_FILE).write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    return run


def _opened(services: Services, run: str) -> None:
    """Do all that a page or a program does with a run: open it in both tabs, list it, ask for its status."""
    visit = Visit(lang="en", tab="", run=run, checkpoint="", owner="")
    tab(services).runs.arrive(visit, {"run": run})
    with empty_page(services) as page:
        runs.Callbacks(page, layout(page)).arrive(visit)
    Endpoints(services).runs()
    services.dispatcher._adopt()
    process_of(services.registry.folder(run))


def test_half_a_file_of_any_kind_in_a_run_folder_costs_nobody_the_page(services: Services, run: str) -> None:
    folder = services.registry.folder(run)
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    assert len(files) >= 9
    for turn, path in enumerate(files):
        whole = path.read_bytes()
        cuts = (whole[: len(whole) // 2], whole[:-1], b"", DEEP, b"\xff\xfe", b"[]", b"null\n")
        for cut in sweep.cases(cuts, turn, 3):
            path.write_bytes(cut)
            services.registry._forget(run)
            _opened(services, run)
        path.write_bytes(whole)


def test_the_whole_rows_of_a_half_written_evaluation_are_kept_and_the_log_names_the_rest(
    services: Services, run: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = services.registry.folder(run) / "evaluation.jsonl"
    line = path.read_bytes()
    path.write_bytes(line + DEEP + b"\n5\n" + line + line[:20])
    assert services.registry.evaluation(run, "") == [ROW, ROW]
    assert "3 unreadable rows" in caplog.text


def test_a_table_that_was_stored_half_is_read_from_its_file_again(services: Services, run: str) -> None:
    source = services.registry.folder(run) / "data" / "train.csv"
    limits = services.settings.limits
    whole = table_files.reopen(source, "a.csv", limits)
    stored = source.with_suffix(table_files._BESIDE)
    stored.write_bytes(stored.read_bytes()[:100])
    assert table_files.reopen(source, "a.csv", limits).columns == whole.columns


def test_a_dataset_that_was_stored_half_is_prepared_from_its_files_again(services: Services, run: str) -> None:
    folder = services.registry.folder(run)
    task, columns = tasks.find("classification"), {"text": "text", "label": "label"}
    whole = stored.load(folder, task, columns)
    assert whole is not None
    for name in ("dataset.json", "data/train.table"):
        path = folder / name
        before = path.read_bytes()
        for damaged in (b"", before[: len(before) // 2], b"[" * 10_000, b"{}", b"null"):
            path.write_bytes(damaged)
            assert stored.load(folder, task, columns) is None, (name, damaged[:20])
        path.write_bytes(before)
    again = stored.load(folder, task, columns)
    assert again is not None and {name: part.rows for name, part in again.parts.items()} == {
        name: part.rows for name, part in whole.parts.items()
    }


def test_half_a_card_hides_its_checkpoint_and_no_other(services: Services) -> None:
    root = services.settings.home / "checkpoints"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "card.json").write_text(_card(name).to_json(), encoding="utf-8")
    path = root / "a" / "card.json"
    whole = path.read_bytes()
    for cut in (whole[: len(whole) // 2], b"", DEEP, b"[]", whole.replace(b'"owner": "', b'"owner": 5, "x": "')):
        path.write_bytes(cut)
        ids = [info.id for info in services.catalogue.list("")]
        assert "a" not in ids


def _card(name: str) -> Card:
    return Card(
        id=name, owner=owner_sha256(""), name=name, task="classification", labels=("no", "yes"), columns={},
        base="bundled", base_sha256="", base_commit="", data_name="a.csv", data_sha256="", rows=1,
        config=RunConfig().used(), metrics={}, evaluated_on="", versions={}, created=1.0, run=name,
        language="en", pooling=None, max_length=128, evaluated=False,
    )  # fmt: skip


# --- one load hook that fails -------------------------------------------------------------------------------


@pytest.fixture
def boxes() -> Iterator[list[Any]]:
    with gr.Blocks(analytics_enabled=False):
        yield [gr.HTML("") for _ in range(4)]


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), gr.Error("refused"), OSError("disk")])
def test_a_load_hook_that_fails_costs_its_own_panel_and_is_logged(
    boxes: list[Any], caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(visit: Any, value: str) -> Updates:
        raise error

    def foreign(visit: Any) -> Updates:
        return {boxes[1]: "its own", boxes[0]: "of another hook"}

    hooks = [
        Hook(lambda visit, value: {boxes[0]: value}, boxes[:1], boxes[:1]),
        Hook(fail, boxes[:1], boxes[1:3]),
        Hook(foreign, [], boxes[1:3]),
        Hook(lambda visit, value: {boxes[3]: value}, boxes[:1], boxes[3:]),
    ]
    with caplog.at_level(logging.WARNING):
        assert call_all(hooks, SimpleNamespace(lang="en"), ("a", "b", "c")) == {boxes[0]: "a", boxes[3]: "c"}
    assert str(error).strip("'") in caplog.text
    assert caplog.text.count("stays as it was") == 2
    error_ids = [record.getMessage().removeprefix("error ") for record in caplog.records if record.exc_info]
    lost = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert error_ids
    assert all(any(error_id in sentence for sentence in lost) for error_id in error_ids)
