"""Lines that begin with a label: fastText's `__label__x text`, and `label text` or `labeltext` where that convinces."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import GLUED, LABEL_FIRST, DetectedFormat, Note, Places

_FASTTEXT = re.compile(r"\s*(__label__\S+)")
_MARK = "__label__"
_MINIMUM = 8
_MOST_LABELS = 50
_MOST_GLUED = 10
_SENTIMENTS = frozenset(
    {"positive", "negative", "neutral", "pos", "neg", "neu", "spam", "ham", "good", "bad", "yes", "no", "true", "false"}
)
_HAN = "正面 负面 中性 中立 积极 消极 正向 负向 好评 差评 中评 褒义 贬义"
# A word in brackets, a word that people use for a label, a digit. A Latin word ends where a capital or a Chinese
# character follows, a digit before a letter: `positiveGreat`, `1这家店`, but not `nothing` and not `2026`.
_GLUED = re.compile(
    rf"\s*(?:[\[(<【（〔](?P<framed>\w[\w-]{{0,20}})[\])>】）〕]"
    rf"|(?P<han>{'|'.join(_HAN.split())})[:：]?"
    rf"|(?P<latin>(?i:{'|'.join(sorted(_SENTIMENTS, key=len, reverse=True))}))(?:[:：]|(?=[A-Z\u4e00-\u9fff]))"
    r"|(?P<digit>\d)(?:[:：]|(?=[^\W\d_])))\s*(?=\S)"
)
_CODE = re.compile(r"-?\d{1,3}:?|[A-Z][A-Z_-]+[:]?|\w+(?:[:_/-]\w+)+:?|\w+:|[\[(<]\w+[\])>]")


def is_fasttext(lines: Sequence[str]) -> bool:
    """Return whether nearly all of the lines carry fastText's mark."""
    filled = [line for line in lines if line.strip()]
    return bool(filled) and sum(bool(_FASTTEXT.match(line)) for line in filled) >= 0.8 * len(filled)


def is_label_first(lines: Sequence[str]) -> bool:
    """Return whether the first word of each line is a label: few, each many times, and none begins a sentence."""
    parts = [line.split(None, 1) for line in lines if line.strip()]
    if len(parts) < _MINIMUM or any("\t" in line for line in lines):
        return False
    whole = [part for part in parts if len(part) == 2]
    counts = Counter(first for first, _ in whole)
    if len(whole) < 0.95 * len(parts) or not 2 <= len(counts) <= min(_MOST_LABELS, len(whole) // 3):
        return False
    often = sum(count for count in counts.values() if count > 1)
    if often < 0.95 * len(whole):
        return False
    lowered = sum(first.islower() and rest[:1].isupper() for first, rest in whole) >= 0.8 * len(whole)
    foreign = all(not first.isascii() and len(first) <= 6 for first in counts)
    coded = all(_CODE.fullmatch(first) or first.casefold() in _SENTIMENTS for first in counts)
    return coded or lowered or (foreign and all(" " not in rest.strip() for _, rest in whole))


def is_glued(lines: Sequence[str]) -> bool:
    """Return whether each line begins with one of few known labels to which its text is glued."""
    filled = [line for line in lines if line.strip()]
    if len(filled) < _MINIMUM or any("\t" in line for line in lines):
        return False
    counts = Counter(label for line in filled if (label := _unglued(line)[0]))
    often = sum(count for count in counts.values() if count > 1)
    return 2 <= len(counts) <= min(_MOST_GLUED, len(filled) // 3) and often >= 0.95 * len(filled)


def read_glued(text: TextFile) -> Grid:
    """Return the grid of such lines, columns label and text; a line without a known label keeps all of its text."""
    return _grid(text, GLUED, lambda unlabeled, textless: _parted(text, unlabeled, textless))


def read_labeled(text: TextFile, *, marked: bool) -> Grid:
    """Return the grid of such lines, columns label and text; with several labels in a line, labels are JSON lists."""
    several = marked and any(_several(line) for line in text.lines())
    if marked:
        return _grid(text, LABEL_FIRST, lambda unlabeled, textless: _marked(text, several, unlabeled, textless))
    return _grid(text, LABEL_FIRST, lambda unlabeled, textless: _first_words(text, textless))


def _grid(text: TextFile, delimiter: str, rows: Callable[[Places, Places], Iterator[Row]]) -> Grid:
    unlabeled, textless = Places(), Places()
    detected = DetectedFormat(
        kind="lines", encoding=text.encoding, encoding_sure=text.sure, delimiter=delimiter, quote="none"
    )

    def later() -> Sequence[Note]:
        return [*unlabeled.notes("unlabelled_lines"), *textless.notes("textless_lines")]

    return Grid(["label", "text"], rows(unlabeled, textless), detected, " ", text.notes, later)


def _several(line: str) -> bool:
    first = _FASTTEXT.match(line)
    return first is not None and _FASTTEXT.match(line, first.end()) is not None


def _first_words(text: TextFile, textless: Places) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        label, *rest = line.split(None, 1) or [""]  # any white space parts them, a full-width space too
        if label and not rest:
            textless.add(number)
        yield number, [label.rstrip(":") or label, "".join(rest).strip()]


def _parted(text: TextFile, unlabeled: Places, textless: Places) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        label, rest = _unglued(line)
        if not label and rest:
            label, after = _unglued(f"{rest}X")
            if after == "X":
                textless.add(number)
                rest = ""
            else:
                label = ""
                unlabeled.add(number)
        yield number, [label, rest]


def _unglued(line: str) -> tuple[str, str]:
    """Return the label, "" where the line begins with none or has nothing after it, and the text."""
    found = _GLUED.match(line)
    if found is None:
        return "", line.strip()
    return next(part for part in found.groups() if part), line[found.end() :].strip()


def _marked(text: TextFile, several: bool, unlabeled: Places, textless: Places) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        labels: list[str] = []
        place = 0
        while found := _FASTTEXT.match(line, place):
            labels.append(found[1].removeprefix(_MARK).rstrip(","))
            place = found.end()
        if not labels and line.strip():
            unlabeled.add(number)
        rest = line[place:].strip(" \t\r\n,")
        if labels and not rest:
            textless.add(number)
        joined = json.dumps(labels, ensure_ascii=False) if several and labels else "".join(labels[:1])
        yield number, [joined, rest]
