"""What Inside BERT draws, as a function of what is chosen: no page in here, only questions to the inspector.

Each method returns drawings by the name of their place in the tab (the fields of `layout.Pictures`). Only the map and
the open step are drawn.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bertdemo.anatomy import compare, geometry
from bertdemo.anatomy.layers import HeadTrace, LayerTrace
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import MaskHeadMissing, RunUnknown, TextTooLong
from bertdemo.i18n.translation import message, translate
from bertdemo.services import Services
from bertdemo.serving.inspector import BeforeAfter, Inspector, Question
from bertdemo.ui.html.pictures import token_strip
from bertdemo.ui.html.primitives import banner, caption, empty_state, error_state, root
from bertdemo.ui.inside.code import Code
from bertdemo.ui.inside.html.attention import (
    View,
    render_ablation,
    render_attention,
    render_numbers,
    render_overview,
    render_side,
)
from bertdemo.ui.inside.html.change import (
    render_class_map,
    render_difference,
    render_frozen,
    render_movement,
    render_probabilities,
)
from bertdemo.ui.inside.html.head import (
    render_cannot_fill,
    render_fill,
    render_generated,
    render_head,
    render_no_step,
    render_spans,
    render_step,
    render_tags,
)
from bertdemo.ui.inside.html.layers import render_layers, render_path, render_pooling
from bertdemo.ui.inside.html.model_map import Chosen, OwnHead, render_map
from bertdemo.ui.inside.html.steps import FIRST, STEPS, render_drawer
from bertdemo.ui.inside.html.text import (
    render_embeddings,
    render_positions,
    render_specials,
    render_tokens,
    render_word,
)
from bertdemo.ui.inside.html.what import render_what
from bertdemo.ui.page import SAMPLES

# Step -> the places that it draws; `step` and `change` wait for a button.
PLACES: Mapping[str, tuple[str, ...]] = {
    "what": ("what",),
    "tokens": ("tokens", "word"),
    "specials": ("specials",),
    "embeddings": ("embeddings", "positions"),
    "attention": ("overview", "arcs", "numbers", "side", "ablation"),
    "layers": ("layers", "path"),
    "pooling": ("pooling",),
    "head": ("head", "filled"),
    "training_step": ("step",),
    "before_after": ("change",),
}
# Every place of the tab that is drawn anew.
PICTURES = ("notice", "map", *(place for places in PLACES.values() for place in places), "drawer")

Drawn = dict[str, str]
# Learning rates of the training steps: a small, a usual and a large one.
RATES = (1e-5, 5e-5, 5e-4)
# Rows (positions) and columns (dimensions) of the position table that are drawn.
_TABLE = (128, 96)
# Checkpoints with a masked-language-modeling head, named where the chosen one has none.
_FILLERS = ("google-bert/bert-base-uncased", "google-bert/bert-base-cased", "google-bert/bert-base-chinese")


@dataclass(frozen=True)
class Where:
    """What is chosen inside the model; None where nobody has chosen, and the page shows what is worth seeing."""

    step: str = FIRST
    layer: int | None = None
    head: int | None = None
    token: int | None = None


# The lesson of the first sentence: in layer 4, head 2 of the bundled model "it" gives "violin" 0.718 of its attention.
LESSON = Where(FIRST, 4, 2, 8)


@dataclass(frozen=True)
class Asked:
    """Everything that a person has chosen in the tab."""

    question: Question
    owner: str
    lang: str
    where: Where = field(default_factory=Where)
    view: View = field(default_factory=View)
    ablate: bool = False
    second: str = ""
    unrelated: str = ""
    label: int = 0
    rate: float = RATES[1]

    @property
    def chosen(self) -> tuple[int, int, int]:
        """The layer, the head and the token, once `Drawings.fitted` has filled them in."""
        return self.where.layer or 1, self.where.head or 1, self.where.token or 0


def most_attended(inspection: LayerTrace) -> tuple[int, int, int]:
    """Return layer, head and query of the largest weight between two different tokens of the text itself."""
    import numpy as np

    own = np.array([not token.special for token in inspection.trace.tokens])
    between = own[:, None] & own[None, :] & ~np.eye(len(own), dtype=bool)  # (n, n)
    if not between.any():
        return 1, 1, int(own.argmax())
    weights = np.where(between, inspection.attentions, -1.0)  # (L, H, n, n)
    layer, head, query, _ = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(layer) + 1, int(head) + 1, int(query)


class Drawings:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._inspector: Inspector = services.inspector
        self._code = Code(services)

    # --- what is chosen ---

    def fitted(self, request: Asked) -> tuple[Asked, str]:
        """Fill in what nobody has chosen; what this text or model lacks becomes the nearest there is, and is told."""
        inspection, where = self._look(request), request.where
        layer, head, token = self._start(request, inspection)
        step = where.step if where.step in self.steps(request) else FIRST
        limits = {
            "layer": (where.layer, layer, 1, inspection.layers),
            "head": (where.head, head, 1, inspection.heads),
            "token": (where.token, token, 0, len(inspection.trace.tokens) - 1),
        }
        # A head that somebody chose keeps its place where the text changes; the query is the strongest one then.
        near = {
            name: min(max(wanted if wanted is not None else start, low), high)
            for name, (wanted, start, low, high) in limits.items()
        }
        missing = [
            translate(request.lang, f"inside.missing.{name}", wanted=wanted, high=high, shown=near[name])
            for name, (wanted, _, low, high) in limits.items()
            if wanted is not None and not low <= wanted <= high
        ]
        return replace(request, where=Where(step, near["layer"], near["head"], near["token"])), " ".join(missing)

    def steps(self, request: Asked) -> tuple[str, ...]:
        """Return the steps that this checkpoint has."""
        return STEPS if self._info(request).base else STEPS[:-1]

    def _start(self, request: Asked, inspection: LayerTrace) -> tuple[int, int, int]:
        question = request.question
        if question == Question(SAMPLES["en"]) and LESSON.layer and LESSON.head and LESSON.token:
            return LESSON.layer, LESSON.head, LESSON.token
        return most_attended(inspection)

    # --- the map and the open step ---

    def everything(self, request: Asked) -> Drawn:
        """Return the map and the open step; all other steps are empty until they are opened."""
        fitted, missing = self.fitted(request)
        info, inspection = self._info(request), self._look(request)
        chosen = Chosen(fitted.where.step, *fitted.chosen)
        own_head = OwnHead(info.other_head, len(info.labels)) if info.other_head else None
        return {
            **dict.fromkeys(PICTURES, ""),
            "map": render_map(inspection, chosen, request.lang, tuned=bool(info.base), own_head=own_head),
            **self.open(fitted, missing),
        }

    def open(self, request: Asked, missing: str = "") -> Drawn:
        """Return the open step and its drawer."""
        fitted, told = self.fitted(request)
        step = fitted.where.step
        parts: dict[str, Callable[[Asked], Drawn]] = {
            "what": lambda asked: {"what": render_what(asked.lang)},
            "tokens": self._tokens,
            "specials": self._specials,
            "embeddings": self._embeddings,
            "layers": self._layers,
            "pooling": self._pooling,
            "head": self._head,
            "training_step": self._before_step,
            "before_after": lambda _: {"change": ""},
        }
        drawn = self._attention(fitted, missing or told) if step == "attention" else parts[step](fitted)
        return {**drawn, "drawer": self.drawer(fitted)}

    def choose(self, request: Asked) -> Drawn:
        """Return what changes in the open step with the head or the token; the grid of heads stays as it is."""
        drawn = self.open(request)
        return {name: html for name, html in drawn.items() if name not in {"overview", "positions"}}

    def drawer(self, request: Asked) -> str:
        """Return the row of buttons below the stage."""
        info, step = self._info(request), request.where.step
        kept = step == "before_after" and self._code.keeps_encoder(info, request.owner)
        return render_drawer(step, self._code.of(step, request), request.lang, kept=kept)

    def nothing(self, lang: str) -> Drawn:
        """Return the tab without a text."""
        return dict.fromkeys(PICTURES, "") | {"notice": root(empty_state(translate(lang, "inside.empty")))}

    # --- steps ---

    def _tokens(self, request: Asked) -> Drawn:
        inspection, (_, _, token) = self._look(request), request.chosen
        matching = self._inspector.matching(request.question, request.owner, token)
        return {
            "tokens": render_tokens(inspection, token, request.lang),
            "word": render_word(inspection, token, matching, request.lang),
        }

    def _specials(self, request: Asked) -> Drawn:
        return {"specials": render_specials(self._look(request), request.lang)}

    def _embeddings(self, request: Asked) -> Drawn:
        inspection, (_, _, token) = self._look(request), request.chosen
        table = self._inspector.position_table(request.question.checkpoint, request.owner)
        strip = token_strip(
            inspection.trace, token, translate(request.lang, "inside.tokens.strip"), "token", request.lang
        )
        return {
            "embeddings": root(strip) + render_embeddings(inspection, token, request.lang),
            "positions": render_positions(table, len(table), *_TABLE, request.lang),
        }

    def _attention(self, request: Asked, missing: str = "") -> Drawn:
        inspection, (layer, head, token), lang = self._look(request), request.chosen, request.lang
        trace = self._one_head(request)
        ablated = ""
        if request.ablate:
            without = self._inspector.without_head(request.question, request.owner, layer, head)
            ablated = render_ablation(inspection, without, lang)
        return {
            "overview": render_overview(inspection, layer, head, lang),
            "arcs": render_attention(inspection, trace, request.view, token, lang),
            "numbers": render_numbers(inspection, trace, token, lang),
            "side": render_side(inspection, trace, token, request.view, lang, missing),
            "ablation": ablated,
        }

    def _layers(self, request: Asked) -> Drawn:
        inspection, (_, _, token) = self._look(request), request.chosen
        maps = [geometry.flatten(vectors) for vectors in inspection.hidden]  # L + 1 of (n, d)
        cosines = geometry.path(inspection.hidden, token)
        return {
            "layers": render_layers(inspection, maps, inspection.layers, token, request.lang),
            "path": render_path(inspection, token, cosines, request.lang, inspection.inner),
        }

    def _pooling(self, request: Asked) -> Drawn:
        """The ways to pool; that another sentence is too long is told there, and stops nothing else."""
        try:
            pooled = self._inspector.pooling(request.question, request.owner, request.second, request.unrelated)
        except TextTooLong as error:
            return {"pooling": root(error_state(message(request.lang, error)))}
        return {"pooling": render_pooling(pooled, request.lang)}

    def _head(self, request: Asked) -> Drawn:
        inspection, info, lang = self._look(request), self._info(request), request.lang
        drawn = self._own_head(request, inspection, info) or render_head(inspection, lang, info.other_head)
        return {"head": drawn + self._masks(inspection, info, lang), "filled": ""}

    def _own_head(self, request: Asked, inspection: LayerTrace, info: CheckpointInfo) -> str:
        """Draw a head of another kind with the model's own numbers; "" where there is none, or none that is read."""
        question, owner, lang = request.question, request.owner, request.lang
        if info.other_head == "EncoderDecoderModel":
            generated, names = self._inspector.generate(question, owner)
            return render_generated(generated, names, inspection, lang)
        if info.other_head in {"BertForTokenClassification", "BertForQuestionAnswering"}:
            scores = self._inspector.token_scores(question, owner)
            render = render_tags if scores.kind == "tags" else render_spans
            return render(inspection, scores, lang)
        return ""

    def fill(self, request: Asked, position: int) -> Drawn:
        """Return what the model predicts in the place of one token."""
        try:
            candidates = self._inspector.fill(request.question, request.owner, position)
        except MaskHeadMissing:
            return {"filled": render_cannot_fill(_FILLERS, request.lang)}
        layer, head, _ = request.chosen
        masked = replace(request, where=Where("head", layer, head, position))
        drawer = render_drawer("head", self._code.of("fill_mask", masked), request.lang)
        return {"filled": render_fill(candidates, _FILLERS, request.lang), "drawer": drawer}

    def _before_step(self, request: Asked) -> Drawn:
        if self._info(request).problem == "regression":  # its step would need a number, not a label
            return {"step": render_no_step(request.lang)}
        return {"step": root(empty_state(translate(request.lang, "inside.step_empty")))}

    def step(self, request: Asked, steps: int) -> Drawn:
        """Take optimizer steps on a copy and return what they did."""
        if self._info(request).problem == "regression":
            return {"step": render_no_step(request.lang)}
        taken = self._inspector.training_step(request.question, request.owner, request.label, request.rate, steps)
        fitted, _ = self.fitted(request)
        return {"step": render_step(taken, request.lang), "drawer": self.drawer(fitted)}

    def change(self, request: Asked, progress: Callable[[float], None]) -> Drawn:
        """Compare the trained checkpoint with its base: the two maps first, then what made them differ."""
        info, lang = self._info(request), request.lang
        both = self._inspector.before_after(request.question, request.owner, self._rows(info, request.owner), progress)
        named = {"name": info.name, "base": both.base}
        base = "inside.change.base" if both.same_kind else "inside.change.base_frozen"
        parts = [root(caption(translate(lang, base, **named)))]
        if not both.same_base:
            parts.append(root(banner(translate(lang, "inside.change.other_base", **named))))
        if both.moved:
            no_rows = root(caption(translate(lang, "inside.change.no_rows")))
            parts.append(render_class_map(both.class_map, lang) if both.class_map else no_rows)
        parts.append(render_movement(both.movement, lang))
        parts.append(self._difference(both, request) if both.moved else render_frozen(both.after, lang))
        if both.same_kind:
            old, new = both.before.probabilities, both.after.probabilities
            parts.append(render_probabilities(both.after.labels, old, new, lang))
        return {"change": "".join(parts)}

    def _rows(self, info: CheckpointInfo, owner: str) -> Sequence[Mapping[str, object]]:
        if info.run:
            with contextlib.suppress(RunUnknown):  # the run was deleted, its checkpoint was not
                return self._services.registry.evaluation(info.run, owner)
        return []

    def _difference(self, both: BeforeAfter, request: Asked) -> str:
        fitted, _ = self.fitted(request)
        layer, head, _ = fitted.chosen
        difference = compare.attention_difference(both.before, both.after, layer, head)
        return render_difference(difference, both.after, layer, head, request.lang)

    # --- questions to the inspector ---

    def _look(self, request: Asked) -> LayerTrace:
        return self._inspector.look(request.question, request.owner)

    def _one_head(self, request: Asked) -> HeadTrace:
        layer, head, _ = request.chosen
        return self._inspector.head(request.question, request.owner, layer, head)

    def _masks(self, inspection: LayerTrace, info: CheckpointInfo, lang: str) -> str:
        if "fill_mask" not in info.can:
            return render_cannot_fill(_FILLERS, lang)
        label = translate(lang, "inside.fill.choose")
        return root(caption(label) + token_strip(inspection.trace, -1, label, "mask", lang))

    def _info(self, request: Asked) -> CheckpointInfo:
        return self._services.catalogue.describe(request.question.checkpoint, request.owner)
