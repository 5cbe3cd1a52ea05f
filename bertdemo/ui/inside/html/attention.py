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
from bertdemo.ui.html.pictures import figures, largest, more, packed, strip, subtitle, tiny, token_strip
from bertdemo.ui.html.primitives import bar, caption, check, heading, join, note, root, table
from bertdemo.ui.inside.html.captions import says

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
        subtitle(label) + f'<div class="bd-over" style="--layers:{inspection.layers};--heads:{inspection.heads}">'
        f'<div class="bd-over-heads" aria-hidden="true">{columns}</div>'
        f'<div class="bd-over-layers" aria-hidden="true">{rows}</div>'
        f'<div class="bd-overview" role="group" aria-label="{esc(label)}" data-paint="overview" data-z="{data}" '
        f'data-layers="{inspection.layers}" data-heads="{inspection.heads}" data-side="{cells.shape[-1]}">'
        f'<canvas aria-hidden="true"></canvas>{buttons}</div></div>'
        + caption(translate(lang, "inside.attention.overview_note"))
        + says("overview", lang)
    )


def render_arcs(inspection: LayerTrace, chosen: int, lang: str) -> str:
    """Draw the line of tokens over which the page draws the chosen one's weights as arcs.

    Below it the page names the strongest arc where its end lies outside what is seen of a long line.
    """
    label = translate(lang, "inside.attention.arcs")
    tokens = token_strip(inspection.trace, chosen, label, "token", lang)
    arcs = f'<div class="bd-arcs" tabindex="-1"><svg aria-hidden="true"></svg>{tokens}</div><output></output>'
    return root(subtitle(label) + arcs + says("arcs", lang))


def render_matrix(inspection: LayerTrace, head: HeadTrace, view: View, lang: str) -> str:
    """Draw one head's matrix; its weights are sent in steps of 1/65535, so that a row still sums to 1."""
    import numpy as np

    weights = shown_weights(inspection, head, view)
    data = packed(np.rint(65535 * np.clip(weights, 0, 1)).astype(np.uint16))
    n = len(weights)
    label = translate(lang, "inside.attention.matrix", layer=head.layer, head=head.head, n=n)
    # The page's script rescales the colors itself; the numbers under the pointer stay those of the model.
    stretched = ' data-stretched="1"' if view.stretched else ""
    scale = f"{weights.max():.3f}" if view.stretched else "1"
    return root(
        subtitle(translate(lang, "inside.attention.matrix_title"))
        + f'<div class="bd-matrix" role="img" tabindex="0" aria-label="{esc(label)}" data-paint="matrix" data-n="{n}" '
        f'data-z="{data}"{stretched}><canvas aria-hidden="true"></canvas><output></output></div>'
        + caption(translate(lang, "inside.attention.scale", scale=scale))
        + join(note(translate(lang, f"inside.attention.{name}")) for name in _said(inspection, view))
        + says("matrix", lang)
    )


def render_numbers(inspection: LayerTrace, head: HeadTrace, chosen: int, view: View, lang: str) -> str:
    """Draw the attention of one query in one head: the strongest keys as a table, then the formula with its numbers."""
    names = [token.piece for token in inspection.trace.tokens]
    weights = shown_weights(inspection, head, view)[chosen]
    title = translate(lang, "inside.attention.head", layer=head.layer, head=head.head)
    checks = (("weights", head.difference), ("layer", head.layer_difference))
    held = join(
        check(translate(lang, f"inside.attention.check_{name}", difference=tiny(value)), held=value <= HELD)
        for name, value in checks
    )
    best = sorted(range(len(names)), key=lambda i: -weights[i])[:_TOP]
    rows = [
        (f"<code>{esc(names[i])}</code>", str(i), f"{weights[i]:.3f}", bar(float(weights[i]), label=names[i]))
        for i in best
        if weights[i] > 0
    ]
    headers = [translate(lang, f"inside.attention.column.{name}") for name in ("piece", "position", "weight", "share")]
    where = translate(lang, "inside.attention.looks", piece=names[chosen], position=chosen)
    total = translate(lang, "inside.attention.row_sum", sum=f"{weights.sum():.3f}")
    return root(
        heading(title, where)
        + f'<p class="bd-checks">{held}</p>'
        + (figures(headers, rows, numeric=(1, 2)) if rows else caption(translate(lang, "inside.attention.nothing")))
        + caption(total)
        + _formula(inspection, head, chosen, names, lang)
        + says("numbers", lang),
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
        + note(translate(lang, "inside.ablation.note"))
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


def _formula(inspection: LayerTrace, head: HeadTrace, chosen: int, names: Sequence[str], lang: str) -> str:
    """Draw softmax(Q K^T / sqrt(d_k)) V with the numbers of one query; d_k is computed, never typed."""
    d_k = inspection.head_width
    # One row of each (queries, keys) matrix: q·k, q·k / sqrt(d_k), and their softmax.
    products, scores, weights = (matrix[chosen] for matrix in (head.products, head.scores, head.weights))
    many = len(names) > _ALL_KEYS
    keys = sorted(range(len(names)), key=lambda i: -weights[i])[:_BEST_KEYS] if many else list(range(len(names)))
    rows = [(f"{i} {names[i]}", f"{products[i]:.3f}", f"{scores[i]:.3f}", f"{weights[i]:.4f}") for i in sorted(keys)]
    rest = [i for i in range(len(names)) if i not in set(keys)]
    if rest:
        others = plural(lang, "inside.attention.others", len(rest))
        rows.append((others, "", "", f"{sum(float(weights[i]) for i in rest):.4f}"))
    headers = [translate(lang, "inside.attention.column.key"), "q·k", f"q·k / √{d_k}", "softmax"]
    per_key = table(headers, rows, numeric=(1, 2, 3), mono=(0,))
    steps = translate(
        lang,
        "inside.attention.d_k",
        width=inspection.width,
        heads=inspection.heads,
        d_k=d_k,
        root=f"{math.sqrt(d_k):.3f}",
    )
    best = int(weights.argmax())
    example = translate(
        lang,
        "inside.attention.example",
        query=names[chosen],
        of=names[best],
        product=f"{products[best]:.3f}",
        score=f"{scores[best]:.3f}",
        n=len(names),
        weight=f"{weights[best]:.4f}",
        root=f"{math.sqrt(d_k):.3f}",
    )
    # (d_k,): the weighted sum of the values, and the query itself.
    context, query = head.context[chosen], head.query[chosen]
    first = ", ".join(f"{value:.3f}" for value in context[:6])
    sentence = translate(lang, "inside.attention.context", n=d_k, numbers=f"{first}, …")
    return (
        subtitle(translate(lang, "inside.attention.formula"))
        + f'<p class="bd-formula"><code>softmax(Q·Kᵀ / √d_k) · V</code> {esc(steps)}</p>'
        + caption(example)
        + caption(translate(lang, "inside.attention.query", piece=names[chosen], n=d_k))
        + strip(query, translate(lang, "inside.attention.query", piece=names[chosen], n=d_k), largest(query))
        + more(translate(lang, "inside.attention.per_key"), per_key, keep="per-key")
        + (_every_key(names, products, scores, weights, headers, lang) if rest else "")
        + caption(sentence)
        + strip(context, sentence, largest(context))
    )


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
