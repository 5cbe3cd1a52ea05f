"""Inside BERT: one sentence on its way through the model, step by step, with the model's own numbers.

A text is looked at as it is typed. What is chosen inside the model (a token, a layer and a head) is pressed in the
pictures, shown at once by the page and then told to the server, which draws only what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import TextMissing
from bertdemo.serving.inspector import UNTRAINED, Question
from bertdemo.ui.answers import Answers, Values
from bertdemo.ui.i18n import DEFAULT, size, translate
from bertdemo.ui.inside_drawings import PICTURES, RATES, Asked, Drawings, Drawn, Where
from bertdemo.ui.page import SAMPLES, Page, Visit
from bertdemo.ui.render.inside_attention import View
from bertdemo.ui.render.inside_learn import STEPS, render_captions, render_learn, step_title
from bertdemo.ui.render.primitives import empty_state, root, waiting_state
from bertdemo.ui.services import Services

_BUNDLED = "bundled"
_LISTEN = "window.bertdemo.listen(element, trigger);"
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_ORDER = {"trained": 0, "bundled": 1, "local": 2, "hub": 3}
_PRESSED = ("tokens", "overview", "arcs", "masks")
TEXT_IN_ADDRESS = 1_000
"""Characters of the text that the address carries."""
_FLOAT_BYTES = 4
_INPUTS = ("text", "pair", "checkpoint", "hide_special", "stretch", "across", "silence", "stage", "second", "unrelated",
           "label", "rate", "where")  # fmt: skip
_SET = ("where", "text", "stage", "label", "rate", "take", "fetch", "box")
"""Controls that a callback may set."""
_STALE = {"text", *PICTURES} - {"positions"}
"""What depends on the text; the table of positions and the other controls depend on the checkpoint alone."""
_REDRAWN = (
    ("head", "numbers", ("hide_special", "stretch", "across", "silence")),
    ("map", "map", ("stage",)),
    ("pooling", "pooling", ("second", "unrelated")),
    ("learning", "step", ("label", "rate")),
)
"""What is drawn again, where an error is told, after which controls."""


class _Callbacks:
    """The listeners of this tab, without the page: what is asked in, values by the name of their place out."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._drawings = Drawings(services)

    def sentence(self, asked: Asked) -> Values:
        """Draw everything that depends on the text."""
        if told := self._not_here(asked):
            return {**dict.fromkeys(PICTURES, ""), "tokens": told}
        try:
            return {**self._drawings.sentence(asked)}
        except TextMissing:
            return self._drawings.nothing(asked.lang)

    def open(self, asked: Asked) -> Values:
        """Draw everything, and set the controls to what the checkpoint has."""
        drawn = {**self._about(asked), **self.sentence(asked)}
        if asked.question.text.strip() and not self._not_here(asked):
            drawn |= self._drawings.positions(asked)
        return drawn

    def choose(self, asked: Asked) -> Values:
        """Open another checkpoint; a sample is changed for one that it can read."""
        info = self._info(asked)
        text, wanted = asked.question.text, SAMPLES["zh" if info.language == "zh" else "en"]
        if text not in SAMPLES.values() or text == wanted:
            return self.open(asked)
        return {"text": wanted, **self.open(replace(asked, question=replace(asked.question, text=wanted)))}

    def fetch(self, asked: Asked, progress: Callable[..., None]) -> Values:
        """Bring the checkpoint here, then open it."""
        self._services.catalogue.folder(
            asked.question.checkpoint, asked.owner, lambda done: progress(done.share, desc=done.file)
        )
        return self.open(asked)

    def press(self, asked: Asked, event: gr.EventData) -> Values:
        """Follow a token, show a head, or mask a token."""
        names = ("token", "layer", "head", "mask")
        pressed = {name: int(getattr(event, name)) for name in names if hasattr(event, name)}
        if "mask" in pressed:
            return self._drawings.fill(asked, pressed["mask"])
        asked = self._drawings.pressed(asked, pressed)
        drawn = self._drawings.token(asked) if "token" in pressed else self._drawings.head(asked)
        return {"where": _stored(asked.where), **drawn}

    def draw(self, part: str, asked: Asked) -> Values:
        """Draw one part again."""
        if not asked.question.text.strip() or self._not_here(asked):
            return {}
        drawn: Drawn = getattr(self._drawings, part)(asked)
        return {**drawn}

    def change(self, asked: Asked, progress: Callable[..., None]) -> Values:
        """Hold the checkpoint against its base."""
        desc = translate(asked.lang, "inside.change.working")
        return {**self._drawings.change(asked, lambda share: progress(share, desc=desc))}

    def arrive(self, visit: Visit) -> tuple[Any, ...]:
        """Inputs: the visit. Outputs: checkpoint, text, where, as the address says."""
        choices = self.choices(visit.owner, visit.lang)
        checkpoint = visit.checkpoint if visit.checkpoint in {value for _, value in choices} else _BUNDLED
        where = Where()
        if visit.layer.isdecimal() and visit.head.isdecimal():
            where = Where(int(visit.layer[:3]), int(visit.head[:3]), where.token)
        return (
            gr.update(choices=choices, value=checkpoint),
            visit.text[:TEXT_IN_ADDRESS] or gr.skip(),
            _stored(where),
        )

    def choices(self, owner: str, lang: str) -> list[tuple[str, str]]:
        """Return this owner's checkpoints, the trained ones first, newest first."""
        named = []
        for info in sorted(self._services.catalogue.list(owner), key=lambda info: _ORDER[info.source]):
            key = "checkpoint.choice" if info.ready else "checkpoint.choice_remote"
            key = "inside.choice_trained" if info.source == "trained" else key
            named.append((translate(lang, key, name=info.name), info.id))
        return named

    def _about(self, asked: Asked) -> Values:
        info = self._info(asked)
        labels = [(label, index) for index, label in enumerate(info.outputs or UNTRAINED)]
        steps = info.problem != "regression"
        return {
            "stage": gr.update(choices=list(range(info.layers + 1)), value=info.layers),
            "label": gr.update(choices=labels, value=0, visible=steps),
            **{name: gr.update(visible=steps) for name in ("rate", "take")},
            "fetch": gr.update(visible=not info.ready),
            "box": gr.update(visible=bool(info.base)),
        }

    def _not_here(self, asked: Asked) -> str:
        """Return what to say of a checkpoint that has to be fetched first, "" for one that is here."""
        info = self._info(asked)
        if info.ready:
            return ""
        told = translate(asked.lang, "inside.not_here", name=info.name, size=size(info.parameters * _FLOAT_BYTES))
        return root(empty_state(told))

    def _info(self, asked: Asked) -> CheckpointInfo:
        return self._services.catalogue.describe(asked.question.checkpoint, asked.owner)


