"""Steps 7 and 8 of Inside BERT and "before and after" as pictures: head, masked word, training step, comparison."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.checkpoints.heads import UNNAMED
from bertdemo.ui.i18n import has, percent, plural, thousands, translate
from bertdemo.ui.render.escape import esc
from bertdemo.ui.render.pictures import (
    GROUPS,
    Dot,
    bounds_of,
    figures,
    grid,
    largest,
    mark,
    name_of,
    points,
    strip,
    subtitle,
    three,
)
from bertdemo.ui.render.primitives import banner, bar, bars, caption, join, note, root, table

if TYPE_CHECKING:
    from bertdemo.anatomy.compare import ClassMap
    from bertdemo.anatomy.fill_mask import Filling, Piece
    from bertdemo.anatomy.layers import Floats, LayerTrace
    from bertdemo.anatomy.training_step import TrainingStep

SHOWN_LABELS = 12
_CHANGES = 5
_OVERFLOW = 700.0
"""exp() of more is beyond a float."""


_KINDS = {
    "BertForTokenClassification": "tokens",
    "BertForQuestionAnswering": "answer",
    "BertForMultipleChoice": "choice",
    "BertForNextSentencePrediction": "next",
    UNNAMED: "unnamed",
}
"""Class of a head that this page does not draw -> what is said of it."""


def render_head(seen: LayerTrace, lang: str, other: str = "") -> str:
    """Draw step 7: each label's logit, its exponential and its probability, best first.

    Of a regression on the mean also that mean, and what its linear layer adds up to each logit. `other` is the class
    of the head that the checkpoint brought where it is of another kind.
    """
    chances = seen.probabilities
    order = sorted(range(len(seen.labels)), key=lambda i: -chances[i])
    total = sum(map(_exp, seen.logits))
    mean = seen.head_reads == "mean"
    rows = [
        (
            esc(seen.labels[i]),
            *((f"{seen.logits[i] - seen.biases[i]:.3f}", f"{seen.biases[i]:+.3f}") if mean else ()),
            f"{seen.logits[i]:.3f}",
            f"{_exp(seen.logits[i]):.3g}",
            bar(chances[i], label=seen.labels[i]),
            percent(chances[i]),
        )
        for i in order[:SHOWN_LABELS]
    ]
    headers = [translate(lang, f"inside.head.{name}") for name in ("label", "logit", "exp", "probability")]
    if mean:
        headers[1:1] = [translate(lang, f"inside.mean_head.{name}") for name in ("product", "bias")]
    untrained = ""
    if not seen.head_trained:
        values = {"chance": percent(1 / len(seen.labels)), "best": percent(chances[order[0]])}
        if other:
            values["kind"] = translate(lang, f"inside.head.brought.{_KINDS.get(other, 'named')}", name=other)
        key = "inside.head.untrained_other" if other else "inside.head.untrained"
        untrained = banner(plural(lang, key, len(seen.labels), **values))
    return root(
        untrained
        + (_mean_head(seen, lang) if mean else "")
        + figures([*headers, ""], rows, numeric=(1, 2, 3, 4, 6) if mean else (1, 2, 4))
        + _rest(len(order), lang)
        + caption(translate(lang, "inside.head.softmax", total=f"{total:.3g}")),
        "bd-in bd-head",
    )


def render_fill(filling: Filling | None, names: Sequence[str], lang: str) -> str:
    """Draw what the model puts in the place of one masked token; None where this checkpoint cannot."""
    if filling is None:
        return render_cannot_fill(names, lang)
    rows = [
        (
            f"<code>{esc(_piece(piece))}</code>",
            bar(piece.probability, label=_piece(piece)),
            esc(_small(piece.probability)),
        )
        for piece in filling.pieces
    ]
    headers = [translate(lang, "tokens.column.piece"), translate(lang, "inside.head.probability"), ""]
    original = translate(
        lang,
        "inside.fill.original",
        piece=_piece(filling.original),
        rank=thousands(filling.original_rank),
        share=_small(filling.original.probability),
    )
    return root(
        subtitle(translate(lang, "inside.fill.title", position=filling.position))
        + figures(headers, rows, numeric=(2,))
        + caption(original),
        "bd-in bd-fill",
    )


def render_cannot_fill(names: Sequence[str], lang: str) -> str:
    """Say why a checkpoint without a masked-word head cannot guess words, and which ones can."""
    separator = translate(lang, "checkpoint.separator")
    which = translate(lang, "inside.fill.can" if names else "inside.fill.nobody", names=separator.join(names))
    return root(note(translate(lang, "inside.fill.cannot")) + caption(which), "bd-in bd-fill")


def render_step(step: TrainingStep, lang: str) -> str:
    """Draw step 8: the loss written out, the gradient's norm part by part, and what one update changed."""
    most = max((norm for _, norm in step.gradient_norms), default=0.0) or 1.0
    norms = bars((part(name, lang), norm / most, three(norm)) for name, norm in step.gradient_norms)
    rate, decay = (f"{value:g}".replace("e-0", "e-") for value in (step.learning_rate, step.weight_decay))
    losses = {"before": f"{step.loss:.4f}", "after": f"{step.after_loss:.4f}"}
    return root(
        _loss(step, lang)
        + subtitle(translate(lang, "inside.training.norms"))
        + norms
        + caption(translate(lang, "inside.training.total", total=three(step.total_norm)))
        + subtitle(translate(lang, "inside.training.update", rate=rate, decay=decay))
        + _before_after(step.labels, step.probabilities, step.after_probabilities, lang, first=step.label)
        + caption(translate(lang, "inside.training.losses", **losses))
        + note(translate(lang, "inside.training.unchanged")),
        "bd-in bd-training",
    )


