"""Inside BERT over other checkpoints and odd texts: trained, masked-word, broken, deep; links; axe's findings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.api.caller import Caller
from tests.e2e.conftest import Visit
from tests.e2e.inside import Inside
from tests.e2e.server import Server
from tests.tiny import build_tiny_checkpoint, tiny_vocabulary, write_tokenizer

TINY = "local:tiny"
TEXT = "the film was good"
MOST_ELEMENTS = 3_000
SCAN = """async () => (await axe.run('#tab-inside', { resultTypes: ['violations'] })).violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`)"""


def _deep(folder: Path, masked: bool = False) -> Path:
    """Write a random BERT of 12 layers and 12 heads, narrow, that reads 512 positions; with a masked-word head."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertModel

    pieces = tiny_vocabulary()
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=48, num_hidden_layers=12, num_attention_heads=12, intermediate_size=96
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        (BertForMaskedLM if masked else BertModel)(config).save_pretrained(folder)
    write_tokenizer(folder, pieces)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that offers a masked-word checkpoint, one without two layers' weights, and a deep one."""
    root = tmp_path_factory.mktemp("models")
    masked, deep = build_tiny_checkpoint(root / "masked", head="mlm"), _deep(root / "deep")
    holed = build_tiny_checkpoint(root / "holed", layers=3)
    kept = {name: one for name, one in load_file(holed / "model.safetensors").items() if ".layer.1." not in name}
    server = Server(root / "home", masked, {"BERTDEMO_CHECKPOINTS": ":".join(map(str, (masked, deep, holed)))})
    server.start()
    save_file(kept, holed / "model.safetensors", {"format": "pt"})  # it breaks after the list was made
    yield server
    server.close()
    shutil.rmtree(root, ignore_errors=True)


def test_a_link_opens_the_view_and_the_address_follows_what_is_chosen(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, layer="2", head="1").unfold("attention")
    inside.wait_pieces(TEXT.split())
    inside.wait_head(2, 1)
    inside.choose_head(1, 2)
    inside.write("x" * 1200)
    inside.page.wait_for_function("() => (new URLSearchParams(location.search).get('text') || '').length === 1000")
    query = inside.visitor.query()
    assert (query["tab"], query["checkpoint"], query["layer"], query["head"]) == ("inside", TINY, "1", "2")


def test_a_link_carries_a_pair_and_what_cannot_be_seen_is_told(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT)
    inside.page.click("#inside-add-pair")
    with inside.changing("#inside-specials"):
        inside.page.fill("#inside-pair textarea", "bad plot")
    inside.page.wait_for_function("() => new URLSearchParams(location.search).get('pair') === 'bad plot'")
    same = Inside.opened(visit(), **{name: inside.visitor.query()[name] for name in ("checkpoint", "text", "pair")})
    assert same.page.input_value("#inside-pair textarea") == "bad plot"
    assert same.pieces() == inside.pieces() and same.pieces().count("[SEP]") == 2
    assert not same.page.locator("#inside-add-pair").is_visible()
    visitor = visit().open("inside", checkpoint="run-of-somebody")
    visitor.sees("#inside-tokens", "error.checkpoint_unknown", checkpoint="run-of-somebody")
    assert not [one for one in Inside(visitor).drawings() if "learn" not in one]


def test_a_finished_run_is_inspected_from_its_result_and_from_the_list(visit: Visit, finished: str) -> None:
    visitor = visit().open("train", run=finished)
    visitor.page.locator("#train-inspect").click()
    inside = Inside(visitor).drawn()
    inside.page.locator("#inside-step-before_after").wait_for()
    inside.unfold("before_after")
    inside.page.click("#inside-compare")
    change = inside.page.locator("#inside-change")
    change.locator("[data-paint=grid]").wait_for()
    assert change.locator(".bd-points svg").count() == 2 and change.locator("table").count() >= 2
    visitor.open("runs", run=finished)
    visitor.page.locator("#runs-inspect").click()
    Inside(visitor).drawn().page.locator("#inside-step-before_after").wait_for()


def test_a_training_step_changes_a_copy_alone(visit: Visit, server: Server) -> None:
    def said() -> object:
        return Caller(server.url).call("inspect", text=TEXT, checkpoint=TINY, layer=1, head=1).value

    before = said()
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT).unfold("training_step")
    inside.page.click("#inside-take")
    step = inside.page.locator("#inside-step .bd-training")
    step.wait_for()
    assert inside.visitor.say("inside.training.unchanged") in step.inner_text()
    assert said() == before


def test_the_code_holds_the_text_as_text(visit: Visit) -> None:
    hostile = "a <img src=x onerror=\"window.hit=1\"> 'film'"
    inside = Inside.opened(visit(), checkpoint=TINY, text=hostile)
    inside.page.locator("#inside-code-tokens summary").click()
    shown = inside.page.locator("#inside-code-tokens pre").inner_text()
    assert repr(hostile) in shown and "AutoTokenizer" in shown
    assert inside.page.evaluate("window.hit") is None


@pytest.mark.parametrize(
    "text", ["good", "👨‍👩‍👧‍👦 👍🏽", "cafe\u0301 i\u0307", "שלום עולם", "[SEP] [MASK]", "\u200b good \u200b"]
)
def test_odd_texts_are_drawn(visit: Visit, text: str) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT)
    with inside.changing("#inside-tokens"):
        inside.write(text)
    assert inside.pieces()[0] == "[CLS]" and inside.pieces()[-1] == "[SEP]"
    if text.startswith("[SEP]"):
        assert inside.page.locator("#inside-tokens .bd-tok.special").count() == 2


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_typed_says_what_will_stand_there_and_typing_brings_it_back(visit: Visit, text: str) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT)
    inside.write(text)
    inside.visitor.sees("#inside-tokens", "inside.empty")
    assert inside.page.locator("#inside-tokens [data-token]").count() == 0
    inside.write("good film")
    inside.wait_pieces(["good", "film"])
    assert inside.page.locator("#inside-positions [data-paint]").count() == 1


def test_a_long_text_is_cut_where_one_can_see_it(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT)
    inside.write("good " * 600)
    inside.page.locator("#inside-tokens .bd-cut").wait_for()
    assert inside.page.locator("#inside-tokens [data-token]").count() == 128
    assert "474" in inside.page.locator("#inside-tokens").inner_text()


def test_a_checkpoint_with_the_masked_word_head_fills_a_token(visit: Visit, models: Server) -> None:
    inside = Inside.opened(visit(server=models), checkpoint="local:masked", text=TEXT).unfold("head")
    inside.page.locator("#inside-masks [data-mask='2']").click()
    inside.page.locator("#inside-filled table").wait_for()
    assert inside.page.locator("#inside-filled tbody tr").count() == 5


def test_one_without_it_says_why_and_which_can(visit: Visit) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT).unfold("head")
    inside.visitor.sees("#inside-masks", "inside.fill.cannot")
    assert "google-bert/bert-base-uncased" in inside.page.locator("#inside-masks").inner_text()


def test_a_checkpoint_without_all_its_weights_is_refused_and_nothing_is_drawn(visit: Visit, models: Server) -> None:
    inside = Inside.opened(visit(server=models), checkpoint="local:deep", text=TEXT)
    inside.page.fill("#inside-checkpoint input", "local:holed")
    inside.page.keyboard.press("Enter")
    inside.visitor.sees("#inside-tokens", "error.checkpoint_incomplete")
    assert "encoder.layer.1.attention.self.query.weight" in inside.page.locator("#inside-tokens").inner_text()
    assert not [one for one in inside.drawings() if "learn" not in one]


def test_512_tokens_of_a_deep_model_stay_light_and_answer(visit: Visit, models: Server) -> None:
    inside = Inside.opened(visit(server=models), checkpoint="local:deep", text=TEXT).unfold()
    with inside.changing("#inside-tokens", "#inside-matrix", "#inside-map"):
        inside.write("good film " * 300)
    assert inside.page.locator("#inside-tokens [data-token]").count() == 512
    assert inside.page.locator("#inside-overview button").count() == 144
    assert inside.page.evaluate("document.querySelectorAll('#tab-inside *').length") <= MOST_ELEMENTS
    inside.choose_head(12, 12)
    assert inside.page.locator("#inside-matrix [data-n='512']").count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_scan_for_barriers_finds_nothing_serious(visit: Visit, theme: str) -> None:
    inside = Inside.opened(visit(), checkpoint=TINY, text=TEXT, __theme=theme).unfold()
    for summary in inside.page.locator("#tab-inside summary").all():
        summary.click()
    inside.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = inside.page.evaluate(SCAN)
    assert not found, json.dumps(found, indent=1)