def build(page: Page) -> None:
    """Draw the tab."""
    calls, make = _Callbacks(page.services), page.words.make
    parts: dict[str, Any] = {}
    parts["text"] = make(
        gr.Textbox, {"label": "tokens.text", "placeholder": "tokens.text_placeholder"}, value=SAMPLES["en"],
        lines=1, max_lines=8, container=False, elem_id="inside-text", elem_classes="bd-write",
    )  # fmt: skip
    parts["pair"] = make(
        gr.Textbox, {"label": "tokens.pair", "placeholder": "tokens.pair_placeholder"}, lines=1, max_lines=8,
        container=False, visible=False, elem_id="inside-pair", elem_classes="bd-write",
    )  # fmt: skip
    with gr.Row(elem_classes="bd-controls"):
        parts["checkpoint"] = make(
            gr.Dropdown, {"label": "predict.checkpoint", "choices": lambda lang: calls.choices("", lang)},
            value=_BUNDLED, allow_custom_value=True, elem_id="inside-checkpoint", scale=3, min_width=220,
        )  # fmt: skip
        parts["fetch"] = make(gr.Button, {"value": "inside.fetch"}, visible=False, elem_id="inside-fetch", scale=0)
        parts["add"] = make(gr.Button, {"value": "tokens.add_pair"}, size="md", elem_id="inside-add-pair", scale=0,
                            min_width=180)  # fmt: skip
    parts["where"] = gr.State(_stored(Where()))
    for step in STEPS:
        _step(page, step, parts)
    _wire(page, calls, parts)


