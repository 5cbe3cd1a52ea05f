"""Inference answers as one types, and only to what stands in the boxes, however slow the model is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.server import ROOT, Server
from tests.e2e.visitor import Visitor

# The app with a model that takes two seconds for a text that begins with "slow".
SLOW_APP = f"""
import runpy, sys, time
sys.path.insert(0, {str(ROOT)!r})
from bertdemo.serving.predictor import Predictor
embed = Predictor.embed
def slow(self, texts, *rest):
    if texts[0].startswith("slow"):
        time.sleep(2)
    return embed(self, texts, *rest)
Predictor.embed = slow
runpy.run_path({str(ROOT / "app.py")!r}, run_name="__main__")
"""
BOX = "#predict-text textarea"
# Every text whose answer was drawn, in turn.
RECORD = """() => {
  window.drawn = [];
  const place = document.querySelector("#predict-answer .bd-answer-place");
  new MutationObserver(() => window.drawn.push(place.dataset.text)).observe(place, { childList: true });
}"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slow")
    app = folder / "slow_app.py"
    app.write_text(SLOW_APP, encoding="utf-8")
    server = Server(folder / "home", tiny, app=app)
    server.start()
    yield server
    server.close()


def _settled(visitor: Visitor, text: str) -> None:
    visitor.page.wait_for_function(
        "text => document.querySelector('#predict-answer .bd-answer-place')?.dataset.text === text", arg=text
    )


def test_an_answer_to_what_is_no_longer_in_the_boxes_is_never_drawn(visit: Visit, slow: Server) -> None:
    visitor = visit("en", slow).open("predict", checkpoint="bundled")
    page, keys = visitor.page, visitor.page.keyboard
    page.locator("#predict-answer .bd-scale").wait_for()  # the first example is answered on arrival
    assert page.input_value(BOX) == visitor.say("predict.example.1.text")
    page.locator("#predict-examples [data-example='0'][aria-pressed=true]").wait_for()
    page.evaluate(RECORD)
    box = page.locator("#predict-answer-box").bounding_box()

    visitor.page.fill(BOX, "slow kettle")
    page.locator("#predict-answer.is-late").wait_for()  # it is on its way: what was there fades, and nothing moves
    assert page.locator("#predict-answer-box").bounding_box() == box
    page.focus(BOX)
    keys.press("Control+A")
    keys.type("quick cup", delay=30)
    _settled(visitor, "quick cup")
    assert page.locator("#predict-answer.is-late").count() == 0

    page.fill(BOX, "slow again")
    page.wait_for_timeout(200)  # so that it was asked for
    page.fill(BOX, "")
    visitor.sees("#predict-answer .bd-state", "predict.empty")

    page.fill(BOX, "slow third")
    page.wait_for_timeout(200)
    visitor.choose("#predict-checkpoint", "tiny")
    visitor.sees("#predict-answer", "predict.vector", n=32)  # not the 384 of the model that was asked first
    _settled(visitor, "slow third")

    page.click("#predict-examples [data-example='1']")
    _settled(visitor, visitor.say("predict.example.2.text"))
    page.focus(BOX)
    keys.press("End")
    keys.type(" now")
    keys.press("Enter")  # at once, and no line break
    _settled(visitor, f"{visitor.say('predict.example.2.text')} now")
    drawn = page.evaluate("window.drawn")
    assert "slow kettle" not in drawn and "slow again" not in drawn, drawn
    assert drawn.count("slow third") == 1, drawn


def test_a_download_is_never_started_by_typing(visit: Visit, slow: Server) -> None:
    visitor = visit("en", slow).open("predict", checkpoint="google-bert/bert-base-uncased")
    page = visitor.page
    page.fill(BOX, "a text")
    visitor.sees("#predict-answer .bd-state", "predict.not_here", name="bert-base-uncased", size="438 MB")
    visitor.sees("#predict-download", "predict.download", name="bert-base-uncased", size="438 MB")
    page.click("#predict-download")
    visitor.sees("#predict-about [role=alert]", "error.hub_unreachable", checkpoint="google-bert/bert-base-uncased")
