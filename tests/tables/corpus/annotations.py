"""What annotation tools export, each object with the flaw or the nesting that its tool is known for."""

from __future__ import annotations

import json
from typing import Any

from tests.tables.corpus.case import Case


def js(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def lines(*items: Any) -> bytes:
    return b"".join(js(item) + b"\n" for item in items)


def task(text: str, *results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a task of Label Studio with one annotation per result."""
    made = [{"id": at, "result": result, "was_cancelled": False, **more} for at, result in enumerate(results)]
    return {"id": 7, "annotations": made, "predictions": [], "data": {"text": text, "source": "mail"}, "project": 3}


def region(start: int, end: int, text: str, label: str, kind: str = "labels") -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, kind: [label]}
    return {"id": "x", "from_name": "label", "to_name": "text", "type": kind, "value": value}


def choice(*names: str, of: str = "mood") -> dict[str, Any]:
    return {"id": "y", "from_name": of, "to_name": "text", "type": "choices", "value": {"choices": list(names)}}


TEXT = "Ida left Grimstad."
IDA, TOWN = region(0, 3, "Ida", "PER"), region(9, 17, "Grimstad", "LOC")
VALUES = json.dumps([IDA["value"], TOWN["value"]])
EXPORT = {"annotation_export": None}

ANNOTATIONS = (
    Case("Label Studio, entities", "p.json", js([task(TEXT, [IDA, TOWN]), task("Snow.", [])]),
         {"text": (TEXT, "Snow."), "source": ("mail", "mail"), "entities": (VALUES, "[]")}, numbers=(1, 2),
         notes={"annotation_export": {"tool": "Label Studio"}}),
    Case("Label Studio, a task that nobody has seen and one that was cancelled", "p.json",
         js([task(TEXT, [TOWN]), task("Snow."), task("Ice.", [], was_cancelled=True)]),
         {"text": (TEXT, "Snow."), "source": ("mail", "mail"),
          "entities": (json.dumps([TOWN["value"]]), None)}, numbers=(1, 2),
         notes={**EXPORT, "annotations_left_out": {"count": 1, "lines": "3"}}),
    Case("Label Studio, two annotators", "p.json", js([task(TEXT, [IDA], [TOWN]), task(TEXT, [TOWN])]),
         {"text": (TEXT, TEXT), "source": ("mail", "mail"),
          "entities": (json.dumps([IDA["value"]]), json.dumps([TOWN["value"]]))},
         notes={**EXPORT, "annotations_several": {"count": 1, "lines": "1"}}),
    Case("Label Studio, the older key", "p.json",
         js([{"completions": [{"result": [choice("good")]}], "data": {"text": text}} for text in ("a", "b")]),
         {"text": ("a", "b"), "mood": ("good", "good")}, notes={**EXPORT, "lists_unwrapped": None}),
    Case("Label Studio, a choice", "p.json", js([task("a", [choice("good")]), task("b", [choice("bad")])]),
         {"text": ("a", "b"), "source": ("mail", "mail"), "mood": ("good", "bad")},
         notes={**EXPORT, "lists_unwrapped": {"count": 1, "columns": "mood"}}),
    Case("Label Studio, several choices", "p.json", js([task("a", [choice("x", "y")]), task("b", [choice("y")])]),
         {"text": ("a", "b"), "source": ("mail", "mail"), "mood": ('["x", "y"]', '["y"]')}, notes=EXPORT),
    Case("Label Studio, a choice called as a field", "p.json", js([task("a", [choice("x", of="source")])] * 2),
         {"text": ("a", "a"), "source": ("mail", "mail"), "source (annotation)": ("x", "x")},
         notes={**EXPORT, "lists_unwrapped": None}),
    Case("Prodigy, rejected and ignored rows", "a.jsonl",
         lines({"text": TEXT, "_task_hash": 1, "spans": [{"start": 0, "end": 3, "label": "PER"}], "answer": "accept"},
               {"text": "No.", "_task_hash": 2, "spans": [], "answer": "reject"},
               {"text": "Hm.", "_task_hash": 3, "spans": [], "answer": "ignore"}),
         {"text": (TEXT,), "_task_hash": ("1",), "spans": ('[{"start": 0, "end": 3, "label": "PER"}]',)}, numbers=(1,),
         notes={"annotation_export": {"tool": "Prodigy"}, "annotations_left_out": {"count": 2, "lines": "2, 3"}}),
    Case("Prodigy, options", "a.jsonl",
         lines(*({"text": text, "options": [{"id": "x"}, {"id": "y"}], "accept": [label], "answer": "accept"}
                 for text, label in (("a", "x"), ("b", "y")))),
         {"text": ("a", "b"), "label": ("x", "y")}, notes={**EXPORT, "lists_unwrapped": None}),
    Case("accept and reject as answers to questions", "a.jsonl",
         lines({"question": "Take it?", "answer": "accept"}, {"question": "Again?", "answer": "reject"}),
         {"question": ("Take it?", "Again?"), "answer": ("accept", "reject")}),
    Case("spans by label and text", "t.json",
         lines({"text": TEXT, "label": {"PER": {"Ida": [[0, 2]]}, "LOC": {"Grimstad": [[9, 16]]}}},
               {"text": "Snow.", "label": {}}),
         {"text": (TEXT, "Snow."), "label": ('[[0, 2, "PER", "Ida"], [9, 16, "LOC", "Grimstad"]]', "[]")},
         notes={"annotation_export": {"tool": "CLUENER"}}),
    Case("spans by label", "t.jsonl", lines({"text": TEXT, "marks": {"PER": [[0, 3]], "LOC": [[9, 17]]}}),
         {"text": (TEXT,), "marks": ('[[0, 3, "PER"], [9, 17, "LOC"]]',)}, notes=EXPORT),
    Case("coordinates are no spans", "t.jsonl", lines({"text": "Snow.", "box": {"a": [[10, 200]], "b": [[3, 90]]}}),
         {"text": ("Snow.",), "box.a": ("[[10, 200]]",), "box.b": ("[[3, 90]]",)}),
    Case("objects one after another", "t.json", b'{\n "text": "a", "label": "x"\n}\n{\n "text": "b", "label": "y"\n}\n',
         {"text": ("a", "b"), "label": ("x", "y")}, notes={"json_several": {"count": 2}}),
    Case("objects with commas and no brackets", "t.json", b'{"text": "a"},\n{"text": "b"},\n', {"text": ("a", "b")},
         notes={"json_several": None}),
    Case("spaCy, pairs", "t.json", js([[TEXT, {"entities": [[0, 3, "PER"]]}], ["Snow.", {"entities": []}]]),
         {"text": (TEXT, "Snow."), "entities": ('[[0, 3, "PER"]]', "[]")},
         notes={"annotation_export": {"tool": "spaCy"}}),
    Case("spaCy, categories", "t.json",
         js([["a", {"cats": {"x": 1.0, "y": 0.0}}], ["b", {"cats": {"x": 0, "y": 1}}]]),
         {"text": ("a", "b"), "label": ("x", "y")}, notes={**EXPORT, "lists_unwrapped": None}),
    Case("spaCy, pairs beside their classes", "t.json",
         js({"classes": ["PER"], "annotations": [[TEXT, {"entities": [[0, 3, "PER"]]}], None]}),
         {"text": (TEXT,), "entities": ('[[0, 3, "PER"]]',)},
         notes={**EXPORT, "json_inside": {"under": "annotations"}}),
    Case("spaCy 2, documents", "t.json",
         js([{"id": 0, "paragraphs": [{"raw": "Ida left.", "sentences": [{"tokens": [
             {"orth": "Ida", "ner": "U-PER"}, {"orth": "left", "ner": "O"}]}]}]}]),
         {"tokens": ('["Ida", "left"]',), "tags": ('["U-PER", "O"]',)}),
    Case("questions under other names", "t.json",
         js([{"context_id": "1", "context_text": "Oslo is cold.", "qas": [
             {"query_id": "q1", "query_text": "What?", "answers": ["Oslo", "cold Oslo"]},
             {"query_id": "q2", "query_text": "Who?", "answers": []}]}]),
         {"id": ("q1", "q2"), "question": ("What?", "Who?"), "context": ("Oslo is cold.",) * 2,
          "answer": ("Oslo", None), "answer_start": (None, None), "is_impossible": ("false", "true")},
         detected={"kind": "squad"}),
    Case("articles without data", "t.json",
         js([{"title": "t", "paragraphs": [{"context": "Oslo.", "qas": [
             {"id": "1", "question": "What?", "answers": [{"text": "Oslo", "answer_start": 0}]}]}]}]),
         ("id", "question", "context", "answer", "answer_start", "is_impossible"), rows=1, detected={"kind": "squad"}),
    Case("a form with questions is no passage", "t.json",
         js([{"title": "a", "questions": [{"q": 1}]}, {"title": "b", "questions": [{"q": 2}, {"q": 3}]}]),
         {"title": ("a", "b"), "questions": ('[{"q": 1}]', '[{"q": 2}, {"q": 3}]')}),
)  # fmt: skip
