"""Inside BERT with everything in it that a visitor can ask for: scanned for barriers, by keyboard alone, counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from bertdemo.processes import file_sha256
from bertdemo.services import Services
from tests.e2e.conftest import Visit
from tests.e2e.inside import STEPS, Inside
from tests.e2e.server import Server
from tests.e2e.test_inside import _focus, _tab_to
from tests.e2e.test_inside_models import MOST_ELEMENTS, SCAN, TEXT, _deep
from tests.runs.support import created, rows_of, settings_with, write_csv
from tests.serving.support import LABELS, train
from tests.serving.test_predictor import publish
from tests.tiny import build_tiny_checkpoint

ALL = (*STEPS, "before_after")


def _run_of(services: Services, base: Path, tuned: Path, rows: int, length: int) -> str:
    """Publish what training `base` left behind, with so many held-out rows; return its id."""
    train(base, tuned)
    run = created(services.registry, write_csv(tuned.parent / f"{tuned.name}.csv", rows_of(8)))
    kept = [{"row": i, "text": text, "label": label} for i, (text, label) in enumerate(rows_of(rows, LABELS))]
    path = services.registry.folder(run) / "evaluation.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in kept), encoding="utf-8")
    sha256 = file_sha256(base / "model.safetensors")
    return publish(services.catalogue, tuned, "", run, base=f"local:{base.name}", base_sha256=sha256, max_length=length)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """A server with masked-word checkpoints, and the ids of a small and of a deep one trained there."""
    root = tmp_path_factory.mktemp("whole")
    small, deep = build_tiny_checkpoint(root / "small"), _deep(root / "deep")
    masked, words = build_tiny_checkpoint(root / "masked", head="mlm"), _deep(root / "words", masked=True)
    offered = {"BERTDEMO_CHECKPOINTS": ":".join(map(str, (small, deep, masked, words)))}
    services = Services.create(settings_with(root / "home", **offered))
    ids = (_run_of(services, small, root / "tuned", 12, 128), _run_of(services, deep, root / "tuned-deep", 300, 512))
    services.close()
    server = Server(root / "home", small, offered)
    server.start()
    yield server, *ids
    server.close()
    shutil.rmtree(root, ignore_errors=True)


def _take(inside: Inside) -> None:
    inside.page.click("#inside-take")
    inside.page.locator("#inside-step .bd-training").wait_for()


def _compare(inside: Inside) -> None:
    inside.page.click("#inside-compare")
    inside.page.locator("#inside-change .bd-points svg").nth(1).wait_for()


def _scan(inside: Inside) -> None:
    for summary in inside.page.locator("#tab-inside summary").all():
        if summary.is_visible():
            summary.click()
    inside.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = inside.page.evaluate(SCAN)
    assert not found, json.dumps(found, indent=1)


# --- barriers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("en", "dark"), ("zh", "light")])
def test_a_scan_finds_nothing_with_a_step_taken_a_head_off_and_before_and_after(
    visit: Visit, crowd: tuple[Server, str, str], lang: str, theme: str
) -> None:
    server, run, _ = crowd
    inside = Inside.opened(visit(lang, server=server), checkpoint=run, text=TEXT, pair="a book", __theme=theme)
    inside.unfold(*ALL)
    inside.page.check("#inside-silence input")
    inside.visitor.sees("#inside-ablation", "inside.ablation.title")
    _take(inside)
    _compare(inside)
    _scan(inside)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_scan_finds_nothing_with_a_masked_word_and_with_an_error(
    visit: Visit, crowd: tuple[Server, str, str], lang: str
) -> None:
    inside = Inside.opened(visit(lang, server=crowd[0]), checkpoint="local:masked", text=TEXT).unfold()
    inside.page.locator("#inside-masks [data-mask='2']").click()
    inside.page.locator("#inside-filled table").wait_for()
    _scan(inside)
    inside.page.fill("#inside-checkpoint input", "local:nobody")
    inside.page.keyboard.press("Enter")
    inside.visitor.sees("#inside-tokens", "error.checkpoint_unknown")
    _scan(inside)


# --- by keyboard alone --------------------------------------------------------------------------------------


def test_switches_stage_and_sentences_are_used_by_keyboard_alone(visit: Visit, crowd: tuple[Server, str, str]) -> None:
    server, run, _ = crowd
    visitor = visit(server=server)
    inside = Inside.opened(visitor, checkpoint=run, text=TEXT).unfold(*ALL)
    keys = visitor.page.keyboard
    inside.bar("attention").focus()
    for name, place in (("hide-special", "#inside-matrix"), ("stretch", "#inside-matrix"),
                        ("silence", "#inside-ablation")):  # fmt: skip
        _tab_to(visitor, f"#inside-{name}")
        with inside.changing(place):
            keys.press("Space")
    visitor.sees("#inside-matrix", "inside.attention.hidden_special")
    visitor.sees("#inside-ablation", "inside.ablation.title")

    _tab_to(visitor, "#inside-stage")
    with inside.changing("#inside-map"):
        keys.press("ArrowUp")
        keys.press("Enter")
    _tab_to(visitor, "#inside-second")
    with inside.changing("#inside-pooling"):
        keys.press("Control+A")
        keys.type("a good film")
    _tab_to(visitor, "#inside-unrelated")
    with inside.changing("#inside-pooling"):
        keys.press("Control+A")
        keys.type("the bank card")


def test_a_step_before_and_after_and_the_code_are_reached_by_keyboard_alone(
    visit: Visit, crowd: tuple[Server, str, str]
) -> None:
    server, run, _ = crowd
    visitor = visit(server=server)
    inside = Inside.opened(visitor, checkpoint=run, text=TEXT).unfold(*ALL)
    page, keys = visitor.page, visitor.page.keyboard
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    inside.bar("training_step").focus()
    for name in ("label", "rate"):
        _tab_to(visitor, f"#inside-{name}")
        was = page.input_value(f"#inside-{name} input")
        keys.press("ArrowDown")
        keys.press("Enter")
        page.wait_for_function(f"was => document.querySelector('#inside-{name} input').value !== was", arg=was)
    _tab_to(visitor, "#inside-take")
    keys.press("Enter")
    page.locator("#inside-step .bd-training").wait_for()
    label = page.input_value("#inside-label input")
    page.locator("#inside-step tbody tr").first.filter(has_text=label).wait_for()
    _tab_to(visitor, "#inside-code-training_step summary")
    keys.press("Enter")
    _tab_to(visitor, "#inside-code-training_step [data-copy]")
    keys.press("Enter")
    page.locator("#inside-code-training_step [data-copy].done").wait_for()
    code = page.locator("#inside-code-training_step pre").evaluate("e => e.textContent")
    assert page.evaluate("navigator.clipboard.readText()") == code
    _tab_to(visitor, "#inside-compare")
    keys.press("Enter")
    page.locator("#inside-change .bd-points svg").nth(1).wait_for()
    _tab_to(visitor, "#inside-change [data-paint=grid]")
    keys.press("ArrowRight")
    page.wait_for_function("document.querySelector('#inside-change output').innerText.startsWith('[0, ')")
    assert "paint" in _focus(visitor)


# --- how much there is --------------------------------------------------------------------------------------


def _elements(inside: Inside) -> int:
    return int(inside.page.evaluate("document.querySelectorAll('#tab-inside *').length"))


def test_512_tokens_that_can_each_be_masked_stay_light(visit: Visit, crowd: tuple[Server, str, str]) -> None:
    inside = Inside.opened(visit(server=crowd[0]), checkpoint="local:words", text=TEXT).unfold()
    with inside.changing("#inside-tokens", "#inside-matrix", "#inside-map", "#inside-masks"):
        inside.write("good film " * 300)
    assert inside.page.locator("#inside-masks [data-mask]").count() == 512
    inside.page.locator("#inside-masks [data-mask='300']").click()
    inside.page.locator("#inside-filled table").wait_for()
    _take(inside)
    assert _elements(inside) <= MOST_ELEMENTS


def test_512_tokens_and_300_rows_before_and_after_stay_light(visit: Visit, crowd: tuple[Server, str, str]) -> None:
    server, _, run = crowd
    inside = Inside.opened(visit(server=server), checkpoint=run, text=TEXT).unfold(*ALL)
    with inside.changing("#inside-tokens", "#inside-matrix", "#inside-map"):
        inside.write("good film " * 300)
    _take(inside)
    _compare(inside)
    for i in range(2):
        marks = inside.page.locator("#inside-change .bd-points svg").nth(i).locator("path")
        assert sum(path.count("M") for path in marks.evaluate_all("all => all.map((e) => e.getAttribute('d'))")) == 300
    assert _elements(inside) <= MOST_ELEMENTS
