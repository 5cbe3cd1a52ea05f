"""The glossary: a term is marked once, as a whole word, with its line; nothing else of a text changes."""

from __future__ import annotations

import re

import pytest

from bertdemo.i18n.translation import LANGUAGES, catalogue, translate
from bertdemo.ui.html.glossary import TERMS, Glossary, glossed, render_glossary
from tests.ui.html.test_primitives import HOSTILE, read

MOST = {"en": 20, "zh": 40}


def marked(html: str) -> list[str]:
    return re.findall(r'<dfn class="bd-term"[^>]*>([^<]*)</dfn>', html)


def test_the_terms_are_those_of_the_catalogue() -> None:
    assert {f"glossary.{term}.{part}" for term in TERMS for part in ("term", "text")} == {
        key for key in catalogue("en") if key.startswith("glossary.") and key != "glossary.title"
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_term_has_one_short_line_and_is_found_in_a_text(lang: str) -> None:
    for term in TERMS:
        line, name = translate(lang, f"glossary.{term}.text"), translate(lang, f"glossary.{term}.term")
        units = line.split() if lang == "en" else re.findall(r"[A-Za-z0-9.,]+|\S", line)
        assert len(units) <= MOST[lang], line
        html = glossed(f"{name}。", lang)
        assert marked(html) == [name] and f'data-tip="{line}"' in html and 'tabindex="0"' in html


def test_a_term_is_marked_once_as_a_whole_word_and_the_longest_wins() -> None:
    assert marked(glossed("Tokens, a token, tokenization and its token_type_ids", "en")) == ["Tokens"]
    assert marked(glossed("F1 is not macro-F1", "en")) == ["F1", "macro-F1"]
    assert marked(glossed("macro-F1", "en")) == ["macro-F1"]
    assert marked(glossed("the validation sets and [CLS]", "en")) == ["validation sets", "[CLS]"]
    assert marked(glossed("验证集上的宏平均 F1", "zh")) == ["验证集", "宏平均 F1"]
    glossary = Glossary("en")
    assert marked(glossary.mark("a token")) == ["token"] and marked(glossary.mark("a token, an epoch")) == ["epoch"]


@pytest.mark.parametrize("lang", [*LANGUAGES, HOSTILE])
def test_hostile_text_stays_text(lang: str) -> None:
    html = glossed(f"{HOSTILE} token {HOSTILE} [CLS] {HOSTILE}", lang)
    seen = read(html)
    assert set(seen.tags) <= {"dfn"}
    assert seen.words.count(HOSTILE) == 3
    assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html)), "a template could run this"
    assert set(seen.attributes) <= {"class", "tabindex", "data-tip", "aria-description"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_has_every_term_with_its_line(lang: str) -> None:
    words = read(render_glossary(lang)).words
    assert all(translate(lang, f"glossary.{term}.{part}") in words for term in TERMS for part in ("term", "text"))
