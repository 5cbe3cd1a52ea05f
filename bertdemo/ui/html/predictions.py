"""The prediction of a checkpoint, and the checkpoint itself: Prediction and CheckpointInfo in, HTML out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import parameters, percent, plural, translate
from bertdemo.tasks.results import Labels, Prediction, View
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.prediction_views import (
    AnswerView,
    CosineView,
    EntitiesView,
    LabelSetView,
    LabelsView,
    MasksView,
    ScoreView,
    TextView,
)
from bertdemo.ui.html.primitives import around, bars, big, caption, heading, join, note, pill, root, spans

# Labels that are drawn for a single-label and for a multi-label prediction, most probable first.
_LABELS = 5
_LABEL_SET = 12
# Characters of a passage that are shown around an answer: with more, one would have to scroll to see it.
_PASSAGE_CHARS = 1500


@dataclass(frozen=True)
class ModelInput:
    """The text and the second text that were predicted on, for drawings that mark spans in them."""

    text: str = ""
    pair: str = ""


NOTHING = ModelInput()


def render_prediction(
    output: Prediction, before: Prediction | None, name: str, lang: str, inputs: ModelInput = NOTHING
) -> str:
    """Draw a prediction in the view that it names, and that of the untrained head (`before`) beside it.

    `name` is that of the checkpoint.
    """
    after = _DRAWN[output.view](output, inputs, lang)
    if output.view in _BESIDE:
        after += note(translate(lang, _BESIDE[output.view]))
    if before is None:
        return root(f"{caption(name)}{after}", "bd-prediction")
    then = heading(translate(lang, "predict.before"), translate(lang, "predict.untrained"))
    return root(
        f'<div class="bd-two"><div>{heading(translate(lang, "predict.after"), name)}{after}</div>'
        f"<div>{then}{_DRAWN[before.view](before, inputs, lang)}{note(_before_note(before, lang))}</div></div>",
        "bd-prediction",
    )


def _labels(output: LabelsView, inputs: ModelInput, lang: str) -> str:
    return big(output.labels[0].label) + _label_bars(output)


def _before_note(before: Prediction, lang: str) -> str:
    """Return how good an untrained head is: chance, as a share where the number of labels is known."""
    if not isinstance(before, Labels):
        return translate(lang, "predict.before_note_other")
    return translate(lang, "predict.before_note", chance=percent(1 / len(before.labels)), n=len(before.labels))


def render_vector(vector: list[float], pooling: str, similarity: float | None, lang: str) -> str:
    """Draw what a checkpoint without a head has: the vector of a text, and the cosine similarity of two texts."""
    # L2 norm: the vectors are shown as they are, not normalized.
    norm = sum(x * x for x in vector) ** 0.5
    head = translate(lang, "predict.vector", n=len(vector), pooling=pooling, norm=f"{norm:.3f}")
    first = ", ".join(f"{x:.4f}" for x in vector[:8])
    parts = [caption(head), f'<p class="bd-mono">[{esc(first)}, …]</p>']
    if similarity is not None:
        parts = [
            big(f"{similarity:.3f}", translate(lang, "predict.cosine")),
            note(translate(lang, "predict.cosine_note")),
            *parts,
        ]
    return root(join(parts), "bd-prediction")


def render_model(info: CheckpointInfo, lang: str) -> str:
    """Draw the checkpoint as a pill: its source, layers and parameters."""
    figures = [
        translate(lang, f"checkpoint.source.{info.source}"),
        plural(lang, "checkpoint.layers", info.layers),
        parameters(lang, info.parameters),
    ]
    return root(pill(" · ".join(figures), strong=info.name))


def describe(info: CheckpointInfo, lang: str) -> str:
    """Draw what a checkpoint is and what it can and cannot do."""
    figures = " · ".join(
        [
            translate(lang, f"checkpoint.source.{info.source}"),
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


def _label_bars(output: LabelsView) -> str:
    return bars((item.label, item.score, percent(item.score)) for item in output.labels[:_LABELS])


def _label_set(output: LabelSetView, inputs: ModelInput, lang: str) -> str:
    """Draw the chosen labels, then the most probable ones with their probabilities, the chosen ones ticked."""
    chosen = " · ".join(output.chosen) or translate(lang, "predict.none_chosen")
    rows = (
        (f"{item.label} ✓" if item.chosen else item.label, item.score, percent(item.score)) for item in output.labels
    )
    return big(chosen) + bars(list(rows)[:_LABEL_SET])


def _score(output: ScoreView, inputs: ModelInput, lang: str) -> str:
    scale = translate(lang, "predict.scale", low=f"{output.low:g}", high=f"{output.high:g}")
    return big(f"{output.score:.2f}", scale) + caption(
        translate(lang, "predict.cosine_is", value=f"{output.cosine:.3f}")
    )


def _cosine(output: CosineView, inputs: ModelInput, lang: str) -> str:
    return big(f"{output.score:.3f}", translate(lang, "predict.cosine")) + note(translate(lang, "predict.cosine_note"))


def _entities(output: EntitiesView, inputs: ModelInput, lang: str) -> str:
    marks = [(span.start, span.end, span.label, percent(span.score, 0)) for span in output.entities]
    count = plural(lang, "predict.entities", len(marks)) if marks else translate(lang, "predict.no_entities")
    return spans(inputs.text, marks) + caption(count)


def _answer(output: AnswerView, inputs: ModelInput, lang: str) -> str:
    if output.no_answer:
        return big(translate(lang, "predict.no_answer"), percent(output.score)) + spans(inputs.pair, [])
    span = (output.start, output.end)
    passage = spans(*around(inputs.pair, [(*span, "", "")], span, _PASSAGE_CHARS))
    return big(output.answer, percent(output.score)) + passage


def _masks(output: MasksView, inputs: ModelInput, lang: str) -> str:
    parts = []
    for number, best in enumerate(output.masks, 1):
        if len(output.masks) > 1:
            parts.append(heading(translate(lang, "predict.mask_number", n=number)))
        parts.append(bars((token.token, token.score, percent(token.score)) for token in best))
    return join(parts)


def _text(output: TextView, inputs: ModelInput, lang: str) -> str:
    return spans(output.text, []) + caption(translate(lang, "predict.written_score", share=percent(output.score, 0)))


def _number(output: Prediction, inputs: ModelInput, lang: str) -> str:
    return big(output.cell)


# View -> its drawing.
_DRAWN: Mapping[View, Callable[[Any, ModelInput, str], str]] = {
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