def _step(page: Page, step: str, parts: dict[str, Any]) -> None:
    """Draw one step: its controls and pictures, and beside them what they show, the code, the answers."""
    make, number = page.words.make, STEPS.index(step) + 1
    wide = step == "attention"  # it has two columns of its own
    with make(
        gr.Accordion, {"label": lambda lang: step_title(step, lang)}, open=number <= 3, elem_id=f"inside-step-{step}",
        elem_classes="bd-part", visible=step != "before_after",
    ) as box:  # fmt: skip
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
    make(gr.HTML, {"value": lambda lang: render_captions(step, lang)}, elem_id=f"inside-caption-{step}")
    parts[f"code_{step}"] = gr.HTML("", elem_id=f"inside-code-{step}")
    make(gr.HTML, {"value": lambda lang: render_learn(step, lang)}, elem_id=f"inside-learn-{step}")


def _picture(parts: dict[str, Any], name: str, value: str = "") -> None:
    listen = {"js_on_load": _LISTEN} if name in _PRESSED else {}
    parts[name] = gr.HTML(value, elem_id=f"inside-{name}", **listen)


def _pictures(step: str, parts: dict[str, Any]) -> None:
    """Draw a step that has pictures only."""
    waiting = root(waiting_state(translate(DEFAULT, "inside.opening")))
    for name in {"tokens": ("tokens", "word"), "specials": ("specials",), "embeddings": ("embeddings", "positions")}[
        step
    ]:
        _picture(parts, name, waiting if name == "tokens" else "")


def _attention(page: Page, parts: dict[str, Any]) -> None:
    make = page.words.make
    with gr.Row(elem_classes="bd-head-pair", equal_height=False):
        with gr.Column(min_width=280, scale=2):
            _picture(parts, "overview")
            for name in ("hide_special", "stretch", "across", "silence"):
                parts[name] = make(
                    gr.Checkbox, {"label": f"inside.attention.{name}"}, value=False, container=False,
                    elem_id=f"inside-{name.replace('_', '-')}", visible=name != "across",
                )  # fmt: skip
            _picture(parts, "ablation")
            _picture(parts, "matrix")
        with gr.Column(min_width=280, scale=3):
            _picture(parts, "arcs")
            _picture(parts, "numbers")
            _words(page, "attention", parts)


def _layers(page: Page, parts: dict[str, Any]) -> None:
    _picture(parts, "path")
    parts["stage"] = page.words.make(
        gr.Dropdown, {"label": "inside.stage_choice"}, choices=list(range(7)), value=6, allow_custom_value=True,
        elem_id="inside-stage",
    )  # fmt: skip
    _picture(parts, "map")


def _pooling(page: Page, parts: dict[str, Any]) -> None:
    with gr.Row():
        for name in ("second", "unrelated"):
            parts[name] = page.words.make(
                gr.Textbox, {"label": f"inside.{name}", "value": f"inside.sample.{name}"}, lines=1, max_lines=4,
                elem_id=f"inside-{name}", min_width=260,
            )  # fmt: skip
    _picture(parts, "pooling")


def _head(page: Page, parts: dict[str, Any]) -> None:
    for name in ("head", "masks", "filled"):
        _picture(parts, name)


