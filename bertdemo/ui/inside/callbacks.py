"""The callbacks of the tab: what a person typed, chose or clicked comes in, updates of its components go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import gradio as gr
from gradio.blocks import Block

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import ArgumentWrong, TextMissing
from bertdemo.i18n.translation import LANGUAGES, size, translate
from bertdemo.serving.inspector import UNTRAINED, Question
from bertdemo.ui.html.primitives import empty_state, error_state, root, waiting_state
from bertdemo.ui.inside.choices import checkpoint_choices
from bertdemo.ui.inside.html.attention import View
from bertdemo.ui.inside.html.samples import examples, sample
from bertdemo.ui.inside.html.steps import FIRST, STEPS
from bertdemo.ui.inside.layout import BUNDLED, Components
from bertdemo.ui.inside.views import PICTURES, RATES, Asked, Drawings, Drawn, Where
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.stale_requests import StaleRequestGuard, page_of_request
from bertdemo.ui.updates import Progress, Updates

# Characters of a text, and of a checkpoint's id, that the address carries.
TEXT_IN_ADDRESS = 1_000
_ID_IN_ADDRESS = 200
# Digits of a layer, a head or a token in the address.
_DIGITS = 4
# Bytes per parameter in float32, to say how much a download is.
_FLOAT_BYTES = 4

# The values of the inputs, by component.
Inputs = Mapping[Block, object]


@dataclass(frozen=True)
class Callbacks:
    """The listeners of the tab."""

    page: Page
    parts: Components
    drawings: Drawings
    requests: StaleRequestGuard = field(default_factory=StaleRequestGuard)

    # --- the text and the checkpoint ---

    def redraw(self, values: Inputs) -> Updates:
        """Inputs: all. Outputs: the pictures, for another text."""
        return self._answer(self._everything, values, "notice", anew=True)

    def choose_checkpoint(self, values: Inputs) -> Updates:
        """Inputs: all. Outputs: all; a sample is replaced by one in a language that the checkpoint reads."""
        return self._answer(self._opened_anew, values, "notice", anew=True)

    def fetch(self, values: Inputs, progress: Progress) -> Updates:
        """Inputs: all. Outputs: all, once the checkpoint is here."""

        def bring(request: Asked) -> Updates:
            self.page.catalogue.folder(
                request.question.checkpoint, request.owner, lambda done: progress(done.share, desc=done.file)
            )
            return self._in_turn(self._opened_anew, request)

        return self._answer(bring, values, "notice", anew=True, in_turn=False)

    def open_tab(self, values: Inputs) -> Updates:
        """Inputs: all, and the checkpoint that another tab wants to inspect. Outputs: all."""
        checkpoint = self.parts.sentence.checkpoint
        before = values[checkpoint]
        wanted = str(values[self.page.inspected] or before)
        opens = self._opened_anew if wanted != before else self._opened
        choices = checkpoint_choices(self.page.services, self._owner(values), self._lang(values))
        drawn = self._answer(opens, {**values, checkpoint: wanted}, "notice", anew=True)
        return {**drawn, self.page.inspected: "", checkpoint: gr.update(choices=choices, value=wanted)}

    def speak(self, lang: str, *values: object) -> Updates:
        """Inputs: all, in their order. Outputs: the list of checkpoints and the pictures, in another language."""
        named = dict(zip(self.spoken_inputs, values, strict=True))
        choices = checkpoint_choices(self.page.services, self._owner(named), lang)
        listed: Updates = {self.parts.sentence.checkpoint: gr.update(choices=choices)}
        if "bd-map" not in str(named[self.parts.pictures.map] or ""):  # nothing was drawn yet: opening the tab will
            return {**listed, self.parts.pictures.notice: root(waiting_state(translate(lang, "inside.opening")))}
        return {**listed, **self._answer(self._everything, {**named, self.page.lang: lang}, "notice", anew=True)}

    def arrive(self, visit: Visit) -> Updates:
        """Outputs: checkpoint, text, pair, add and where, as the address says.

        Whether there is such a checkpoint, and for this owner, is told when the tab opens it.
        """
        sentence = self.parts.sentence
        choices = checkpoint_choices(self.page.services, visit.owner, visit.lang)
        # Bounded, since anybody can write any address.
        checkpoint = visit.checkpoint.strip()[:_ID_IN_ADDRESS] or BUNDLED
        updates: Updates = {
            sentence.checkpoint: gr.update(choices=choices, value=checkpoint),
            self.parts.where: where_of(visit),
        }
        if visit.text:
            updates[sentence.text] = visit.text[:TEXT_IN_ADDRESS]
        if visit.pair:
            updates |= self._shown_pair(visit.pair[:TEXT_IN_ADDRESS])
        return updates

    def add_pair(self) -> Updates:
        """Outputs: pair, which replaces the button that adds it."""
        return {self.parts.sentence.pair: gr.update(visible=True), self.parts.sentence.add: gr.update(visible=False)}

    def show_across(self, pair: str) -> Updates:
        """Outputs: the switch that only a pair of texts has."""
        return {self.parts.switches.across: gr.update(visible=bool(pair))}

    # --- the pictures ---

    def press(self, values: Inputs, event: gr.EventData) -> Updates:
        """Inputs: all, and what was pressed. Outputs: where, and the pictures that change with it."""
        data = {name: getattr(event, name) for name in ("step", *_COUNTS, "mask", "example") if hasattr(event, name)}
        if "example" in data:
            return self._answer(lambda request: self._example(request, str(data["example"])), values, "notice")
        if "mask" in data:
            return self._answer(lambda request: self._drawn(self._fill(request, data["mask"])), values, "filled")
        # What is not pressed stays as it was: a link may have named it.
        return self._answer(
            lambda request: self._moved(request, _where({**vars(request.where), **data})), values, "notice"
        )

    def look(self, values: Inputs) -> Updates:
        """Inputs: all. Outputs: the pictures of the open step, whose controls have changed."""
        return self._answer(lambda request: self._if_here(request, self.drawings.choose), values, "notice")

    def take(self, values: Inputs, steps: int) -> Updates:
        """Inputs: all. Outputs: what some training steps did."""

        def stepped(request: Asked) -> Updates:
            return self._if_here(request, lambda asked: self.drawings.step(asked, steps))

        return self._answer(stepped, values, "step")

    def compare(self, values: Inputs, progress: Progress) -> Updates:
        """Inputs: all. Outputs: what fine-tuning changed."""
        desc = translate(self._lang(values), "inside.change.working")

        def compared(request: Asked) -> Updates:
            return self._drawn(self.drawings.change(request, lambda share: progress(share, desc=desc)))

        return self._answer(compared, values, "change")

    # --- inputs and outputs ---

    @property
    def inputs(self) -> list[Block]:
        """Everything that is chosen."""
        parts = self.parts
        sentence, controls = parts.sentence, parts.controls
        boxes = (sentence.text, sentence.pair, sentence.checkpoint, *vars(parts.switches).values())
        learning = (controls.second, controls.unrelated, controls.label, controls.rate)
        return [*boxes, *learning, parts.where, self.page.owner, self.page.lang]

    @property
    def spoken_inputs(self) -> list[Block]:
        """The same without the language, and the map, which tells whether anything was drawn."""
        return [*(block for block in self.inputs if block is not self.page.lang), self.parts.pictures.map]

    @property
    def pictures(self) -> list[Block]:
        """Everything that is drawn."""
        return list(vars(self.parts.pictures).values())

    @property
    def outputs(self) -> list[Block]:
        """Everything that an answer may change."""
        sentence, controls = self.parts.sentence, self.parts.controls
        texts = (sentence.text, sentence.pair, sentence.add, sentence.fetch, controls.second, controls.unrelated)
        return [*self.pictures, *texts, controls.label, controls.rate, *controls.take, self.parts.where]

    def _request(self, values: Inputs) -> Asked:
        """Return everything that is chosen; a component that was never drawn sends None."""
        controls, switches = self.parts.controls, self.parts.switches
        where = values[self.parts.where]
        rate = values[controls.rate]
        return Asked(
            question=self._question(values),
            owner=self._owner(values),
            lang=self._lang(values),
            where=where if isinstance(where, Where) else Where(),
            view=View(*(bool(values[box]) for box in (switches.hide_special, switches.stretch, switches.across))),
            ablate=bool(values[switches.ablate]),
            second=_text(values[controls.second]),
            unrelated=_text(values[controls.unrelated]),
            label=_number(values[controls.label]) or 0,
            rate=rate if isinstance(rate, float) else RATES[1],
        )

    def _question(self, values: Inputs) -> Question:
        boxes = self.parts.sentence
        text, pair, checkpoint = (_text(values[box]) for box in (boxes.text, boxes.pair, boxes.checkpoint))
        return Question(text, pair, checkpoint or BUNDLED)

    def _answer(
        self, fn: Callable[[Asked], Updates], values: Inputs, at: str, *, anew: bool = False, in_turn: bool = True
    ) -> Updates:
        """Call, and show an error in the picture `at`; `anew` for what draws everything, `in_turn` for what computes.

        Answers may come in another order than their requests: one that comes after a newer `anew` of its page would
        show another text or model than the controls do, so its pictures are dropped.
        """
        page = page_of_request()
        number = self.requests.take(page) if anew else self.requests.newest(page)

        def show_error(words: str) -> Updates:
            empty = dict.fromkeys(PICTURES, "") if anew else {}
            return self._drawn({**empty, at: root(error_state(words))})

        def draw(lang: str) -> Updates:
            request = self._request(values)
            return self._in_turn(fn, request) if in_turn else fn(request)

        updates = guarded(draw, on_error=show_error)(lang=self._lang(values))
        if page and number != self.requests.newest(page):
            updates = {block: value for block, value in updates.items() if block not in self.pictures}
        # Gradio would take an empty dictionary for a value.
        return updates or {self.parts.pictures.notice: gr.skip()}

    def _in_turn(self, fn: Callable[[Asked], Updates], request: Asked) -> Updates:
        """Call in one of the places for inspecting a text: each takes a hundred megabytes until it is drawn."""
        with self.page.services.inspections.hold():
            return fn(request)

    def _drawn(self, drawn: Drawn) -> Updates:
        return {getattr(self.parts.pictures, name): html for name, html in drawn.items()}

    def _lang(self, values: Inputs) -> str:
        return str(values.get(self.page.lang) or "")

    def _owner(self, values: Inputs) -> str:
        return self.page.services.owner(str(values[self.page.owner] or ""))

    # --- answers ---

    def _everything(self, request: Asked) -> Updates:
        if notice := self._not_here(request):
            return self._drawn({**dict.fromkeys(PICTURES, ""), "notice": notice})
        try:
            return self._drawn(self.drawings.everything(request))
        except TextMissing:
            return self._drawn(self.drawings.nothing(request.lang))

    def _opened(self, request: Asked) -> Updates:
        """Draw everything, and leave the controls as they are where the checkpoint has what they say."""
        info = self._info(request)
        label = request.label if request.label < len(info.outputs or UNTRAINED) else 0
        request, texts = self._sampled(replace(request, label=label))
        return {**texts, **self._about(request), **self._everything(request)}

    def _opened_anew(self, request: Asked) -> Updates:
        """The same, with the controls at their start and nothing chosen inside the model but the step."""
        where = Where(request.where.step)
        return {**self._opened(replace(request, label=0, where=where)), self.parts.where: where}

    def _sampled(self, request: Asked) -> tuple[Asked, Updates]:
        """Change the sentences that nobody touched for those that this checkpoint can read."""
        lang = "zh" if self._info(request).language == "zh" else "en"
        now = {"text": request.question.text, "second": request.second, "unrelated": request.unrelated}
        new = {
            name: sample(name, lang) if text in {sample(name, other) for other in LANGUAGES} else text
            for name, text in now.items()
        }
        boxes: dict[str, Block] = {
            "text": self.parts.sentence.text,
            "second": self.parts.controls.second,
            "unrelated": self.parts.controls.unrelated,
        }
        question = replace(request.question, text=new["text"])
        sampled = replace(request, question=question, second=new["second"], unrelated=new["unrelated"])
        return sampled, {boxes[name]: text for name, text in new.items() if text != now[name]}

    def _about(self, request: Asked) -> Updates:
        """Set what depends on the checkpoint alone."""
        info, controls = self._info(request), self.parts.controls
        labels = [(label, index) for index, label in enumerate(info.outputs or UNTRAINED)]
        # Training steps are shown for a classification loss only.
        steps = info.problem != "regression"
        return {
            controls.label: gr.update(choices=labels, value=request.label, visible=steps),
            controls.rate: gr.update(visible=steps),
            **{button: gr.update(visible=steps) for button in controls.take},
            self.parts.sentence.fetch: gr.update(visible=not info.ready),
        }

    def _example(self, request: Asked, name: str) -> Updates:
        example = examples().get(name)
        if example is None:
            raise ArgumentWrong(name="example", expected=", ".join(examples()))
        where = Where(request.where.step)
        question = replace(request.question, text=example.text, pair=example.pair)
        no_pair: Updates = {self.parts.sentence.pair: ""}
        pair = self._shown_pair(example.pair) if example.pair else no_pair
        chosen: Updates = {self.parts.sentence.text: example.text, self.parts.where: where}
        return {**chosen, **pair, **self._everything(replace(request, question=question, where=where))}

    def _shown_pair(self, pair: str) -> Updates:
        sentence = self.parts.sentence
        return {sentence.pair: gr.update(value=pair, visible=True), sentence.add: gr.update(visible=False)}

    def _moved(self, request: Asked, where: Where) -> Updates:
        """Draw the step that was opened, or what changed in it."""
        same = where.step == request.where.step
        draw = self.drawings.choose if same else self.drawings.open
        return {self.parts.where: where, **self._if_here(replace(request, where=where), draw)}

    def _if_here(self, request: Asked, draw: Callable[[Asked], Drawn]) -> Updates:
        if not request.question.text.strip() or self._not_here(request):
            return {}
        return self._drawn({"notice": "", **draw(request)})

    def _fill(self, request: Asked, position: object) -> Drawn:
        chosen = _number(position)
        if chosen is None:
            raise ArgumentWrong(name="mask", expected="integer ≥ 0")
        return self.drawings.fill(request, chosen)

    def _not_here(self, request: Asked) -> str:
        """Return what to say of a checkpoint that has to be downloaded first, "" for one that is here."""
        info = self._info(request)
        if info.ready:
            return ""
        notice = translate(request.lang, "inside.not_here", name=info.name, size=size(info.parameters * _FLOAT_BYTES))
        return root(empty_state(notice))

    def _info(self, request: Asked) -> CheckpointInfo:
        return self.page.catalogue.describe(request.question.checkpoint, request.owner)


# What is chosen by a number.
_COUNTS = ("layer", "head", "token")


def where_of(visit: Visit) -> Where:
    """Return what the address names; what is no number there is not chosen."""
    return _where(vars(visit))


def _where(data: Mapping[str, object]) -> Where:
    step = data.get("step")
    layer, head, token = (_number(data.get(name)) for name in _COUNTS)
    return Where(str(step) if step in STEPS else FIRST, layer, head, token)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    """Return a number that a person chose or an address names; Gradio cannot check it, its list changes."""
    return int(str(value)) if str(value).isdecimal() and len(str(value)) <= _DIGITS else None
