"""The head as pictures: labels, tags, answers, generated tokens, a masked token, and a training step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bertdemo.checkpoints.head_detection import UNNAMED
from bertdemo.i18n.translation import has, percent, plural, thousands, translate
from bertdemo.ui.html import charts
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.pictures import figures, largest, name_of, strip, subtitle, three
from bertdemo.ui.html.primitives import banner, bar, bars, caption, join, note, root, table
from bertdemo.ui.inside.html.steps import says

if TYPE_CHECKING:
    from bertdemo.anatomy.fill_mask import Filling, Piece
    from bertdemo.anatomy.layers import LayerTrace
    from bertdemo.anatomy.own_head import Generated, TokenScores
    from bertdemo.anatomy.training_step import TrainingStep

# Labels whose logits and probabilities are drawn, most probable first.
SHOWN_LABELS = 12
# Tokens whose tag is drawn, and tokens that are drawn as the start or the end of an answer.
_TOKENS, _SPANS = 40, 12
# Above this, exp() overflows a float64.
_OVERFLOW = 700.0


# Class of a head of another kind -> what is said of it.
_KINDS = {
    "BertForTokenClassification": "tokens",
    "BertForQuestionAnswering": "answer",
    "BertForMultipleChoice": "choice",
    "BertForNextSentencePrediction": "next",
    "EncoderDecoderModel": "writes",
    UNNAMED: "unnamed",
}


def render_head(inspection: LayerTrace, lang: str, other: str = "") -> str:
    """Draw each label's logit, its exponential and its probability, best first.

    A head that says yes or no to each label has the sigmoid of each logit instead, a regression its number alone.
    Of a regression on the mean also that mean, and what its linear layer adds up to each logit. `other` is the class
    of the head that the checkpoint brought where it is of another kind.
    """
    if inspection.problem == "regression":
        return _number(inspection, lang)
    chances = inspection.probabilities
    order = sorted(range(len(inspection.labels)), key=lambda i: -chances[i])
    # A linear probe reads the mean vector; a multi-label head has a sigmoid per label and no softmax.
    mean, each = inspection.head_reads == "mean", inspection.problem == "multi_label_classification"
    rows = [
        (
            esc(inspection.labels[i]),
            *((f"{inspection.logits[i] - inspection.biases[i]:.3f}", f"{inspection.biases[i]:+.3f}") if mean else ()),
            f"{inspection.logits[i]:.3f}",
            *(() if each else (f"{_exp(inspection.logits[i]):.3g}",)),
            bar(chances[i], label=inspection.labels[i]),
            percent(chances[i]),
        )
        for i in order[:SHOWN_LABELS]
    ]
    names = ("label", "logit", "probability") if each else ("label", "logit", "exp", "probability")
    headers = [translate(lang, f"inside.head.{name}") for name in names]
    if mean:
        headers[1:1] = [translate(lang, f"inside.mean_head.{name}") for name in ("product", "bias")]
    # The denominator of the softmax.
    total = f"{sum(map(_exp, inspection.logits)):.3g}"
    return root(
        ("" if inspection.head_trained else _untrained(inspection, other, max(chances), lang))
        + (_mean_head(inspection, lang) if mean else "")
        + figures([*headers, ""], rows, numeric=(1, 2, 3, 4, 6) if mean else (1, 3) if each else (1, 2, 4))
        + _rest(len(order), lang)
        + caption(translate(lang, "inside.head.sigmoid" if each else "inside.head.softmax", total=total))
        + says("head", lang),
        "bd-in bd-head",
    )


def render_tags(inspection: LayerTrace, scores: TokenScores, lang: str) -> str:
    """Draw the most probable tag of each token, with its probability and the next one."""
    tokens = inspection.trace.tokens
    rows = []
    for i in range(min(len(tokens), _TOKENS)):
        order = scores.probabilities[i].argsort()[::-1]
        first, second = int(order[0]), int(order[min(1, len(order) - 1)])
        chance, other = float(scores.probabilities[i, first]), float(scores.probabilities[i, second])
        tag = scores.outputs[first]
        rows.append(
            (
                f"<code>{esc(name_of(tokens[i]))}</code>", esc(tag), bar(chance, label=tag), percent(chance),
                esc(f"{scores.outputs[second]} {percent(other)}"),
            )
        )  # fmt: skip
    headers = [translate(lang, f"inside.column.{name}") for name in ("token", "tag")]
    headers += [translate(lang, "inside.head.probability"), "", translate(lang, "inside.column.next")]
    return root(figures(headers, rows, numeric=(3,)) + _rest(len(tokens), lang, _TOKENS) + says("tags", lang), "bd-in")


def render_spans(inspection: LayerTrace, scores: TokenScores, lang: str) -> str:
    """Draw how probable each token is as the start and as the end of an answer: the softmax runs over the tokens."""
    tokens = inspection.trace.tokens
    shown = sorted(range(len(tokens)), key=lambda i: -float(scores.probabilities[i].max()))[:_SPANS]
    names = [translate(lang, f"inside.head.{output}") for output in scores.outputs]
    rows = []
    for i in sorted(shown):
        numbers = [(float(scores.logits[i, k]), float(scores.probabilities[i, k])) for k in range(len(names))]
        cells = [cell for k, (logit, chance) in enumerate(numbers) for cell in _span_cells(logit, chance, names[k])]
        rows.append((f"<code>{i} {esc(name_of(tokens[i]))}</code>", *cells))
    headers = [translate(lang, "inside.column.token")]
    for name in names:
        headers += [f"{name}: logit", name, ""]
    return root(
        figures(headers, rows, numeric=(1, 3, 4, 6)) + _rest(len(tokens), lang, _SPANS) + says("spans", lang), "bd-in"
    )


def render_generated(generated: Generated, names: Sequence[str], inspection: LayerTrace, lang: str) -> str:
    """Draw each token that the decoder generates, its probability, and the token read that it attends to most."""
    read = inspection.trace.tokens
    rows = []
    for name, chance, weights in zip(names, generated.probabilities, generated.attention, strict=True):
        best = int(weights.argmax())
        attended = f"{name_of(read[best])} {float(weights[best]):.3f}"
        rows.append(
            (f"<code>{esc(name)}</code>", bar(chance, label=name), percent(chance), f"<code>{esc(attended)}</code>")
        )
    headers = [translate(lang, "inside.column.generated"), translate(lang, "inside.head.probability"), ""]
    headers.append(translate(lang, "inside.column.attended"))
    return root(figures(headers, rows, numeric=(2,)) + says("writes", lang), "bd-in")


def _span_cells(logit: float, chance: float, name: str) -> tuple[str, str, str]:
    return f"{logit:.3f}", bar(chance, label=name), percent(chance)


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
    headers = [translate(lang, "inside.column.token"), translate(lang, "inside.head.probability"), ""]
    original = translate(
        lang,
        "inside.fill.original",
        token=_piece(filling.original),
        rank=thousands(filling.original_rank),
        share=_small(filling.original.probability),
    )
    return root(
        subtitle(translate(lang, "inside.fill.title", position=filling.position))
        + figures(headers, rows, numeric=(2,))
        + caption(original)
        + says("fill", lang),
        "bd-in bd-fill",
    )


def render_cannot_fill(names: Sequence[str], lang: str) -> str:
    """Say why a checkpoint without a masked-word head cannot guess words, and which ones can."""
    separator = translate(lang, "checkpoint.separator")
    which = translate(lang, "inside.fill.can" if names else "inside.fill.nobody", names=separator.join(names))
    return root(note(translate(lang, "inside.fill.cannot")) + caption(which), "bd-in bd-fill")


def render_step(step: TrainingStep, lang: str) -> str:
    """Draw the loss written out, the gradient's norm part by part, and what the steps changed."""
    most = max((norm for _, norm in step.gradient_norms), default=0.0) or 1.0
    norms = bars((part(name, lang), norm / most, three(norm)) for name, norm in step.gradient_norms)
    rate, decay = f"{step.learning_rate:.0e}".replace("e-0", "e-"), f"{step.weight_decay:g}"
    losses = {"before": f"{step.loss:.4f}", "after": f"{step.after_loss:.4f}"}
    taken = len(step.losses) - 1
    update = plural(lang, "inside.training.update", taken, rate=rate, decay=decay)
    return root(
        f"<div>{_loss(step, lang)}{subtitle(translate(lang, 'inside.training.norms'))}{norms}"
        f"{caption(translate(lang, 'inside.training.total', total=three(step.total_norm)))}{says('norms', lang)}</div>"
        f"<div>{subtitle(update)}"
        f"{before_and_after(step.labels, step.probabilities, step.after_probabilities, lang, first=step.label)}"
        f"{caption(translate(lang, 'inside.training.losses', **losses))}{_falling(step, lang)}"
        f"{says('update', lang)}</div>",
        "bd-duo bd-training",
    )


