"""The map of the model: every block of BERT in one line, with the shapes and values of the text that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertdemo.anatomy.layers import LayerTrace
from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import bar, join, root, short
from bertdemo.ui.inside.html.steps import title

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

# What a head does with most of its attention, in the order in which the key names them.
PATTERNS = ("special", "previous", "next", "self", "other")
# Labels with a bar at the end of the map, most probable first, and characters of their names.
_LABELS, _LABEL_CHARS = 3, 16


@dataclass(frozen=True)
class Chosen:
    """The block that is open, and what is chosen in it."""

    step: str
    layer: int
    head: int
    token: int


def pattern_of(weights: Floats, special: list[bool]) -> str:
    """Name where the most attention of a head (n, n) goes, on average over the queries that are no special tokens."""
    import numpy as np

    queries = [i for i, added in enumerate(special) if not added] or list(range(len(special)))
    rows, n = weights[queries], len(special)
    at = np.array(queries)
    shares = {
        "special": float(rows[:, special].sum(1).mean()),
        "previous": float(rows[np.arange(len(at)), np.maximum(at - 1, 0)].mean()),
        "next": float(rows[np.arange(len(at)), np.minimum(at + 1, n - 1)].mean()),
        "self": float(rows[np.arange(len(at)), at].mean()),
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= 1 - sum(shares.values()) else "other"


# Class of a head that is not one for labels of the whole text -> what the map calls it, and its outputs where their
# number is always the same.
_OWN_HEADS = {
    "BertForTokenClassification": ("tags", 0),
    "BertForQuestionAnswering": ("spans", 2),
    "EncoderDecoderModel": ("decoder", 0),
}


@dataclass(frozen=True)
class OwnHead:
    """The head of a checkpoint that is not one for labels of the whole text."""

    architecture: str
    """Class of its model, such as BertForTokenClassification."""
    labels: int = 0
    """Number of its labels, 0 where it has none or they are not known."""

    @property
    def kind(self) -> str:
        """What the map calls what comes out of it, "" where it does not show that."""
        return _OWN_HEADS.get(self.architecture, ("", 0))[0]

    @property
    def outputs(self) -> int:
        """Outputs per token, 0 where that is not one linear layer or not known."""
        kind, outputs = _OWN_HEADS.get(self.architecture, ("", 0))
        return self.labels if kind == "tags" else outputs


def render_map(
    inspection: LayerTrace, chosen: Chosen, lang: str, *, tuned: bool, own_head: OwnHead | None = None
) -> str:
    """Draw the blocks in their order; `tuned` adds the step that compares a model with its base.

    With `own_head` the labels of `inspection` are those of no head of this checkpoint, and are not drawn.
    """
    n, width = len(inspection.trace.tokens), thousands(inspection.width)
    added = sum(token.special for token in inspection.trace.tokens)
    characters = len(inspection.trace.text) + len(inspection.trace.pair)
    shape = f"{thousands(n)} × {width}"
    outputs = own_head.outputs if own_head else len(inspection.labels)
    weights = translate(lang, "inside.map.head", width=width, labels=thousands(outputs)) if outputs else ""
    blocks = [
        _block("what", "", chosen, lang),
        f'<span class="bd-block">{_names(translate(lang, "inside.map.text"), _characters(characters, lang))}</span>',
        _block("tokens", plural(lang, "inside.map.tokens", n), chosen, lang),
        _block("specials", plural(lang, "inside.map.added", added), chosen, lang),
        _block("embeddings", shape, chosen, lang),
        _layers(inspection, chosen, shape, lang),
        _block("pooling", f"1 × {width}", chosen, lang),
        _block("head", weights, chosen, lang),
        _own(own_head, n, lang) if own_head else _labels(inspection, lang),
    ]
    more = ("training_step", *(("before_after",) if tuned else ()))
    learned = join(_block(step, "", chosen, lang) for step in more)
    values = {"step": chosen.step, "layer": chosen.layer, "head": chosen.head, "token": chosen.token}
    data = join(f' data-{name}="{esc(value)}"' for name, value in values.items())
    label = esc(translate(lang, "inside.map.title"))
    return root(
        f'<nav class="bd-map" aria-label="{label}"{data}><span class="bd-map-line">{join(blocks)}</span>'
        f'<span class="bd-map-foot">{_key(lang)}<span class="bd-branch">{learned}</span></span></nav>',
        "bd-map-box",
    )


def _characters(n: int, lang: str) -> str:
    return plural(lang, "inside.map.characters", n)


def _names(name: str, value: str) -> str:
    return f"<b>{esc(name)}</b><i>{esc(value)}</i>"


def _block(step: str, value: str, chosen: Chosen, lang: str) -> str:
    current = ' aria-current="step"' if step == chosen.step else ""
    names = _names(title(step, lang), value)
    return f'<button type="button" class="bd-block" data-step="{step}"{current}>{names}</button>'


def _layers(inspection: LayerTrace, chosen: Chosen, shape: str, lang: str) -> str:
    """All layers as small blocks with a dot per head; above them the two steps that show what is inside."""
    special = [token.special for token in inspection.trace.tokens]
    blocks = join(_layer(inspection, layer, special, chosen, lang) for layer in range(1, inspection.layers + 1))
    steps = _block("attention", "", chosen, lang) + _block("layers", shape, chosen, lang)
    return (
        f'<span class="bd-stack"><span class="bd-stack-steps">{steps}</span>'
        f'<span class="bd-layers">{blocks}</span></span>'
    )


def _layer(inspection: LayerTrace, layer: int, special: list[bool], chosen: Chosen, lang: str) -> str:
    heads = [pattern_of(weights, special) for weights in inspection.attentions[layer - 1]]
    here = layer == chosen.layer
    dots = join(
        f'<i class="{pattern}" data-dot="{layer}-{head}"{" data-on" if here and head == chosen.head else ""}></i>'
        for head, pattern in enumerate(heads, 1)
    )
    counted = [(pattern, heads.count(pattern)) for pattern in PATTERNS if pattern in heads]
    separator = translate(lang, "checkpoint.separator")
    patterns = separator.join(f"{translate(lang, f'inside.pattern.{name}')} {count}" for name, count in counted)
    label = esc(translate(lang, "inside.map.layer", n=layer, patterns=patterns))
    return (
        f'<button type="button" class="bd-layer" data-step="attention" data-map-layer="{layer}" aria-label="{label}" '
        f'title="{label}" aria-pressed="{"true" if here else "false"}"><b>{layer}</b><span>{dots}</span></button>'
    )


def _own(head: OwnHead, n: int, lang: str) -> str:
    """What comes out of a head of another kind: its shape, for its numbers are in the step of the head."""
    shape = f"{thousands(n)} × {thousands(head.outputs)}" if head.outputs else ""
    if not head.kind:
        return ""
    return f'<span class="bd-block">{_names(translate(lang, f"inside.map.own.{head.kind}"), shape)}</span>'


def _labels(inspection: LayerTrace, lang: str) -> str:
    """What comes out: the most probable labels with bars, or the numbers of a regression head."""
    if inspection.problem == "regression":
        rows = join(_names(inspection.labels[i], f"{value:.3f}") for i, value in enumerate(inspection.logits[:_LABELS]))
        return f'<span class="bd-block bd-labels">{rows}</span>'
    chances = inspection.probabilities
    best = sorted(range(len(chances)), key=lambda i: -chances[i])[:_LABELS]
    bars = join(
        f"<span>{esc(short(inspection.labels[i], _LABEL_CHARS))}</span>{bar(chances[i], label=inspection.labels[i])}"
        f"<i>{percent(chances[i], 0)}</i>"
        for i in best
    )
    key = "inside.map.labels" if inspection.head_trained else "inside.map.untrained"
    return f'<span class="bd-block bd-labels"><b>{esc(translate(lang, key))}</b><span class="bars">{bars}</span></span>'


def _key(lang: str) -> str:
    names = join(
        f'<span><i class="{name}" aria-hidden="true"></i>{esc(translate(lang, f"inside.pattern.{name}"))}</span>'
        for name in PATTERNS
    )
    return f'<span class="bd-map-key"><span>{esc(translate(lang, "inside.caption.map"))}</span>{names}</span>'
