"""What Inside BERT answers, without its page: what is asked in, values by the name of their place out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import TextMissing
from bertdemo.i18n.translation import DEFAULT, LANGUAGES, size, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import UNTRAINED
from bertdemo.ui.html.primitives import empty_state, root
from bertdemo.ui.inside.views import PICTURES, Asked, Drawings, Drawn, Where
from bertdemo.ui.page import SAMPLES, Visit
from bertdemo.ui.stale_requests import Values

BUNDLED = "bundled"
# Characters of a text that the address carries.
TEXT_IN_ADDRESS = 1_000
_ID_IN_ADDRESS = 200
# Order of the checkpoints in the list, by their source.
_ORDER = {"trained": 0, "bundled": 1, "local": 2, "hub": 3}
# Bytes per parameter in float32, to say how much a download is.
_FLOAT_BYTES = 4


class Listeners:
    """See the module: what is asked in, values by the name of their place out."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._drawings = Drawings(services)

    def sentence(self, request: Asked) -> Values:
        """Draw everything that depends on the text."""
        if notice := self._not_here(request):
            return {**dict.fromkeys(PICTURES, ""), "tokens": notice}
        try:
            return {**self._drawings.sentence(request)}
        except TextMissing:
            return self._drawings.nothing(request.lang)

    def open(self, request: Asked) -> Values:
        """Draw everything of a checkpoint that was just chosen, its controls at their start."""
        return self._opened(replace(request, where=replace(request.where, stage=None), label=0))

    def come_back(self, request: Asked) -> Values:
        """Draw everything again, and leave the controls as they are where the checkpoint has what they say."""
        info = self._info(request)
        stage = request.where.stage if (request.where.stage or 0) <= info.layers else None
        label = request.label if request.label < len(info.outputs or UNTRAINED) else 0
        request = replace(request, where=replace(request.where, stage=stage), label=label)
        request, samples = self._sampled(request)
        return {**samples, **self._opened(request)}

    def _opened(self, request: Asked) -> Values:
        drawn = {**self._about(request), **self.sentence(request)}
        if request.question.text.strip() and not self._not_here(request):
            drawn |= self._drawings.positions(request)
        return drawn

    def choose(self, request: Asked) -> Values:
        """Open another checkpoint; a sample is changed for one that it can read."""
        request, samples = self._sampled(request)
        return {**samples, **self.open(request)}

    def _sampled(self, request: Asked) -> tuple[Asked, Values]:
        """Change the sentences that nobody touched for those that this checkpoint can read."""
        lang = "zh" if self._info(request).language == "zh" else "en"
        now = {"text": request.question.text, "second": request.second, "unrelated": request.unrelated}
        new = {
            name: sample(name, lang)
            for name, text in now.items()
            if text != sample(name, lang) and text in {sample(name, other) for other in LANGUAGES}
        }
        question = replace(request.question, text=new.get("text", request.question.text))
        others = {name: text for name, text in new.items() if name != "text"}
        return replace(request, question=question, **others), dict(new)

    def fetch(self, request: Asked, progress: Callable[..., None]) -> Values:
        """Bring the checkpoint here, then open it."""
        self._services.catalogue.folder(
            request.question.checkpoint, request.owner, lambda done: progress(done.share, desc=done.file)
        )
        return self.open(request)

    def press(self, request: Asked, event: gr.EventData) -> Values:
        """Follow a token, show a head, or mask a token."""
        names = ("token", "layer", "head", "mask")
        pressed = {name: int(getattr(event, name)) for name in names if hasattr(event, name)}
        if "mask" in pressed:
            return self._drawings.fill(request, pressed["mask"])
        request = self._drawings.pressed(request, pressed)
        drawn = self._drawings.token(request) if "token" in pressed else self._drawings.head(request)
        return {"where": stored(request.where), **drawn}

    def draw(self, part: str, request: Asked) -> Values:
        """Draw one part again."""
        if not request.question.text.strip() or self._not_here(request):
            return {}
        drawn: Drawn = getattr(self._drawings, part)(request)
        return {**drawn}

    def change(self, request: Asked, progress: Callable[..., None]) -> Values:
        """Hold the checkpoint against its base."""
        desc = translate(request.lang, "inside.change.working")
        return {**self._drawings.change(request, lambda share: progress(share, desc=desc))}

    def arrive(self, visit: Visit) -> tuple[Any, ...]:
        """Inputs: the visit. Outputs: checkpoint, text, pair, the button that adds one, where, as the address says.

        What may be typed may be linked: whether there is such a checkpoint, and for this owner, is told when the tab
        opens it.
        """
        choices = self.choices(visit.owner, visit.lang)
        # Bounded, since anybody can write any address.
        checkpoint = visit.checkpoint.strip()[:_ID_IN_ADDRESS] or BUNDLED
        pair = visit.pair[:TEXT_IN_ADDRESS]
        where = Where()
        if visit.layer.isdecimal() and visit.head.isdecimal():
            where = Where(int(visit.layer[:3]), int(visit.head[:3]), where.token)
        return (
            gr.update(choices=choices, value=checkpoint),
            visit.text[:TEXT_IN_ADDRESS] or gr.skip(),
            gr.update(value=pair, visible=True) if pair else gr.skip(),
            gr.update(visible=False) if pair else gr.skip(),
            stored(where),
        )

    def choices(self, owner: str, lang: str) -> list[tuple[str, str]]:
        """Return this owner's checkpoints, the trained ones first, newest first."""
        named = []
        for info in sorted(self._services.catalogue.list(owner), key=lambda info: _ORDER[info.source]):
            key = "checkpoint.choice" if info.ready else "checkpoint.choice_remote"
            key = "inside.choice_trained" if info.source == "trained" else key
            named.append((translate(lang, key, name=info.name), info.id))
        return named

    def _about(self, request: Asked) -> Values:
        info = self._info(request)
        labels = [(label, index) for index, label in enumerate(info.outputs or UNTRAINED)]
        # One training step is shown for a classification loss only.
        steps, stage = info.problem != "regression", request.where.stage
        return {
            "stage": gr.update(choices=list(range(info.layers + 1)), value=info.layers if stage is None else stage),
            "label": gr.update(choices=labels, value=request.label, visible=steps),
            **{name: gr.update(visible=steps) for name in ("rate", "take")},
            "fetch": gr.update(visible=not info.ready),
            "box": gr.update(visible=bool(info.base)),
        }

    def _not_here(self, request: Asked) -> str:
        """Return what to say of a checkpoint that has to be fetched first, "" for one that is here."""
        info = self._info(request)
        if info.ready:
            return ""
        notice = translate(request.lang, "inside.not_here", name=info.name, size=size(info.parameters * _FLOAT_BYTES))
        return root(empty_state(notice))

    def _info(self, request: Asked) -> CheckpointInfo:
        return self._services.catalogue.describe(request.question.checkpoint, request.owner)


def sample(name: str, lang: str) -> str:
    """Return a sentence to begin with, in the language that a checkpoint reads: the text, a second, an unrelated."""
    return SAMPLES[lang] if name == "text" else translate(DEFAULT, f"inside.sample.{lang}.{name}")


def stored(where: Where) -> dict[str, int]:
    """Return what the page remembers; the stage is a control of its own."""
    return {"layer": where.layer, "head": where.head, "token": where.token}
