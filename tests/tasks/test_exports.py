"""A file as an annotation tool exports it, from its bytes to the entities or labels that the task reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from tests.tasks.test_tag_notations import marked

# In each text the words in brackets are a person, those in braces a town.
TEXTS = ("[Ida Falk] left {Grimstad} early.", "Then [Olav] came to {Bergen}.", "Snow fell all day.",
         "{Oslo} is cold now.", "Nobody saw [Mia Berg] in {Grimstad}.")  # fmt: skip


def spans(marked_text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text and (start, end, label) of its names."""
    text, found, start = "", list[tuple[int, int, str]](), 0
    for char in marked_text:
        if char in "[{":
            start = len(text)
        elif char in "]}":
            found.append((start, len(text), "PER" if char == "]" else "LOC"))
        else:
            text += char
    return text, found


ITEMS = [spans(text) for text in TEXTS]
ENTITIES = [[(label, text[start:end]) for start, end, label in found] for text, found in ITEMS]


def rows(make: Any) -> list[Any]:
    """Return one object per text, made of the text and its spans, each made by `make(text, start, end, label)`."""
    return [make(text, found) for text, found in ITEMS]


def region(text: str, start: int, end: int, label: str) -> dict[str, Any]:
    return {"start": start, "end": end, "text": text[start:end], "labels": [label]}


EXPORTS: dict[str, Any] = {
    "doccano": rows(lambda text, found: {"id": 1, "text": text, "label": found, "Comments": []}),
    "doccano, newer": rows(lambda text, found: {"id": 1, "text": text, "relations": [], "entities": [
        {"id": at, "label": label, "start_offset": start, "end_offset": end}
        for at, (start, end, label) in enumerate(found)]}),
    "Label Studio": rows(lambda text, found: {"id": 5, "data": {"nachricht": text}, "annotations": [{"result": [
        {"from_name": "ner", "to_name": "t", "type": "labels", "value": region(text, *span)} for span in found]}]}),
    "Label Studio, short": rows(lambda text, found: {"text": text, "id": 5, "annotator": 1, "lead_time": 2.5,
                                                     "label": [region(text, *span) for span in found]}),
    "Dataturks": rows(lambda text, found: {"content": text, "extras": None, "annotation": [
        {"label": [label], "points": [{"start": start, "end": end - 1, "text": text[start:end]}]}
        for start, end, label in found]}),
    "LightTag": {"examples": rows(lambda text, found: {"content": text, "seen_by": [{"by": "a"}], "annotations": [
        {"start": start, "end": end, "tag": label, "value": text[start:end], "correct": None}
        for start, end, label in found]})},
    "UBIAI": rows(lambda text, found: {"documentName": "a.txt", "document": text, "relations": [], "tokens": [
        {"text": text[start:end], "start": start, "end": end, "token_start": 0, "token_end": 1, "entityLabel": label}
        for start, end, label in found]}),
    "Ground Truth": rows(lambda text, found: {"source": text, "names-job": {"annotations": {
        "entities": [{"label": label, "startOffset": start, "endOffset": end} for start, end, label in found],
        "labels": [{"label": "PER"}, {"label": "LOC"}]}},
        "names-job-metadata": {"entities": [{"confidence": 0.9}] * len(found), "job-name": "names", "type": "x"}}),
    "spaCy": rows(lambda text, found: [text, {"entities": found}]),
    "CLUENER": rows(lambda text, found: {"text": text, "label": {
        label: {text[start:end]: [[start, end - 1]] for start, end, one in found if one == label}
        for label in sorted({label for _, _, label in found})}}),
    "Prodigy": rows(lambda text, found: {"text": text, "_input_hash": 3, "answer": "accept", "spans": [
        {"start": start, "end": end, "label": label, "token_start": 0} for start, end, label in found]}),
    "Rasa": {"nlu": {"examples": rows(lambda text, found: {"text": text, "entities": [
        {"start": start, "end": end, "value": "x", "entity": label} for start, end, label in found]})}},
}  # fmt: skip


def table(value: Any, folder: Path, *, lines: bool) -> Table:
    written = "\n".join(map(json.dumps, value)) if lines else json.dumps(value)
    (folder / "f").write_text(written, encoding="utf-8")
    return read(folder / "f", "f.jsonl" if lines else "f.json", Limits())


LINES = [(tool, True) for tool, value in EXPORTS.items() if isinstance(value, list) and tool != "spaCy"]


@pytest.mark.parametrize(("tool", "lines"), [*((tool, False) for tool in EXPORTS), *LINES])
def test_the_entities_of_an_export_are_those_that_were_marked(tool: str, lines: bool, tmp_path: Path) -> None:
    rows_read = table(EXPORTS[tool], tmp_path, lines=lines)
    assert tasks.guess(rows_read).id == "token_classification"
    assert marked(rows_read) == ENTITIES


@pytest.mark.parametrize(("several", "task"), [(False, "classification"), (True, "multi_label")])
def test_choices_are_labels_and_several_of_them_a_list(several: bool, task: str, tmp_path: Path) -> None:
    texts = [f"The crossing number {at} was {('calm', 'rough')[at % 2]} today" for at in range(40)]
    names = [["calm", "sea"] if several and at % 4 == 0 else [("calm", "rough")[at % 2]] for at in range(40)]
    rows_read = table([
        {"id": at, "data": {"text": text}, "annotations": [{"id": 900 + at, "result": [
            {"type": "choices", "from_name": "weather", "to_name": "text", "value": {"choices": chosen}}]}]}
        for at, (text, chosen) in enumerate(zip(texts, names, strict=True))
    ], tmp_path, lines=False)  # fmt: skip
    guess = tasks.guess(rows_read)
    assert (guess.id, guess.columns(rows_read)) == (task, {"text": "text", "label": "weather"})
    assert set(guess.labels(rows_read, guess.columns(rows_read))) == {name for chosen in names for name in chosen}
