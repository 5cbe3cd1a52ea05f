"""A read-only link opens one finished run for anybody, changes nothing, and ends when it is withdrawn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import RunNotFinished, RunUnknown
from bertdemo.i18n.translation import translate
from bertdemo.runs import events as ev
from bertdemo.runs.notes import RunNotes
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.sharing.read_links import ReadLinks
from bertdemo.ui.runs.linking import Links
from tests.runs.support import request_for, rows_of, started, write_csv
from tests.ui.runs.test_callbacks import path_of, tab

ANNA, BEN = "a" * 43, "b" * 43


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(replace(settings, public=True))


@pytest.fixture
def run(services: Services, tmp_path: Path) -> str:
    """Anna's run, finished, with one evaluated row and a note."""
    registry = services.registry
    run = registry.create(request_for(write_csv(tmp_path / "a.csv", rows_of(12)), checkpoint="bundled"), ANNA)
    row = {"row": 2, "text": "an odd film", "label": "no", "predicted": "yes", "confidence": 0.75}
    (registry.folder(run) / "evaluation.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    registry.append(run, started(seq=2))
    metrics = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}
    registry.append(run, ev.Finished(
        seq=3, attempt=1, at=time.time(), checkpoint=run, metrics=metrics, evaluated_on="test", rows=1, seconds=1,
    ))  # fmt: skip
    registry.annotate(run, ANNA, RunNotes("films", "only for me"))
    return run


@pytest.fixture
def links(services: Services) -> ReadLinks:
    return services.read_links


def test_a_link_shows_the_result_to_anybody_and_a_wrong_one_nothing(
    services: Services, links: ReadLinks, run: str
) -> None:
    link = links.create(run, ANNA)
    assert links.opened(link) == run and services.reader(link, BEN) == (run, None)
    for wrong in (f"{run}~", f"{run}~{'x' * 43}", f"{link}x", link[:-1], f"../{link}", f"~{link}", link.upper(), "~"):
        with pytest.raises(RunUnknown):
            links.opened(wrong)
    assert link.partition("~")[2] not in (services.registry.folder(run) / "link.json").read_text(encoding="utf-8")


def test_a_new_link_a_withdrawal_and_a_deletion_each_end_the_old_one(
    services: Services, links: ReadLinks, run: str
) -> None:
    first = links.create(run, ANNA)
    second = links.create(run, ANNA)
    with pytest.raises(RunUnknown):
        links.opened(first)
    assert links.created(run, ANNA) == pytest.approx(time.time(), abs=60)
    links.withdraw(run, ANNA)
    with pytest.raises(RunUnknown):
        links.opened(second)
    assert links.created(run, ANNA) is None
    third = links.create(run, ANNA)
    services.registry.hide(run, ANNA)  # deleted, and not yet removed
    with pytest.raises(RunUnknown):
        links.opened(third)


def test_only_its_owner_makes_and_ends_the_link_of_a_run_that_has_finished(
    services: Services, links: ReadLinks, run: str, tmp_path: Path
) -> None:
    calls: list[Callable[[str, str], object]] = [links.create, links.withdraw, links.created]
    for call in calls:
        with pytest.raises(RunUnknown):
            call(run, BEN)
    queued = services.registry.create(
        request_for(write_csv(tmp_path / "b.csv", rows_of(12)), checkpoint="bundled"), ANNA
    )
    with pytest.raises(RunNotFinished):
        links.create(queued, ANNA)


def test_whatever_stands_in_the_file_of_a_link_is_at_worst_no_link(
    services: Services, links: ReadLinks, run: str
) -> None:
    link = links.create(run, ANNA)
    path = services.registry.folder(run) / "link.json"
    for text in ("", "{", "[]", "{}", '{"sha256": 1}', '{"sha256": "x", "created": "y"}', "[" * 100_000):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RunUnknown):
            links.opened(link)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_of_a_link_has_the_result_and_neither_the_note_nor_a_button(
    services: Services, links: ReadLinks, run: str, lang: str
) -> None:
    calls, link = tab(services), links.create(run, ANNA)
    shown = calls.show(link, BEN, lang)
    parts = calls.parts
    assert "an odd film" in str(shown[parts.pictures.result])
    assert "only for me" in str(calls.show(run, ANNA, lang)[parts.title])
    assert "only for me" not in str(shown) and "films" in str(shown[parts.title])
    assert translate(lang, "runs.linked_facts", facts="").strip(" ·") in str(shown[parts.title])
    visible = {name: shown[getattr(parts.actions, name)]["visible"] for name in parts.actions.__dataclass_fields__}
    assert [name for name, seen in visible.items() if seen] == ["back"]
    assert path_of(calls, calls.csv(link, "mistakes", BEN, lang)).name == f"{run}-mistakes.csv"
    lost = calls.show(f"{run}~{'x' * 43}", BEN, lang)
    assert translate(lang, "runs.lost") in str(lost[parts.title])


def test_nothing_is_changed_or_taken_through_a_link(services: Services, links: ReadLinks, run: str) -> None:
    calls, link = tab(services), links.create(run, ANNA)
    changes: list[Callable[[], object]] = [
        lambda: calls.stop(link, BEN, "en"),
        lambda: calls.resume(link, BEN, "en"),
        lambda: calls.archive(link, BEN, "en"),
        lambda: services.script_of(link, BEN),
        lambda: services.dispatcher.delete(link, BEN),
        lambda: services.registry.annotate(link, BEN, RunNotes("x", "y")),
        lambda: links.create(link, BEN),
        lambda: links.withdraw(link, BEN),
    ]
    for change in changes:
        with pytest.raises(RunUnknown):
            change()
    assert links.opened(link) == run


def test_the_tab_makes_replaces_and_withdraws_the_link(services: Services, run: str) -> None:
    calls = Links(tab(services))
    link = calls.callbacks.parts.sharing.link
    assert calls.show(run, ANNA, "en")[link.box]["visible"]
    made = calls.create(run, ANNA, "en")
    query = made[link.address]["value"]
    assert query.startswith(f"?tab=runs&run={run}~") and made[link.withdraw]["visible"]
    assert made[link.create]["value"] == translate("en", "runs.new_link")
    again = calls.show(run, ANNA, "en")  # opened again, the address is gone and the link is not
    assert (
        again[link.address] == {"value": "", "visible": False, "__type__": "update"} and again[link.withdraw]["visible"]
    )
    gone = calls.withdraw(run, ANNA, "en")
    assert not gone[link.withdraw]["visible"] and gone[link.create]["value"] == translate("en", "runs.make_link")


def test_a_visitor_with_a_link_and_a_loopback_server_see_nothing_of_it(settings: Settings, run: str) -> None:
    services = Services.create(replace(settings, public=True))
    reference = services.read_links.create(run, ANNA)
    calls = Links(tab(services))
    parts = calls.callbacks.parts
    assert not calls.show(reference, BEN, "en")[parts.sharing.link.box]["visible"]
    local = Links(tab(Services.create(settings)))
    assert not local.show(run, "", "en")[local.callbacks.parts.sharing.link.box]["visible"]
