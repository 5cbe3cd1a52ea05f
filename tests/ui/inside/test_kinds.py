"""Inside BERT over heads of other kinds: tokens, answers, several labels, a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bertdemo.anatomy.layers import inputs_of
from bertdemo.checkpoints import loading
from bertdemo.i18n.translation import LANGUAGES
from bertdemo.services import Services
from bertdemo.ui.inside.html.steps import STEPS
from bertdemo.ui.inside.views import Drawings
from tests.anatomy.test_snippets import run
from tests.runs.support import settings_with
from tests.serving.support import LABELS
from tests.tiny import build_tiny_checkpoint
from tests.ui.inside.test_views import ask, at, said, script_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


@pytest.fixture(scope="module")
def services(root: Path) -> Iterator[Services]:
    several = {"problem_type": "multi_label_classification"}
    folders = (
        build_tiny_checkpoint(root / "entities", head="tokens", labels=("O", "B-PER", "I-PER", "B-LOC", "I-LOC")),
        build_tiny_checkpoint(root / "questions", head="questions"),
        build_tiny_checkpoint(root / "several", head="classification", labels=LABELS, **several),
        build_tiny_checkpoint(root / "stars", head="classification", labels=("stars",)),
    )
    (root / "writer").mkdir()
    loading.write(loading.open_model(folders[2], "EncoderDecoderModel", seed=0).model, folders[2], root / "writer")
    folders = (*folders, root / "writer")
    (root / "home").mkdir()
    built = Services.create(replace(settings_with(root / "home"), checkpoint_folders=folders))
    yield built
    built.close()


@pytest.fixture(scope="module")
def drawings(services: Services) -> Drawings:
    return Drawings(services)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["entities", "questions", "several", "stars", "writer"])
def test_every_step_is_drawn(drawings: Drawings, name: str, lang: str) -> None:
    for step in STEPS[:-1]:
        assert drawings.everything(at(step, ask(checkpoint=f"local:{name}", lang=lang)))["drawer"]


def test_tags_and_spans_are_drawn_with_the_models_own_numbers(drawings: Drawings, root: Path) -> None:
    from transformers import BertForQuestionAnswering, BertForTokenClassification

    for name, cls in (("entities", BertForTokenClassification), ("questions", BertForQuestionAnswering)):
        asked = ask(checkpoint=f"local:{name}")
        scores = drawings._inspector.token_scores(asked.question, "")
        inputs = inputs_of(drawings._inspector.look(asked.question, "").trace)
        out = cls.from_pretrained(root / name).eval()(**inputs)
        wanted = out.logits[0] if name == "entities" else torch.stack([out.start_logits[0], out.end_logits[0]], -1)
        assert scores.logits == pytest.approx(wanted.detach().numpy(), abs=1e-5)
        words = said(drawings.open(at("head", asked))["head"])
        best = float(scores.probabilities[1].max())
        assert f"{100 * best:.1f}%" in words and "untrained" not in words


def test_a_decoder_is_drawn_with_what_it_generates(drawings: Drawings) -> None:
    asked = ask(checkpoint="local:writer")
    generated, names = drawings._inspector.generate(asked.question, "")
    words = said(drawings.open(at("head", asked))["head"])
    assert names and all(name in words for name in names)
    assert f"{100 * generated.probabilities[0]:.1f}%" in words and "untrained" not in words


def test_the_code_of_a_head_of_another_kind_draws_a_new_one(drawings: Drawings, root: Path) -> None:
    asked = ask(checkpoint="local:entities")
    seen = drawings._inspector.look(asked.question, "")
    assert (seen.head_trained, seen.labels) == (False, ("A", "B"))
    code = script_of(drawings.drawer(at("head", asked))).replace("path/to/entities", str(root / "entities"))
    assert run(code)["logits"].tolist() == pytest.approx(seen.logits, abs=1e-5)


def test_a_head_of_several_labels_takes_a_step_and_a_regression_says_why_not(drawings: Drawings) -> None:
    several, stars = (ask(checkpoint=f"local:{name}", ablate=True) for name in ("several", "stars"))
    assert "need not sum to 1" in said(drawings.open(at("head", several))["head"])
    step = drawings.step(at("training_step", replace(several, label=1)), 1)
    assert "“good” has target 1" in said(step["step"])
    assert "torch.eye(model.config.num_labels)[[1]]" in script_of(step["drawer"])
    assert "Regression: the output" in said(drawings.open(at("head", stars))["head"])
    drawn = drawings.open(at("training_step", stars))
    assert "squared error" in said(drawn["step"]) and "<pre" not in drawn["drawer"]
    assert drawings.step(stars, 1) == {"step": drawn["step"]}
    assert "%" not in said(drawings.open(stars)["ablation"]) and "%" in said(drawings.open(several)["ablation"])
