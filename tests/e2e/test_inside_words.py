"""Inside BERT in words and in results: two languages, code, links, a step of training, before and after."""

from __future__ import annotations

import ast
from urllib.parse import urlsplit

import pytest

from tests.api.caller import Caller
from tests.e2e.conftest import Visit
from tests.e2e.inside import STEPS, Inside
from tests.e2e.server import Server
from tests.e2e.test_hostile import HOSTILE
from tests.e2e.test_inside import NAMELESS
from tests.e2e.test_language import _english

TINY = "local:tiny"
TEXT = "the film was good"
NUMBERS = "#inside-step td.n"


@pytest.fixture
def trained(visit: Visit, finished: str) -> Inside:
    """The tab on the finished run, with all steps open."""
    return Inside.opened(visit(), checkpoint=finished, text=TEXT).unfold(*STEPS, "before_after")


def _take(inside: Inside) -> None:
    with inside.changing("#inside-step"):
        inside.page.click("#inside-take")
    inside.page.locator("#inside-step .bd-training").wait_for()


def _compare(inside: Inside) -> None:
    inside.page.click("#inside-compare")
    inside.page.locator("#inside-change .bd-points svg").nth(1).wait_for()


# --- languages ----------------------------------------------------------------------------------------------


def test_the_control_changes_every_text_of_the_tab_there_and_back(trained: Inside) -> None:
    visitor = trained.visitor
    trained.page.check("#inside-silence input")
    visitor.sees("#inside-ablation", "inside.ablation.title")
    for summary in trained.page.locator("#tab-inside details:not(.bd-code) > summary").all():
        summary.click()
    spoken = _english(visitor.texts())
    assert len(spoken) > 100
    visitor.speak("zh")
    visitor.sees("#inside-numbers h2", "inside.attention.head")
    assert trained.drawn().pieces()[1:-1] == TEXT.split()
    assert _english(visitor.texts()) == {}
    visitor.speak("en")
    visitor.sees("#inside-numbers h2", "inside.attention.head")
    assert set(spoken) - set(_english(visitor.texts())) == set()


def test_results_that_somebody_asked_for_are_not_left_in_the_other_language(trained: Inside) -> None:
    _take(trained)
    _compare(trained)
    trained.visitor.speak("zh")
    trained.visitor.sees("#inside-numbers h2", "inside.attention.head")
    assert _english(trained.visitor.texts()) == {}


def test_a_link_in_chinese_opens_in_chinese(visit: Visit) -> None:
    inside = Inside.opened(visit("zh"), checkpoint=TINY, text="好电影", layer="2", head="2").unfold()
    inside.wait_pieces(["好", "电", "影"])
    inside.wait_head(2, 2)
    assert _english(inside.visitor.texts()) == {}


# --- code and links -----------------------------------------------------------------------------------------


def _literals(code: str) -> set[str]:
    return {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}


def test_the_code_of_every_step_is_python_with_the_sentence_as_a_literal_and_is_copied(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT).unfold()
    page = inside.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for text in (*HOSTILE, "it's \"quoted\" \\ '''", "שלום cafe\u0301 👩‍👩‍👦"):
        with inside.changing("#inside-code-tokens"):
            inside.write(text)
        codes = page.locator("#tab-inside .bd-code pre").evaluate_all("all => all.map((e) => e.textContent)")
        assert len(codes) == len(STEPS)
        assert all(text in _literals(code) for code in codes), text
        inside.visitor.untouched()
    box = page.locator("#inside-code-attention")
    assert not box.locator("pre").is_visible()
    inside.visitor.sees("#inside-code-attention summary", "inside.code")
    box.locator("summary").click()
    box.locator("[data-copy]").click()
    box.locator("[data-copy].done").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == box.locator("pre").evaluate("e => e.textContent")
    made = "[...document.querySelectorAll('#tab-inside :is(img, script, [onerror], [onload])')].length"
    assert page.evaluate(made) == 0


def test_the_address_of_a_view_opens_the_same_view_elsewhere(visit: Visit) -> None:
    first = Inside.opened(visit()).unfold("attention")
    first.checkpoint("tiny")
    first.page.locator("#inside-overview button").nth(3).wait_for()
    first.page.wait_for_function("document.querySelectorAll('#inside-overview button').length === 4")
    first.choose_head(1, 2)
    with first.changing("#inside-tokens"):
        first.write("no great film & more? 100% #1")
    first.visitor.page.wait_for_function("() => new URLSearchParams(location.search).get('text')?.endsWith('#1')")
    second = visit()
    second.page.goto(f"{second.url}/?{urlsplit(first.page.url).query}")
    second.ready()
    same = Inside(second).drawn().unfold("attention")
    same.wait_head(1, 2)
    assert same.pieces() == first.pieces()
    assert same.weights() == first.weights()
    for box in ("#inside-text textarea", "#inside-checkpoint input"):
        assert second.page.input_value(box) == first.page.input_value(box)


