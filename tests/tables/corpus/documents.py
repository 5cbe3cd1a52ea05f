"""JSON in the shapes that people export, and Parquet."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case

PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}
ROWS = [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]
SPLITS = {"train": ROWS, "dev": ROWS[:1], "test": ROWS[1:]}
SQUAD = {
    "version": "2.0",
    "data": [{"title": "t", "paragraphs": [{"context": "Oslo is cold.", "qas": [
        {"id": "1", "question": "What is cold?", "answers": [{"text": "Oslo", "answer_start": 0}]},
        {"id": "2", "question": "Who?", "answers": [], "is_impossible": True},
    ]}]}],
}  # fmt: skip


def js(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def parquet(columns: dict[str, Any], features: dict[str, Any] | None = None) -> bytes:
    """Return a Parquet file, with the metadata that `datasets` writes where there are `features`."""
    buffer, table = io.BytesIO(), pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, buffer)
    return buffer.getvalue()


JSONL = b'{"text": "good", "label": "pos"}\n{"text": "bad", "label": "neg"}\n'

DOCUMENTS = (
    Case("a list of objects", "a.json", js(ROWS), PLAIN, numbers=(1, 2), detected={"kind": "json"}),
    Case("lists by column", "a.json", js({"text": ["good", "bad"], "label": ["pos", "neg"]}), PLAIN),
    Case("columns of pandas", "a.json",
         js({"text": {"0": "good", "1": "bad"}, "label": {"0": "pos", "1": "neg"}}), PLAIN),
    Case("split of pandas", "a.json",
         js({"columns": ["text", "label"], "index": [0, 1], "data": [["good", "pos"], ["bad", "neg"]]}), PLAIN),
    Case("table of pandas", "a.json", js({"schema": {"fields": []}, "data": ROWS}), PLAIN,
         notes={"json_inside": {"under": "data"}}),
    Case("splits by name", "a.json", js(SPLITS), PLAIN,
         detected={"split": "train", "splits": ("train", "validation", "test")}),
    Case("splits by name, another one", "a.json", js(SPLITS), {"text": ("bad",), "label": ("neg",)},
         options=ParseOptions(split="test"), detected={"split": "test"}),
    Case("splits by name, one that is not there", "a.json", js(SPLITS), error=errors.SplitUnknown,
         values={"split": "extra", "splits": "train, validation, test"}, options=ParseOptions(split="extra")),
    Case("a table deeper down", "a.json", js({"ok": True, "result": {"items": ROWS, "total": 2}}), PLAIN,
         notes={"json_inside": None}),
    Case("a list of texts", "a.json", js(["good", "bad"]), {"text": ("good", "bad")}),
    Case("a list of lists", "a.json", js([["text", "label"], ["good", "pos"], ["bad", "neg"]]), PLAIN),
    Case("nested objects and lists", "a.json", js([{"t": "a", "m": {"k": {"j": 1}, "tags": ["x", "é"]}}, {"t": "b"}]),
         {"t": ("a", "b"), "m.k.j": ("1", None), "m.tags": ('["x", "é"]', None)}),
    Case("SQuAD", "a.json", js(SQUAD),
         {"id": ("1", "2"), "question": ("What is cold?", "Who?"), "context": ("Oslo is cold.",) * 2,
          "answer": ("Oslo", None), "answer_start": ("0", None), "is_impossible": ("false", "true")},
         detected={"kind": "squad"}),
    Case("SQuAD that is malformed", "a.json", js({"data": [{"paragraphs": [{"qas": [{"answers": "x"}, 5]}, 7]}, None]}),
         ("id", "question", "context", "answer", "answer_start", "is_impossible"), rows=1),
    Case("no table", "a.json", js({"a": {"b": [1, 2]}, "c": "x" * 100}), error=errors.JsonWithoutTable,
         values={"found": '{"a": {…}, "c": "' + "x" * 28 + "…}"}),
    Case("a number", "a.json", b"42", error=errors.JsonWithoutTable, values={"found": "42"}),
    Case("a list of numbers", "a.json", b"[1, 2, 3]", error=errors.JsonWithoutTable, values={"found": "[1, 2, 3]"}),
    Case("cut off", "a.json", js(ROWS)[:-9], error=errors.JsonBroken, values={"line": 1}),
    Case("brackets without end", "a.json", b"[" * 100_000, error=errors.JsonBroken),
    Case("lines of JSON called json", "a.json", JSONL, PLAIN, detected={"kind": "jsonl"}),
    Case("a list called jsonl", "a.jsonl", json.dumps(ROWS, indent=1).encode(), PLAIN, detected={"kind": "json"}),
    Case("JSON in gb18030", "a.json", json.dumps([{"文本": "很好，推荐"}], ensure_ascii=False).encode("gb18030"),
         {"文本": ("很好，推荐",)}, notes={"encoding_guessed": {"encoding": "gb18030"}}),
    Case("lines of JSON with other keys", "a.jsonl", b'{"a": 1}\n\n{"b": "x", "a": 2.0}\n{"b": null, "c": true}\n',
         {"a": ("1", "2", None), "b": (None, "x", None), "c": (None, None, "true")}, numbers=(1, 3, 4),
         notes={"blank_rows": None}),
    Case("labels in lists", "a.jsonl", b'{"text": "x", "labels": ["a", "b"]}\n{"text": "y", "labels": []}\n',
         {"text": ("x", "y"), "labels": ('["a", "b"]', "[]")}),
    Case("a label in a list of its own", "a.jsonl",
         b'{"text": "x", "label": ["pos"]}\n{"text": "y", "label": ["neg"]}\n{"text": "z", "label": []}\n',
         {"text": ("x", "y", "z"), "label": ("pos", "neg", None)},
         notes={"lists_unwrapped": {"count": 1, "columns": "label"}}),
    Case("a label in a list of its own, in a list", "a.json",
         js([{"text": "x", "label": ["pos"]}, {"text": "y"}, {"text": "z", "label": [1]}]),
         {"text": ("x", "y", "z"), "label": ("pos", None, "1")}, notes={"lists_unwrapped": None}),
    Case("a label in a list of its own, by column", "a.json", js({"text": ["x", "y"], "label": [["pos"], ["neg"]]}),
         {"text": ("x", "y"), "label": ("pos", "neg")}, notes={"lists_unwrapped": None}),
    Case("lists of one and of several words", "a.jsonl",
         b'{"tokens": ["Yes"], "tags": ["O"]}\n{"tokens": ["Oh", "no"], "tags": ["O", "O"]}\n',
         {"tokens": ('["Yes"]', '["Oh", "no"]'), "tags": ('["O"]', '["O", "O"]')}),
    Case("parquet, a label in a list of its own", "a.parquet",
         parquet({"text": ["x", "y"], "label": [["pos"], ["neg"]], "tags": [["u"], ["v", "w"]]}),
         {"text": ("x", "y"), "label": ("pos", "neg"), "tags": ('["u"]', '["v", "w"]')},
         notes={"lists_unwrapped": {"count": 1, "columns": "label"}}),
    Case("half a character in JSON", "a.jsonl", b'{"a": "\\ud800x"}\n', {"a": ("�x",)}),
    Case("a broken line", "a.jsonl", JSONL + b'{"text": \n', error=errors.LineBroken, values={"line": 3}),
    Case("a line that is no object", "a.ndjson", JSONL + b"[1]\n", error=errors.LineBroken, values={"line": 3}),
    Case("parquet with nested types", "a.parquet",
         parquet({"text": ["a", None], "tags": [["u", "v"], []], "m": [{"k": 1}, None], "n": [1, None],
                  "d": [date(2026, 1, 2), None], "p": [Decimal("1.50"), None]}),
         {"text": ("a", None), "tags": ('["u", "v"]', "[]"), "m": ('{"k": 1}', None), "n": ("1", None),
          "d": ("2026-01-02", None), "p": ("1.50", None)}, detected={"kind": "parquet"}),
    Case("parquet with dotted and doubled names", "a.parquet", parquet({"a.b": ["x"], "a": ["y"], "row": ["z"]}),
         {"a.b": ("x",), "a": ("y",), "row": ("z",)}),
    *(Case(f"parquet, tags with their names, {version}", "a.parquet",
           parquet({"tokens": [["Ida", "left"], ["Snow"]], "ner_tags": [[1, 0], [0]], "n": [[1], [7]]},
                   {"ner_tags": feature, "n": {"feature": {"dtype": "int64", "_type": "Value"}, "_type": "List"}}),
           {"tokens": ('["Ida", "left"]', '["Snow"]'), "ner_tags": ('["B-PER", "O"]', '["O"]'), "n": ("1", "7")},
           notes={"lists_unwrapped": {"count": 1, "columns": "n"}})
      for version, feature in {
          "a sequence": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "_type": "Sequence"},
          "a list": {"feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"}, "length": -1, "_type": "List"},
          "a list of one": [{"names": ["O", "B-PER"], "_type": "ClassLabel"}],
      }.items()),
    Case("parquet called csv", "a.csv", parquet({"text": ["a"]}), {"text": ("a",)},
         notes={"other_kind": {"ending": ".csv", "kind": ".parquet"}}),
    Case("half a parquet", "a.parquet", parquet({"text": ["a"]})[:-20], error=errors.FileBroken,
         values={"kind": "Parquet"}),
)  # fmt: skip
