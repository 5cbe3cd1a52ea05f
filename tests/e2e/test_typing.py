"""However a text comes into the box, the chips follow it, and the newest text wins."""

from __future__ import annotations

from playwright.sync_api import Page

from bertdemo.i18n.translation import translate
from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

BOX = "#tokens-text textarea"


def test_however_a_text_is_typed_the_chips_follow_it_and_the_newest_text_wins(visit: Visit) -> None:
    visitor = visit("en").open("tokens")
    page = visitor.page
    page.locator("#device .bd-pill").wait_for()  # although Fine-tune was never opened
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.focus(BOX)
    page.keyboard.press("Control+A")
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
    _commit_by_input_method(page)
    visitor.wait_chips(["中", "国"])
    assert page.input_value(BOX) == "中国"
    _fill_in_by_program(visitor)
    for _ in range(3):
        page.keyboard.press("Control+A")
        page.keyboard.type("the quick brown fox", delay=5)
    page.keyboard.press("Control+A")
    page.keyboard.type("a dog")
    visitor.wait_chips(["a", "dog"])
    page.wait_for_timeout(500)  # an answer to an older text would have come by now
    assert visitor.chips() == ["[CLS]", "a", "dog", "[SEP]"]


def _commit_by_input_method(page: Page) -> None:
    """Compose two Chinese characters as an input method does, in place of all that is there."""
    page.keyboard.press("Control+A")
    method = page.context.new_cdp_session(page)
    method.send("Input.imeSetComposition", {"text": "zhong", "selectionStart": 5, "selectionEnd": 5})
    method.send("Input.imeSetComposition", {"text": "中", "selectionStart": 1, "selectionEnd": 1})
    method.send("Input.insertText", {"text": "中国"})


def _fill_in_by_program(visitor: Visitor) -> None:
    page = visitor.page
    page.fill(BOX, "one two")
    visitor.wait_chips(["one", "two"])
    page.keyboard.press("End")
    page.keyboard.insert_text(" three")
    visitor.wait_chips(["one", "two", "three"])
    page.fill(BOX, "[MASK] x [SEP]")  # special tokens that are typed are plain text
    visitor.wait_chips(["[", "mask", "]", "x", "[", "sep", "]"])


def test_a_second_text_a_length_and_another_tokenizer_change_the_picture(visit: Visit) -> None:
    visitor = visit("en").open()
    page = visitor.page
    page.fill(BOX, "one two three")
    page.click("#tokens-add-pair")
    page.fill("#tokens-pair textarea", "four")
    page.wait_for_function("document.querySelectorAll('#tokens-strip .bd-chip').length === 7")
    page.fill("#tokens-length input", "5")
    visitor.sees("#tokens-strip .bd-cut", "tokens.cut_here")
    visitor.choose("#tokens-compare", page.locator("#tokens-checkpoint input").input_value())
    page.locator("#tokens-compared .bd-chip").first.wait_for()
    _what_is_it(visitor)


def _what_is_it(visitor: Visitor) -> None:
    """Meet a term's line by the keyboard, the list of terms, and the tab that says what BERT is."""
    page, line = visitor.page, translate("en", "glossary.token.text")
    term = page.locator("#tokens-strip .bd-term").first
    drawn = "element => getComputedStyle(element, '::after').content"
    assert term.evaluate(drawn) == "none" and term.get_attribute("aria-description") == line
    term.focus()
    assert term.evaluate(drawn) == f'"{line}"'
    page.locator("#tokens-glossary-box button").first.click()
    page.locator("#tokens-glossary dt").first.wait_for()
    page.click("#tokens-what")
    page.locator('#inside-map [data-step="what"][aria-current]').wait_for()


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
