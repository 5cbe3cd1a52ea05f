"""Steps 5 and 6 of Inside BERT as pictures: how tokens move through the layers, and one vector for a whole text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html import charts
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.pictures import Dot, figures, largest, mark, more, name_of, points, strip, subtitle
from bertdemo.ui.html.primitives import caption, join, note, root, table
from bertdemo.ui.html.tokens import look_of
from bertdemo.ui.inside.html.captions import says

if TYPE_CHECKING:
    from bertdemo.anatomy.geometry import Map2D
    from bertdemo.anatomy.layers import LayerTrace
    from bertdemo.anatomy.pooling import PooledRow, PoolingComparison

# Up to this many tokens every name is written on the map.
ALL_NAMED = 40
# Up to this many every name is shown on hover; above, only that of the chosen token.
HOVER_NAMED = 128
# Nearest tokens of the chosen one that are listed.
_NEAREST = 5


def stage(layer: int, lang: str) -> str:
    """Name what stands after so many layers: 0 is the embeddings."""
    return translate(lang, "inside.stage.layer", n=layer) if layer else translate(lang, "inside.stage.embeddings")


def after(layer: int, lang: str) -> str:
    """Say after what: the embeddings or a layer."""
    return translate(lang, "inside.stage.after_layer" if layer else "inside.stage.after_embeddings", n=layer)


def render_path(
    inspection: LayerTrace, chosen: int, cosines: Sequence[float], lang: str, inner: int | None = None
) -> str:
    """Draw step 5 for one token: the L + 1 cosines of its vector with its embedding, and the parts of a layer.

    `inner` is the width of the feed-forward step where it is not that of `seen`.
    """
    piece = inspection.trace.tokens[chosen].piece
    values = {"piece": piece, "layers": inspection.layers, "last": f"{cosines[-1]:.2f}"}
    label = translate(lang, "inside.path.label", **values)
    line = [(float(i), cosine) for i, cosine in enumerate(cosines)]
    curve = charts.curve(
        [(piece, "blue", line)], label, translate(lang, "inside.path.axis"), y_range=(min(0.0, *cosines), 1.0)
    )
    headers = [translate(lang, "inside.path.stage"), translate(lang, "inside.path.cosine")]
    numbers = table(headers, [(stage(i, lang), f"{cosine:.3f}") for i, cosine in enumerate(cosines)], numeric=(1,))
    return root(
        caption(label)
        + curve
        + more(translate(lang, "inside.numbers"), numbers, keep="path")
        + says("path", lang)
        + _parts(inspection.width, inner or inspection.inner, lang),
        "bd-in",
    )


def render_map(inspection: LayerTrace, map2d: Map2D, layer: int, chosen: int, lang: str) -> str:
    """Draw all tokens after one layer (0: the embeddings) on the two directions in which they differ most."""
    tokens = inspection.trace.tokens
    everyone = len(tokens) <= ALL_NAMED
    hover = len(tokens) <= HOVER_NAMED
    dots = [
        Dot(x, y, look_of(token), name_of(token) if hover or i == chosen else "", everyone)
        for i, (token, (x, y)) in enumerate(zip(tokens, map2d.points, strict=True))
    ]
    # How much of the variance the two axes carry: the rest of the differences cannot be seen on the map.
    share = percent(sum(map2d.explained), 0)
    then, piece = after(layer, lang), tokens[chosen].piece
    label = plural(lang, "inside.map.label", len(tokens), after=then, share=share, piece=piece)
    axes = [translate(lang, f"inside.map.axis{i}", share=percent(part, 0)) for i, part in enumerate(map2d.explained, 1)]
    looks = [look for look in ("word", "continues", "special", "unknown") if look in {dot.group for dot in dots}]
    legend = join(mark(look, translate(lang, f"tokens.key.{look}")) for look in looks)
    sentence = translate(lang, "inside.map.caption", after=then, share=share)
    unnamed = "" if hover else translate(lang, "inside.map.unnamed", most=HOVER_NAMED)
    return root(
        subtitle(translate(lang, "inside.map.title", after=then))
        + points(dots, chosen, label, *axes)
        + f'<div class="bd-legend">{legend}</div>'
        + caption(f"{sentence} {unnamed}".strip())
        + _nearest(inspection, map2d, chosen, lang)
        + says("map", lang),
        "bd-in",
    )


def render_pooling(comparison: PoolingComparison, lang: str) -> str:
    """Draw step 6: each way to pool with its vector and what it says of a second and an unrelated sentence."""
    headers = [translate(lang, f"inside.pooling.{name}") for name in ("way", "second", "unrelated", "vector")]
    rows = [_pooled(row, row.name == comparison.trained_with, lang) for row in comparison.rows]
    remarks = [translate(lang, "inside.pooling.scale")]
    if all(row.second is None for row in comparison.rows):
        remarks.append(translate(lang, "inside.pooling.no_second"))
    if comparison.trained_with is None:
        remarks.append(translate(lang, "inside.pooling.unknown"))
    remarks += [plural(lang, f"inside.pooling.cut_{name}", pieces) for name, pieces in comparison.cut]
    pooler = any(row.name == "pooler" for row in comparison.rows)
    missing = "" if pooler else note(translate(lang, "inside.pooling.no_pooler"))
    words = join(map(caption, remarks)) + missing + says("pooling", lang)
    return root(figures(headers, rows, numeric=(1, 2)) + words, "bd-in bd-pooling")


def _parts(width: int, inner: int, lang: str) -> str:
    """Name what a layer is made of, in its order."""
    names = (
        translate(lang, "inside.path.attention"),
        translate(lang, "inside.path.norm"),
        translate(lang, "inside.path.forward", width=thousands(width), inner=thousands(inner)),
        translate(lang, "inside.path.norm"),
    )
    steps = join(f"<li>{esc(name)}</li>" for name in names)
    return f'{subtitle(translate(lang, "inside.path.parts"))}<ol class="bd-parts">{steps}</ol>'


def _nearest(inspection: LayerTrace, map2d: Map2D, chosen: int, lang: str) -> str:
    """The map in words: which tokens lie nearest to the chosen one."""
    tokens, places = inspection.trace.tokens, map2d.points
    others = [(math.dist(place, places[chosen]), i) for i, place in enumerate(places) if i != chosen]
    rows = [(name_of(tokens[i]), str(i), f"{far:.2f}") for far, i in sorted(others)[:_NEAREST]]
    if not rows:
        return ""
    headers = [translate(lang, key) for key in ("tokens.column.piece", "tokens.column.position", "inside.map.distance")]
    label = translate(lang, "inside.map.nearest", piece=tokens[chosen].piece)
    return more(label, table(headers, rows, numeric=(1, 2), mono=(0,)), keep="map")


def _pooled(row: PooledRow, trained: bool, lang: str) -> tuple[str, ...]:
    name = translate(lang, f"inside.pooling.{row.name}")
    marked = f" <b>{esc(translate(lang, 'inside.pooling.trained'))}</b>" if trained else ""
    low, high = float(row.vector.min()), float(row.vector.max())
    values = {"name": name, "n": thousands(len(row.vector)), "low": f"{low:.2f}", "high": f"{high:.2f}"}
    vector = strip(row.vector, translate(lang, "inside.pooling.label", **values), largest(row.vector))
    return f"{esc(name)}{marked}", _cosine(row.second), _cosine(row.unrelated), vector


def _cosine(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
