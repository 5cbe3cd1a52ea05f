"""Inside BERT on a kept regression: the head as mean -> linear -> softmax, and an encoder that did not move."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import Question
from bertdemo.ui.html.predictions import describe
from bertdemo.ui.inside.views import Asked, Drawings, Where
from tests.runs.support import created, rows_of, settings_with, sharpened, write_csv
from tests.serving.support import LABELS, TEXT
from tests.serving.test_predictor import publish
from tests.tiny import build_tiny_checkpoint, keep_mean_head
from tests.ui.html.test_primitives import read
from tests.ui.inside.test_html import OURS
from tests.ui.inside.test_views import said, script_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mean")


@pytest.fixture(scope="module")
def services(root: Path) -> Iterator[Services]:
    plain = sharpened(build_tiny_checkpoint(root / "plain"))
    keep_mean_head(plain, root / "kept", LABELS)
    (root / "home").mkdir()
    built = Services.create(replace(settings_with(root / "home"), checkpoint_folders=(plain,)))
    yield built
    built.close()


@pytest.fixture(scope="module")
def kept(services: Services, root: Path) -> str:
    run = created(services.registry, write_csv(root / "data.csv", rows_of(8)))
    answer = {"predicted": LABELS[0], "confidence": 0.5}
    rows = [{"row": i, "text": text, "label": label, **answer} for i, (text, label) in enumerate(rows_of(12, LABELS))]
    path = services.registry.folder(run) / "evaluation.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return publish(services.catalogue, root / "kept", "", run, pooling="mean", name="kept <b>")


def ask(kept: str, lang: str = "en", step: str = "head", **more: object) -> Asked:
    return Asked(Question(TEXT, "", kept), "", lang, Where(step, 1, 1, 1), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_head_is_drawn_as_mean_linear_softmax_with_its_numbers(services: Services, kept: str, lang: str) -> None:
    drawings = Drawings(services)
    drawn = drawings.everything(ask(kept, lang))
    seen = services.inspector.look(Question(TEXT, "", kept), "")
    words = said(drawn["head"])
    assert set(read(drawn["head"]).tags) <= OURS
    assert translate(lang, "inside.mean_head.title") in words and translate(lang, "inside.mean_head.about") in words
    for logit, bias in zip(seen.logits, seen.biases, strict=True):
        assert f"{logit - bias:.3f} {bias:+.3f} {logit:.3f}" in words
    assert "bd-strip" in drawn["head"]
    assert translate(lang, "inside.pooling.trained") in said(drawings.open(ask(kept, lang, "pooling"))["pooling"])
    assert "pooler_output" not in drawn["drawer"]


def test_an_ordinary_head_is_drawn_as_before(services: Services) -> None:
    words = said(Drawings(services).everything(ask("local:plain"))["head"])
    assert (
        translate("en", "inside.mean_head.title") not in words
        and translate("en", "inside.mean_head.product") not in words
    )


def test_its_code_is_that_of_the_mean_for_the_head_and_for_a_step(services: Services, kept: str) -> None:
    drawings = Drawings(services)
    for step in ("head", "training_step"):
        code = script_of(drawings.drawer(ask(kept, step=step)))
        assert "load_file" in code and "mean(0)" in code and "path/to/the/unpacked/zip" in code


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_training_step_is_taken_on_it(services: Services, kept: str, lang: str) -> None:
    drawn = Drawings(services).step(ask(kept, lang, label=1), 1)
    assert translate(lang, "inside.part.linear") in said(drawn["step"])
    assert translate(lang, "inside.part.pooler") not in said(drawn["step"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_before_and_after_says_that_the_encoder_did_not_move(services: Services, kept: str, lang: str) -> None:
    html = Drawings(services).change(ask(kept, lang), lambda share: None)["change"]
    words = said(html)
    assert translate(lang, "inside.change.base_frozen", name="kept <b>", base="plain") in words
    assert translate(lang, "inside.change.frozen", numbers=str(3 * 33)) in words
    assert translate(lang, "inside.movement.title") in words and "0%" in words
    assert translate(lang, "inside.probabilities.title") not in words  # its head was never a random one
    assert "kept &lt;b&gt;" in html and "kept <b>" not in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_catalogue_says_what_does_not_load_it(services: Services, kept: str, lang: str) -> None:
    words = said(describe(services.catalogue.describe(kept, ""), lang))
    assert translate(lang, "checkpoint.mean_head") in words
    assert translate(lang, "checkpoint.mean_head") not in said(
        describe(services.catalogue.describe("bundled", ""), lang)
    )
