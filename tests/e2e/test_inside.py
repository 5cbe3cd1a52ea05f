"""Inside BERT follows what is typed and chosen, by mouse and by keyboard, and shows the model's own numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pytest

from tests.api.caller import Caller
from tests.e2e.conftest import Visit
from tests.e2e.inside import MATRIX, STEPS, TOKENS, UNIT, Inside
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor

TINY = "local:tiny"
TEXT = "the film was good, no great"
FOLLOWS_TOKEN = ("#inside-word", "#inside-embeddings", "#inside-numbers", "#inside-path", "#inside-map")
FOLLOWS_HEAD = ("#inside-matrix", "#inside-numbers")

# Ours only: Gradio's own arrows are not pictures of a model.
NAMELESS = """() => [...document.querySelectorAll('#tab-inside .bd :is([role=img], [role=meter], canvas, svg)')]
  .filter((e) => e.checkVisibility())
  .filter((e) => {
    const named = (it) => (it?.getAttribute('aria-label') ?? '').trim();
    if (e.getAttribute('aria-hidden') !== 'true') return !named(e);
    const beside = [...(e.parentElement?.children ?? [])].some((it) => it !== e && named(it));
    return !named(e.closest('.bd [aria-label]')) && !beside && !e.closest('.bd-mark');
  })
  .map((e) => e.outerHTML.slice(0, 160))"""
ONLY_PAINT = """() => [...document.querySelectorAll('#tab-inside .bd :is([data-paint], svg[role=img])')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !e.parentElement.querySelector('output'))
  .filter((e) => !e.closest('[id^=inside-]').querySelector('table, button'))
  .map((e) => e.outerHTML.slice(0, 160))"""


@pytest.fixture
def inside(visit: Visit) -> Inside:
    """The tab on the tiny checkpoint, with all steps open."""
    return Inside.opened(visit(), checkpoint=TINY, text=TEXT, layer="1", head="1").unfold()


def _inspected(server: Server, inside: Inside, layer: int, head: int, pair: str = "") -> list[list[float]]:
    """Ask the server by its API for the weights of a head."""
    text = inside.page.input_value("#inside-text textarea")
    answer = Caller(server.url).call("inspect", text=text, pair=pair, checkpoint=TINY, layer=layer, head=head)
    assert answer.ok, answer.raw
    found: list[list[float]] = answer.value["attention"]
    return found


def _agree(shown: Sequence[Sequence[float]], computed: Sequence[Sequence[float]]) -> None:
    assert len(shown) == len(computed)
    for ours, theirs in zip(shown, computed, strict=True):
        assert ours == pytest.approx(theirs, abs=UNIT)


# --- opening ------------------------------------------------------------------------------------------------


def test_the_tab_opens_from_its_button_with_three_steps_open_and_the_others_open_on_click(visit: Visit) -> None:
    visitor = visit().open()
    visitor.tab("inside")
    inside = Inside(visitor).drawn()
    visitor.page.wait_for_function("() => new URLSearchParams(location.search).get('tab') === 'inside'")
    assert [step for step in STEPS if inside.is_open(step)] == list(STEPS[:3])
    assert not visitor.page.locator("#inside-step-before_after").is_visible()
    for step in STEPS[3:]:
        inside.unfold(step)
    inside.choose_head(2, 3)
    with inside.changing(*FOLLOWS_TOKEN):
        inside.token(2).click()
    inside.write("cats sat")
    inside.wait_pieces(["cats", "sat"])
    assert all(inside.is_open(step) for step in STEPS)
    inside.bar("specials").click()
    visitor.page.locator("#inside-caption-specials").wait_for(state="hidden")
    inside.write("a dog")
    inside.wait_pieces(["a", "dog"])
    assert [step for step in STEPS if not inside.is_open(step)] == ["specials"]


# --- following what is chosen -------------------------------------------------------------------------------


def test_a_text_is_shown_as_its_tokens_with_the_ids_that_the_api_gives(inside: Inside, server: Server) -> None:
    inside.write("A good film, xyz!")
    inside.wait_pieces(["a", "good", "film", ",", "x", "y", "z", "!"])
    answer = Caller(server.url).call("tokenize", text="A good film, xyz!", checkpoint=TINY)
    assert inside.ids() == answer.value["ids"]
    inside.visitor.sees("#inside-specials td", "inside.specials.first")


def test_choosing_a_token_changes_its_word_vectors_numbers_and_path(inside: Inside) -> None:
    for position in (2, 4):
        with inside.changing(*FOLLOWS_TOKEN):
            inside.token(position).click()
        piece = inside.token(position).inner_text()
        pressed = inside.page.locator(f"{TOKENS}[aria-pressed=true]")
        assert pressed.evaluate_all("all => all.map((e) => e.dataset.token)") == [str(position)]
        inside.visitor.sees("#inside-numbers h2", "inside.attention.looks", piece=piece, position=position)
        inside.visitor.sees("#inside-embeddings .name", "inside.embeddings.position", n=position)
        inside.visitor.sees("#inside-path", "inside.path.label", piece=piece)
        over_arcs = inside.page.locator("#inside-arcs [data-token][aria-pressed=true]")
        assert over_arcs.evaluate_all("all => all.map((e) => e.dataset.token)") == [str(position)]
    inside.token(0).click()
    inside.visitor.sees("#inside-word", "inside.tokens.special", piece="[CLS]")


def test_choosing_a_head_shows_its_matrix_whose_rows_sum_to_one_and_marks_it(inside: Inside, server: Server) -> None:
    for layer, head in ((2, 1), (1, 2), (2, 2), (1, 1)):
        with inside.changing(*FOLLOWS_HEAD):
            inside.head(layer, head).click()
        inside.wait_head(layer, head)
        pressed = inside.page.locator("#inside-overview button[aria-pressed=true]")
        assert pressed.evaluate_all("all => all.map((e) => [e.dataset.layer, e.dataset.head])") == [
            [str(layer), str(head)]
        ]
        rows = inside.weights()
        _agree(rows, _inspected(server, inside, layer, head))
        assert all(math.isclose(sum(row), 1, abs_tol=len(row) * UNIT) for row in rows)
        inside.visitor.sees("#inside-numbers", "inside.attention.row_sum", sum="1.000")
        assert inside.page.locator("#inside-numbers .bd-check.held").count() == 2


def test_hiding_what_bert_added_renormalizes_and_says_so_and_stretching_changes_no_weight(
    inside: Inside, server: Server
) -> None:
    with inside.changing(*FOLLOWS_HEAD):
        inside.page.check("#inside-hide-special input")
    inside.visitor.sees("#inside-matrix", "inside.attention.hidden_special")
    computed = _inspected(server, inside, 1, 1)
    ends = {0, len(computed) - 1}
    left = [[0.0 if ends & {i, j} else w for j, w in enumerate(row)] for i, row in enumerate(computed)]
    _agree(inside.weights(), [[w / (sum(row) or 1) for w in row] for row in left])
    with inside.changing(*FOLLOWS_HEAD):
        inside.page.uncheck("#inside-hide-special input")
    assert not inside.page.locator("#inside-matrix .bd-note").count()
    _agree(inside.weights(), computed)

    inside.visitor.sees("#inside-matrix", "inside.attention.scale", scale="1")
    with inside.changing("#inside-matrix"):
        inside.page.check("#inside-stretch input")
    inside.visitor.sees("#inside-matrix", "inside.attention.scale", scale=f"{max(map(max, computed)):.3f}")
    _agree(inside.weights(), computed)


def test_a_head_that_is_switched_off_shows_what_became_of_the_output(inside: Inside) -> None:
    assert not inside.page.locator("#inside-ablation table").count()
    inside.page.check("#inside-silence input")
    inside.visitor.sees("#inside-ablation", "inside.ablation.title", layer=1, head=1)
    cosines = [float(text) for text in inside.page.locator("#inside-ablation td.n").all_inner_texts()]
    assert len(cosines) >= 3
    assert all(0 < cosine < 1.00005 for cosine in cosines)
    with inside.changing("#inside-ablation"):
        inside.choose_head(2, 1)
    inside.visitor.sees("#inside-ablation", "inside.ablation.title", layer=2, head=1)
    inside.page.uncheck("#inside-silence input")
    inside.page.locator("#inside-ablation table").wait_for(state="detached")


def test_first_to_second_only_is_there_with_a_pair_alone_and_leaves_the_rest_out(
    inside: Inside, server: Server
) -> None:
    page = inside.page
    assert not page.locator("#inside-across").is_visible()
    page.click("#inside-add-pair")
    page.fill("#inside-pair textarea", "bad plot")
    page.locator("#inside-across").wait_for()
    inside.visitor.sees("#inside-specials", "inside.specials.pair")
    tokens = len(inside.pieces())
    page.wait_for_function("n => document.querySelector('#inside-matrix [data-n]').dataset.n === String(n)", arg=tokens)
    with inside.changing("#inside-matrix"):
        page.check("#inside-across input")
    inside.visitor.sees("#inside-matrix", "inside.attention.only_across")
    computed = _inspected(server, inside, 1, 1, "bad plot")
    first, second = range(1, tokens - 4), range(tokens - 3, tokens - 1)
    _agree(
        inside.weights(),
        [[w if i in first and j in second else 0.0 for j, w in enumerate(row)] for i, row in enumerate(computed)],
    )
    page.fill("#inside-pair textarea", "")
    page.locator("#inside-across").wait_for(state="hidden")
    inside.visitor.sees("#inside-specials", "inside.specials.single")
    page.locator("#inside-matrix .bd-note").wait_for(state="detached")


# --- reading the pictures -----------------------------------------------------------------------------------


def test_every_picture_says_in_words_what_it_shows_and_has_its_numbers(inside: Inside) -> None:
    with inside.changing("#inside-step"):
        inside.page.click("#inside-take")
    found = inside.page.locator("#tab-inside .bd :is([role=img], canvas)")
    assert found.count() >= 20
    assert inside.page.evaluate(NAMELESS) == []
    assert inside.page.evaluate(ONLY_PAINT) == []


def _said(readout: str) -> tuple[str, str, float]:
    found = re.fullmatch(r"(\S+) → (\S+) (\d\.\d+)", readout)
    assert found, readout
    return found[1], found[2], float(found[3])


def test_the_matrix_says_the_computed_number_under_the_pointer_and_under_the_keys(
    inside: Inside, server: Server
) -> None:
    inside.choose_head(2, 2)
    computed = _inspected(server, inside, 2, 2)
    pieces = inside.pieces()
    canvas = inside.page.locator("#inside-matrix canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    side = len(pieces)
    for row, column in ((0, 0), (2, 4), (side - 1, 1), (side - 1, side - 1)):
        inside.page.mouse.move(box["x"] + (column + 0.5) * box["width"] / side,
                               box["y"] + (row + 0.5) * box["height"] / side)  # fmt: skip
        query, key, weight = _said(inside.readout("#inside-matrix"))
        assert (query, key) == (pieces[row], pieces[column])
        assert weight == pytest.approx(computed[row][column], abs=0.0005 + UNIT)
    inside.page.locator(MATRIX).focus()
    row = column = side - 1
    for key, down, right in (("ArrowUp", -1, 0), ("ArrowLeft", 0, -1), ("ArrowLeft", 0, -1), ("ArrowDown", 1, 0),
                             ("ArrowDown", 0, 0)):  # fmt: skip
        inside.page.keyboard.press(key)
        row, column = row + down, column + right
        query, seen, weight = _said(inside.readout("#inside-matrix"))
        assert (query, seen) == (pieces[row], pieces[column])
        assert weight == pytest.approx(computed[row][column], abs=0.0005 + UNIT)


def test_a_press_in_the_matrix_chooses_the_row_that_looks(inside: Inside) -> None:
    canvas = inside.page.locator("#inside-matrix canvas")
    box = canvas.bounding_box()
    assert box
    side = len(inside.pieces())
    with inside.changing(*FOLLOWS_TOKEN):
        canvas.click(position={"x": box["width"] / 2, "y": 2.5 * box["height"] / side})
    assert inside.token(2).get_attribute("aria-pressed") == "true"
    inside.visitor.sees("#inside-numbers h2", "inside.attention.looks", piece=inside.pieces()[2], position=2)


def test_a_strip_says_the_numbers_of_its_table_which_stays_open_while_somebody_chooses(inside: Inside) -> None:
    inside.page.locator("#inside-embeddings summary").click()
    with inside.changing(*FOLLOWS_TOKEN):
        inside.token(3).click()
    rows = inside.page.locator("#inside-embeddings details[open] tbody tr")
    rows.first.wait_for()
    strips = inside.page.locator("#inside-embeddings .bd-strip")
    assert rows.count() == strips.count() == 5
    for place in range(5):
        written = [float(text) for text in rows.nth(place).locator("td.n").all_inner_texts()]
        strips.nth(place).focus()
        for number in written:
            inside.page.keyboard.press("ArrowRight")
            said = strips.nth(place).locator("output").inner_text()
            assert float(said.split()[1]) == pytest.approx(number, abs=0.0006)


# --- by keyboard alone --------------------------------------------------------------------------------------


def _tab_to(visitor: Visitor, selector: str, presses: int = 120) -> None:
    """Press Tab until the focus is on (or in) an element."""
    for _ in range(presses):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("selector => !!document.activeElement.closest(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def _focus(visitor: Visitor) -> dict[str, str]:
    found: dict[str, str] = visitor.page.evaluate("() => ({ ...document.activeElement.dataset })")
    return found


def test_the_tab_is_used_by_keyboard_alone_and_the_focus_stays(visit: Visit) -> None:
    visitor = visit().open("inside", checkpoint=TINY)
    inside = Inside(visitor).drawn()
    page, keys = visitor.page, visitor.page.keyboard
    _tab_to(visitor, "#inside-text")
    keys.press("Control+A")
    keys.type(TEXT)
    inside.wait_pieces(["the", "film", "was", "good", ",", "no", "great"])
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    _tab_to(visitor, "#inside-checkpoint")

    _tab_to(visitor, "#inside-tokens .bd-toks")
    chosen = int(_focus(visitor)["token"])
    assert inside.token(chosen).get_attribute("aria-pressed") == "true"
    keys.press("Home")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert _focus(visitor)["token"] == "2"
    with inside.changing("#inside-word", "#inside-embeddings"):
        keys.press("Enter")
    assert _focus(visitor)["token"] == "2"
    keys.press("Tab")
    assert not page.evaluate("!!document.activeElement.closest('#inside-tokens .bd-toks')")

    _tab_to(visitor, "#inside-step-attention > button")
    keys.press("Enter")
    page.locator("#inside-overview button").first.wait_for()
    _tab_to(visitor, "#inside-overview .bd-overview")
    keys.press("End")
    keys.press("ArrowUp")
    keys.press("ArrowLeft")
    assert (_focus(visitor)["layer"], _focus(visitor)["head"]) == ("1", "1")
    keys.press("ArrowDown")
    with inside.changing(*FOLLOWS_HEAD):
        keys.press("Space")
    inside.wait_head(2, 1)
    assert (_focus(visitor)["layer"], _focus(visitor)["head"]) == ("2", "1")
    assert inside.page.locator("#inside-overview button[tabindex='0']").count() == 1

    _tab_to(visitor, "#inside-matrix [role=img]")
    for key in ("ArrowDown", "ArrowRight", "ArrowDown"):
        keys.press(key)
    query, _, _ = _said(inside.readout("#inside-matrix"))
    assert query == inside.pieces()[2]
    keys.press("ArrowDown")
    with inside.changing("#inside-numbers", "#inside-word"):
        keys.press("Enter")
    assert inside.token(3).get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.dataset.paint") == "matrix"
