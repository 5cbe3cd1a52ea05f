"""Self-attention as pictures: all heads at a glance, one head large, the formula with a token's own numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertdemo.anatomy.geometry import cosine
from bertdemo.anatomy.layers import Ablation, HeadTrace, LayerTrace, rows_without
from bertdemo.anatomy.probabilities import probabilities
from bertdemo.i18n.translation import percent, plural, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.pictures import largest, more, packed, strip, subtitle, tiny, token_strip
from bertdemo.ui.html.primitives import bars, caption, check, join, note, root, short, table
from bertdemo.ui.inside.html.steps import says

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

# Largest difference in float32 at which a recomputed value counts as equal to that of the model.
HELD = 1e-5
# Rows and columns of a head in the overview: the weights of a longer text are pooled to as many.
_SIDE = 24
# Tokens that get the most attention, listed for one query.
_TOP = 5
# Up to this many keys all are written out in the formula; of more only the _BEST_KEYS with the largest weights.
_ALL_KEYS = 40
_BEST_KEYS = 12
# Up to this many tokens each has its name on both axes of the matrix, cut to so many characters.
_NAMED, _NAME_CHARS = 32, 14
# Labels whose probabilities are compared with and without a head.
_LABELS = 6


@dataclass(frozen=True)
class View:
    """How a head is looked at; the model's weights stay what they are."""

    # Leave out what BERT added, and let each row share out 1 over the rest.
    hide_special: bool = False
    # Rescale the colors: darkest at the largest weight instead of at 1.
    stretched: bool = False
    # Only from the first sentence to the second.
    across: bool = False


def shown_weights(inspection: LayerTrace, head: HeadTrace, view: View) -> Floats:
    """Return the (n, n) weights as the view shows them; what is left out is 0."""
    tokens = inspection.trace.tokens
    weights = head.weights  # (queries, keys)
    if view.hide_special:
        special = [token.position for token in tokens if token.special]
        weights = rows_without(weights, special)
        weights[special] = 0  # the rows of special queries; the other rows were renormalized
    if view.across and inspection.trace.pair:
        weights = weights.copy()  # the trace is cached: it must not change
        weights[[token.position for token in tokens if token.sequence != 0]] = 0
        weights[:, [token.position for token in tokens if token.sequence != 1]] = 0
    return weights


def render_overview(inspection: LayerTrace, layer: int, head: int, lang: str) -> str:
    """Draw all heads of all layers, each pooled to at most 24 x 24 cells by its largest weights."""
    import numpy as np

    # (layers, heads, queries, keys) -> (layers * heads, side, side)
    cells = np.stack(
        [_pooled(weights) for weights in inspection.attentions.reshape(-1, *inspection.attentions.shape[2:])]
    )
    # One byte per cell: 144 heads of 24 x 24 cells are 83 KB before compression.
    data = packed(np.rint(255 * np.clip(cells, 0, 1)).astype(np.uint8))
    columns = join(f'<span class="bd-head-number">{number}</span>' for number in range(1, inspection.heads + 1))
    rows = join(f'<span class="bd-layer-number">{number}</span>' for number in range(1, inspection.layers + 1))
    buttons = join(
        _cell(inspection, row_layer, row_head, (row_layer, row_head) == (layer, head), lang)
        for row_layer in range(1, inspection.layers + 1)
        for row_head in range(1, inspection.heads + 1)
    )
    label = translate(lang, "inside.attention.overview", layers=inspection.layers, heads=inspection.heads)
    return root(
        f'<div class="bd-over" style="--layers:{inspection.layers};--heads:{inspection.heads}">'
        f'<div class="bd-over-heads" aria-hidden="true">{columns}</div>'
        f'<div class="bd-over-layers" aria-hidden="true">{rows}</div>'
        f'<div class="bd-overview" role="group" aria-label="{esc(label)}" data-paint="overview" data-z="{data}" '
        f'data-layers="{inspection.layers}" data-heads="{inspection.heads}" data-side="{cells.shape[-1]}">'
        f'<canvas aria-hidden="true"></canvas>{buttons}</div></div>' + says("overview", lang)
    )


def render_attention(inspection: LayerTrace, head: HeadTrace, view: View, chosen: int, lang: str) -> str:
    """Draw one head: the tokens over which the page draws arcs, and the matrix with token names on both axes.

    The weights are sent in steps of 1/65535, so that a row still sums to 1.
    """
    import numpy as np

    weights = shown_weights(inspection, head, view)  # (n, n)
    data = packed(np.rint(65535 * np.clip(weights, 0, 1)).astype(np.uint16))
    n = len(weights)
    # The page's script rescales the colors itself; the numbers under the pointer stay those of the model.
    stretched = ' data-stretched="1"' if view.stretched else ""
    across = view.across and bool(inspection.trace.pair)
    none = translate(lang, f"inside.attention.{'none_across' if across else 'none'}", share="0.000")
    label = translate(lang, "inside.attention.choose")
    strip_html = token_strip(inspection.trace, chosen, label, "token", lang)
    return root(
        f'<div class="bd-attention" data-paint="attention" data-n="{n}" data-z="{data}" data-none="{esc(none)}"'
        f'{stretched} data-of="{head.layer}-{head.head}"><div class="bd-arcs"><svg aria-hidden="true"></svg>'
        f"{strip_html}</div>{_matrix(inspection, head, n, lang)}<output></output></div>"
        + join(note(translate(lang, f"inside.attention.{name}")) for name in _said(inspection, view))
        + f'<div class="bd-for-arcs">{says("arcs", lang)}</div>'
        + f'<div class="bd-for-matrix">{says("matrix", lang)}{_scale(weights, view, lang)}</div>'
    )