def _falling(step: TrainingStep, lang: str) -> str:
    """The loss after each of several steps."""
    if len(step.losses) < 3:  # a line from one point to another says no more than the two numbers
        return ""
    label = translate(lang, "inside.training.curve")
    points = [(float(i), loss) for i, loss in enumerate(step.losses)]
    top = max(step.losses)
    return charts.curve([(label, "blue", points)], label, translate(lang, "inside.training.axis"), y_range=(0.0, top))


def render_no_step(lang: str) -> str:
    """Say why a regression takes no step here, and what its loss would be."""
    return root(note(translate(lang, "inside.training.regression")), "bd-in")


def part(name: str, lang: str) -> str:
    """Name a part of the model by its id: embeddings, layer.1 .. layer.L, pooler, classifier."""
    kind, _, number = name.partition(".")
    if kind == "layer":
        return translate(lang, "inside.stage.layer", n=number)
    return translate(lang, f"inside.part.{name}") if has(f"inside.part.{name}") else name


# --- pieces of these ----------------------------------------------------------------------------------------


def _untrained(inspection: LayerTrace, other: str, best: float, lang: str) -> str:
    """Say that the head is a random one, and which other one the checkpoint brought."""
    values = {"chance": percent(1 / len(inspection.labels)), "best": percent(best)}
    if not other:
        return banner(translate(lang, "inside.head.untrained", **values))
    kind = translate(lang, f"inside.head.brought.{_KINDS.get(other, 'named')}", name=other)
    return banner(translate(lang, "inside.head.untrained_other", kind=kind, **values))


