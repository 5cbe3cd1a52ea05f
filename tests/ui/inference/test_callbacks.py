"""What the listeners of Inference answer, without a browser and without a model."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.inference.callbacks import Callbacks
from bertdemo.ui.inference.examples import NO_EXAMPLES, Example, Offered
from bertdemo.ui.inference.layout import layout
from tests.ui.pages import empty_page

OTHERS = Offered((Example("another model's row", "", "a"),), held_out=True)
FIRST = "predict.example.1"
REMOTE = "google-bert/bert-base-uncased"


@pytest.fixture
def callbacks(settings: Settings) -> Iterator[Callbacks]:
    with empty_page(Services.create(settings)) as page:
        yield Callbacks(page, layout(page))


def chosen(callbacks: Callbacks, text: str, pair: str, offers: Offered, checkpoint: str = "bundled") -> dict[str, Any]:
    updates: dict[Any, Any] = callbacks.choose(checkpoint, text, pair, offers, "", "en")
    return {name: updates[getattr(callbacks.parts.question, name)] for name in ("text", "pair", "offered", "download")}


@pytest.mark.parametrize(("text", "offers"), [("", NO_EXAMPLES), ("another model's row", OTHERS)])
def test_the_first_example_stands_in_the_boxes_until_a_person_types(
    callbacks: Callbacks, text: str, offers: Offered
) -> None:
    boxes = chosen(callbacks, text, "", offers)
    assert boxes["text"]["value"] == translate("en", f"{FIRST}.text")
    assert boxes["pair"]["value"] == translate("en", f"{FIRST}.pair") and boxes["pair"]["visible"]


def test_a_text_of_ones_own_and_the_example_that_is_there_stay(callbacks: Callbacks) -> None:
    own = chosen(callbacks, "my own text", "", OTHERS)
    assert "value" not in own["text"] and "value" not in own["pair"]
    second = tuple(translate("en", f"predict.example.2.{slot}") for slot in ("text", "pair"))
    same = chosen(callbacks, *second, own["offered"])
    assert "value" not in same["text"]


def test_typing_never_downloads_and_the_button_says_what_it_would(callbacks: Callbacks) -> None:
    assert not chosen(callbacks, "", "", NO_EXAMPLES)["download"]["visible"]
    button = chosen(callbacks, "", "", NO_EXAMPLES, REMOTE)["download"]
    assert button["visible"] and "438 MB" in button["value"] and "bert-base-uncased" in button["value"]
    answer: Any = callbacks.answer(3, "a text", "", REMOTE, NO_EXAMPLES, "", "en")[callbacks.parts.answer]
    assert "438 MB" in answer["html"]


def test_an_answer_has_the_number_of_its_question_even_where_it_is_an_error(callbacks: Callbacks) -> None:
    place = callbacks.parts.answer
    empty: Any = callbacks.answer(7, " ", "", "bundled", NO_EXAMPLES, "", "en")[place]
    assert empty["n"] == 7 and translate("en", "predict.empty") in empty["html"]
    gone: Any = callbacks.answer(8, "a", "", "nobody-has-this", OTHERS, "", "zh")[place]
    assert gone["n"] == 8 and 'role="alert"' in gone["html"] and gone["example"] is None
    own: Any = callbacks.answer(9, "another model's row", "", "nobody-has-this", OTHERS, "", "en")[place]
    assert own["example"] == 0


@pytest.mark.parametrize(("pressed", "taken"), [("0", True), ("1", False), ("-1", False), ("x", False), ("", False)])
def test_a_chip_puts_its_texts_into_the_boxes_and_anything_else_does_nothing(
    callbacks: Callbacks, pressed: str, taken: bool
) -> None:
    event: Any = SimpleNamespace(example=pressed)
    updates = callbacks.take_example(OTHERS, event)
    assert (list(updates.values()) == ["another model's row", ""]) == taken and bool(updates) == taken
