"""Layers and pooling as pictures: how tokens move through the layers, and one vector for a whole text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html import charts
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.pictures import Dot, figures, largest, mark, more, moving_points, name_of, strip, subtitle
from bertdemo.ui.html.primitives import caption, join, note, root, table
from bertdemo.ui.html.tokens import look_of
from bertdemo.ui.inside.html.steps import says

if TYPE_CHECKING:
    from bertdemo.anatomy.geometry import Map2D
    from bertdemo.anatomy.layers import LayerTrace
    from bertdemo.anatomy.pooling import PooledRow, PoolingComparison

# Up to this many tokens every name is written on the map.
ALL_NAMED = 40
# Up to this many rows each has a name on hover.
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
    """Draw the L + 1 cosines of a token's vector with its embedding, and the parts of a layer.

    `inner` is the intermediate size of the feed-forward network where it is not that of `inspection`.
    """
    token = inspection.trace.tokens[chosen].piece
    values = {"token": token, "layers": inspection.layers, "last": f"{cosines[-1]:.2f}"}
    label = translate(lang, "inside.path.label", **values)
    line = [(float(i), cosine) for i, cosine in enumerate(cosines)]
    curve = charts.curve(
        [(token, "blue", line)], label, translate(lang, "inside.path.axis"), y_range=(min(0.0, *cosines), 1.0)
    )
    headers = [translate(lang, "inside.path.stage"), translate(lang, "inside.path.cosine")]
    numbers = table(headers, [(stage(i, lang), f"{cosine:.3f}") for i, cosine in enumerate(cosines)], numeric=(1,))
    return root(
        subtitle(label)
        + curve
        + says("path", lang)
        + more(translate(lang, "inside.numbers"), numbers, keep="path")
        + _parts(inspection.width, inner or inspection.inner, lang),
        "bd-in",
    )


def render_layers(inspection: LayerTrace, maps: Sequence[Map2D], shown: int, chosen: int, lang: str) -> str:
    """Draw all tokens after every layer (0: the embeddings) on the two directions in which they differ most then."""
    tokens = inspection.trace.tokens
    everyone = len(tokens) <= ALL_NAMED
    stages = [
        [Dot(x, y, look_of(token), name_of(token), everyone) for token, (x, y) in zip(tokens, points, strict=True)]
        for points in steadied(maps)
    ]
    # How much of the variance the two axes carry: the rest of the differences cannot be seen on the map.
    shares = [percent(sum(map2d.explained), 0) for map2d in maps]
    sentences = [
        translate(lang, "inside.map.stage", after=after(layer, lang), share=share) for layer, share in enumerate(shares)
    ]
    token = tokens[chosen].piece
    label = plural(lang, "inside.map.label", len(tokens), token=token)
    looks = [look for look in ("word", "continues", "special", "unknown") if look in {dot.group for dot in stages[0]}]
    legend = join(mark(look, translate(lang, f"tokens.key.{look}")) for look in looks)
    slider, play = (translate(lang, f"inside.map.{name}") for name in ("slider", "play"))
    return root(
        moving_points(stages, shown, chosen, label, sentences, slider, play)
        + f'<div class="bd-legend">{legend}</div>'
        + says("layers", lang)
        + _nearest(inspection, maps[shown], chosen, lang),
        "bd-in",
    )


def steadied(maps: Sequence[Map2D]) -> list[list[tuple[float, float]]]:
    """Return the points of each map, an axis mirrored where it points the other way than in the map before.

    The sign of a principal component is arbitrary: without this, points would jump across the picture.
    """
    steady: list[list[tuple[float, float]]] = []
    for map2d in maps:
        before = steady[-1] if steady else map2d.points
        signs = [
            -1.0 if sum(old[axis] * new[axis] for old, new in zip(before, map2d.points, strict=True)) < 0 else 1.0
            for axis in (0, 1)
        ]
        steady.append([(signs[0] * x, signs[1] * y) for x, y in map2d.points])
    return steady


def render_pooling(comparison: PoolingComparison, lang: str) -> str:
    """Draw each way to pool with its vector and what it says of a second and an unrelated sentence."""
    headers = [translate(lang, f"inside.pooling.{name}") for name in ("way", "second", "unrelated", "vector")]
    rows = [_pooled(row, row.name == comparison.trained_with, lang) for row in comparison.rows]
    remarks = [translate(lang, "inside.pooling.which")]
    if all(row.second is None for row in comparison.rows):
        remarks.append(translate(lang, "inside.pooling.no_second"))
    if comparison.trained_with is None:
        remarks.append(translate(lang, "inside.pooling.unknown"))
    remarks += [plural(lang, f"inside.pooling.cut_{name}", tokens) for name, tokens in comparison.cut]
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
    headers = [translate(lang, f"inside.column.{name}") for name in ("token", "position", "distance")]
    label = translate(lang, "inside.map.nearest", token=tokens[chosen].piece)
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
