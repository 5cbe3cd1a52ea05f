"""Rewriting: two BERTs made of one, what they are trained on, what they write, and how it is scored."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from bertdemo import samples
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import ColumnMissing, TooFewRows
from bertdemo.metrics.rouge import rouge_l
from bertdemo.run_config import Truncation
from bertdemo.settings import Limits
from bertdemo.tables import table_files
from bertdemo.tables.table import Table
from bertdemo.tasks import guess
from bertdemo.tasks.base import EncodeOptions, HeadOptions, Inputs, LabeledTable
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.text_to_text import TextToText, _text_of
from tests.tiny import build_tiny_checkpoint

TASK = TextToText()
COLUMNS = {"source": "source", "target": "target"}
HEAD = HeadOptions(labels=(), seed=0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("written") / "tiny")


def table_of(*rows: tuple[str | None, str | None]) -> Table:
    sources, targets = zip(*rows, strict=True)
    return Table("t.csv", {"source": sources, "target": targets}, tuple(range(2, len(rows) + 2)))


def test_a_table_of_sources_and_targets_is_taken_for_rewriting_and_no_other_sample_is() -> None:
    for sample in samples.all_samples():
        table = table_files.read(sample.path, sample.file, Limits())
        assert (guess(table).id == "text_to_text") == (sample.id == "rewrite_en")


def test_rows_without_a_source_or_a_target_are_left_out_and_named() -> None:
    table = table_of(("a long text", "a text"), ("a b", None), (None, "x"), ("same", "same"), ("c", " "), ("d", "e"))
    assert TASK.targets(table, COLUMNS, ()) == ["a text", None, None, "same", None, "e"]
    found = {one.code: (one.values["count"], one.rows) for one in TASK.problems(table, COLUMNS)}
    assert found == {"target_missing": (2, (1, 4)), "target_same": (1, (3,))}
    with pytest.raises(TooFewRows) as raised:
        TASK.check(table, COLUMNS, label_limit=10)
    assert raised.value.values["rows"] == 3
    with pytest.raises(ColumnMissing):
        TASK.check(table, {"source": "source", "target": "nowhere"}, label_limit=10)


def test_the_writer_learns_each_piece_of_the_target_after_cls_and_ends_with_sep(tiny: Path) -> None:
    tokenizer = SharedTokenizer.from_folder(tiny)
    source = LabeledTable(table_of(("the cat sat", "cat sat")), COLUMNS)
    rows = TASK.encode(source, [0], tokenizer, EncodeOptions(Truncation(16)))
    names = {index: piece for piece, index in tokenizer.vocabulary.items()}
    assert [names[one] for one in rows[0]["labels"]] == ["cat", "sat", "[SEP]"]
    model: Any = TASK.model(tiny, HEAD).model
    assert names[model.config.decoder_start_token_id] == "[CLS]" and names[model.config.eos_token_id] == "[SEP]"


def test_the_loss_is_that_of_transformers_and_its_cost_per_piece_adds_up_to_it(tiny: Path) -> None:
    tokenizer = SharedTokenizer.from_folder(tiny)
    table = table_of(("the cat sat on the mat", "cat sat"), ("a good film", "good"))
    rows = TASK.encode(LabeledTable(table, COLUMNS), [0, 1], tokenizer, EncodeOptions(Truncation(16)))
    batch = TASK.collator(tokenizer, 0)([rows[0], rows[1]])
    model: Any = TASK.model(tiny, HEAD).model
    with torch.inference_mode():
        loss, outputs = TASK.loss(model, batch)
        plain = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"])
    assert loss == plain.loss
    nats, count = TASK.reduce(outputs["logits"], batch["labels"]).sum(0).tolist()
    assert count == 5 and nats / count == pytest.approx(float(loss), rel=1e-5)


def test_both_halves_begin_as_the_checkpoint_and_what_is_new_is_the_same_for_the_same_seed(tiny: Path) -> None:
    base: Any = open_model(tiny).model
    first, again, other = (TASK.model(tiny, HeadOptions((), seed)) for seed in (0, 0, 1))
    states = [opened.model.state_dict() for opened in (first, again, other)]
    for name, tensor in base.state_dict().items():
        if not name.startswith("pooler."):
            assert torch.equal(states[0][f"encoder.{name}"], tensor)
            assert torch.equal(states[0][f"decoder.bert.{name}"], tensor)
    drawn = [name for name in first.new_weights if name.endswith("dense.weight") or ".query.weight" in name]
    assert drawn and all(torch.equal(states[0][name], states[1][name]) for name in drawn)
    assert not any(torch.equal(states[0][name], states[2][name]) for name in drawn)
    heads = {name for name in states[0] if TASK.is_head(name)}
    assert {name for name in first.new_weights if not name.startswith("encoder.pooler.")} <= heads


def test_what_is_written_is_what_transformers_writes_whatever_stands_beside_it_in_a_batch(tiny: Path) -> None:
    tokenizer = SharedTokenizer.from_folder(tiny)
    model: Any = TASK.model(tiny, HEAD).model
    texts = ["the cat sat on the mat", "good", "i love this film and the plot of it, thank you very much"]
    together = TASK.predict(Inference(model, tokenizer, Truncation(24)), Inputs(texts))
    apart = [TASK.predict(Inference(model, tokenizer, Truncation(24)), Inputs([text]))[0] for text in texts]
    assert [one.text for one in together] == [one.text for one in apart]
    assert all(0 < one.score <= 1 for one in together)
    ids = torch.tensor([tokenizer.encode(texts[0]).ids])
    plain = model.generate(
        input_ids=ids, max_length=24, num_beams=4, do_sample=False, early_stopping=True, no_repeat_ngram_size=3
    )
    names = {index: piece for piece, index in tokenizer.vocabulary.items()}
    pieces = [names[one] for one in plain[0].tolist() if names[one] not in {"[CLS]", "[SEP]", "[PAD]"}]
    assert together[0].text == _text_of(pieces)


@pytest.mark.slow
def test_a_pair_learns_a_few_rows_by_heart(tmp_path: Path) -> None:
    tiny = build_tiny_checkpoint(tmp_path / "tiny", width=64, heads=4, intermediate=128)
    tokenizer = SharedTokenizer.from_folder(tiny)
    pairs = [("the very good film", "good film"), ("the very bad book", "bad book"), ("a cat sat on a mat", "cat sat")]
    table = table_of(*pairs)
    rows = TASK.encode(LabeledTable(table, COLUMNS), range(3), tokenizer, EncodeOptions(Truncation(16)))
    batch = TASK.collator(tokenizer, 0)([rows[at] for at in range(3)])
    model: Any = TASK.model(tiny, HEAD).model
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(60):
            loss, _ = TASK.loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    said = TASK.predict(Inference(model.eval(), tokenizer, Truncation(16)), Inputs([source for source, _ in pairs]))
    assert [one.text for one in said] == [target for _, target in pairs]
    assert TASK.intervals(said, [target for _, target in pairs], ())["rouge_l"].value == 1.0
    assert all(TASK.judge(one, target, ()).right for one, (_, target) in zip(said, pairs, strict=True))


def test_rouge_l_is_that_of_torchmetrics_and_counts_chinese_characters() -> None:
    from torchmetrics.functional.text.rouge import rouge_score

    draw = random.Random(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "good,", "very", "good.", "don't", "stop", "3", "times"]
    for _ in range(100):
        said, wanted = (" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(2))
        theirs = float(rouge_score([said], [wanted], rouge_keys="rougeL")["rougeL_fmeasure"])
        assert rouge_l(said, wanted) == pytest.approx(theirs, abs=1e-6)
    assert rouge_l("会议改到三点", "会议改到下午三点。") == pytest.approx(2 * 6 / 14)
    assert rouge_l("", "a") == rouge_l("。", "a") == 0.0


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["the", "meet", "##ing", "is", "at", "three", "."], "the meeting is at three."),
        (["##ing", "is"], "ing is"),
        (["会", "议", "在", "三", "点", "。"], "会议在三点。"),
        (["用", "bert", "写", "一", "句", "话"], "用bert写一句话"),
        (
            ["it", "'", "s", "a", "long", "-", "wind", "##ed", "one", ",", "sorry", "!"],
            "it's a long-winded one, sorry!",
        ),
        ([], ""),
    ],
)
def test_pieces_are_text_of_as_people_write(pieces: list[str], text: str) -> None:
    assert _text_of(pieces) == text


def test_copying_the_source_is_the_baseline() -> None:
    table = table_of(("a b c d", "a b"), ("same", "same"))
    [found] = TASK.baseline_scores(table, COLUMNS, [0, 1], frozen=None)  # type: ignore[arg-type]
    assert found.kind == "copied" and found.metrics["rouge_l"].value == pytest.approx((2 / 3 + 1) / 2)
