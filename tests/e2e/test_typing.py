"""However a text comes into the box, the chips follow it, and the newest text wins."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

BOX = "#tokens-text textarea"


def _at_the_box(visit: Visit) -> tuple[Visitor, Page]:
    visitor = visit().open()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.focus(BOX)
    visitor.page.keyboard.press("Control+A")
    return visitor, visitor.page


def test_keys_paste_cut_and_undo_change_the_chips(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    page.keyboard.type("cats sat")
    visitor.wait_chips(["cats", "sat"])
    page.evaluate("navigator.clipboard.writeText(' on mats')")
    page.keyboard.press("Control+V")
    visitor.wait_chips(["cats", "sat", "on", "mats"])
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+X")
    visitor.sees("#tokens-strip", "tokens.empty")
    page.keyboard.press("Control+Z")
    visitor.wait_chips(["cats", "sat", "on", "mats"])


def test_what_an_input_method_commits_changes_the_chips(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    method = page.context.new_cdp_session(page)
    method.send("Input.imeSetComposition", {"text": "zhong", "selectionStart": 5, "selectionEnd": 5})
    method.send("Input.imeSetComposition", {"text": "中", "selectionStart": 1, "selectionEnd": 1})
    method.send("Input.insertText", {"text": "中国"})
    visitor.wait_chips(["中", "国"])
    assert page.input_value(BOX) == "中国"


def test_text_that_a_program_fills_in_changes_the_chips(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    page.fill(BOX, "one two")
    visitor.wait_chips(["one", "two"])
    page.keyboard.press("End")
    page.keyboard.insert_text(" three")
    visitor.wait_chips(["one", "two", "three"])


def test_the_newest_text_wins_over_fast_typing(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    for _ in range(3):
        page.keyboard.type("the quick brown fox", delay=5)
        page.keyboard.press("Control+A")
    page.keyboard.type("a dog")
    visitor.wait_chips(["a", "dog"])
    page.wait_for_timeout(500)  # an answer to an older text would have come by now
    assert visitor.chips() == ["[CLS]", "a", "dog", "[SEP]"]


def test_typed_special_tokens_are_plain_text(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    page.fill(BOX, "[MASK] x [SEP]")
    visitor.wait_chips(["[", "mask", "]", "x", "[", "sep", "]"])


def test_a_second_text_a_length_and_another_tokenizer_change_the_picture(visit: Visit) -> None:
    visitor, page = _at_the_box(visit)
    page.fill(BOX, "one two three")
    page.click("#tokens-add-pair")
    page.fill("#tokens-pair textarea", "four")
    page.wait_for_function("document.querySelectorAll('#tokens-strip .bd-chip').length === 7")
    page.fill("#tokens-length input", "5")
    visitor.sees("#tokens-strip .bd-cut", "tokens.cut_here")
    visitor.choose("#tokens-compare", page.locator("#tokens-checkpoint input").input_value())
    page.locator("#tokens-compared .bd-chip").first.wait_for()


def _typed(visitor: Visitor, dropdown: str, name: str) -> None:
    box = visitor.page.locator(f"{dropdown} input")
    box.fill(name)
    box.press("Enter")
    box.blur()


def test_a_hub_id_that_was_typed_stays_and_stands_in_the_address(visit: Visit) -> None:
    visitor = visit("en").open()
    page = visitor.page
    _typed(visitor, "#tokens-compare", "owner/beside")  # the server is offline
    visitor.sees("#tokens-strip", "error.hub_unreachable", checkpoint="owner/beside")
    _typed(visitor, "#tokens-checkpoint", "owner/mine")
    visitor.sees("#tokens-strip", "error.hub_unreachable", checkpoint="owner/mine")
    assert visitor.query()["checkpoint"] == "owner/mine"
    visitor.tab("predict")
    _typed(visitor, "#predict-checkpoint", "owner/other")
    visitor.sees("#predict-about", "error.hub_unreachable", checkpoint="owner/other")
    assert visitor.query()["checkpoint"] == "owner/other"
    visitor.speak("zh")
    visitor.sees("#predict-about", "error.hub_unreachable", checkpoint="owner/other")
    visitor.tab("tokens")
    assert page.input_value("#tokens-checkpoint input") == "owner/mine"
    assert page.input_value("#tokens-compare input") == "owner/beside"
    visitor.tab("predict")
    assert page.input_value("#predict-checkpoint input") == "owner/other"


def test_the_header_tells_the_device_on_a_page_that_never_opened_fine_tune(visit: Visit) -> None:
    visitor = visit("en").open("tokens")
    visitor.page.locator("#device .bd-pill").wait_for()
