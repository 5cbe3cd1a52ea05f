"""Inside BERT over heads of other kinds: tokens, answers, several labels, a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.i18n.translation import LANGUAGES
from bertdemo.services import Services
from bertdemo.ui.inside.callbacks import Listeners
from bertdemo.ui.inside.views import PICTURES, Drawings
from tests.anatomy.test_snippets import run
from tests.runs.support import settings_with
from tests.serving.support import LABELS
from tests.tiny import build_tiny_checkpoint
from tests.ui.inside.test_views import ON_REQUEST, ask, said, script_of

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
    (root / "home").mkdir()
    built = Services.create(replace(settings_with(root / "home"), checkpoint_folders=folders))
    yield built
    built.close()


@pytest.fixture(scope="module")
def drawings(services: Services) -> Drawings:
    return Drawings(services)


@pytest.fixture(scope="module")
def calls(services: Services) -> Listeners:
    return Listeners(services)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["entities", "questions", "several", "stars"])
def test_a_sentence_fills_every_place(drawings: Drawings, name: str, lang: str) -> None:
    drawn = drawings.sentence(ask(checkpoint=f"local:{name}", lang=lang))
    assert set(drawn) == set(PICTURES) - {"positions"}
    empty = ON_REQUEST | ({"code_training_step"} if name == "stars" else set())
    assert {place for place, html in drawn.items() if not html} == empty


@pytest.mark.parametrize(
    ("name", "brought"), [("entities", "BertForTokenClassification"), ("questions", "BertForQuestionAnswering")]
)
def test_a_head_of_another_kind_is_named_and_the_code_draws_a_new_one_too(
    drawings: Drawings, root: Path, name: str, brought: str
) -> None:
    asked = ask(checkpoint=f"local:{name}")
    words = said(drawings.sentence(asked)["head"])
    assert f"({brought})" in words and "another kind" in words and "untrained" in words
    seen = drawings._inspector.look(asked.question, "")
    assert (seen.head_trained, seen.labels) == (False, ("A", "B"))
    code = script_of(drawings.code("head", asked)).replace(f"path/to/{name}", str(root / name))
    assert run(code)["logits"].tolist() == pytest.approx(seen.logits, abs=1e-5)


def test_a_head_of_several_labels_takes_a_step_and_a_regression_says_why_not(drawings: Drawings) -> None:
    several, stars = (ask(checkpoint=f"local:{name}", silence=True) for name in ("several", "stars"))
    words = said(drawings.sentence(several)["head"])
    assert "need not sum to 1" in words and "untrained" not in words
    step = drawings.step(replace(several, label=1))
    assert "“good” as the only label" in said(step["step"])
    assert "torch.eye(model.config.num_labels)[[1]]" in script_of(step["code_training_step"])
    drawn = drawings.sentence(stars)
    assert "A regression" in said(drawn["head"]) and "softmax(-1)" not in script_of(drawn["code_head"])
    assert "mean squared error" in said(drawn["step"]) and drawn["code_training_step"] == ""
    assert drawings.step(stars) == {"step": drawn["step"]}
    assert "%" not in said(drawn["ablation"]) and "%" in said(drawings.sentence(several)["ablation"])


def test_the_controls_of_a_step_are_there_where_one_can_be_taken(calls: Listeners) -> None:
    for name, labels in (("several", LABELS), ("stars", None), ("entities", ("A", "B"))):
        about = calls._about(ask(checkpoint=f"local:{name}"))
        assert all(about[control]["visible"] is (labels is not None) for control in ("label", "rate", "take"))
        if labels:
            assert about["label"]["choices"] == [(label, i) for i, label in enumerate(labels)]