def _training(page: Page, parts: dict[str, Any]) -> None:
    make = page.words.make
    with gr.Row(elem_classes="bd-controls"):
        parts["label"] = make(
            gr.Dropdown, {"label": "inside.label"}, choices=[("A", 0), ("B", 1)], value=0, allow_custom_value=True,
            elem_id="inside-label", min_width=180, scale=2,
        )  # fmt: skip
        parts["rate"] = make(gr.Dropdown, {"label": "inside.rate"}, choices=[(f"{rate:g}", rate) for rate in RATES],
                             value=RATES[1], elem_id="inside-rate", min_width=140, scale=1)  # fmt: skip
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
        where = get["where"] if isinstance(get["where"], dict) else _stored(Where())
        return Asked(
            question=Question(get["text"] or "", get["pair"] or "", get["checkpoint"] or _BUNDLED),
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


def _wire(page: Page, calls: _Callbacks, parts: dict[str, Any]) -> None:
    """Connect the sentence and the checkpoint, what is pressed, the switches, and what takes a button."""
    inputs = [*(parts[name] for name in _INPUTS), page.owner, page.lang]
    places = {name: parts[name] for name in (*_SET, *PICTURES)}
    answers = Answers(page, inputs, places, _reader(page, parts), stale=_STALE)
    for name in ("text", "pair"):
        answers.live(parts[name].change, calls.sentence, "tokens", PICTURES)
    answers.live(parts["checkpoint"].input, calls.choose, "tokens", PICTURES)
    for part, at, names in _REDRAWN:
        for name in names:
            answers.live(parts[name].input, lambda asked, part=part: calls.draw(part, asked), at)
    for name in _PRESSED:
        answers.pressed(parts[name].select, calls.press, "filled" if name == "masks" else "tokens")
    answers.slow(parts["take"].click, lambda asked, progress: calls.draw("step", asked), "step")
    answers.slow(parts["fetch"].click, calls.fetch, "tokens")
    answers.slow(parts["compare"].click, calls.change, "change")
    parts["pair"].change(
        lambda pair: gr.update(visible=bool(pair)), parts["pair"], parts["across"], queue=False, **_QUIET
    )
    parts["add"].click(
        lambda: (gr.update(visible=True), gr.update(visible=False)), None, [parts["pair"], parts["add"]],
        queue=False, **_QUIET,
    )  # fmt: skip
    for name, event in (("text", parts["text"].change), ("checkpoint", parts["checkpoint"].input)):
        cut = f"(it) => window.bertdemo.address('{name}', (it || '').slice(0, {TEXT_IN_ADDRESS}))"
        event(None, parts[name], None, js=cut)
    _wire_page(page, calls, parts, answers)


def _wire_page(page: Page, calls: _Callbacks, parts: dict[str, Any], answers: Answers) -> None:
    """Connect arrival, language, and other tabs that ask to inspect a checkpoint."""
    page.tells_model("inside", parts["checkpoint"])
    page.on_load(calls.arrive, [], [parts["checkpoint"], parts["text"], parts["where"]])

    def arrive(values: dict[Any, Any]) -> dict[Any, Any]:
        wanted = values[page.inspected] or values[parts["checkpoint"]]
        choices = calls.choices(page.services.owner(values[page.owner]), values[page.lang])
        drawn = answers.answer(calls.choose, {**values, parts["checkpoint"]: wanted}, "tokens", PICTURES)
        return {**drawn, page.inspected: "", parts["checkpoint"]: gr.update(choices=choices, value=wanted)}

    page.on_open(
        "inside", arrive, {page.inspected, *answers.inputs}, [page.inspected, parts["checkpoint"], *answers.outputs]
    )

    def speak(lang: str, tokens: str, *values: Any) -> tuple[Any, ...]:
        asked = {**dict(zip(answers.inputs[:-1], values, strict=True)), page.lang: lang}
        choices = calls.choices(page.services.owner(asked[page.owner]), lang)
        drawn = {parts["tokens"]: root(waiting_state(translate(lang, "inside.opening")))}
        if "data-token" in (tokens or ""):  # else nothing was drawn yet, and opening the tab will
            drawn = answers.answer(calls.open, asked, "tokens", PICTURES)
        kept = [drawn.get(parts[name], gr.skip()) for name in PICTURES]
        return (gr.update(choices=choices), *kept)

    page.on_language(
        speak, [parts["tokens"], *answers.inputs[:-1]], [parts["checkpoint"], *(parts[name] for name in PICTURES)]
    )


def _number(value: Any) -> int | None:
    """Return what was chosen in a list whose entries change with the checkpoint, so that Gradio cannot check it."""
    return int(value) if str(value).isdecimal() and len(str(value)) < 5 else None


def _stored(where: Where) -> dict[str, int]:
    """Return what the page remembers; the stage is a control of its own."""
    return {"layer": where.layer, "head": where.head, "token": where.token}
