"""Two languages: which one the page opens in, and that the control changes every text of ours at once."""

from __future__ import annotations

import re

from playwright.sync_api import Route

from bertdemo.i18n.translation import catalogue
from tests.e2e.conftest import Visit
from tests.e2e.visitor import PLACEHOLDER, TABS, Visitor, template

WORDS = re.compile(r"[A-Za-z]{3}")
SPECIAL = re.compile(r"\\\[[A-Z]+\\\]")
OPEN_BOXES = {"tokens": "#tokens-table-box", "train": "#train-all", "predict": "#predict-file-box"}


def _only_english() -> dict[str, re.Pattern[str]]:
    """Return what each English message looks like, where Chinese says something else and there are words in it."""
    chinese = catalogue("zh")
    # [UNK] and its like are the same in every language.
    bare = {key: SPECIAL.sub("", PLACEHOLDER.sub("", re.escape(text))) for key, text in catalogue("en").items()}
    return {
        key: template("en", key)
        for key, text in catalogue("en").items()
        if text != chinese[key] and WORDS.search(bare[key])
    }


PATTERNS = _only_english()


COLUMNS = {"text", "label"}  # names of columns in the data, which stay as they are


def _english(texts: list[str]) -> dict[str, str]:
    """Return the texts that are messages of the English catalogue, with the key of one."""
    found = {}
    for text in set(texts) - COLUMNS:
        key = next((key for key, pattern in PATTERNS.items() if pattern.fullmatch(text)), None)
        if key:
            found[text] = key
    return found


def test_a_chinese_browser_opens_in_chinese(visit: Visit) -> None:
    visitor = visit("zh", locale="zh-Hans-CN").open()  # other ways to write it: tests/i18n
    visitor.sees("#tab-tokens-button", "tabs.tokens")
    assert not _english(visitor.texts())
    assert visitor.page.title() == visitor.say("common.title")


def test_any_other_browser_opens_in_english(visit: Visit) -> None:
    visitor = visit("en", locale="de-DE").open()
    visitor.sees("#tab-tokens-button", "tabs.tokens")
    assert not re.search(r"[\u4e00-\u9fff]", "".join(visitor.texts()).replace("中文", ""))


def test_the_choice_is_remembered_and_travels_in_the_address(visit: Visit) -> None:
    visitor = visit("en").open().speak("zh")
    assert visitor.query()["lang"] == "zh"
    visitor.page.goto(visitor.url)  # no lang in the address: what was chosen before decides
    visitor.ready()
    visitor.speak("en").reload()
    assert visitor.query()["lang"] == "en"
    other = visit("en")
    other.lang = "zh"
    other.open(lang="zh")


def test_a_language_that_is_chosen_before_the_page_has_answered_stays_chosen(visit: Visit) -> None:
    visitor = visit("en")
    page, held = visitor.page, list[Route]()

    def hold(route: Route) -> None:
        if held or route.request.method != "POST":
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/gradio_api/(run|queue)/"), hold)  # the first one is what draws the page
    with page.expect_request(lambda request: "/gradio_api/run/" in request.url):
        page.goto(visitor.url)
    page.locator("#language").get_by_label("中文").check()
    visitor.lang = "zh"
    visitor.sees("#header .bd-tagline", "header.tagline")
    held[0].continue_()
    visitor.ready()
    for _ in range(40):  # the choice is made once more, and a busy server takes its time to answer it
        page.wait_for_timeout(500)
        if not _english(visitor.texts()):
            break
    assert page.locator("#language").get_by_label("中文").is_checked()
    assert visitor.query()["lang"] == "zh"
    assert not _english(visitor.texts())


def _fill_every_tab(visitor: Visitor, run: str) -> None:
    """Bring something of everything onto the page: a report, a finished run, an answer, an opened run."""
    page = visitor.page
    page.click("#tokens-add-pair")
    page.fill("#tokens-pair textarea", "汉字 x")
    visitor.tab("train").sample("support_en")
    visitor.tab("predict")
    page.locator("#predict-about .bd-about").wait_for()
    visitor.ask("xyz")
    page.locator("#predict-answer .bd-two").wait_for()
    visitor.tab("runs")
    page.locator(f"#runs-title [data-opened='{run}']").wait_for()


def test_the_control_changes_every_text_of_ours_in_every_tab(visit: Visit, finished: str) -> None:
    visitor = visit("en").open(run=finished)
    _fill_every_tab(visitor, finished)
    for name in TABS:
        visitor.speak("en").tab(name)
        if name == "inside":  # its drawings come when it is opened, and are what is to change
            visitor.page.locator("#inside-map .bd-map").wait_for()
        if name in OPEN_BOXES:
            button = visitor.page.locator(f"{OPEN_BOXES[name]} button").first
            if "open" not in (button.get_attribute("class") or ""):
                button.click()
        spoken = _english(visitor.texts())
        assert len(spoken) >= 8, name
        visitor.speak("zh")
        left = _english(visitor.texts())
        assert not left, f"{name}: still English: {left}"
        visitor.speak("en")
        back = _english(visitor.texts())
        assert set(spoken) <= set(back), f"{name}: lost in going there and back: {set(spoken) - set(back)}"


def test_an_answer_and_what_was_typed_stay_when_the_language_changes(visit: Visit, finished: str) -> None:
    visitor = visit("en").open("predict", run=finished)
    page = visitor.page
    visitor.ask("good film")
    page.locator("#predict-answer .bd-two").wait_for()
    label = page.locator("#predict-answer .bd-big").first.inner_text()
    visitor.speak("zh")
    visitor.sees("#predict-answer", "predict.before")
    assert page.locator("#predict-answer .bd-big").first.inner_text() == label
    assert page.input_value("#predict-text textarea") == "good film"
