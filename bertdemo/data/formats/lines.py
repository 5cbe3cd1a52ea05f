"""Lines that begin with a label: fastText's `__label__x text`, and `label text` where that is convincing."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bertdemo.data.formats import Grid
from bertdemo.data.formats.encoding import TextFile
from bertdemo.data.formats.header import Row
from bertdemo.data.reading import LABEL_FIRST, Places, Reading

_FASTTEXT = re.compile(r"\s*(__label__\S+)")
_MARK = "__label__"
_MINIMUM = 8
_MOST_LABELS = 50
_SENTIMENTS = frozenset(
    {"positive", "negative", "neutral", "pos", "neg", "neu", "spam", "ham", "good", "bad", "yes", "no", "true", "false"}
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


def read_labelled(text: TextFile, *, marked: bool) -> Grid:
    """Return the grid of such lines, columns label and text; with several labels in a line, labels are JSON lists."""
    several = marked and any(_several(line) for line in text.lines())
    unlabelled = Places()
    reading = Reading(
        kind="lines", encoding=text.encoding, encoding_sure=text.sure, delimiter=LABEL_FIRST, quote="none"
    )
    rows = _marked(text, several, unlabelled) if marked else _first_words(text)
    return Grid(["label", "text"], rows, reading, " ", text.notes, later=lambda: unlabelled.notes("unlabelled_lines"))


def _several(line: str) -> bool:
    first = _FASTTEXT.match(line)
    return first is not None and _FASTTEXT.match(line, first.end()) is not None


def _first_words(text: TextFile) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        label, _, rest = line.strip().partition(" ")
        yield number, [label.rstrip(":") or label, rest.strip()]


def _marked(text: TextFile, several: bool, unlabelled: Places) -> Iterator[Row]:
    for number, line in enumerate(text.lines(), start=1):
        labels: list[str] = []
        place = 0
        while found := _FASTTEXT.match(line, place):
            labels.append(found[1].removeprefix(_MARK).rstrip(","))
            place = found.end()
        if not labels and line.strip():
            unlabelled.add(number)
        joined = json.dumps(labels, ensure_ascii=False) if several and labels else "".join(labels[:1])
        yield number, [joined, line[place:].strip(" \t\r\n,")]