def render_side(inspection: LayerTrace, head: HeadTrace, chosen: int, view: View, lang: str, missing: str = "") -> str:
    """Draw beside the grid: where the chosen token attends in this head, five bars, and that the numbers are right.

    `missing` says that what the address names is not in this model or text.
    """
    names = [token.piece for token in inspection.trace.tokens]
    weights = shown_weights(inspection, head, view)[chosen]
    best = sorted(range(len(names)), key=lambda i: -weights[i])[:_TOP]
    rows = [(names[i], float(weights[i]), f"{weights[i]:.3f}") for i in best if weights[i] > 0]
    title = translate(lang, "inside.attention.attends", layer=head.layer, head=head.head, token=names[chosen])
    difference = max(head.difference, head.layer_difference)
    recomputed = check(
        translate(lang, "inside.attention.recomputed", difference=tiny(difference)), held=difference <= HELD
    )
    return root(
        (note(missing) if missing else "")
        + subtitle(title)
        + (bars(rows) if rows else caption(translate(lang, "inside.attention.nothing")))
        + f'<p class="bd-recomputed">{recomputed}</p>',
        "bd-side",
    )


def render_numbers(inspection: LayerTrace, head: HeadTrace, chosen: int, lang: str) -> str:
    """Draw softmax(Q K^T / sqrt(d_k)) V with the numbers of one query; d_k is computed, never typed."""
    names = [token.piece for token in inspection.trace.tokens]
    d_k = inspection.head_width
    weights, scores, products = (matrix[chosen] for matrix in (head.weights, head.scores, head.products))  # (n,)
    best = int(weights.argmax())
    root_of = f"{math.sqrt(d_k):.3f}"
    values = {"width": inspection.width, "heads": inspection.heads, "d_k": d_k, "root": root_of}
    d_k_words = translate(lang, "inside.attention.d_k", **values)
    # One denominator per row: the sum over all keys of this query.
    total = sum(math.exp(float(score)) for score in scores)
    lines = (
        f"s = q·k / √d_k = {products[best]:.3f} / {root_of} = {scores[best]:.3f}",
        f"Z = Σ_k exp(s_k) = {total:.3f}",
        f"weight_j = exp(s_j) / Z = {math.exp(float(scores[best])):.3f} / {total:.3f} = {weights[best]:.4f}",
    )
    vectors = (
        (translate(lang, "inside.attention.query", token=names[chosen], n=d_k), head.query[chosen]),
        (translate(lang, "inside.attention.key", token=names[best], n=d_k), head.key[best]),
        (translate(lang, "inside.attention.value", token=names[best], n=d_k), head.value[best]),
        (translate(lang, "inside.attention.context", n=d_k), head.context[chosen]),
    )
    return root(
        f'<div><p class="bd-formula"><code>softmax(Q·Kᵀ / √d_k) · V</code> {esc(d_k_words)}</p>'
        + caption(translate(lang, "inside.attention.example", query=names[chosen], of=names[best]))
        + f'<p class="bd-formula">{join(f"<code>{esc(line)}</code>" for line in lines)}</p>'
        + caption(translate(lang, "inside.attention.denominator"))
        + join(caption(label) + strip(vector, label, largest(vector)) for label, vector in vectors)
        + says("numbers", lang)
        + f"</div><div>{_keys(names, products, scores, weights, d_k, lang)}</div>",
        "bd-numbers",
    )


def render_ablation(inspection: LayerTrace, without: Ablation, lang: str) -> str:
    """Say what changed in the output when one head was silenced."""
    title = translate(lang, "inside.ablation.title", layer=without.layer, head=without.head)
    rows = [
        (translate(lang, f"inside.pooling.{name}"), f"{cosine(vector, without.pooled[name]):.4f}")
        for name, vector in inspection.pooled.items()
    ]
    headers = [translate(lang, f"inside.ablation.column.{name}") for name in ("vector", "cosine")]
    return root(
        subtitle(title)
        + table(headers, rows, numeric=(1,))
        + (_changed(inspection, without, lang) if inspection.head_trained else "")
        + says("ablation", lang)
    )


def _changed(inspection: LayerTrace, without: Ablation, lang: str) -> str:
    # Probabilities where the head has them, else the bare numbers of a regression head.
    before, after = (
        probabilities(logits, inspection.problem) or logits for logits in (inspection.logits, without.logits)
    )
    best = sorted(range(len(inspection.labels)), key=lambda i: -before[i])[:_LABELS]

    def written(value: float) -> str:
        return f"{value:.3f}" if inspection.problem == "regression" else percent(value)

    rows = [(inspection.labels[i], written(before[i]), written(after[i])) for i in best]
    headers = [translate(lang, f"inside.ablation.column.{name}") for name in ("label", "with", "without")]
    return table(headers, rows, numeric=(1, 2))


