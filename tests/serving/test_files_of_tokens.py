"""A file of tokens without tags is predicted, however its tokens are written and whatever the model was trained on."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import ColumnToRead
from bertdemo.serving.files import input_columns, predict_file
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Limits
from bertdemo.tables.table_cache import TableCache
from bertdemo.tables.table_files import read
from tests.runs.support import settings_with
from tests.serving.test_predictor import publish
from tests.tiny import build_tiny_checkpoint

TASK = tasks.find("token_classification")
ROWS = [["the", "cat", "sat"], ["a", "film"], ["good", "-", "bad"]]
SPANS_CARD, LISTS_CARD = SimpleNamespace(columns={"tokens": "text", "tags": "marks"}), SimpleNamespace(
    columns={"tokens": "tokens", "tags": "ner_tags"}
)  # fmt: skip


def lines_of_json(name: str) -> str:
    return "\n".join(json.dumps({"nr": at, name: row}) for at, row in enumerate(ROWS))


FILES = {
    "same name": ("t.jsonl", lines_of_json("tokens")),
    "other name": ("t.jsonl", lines_of_json("wörter")),
    "printed by Python": ("t.csv", "nr,tokens\n" + "\n".join(f'{at},"{row}"' for at, row in enumerate(ROWS))),
    "a word per line": ("t.conll", "\n\n".join("\n".join(row) for row in ROWS)),
    "ids of another file": ("t.json", json.dumps([{"tokens": row, "ids": [1] * len(row)} for row in ROWS])),
}


@pytest.mark.parametrize("card", [SPANS_CARD, LISTS_CARD, None], ids=["spans", "lists", "no card"])
@pytest.mark.parametrize("file", FILES)
def test_the_words_are_the_tokens_of_the_file(file: str, card: object, tmp_path: Path) -> None:
    name, content = FILES[file]
    (tmp_path / "f").write_text(content, encoding="utf-8")
    table = read(tmp_path / "f", name, Limits())
    inputs = TASK.inputs(table, input_columns(TASK, table, {}, card), range(table.rows))
    words = [
        [text[start:end] for start, end in row] for text, row in zip(inputs.texts, inputs.words or (), strict=True)
    ]
    assert words == ROWS


def test_a_model_of_word_lists_reads_a_text_and_never_a_number(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('id,satz,stars\n1,[sic] the cat sat,5\n2,"a film, again",4\n')
    table = read(tmp_path / "f", "t.csv", Limits())
    assert input_columns(TASK, table, {}, LISTS_CARD) == {"tokens": "satz"}
    inputs = TASK.inputs(table, {"tokens": "satz"}, [0])
    assert [inputs.texts[0][a:b] for a, b in (inputs.words or [()])[0]] == ["[", "sic", "]", "the", "cat", "sat"]
    (tmp_path / "g").write_text("id,stars\n1,5\n2,4\n")
    with pytest.raises(ColumnToRead):
        input_columns(TASK, read(tmp_path / "g", "t.csv", Limits()), {}, LISTS_CARD)


@pytest.mark.slow
def test_a_file_of_tokens_alone_gets_a_prediction_in_every_row(home: Path, tmp_path: Path) -> None:
    labels = ("O", "B-X", "I-X")
    folder = build_tiny_checkpoint(tmp_path / "tagger", head="tokens", labels=labels)
    settings = settings_with(home)
    catalogue = Catalogue(settings)
    publish(catalogue, folder, "me", task=TASK.id, labels=labels, columns=SPANS_CARD.columns, base="bundled")
    source, target = tmp_path / "t.jsonl", tmp_path / "out.csv"
    source.write_text(lines_of_json("tokens") + '\n{"nr": 3, "tokens": []}\n', encoding="utf-8")
    result = predict_file(
        source, source.name, target, predictor=Predictor(settings, catalogue, training_on_cpu=lambda: True),
        catalogue=catalogue, checkpoint="run-1", owner="me", columns={}, table_cache=TableCache(settings),
    )  # fmt: skip
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (result.rows, result.columns) == (4, ("tokens",))
    assert [new[0] for _, _, new in result.preview] == [row["prediction"] for row in rows]
    assert sum(count for _, count in result.counts) == sum(
        len(row["prediction"].split("; ")) for row in rows if row["prediction"]
    )
    assert result.predicted == len(rows) == 4 and list(rows[0]) == ["nr", "tokens", "prediction", "confidence"]
