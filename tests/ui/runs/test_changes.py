"""Name, note, Delete with Undo, and Compare, as the listeners answer them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertdemo.errors import RunNameTooLong, RunUnknown
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.page import Visit
from bertdemo.ui.runs.callbacks import drawn_by_tick
from bertdemo.ui.runs.changes import Changes
from bertdemo.ui.runs.comparing import Comparison
from tests.runs.support import rows_of, write_csv
from tests.ui.runs.stored_runs import confused_rows, store
from tests.ui.runs.test_callbacks import path_of, tab

LABELS = ("no", "yes")


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "tickets.csv", rows_of(12))


@pytest.fixture
def run(services: Services, data: Path) -> str:
    return store(services.registry, data, confused_rows(LABELS, 40), LABELS)


def test_a_saved_name_is_in_the_list_and_the_name_of_the_file_is_none(services: Services, run: str) -> None:
    changes = Changes(tab(services))
    parts = changes.callbacks.parts
    assert changes.edit(run, "", "en")[parts.editing.name] == "tickets.csv"
    updates = changes.save(run, "tickets.csv", "a <note>", "", "en")
    assert not services.registry.folder(run).joinpath("notes.json").read_text("utf-8").count("tickets")
    assert "a &lt;note&gt;" in updates[parts.listing.runs] and updates[parts.editing.box]["visible"] is False
    assert "Better" in changes.save(run, "Better", "", "", "en")[parts.listing.runs]
    with pytest.raises(RunNameTooLong):
        changes.save(run, "x" * 81, "", "", "en")


def test_the_model_of_a_renamed_run_has_its_name_and_the_name_of_the_file_again_without_one(
    services: Services, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, names = Changes(tab(services)), list[str]()
    monkeypatch.setattr(services.catalogue, "owns", lambda checkpoint, owner: checkpoint == run)
    monkeypatch.setattr(services.catalogue, "rename", lambda checkpoint, owner, name: names.append(name))
    for name in ("Better  tickets", ""):
        changes.save(run, name, "", "", "en")
    assert names == ["Better tickets", "tickets.csv"]


def test_a_deleted_run_leaves_the_list_and_undo_brings_it_back_once(services: Services, run: str) -> None:
    changes = Changes(tab(services))
    parts = changes.callbacks.parts
    updates = changes.delete(run, "", "en")
    assert (
        f'data-undo="{run}"' in updates[parts.listing.deleted]
        and f'data-run="{run}"' not in updates[parts.listing.runs]
    )
    assert updates[parts.state.opened] == "" and updates[parts.state.undo_timer].active is True
    assert translate("en", "runs.lost") in str(changes.callbacks.show(run, "", "en")[parts.title])
    restored = changes.restore(run, "", "en")
    assert f'data-run="{run}"' in restored[parts.listing.runs] and restored[parts.listing.deleted] == ""
    with pytest.raises(RunUnknown):
        changes.restore(run, "", "en")


def test_a_link_to_a_comparison_opens_it_and_one_that_is_gone_says_so(services: Services, data: Path, run: str) -> None:
    other = store(services.registry, data, confused_rows(LABELS, 40), LABELS, config={"seed": 7})
    comparison = Comparison(tab(services))
    parts = comparison.callbacks.parts
    updates = comparison.arrive(Visit("en", "runs", run, "", "", compare=other))
    assert updates[parts.tabs].selected == "compare" and "bd-versus" in updates[parts.comparing.picture]
    assert [value for _, value in updates[parts.comparing.other]["choices"]] == [other]
    gone = comparison.arrive(Visit("en", "runs", run, "", "", compare="20260101-gone"))
    assert translate("en", "runs.compare.gone") in gone[parts.comparing.picture]
    alone = comparison.offer(run, None, "", "en")[parts.comparing.picture]
    assert translate("en", "runs.compare.choose") in alone


def test_runs_of_the_same_task_are_offered_first(services: Services, data: Path, run: str) -> None:
    same = store(services.registry, data, confused_rows(LABELS, 40), LABELS, config={"seed": 7})
    other = store(services.registry, data, confused_rows(LABELS, 40), LABELS, task="pair")
    comparison = Comparison(tab(services))
    updates = comparison.offer(run, None, "", "en")
    assert [value for _, value in updates[comparison.callbacks.parts.comparing.other]["choices"]] == [same, other]


@pytest.mark.parametrize(("name", "lines"), [("labels", 3), ("pairs", 2), ("mistakes", 8), ("<img>", 8)])
def test_each_table_of_the_result_can_be_had_as_a_file(services: Services, run: str, name: str, lines: int) -> None:
    calls = tab(services)
    path = path_of(calls, calls.csv(run, name, "", "en"))
    assert len(path.read_text(encoding="utf-8-sig").splitlines()) == lines and "<" not in path.name


def test_labels_that_are_formulas_are_neutralized(services: Services, data: Path) -> None:
    labels = ("=1+1", "@sum")
    run = store(services.registry, data, confused_rows(labels, 40), labels)
    calls = tab(services)
    for name in ("labels", "pairs"):
        cells = path_of(calls, calls.csv(run, name, "", "en")).read_text(encoding="utf-8-sig")
        assert "'=1+1" in cells and "'@sum" in cells and "\n=1+1" not in cells


def test_every_update_of_a_tick_is_one_of_its_outputs(services: Services, run: str) -> None:
    calls = tab(services)
    outputs = set(drawn_by_tick(calls.parts))
    for opened in ("", run, "20260101-gone"):
        assert set(calls.tick(opened, "", "en")) <= outputs