# --- results ------------------------------------------------------------------------------------------------


def test_a_training_step_shows_before_and_after_and_the_model_in_use_stays(
    trained: Inside, server: Server, finished: str
) -> None:
    def answers() -> list[object]:
        caller = Caller(server.url)
        asked = (caller.call("predict", text=TEXT, checkpoint=finished), caller.call("inspect", text=TEXT,
                 checkpoint=finished, layer=2, head=1))  # fmt: skip
        assert all(answer.ok for answer in asked)
        return [answer.value for answer in asked]

    before, head = answers(), trained.page.locator("#inside-head").inner_text()
    said = {row["label"]: row["score"] for row in before[0]["output"]["labels"]}  # type: ignore[index]
    for label in ("neg", "pos"):
        trained.visitor.choose("#inside-label", label)
        trained.visitor.choose("#inside-rate", "0.0005")
        _take(trained)
        rows = trained.page.locator("#inside-step tbody tr")
        assert rows.count() == len(said) == 2
        first = rows.first.inner_text()
        assert label in first
        assert trained.visitor.say("inside.training.right") in first
        then, now = (float(text.rstrip("%")) / 100 for text in rows.first.locator("td.n").all_inner_texts())
        assert then == pytest.approx(said[label], abs=0.0006)
        assert now > then
        trained.visitor.sees("#inside-step", "inside.training.unchanged")
        parts = trained.page.locator("#inside-step .bd-bars .name").all_inner_texts()
        assert len(parts) == 5  # embeddings, two layers, pooler, classifier
    assert answers() == before
    for text in ("bad film", TEXT):
        trained.write(text)
        trained.wait_pieces(text.split())
    assert trained.page.locator("#inside-head").inner_text() == head


def test_before_and_after_draws_attention_rows_of_the_data_movement_and_probabilities(
    visit: Visit, trained: Inside, finished: str
) -> None:
    _compare(trained)
    page, visitor = trained.page, trained.visitor
    visitor.sees("#inside-change", "inside.probabilities.title")
    n = len(trained.pieces())
    assert len(trained.numbers("#inside-change [data-paint=grid]")) == n * n
    visitor.sees("#inside-change", "inside.difference.title")
    visitor.sees("#inside-change", "inside.movement.title")
    moved = page.locator("#inside-change .bd-bars .name").all_inner_texts()
    assert moved[:3] == [
        visitor.say("inside.part.embeddings"),
        *(visitor.say("inside.stage.layer", n=i) for i in (1, 2)),
    ]
    legend = page.locator("#inside-change .bd-legend").inner_text()
    assert "pos" in legend
    assert "neg" in legend
    rows = page.locator("#inside-change .bd-points svg").first.locator("path[data-name]").count()
    assert rows == page.locator("#inside-change .bd-points svg").nth(1).locator("path[data-name]").count() > 0
    assert page.evaluate(NAMELESS) == []
    with trained.changing("#inside-change"):
        trained.write("bad film")  # what was compared is no longer what stands above
    assert not page.locator("#inside-change [data-paint]").count()


@pytest.mark.parametrize(("tab", "button"), [("train", "#train-inspect"), ("runs", "#runs-inspect")])
def test_a_finished_run_is_inspected_from_where_it_is_shown(visit: Visit, finished: str, tab: str, button: str) -> None:
    visitor = visit().open(tab, run=finished)
    visitor.page.click(button)
    visitor.page.wait_for_selector("#tab-inside-button[aria-selected=true]")
    visitor.page.locator("#inside-step-before_after").wait_for()
    inside = Inside(visitor).drawn()
    chosen = visitor.page.input_value("#inside-checkpoint input")
    assert chosen == visitor.say("inside.choice_trained", name=chosen.partition(",")[0])
    assert "film reviews" in chosen
    linked = "run => new URLSearchParams(location.search).get('checkpoint') === run"
    visitor.page.wait_for_function(linked, arg=finished)  # so that the address opens the same view elsewhere
    inside.unfold("head")
    assert "pos" in visitor.page.locator("#inside-head").inner_text()
    assert visitor.page.locator("#inside-head .bd-banner").count() == 0  # not untrained
