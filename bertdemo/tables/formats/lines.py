"""Lines that begin with a label: fastText's `__label__x text`, and `label text` or `labeltext` where it is clear."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import GLUED, LABEL_FIRST, DetectedFormat, Note, Occurrences

_FASTTEXT = re.compile(r"\s*(__label__\S+)")
_MARK = "__label__"
# With fewer lines a repeated first word is no evidence.
_MINIMUM = 8
# More labels than these are first words of sentences rather than labels.
_MOST_LABELS = 50
_MOST_GLUED = 10
# So many of the lines must fit; a few may be broken.
_NEARLY_ALL = 0.95
_SENTIMENTS = frozenset(
    {"positive", "negative", "neutral", "pos", "neg", "neu", "spam", "ham", "good", "bad", "yes", "no", "true", "false"}
)
_HAN = "正面 负面 中性 中立 积极 消极 正向 负向 好评 差评 中评 褒义 贬义"
# A word in brackets, a word that people use as a label, or a digit. A Latin word must be followed by a capital or a
# Chinese character, a digit by a letter: `positiveGreat`, `1这家店`, but neither `nothing` nor `2026`.
_GLUED = re.compile(
    rf"\s*(?:[\[(<【（〔](?P<framed>\w[\w-]{{0,20}})[\])>】）〕]"
    rf"|(?P<han>{'|'.join(_HAN.split())})[:：]?"
    rf"|(?P<latin>(?i:{'|'.join(sorted(_SENTIMENTS, key=len, reverse=True))}))(?:[:：]|(?=[A-Z\u4e00-\u9fff]))"
    r"|(?P<digit>\d)(?:[:：]|(?=[^\W\d_])))\s*(?=\S)"
)
# A label that no sentence begins with: a number, capitals, joined words, a word with a colon or in brackets.
_CODE = re.compile(r"-?\d{1,3}:?|[A-Z][A-Z_-]+[:]?|\w+(?:[:_/-]\w+)+:?|\w+:|[\[(<]\w+[\])>]")


def is_fasttext(lines: Sequence[str]) -> bool:
    """Return whether at least 80% of the lines begin with fastText's `__label__`."""
    filled = [line for line in lines if line.strip()]
    return bool(filled) and sum(bool(_FASTTEXT.match(line)) for line in filled) >= 0.8 * len(filled)


def is_label_first(lines: Sequence[str]) -> bool:
    """Return whether the first word of each line is a label: few distinct ones, repeated, and not part of the text."""
    parts = [line.split(None, 1) for line in lines if line.strip()]
    if len(parts) < _MINIMUM or any("\t" in line for line in lines):
        return False
    whole = [part for part in parts if len(part) == 2]
    counts = Counter(first for first, _ in whole)
    if len(whole) < _NEARLY_ALL * len(parts) or not 2 <= len(counts) <= min(_MOST_LABELS, len(whole) // 3):
        return False
    repeated = sum(count for count in counts.values() if count > 1)
    if repeated < _NEARLY_ALL * len(whole):
        return False
    # A lower-case word before a capital begins no sentence.
    lowered = sum(first.islower() and rest[:1].isupper() for first, rest in whole) >= 0.8 * len(whole)
    # A short non-ASCII word before a text without spaces: Chinese, which puts none between words.
    foreign = all(not first.isascii() and len(first) <= 6 for first in counts)
    coded = all(_CODE.fullmatch(first) or first.casefold() in _SENTIMENTS for first in counts)
    return coded or lowered or (foreign and all(" " not in rest.strip() for _, rest in whole))


def is_glued(lines: Sequence[str]) -> bool:
    """Return whether each line begins with one of few known labels to which its text is glued."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < _MINIMUM or any("\t" in line for line in lines):
        return False
    counts = Counter(label for line in filled if (label := _unglued(line)[0]))
    repeated = sum(count for count in counts.values() if count > 1)
    return 2 <= len(counts) <= min(_MOST_GLUED, len(filled) // 3) and repeated >= _NEARLY_ALL * len(filled)


def read_glued(text: TextFile) -> Grid:
    """Return the grid of such lines, columns label and text; a line without a known label keeps all of its text."""
    return _grid(text, GLUED, lambda unlabeled, textless: _glued(text, unlabeled, textless))


def read_labeled(text: TextFile, *, marked: bool) -> Grid:
    """Return the grid of such lines, columns label and text; with several labels in a line, labels are JSON lists."""
    several = marked and any(_several(line) for line in text.lines())
    if marked:
        return _grid(text, LABEL_FIRST, lambda unlabeled, textless: _marked(text, several, unlabeled, textless))
    return _grid(text, LABEL_FIRST, lambda unlabeled, textless: _first_words(text, textless))


def _grid(text: TextFile, delimiter: str, rows: Callable[[Occurrences, Occurrences], Iterator[Row]]) -> Grid:
    unlabeled, textless = Occurrences(), Occurrences()
    detected = DetectedFormat(
        kind="lines", encoding=text.encoding, encoding_sure=text.sure, delimiter=delimiter, quote="none"
    )

    def later() -> Sequence[Note]:
        return [*unlabeled.notes("unlabelled_lines"), *textless.notes("textless_lines")]

    return Grid(["label", "text"], rows(unlabeled, textless), detected, " ", text.notes, later)


def _several(line: str) -> bool:
    first = _FASTTEXT.match(line)
    return first is not None and _FASTTEXT.match(line, first.end()) is not None


def _first_words(text: TextFile, textless: Occurrences) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        label, *rest = line.split(None, 1) or [""]  # at any white space, a full-width space too
        if label and not rest:
            textless.add(number)
        yield number, [label.rstrip(":") or label, "".join(rest).strip()]


def _glued(text: TextFile, unlabeled: Occurrences, textless: Occurrences) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        label, rest = _unglued(line)
        if not label and rest:
            # A line that is only a label is recognized when a text follows it.
            label, after = _unglued(f"{rest}X")
            if after == "X":
                textless.add(number)
                rest = ""
            else:
                label = ""
                unlabeled.add(number)
        yield number, [label, rest]


def _unglued(line: str) -> tuple[str, str]:
    """Return (label, text); the label is "" where the line begins with none or has nothing after it."""
    match = _GLUED.match(line)
    if match is None:
        return "", line.strip()
    return next(part for part in match.groups() if part), line[match.end() :].strip()


def _marked(text: TextFile, several: bool, unlabeled: Occurrences, textless: Occurrences) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        labels: list[str] = []
        end = 0
        while match := _FASTTEXT.match(line, end):
            labels.append(match[1].removeprefix(_MARK).rstrip(","))
            end = match.end()
        if not labels and line.strip():
            unlabeled.add(number)
        rest = line[end:].strip(" \t\r\n,")
        if labels and not rest:
            textless.add(number)
        joined = json.dumps(labels, ensure_ascii=False) if several and labels else "".join(labels[:1])
        yield number, [joined, rest]
