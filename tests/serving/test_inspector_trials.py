"""What Inside BERT tries on a model: a head off, a word masked, a step taken, the base beside it; nothing stays."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.errors import BaseMissing, MaskHeadMissing
from bertdemo.serving import inspector as serving
from bertdemo.serving.inspector import Inspector
from tests.anatomy.test_training_step import by_script
from tests.serving.support import BOUND, LABELS, PAIR, TEXT, apart, ask, built, same
from tests.serving.test_predictor import publish

pytestmark = pytest.mark.slow


# --- a model in use stays as it is --------------------------------------------------------------------------


def test_a_silenced_head_disturbs_nobody_who_looks_meanwhile(inspector: Inspector) -> None:
    words = ("good", "bad", "poor", "nice", "great", "awful", "film", "book")
    texts = [[f"the {word} film and the {'very ' * i}end" for i in range(12)] for word in words]
    alone = {text: inspector.look(ask(text), "") for part in texts for text in part}
    inspector.forget("local:headed")
    inspector.look(ask(), "")
    ended, silenced = threading.Event(), []

    def silence() -> None:
        while not ended.is_set():
            silenced.append(inspector.without_head(ask(), "", 1, 1).logits)

    def look(part: list[str]) -> list[str]:
        return [text for text in part if not same(inspector.look(ask(text), ""), alone[text])]

    with ThreadPoolExecutor(9) as pool:
        silencing = pool.submit(silence)
        try:
            changed = [text for part in pool.map(look, texts) for text in part]
        finally:
            ended.set()
        silencing.result()
    assert not changed
    assert len(silenced) > 1
    assert len(set(silenced)) == 1
    assert apart(silenced[0], inspector.look(ask(), "").logits) > 1e-3


def digest(model: Any) -> str:
    found = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        found.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


@pytest.mark.parametrize(("checkpoint", "pair"), [("bundled", ""), ("local:headed", PAIR)])
def test_a_training_step_gives_a_plain_scripts_numbers_and_leaves_the_model_in_use_alone(
    shared: Inspector, folders: dict[str, Path], checkpoint: str, pair: str
) -> None:
    from bertdemo.anatomy.layers import inputs_of
    from bertdemo.checkpoints import bundled

    question = ask(TEXT, pair, checkpoint)
    seen = shared.look(question, "")
    model = shared._models[checkpoint, "head"].model
    before = digest(model)
    step = shared.training_step(question, "", 1, 5e-4)
    assert shared._models[checkpoint, "head"].model is model
    assert digest(model) == before
    assert all(one.grad is None for one in model.parameters())
    folder = bundled.verified() if checkpoint == "bundled" else folders["headed"]
    expected = by_script(folder, inputs_of(seen.trace), 1, 5e-4, step.weight_decay)
    assert step.loss == pytest.approx(expected["loss"], abs=BOUND, rel=0)
    assert dict(step.gradient_norms) == pytest.approx(expected["norms"], abs=BOUND, rel=0)
    assert step.after_probabilities == pytest.approx(expected["after"], abs=BOUND, rel=0)
    assert step.labels == (serving.UNTRAINED if checkpoint == "bundled" else LABELS)
    assert step.probabilities == pytest.approx(seen.probabilities, abs=BOUND)


def test_switches_and_steps_change_no_later_look(inspector: Inspector) -> None:
    first = inspector.look(ask(), "")
    inspector.without_head(ask(), "", 2, 1)
    inspector.training_step(ask(), "", 0, 1e-1)
    inspector.position_table("local:headed", "")
    inspector._traces.clear()
    again = inspector.look(ask(), "")
    assert again is not first
    assert same(again, first)


# --- the masked word, pooling, positions --------------------------------------------------------------------


def test_a_masked_word_gets_what_transformers_puts_there(shared: Inspector, folders: dict[str, Path]) -> None:
    import torch
    from transformers import BertForMaskedLM, BertTokenizer

    found = shared.fill(ask("the good film", checkpoint="local:masked"), "", 2)
    tokenizer = BertTokenizer.from_pretrained(folders["masked"])
    inputs = tokenizer("the [MASK] film", return_tensors="pt")
    with torch.inference_mode():
        logits = BertForMaskedLM.from_pretrained(folders["masked"]).eval()(**inputs).logits[0, 2]
    probabilities, ids = logits.softmax(-1).topk(5)
    assert [piece.id for piece in found.pieces] == ids.tolist()
    assert [piece.piece for piece in found.pieces] == tokenizer.convert_ids_to_tokens(ids.tolist())
    assert [piece.probability for piece in found.pieces] == pytest.approx(probabilities.tolist(), abs=1e-6)
    assert (found.position, found.original.piece) == (2, "good")
    assert found.original_rank == 1 + int((logits > logits[found.original.id]).sum())


@pytest.mark.parametrize(
    ("checkpoint", "name"), [("bundled", "all-MiniLM-L6-v2"), ("local:plain", "plain"), ("local:headed", "headed")]
)
def test_a_checkpoint_without_a_masked_word_head_says_so(shared: Inspector, checkpoint: str, name: str) -> None:
    with pytest.raises(MaskHeadMissing) as caught:
        shared.fill(ask(checkpoint=checkpoint), "", 1)
    assert caught.value.values == {"checkpoint": name}


def test_pooling_names_the_way_that_was_trained(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    wanted = {"bundled": "mean", "local:plain": None, "local:headed": "pooler", "local:masked": None}
    for number, way in enumerate(("pooler", "mean", None)):
        wanted[publish(catalogue, folders["tuned"], "", f"run-{number}", pooling=way)] = way
    for checkpoint, way in wanted.items():
        found = inspector.pooling(ask(checkpoint=checkpoint), "", PAIR, "")
        assert found.trained_with == way, checkpoint
        ways = [row.name for row in found.rows]
        assert ways == ["cls", *(["pooler"] if checkpoint != "local:masked" else []), "mean", "max"], checkpoint


def test_pooling_names_what_the_folder_of_another_tool_says(home: Path, folders: dict[str, Path]) -> None:
    folder = shutil.copytree(folders["plain"], home.parent / "sentences")
    _, inspector = built(home, {"sentences": folder})
    (folder / "1_Pooling").mkdir()
    for mode, way in (("max_tokens", "max"), ("weightedmean_tokens", None), ("cls_token", "cls")):
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{mode}": True}))
        assert inspector.pooling(ask(checkpoint="local:sentences"), "", PAIR, "").trained_with == way


def test_pooling_says_which_sentence_was_cut(shared: Inspector) -> None:
    assert shared.pooling(ask(), "", "love " * 200, PAIR).cut == (("second", 202 - 128),)
    assert shared.pooling(ask("love " * 200), "", PAIR, "love " * 127).cut == (("unrelated", 1),)
    assert shared.pooling(ask(), "", PAIR, "").cut == ()


def test_pooling_holds_the_text_against_those_that_are_given(shared: Inspector) -> None:
    found = {row.name: row for row in shared.pooling(ask(), "", TEXT, "the bank card").rows}
    assert all(row.second == pytest.approx(1, abs=1e-6) for row in found.values())
    one, other = (shared.look(ask(text), "").pooled["mean"].astype(float) for text in (TEXT, "the bank card"))
    assert found["mean"].unrelated == pytest.approx(one @ other / np.sqrt(one @ one * (other @ other)), abs=1e-6)
    assert {(row.second, row.unrelated) for row in shared.pooling(ask(), "", "", " ").rows} == {(None, None)}


def test_the_table_of_positions_is_the_checkpoints(shared: Inspector, folders: dict[str, Path]) -> None:
    from safetensors.numpy import load_file

    stored = load_file(folders["headed"] / "model.safetensors")["bert.embeddings.position_embeddings.weight"]
    assert np.array_equal(shared.position_table("local:headed", ""), stored)


# --- before and after ---------------------------------------------------------------------------------------


def test_before_is_the_base_with_the_head_that_was_stored(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import BertForSequenceClassification, BertTokenizer

    mine = publish(catalogue, folders["tuned"], "a")
    found = inspector.before_after(ask(checkpoint=mine), "a")
    plain = BertForSequenceClassification.from_pretrained(folders["plain"], num_labels=3).eval()
    plain.load_state_dict(load_file(folders["tuned"] / HEAD_FILE), strict=False)
    tuned = BertForSequenceClassification.from_pretrained(folders["tuned"]).eval()
    inputs = BertTokenizer.from_pretrained(folders["plain"])(TEXT, return_tensors="pt")
    with torch.inference_mode():
        expected = [model(**inputs).logits.softmax(-1)[0].tolist() for model in (plain, tuned)]
    assert found.before.probabilities == pytest.approx(expected[0], abs=BOUND)
    assert found.after.probabilities == pytest.approx(expected[1], abs=BOUND)
    assert apart(*expected) > 1e-2
    assert (found.base, found.before.labels, found.after.labels) == ("plain", LABELS, LABELS)
    assert (found.before.head_trained, found.after.head_trained) == (False, True)
    assert found.class_map is None


def test_movement_is_how_far_the_weights_of_each_part_are_from_the_base(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    from safetensors.numpy import load_file

    mine = publish(catalogue, folders["tuned"], "a")
    found = dict(inspector.before_after(ask(checkpoint=mine), "a").movement)
    assert list(found) == ["embeddings", "layer.1", "layer.2", "pooler"]
    old, new = (load_file(folders[name] / "model.safetensors") for name in ("plain", "tuned"))
    for part, prefix in (("embeddings", "embeddings."), ("layer.2", "encoder.layer.1."), ("pooler", "pooler.")):
        names = [name for name in old if name.startswith(prefix)]
        distance = sum(float(((new[f"bert.{name}"] - old[name]).astype(float) ** 2).sum()) for name in names)
        size = sum(float((old[name].astype(float) ** 2).sum()) for name in names)
        assert found[part] == pytest.approx((distance / size) ** 0.5, rel=1e-4)


def test_a_base_with_other_weights_than_the_training_started_from_is_told(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    started = catalogue.origin("local:plain", "")[0]
    for number, (sha256, commit, held) in enumerate(
        ((started, None, True), (started, "f" * 40, True), ("0" * 64, None, False))
    ):
        mine = publish(catalogue, folders["tuned"], "a", f"run-{number}", base_sha256=sha256, base_commit=commit)
        assert inspector.before_after(ask(checkpoint=mine), "a").same_base is held


def test_a_base_of_another_shape_is_no_base(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    mine = publish(catalogue, folders["tuned"], "a", base="bundled")
    with pytest.raises(BaseMissing):
        inspector.before_after(ask(checkpoint=mine), "a")


@pytest.mark.parametrize(("count", "step"), [(1, 1), (299, 1), (300, 1), (301, 2), (1000, 4)])
def test_a_class_map_takes_at_most_300_rows_evenly(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path], count: int, step: int
) -> None:
    mine = publish(catalogue, folders["tuned"], "a")
    rows = [{"text": f"the film {number}", "label": number} for number in range(count)]
    said: list[float] = []
    found = inspector.before_after(ask(checkpoint=mine), "a", rows, said.append).class_map
    assert found
    assert found.labels == tuple(str(number) for number in range(0, count, step))
    assert len(found.labels) == len(found.base) == len(found.tuned) <= 300
    assert said == sorted(said)
    assert 0.5 in said
    assert said[-1] == 1


def test_a_class_map_holds_cls_of_both_models_in_the_order_of_the_rows(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    from bertdemo.anatomy.compare import class_map

    mine = publish(catalogue, folders["tuned"], "a")
    texts = ["the cat " * (1 + number % 5) + f"{number}" for number in range(40)]
    rows = [{"text": text, "label": "x"} for text in texts]
    found = inspector.before_after(ask(checkpoint=mine), "a", rows).class_map
    alone = [
        np.stack([inspector.look(ask(text, checkpoint=checkpoint), "a").pooled["cls"] for text in texts])
        for checkpoint in ("local:plain", mine)
    ]
    expected = class_map(alone[0], alone[1], ["x"] * 40)
    assert found
    assert apart(found.base, expected.base) <= 1e-3
    assert apart(found.tuned, expected.tuned) <= 1e-3
    assert apart(found.base, found.tuned) > 1e-2


def test_only_a_checkpoint_trained_here_whose_base_is_here_has_a_before(
    inspector: Inspector, catalogue: Catalogue, folders: dict[str, Path]
) -> None:
    orphan = publish(catalogue, folders["tuned"], "a", base="run-0")
    foreign = publish(catalogue, folders["tuned"], "b", "run-2")
    child = publish(catalogue, folders["tuned"], "a", "run-3", base=foreign)
    for checkpoint, name in (("bundled", "all-MiniLM-L6-v2"), ("local:headed", "headed"), (orphan, "mine"),
                             (child, "mine")):  # fmt: skip
        with pytest.raises(BaseMissing) as caught:
            inspector.before_after(ask(checkpoint=checkpoint), "a")
        assert caught.value.values == {"checkpoint": name}
