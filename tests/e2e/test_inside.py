"""Inside BERT in the browser: what it opens on, its steps, links, keyboard, small screens, long and odd texts."""

from __future__ import annotations

import pytest
from gradio_client import Client

from bertdemo.ui.page import SAMPLES
from tests.e2e.conftest import Visit
from tests.e2e.inside import STEPS, UNIT, Inside
from tests.e2e.scan import barriers
from tests.e2e.server import Server

TINY = "local:tiny"
TEXT = "the film was good"
ARCS = """() => [...document.querySelectorAll('#inside-arcs svg path')].map((path) => {
  const box = path.getBoundingClientRect();
  const [left, top] = [box.left, box.top], [right, bottom] = [box.right, box.bottom];
  return [left, top, right, bottom];
})"""


def test_it_opens_on_it_and_violin_whole_in_the_window(visit: Visit, server: Server) -> None:
    inside = Inside.opened(visit())
    page = inside.page
    for width, height in ((1280, 900), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        inside.wait_head(4, 2, "it")
        page.locator("#inside-arcs svg text").filter(has_text="0.718").wait_for()
        arcs = page.evaluate(ARCS)
        left, top, right, bottom = inside.box("#inside-arcs .bd-arcs")
        assert len(arcs) >= 5
        assert all(arc[0] >= left and arc[1] >= top and arc[2] <= right and arc[3] <= bottom + 1 for arc in arcs)
        for part in ("#inside-map", "#inside-map .bd-labels", "#inside-arcs", "#inside-overview", "#inside-side"):
            box = inside.box(part)
            assert box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height, (part, box)
        assert page.evaluate("document.documentElement.scrollHeight") <= 1.5 * height and not inside.sideways()
    answer = Client(server.url, verbose=False).predict(SAMPLES["en"], layer=4, head=2, api_name="/inspect")
    shown = inside.weights()
    assert len(shown) == len(answer["tokens"]) == 17
    assert all(
        abs(a - b) <= 2 * UNIT for row, want in zip(shown, answer["attention"], strict=True)
        for a, b in zip(row, want, strict=True)
    )  # fmt: skip


def test_arrow_keys_walk_all_steps_and_back_returns_through_five_of_them(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, step="what").on("what")
    page = inside.page
    for step in STEPS[1:]:
        page.keyboard.press("ArrowRight")
        inside.on(step)
        assert inside.visitor.query()["step"] == step
        assert not inside.sideways()
    page.keyboard.press("ArrowRight")  # there is nothing behind the last one
    for step in reversed(STEPS[3:-1]):
        page.go_back()
        inside.on(step)
    page.locator("#inside-text textarea").click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("f")
    inside.on(STEPS[3])  # typing moves nothing and opens no classroom
    assert page.locator("#header").is_visible()
    page.locator("#inside-map .bd-block[data-step='tokens']").focus()
    page.keyboard.press("f")
    page.locator("#header").wait_for(state="hidden")
    page.keyboard.press("Escape")
    page.locator("#header").wait_for()


def test_a_head_chosen_by_key_or_press_changes_arcs_bars_frame_and_address(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, layer="1", head="1", token="2")
    page = inside.page
    inside.wait_head(1, 1, "film")
    before = inside.weights()
    inside.head(1, 1).focus()
    page.keyboard.press("ArrowRight")
    inside.wait_head(1, 2, "film")
    assert inside.weights() != before
    page.keyboard.press("ArrowDown")
    inside.wait_head(2, 2, "film")
    page.locator("#inside-map [data-map-layer='1']").click()
    inside.wait_head(1, 2, "film")
    page.locator("#inside-arcs [data-token='4']").click()
    inside.wait_head(1, 2, "good")
    query = inside.visitor.query()
    assert (query["layer"], query["head"], query["token"]) == ("1", "2", "4")
    page.click("[data-look=matrix]")
    names = page.locator("#inside-arcs .left span").all_inner_texts()
    assert names == page.locator("#inside-arcs .top span").all_inner_texts() == ["[CLS]", *TEXT.split(), "[SEP]"]
    cells, row = inside.box("#inside-arcs .cells canvas"), inside.box("#inside-arcs .cells .row")
    side = (cells[3] - cells[1]) / len(names)
    assert row[1] == pytest.approx(cells[1] + 4 * side, abs=1.5) and row[3] - row[1] == pytest.approx(side, abs=1.5)
    page.click("[data-look=numbers]")
    page.locator("#inside-numbers").filter(has_text="weight_j = exp(s_j) / Z").wait_for()
    page.check("#inside-ablate input")
    inside.visitor.sees("#inside-ablation", "inside.ablation.title", layer=1, head=2)


def test_a_link_opens_the_same_view_in_a_new_browser(visit: Visit) -> None:
    first = Inside.opened(visit(), checkpoint=TINY, text=TEXT)
    first.head(2, 1).click()
    first.wait_head(2, 1)
    first.page.locator("#inside-arcs [data-token='3']").click()
    first.wait_head(2, 1, "was")
    for step in ("attention", "layers", "training_step"):
        first.step(step)
        query = first.visitor.query()
        second = Inside.opened(visit(), **{name: value for name, value in query.items() if name != "tab"}).on(step)
        assert second.visitor.query() == query
        second.step("attention").wait_head(2, 1, "was")
        assert second.page.input_value("#inside-text textarea") == TEXT
        assert "tiny" in second.page.input_value("#inside-checkpoint input")


def test_what_a_link_names_and_is_not_there_is_told_beside_the_grid(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, layer="9", head="40", token="77")
    inside.wait_head(2, 2)
    told = inside.visitor.sees("#inside-side", "inside.missing.layer", wanted="9")
    assert "no head 40" in told and "no position 77" in told


def test_no_text_one_token_600_and_a_pair_are_answered_in_place(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text="film")
    page = inside.page
    inside.wait_tokens(["film"])
    inside.write("")
    inside.visitor.sees("#inside-notice", "inside.empty")
    page.locator("#inside-stages").wait_for(state="hidden")
    inside.write("film " * 600)
    inside.drawn()
    page.locator("#inside-arcs .bd-arcs.columns.long").wait_for()
    assert not inside.sideways()
    page.click("[data-example=pair]")
    page.locator("#inside-pair textarea").wait_for()
    page.check("#inside-across input")
    page.locator("#inside-arcs .bd-note").wait_for()
    page.locator("#inside-arcs [data-token='0']").click()  # [CLS] is of neither text
    inside.visitor.sees("#inside-arcs output", "inside.attention.none_across", share="0.000")


def test_training_steps_move_the_probability_of_the_right_label(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, step="training_step").on("training_step")
    inside.page.click("#inside-take-20")
    words = inside.page.locator("#inside-step .bd-training").inner_text()
    assert "After 20 AdamW steps" in words
    for panel in (0, 3, 1):  # one panel of a drawer at a time
        inside.page.locator("#inside-drawer summary").nth(panel).click()
        assert inside.page.locator("#inside-drawer details[open]").count() == 1
    code = inside.page.locator("#inside-drawer pre").inner_text()
    assert "torch.optim.AdamW" in code and "labels=" in code


def test_the_tokens_glide_from_layer_to_layer(visit: Visit) -> None:
    inside = Inside.opened(visit(reduced_motion="reduce"), checkpoint=TINY, text=TEXT, step="layers").on("layers")
    page = inside.page
    place = "document.querySelector('#inside-layers g[data-i=\"1\"] g').style.transform"
    last = page.evaluate(place)
    slider = page.locator("#inside-layers input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    inside.visitor.sees("#inside-layers .bd-stage-name", "inside.stage.after_embeddings")
    assert page.evaluate(place) != last
    inside.on("layers")  # arrows on the slider walk no steps


def test_nothing_goes_sideways_on_a_small_screen(visit: Visit) -> None:
    inside = Inside.opened(visit(viewport={"width": 390, "height": 844}))
    inside.wait_head(4, 2, "it")
    inside.page.locator("#inside-arcs .bd-arcs.columns").wait_for()
    for step in STEPS:
        inside.step(step)
        for width in (390, 320):
            inside.page.set_viewport_size({"width": width, "height": 844})
            assert not inside.sideways(), (step, width)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_scan_for_barriers_finds_nothing_serious(visit: Visit, lang: str) -> None:
    inside = Inside.opened(visit(lang), checkpoint=TINY, text=TEXT)
    for step in STEPS:
        inside.step(step)
        inside.page.locator("#inside-drawer summary").last.click()
        assert barriers(inside.visitor, "#tab-inside") == {"light": [], "dark": []}, step
    inside.page.set_viewport_size({"width": 390, "height": 844})
    for step in ("attention", "layers"):  # the two whose drawings change on a phone
        inside.step(step)
        assert barriers(inside.visitor, "#tab-inside") == {"light": [], "dark": []}, step
