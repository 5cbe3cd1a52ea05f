"""What Inside BERT draws, as a function of what is chosen: no page in here, only questions to the inspector.

Each method returns the drawings that change with one kind of choice, by the name of their place in the tab.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bertdemo.anatomy import compare, geometry, snippets
from bertdemo.anatomy.layers import HeadTrace, LayerTrace
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.checkpoints.head_detection import has_classifier
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.errors import ArgumentWrong, MaskHeadMissing, RunUnknown, TextTooLong
from bertdemo.i18n.translation import message, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import BeforeAfter, Inspector, Question
from bertdemo.ui.html.pictures import code, token_strip
from bertdemo.ui.html.primitives import banner, caption, empty_state, error_state, root
from bertdemo.ui.inside.html.attention import (
    View,
    render_ablation,
    render_arcs,
    render_matrix,
    render_numbers,
    render_overview,
)
from bertdemo.ui.inside.html.change import (
    render_class_map,
    render_difference,
    render_frozen,
    render_movement,
    render_probabilities,
)
from bertdemo.ui.inside.html.head import render_cannot_fill, render_fill, render_head, render_no_step, render_step
from bertdemo.ui.inside.html.layers import render_map, render_path, render_pooling
from bertdemo.ui.inside.html.learn import render_captions
from bertdemo.ui.inside.html.text import (
    render_embeddings,
    render_positions,
    render_specials,
    render_tokens,
    render_word,
)

# Every place in the tab that is drawn anew, in the order of the page.
PICTURES = (
    "tokens", "word", "specials", "embeddings", "positions", "overview", "arcs", "matrix", "numbers", "ablation",
    "path", "map", "pooling", "head", "masks", "filled", "step", "change",
    "code_tokens", "code_specials", "code_embeddings", "code_attention", "code_layers", "code_pooling", "code_head",
    "code_training_step", "code_before_after", "caption_before_after",
)  # fmt: skip

Drawn = dict[str, str]
# Learning rates of the one training step: a small, a usual and a large one.
RATES = (1e-5, 5e-5, 5e-4)
# Rows (positions) and columns (dimensions) of the position table that are drawn.
_TABLE = (128, 96)
# Checkpoints with a masked-language-modeling head, named where the chosen one has none.
_FILLERS = ("google-bert/bert-base-uncased", "google-bert/bert-base-cased", "google-bert/bert-base-chinese")


@dataclass(frozen=True)
class Where:
    """What is chosen inside the model: layer 1..L, head 1..H, a token by its position, a stage 0..L for the map."""

    # Where the page opens; `fitted` corrects it for a smaller model or a shorter text.
    layer: int = 4
    head: int = 2
    token: int = 8
    stage: int | None = None

    def fitted(self, inspection: LayerTrace) -> Where:
        """Return the nearest choice that this text and this model have."""

        def within(value: int, low: int, high: int) -> int:
            return min(max(value, low), high)

        return Where(
            within(self.layer, 1, inspection.layers),
            within(self.head, 1, inspection.heads),
            within(self.token, 0, len(inspection.trace.tokens) - 1),
            None if self.stage is None else within(self.stage, 0, inspection.layers),
        )


@dataclass(frozen=True)
class Asked:
    """Everything that a person has chosen in the tab."""

    question: Question
    owner: str
    lang: str
    where: Where = field(default_factory=Where)
    view: View = field(default_factory=View)
    silence: bool = False
    second: str = ""
    unrelated: str = ""
    label: int = 0
    rate: float = RATES[1]


class Drawings:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._inspector: Inspector = services.inspector

    def sentence(self, request: Asked) -> Drawn:
        """Return all drawings of one text; what was asked for once is empty again.

        What is chosen and not there in this text or model is drawn as the nearest that is, and stays chosen: it comes
        back with the next text that has it.
        """
        inspection = self._inspector.look(request.question, request.owner)
        request = replace(request, where=request.where.fitted(inspection))
        where, lang = request.where, request.lang
        info = self._info(request)
        drawn = {
            "tokens": render_tokens(inspection, where.token, lang),
            "specials": render_specials(inspection, lang),
            "overview": render_overview(inspection, where.layer, where.head, lang),
            "arcs": render_arcs(inspection, where.token, lang),
            "head": render_head(inspection, lang, info.other_head),
            "masks": self._masks(inspection, info, lang),
            **dict.fromkeys(("filled", "change"), ""),
            "step": root(empty_state(translate(lang, "inside.step_empty"))),
            "caption_before_after": render_captions("before_after", lang, kept=info.mean_head),
            **{f"code_{step}": self.code(step, request) for step in ("tokens", "specials", "pooling", "head")},
            **self.learning(request),
        }
        head = self._one_head(request)
        return drawn | self.head(request, head) | self.token(request, head) | self._pooling_or_why_not(request)

    def positions(self, request: Asked) -> Drawn:
        """Return the picture of the checkpoint's table of positions."""
        table = self._inspector.position_table(request.question.checkpoint, request.owner)
        return {"positions": render_positions(table, len(table), *_TABLE, request.lang)}

    def pressed(self, request: Asked, chosen: Mapping[str, int]) -> Asked:
        """Return what is asked with another token, or layer and head; ArgumentWrong where there is none such."""
        inspection = self._inspector.look(request.question, request.owner)
        bounds = {
            "token": (0, len(inspection.trace.tokens) - 1),
            "layer": (1, inspection.layers),
            "head": (1, inspection.heads),
        }
        for name, value in chosen.items():
            low, high = bounds[name]
            if not low <= value <= high:
                raise ArgumentWrong(name=name, expected=f"{low} to {high}")
        return replace(request, where=replace(request.where, **chosen))

    def token(self, request: Asked, head: HeadTrace | None = None) -> Drawn:
        """Return what changes with the chosen token."""
        inspection = self._inspector.look(request.question, request.owner)
        request = replace(request, where=request.where.fitted(inspection))
        where, lang = request.where, request.lang
        head = head or self._one_head(request)
        matching = self._inspector.matching(request.question, request.owner, where.token)
        return {
            "word": render_word(inspection, where.token, matching, lang),
            "embeddings": render_embeddings(inspection, where.token, lang),
            "numbers": render_numbers(inspection, head, where.token, request.view, lang),
            "path": render_path(
                inspection, where.token, geometry.path(inspection.hidden, where.token), lang, inspection.inner
            ),
            **self.map(request),
            **{f"code_{step}": self.code(step, request) for step in ("embeddings", "attention")},
        }

    def head(self, request: Asked, head: HeadTrace | None = None) -> Drawn:
        """Return what changes with the chosen head, or with how it is looked at."""
        inspection = self._inspector.look(request.question, request.owner)
        request = replace(request, where=request.where.fitted(inspection))
        where, lang = request.where, request.lang
        head = head or self._one_head(request)
        silenced = ""
        if request.silence:
            without = self._inspector.without_head(request.question, request.owner, where.layer, where.head)
            silenced = render_ablation(inspection, without, lang)
        return {
            "matrix": render_matrix(inspection, head, request.view, lang),
            "numbers": render_numbers(inspection, head, where.token, request.view, lang),
            "ablation": silenced,
            "code_attention": self.code("attention", request),
        }

    def map(self, request: Asked) -> Drawn:
        """Return all tokens on a plane, after the chosen stage."""
        inspection = self._inspector.look(request.question, request.owner)
        request = replace(request, where=request.where.fitted(inspection))
        stage = inspection.layers if request.where.stage is None else request.where.stage
        points = geometry.flatten(inspection.hidden[stage])
        return {
            "map": render_map(inspection, points, stage, request.where.token, request.lang),
            "code_layers": self.code("layers", request),
        }

    def pooling(self, request: Asked) -> Drawn:
        """Return the ways to pool, beside a second and an unrelated sentence."""
        pooled = self._inspector.pooling(request.question, request.owner, request.second, request.unrelated)
        return {"pooling": render_pooling(pooled, request.lang), "code_pooling": self.code("pooling", request)}

    def _pooling_or_why_not(self, request: Asked) -> Drawn:
        """Return `pooling`; that another sentence is too long is told there, and stops nothing else."""
        try:
            return self.pooling(request)
        except TextTooLong as error:
            return {"pooling": root(error_state(message(request.lang, error)))}

    def fill(self, request: Asked, position: int) -> Drawn:
        """Return what the model puts in the place of one token."""
        try:
            candidates = self._inspector.fill(request.question, request.owner, position)
        except MaskHeadMissing:
            return {"filled": render_cannot_fill(_FILLERS, request.lang)}
        request = replace(request, where=replace(request.where, token=position))
        return {"filled": render_fill(candidates, _FILLERS, request.lang), "code_head": self.code("fill_mask", request)}

    def learning(self, request: Asked) -> Drawn:
        """Return the code of a training step as it stands before somebody takes one."""
        info = self._info(request)
        if info.problem == "regression":  # its step would need a number, not a label
            return {"code_before_after": "", "code_training_step": "", "step": render_no_step(request.lang)}
        names = ("training_step", "before_after") if info.base else ("training_step",)
        return {"code_before_after": "", **{f"code_{step}": self.code(step, request) for step in names}}

    def step(self, request: Asked) -> Drawn:
        """Take one optimizer step on a copy and return what it did."""
        if self._info(request).problem == "regression":
            return {"step": render_no_step(request.lang)}
        step = self._inspector.training_step(request.question, request.owner, request.label, request.rate)
        return {"step": render_step(step, request.lang), "code_training_step": self.code("training_step", request)}

    def change(self, request: Asked, progress: Callable[[float], None]) -> Drawn:
        """Hold the trained checkpoint against its base."""
        info = self._info(request)
        rows: Sequence[Mapping[str, Any]] = []
        if info.run:
            with contextlib.suppress(RunUnknown):  # the run was deleted, its checkpoint was not
                rows = self._services.registry.evaluation(info.run, request.owner)
        both = self._inspector.before_after(request.question, request.owner, rows, progress)
        named = {"name": info.name, "base": both.base}
        base = "inside.change.base" if both.same_kind else "inside.change.base_frozen"
        parts = [caption(translate(request.lang, base, **named))]
        if not both.same_base:
            parts.append(root(banner(translate(request.lang, "inside.change.other_base", **named))))
        if both.same_kind:
            old, new = both.before.probabilities, both.after.probabilities
            parts.append(render_probabilities(both.after.labels, old, new, request.lang))
        parts.append(render_movement(both.movement, request.lang))
        parts += self._moved(both, request) if both.moved else [render_frozen(both.after, request.lang)]
        return {"change": "".join(parts)}

    def _moved(self, both: BeforeAfter, request: Asked) -> list[str]:
        """Draw what other weights of the encoder do to this text and to rows of the data."""
        where, lang = request.where.fitted(both.after), request.lang
        difference = compare.attention_difference(both.before, both.after, where.layer, where.head)
        no_rows = root(caption(translate(lang, "inside.change.no_rows")))
        return [
            render_difference(difference, both.after, where.layer, where.head, lang),
            render_class_map(both.class_map, lang) if both.class_map else no_rows,
        ]

    def code(self, step: str, request: Asked) -> str:
        """Return the lines of code that give this step's numbers, closed, with a button that copies them."""
        where, question = request.where, request.question
        info = self._info(request)
        stage = info.layers if where.stage is None else where.stage
        more = self._started(info, request.owner) if step == "before_after" else {}
        kept = self._kept(question, request.owner)
        others = {"second": request.second, "unrelated": request.unrelated} if step == "pooling" else {}
        for name, text in {name: text for name, text in others.items() if text.strip()}.items():
            more |= {name: text, f"{name}_kept": self._kept(replace(question, text=text, pair=""), request.owner)}
        written = snippets.snippet(
            step, _source(info), question.text, question.pair, untrained=not info.outputs, mean=info.mean_head,
            redrawn=has_classifier(info.other_head), problem=info.problem,
            layer=stage if step == "layers" else where.layer, head=where.head, token=where.token,
            label=request.label, learning_rate=request.rate, kept=kept, labels=len(info.outputs), **more,
        )  # fmt: skip
        return root(code(written, *(translate(request.lang, f"inside.{name}") for name in ("code", "copy")), step))

    def _started(self, info: CheckpointInfo, owner: str) -> dict[str, Any]:
        """Return what code needs to know of the start of a training: the base, and whether its head was kept."""
        catalogue = self._services.catalogue
        started = not info.mean_head and (catalogue.folder(info.id, owner) / HEAD_FILE).is_file()
        return {"base": _source(catalogue.describe(info.base or "", owner)), "started": started}

    def nothing(self, lang: str) -> Drawn:
        """Return the tab without a text; the table of positions needs none."""
        return dict.fromkeys(set(PICTURES) - {"positions"}, "") | {
            "tokens": root(empty_state(translate(lang, "inside.empty")))
        }

    def _kept(self, question: Question, owner: str) -> tuple[tuple[int, int], ...]:
        """Return what is left of a text by a checkpoint that has a rule of its own; all other code cuts by itself."""
        if self._services.catalogue.card(question.checkpoint, owner) is None:
            return ()
        return self._inspector.trace(question, owner).kept

    def _one_head(self, request: Asked) -> HeadTrace:
        return self._inspector.head(request.question, request.owner, request.where.layer, request.where.head)

    def _masks(self, inspection: LayerTrace, info: CheckpointInfo, lang: str) -> str:
        if "fill_mask" not in info.can:
            return render_cannot_fill(_FILLERS, lang)
        label = translate(lang, "inside.fill.choose")
        return root(caption(label) + token_strip(inspection.trace, -1, label, "mask", lang))

    def _info(self, request: Asked) -> CheckpointInfo:
        return self._services.catalogue.describe(request.question.checkpoint, request.owner)


def _source(info: CheckpointInfo) -> str:
    """Return what a person's own code would open: a Python expression."""
    if info.source == "bundled":
        return snippets.BUNDLED
    if info.source == "hub":
        return repr(info.id)
    return repr(f"path/to/{info.name}" if info.source == "local" else "path/to/the/unpacked/zip")