def part(name: str, lang: str) -> str:
    """Name a part of the model by its id: embeddings, layer.1 .. layer.L, pooler, classifier."""
    kind, _, number = name.partition(".")
    if kind == "layer":
        return translate(lang, "inside.stage.layer", n=number)
    return translate(lang, f"inside.part.{name}") if has(f"inside.part.{name}") else name


# --- before and after ---------------------------------------------------------------------------------------


def render_movement(movement: Sequence[tuple[str, float]], lang: str) -> str:
    """Draw how far training moved each part: |after - before| / |before|, as a share."""
    most = max((moved for _, moved in movement), default=0.0) or 1.0
    drawn = bars((part(name, lang), moved / most, _moved(moved)) for name, moved in movement)
    return root(
        subtitle(translate(lang, "inside.movement.title"))
        + drawn
        + caption(translate(lang, "inside.movement.caption")),
        "bd-in",
    )


def render_frozen(seen: LayerTrace, lang: str) -> str:
    """Say that the encoder is the base's, and how many numbers were fitted on top of it."""
    numbers = thousands(len(seen.labels) * (seen.width + 1))
    return root(note(translate(lang, "inside.change.frozen", numbers=numbers)), "bd-in")


def render_class_map(class_map: ClassMap, lang: str) -> str:
    """Draw the same rows before and after training on the same two axes; the most frequent labels are told apart."""
    frequent = [label for label, _ in Counter(class_map.labels).most_common(len(GROUPS))]
    groups = dict(zip(frequent, GROUPS, strict=False))
    titles = [translate(lang, f"inside.class_map.{name}") for name in ("base", "tuned")]
    both = [
        [Dot(x, y, groups.get(label, "other"), label) for (x, y), label in zip(places, class_map.labels, strict=True)]
        for places in (class_map.base, class_map.tuned)
    ]
    bounds = bounds_of([*both[0], *both[1]]) if class_map.labels else None
    rows, share = len(class_map.labels), percent(sum(class_map.explained), 0)
    axes = [
        translate(lang, f"inside.map.axis{i}", share=percent(one, 0)) for i, one in enumerate(class_map.explained, 1)
    ]
    labels = [plural(lang, "inside.class_map.label", rows, title=title, share=share) for title in titles]
    maps = join(
        f"<div>{subtitle(title)}{points(dots, None, label, *axes, bounds)}</div>"
        for title, label, dots in zip(titles, labels, both, strict=True)
    )
    return root(
        f'<div class="bd-two">{maps}</div>{_class_legend(class_map.labels, groups, lang)}'
        + caption(plural(lang, "inside.class_map.caption", rows, share=share)),
        "bd-in",
    )


def render_probabilities(labels: Sequence[str], before: Sequence[float], after: Sequence[float], lang: str) -> str:
    """Draw each label's probability before and after."""
    return root(
        subtitle(translate(lang, "inside.probabilities.title")) + _before_after(labels, before, after, lang), "bd-in"
    )


def render_difference(difference: Floats, seen: LayerTrace, layer: int, head: int, lang: str) -> str:
    """Draw (n, n) attention after training minus before, on a scale of -1 to 1, and the largest changes."""
    import numpy as np

    tokens = seen.trace.tokens
    n = len(tokens)
    label = plural(lang, "inside.difference.label", n, layer=layer, head=head)
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
        + caption(translate(lang, "inside.difference.caption")),
        "bd-in",
    )


