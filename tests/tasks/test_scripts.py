"""Entities and answers in six scripts: the slice of the source is the marked text, whole words with their marks."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

import numpy as np
import pytest

from bertdemo import tasks
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.tables.annotations.locate import located, words_of
from bertdemo.tables.table import Table
from bertdemo.tasks.question_answering.spans import best_span, windows
from bertdemo.tasks.question_answering.targets import TargetAnswer
from bertdemo.tasks.question_answering.task import _answer
from bertdemo.tasks.token_classification.bio import Sentence
from bertdemo.tasks.token_classification.task import decoded, first_tokens

NER = {"tokens": "text", "tags": "spans"}
QA = {"question": "question", "context": "context", "answer": "answer"}


@dataclass(frozen=True)
class Script:
    """Sentences of one script, in each of which the name between the bars is marked."""

    name: str
    sentences: tuple[str, ...]


HINDI = (
    "|मीरा तिवारी| कल आईं।",
    "वे |पुणे| में रहते हैं।",
    "|इंदौर| से गाड़ी चली।",
    "हम |हिन्दुस्तान बैंक| गए।",
    "यह |कृष्णा नदी| है।",
)
TAMIL = (
    "|மீனாட்சி| நேற்று வந்தார்.",
    "அவர் |கோயம்புத்தூர்| சென்றார்.",
    "|திருச்சி| பெரிய ஊர்.",
    "இது |காவேரி ஆறு| தான்.",
    "நாங்கள் |நெல்லை| போனோம்.",
)
ARABIC = (
    "زَارَ |مُحَمَّدٌ| السُّوقَ.",
    "سَافَرَ إِلَى |دِمَشْقَ| أَمْسِ.",
    "|فَاطِمَةُ| فِي البَيْتِ.",
    "هٰذَا |بَنْكُ النِّيلِ| الجَدِيدُ.",
    "قَرَأَ |كَرِيمٌ| الكِتَابَ.",
)
HEBREW = (
    "|דָּוִד| הָלַךְ הַבַּיְתָה.",
    "הִיא גָּרָה בָּעִיר |חֵיפָה|.",
    "|מִרְיָם| אָכְלָה תַּפּוּחַ.",
    "זֶה |הַר כַּרְמֶל|.",
    "נָסַעְנוּ עִם |יַעֲקֹב| לַיָּם.",
)
FRENCH = (
    "|Hélène Côté| est arrivée.",
    "Il habite à |Besançon| depuis mai.",
    "|Société Générâle| a fermé.",
    "Nous allons à |Orléans|.",
    "Elle a vu |Noël Lefèvre| hier.",
)
CHINESE = (
    "昨天|林晓燕|来了。",
    "他住在|青河|很久了。",
    "|海棠银行|关门了。",
    "我们去|白沙镇|吧！",
    "这是|陈小舟|写的。",
)
SCRIPTS = (
    Script("Hindi", HINDI),
    Script("Tamil", TAMIL),
    Script("vocalized Arabic", ARABIC),
    Script("Hebrew", HEBREW),
    Script("decomposed French", tuple(unicodedata.normalize("NFD", one) for one in FRENCH)),
    Script("Chinese", CHINESE),
)
MARKED = [pytest.param(one, id=f"{script.name} {at}") for script in SCRIPTS for at, one in enumerate(script.sentences)]


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.folder())


def unbarred(sentence: str) -> tuple[str, int, str]:
    """Return the text, the start of the name, and the name."""
    before, name, after = sentence.split("|")
    return before + name + after, len(before), name


@pytest.mark.parametrize("sentence", MARKED)
def test_an_entity_is_the_marked_slice_from_the_file_to_the_prediction(
    sentence: str, tokenizer: SharedTokenizer
) -> None:
    from torch import full

    text, start, name = unbarred(sentence)
    spans = json.dumps([{"start": start, "end": start + len(name), "label": "X"}])
    task = tasks.find("token_classification")
    rows = Table("t.jsonl", {"text": (text,), "spans": (spans,)}, (1,))
    (target,) = task.targets(rows, NER, ("O", "B-X", "I-X"))
    assert isinstance(target, Sentence) and not target.inside
    judged = task.judge(_perfect(target, tokenizer, full), target, ("O", "B-X", "I-X"))
    (given,), (predicted,) = judged.given, judged.said
    assert text[given.start : given.end] == name == text[predicted.start : predicted.end] and judged.right
    # A text to predict has no spans, and is divided into the same words.
    assert task.inputs(Table("p", {"text": (text,)}, (1,)), {"tokens": "text"}, [0]).words == [target.words]


def _perfect(target: Sentence, tokenizer: SharedTokenizer, full: object) -> object:
    """Return what `decoded` makes of a model that is right about the first token of every word."""
    labels = ("O", "B-X", "I-X")
    encoding = tokenizer.encode(target.text)
    tokens = first_tokens(encoding.offsets, encoding.sequence_ids, target.words)
    probabilities = full((len(encoding.ids), 3), 0.05)  # type: ignore[operator]
    for word, token in tokens.items():
        probabilities[token, labels.index(target.tags[word])] = 0.9
    return decoded(target.text, target.words, tokens, probabilities, labels)


@pytest.mark.parametrize("stated", ["NFC", "NFD"])
@pytest.mark.parametrize("sentence", MARKED)
def test_an_answer_is_the_slice_nearest_to_its_offset_however_its_accents_are_written(
    sentence: str, stated: str, tokenizer: SharedTokenizer
) -> None:
    text, start, name = unbarred(sentence)
    passage = f"{text}\r\n{text}\r\n{text}"
    second = len(text) + 2 + start
    # The tool counted a line end as one character, so the stated offset is one less.
    cells = {"question": "Q?", "context": passage, "answer": unicodedata.normalize(stated, name)}
    rows = Table("q", {**{key: (cell,) for key, cell in cells.items()}, "answer_start": (str(second - 1),)}, (1,))
    task = tasks.find("question_answering")
    (target,) = task.targets(rows, QA, ())
    assert target == TargetAnswer(name, second, moved=True)
    assert passage[target.start : target.end] == name
    assert [problem.rows for problem in task.problems(rows, QA)] == [(0,)]
    assert _predicted(tokenizer, passage, target) == name


def _predicted(tokenizer: SharedTokenizer, passage: str, target: TargetAnswer) -> str:
    """Return the answer of a model that scores the tokens of the target highest, as training labels them."""
    from bertdemo.run_config import Truncation
    from bertdemo.tasks.base import EncodeOptions, LabeledTable

    rows = Table("q", {"question": ("Q?",), "context": (passage,), "answer": (target.text,),
                       "answer_start": (str(target.start),)}, (1,))  # fmt: skip
    encoded = tasks.find("question_answering").encode(
        LabeledTable(rows, QA), [0], tokenizer, EncodeOptions(Truncation(384))
    )
    (window,) = windows(tokenizer, "Q?", passage, 384)
    (first,), (last,) = encoded["start_positions"], encoded["end_positions"]
    assert 0 < first <= last
    starts, ends = np.zeros(len(window.ids)), np.zeros(len(window.ids))
    starts[first], ends[last] = 9.0, 9.0
    answer = _answer(best_span([starts], [ends], [window]), passage)
    assert passage[answer.start : answer.end] == answer.answer
    return answer.answer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("मीरा मुंबई में।", ["मीरा", "मुंबई", "में", "।"]),
        ("مُحَمَّدٌ هُنَا", ["مُحَمَّدٌ", "هُنَا"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("צה״ל חֵיפָה", ["צה״ל", "חֵיפָה"]),
        ("caf\u0065\u0301s d'\u0065\u0301te\u0301", ["caf\u0065\u0301s", "d'\u0065\u0301te\u0301"]),
        ("在Bonn住 3天", ["在", "Bonn", "住", "3", "天"]),
        ("か\u3099き ❤\ufe0f!", ["か\u3099", "き", "❤\ufe0f", "!"]),
        ("U.S. well-known don't", ["U.S", ".", "well-known", "don't"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
    ],
)
def test_words_keep_their_marks(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in words_of(text)] == words


@pytest.mark.parametrize(
    ("text", "stated", "near", "slice_"),
    [
        ("cafe\u0301 cafe", "cafe", 0, "cafe"),
        ("cafe\u0301s", "café", 0, "cafe\u0301"),
        ("é é é", "é", 3, "é"),
        ("각 가", "가", 0, "가"),
        ("रामा राम", "राम", 0, "राम"),
        ("रामा", "राम", 0, "रामा"),
        ("plain", "é", 0, ""),
        ("a b a", "a", 4, "a"),
    ],
)
def test_an_occurrence_never_cuts_a_letter_from_its_marks(
    text: str, stated: str, near: int, slice_: str | None
) -> None:
    place = located(text, stated, near)
    assert (text[place[0] : place[1]] if place else "") == slice_
