"""Both languages say the same things, in full, and every error has its sentence."""

from __future__ import annotations

import re

import pytest

from bertdemo.errors import BertDemoError, leaves
from bertdemo.ui.i18n import LANGUAGES, catalogue

PLACEHOLDER = re.compile(r"\{(\w+)\}")
HAN = "一-鿿"


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def test_both_languages_have_every_key() -> None:
    assert set(catalogue("en")) == set(catalogue("zh"))


@pytest.mark.parametrize("key", sorted(catalogue("en")))
def test_same_placeholders_and_no_empty_text(key: str) -> None:
    english, chinese = catalogue("en")[key], catalogue("zh")[key]
    assert english.strip()
    assert chinese.strip()
    optional = {"n"} if key.endswith(".one") else set()
    assert placeholders(english) - optional == placeholders(chinese) - optional


def test_a_counted_message_has_both_forms() -> None:
    keys = set(catalogue("en"))
    for key in keys:
        if key.endswith(".one"):
            assert f"{key.removesuffix('.one')}.other" in keys


@pytest.mark.parametrize("leaf", leaves(), ids=lambda leaf: leaf.__name__)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_error_has_a_sentence_with_its_parameters(lang: str, leaf: type[BertDemoError]) -> None:
    assert placeholders(catalogue(lang)[f"error.{leaf.key}"]) == set(leaf.params)


def test_no_message_without_its_error() -> None:
    keys = {leaf.key for leaf in leaves()}
    assert {key for key in catalogue("en") if key.startswith("error.")} == {f"error.{key}" for key in keys}


def test_chinese_is_set_as_chinese() -> None:
    for key, text in catalogue("zh").items():
        assert not re.search(rf"[{HAN}][,;:!?()]", text), f"{key}: ASCII punctuation after Chinese"
        assert not re.search(rf"[{HAN}]\.(?:\s|$)", text), f"{key}: ASCII full stop after Chinese"
        assert not re.search(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]", text), f"{key}: no space beside Latin"
        assert not re.search(rf"[{HAN}]\s+[{HAN}]", text), f"{key}: space between Chinese characters"


def test_no_pictures_in_words() -> None:
    for lang in LANGUAGES:
        for key, text in catalogue(lang).items():
            assert not re.search("[\U0001f000-\U0001faff☀-➿]", text), key


def test_no_message_asks_for_a_token_that_is_never_sent() -> None:
    for lang, words in (("en", r"\btoken\b"), ("zh", "令牌")):
        for key, text in catalogue(lang).items():
            assert not (key.startswith("error.hub") and re.search(words, text)), key
    assert all("BERTDEMO_CHECKPOINTS" in catalogue(lang)["error.hub_gated"] for lang in LANGUAGES)


@pytest.mark.parametrize(("lang", "words"), [("en", r"\bresum"), ("zh", "继续训练|恢复训练|断点")])
def test_no_sentence_about_a_run_promises_that_it_goes_on_where_it_stopped(lang: str, words: str) -> None:
    sentences = {
        key: text for key, text in catalogue(lang).items() if key.startswith(("error.", "run.", "runs.", "train."))
    }
    assert [key for key, text in sentences.items() if re.search(words, text, re.IGNORECASE)] == []
