"""Both languages say the same things, in full, and every error has its sentence."""

from __future__ import annotations

import re

from bertdemo.errors import leaves
from bertdemo.i18n.translation import LANGUAGES, catalogue

PLACEHOLDER = re.compile(r"\{(\w+)\}")
HAN = "一-鿿"


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def test_both_languages_have_every_key() -> None:
    assert set(catalogue("en")) == set(catalogue("zh"))


def test_same_placeholders_and_no_empty_text() -> None:
    wrong = []
    for key in sorted(catalogue("en")):
        english, chinese = catalogue("en")[key], catalogue("zh").get(key, "")
        optional = {"n"} if key.endswith(".one") else set()
        if not english.strip() or not chinese.strip():
            wrong.append(f"{key}: empty")
        elif placeholders(english) - optional != placeholders(chinese) - optional:
            wrong.append(f"{key}: {placeholders(english)} and {placeholders(chinese)}")
    assert not wrong, "\n".join(wrong)


def test_a_counted_message_has_both_forms() -> None:
    keys = set(catalogue("en"))
    counted = {key.removesuffix(".one") for key in keys if key.endswith(".one")}
    assert sorted(f"{key}.other" for key in counted if f"{key}.other" not in keys) == []


def test_every_error_has_a_sentence_with_its_parameters() -> None:
    wrong = [
        f"{lang}: {leaf.__name__}"
        for lang in LANGUAGES
        for leaf in leaves()
        if (text := catalogue(lang).get(f"error.{leaf.key}")) is None or placeholders(text) != set(leaf.params)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_message_without_its_error() -> None:
    keys = {leaf.key for leaf in leaves()}
    assert {key for key in catalogue("en") if key.startswith("error.")} == {f"error.{key}" for key in keys}


def test_chinese_is_set_as_chinese() -> None:
    slips = {
        "ASCII punctuation after Chinese": rf"[{HAN}][,;:!?()]",
        "ASCII full stop after Chinese": rf"[{HAN}]\.(?:\s|$)",
        "no space beside Latin": rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]",
        "space between Chinese characters": rf"[{HAN}]\s+[{HAN}]",
    }
    wrong = [
        f"{key}: {slip}"
        for key, text in catalogue("zh").items()
        for slip, pattern in slips.items()
        if re.search(pattern, text)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_pictures_in_words() -> None:
    pictures = re.compile("[\U0001f000-\U0001faff☀-➿]")
    wrong = [f"{lang}: {key}" for lang in LANGUAGES for key, text in catalogue(lang).items() if pictures.search(text)]
    assert not wrong, "\n".join(wrong)


def test_no_message_asks_for_a_token_that_is_never_sent() -> None:
    wrong = [
        f"{lang}: {key}"
        for lang, words in (("en", r"\btoken\b"), ("zh", "令牌"))
        for key, text in catalogue(lang).items()
        if key.startswith("error.hub") and re.search(words, text)
    ]
    assert not wrong, "\n".join(wrong)
    assert all("BERTDEMO_CHECKPOINTS" in catalogue(lang)["error.hub_gated"] for lang in LANGUAGES)
