"""Inside BERT: one sentence on its way through the model, step by step, with the model's own numbers.

A text is looked at as it is typed. What is chosen inside the model (a token, a layer and a head) is pressed in the
pictures, shown at once by the page and then told to the server, which draws only what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.serving.inspector import Question
from bertdemo.ui.html.primitives import empty_state, root, waiting_state
from bertdemo.ui.inside.callbacks import BUNDLED, TEXT_IN_ADDRESS, Listeners, sample, stored
from bertdemo.ui.inside.html.attention import View
from bertdemo.ui.inside.html.learn import STEPS, render_captions, render_learn, step_title
from bertdemo.ui.inside.views import PICTURES, RATES, Asked, Where
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import SAMPLES, Page
from bertdemo.ui.stale_requests import Answers
from bertdemo.ui.updates import QUIET, keyed

# Lets assets/inside.js send presses in a picture to its listener.
_LISTEN = "window.bertdemo.listen(element, trigger);"
# Pictures that can be pressed.
_PRESSED = ("tokens", "overview", "arcs", "masks")
# Components that every listener reads.
_INPUTS = (
    "text", "pair", "checkpoint", "hide_special", "stretch", "across", "silence", "stage", "second", "unrelated",
    "label", "rate", "where",
)  # fmt: skip
# Controls that a callback may set.
_SET = ("where", "text", "second", "unrelated", "stage", "label", "rate", "take", "fetch", "box")
# What depends on the text; the table of positions and the other controls depend on the checkpoint alone.
_STALE = {"text", "second", "unrelated", *PICTURES} - {"positions"}
# What is drawn again, where an error is told, after which controls.
_REDRAWN = (
    ("head", "numbers", ("hide_special", "stretch", "across", "silence")),
    ("map", "map", ("stage",)),
    ("pooling", "pooling", ("second", "unrelated")),
    ("learning", "step", ("label", "rate")),
)


def build(page: Page) -> None:
    """Draw the tab."""
    calls, make = Listeners(page.services), page.words.make
    stranger = page.services.owner("", optional=True)
    parts: dict[str, Any] = {}
    parts["text"] = make(
        gr.Textbox,
        {"label": "tokens.text", "placeholder": "tokens.text_placeholder"},
        value=SAMPLES["en"],
        lines=1,
        max_lines=8,
        container=False,
        elem_id="inside-text",
        elem_classes="bd-write",
    )
    parts["pair"] = make(
        gr.Textbox,
        {"label": "tokens.pair", "placeholder": "tokens.pair_placeholder"},
        lines=1,
        max_lines=8,
        container=False,
        visible=False,
        elem_id="inside-pair",
        elem_classes="bd-write",
    )
    with gr.Row(elem_classes="bd-controls"):
        parts["checkpoint"] = make(
            gr.Dropdown,
            {"label": "predict.checkpoint", "choices": lambda lang: calls.choices(stranger, lang)},
            value=BUNDLED,
            allow_custom_value=True,
            elem_id="inside-checkpoint",
            scale=3,
            min_width=220,
        )
        parts["fetch"] = make(gr.Button, {"value": "inside.fetch"}, visible=False, elem_id="inside-fetch", scale=0)
        parts["add"] = make(
            gr.Button, {"value": "tokens.add_pair"}, size="md", elem_id="inside-add-pair", scale=0, min_width=180
        )
    parts["where"] = gr.State(stored(Where()))
    for step in STEPS:
        _step(page, step, parts)
    _wire(page, calls, parts)


def _step(page: Page, step: str, parts: dict[str, Any]) -> None:
    """Draw one step: its controls and pictures, and beside them what they show, the code, the answers."""
    make, number = page.words.make, STEPS.index(step) + 1
    wide = step == "attention"  # it has two columns of its own
    with make(
        gr.Accordion,
        {"label": lambda lang: step_title(step, lang)},
        open=number <= 3,
        elem_id=f"inside-step-{step}",
        elem_classes="bd-part",
        visible=step != "before_after",
    ) as box:
        if step == "before_after":
            parts["box"] = box
        with gr.Row(elem_classes="bd-beside", equal_height=False):
            with gr.Column(scale=5, min_width=320):
                if step in _PARTS:
                    _PARTS[step](page, parts)
                else:
                    _pictures(step, parts)
            if not wide:
                with gr.Column(scale=2, min_width=260):
                    _words(page, step, parts)


def _words(page: Page, step: str, parts: dict[str, Any]) -> None:
    """Draw what the pictures show and do not, the code, and the answers."""
    make = page.words.make
    if step == "before_after":  # what it says depends on the checkpoint
        _picture(parts, "caption_before_after", elem_id="inside-caption-before_after")
    else:
        make(gr.HTML, {"value": lambda lang: render_captions(step, lang)}, elem_id=f"inside-caption-{step}")
    parts[f"code_{step}"] = gr.HTML("", elem_id=f"inside-code-{step}")
    make(gr.HTML, {"value": lambda lang: render_learn(step, lang)}, elem_id=f"inside-learn-{step}")


def _picture(parts: dict[str, Any], name: str, value: str = "", elem_id: str = "") -> None:
    listen = {"js_on_load": _LISTEN} if name in _PRESSED else {}
    parts[name] = gr.HTML(value, elem_id=elem_id or f"inside-{name}", **listen)


def _pictures(step: str, parts: dict[str, Any]) -> None:
    """Draw a step that has pictures only."""
    waiting = root(waiting_state(translate(DEFAULT, "inside.opening")))
    for name in {"tokens": ("tokens", "word"), "specials": ("specials",), "embeddings": ("embeddings", "positions")}[
        step
    ]:
        _picture(parts, name, waiting if name == "tokens" else "")


def _attention(page: Page, parts: dict[str, Any]) -> None:
    make = page.words.make
    _picture(parts, "arcs")  # the whole width: an arc that leaves the picture is not seen
    with gr.Row(elem_classes="bd-head-pair", equal_height=False):
        with gr.Column(min_width=280, scale=2):
            _picture(parts, "overview")
            for name in ("hide_special", "stretch", "across", "silence"):
                parts[name] = make(
                    gr.Checkbox,
                    {"label": f"inside.attention.{name}"},
                    value=False,
                    container=False,
                    elem_id=f"inside-{name.replace('_', '-')}",
                    visible=name != "across",
                )
            _picture(parts, "ablation")
            _picture(parts, "matrix")
        with gr.Column(min_width=280, scale=3):
            _picture(parts, "numbers")
            _words(page, "attention", parts)


def _layers(page: Page, parts: dict[str, Any]) -> None:
    _picture(parts, "path")
    parts["stage"] = page.words.make(
        gr.Dropdown,
        {"label": "inside.stage_choice"},
        choices=list(range(7)),
        value=6,
        allow_custom_value=True,
        elem_id="inside-stage",
    )
    _picture(parts, "map")


def _pooling(page: Page, parts: dict[str, Any]) -> None:
    with gr.Row():
        for name in ("second", "unrelated"):
            parts[name] = page.words.make(
                gr.Textbox,
                {"label": f"inside.{name}"},
                value=sample(name, "en"),
                lines=1,
                max_lines=4,
                elem_id=f"inside-{name}",
                min_width=260,
            )
    _picture(parts, "pooling")


def _head(page: Page, parts: dict[str, Any]) -> None:
    for name in ("head", "masks", "filled"):
        _picture(parts, name)


def _training(page: Page, parts: dict[str, Any]) -> None:
    make = page.words.make
    with gr.Row(elem_classes="bd-controls"):
        parts["label"] = make(
            gr.Dropdown,
            {"label": "inside.label"},
            choices=[("A", 0), ("B", 1)],
            value=0,
            allow_custom_value=True,
            elem_id="inside-label",
            min_width=180,
            scale=2,
        )
        parts["rate"] = make(
            gr.Dropdown,
            {"label": "inside.rate"},
            choices=[(f"{rate:g}", rate) for rate in RATES],
            value=RATES[1],
            elem_id="inside-rate",
            min_width=140,
            scale=1,
        )
        parts["take"] = make(gr.Button, {"value": "inside.take"}, elem_id="inside-take", scale=0, min_width=160)
    parts["step"] = page.words.make(
        gr.HTML, {"value": lambda lang: root(empty_state(translate(lang, "inside.step_empty")))}, elem_id="inside-step"
    )


def _change(page: Page, parts: dict[str, Any]) -> None:
    parts["compare"] = page.words.make(gr.Button, {"value": "inside.change.go"}, elem_id="inside-compare", scale=0)
    _picture(parts, "change")


_PARTS: dict[str, Callable[[Page, dict[str, Any]], None]] = {
    "attention": _attention,
    "layers": _layers,
    "pooling": _pooling,
    "head": _head,
    "training_step": _training,
    "before_after": _change,
}


def _reader(page: Page, parts: dict[str, Any]) -> Callable[[dict[Any, Any]], Asked]:
    """Return what makes one thing of the inputs; a control in a step that was never opened sends None."""

    def read(values: dict[Any, Any]) -> Asked:
        get = {name: values.get(parts[name]) for name in _INPUTS}
        where = get["where"] if isinstance(get["where"], dict) else stored(Where())
        return Asked(
            question=Question(get["text"] or "", get["pair"] or "", get["checkpoint"] or BUNDLED),
            owner=page.services.owner(values[page.owner]),
            lang=values[page.lang],
            where=Where(**where, stage=_number(get["stage"])),
            view=View(*(bool(get[name]) for name in ("hide_special", "stretch", "across"))),
            silence=bool(get["silence"]),
            second=get["second"] or "",
            unrelated=get["unrelated"] or "",
            label=_number(get["label"]) or 0,
            rate=float(get["rate"] or RATES[1]),
        )

    return read


def _wire(page: Page, calls: Listeners, parts: dict[str, Any]) -> None:
    """Connect the sentence and the checkpoint, what is pressed, the switches, and what takes a button."""
    inputs = [*(parts[name] for name in _INPUTS), page.owner, page.lang]
    places = {name: parts[name] for name in (*_SET, *PICTURES)}
    answers = Answers(page, inputs, places, _reader(page, parts), stale=_STALE)
    for name in ("text", "pair"):
        answers.live(parts[name].change, calls.sentence, "tokens", PICTURES)
    answers.live(parts["checkpoint"].input, calls.choose, "tokens", PICTURES)
    for part, at, names in _REDRAWN:
        for name in names:
            answers.live(parts[name].input, lambda request, part=part: calls.draw(part, request), at)
    for name in _PRESSED:
        answers.pressed(parts[name].select, calls.press, "filled" if name == "masks" else "tokens")
    answers.slow(parts["take"].click, lambda request, progress: calls.draw("step", request), "step")
    answers.slow(parts["fetch"].click, calls.fetch, "tokens")
    answers.slow(parts["compare"].click, calls.change, "change")
    parts["pair"].change(lambda pair: gr.update(visible=bool(pair)), parts["pair"], parts["across"], **QUIET)
    parts["add"].click(
        lambda: (gr.update(visible=True), gr.update(visible=False)),
        None,
        [parts["pair"], parts["add"]],
        **QUIET,
    )
    for name in ("text", "pair", "checkpoint"):  # a checkpoint is also set from elsewhere, by "Inspect this model"
        cut = f"(it) => window.bertdemo.address('{name}', (it || '').slice(0, {TEXT_IN_ADDRESS}))"
        parts[name].change(None, parts[name], None, js=cut)
    _wire_page(page, calls, parts, answers)


def _wire_page(page: Page, calls: Listeners, parts: dict[str, Any], answers: Answers) -> None:
    """Connect arrival, language, and other tabs that ask to inspect a checkpoint."""
    page.tells_model("inside", parts["checkpoint"])
    arrived = [parts[name] for name in ("checkpoint", "text", "pair", "add", "where")]
    page.on_load(keyed(calls.arrive, arrived), [], arrived)

    def arrive(values: dict[Any, Any]) -> dict[Any, Any]:
        was = values[parts["checkpoint"]]
        wanted = values[page.inspected] or was
        come = calls.choose if wanted != was else calls.come_back
        choices = calls.choices(page.services.owner(values[page.owner]), values[page.lang])
        drawn = answers.answer(come, {**values, parts["checkpoint"]: wanted}, "tokens", PICTURES)
        return {**drawn, page.inspected: "", parts["checkpoint"]: gr.update(choices=choices, value=wanted)}

    page.on_open(
        "inside",
        guarded(arrive),
        {page.inspected, *answers.inputs},
        [page.inspected, parts["checkpoint"], *answers.outputs],
    )

    def speak(lang: str, tokens: str, *values: Any) -> tuple[Any, ...]:
        request = {**dict(zip(answers.inputs[:-1], values, strict=True)), page.lang: lang}
        choices = calls.choices(page.services.owner(request[page.owner]), lang)
        drawn = {parts["tokens"]: root(waiting_state(translate(lang, "inside.opening")))}
        if "data-token" in (tokens or ""):  # else nothing was drawn yet, and opening the tab will
            drawn = answers.answer(calls.come_back, request, "tokens", PICTURES)
        kept = [drawn.get(parts[name], gr.skip()) for name in PICTURES]
        return (gr.update(choices=choices), *kept)

    spoken = [parts["checkpoint"], *(parts[name] for name in PICTURES)]
    page.on_language(keyed(speak, spoken), [parts["tokens"], *answers.inputs[:-1]], spoken)


def _number(value: Any) -> int | None:
    """Return what was chosen in a list whose entries change with the checkpoint, so that Gradio cannot check it."""
    return int(value) if str(value).isdecimal() and len(str(value)) < 5 else None
