"""A run that keeps the end, or both ends, of long texts: training, measuring, predicting and looking cut alike."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bertdemo.anatomy.snippets import STEPS, snippet
from bertdemo.anatomy.tokens import TokenTrace
from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Keep
from bertdemo.serving.inspector import Inspector, Question
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.sharing.archive import export_zip
from bertdemo.tasks.base import Inputs
from tests.runs.conftest import Work
from tests.runs.support import request_for, rows_of, write_csv

pytestmark = pytest.mark.slow

LENGTH = 9
LONG = "good film the cat sat on the mat and the end was bad ?"


def by_hand(tokenizer: SharedTokenizer, text: str, keep: Keep) -> list[int]:
    first, *pieces, last = tokenizer.encode(text).ids
    room = LENGTH - 2
    if len(pieces) > room:
        pieces = pieces[-room:] if keep == "tail" else pieces[: room - room // 2] + pieces[-(room // 2) :]
    return [first, *pieces, last]


@pytest.mark.parametrize("keep", ["tail", "both"])
def test_what_was_trained_on_is_what_is_asked_and_shown_later(
    keep: Keep, work: Work, tmp_path: Path, own_settings: Settings, tiny: Path
) -> None:
    import torch
    from datasets import load_from_disk
    from transformers import BertForSequenceClassification

    rows = rows_of(40)
    folder = work(request_for(write_csv(tmp_path / "d.csv", rows), config={"max_length": LENGTH, "keep": keep}))
    tokenizer, catalogue = SharedTokenizer.from_folder(tiny), Catalogue(own_settings)
    (encoded,) = (folder / "encoded").glob("train-*")
    dataset = load_from_disk(str(encoded))
    assert max(dataset["length"]) == LENGTH
    for row, ids in zip(dataset["row"], dataset["input_ids"], strict=True):
        assert ids == by_hand(tokenizer, rows[row][0], keep)
    card = catalogue.card(folder.name, "")
    assert card is not None and (card.keep, card.max_length) == (keep, LENGTH)

    expected = by_hand(tokenizer, LONG, keep)
    model = BertForSequenceClassification.from_pretrained(catalogue.folder(folder.name, "")).eval()
    with torch.inference_mode():
        said = model(input_ids=torch.tensor([expected])).logits.softmax(-1)[0].tolist()
    predictor = Predictor(own_settings, catalogue, training_on_cpu=lambda: True)
    one = predictor.predict(LONG, "", folder.name, "").output
    (many,) = predictor.predict_many(Inputs([LONG]), folder.name, "")
    for output in (one, many):
        found = {item.label: item.score for item in output.labels}
        assert [found["no"], found["yes"]] == pytest.approx(said, abs=1e-6)

    inspector = Inspector(catalogue, predictor, text_chars=1000)
    seen = inspector.look(Question(LONG, "", folder.name), "")
    assert [token.id for token in seen.trace.tokens] == expected
    assert list(seen.probabilities) == pytest.approx(said, abs=1e-6)
    _snippets(seen.trace, catalogue.folder(folder.name, ""), expected)
    _exported(export_zip(folder.name, "", catalogue, tmp_path / "out.zip"), tmp_path / "unpacked", expected, keep)


def _snippets(trace: TokenTrace, folder: Path, expected: list[int]) -> None:
    """Every step's code reads the same sequence."""
    for step in STEPS:
        code = snippet(
            step, repr(str(folder)), LONG, base=repr(str(folder)), kept=trace.kept, second=LONG, second_kept=trace.kept
        )
        lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
        assert len(lines) <= 10, step
        found: dict[str, Any] = {}
        exec(code, found)  # noqa: S102
        if step == "tokens":
            assert found["ids"] == expected
        elif step == "specials":
            assert [row[0] for row in found["rows"]] == [token.piece for token in trace.tokens]
        elif step == "pooling":
            assert found["cosines"]["mean"] == pytest.approx(1.0, abs=1e-5)
        elif step == "fill_mask":
            assert found["inputs"]["input_ids"].shape == (1, len(expected))
        else:
            assert found["inputs"]["input_ids"].tolist() == [expected], step


def _exported(archive: Path, folder: Path, expected: list[int], keep: Keep) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    cut = json.loads((folder / "card.json").read_text())["cut"]
    assert (cut["keep"], cut["max_length"]) == (keep, LENGTH)
    before = Path.cwd()
    os.chdir(folder)
    try:
        found: dict[str, Any] = {}
        exec("\n".join(cut["code"]), found)  # noqa: S102
        assert found["encode"](LONG) == expected
    finally:
        os.chdir(before)
