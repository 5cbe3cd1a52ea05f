"""What annotation tools export, each object with the flaw or the nesting that its tool is known for."""

from __future__ import annotations

import json
from typing import Any

from bertdemo import errors
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

# Two sentences, and what each must become.
WORDS = (("Ida", "B-PER"), ("left", "O"), ("Grimstad", "B-LOC"), (".", "O"), None,
         ("Snow", "O"), ("fell", "O"), ("in", "O"), ("Bergen", "B-LOC"), (".", "O"))  # fmt: skip
TOKENS = ('["Ida", "left", "Grimstad", "."]', '["Snow", "fell", "in", "Bergen", "."]')
TAGS = ('["B-PER", "O", "B-LOC", "O"]', '["O", "O", "O", "B-LOC", "O"]')
JOINED = {"tokens": TOKENS, "tags": TAGS}


def word_rows(header: str, row: Any, *, blank: str = "") -> bytes:
    """Return a table of one word per row; `row` writes (sentence, position in it, word, tag)."""
    written, sentence, position = [header], 1, 0
    for pair in WORDS:
        if pair is None:
            sentence, position = 2, 0
            written += [blank] if blank else []
            continue
        written.append(row(sentence, position, *pair))
        position += 1
    return "\n".join(written).encode()


ANNOTATIONS = (
    Case("a word per row, the sentence in its first row", "t.csv",
         word_rows("Sentence #,Word,POS,Tag",
                   lambda s, at, word, tag: f"{f'Sentence: {s}' if at == 0 else ''},{word},X,{tag}"),
         {"Sentence #": ("Sentence: 1", "Sentence: 2"), **JOINED}, numbers=(2, 6),
         notes={"token_rows": {"token": "Word", "tag": "Tag"},
                "token_columns_left_out": {"count": 1, "columns": "POS"}}),
    Case("a word per row, the sentence in every row", "t.tsv",
         word_rows("sid\ttoken\tlabel", lambda s, at, word, tag: f"{s}\t{word}\t{tag}"),
         {"sid": ("1", "2"), **JOINED}, notes={"token_rows": None}),
    Case("a word per row, sentences counted anew in each document", "t.csv",
         word_rows("doc_id,sent_id,word,ner", lambda s, at, word, tag: f"d{s},0,{word},{tag}"),
         {"doc_id": ("d1", "d2"), "sent_id": ("0", "0"), **JOINED}, notes={"token_rows": None}),
    Case("a word per row, blank rows between sentences", "t.csv",
         word_rows("word,tag", lambda s, at, word, tag: f"{word},{tag}", blank=","), JOINED,
         notes={"token_rows": None}),
    Case("a word per row, a column of another name and the word's number", "t.csv",
         word_rows("nr,satz,wort,marke", lambda s, at, word, tag: f"{at},S{s},{word},{tag}"),
         {"satz": ("S1", "S2"), **JOINED}, notes={"token_rows": None, "token_columns_left_out": None}),
    Case("a word per row, in JSON lines", "t.jsonl",
         word_rows("", lambda s, at, word, tag: json.dumps({"sent": s, "word": word, "tag": tag})),
         {"sent": ("1", "2"), **JOINED}, notes={"token_rows": None}),
    Case("a word per row, words outside left empty", "t.csv",
         word_rows("sid,word,tag", lambda s, at, word, tag: f"{s},{word},{tag.strip('O')}"),
         {"sid": ("1", "2"), **JOINED},
         notes={"token_rows": None, "untagged_tokens": {"count": 6, "lines": "3, 5, 6, 7, 8, 10"}}),
    Case("a word per row and no sentences", "t.csv",
         word_rows("word,tag", lambda s, at, word, tag: f"{word},{tag}"), error=errors.SentencesUnmarked,
         values={"token": "word", "tag": "tag"}),
    Case("a word per row, a missing tag", "t.csv",
         word_rows("sid,word,tag", lambda s, at, word, tag: f"{s},{word},{'' if word == 'fell' else tag}"),
         {"sid": ("1", "2"), **JOINED}, notes={"token_rows": None, "untagged_tokens": {"count": 1, "lines": "7"}}),
    Case("spaCy, binary", "train.spacy", b"x\x9c\x00\x01", error=errors.FormatSpacy),
    Case("labels that only look like tags", "t.csv",
         b"text,label\n" + b"".join(b"a text of words %d,%s\n" % (at, (b"B-1", b"O")[at % 2]) for at in range(20)),
         ("text", "label"), rows=20),
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
    Case("Label Studio, malformed tasks", "p.json",
         js([{"data": {"text": "a"}, "annotations": [{"result": 5}, {"result": [5, {"value": 7}, choice("x")]}]},
             {"data": {"text": "b"}, "annotations": [], "completions": "none"},
             {"data": {"text": "c"}, "annotations": [{"result": [choice("y")]}]}]),
         {"text": ("a", "b", "c"), "mood": ("x", None, "y")}, notes={**EXPORT, "lists_unwrapped": None}),
    Case("verdicts that are none", "a.jsonl", lines({"text": "a", "spans": [], "answer": ["accept"]},
                                                    {"text": "b", "spans": [], "answer": {}}),
         {"text": ("a", "b"), "spans": ("[]", "[]"), "answer": ('["accept"]', "{}")}),
    Case("spaCy, categories without numbers", "t.json", js([["a", {"cats": {"x": "1", "y": True}}]]),
         {"text": ("a",), "label": ('["y"]',)}, notes=EXPORT),
    Case("Prodigy, rejected and ignored rows", "a.jsonl",
         lines({"text": TEXT, "_task_hash": 1, "spans": [{"start": 0, "end": 3, "label": "PER"}], "answer": "accept"},
               {"text": "No.", "_task_hash": 2, "spans": [], "answer": "reject"},
               {"text": "Hm.", "_task_hash": 3, "spans": [], "answer": "ignore"},
               {"text": "Ok.", "_task_hash": 4, "answer": "accept"}),
         {"text": (TEXT, "Ok."), "_task_hash": ("1", "4"), "spans": ('[{"start": 0, "end": 3, "label": "PER"}]', "[]")},
         numbers=(1, 4),
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
