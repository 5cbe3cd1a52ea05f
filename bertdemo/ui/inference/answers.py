"""The answer to what stands in the boxes of Inference: a prediction, a vector, or what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo import tasks
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import size, thousands, translate
from bertdemo.services import Services
from bertdemo.tasks.base import Task
from bertdemo.ui.html.predictions import ModelInput, render_prediction, render_vector
from bertdemo.ui.html.primitives import banner, empty_state, join, note, root
from bertdemo.ui.inference.examples import Offered
from bertdemo.ui.inference.labels import box_label

# How the text vector of a checkpoint without a head is pooled: what `predict.vector` says.
_POOLING = "mean"
# Bytes of a parameter: checkpoints on the Hub are stored in float32.
_PARAMETER_BYTES = 4


@dataclass(frozen=True)
class Question:
    """What stands in the boxes; `owner` is the owner that the visitor acts for."""

    text: str
    pair: str
    checkpoint: str
    owner: str


def download_size(info: CheckpointInfo) -> str:
    """Return about how large the files of a checkpoint on the Hub are."""
    return size(_PARAMETER_BYTES * info.parameters)


def render_answer(services: Services, question: Question, offered: Offered, lang: str) -> str:
    """Return the drawing of the answer; raises what `Predictor` raises.

    Nothing is downloaded: a checkpoint that is not on this machine is answered with what would be downloaded.
    """
    info = services.catalogue.describe(question.checkpoint, question.owner)
    if not info.ready:
        words = translate(lang, "predict.not_here", name=info.name, size=download_size(info))
        return root(empty_state(words))
    task = tasks.for_checkpoint(info)
    if not question.text.strip():
        return root(empty_state(translate(lang, "predict.empty")))
    if task is None:  # any encoder can embed, so a checkpoint without a trained head answers with a vector
        return _vector(services, info, question, lang)
    if task.reads_pairs and not question.pair.strip():
        return root(empty_state(translate(lang, "predict.pair_needed", box=box_label(task, "pair", lang))))
    return _prediction(services, info, task, question, offered, lang)


def _prediction(
    services: Services, info: CheckpointInfo, task: Task, question: Question, offered: Offered, lang: str
) -> str:
    # The second box is hidden for a task that reads one text, but keeps what was typed for another.
    pair = question.pair if task.reads_pairs else ""
    answer = services.predictor.predict(question.text, pair, info.id, question.owner)
    truth = offered.truth(question.text, pair)
    drawing = render_prediction(
        answer.output, answer.before, info.name, lang, ModelInput(question.text, pair), truth,
        from_probe=answer.from_probe,
    )  # fmt: skip
    return drawing + (_cut(answer.max_length, lang) if answer.truncated else "")


def _vector(services: Services, info: CheckpointInfo, question: Question, lang: str) -> str:
    """Draw the vector of a text, and the similarity of two, for a checkpoint without a head."""
    predictor, text, pair, owner = services.predictor, question.text, question.pair, question.owner
    similarity = predictor.similarity(text, pair, info.id, owner) if pair.strip() else None
    vector = predictor.embed([text], info.id, _POOLING, owner)[0]
    parts = [render_vector(vector, similarity, lang), root(note(translate(lang, "predict.no_head")))]
    cut = predictor.count_truncated([text, pair], info.id, owner)
    return join([*parts, _cut(info.positions, lang) if cut else ""])


def _cut(max_length: int, lang: str) -> str:
    return root(banner(translate(lang, "predict.cut", n=thousands(max_length))))
