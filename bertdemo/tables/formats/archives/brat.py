"""Standoff annotations as brat writes them: a text and an .ann file of the same name, with the entities' positions."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.archives.unpack import base_name, parts, texts
from bertdemo.tables.formats.header import Row
from bertdemo.tables.parse_options import DetectedFormat, Note, ParseOptions, listed
from bertdemo.tables.split_names import choose_split, split_name

# T1, the type and the positions, and the text there: fragments of an entity have a semicolon between them.
_ENTITY = re.compile(r"T\S*\t(\S+) (\d{1,9} \d{1,9}(?:;\d{1,9} \d{1,9})*)(?:\t(.*))?")
_LINE = re.compile(r"[^\r\n]+")

Pairs = Mapping[tuple[str, ...], tuple[zipfile.ZipInfo, zipfile.ZipInfo]]


@dataclass(frozen=True)
class Span:
    """An entity: code points of its text."""

    start: int
    end: int
    label: str


@dataclass
class _Counts:
    """What the notes tell."""

    documents: int = 0
    entities: int = 0
    overlapping: int = 0
    misplaced: int = 0
    fragments: int = 0
    others: Counter[str] = field(default_factory=Counter)
    """Lines that are no entities, by their first letter: R relations, E events, A attributes, # notes."""


def pairs(members: Sequence[zipfile.ZipInfo]) -> Pairs:
    """Return text and .ann file by their common path without the ending, else by their names alone."""
    by_ending: dict[str, dict[tuple[str, ...], zipfile.ZipInfo]] = {".txt": {}, ".ann": {}}
    for member in members:
        *folders, base = parts(member)
        stem, dot, ending = base.rpartition(".")
        if dot + ending.lower() in by_ending:
            by_ending[dot + ending.lower()][(*folders, stem)] = member
    beside = {
        key: (text, by_ending[".ann"][key]) for key, text in by_ending[".txt"].items() if key in by_ending[".ann"]
    }
    if beside:
        return beside
    # Texts in one folder and annotations in another.
    standoff = {key[-1]: member for key, member in by_ending[".ann"].items()}
    alone = len(standoff) == len(by_ending[".ann"])
    return {key: (text, standoff[key[-1]]) for key, text in by_ending[".txt"].items() if alone and key[-1] in standoff}


def read_brat(
    path: Path, name: str, members: Sequence[zipfile.ZipInfo], annotated: Pairs, options: ParseOptions
) -> Grid:
    """Return the grid: text, and its entities as a JSON list of {start, end, label}; a row per line of a document.

    An entity over several lines keeps them together. Raises SplitUnknown, and what `unpack.texts` raises.
    """
    split_of = {key: next(filter(None, map(split_name, key[:-1])), "") for key in annotated}
    splits = list(dict.fromkeys(filter(None, split_of.values())))
    split = choose_split(splits, options.split, name) if splits else ""
    chosen = [pair for key, pair in sorted(annotated.items()) if split_of[key] == split]
    counts, rows = _Counts(), list[Row]()
    documents = zip(*(texts(path, name, column) for column in zip(*chosen, strict=True)), strict=True)
    for text, standoff in documents:
        counts.documents += 1
        for cells in _document(text, standoff, counts):
            rows.append((len(rows) + 1, list(cells)))
    used = {member.filename for pair in annotated.values() for member in pair}
    alone = [base_name(member) for member in members if member.filename not in used]
    detected = DetectedFormat(split=split, splits=tuple(splits))
    return Grid(["text", "entities"], rows, detected, " ", _notes(counts, alone))


def _notes(counts: _Counts, alone: Sequence[str]) -> list[Note]:
    notes = [Note("brat", {"documents": counts.documents, "entities": counts.entities})]
    if counts.others:
        kinds = ", ".join(f"{letter} {count}" for letter, count in sorted(counts.others.items()))
        notes.append(Note("brat_others", {"count": counts.others.total(), "kinds": kinds}))
    for code in ("overlapping", "misplaced", "fragments"):
        if count := getattr(counts, code):
            notes.append(Note(f"brat_{code}", {"count": count}))
    if alone:
        notes.append(Note("members_left_out", {"count": len(alone), "members": listed(alone)}))
    return notes


def _document(text: str, standoff: str, counts: _Counts) -> list[tuple[str, str]]:
    """Return (text, entities) of each line of a document."""
    lines = [line for line in re.split(r"\r\n|\r|\n", standoff) if line.strip()]
    entities = [match for line in lines if (match := _ENTITY.fullmatch(line))]
    counts.others.update(line[0] for line in lines if not _ENTITY.fullmatch(line))
    # Positions count a line end as one character, but where the program kept CR LF they count two.
    joined = re.sub(r"\r\n|\r", "\n", text)
    if sum(_is_there(joined, match) for match in entities) >= sum(_is_there(text, match) for match in entities):
        text = joined
    spans = []
    for match in entities:
        fragments = _fragments(match)
        if _is_there(text, match):
            spans += [Span(start, end, match[1]) for start, end in fragments]
            counts.fragments += len(fragments) > 1
        else:
            counts.misplaced += 1
    kept = _apart(spans)
    counts.overlapping += len(spans) - len(kept)
    counts.entities += len(kept)
    return [_row(text, start, end, kept) for start, end in _stretches(text, kept)]


def _fragments(match: re.Match[str]) -> list[tuple[int, int]]:
    pairs_of = [pair.split(" ") for pair in match[2].split(";")]
    # An entity over two lines has a fragment in each, which are one stretch of text.
    merged: list[tuple[int, int]] = []
    for start, end in ((int(first), int(last)) for first, last in pairs_of):
        if merged and start - merged[-1][1] <= 1:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged


def _is_there(text: str, match: re.Match[str]) -> bool:
    """Return whether the text at an entity's position is the text that its line quotes."""
    fragments = _fragments(match)
    if any(not start < end <= len(text) for start, end in fragments):
        return False
    there = " ".join(text[start:end] for start, end in fragments)
    return match[3] is None or re.sub(r"\s+", " ", there).strip() == re.sub(r"\s+", " ", match[3]).strip()


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, of those that overlap the longest."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def _stretches(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return (start, end) of each line that is not blank; lines that an entity joins are one stretch."""
    made: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        if made and any(span.start < made[-1][1] and span.end > line.start() for span in spans):
            made[-1] = made[-1][0], line.end()
        elif line[0].strip():
            made.append(line.span())
    return made


def _row(text: str, start: int, end: int, spans: Sequence[Span]) -> tuple[str, str]:
    inside = [span for span in spans if start <= span.start and span.end <= end]
    entities = [{"start": span.start - start, "end": span.end - start, "label": span.label} for span in inside]
    return text[start:end], json.dumps(entities, ensure_ascii=False)
