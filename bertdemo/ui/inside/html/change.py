"""Before and after fine-tuning as pictures: how far the weights moved, and what that does to a text and to rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html.pictures import GROUPS, Dot, bounds_of, grid, mark, more, name_of, points, subtitle
from bertdemo.ui.html.primitives import bars, caption, join, note, root, table
from bertdemo.ui.inside.html.head import before_and_after, part
from bertdemo.ui.inside.html.layers import HOVER_NAMED
from bertdemo.ui.inside.html.steps import says

if TYPE_CHECKING:
    from bertdemo.anatomy.compare import ClassMap
    from bertdemo.anatomy.layers import Floats, LayerTrace

# Pairs of tokens whose attention changed most, listed below the matrix.
_CHANGES = 5


def render_movement(movement: Sequence[tuple[str, float]], lang: str) -> str:
    """Draw how far training moved each part: |after - before| / |before|, as a share."""
    most = max((moved for _, moved in movement), default=0.0) or 1.0
    drawn = bars((part(name, lang), moved / most, _moved(moved)) for name, moved in movement)
    return root(
        subtitle(translate(lang, "inside.movement.title")) + drawn + says("movement", lang),
        "bd-in",
    )


def render_frozen(inspection: LayerTrace, lang: str) -> str:
    """Say that the encoder is the base's, and how many numbers were fitted on top of it."""
    numbers = thousands(len(inspection.labels) * (inspection.width + 1))
    return root(note(translate(lang, "inside.change.frozen", numbers=numbers)), "bd-in")


def render_class_map(class_map: ClassMap, lang: str) -> str:
    """Draw the same rows before and after training on the same two axes; the most frequent labels are told apart.

    Of many rows the marks of a label are one element together, which names no single row.
    """
    frequent = [label for label, _ in Counter(class_map.labels).most_common(len(GROUPS))]
    # Labels beyond the shapes that can be told apart share the group `other`.
    groups = dict(zip(frequent, GROUPS, strict=False))
    titles = [translate(lang, f"inside.class_map.{name}") for name in ("base", "tuned")]
    both = [
        [
            Dot(x, y, groups.get(label, "other"), label if len(places) <= HOVER_NAMED else "")
            for (x, y), label in zip(places, class_map.labels, strict=True)
        ]
        for places in (class_map.base, class_map.tuned)
    ]
    # The same axes for both maps, or a row could not be found again in the other.
    bounds = bounds_of([*both[0], *both[1]]) if class_map.labels else None
    rows, share = len(class_map.labels), percent(sum(class_map.explained), 0)
    axes = [
        translate(lang, f"inside.map.axis{i}", share=percent(share, 0))
        for i, share in enumerate(class_map.explained, 1)
    ]
    labels = [plural(lang, "inside.class_map.label", rows, title=title, share=share) for title in titles]
    maps = join(
        f"<div>{subtitle(title)}{points(dots, None, label, axes[0], axes[1], bounds)}</div>"
        for title, label, dots in zip(titles, labels, both, strict=True)
    )
    return root(
        f'<div class="bd-duo">{maps}</div>{_class_legend(class_map.labels, groups, lang)}'
        + more(translate(lang, "inside.class_map.numbers"), _centers(class_map, groups, lang), keep="class-map")
        + caption(plural(lang, "inside.class_map.caption", rows, share=share))
        + says("class_map", lang),
        "bd-in",
    )


def render_probabilities(labels: Sequence[str], before: Sequence[float], after: Sequence[float], lang: str) -> str:
    """Draw each label's probability before and after."""
    return root(
        subtitle(translate(lang, "inside.probabilities.title"))
        + before_and_after(labels, before, after, lang)
        + says("probabilities", lang),
        "bd-in",
    )


def render_difference(difference: Floats, inspection: LayerTrace, layer: int, head: int, lang: str) -> str:
    """Draw (n, n) attention after training minus before, on a scale of -1 to 1, and the largest changes."""
    import numpy as np

    tokens = inspection.trace.tokens
    n = len(tokens)
    label = plural(lang, "inside.difference.label", n, layer=layer, head=head)
    # Flat indices into (queries, keys); a stable sort keeps the order of the text among equal changes.
    strongest = np.argsort(-abs(difference), axis=None, kind="stable")[:_CHANGES]
    rows = [
        (name_of(tokens[i // n]), name_of(tokens[i % n]), f"{float(difference[i // n, i % n]):+.3f}")
        for i in map(int, strongest)
    ]
    headers = [translate(lang, f"inside.difference.{name}") for name in ("from", "to", "change")]
    return root(
        subtitle(translate(lang, "inside.difference.title", layer=layer, head=head))
        + f'<div class="bd-square">{grid(difference, label, 1.0, "signed")}'
        + f"<div>{caption(translate(lang, 'inside.difference.largest'))}"
        + f"{table(headers, rows, numeric=(2,), mono=(0, 1))}</div></div>"
        + says("difference", lang),
        "bd-in",
    )


def _centers(class_map: ClassMap, groups: dict[str, str], lang: str) -> str:
    """The map in words: of each label its rows, where they lie in the middle, and how far from there on average."""
    of: dict[str, list[int]] = {}
    for i, label in enumerate(class_map.labels):
        of.setdefault(label if label in groups else translate(lang, "inside.class_map.other"), []).append(i)
    rows = []
    for label, rows_of_label in of.items():
        cells = []
        for places in (class_map.base, class_map.tuned):
            x, y = (sum(places[i][axis] for i in rows_of_label) / len(rows_of_label) for axis in (0, 1))
            away = sum(math.dist(places[i], (x, y)) for i in rows_of_label) / len(rows_of_label)
            cells += [f"{x:.2f}, {y:.2f}", f"{away:.2f}"]
        rows.append((label, thousands(len(rows_of_label)), *cells))
    headers = [translate(lang, f"inside.class_map.column.{name}") for name in ("label", "rows")]
    headers += [
        translate(lang, f"inside.class_map.column.{name}", when=translate(lang, f"inside.{when}"))
        for when in ("before", "after")
        for name in ("center", "spread")
    ]
    return table(headers, sorted(rows, key=lambda row: row[0]), numeric=range(1, 6))


def _class_legend(labels: Sequence[str], groups: dict[str, str], lang: str) -> str:
    counts = Counter(labels)
    marks = [mark(group, f"{label} ({thousands(counts[label])})") for label, group in groups.items()]
    others = len(labels) - sum(counts[label] for label in groups)
    if others:
        marks.append(mark("other", f"{translate(lang, 'inside.class_map.other')} ({thousands(others)})"))
    return f'<div class="bd-legend">{join(marks)}</div>'


def _moved(share: float) -> str:
    return "0%" if not share else "<0.01%" if share < 0.00005 else percent(share, 2 if share < 0.1 else 1)