def _keys(names: Sequence[str], products: Floats, scores: Floats, weights: Floats, d_k: int, lang: str) -> str:
    """The scores of every key as a table; of many keys the largest weights, and all of them as folded lines."""
    many = len(names) > _ALL_KEYS
    keys = sorted(range(len(names)), key=lambda i: -weights[i])[:_BEST_KEYS] if many else list(range(len(names)))
    rows = [(f"{i} {names[i]}", f"{products[i]:.3f}", f"{scores[i]:.3f}", f"{weights[i]:.4f}") for i in sorted(keys)]
    rest = sorted(set(range(len(names))) - set(keys))
    if rest:
        others = plural(lang, "inside.attention.others", len(rest))
        rows.append((others, "", "", f"{sum(float(weights[i]) for i in rest):.4f}"))
    headers = [translate(lang, "inside.attention.column_key"), "q·k", f"q·k / √{d_k}", "softmax"]
    return table(headers, rows, numeric=(1, 2, 3), mono=(0,)) + (
        _every_key(names, products, scores, weights, headers, lang) if rest else ""
    )


def _matrix(inspection: LayerTrace, head: HeadTrace, n: int, lang: str) -> str:
    """The matrix with its axes: every token's name up to 32 tokens, every tenth above."""
    names = [
        token.piece if n <= _NAMED else f"{i} {token.piece}" if i % 10 == 0 else ""
        for i, token in enumerate(inspection.trace.tokens)
    ]
    axis = join(f"<span>{esc(short(name, _NAME_CHARS))}</span>" for name in names)
    label = translate(lang, "inside.attention.matrix", layer=head.layer, head=head.head, n=n)
    few = " few" if n <= _NAMED else ""
    corner = esc(translate(lang, "inside.attention.axes"))
    return (
        f'<div class="bd-matrix{few}"><i class="corner">{corner}</i><div class="top" aria-hidden="true">{axis}</div>'
        f'<div class="left" aria-hidden="true">{axis}</div><div class="cells" role="img" tabindex="0" '
        f'aria-label="{esc(label)}"><canvas aria-hidden="true"></canvas><i class="row"></i></div></div>'
    )


def _scale(weights: Floats, view: View, lang: str) -> str:
    scale = f"{weights.max():.3f}" if view.stretched else "1"
    return caption(translate(lang, "inside.attention.scale", scale=scale))


def _every_key(
    names: Sequence[str], products: Floats, scores: Floats, weights: Floats, headers: Sequence[str], lang: str
) -> str:
    """All keys as lines of one element: a table of 512 rows would be a page of its own."""
    numbers = [f"{products[i]:>9.3f} {scores[i]:>9.3f} {weights[i]:>9.4f}  {i} {name}" for i, name in enumerate(names)]
    key, *columns = headers
    lines = "\n".join((" ".join(f"{column:>9}" for column in columns) + f"  {key}", *numbers))
    label = plural(lang, "inside.attention.every_key", len(names))
    listed = f'<pre class="bd-keys" tabindex="0" aria-label="{esc(label)}" role="region">{esc(lines)}</pre>'
    return more(label, listed, keep="every-key")


def _pooled(weights: Floats) -> Floats:
    """Return (side, side): the largest weight of each block, so that a single strong cell is never lost."""
    import numpy as np

    n = len(weights)
    if n <= _SIDE:
        return weights
    # Starts of the blocks; reduceat takes the maximum from each to the next.
    edges = np.linspace(0, n, _SIDE + 1).astype(int)[:-1]
    rows = np.maximum.reduceat(weights, edges, axis=0)  # (side, n)
    pooled: Floats = np.maximum.reduceat(rows, edges, axis=1)  # (side, side)
    return pooled


def _cell(inspection: LayerTrace, layer: int, head: int, chosen: bool, lang: str) -> str:
    """One head's button over its square; its name says what is painted: where the attention goes, and how sharply."""
    weights, tokens = inspection.attentions[layer - 1, head - 1], inspection.trace.tokens
    # Every [SEP]: position 0 is [CLS].
    ends = [token.position for token in tokens if token.special and token.position]
    shares = {"cls": percent(float(weights[:, 0].mean()), 0), "sep": percent(float(weights[:, ends].sum(1).mean()), 0)}
    most = f"{float(weights.max()):.2f}"
    label = esc(translate(lang, "inside.attention.cell", layer=layer, head=head, most=most, **shares))
    return (
        f'<button type="button" data-layer="{layer}" data-head="{head}" tabindex="{0 if chosen else -1}" '
        f'aria-pressed="{"true" if chosen else "false"}" '
        f'aria-label="{label}" title="{label}"></button>'
    )


def _said(inspection: LayerTrace, view: View) -> list[str]:
    """Name what the view leaves out: a changed picture never stands without its words."""
    notes = ["hidden_special"] if view.hide_special else []
    return notes + (["only_across"] if view.across and inspection.trace.pair else [])
