"""Parquet as `datasets` writes it: class ids, and their names in the metadata of the schema."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.tables.corpus.case import Case

TAGS = ["O", "B-BOAT", "I-BOAT"]


def label(*names: str) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def parquet(columns: dict[str, Any], features: dict[str, Any]) -> bytes:
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def tagged(feature: object) -> bytes:
    columns = {"tokens": [["The", "Sea", "Rose"], ["So"]], "tags": [[0, 1, 2], [0]]}
    return parquet(columns, {"tags": feature})


NAMED = {"tokens": ('["The", "Sea", "Rose"]', '["So"]'), "tags": ('["O", "B-BOAT", "I-BOAT"]', '["O"]')}

COLUMNAR = (
    Case("class names of tags, a list", "a.parquet", tagged({"feature": label(*TAGS), "_type": "List"}), NAMED),
    Case("class names of tags, a sequence", "a.parquet",
         tagged({"feature": label(*TAGS), "length": -1, "_type": "Sequence"}), NAMED),
    Case("class names of tags, as older versions write them", "a.parquet", tagged([label(*TAGS)]), NAMED),
    Case("class names in lists of lists", "a.parquet",
         parquet({"tags": [[[0, 1], [2]], [[0]]]},
                 {"tags": {"feature": {"feature": label(*TAGS), "_type": "List"}, "_type": "List"}}),
         {"tags": ('[["O", "B-BOAT"], ["I-BOAT"]]', '[["O"]]')}),
    Case("class names in lists of objects", "a.parquet",
         parquet({"x": [[{"kind": 1, "at": 3}], []]},
                 {"x": {"feature": {"kind": label("calm", "torn"), "at": {"dtype": "int64", "_type": "Value"}},
                        "_type": "List"}}),
         {"x": ('[{"kind": "torn", "at": 3}]', "[]")}),
    Case("class names in an object of lists", "a.parquet",
         parquet({"x": [{"kind": [1, 0], "at": [3, 4]}]},
                 {"x": {"feature": {"kind": label("calm", "torn")}, "_type": "Sequence"}}),
         {"x": ('{"kind": ["torn", "calm"], "at": [3, 4]}',)}),
    Case("class names of lists of one label", "a.parquet",
         parquet({"text": ["a", "b"], "labels": [[1], [0]]},
                 {"labels": {"feature": label("calm", "torn"), "_type": "List"}}),
         {"text": ("a", "b"), "labels": ("torn", "calm")}, notes={"lists_unwrapped": None}),
    Case("class names, Chinese, and a row without a label", "a.parquet",
         parquet({"text": ["a", "b", "c"], "label": [1, -1, 0]}, {"label": label("差评", "好评")}),
         {"text": ("a", "b", "c"), "label": ("好评", None, "差评")}),
    Case("class ids beyond the names", "a.parquet",
         parquet({"label": [1, 7], "tags": [[0, -100], [1]]},
                 {"label": label("a", "b"), "tags": {"feature": label("a", "b"), "_type": "List"}}),
         {"label": ("b", "7"), "tags": ('["a", -100]', '["b"]')}),
)  # fmt: skip