# --- pieces of these ----------------------------------------------------------------------------------------


def _mean_head(seen: LayerTrace, lang: str) -> str:
    """The way through a linear layer on the mean: its parts in their order, the mean as a strip, the check."""
    vector = seen.pooled["mean"]
    low, high = float(vector.min()), float(vector.max())
    values = {"pieces": len(seen.trace.tokens), "n": thousands(len(vector)), "low": f"{low:.2f}", "high": f"{high:.2f}"}
    label = translate(lang, "inside.mean_head.vector", **values)
    sizes = {"labels": thousands(len(seen.labels)), "width": thousands(seen.width)}
    return (
        subtitle(translate(lang, "inside.mean_head.title"))
        + note(translate(lang, "inside.mean_head.about"))
        + caption(label)
        + strip(vector, label, largest(vector))
        + caption(translate(lang, "inside.mean_head.layer", **sizes))
        + caption(translate(lang, "inside.mean_head.check", difference=f"{seen.checks['head']:.0e}"))
    )


def _loss(step: TrainingStep, lang: str) -> str:
    """-log softmax(logits)[label], with this text's numbers."""
    logit, total = step.logits[step.label], sum(map(_exp, step.logits))
    chance = f"{step.probabilities[step.label]:.4g}"
    divided = f"{_exp(logit):.4g} / {total:.4g} = " if math.isfinite(total) else ""
    lines = (
        f"logits = [{', '.join(f'{value:.3f}' for value in step.logits[:SHOWN_LABELS])}"
        + (", …]" if len(step.logits) > SHOWN_LABELS else "]"),
        f"p({step.labels[step.label]}) = exp({logit:.3f}) / Σ exp = {divided}{chance}",
        f"{translate(lang, 'inside.training.loss')} = −log p = −log {chance} = {step.loss:.4f}",
    )
    return f'<p class="bd-formula">{join(f"<code>{esc(line)}</code>" for line in lines)}</p>'


def _before_after(
    labels: Sequence[str], before: Sequence[float], after: Sequence[float], lang: str, first: int | None = None
) -> str:
    """Two bars a label; `first` is always among those shown, marked as the right one."""
    order = sorted(range(len(labels)), key=lambda i: (i != first, -after[i]))
    then, now = (translate(lang, f"inside.{name}") for name in ("before", "after"))
    right = f" <b>{esc(translate(lang, 'inside.training.right'))}</b>"
    rows = [
        (
            f"{esc(labels[i])}{right if i == first else ''}",
            bar(before[i], "compare", f"{labels[i]}, {then}") + bar(after[i], "value", f"{labels[i]}, {now}"),
            percent(before[i]),
            percent(after[i]),
        )
        for i in order[:SHOWN_LABELS]
    ]
    headers = [translate(lang, f"inside.head.{name}") for name in ("label", "probability")]
    return figures([*headers, then, now], rows, numeric=(2, 3)) + _rest(len(labels), lang)


def _rest(labels: int, lang: str) -> str:
    if labels <= SHOWN_LABELS:
        return ""
    return caption(translate(lang, "common.more", n=thousands(labels - SHOWN_LABELS)))


def _class_legend(labels: Sequence[str], groups: dict[str, str], lang: str) -> str:
    found = Counter(labels)
    marks = [mark(group, f"{label} ({thousands(found[label])})") for label, group in groups.items()]
    others = len(labels) - sum(found[label] for label in groups)
    if others:
        marks.append(mark("other", f"{translate(lang, 'inside.class_map.other')} ({thousands(others)})"))
    return f'<div class="bd-legend">{join(marks)}</div>'


def _piece(piece: Piece) -> str:
    """Its number where the vocabulary has no piece of that id."""
    return piece.piece or f"[{piece.id}]"


def _small(share: float) -> str:
    """A probability among thousands of pieces: 0.0004 -> `0.04%`, less than that `<0.01%`."""
    return "<0.01%" if share < 0.00005 else percent(share, 2 if share < 0.01 else 1)


def _moved(share: float) -> str:
    return "0%" if not share else "<0.01%" if share < 0.00005 else percent(share, 2 if share < 0.1 else 1)


def _exp(logit: float) -> float:
    return math.exp(logit) if logit < _OVERFLOW else math.inf
