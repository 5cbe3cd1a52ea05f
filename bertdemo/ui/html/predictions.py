"""The prediction of a checkpoint, and the checkpoint itself: Prediction and CheckpointInfo in, HTML out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import has, parameters, percent, plural, translate
from bertdemo.tasks.results import Labels, Prediction, View
from bertdemo.ui.html.answers.parts import (
    RankedLabel,
    chance_legend,
    changes,
    filled_in,
    headline,
    key_of_changes,
    ranked,
    scale,
)
from bertdemo.ui.html.answers.views import (
    AnswerView,
    CosineView,
    EntitiesView,
    LabelSetView,
    LabelsView,
    MasksView,
    ScoreView,
    TextView,
)
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import around, bars, caption, check, heading, join, note, pill, root, spans

# Characters of a passage that are shown around an answer: with more, one would have to scroll to see it.
_PASSAGE_CHARS = 1500


@dataclass(frozen=True)
class ModelInput:
    """The text and the second text that were predicted on, for drawings that mark spans in them."""

    text: str = ""
    pair: str = ""


NOTHING = ModelInput()


@dataclass(frozen=True)
class Drawn:
    """What a drawing needs beside the prediction."""

    inputs: ModelInput
    lang: str
    # The probability that a bar of full length stands for: the largest one, before and after alike.
    full: float = 1.0
    # Probability of each label by random guessing; None where that is unknown.
    chance: float | None = None


def render_prediction(
    output: Prediction,
    before: Prediction | None,
    name: str,
    lang: str,
    inputs: ModelInput = NOTHING,
    truth: str | None = None,
    *,
    from_probe: bool = False,
) -> str:
    """Draw a prediction in the view that it names, and that of the head at step 0 (`before`) beside it.

    `name` is that of the checkpoint, `truth` the true answer where it is known. With `from_probe` that head was a
    linear probe; else it was random.
    """
    outputs = [output] if before is None else [output, before]
    drawn = Drawn(inputs, lang, *_bar_scale(outputs))
    after = _DRAWN[output.view](output, drawn)
    if output.view in _BESIDE:
        after += note(translate(lang, _BESIDE[output.view]))
    below = ("" if truth is None else _true_answer(output, truth, lang)) + _chance(outputs, drawn)
    if before is None:
        return root(f"{caption(name)}{after}{below}", "bd-prediction")
    head, about = ("probe", "probe_note") if from_probe else ("untrained", "before_note")
    then = heading(translate(lang, "predict.before"), translate(lang, f"predict.{head}"))
    at_start = f"{then}{_DRAWN[before.view](before, drawn)}{note(translate(lang, f'predict.{about}'))}"
    return root(
        f'<div class="bd-two"><div>{heading(translate(lang, "predict.after"), name)}{after}</div>'
        f"<div>{at_start}</div></div>{below}",
        "bd-prediction",
    )


def _bar_scale(outputs: list[Prediction]) -> tuple[float, float | None]:
    """Return what a full bar stands for, and the probability by random guessing, for labels that exclude each other."""
    listed = [output.labels for output in outputs if isinstance(output, Labels)]
    if len(listed) < len(outputs) or not all(listed):
        return 1.0, None
    return max(labels[0].score for labels in listed), 1 / len(listed[0])


def _chance(outputs: list[Prediction], drawn: Drawn) -> str:
    if drawn.chance is None:
        return ""
    labels = max(len(output.labels) for output in outputs if isinstance(output, Labels))
    words = translate(drawn.lang, "predict.chance", chance=percent(drawn.chance), n=labels)
    return chance_legend(words)


def _true_answer(output: Prediction, truth: str, lang: str) -> str:
    """Draw what is right: with a tick or a cross where one label is right or wrong."""
    key = f"predict.truth.{output.view}"
    if not has(key):
        return ""
    words = translate(lang, key, truth=truth or translate(lang, "predict.truth_nothing"))
    if isinstance(output, Labels):
        return f'<p class="bd-truth">{check(words, output.cell == truth)}</p>'
    return f'<p class="bd-truth">{esc(words)}</p>'


def _labels(output: LabelsView, drawn: Drawn) -> str:
    rows = [RankedLabel(item.label, item.score) for item in output.labels]
    return headline(rows[0].label, percent(rows[0].score)) + ranked(rows, drawn.lang, drawn.full, drawn.chance)


def render_vector(vector: list[float], similarity: float | None, lang: str) -> str:
    """Draw what a checkpoint without a head has: the mean-pooled vector of a text, and the cosine of two texts."""
    # L2 norm: the vectors are shown as they are, not normalized.
    norm = sum(x * x for x in vector) ** 0.5
    head = translate(lang, "predict.vector", n=len(vector), norm=f"{norm:.3f}")
    first = ", ".join(f"{x:.4f}" for x in vector[:8])
    cosine = "" if similarity is None else _cosine_scale(similarity, lang)
    return root(f'{cosine}{caption(head)}<p class="bd-mono">[{esc(first)}, …]</p>', "bd-prediction")


def _cosine_scale(value: float, lang: str) -> str:
    words = translate(lang, "predict.cosine")
    return (
        headline(f"{value:.3f}", words) + scale(value, -1.0, 1.0, words) + note(translate(lang, "predict.cosine_note"))
    )


def render_model(info: CheckpointInfo, lang: str) -> str:
    """Draw the checkpoint as a pill: its source, layers and parameters."""
    figures = [
        _source(info, lang),
        plural(lang, "checkpoint.layers", info.layers),
        parameters(lang, info.parameters),
    ]
    return root(pill(" · ".join(figures), strong=info.name))


def _source(info: CheckpointInfo, lang: str) -> str:
    """Say where a checkpoint comes from; one that ships was not trained by the reader."""
    return translate(lang, f"checkpoint.source.{'shipped' if info.shipped else info.source}")


def describe(info: CheckpointInfo, lang: str) -> str:
    """Draw what a checkpoint is and what it can and cannot do."""
    figures = " · ".join(
        [
            _source(info, lang),
            plural(lang, "checkpoint.layers", info.layers),
            translate(lang, "checkpoint.shape", width=info.width, heads=info.heads),
            translate(lang, "checkpoint.parameters", n=parameters(lang, info.parameters)),
            translate(lang, f"checkpoint.language.{info.language}"),
        ]
    )
    separator = translate(lang, "checkpoint.separator")
    can = separator.join(translate(lang, f"checkpoint.can.{name}") for name in info.can)
    cannot = separator.join(translate(lang, f"checkpoint.cannot.{name}") for name in info.cannot)
    lines = [translate(lang, "checkpoint.it_can", what=can)]
    if cannot:
        lines.append(translate(lang, "checkpoint.it_cannot", what=cannot))
    if info.mean_head:
        lines.append(translate(lang, "checkpoint.mean_head"))
    more = f"<summary>{esc(translate(lang, 'checkpoint.about'))}</summary>{join(map(caption, lines))}"
    return root(f"{caption(figures)}<details>{more}</details>", "bd-about")


def _label_set(output: LabelSetView, drawn: Drawn) -> str:
    """Draw the chosen labels, then the probability of each with its own threshold, the chosen ones ticked."""
    chosen = " · ".join(output.chosen) or translate(drawn.lang, "predict.none_chosen")
    rows = [RankedLabel(item.label, item.score, item.chosen, item.threshold) for item in output.labels]
    # Independent of each other, so a bar of full length is a probability of 1.
    return headline(chosen) + ranked(rows, drawn.lang)


def _score(output: ScoreView, drawn: Drawn) -> str:
    lang = drawn.lang
    words = translate(lang, "predict.scale", low=f"{output.low:g}", high=f"{output.high:g}")
    cosine = caption(translate(lang, "predict.cosine_is", value=f"{output.cosine:.3f}"))
    return headline(f"{output.score:.2f}", words) + scale(output.score, output.low, output.high, words) + cosine


def _cosine(output: CosineView, drawn: Drawn) -> str:
    return _cosine_scale(output.score, drawn.lang)


def _entities(output: EntitiesView, drawn: Drawn) -> str:
    lang = drawn.lang
    marks = [(span.start, span.end, span.label, percent(span.score, 0)) for span in output.entities]
    count = plural(lang, "predict.entities", len(marks)) if marks else translate(lang, "predict.no_entities")
    return spans(drawn.inputs.text, marks) + caption(count)


def _answer(output: AnswerView, drawn: Drawn) -> str:
    passage = drawn.inputs.pair
    if output.no_answer:
        return headline(translate(drawn.lang, "predict.no_answer"), percent(output.score)) + spans(passage, [])
    span = (output.start, output.end)
    marked = spans(*around(passage, [(*span, "", "")], span, _PASSAGE_CHARS))
    return headline(output.answer, percent(output.score)) + marked


def _masks(output: MasksView, drawn: Drawn) -> str:
    """Draw the sentence with the best token for each [MASK], then the candidates for each."""
    parts = [filled_in(drawn.inputs.text, [best[0].token for best in output.masks])]
    for number, best in enumerate(output.masks, 1):
        if len(output.masks) > 1:
            parts.append(heading(translate(drawn.lang, "predict.mask_number", n=number)))
        full = best[0].score or 1.0
        parts.append(bars(((token.token, token.score, percent(token.score)) for token in best), full))
    return join(parts)


def _text(output: TextView, drawn: Drawn) -> str:
    """Draw the text that was read and the one that was written, with what differs marked in both."""
    lang, source = drawn.lang, drawn.inputs.text
    removed, added = changes(source, output.text)
    key = key_of_changes(lang) if removed or added else ""
    read = caption(translate(lang, "predict.source_text")) + spans(source, removed, "del") if source else ""
    written = caption(translate(lang, "predict.written_text")) + spans(output.text, added, "ins")
    score = caption(translate(lang, "predict.written_score", share=percent(output.score, 0)))
    return f"{written}{read}{key}{score}"


def _number(output: Prediction, drawn: Drawn) -> str:
    return headline(output.cell)


# View -> its drawing.
_DRAWN: Mapping[View, Callable[[Any, Drawn], str]] = {
    "labels": _labels,
    "label_set": _label_set,
    "score": _score,
    "cosine": _cosine,
    "entities": _entities,
    "answer": _answer,
    "masks": _masks,
    "text": _text,
    "number": _number,
}

# View -> the note below it; only below the trained head, as an untrained one has no thresholds.
_BESIDE: Mapping[View, str] = {"text": "predict.written_note", "label_set": "predict.thresholds"}