def _number(inspection: LayerTrace, lang: str) -> str:
    """A head whose outputs are numbers: as they are, without bars, because nobody knows their range."""
    rows = [(inspection.labels[i], f"{value:.4f}") for i, value in enumerate(inspection.logits[:SHOWN_LABELS])]
    headers = [translate(lang, f"inside.head.{name}") for name in ("output", "value")]
    return root(
        table(headers, rows, numeric=(1,))
        + _rest(len(inspection.logits), lang)
        + caption(translate(lang, "inside.head.regression"))
        + says("number", lang),
        "bd-in bd-head",
    )


def _mean_head(inspection: LayerTrace, lang: str) -> str:
    """The way through a linear layer on the mean: its parts in their order, the mean as a strip, the check."""
    vector = inspection.pooled["mean"]
    low, high = float(vector.min()), float(vector.max())
    values = {
        "tokens": len(inspection.trace.tokens),
        "n": thousands(len(vector)),
        "low": f"{low:.2f}",
        "high": f"{high:.2f}",
    }
    label = translate(lang, "inside.mean_head.vector", **values)
    sizes = {"labels": thousands(len(inspection.labels)), "width": thousands(inspection.width)}
    return (
        subtitle(translate(lang, "inside.mean_head.title"))
        + note(translate(lang, "inside.mean_head.about"))
        + caption(label)
        + strip(vector, label, largest(vector))
        + caption(translate(lang, "inside.mean_head.layer", **sizes))
        + caption(translate(lang, "inside.mean_head.check", difference=f"{inspection.checks['head']:.0e}"))
    )


def _loss(step: TrainingStep, lang: str) -> str:
    """The loss of this text with its numbers, from the logits on."""
    each = step.problem == "multi_label_classification"
    lines = (
        f"logits = [{', '.join(f'{value:.3f}' for value in step.logits[:SHOWN_LABELS])}"
        + (", …]" if len(step.logits) > SHOWN_LABELS else "]"),
        *(_yes_or_no(step, lang) if each else _one_of_all(step, lang)),
    )
    about = caption(translate(lang, "inside.training.each", label=step.labels[step.label])) if each else ""
    return about + f'<p class="bd-formula">{join(f"<code>{esc(line)}</code>" for line in lines)}</p>'


def _one_of_all(step: TrainingStep, lang: str) -> tuple[str, ...]:
    """-log softmax(logits)[label]."""
    logit, total = step.logits[step.label], sum(map(_exp, step.logits))
    chance = f"{step.probabilities[step.label]:.4g}"
    divided = f"{_exp(logit):.4g} / {total:.4g} = " if math.isfinite(total) else ""
    return (
        f"p({step.labels[step.label]}) = exp({logit:.3f}) / Σ exp = {divided}{chance}",
        f"{translate(lang, 'inside.training.loss')} = −log p = −log {chance} = {step.loss:.4f}",
    )


def _yes_or_no(step: TrainingStep, lang: str) -> tuple[str, ...]:
    """The mean over the labels of -log sigmoid(logit) for the right one, and of -log(1 - sigmoid(logit)) for others."""
    order = [step.label, *(i for i in range(len(step.labels)) if i != step.label)][:SHOWN_LABELS]
    outputs = [(step.labels[i], step.logits[i], f"{step.probabilities[i]:.4g}") for i in order]
    terms = " + ".join(f"log {chance}" if i == 0 else f"log(1 − {chance})" for i, (_, _, chance) in enumerate(outputs))
    left = " + …" if len(step.labels) > SHOWN_LABELS else ""
    return (
        *(f"p({label}) = 1 / (1 + exp(−({logit:.3f}))) = {chance}" for label, logit, chance in outputs),
        f"{translate(lang, 'inside.training.loss')} = −({terms}{left}) / {len(step.labels)} = {step.loss:.4f}",
    )


def before_and_after(
    labels: Sequence[str], before: Sequence[float], after: Sequence[float], lang: str, first: int | None = None
) -> str:
    """Draw two bars a label; `first` is always among those shown, marked as the right one."""
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


def _rest(count: int, lang: str, most: int = SHOWN_LABELS) -> str:
    return caption(translate(lang, "common.more", n=thousands(count - most))) if count > most else ""


def _piece(piece: Piece) -> str:
    """Its number where the vocabulary has no piece of that id."""
    return piece.piece or f"[{piece.id}]"


def _small(share: float) -> str:
    """A probability among thousands of pieces: 0.0004 -> `0.04%`, less than that `<0.01%`."""
    return "<0.01%" if share < 0.00005 else percent(share, 2 if share < 0.01 else 1)


def _exp(logit: float) -> float:
    return math.exp(logit) if logit < _OVERFLOW else math.inf
