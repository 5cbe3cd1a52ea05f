"""Token classification: words aligned with pieces as the tokenizer does, tags read and written, scores as seqeval."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import OneClass, TooFewRows, UnknownLabel
from bertdemo.run_config import Truncation
from bertdemo.samples import sample_path
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.tasks.base import EncodeOptions, LabeledTable
from bertdemo.tasks.token_classification.bio import Sentence, as_bio, entities, joined, parsed
from bertdemo.tasks.token_classification.task import TokenClassification, entity_scores, first_tokens

TASK = TokenClassification()
COLUMNS = {"tokens": "tokens", "tags": "tags"}


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.folder())


def table(*rows: tuple[Any, Any]) -> Table:
    cells = [tuple(None if row[at] is None else json.dumps(row[at]) for row in rows) for at in (0, 1)]
    return Table("t.jsonl", dict(zip(COLUMNS, cells, strict=True)), tuple(range(1, len(rows) + 1)))


@pytest.mark.slow
@pytest.mark.parametrize("sample", ["entities_en", "entities_zh"])
def test_a_word_is_read_at_the_piece_that_the_tokenizer_gives_it(sample: str, tokenizer: SharedTokenizer) -> None:
    from transformers import BertTokenizer

    plain = BertTokenizer.from_pretrained(bundled.folder())
    rows = read(sample_path(sample), f"{sample}.jsonl", Limits())
    for tokens, tags in zip(rows.columns["tokens"], rows.columns["tags"], strict=True):
        given = json.loads(tokens or "[]")
        one = parsed(tokens or "", tags or "")
        assert isinstance(one, Sentence)
        encoding = tokenizer.encode(one.text)
        ids = plain(given, is_split_into_words=True)
        assert encoding.ids == ids["input_ids"], given
        first: dict[int, int] = {}
        for place, word in enumerate(ids.word_ids()):
            if word is not None:
                first.setdefault(word, place)
        assert first_tokens(encoding.offsets, encoding.sequence_ids, one.words) == first


@pytest.mark.parametrize(
    ("tags", "bio", "fixed"),
    [
        (["B-A", "I-A", "O", "B-B"], ["B-A", "I-A", "O", "B-B"], 0),
        (["I-A", "I-A", "O", "I-B"], ["B-A", "I-A", "O", "B-B"], 2),
        (["B-A", "E-A", "S-B", "O"], ["B-A", "I-A", "B-B", "O"], 0),
        (["B-A", "I-A", "L-A", "U-A"], ["B-A", "I-A", "I-A", "B-A"], 0),
        (["B-A", "I-B"], ["B-A", "B-B"], 1),
        (["x", "O"], ["O", "O"], 0),
    ],
)
def test_every_way_of_tagging_becomes_bio(tags: list[str], bio: list[str], fixed: int) -> None:
    assert as_bio(tags) == (tuple(bio), fixed)


@pytest.mark.slow
def test_entities_and_their_f1_are_those_of_seqeval() -> None:
    from seqeval.metrics import f1_score
    from seqeval.metrics.sequence_labeling import get_entities

    rng = random.Random(0)
    kinds = ["O", "B-A", "I-A", "B-B", "I-B"]
    said, given = ([[rng.choice(kinds) for _ in range(rng.randint(1, 9))] for _ in range(200)] for _ in range(2))
    given = [(row * 9)[: len(other)] for row, other in zip(given, said, strict=True)]
    for row in [*said, *given]:
        assert entities(row) == [(kind, first, last + 1) for kind, first, last in get_entities(row)]
    score = entity_scores(said, given)["entity_f1"]
    assert score.value == pytest.approx(f1_score(given, said))
    assert score.low is not None and score.high is not None and score.low < score.value < score.high


def test_a_text_with_spans_is_tagged_word_by_word() -> None:
    one = parsed("Ann Lee lives in Bonn.", json.dumps([
        {"start": 0, "end": 7, "label": "PER"}, {"start": 17, "end": 21, "label": "LOC"},
    ]))  # fmt: skip
    assert isinstance(one, Sentence)
    assert [one.text[a:b] for a, b in one.words] == ["Ann", "Lee", "lives", "in", "Bonn", "."]
    assert one.tags == ("B-PER", "I-PER", "O", "O", "B-LOC", "O")


def test_chinese_words_are_joined_without_spaces_and_others_with_one() -> None:
    assert joined(["我", "在", "Bonn", "2", "天"]) == ("我在Bonn 2天", ((0, 1), (1, 2), (2, 6), (7, 8), (8, 9)))


def test_rows_that_cannot_be_used_are_named_by_what_is_wrong() -> None:
    bad = table(
        (["a", "b"], ["O", "B-X"]), (["a", "b"], ["O"]), (["c"], ["I-X"]), (["d"], None), (["e"], ["O"]), (["f"], ["O"])
    )
    assert [target is None for target in TASK.targets(bad, COLUMNS, TASK.labels(bad, COLUMNS))] == [
        False, True, False, True, False, False
    ]  # fmt: skip
    told = {problem.code: (problem.values, problem.rows) for problem in TASK.problems(bad, COLUMNS)}
    assert told == {
        "tags_of_other_length": ({"count": 1}, (1,)), "inside_without_begin": ({"count": 1, "rows": 1}, (2,)),
    }  # fmt: skip
    assert TASK.labels(bad, COLUMNS) == ("O", "B-X", "I-X")
    with pytest.raises(TooFewRows):
        TASK.check(table((["a"], ["O"])), COLUMNS, label_limit=9)
    with pytest.raises(OneClass):
        TASK.check(table(*[(["a"], ["O"])] * 4), COLUMNS, label_limit=9)
    with pytest.raises(UnknownLabel) as caught:
        TASK.targets(table((["a"], ["B-Y"])), COLUMNS, ("O", "B-X", "I-X"))
    assert caught.value.values["row"] == 1


@pytest.mark.slow
def test_only_the_first_piece_of_a_word_has_a_label(tokenizer: SharedTokenizer) -> None:
    rows = table((["Unbelievably", "Bonn"], ["O", "B-X"]))
    source = LabeledTable(rows, COLUMNS, ("O", "B-X", "I-X"))
    dataset = TASK.encode(source, [0], tokenizer, EncodeOptions(Truncation(16)))
    labels = dataset[0]["labels"]
    assert len(labels) == len(dataset[0]["input_ids"]) and labels[0] == labels[-1] == -100
    assert [label for label in labels if label != -100] == [0, 1]
