"""One thing has one name: both catalogues, the docs and the API are held to the list in tests/wording.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bertdemo.i18n.translation import LANGUAGES, catalogue
from bertdemo.sharing import readme
from bertdemo.ui.api.endpoints import Endpoints

ROOT = Path(__file__).resolve().parents[2]
RULES = json.loads((Path(__file__).parents[1] / "wording.json").read_text(encoding="utf-8"))
# Prefixes of keys whose words are not held to the list yet, while somebody rewrites them. There are none.
NOT_YET: tuple[str, ...] = ()
# A person reads a longer sentence twice.
LONGEST = {"en": 25, "zh": 45}
_PLACEHOLDER = re.compile(r"\{\w+\}")
_SENTENCE = {"en": re.compile(r"(?<=[.!?])[”)]*\s+"), "zh": re.compile(r"(?<=[。！？])")}
# A word; in Chinese a character or a mark, where a name, a number or a value in a sentence counts as one.
_UNIT = {"en": re.compile(r"\S*\w\S*"), "zh": re.compile(r"\{\w+\}|[A-Za-z0-9_.,%/+@#&=-]+|\S")}
# Stems that American English spells otherwise.
_BRITISH = re.compile(
    r"\b(?:(?:token|normal|optim|initial|summar|organ|recogn|general|regular|visual|standard|emphas|priorit)is(?!m|t)"
    r"|label+ed(?<=lled)|labelling|modelled|modelling|cancelled|travell|learnt|spelt|whilst"
    r"|colour|behaviour|favour|neighbour|centre|grey|catalogue|analys(?:e|ed|ing)\b|licence)",
    re.IGNORECASE,
)
# What in Markdown is no prose: blocks of code, code in a line, the targets of links, comments.
_NO_PROSE = re.compile(r"^```.*?^```|`[^`\n]*`|(?<=\])\([^)\n]*\)|<!--.*?-->", re.DOTALL | re.MULTILINE)
# A value, and after it a noun that has a form for one.
_COUNTED = re.compile(r"\{\w+\} (?P<noun>[a-z]+s)\b")
_NO_NOUN = {"is", "has", "was", "as", "fits", "contains", "looks", "lacks", "unpacks", "times"}


@dataclass(frozen=True)
class Rule:
    """What a thing is not called in one language."""

    term: str
    lang: str
    pattern: re.Pattern[str]
    catches: str
    right: tuple[str, ...]


@cache
def rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(row["term"], lang, re.compile(row[lang]["pattern"], re.IGNORECASE), row[lang]["catches"],
             tuple(row[lang]["right"]))
        for row in RULES["terms"] for lang in LANGUAGES
    )  # fmt: skip


def held(lang: str) -> Iterator[tuple[str, str]]:
    """Yield key and text of what is held to the list."""
    return ((key, text) for key, text in catalogue(lang).items() if not key.startswith(NOT_YET))


def prose(markdown: str) -> list[str]:
    """Return the paragraphs and the table rows of a Markdown text, each on one line and without its code."""
    text = re.sub(r"\n(?=[|#]|[-*] |\d+\. )", "\n\n", _NO_PROSE.sub("–", markdown))
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def documents() -> Iterator[tuple[str, str, str]]:
    """Yield language, name and paragraph of what people read outside the page."""
    folders = [ROOT.glob("README*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("tests/*.md")]
    for path in sorted(path for folder in folders for path in folder):
        lang = "zh" if path.name.endswith(".zh.md") else "en"
        for paragraph in prose(path.read_text(encoding="utf-8")):
            yield lang, path.relative_to(ROOT).as_posix(), paragraph
    for name, call in vars(Endpoints).items():
        if not name.startswith("_"):
            yield from (("en", f"/{name}", paragraph) for paragraph in prose(call.__doc__ or ""))
    for lang in LANGUAGES:  # the README in a zip is in both languages
        yield from ((lang, "sharing", paragraph) for paragraph in [*prose(readme.TEXT), readme.NOTE])


def without_names(text: str) -> str:
    """Return a text without the names of its values, which nobody reads."""
    return _PLACEHOLDER.sub("{}", text)


def sentences(lang: str, text: str) -> list[str]:
    return [sentence for line in text.splitlines() for sentence in _SENTENCE[lang].split(line) if sentence]


def length(lang: str, sentence: str) -> int:
    return len(_UNIT[lang].findall(sentence))


def test_every_pattern_catches_its_own_sentence() -> None:
    blind = [f"{rule.lang}: {rule.term}" for rule in rules() if not rule.pattern.search(without_names(rule.catches))]
    assert blind == []


def test_no_text_calls_a_thing_by_another_name() -> None:
    hits = [
        f"{rule.lang}: {key}: “{hit[0]}” instead of {rule.term}"
        for rule in rules()
        for key, text in held(rule.lang)
        if key not in rule.right and (hit := rule.pattern.search(without_names(text)))
    ]
    assert hits == [], "\n".join(hits)


def test_prose_is_markdown_without_its_code() -> None:
    text = "# Title\nOne `piece`\nof [a text](piece.md).\n\n```\npiece\n```\n| a | `piece` |\n<!-- piece\n-->\nEnd"
    assert prose(text) == ["# Title One – of [a text]–.", "–", "| a | – | – End"]


def test_no_document_calls_a_thing_by_another_name() -> None:
    paragraphs = list(documents())
    assert {"README.md", "README.zh.md", "docs/benchmarks.md", "tests/README.md", "/predict", "sharing"} <= {
        name for _, name, _ in paragraphs
    }
    hits = [
        f"{name}: “{hit[0]}” instead of {rule.term}: {paragraph[max(0, hit.start() - 60) : hit.end() + 60]}"
        for rule in rules()
        for lang, name, paragraph in paragraphs
        if lang == rule.lang and name not in rule.right
        for hit in rule.pattern.finditer(paragraph)
    ]
    assert hits == [], "\n".join(hits)


def test_every_exception_is_the_key_of_a_text_or_the_name_of_a_document() -> None:
    keys = {key.removesuffix(".other") for key in catalogue("en")} | set(catalogue("en"))
    keys |= {name for _, name, _ in documents()}
    named = {*RULES["never_one"], *RULES["longer"], *(key for rule in rules() for key in rule.right)}
    assert {key for key in named - keys if not key.startswith(NOT_YET)} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_is_too_long(lang: str) -> None:
    long = [
        f"{key}: {length(lang, sentence)}: {sentence}"
        for key, text in held(lang)
        if key not in RULES["longer"]
        for sentence in sentences(lang, text)
        if length(lang, sentence) > LONGEST[lang]
    ]
    assert long == [], "\n".join(long)


def test_a_sentence_is_measured_as_a_reader_meets_it() -> None:
    assert sentences("en", "Is it 0.5? It is “so.” Yes (1 – 2).") == ["Is it 0.5?", "It is “so.", "Yes (1 – 2)."]
    assert length("en", "Yes – {n} of them.") == 4
    assert [length("zh", sentence) for sentence in sentences("zh", "共 {n} 行。用 bert-base-chinese 吗？")] == [4, 4]


def test_a_count_has_a_form_for_one() -> None:
    wrong = [
        f"{key}: {hit[0]}"
        for key, text in held("en")
        if not key.endswith((".one", ".other")) and key not in RULES["never_one"]
        for hit in _COUNTED.finditer(re.sub(r"(?:fewer|more) than \{\w+\}", "", text))
        if hit["noun"] not in _NO_NOUN
    ]
    assert wrong == [], "\n".join(wrong)


def test_quotes_are_curly_and_apostrophes_straight() -> None:
    wrong = [f"{lang}: {key}" for lang in LANGUAGES for key, text in held(lang) if '"' in text]
    wrong += [f"en: {key}" for key, text in held("en") if re.search(r"\w’\w|[‘]", text)]
    assert wrong == []


def test_english_is_spelled_as_in_america() -> None:
    assert _BRITISH.search("the labelled rows are tokenised") and not _BRITISH.search("labeled, organism, optimizer")
    wrong = [f"{key}: {hit[0]}" for key, text in held("en") if (hit := _BRITISH.search(text))]
    assert wrong == []
