"""Whether a trained checkpoint gives the same labels on the GPU as on the CPU, and in bfloat16 as in float32.

Rounding can turn a label only where the two most probable labels are nearly as probable: a row counts as a tie where
the CPU's two best probabilities are nearer than the tolerance. Any other row with another label is a fault.
"""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.bench import Bench
from bertdemo.checkpoints import Catalogue
from bertdemo.serving.predictor import Predictor
from bertdemo.tables import table_files
from bertdemo.tasks.base import Inputs

# float32 products of a GPU add in another order than those of a CPU; bfloat16 keeps 8 bits of a number.
_TOLERANCE_FLOAT32, _TOLERANCE_BFLOAT16 = 1e-3, 0.05

Probabilities = list[dict[str, float]]


def same_labels(bench: Bench) -> None:
    """Predict every row of the sample with the checkpoint that the worker trained."""
    checkpoint = bench.noted("trained")
    if checkpoint is None:
        return bench.skip("labels of the trained checkpoint", "no run of the worker has finished")
    inputs = _inputs(bench, checkpoint)
    reference = _predicted(bench, checkpoint, inputs, "cpu")
    if bench.on_gpu:
        there = _predicted(bench, checkpoint, inputs, bench.device.id)
        _compare(bench, "GPU against CPU, float32", reference, there, _TOLERANCE_FLOAT32)
    else:
        bench.skip("labels of the trained checkpoint: GPU against CPU", "needs a GPU")
    half = _in_bfloat16(bench, checkpoint, inputs)
    where = "GPU" if bench.on_gpu else "CPU"
    return _compare(bench, f"{where} in bfloat16 against CPU in float32", reference, half, _TOLERANCE_BFLOAT16)


def _inputs(bench: Bench, checkpoint: str) -> Inputs:
    """Return the texts of the sample that the checkpoint was trained on."""
    card = bench.catalogue.card(checkpoint, "")
    if card is None:
        raise LookupError(f"{checkpoint} has no card")
    path, name = bench.sample()
    table = table_files.reopen(path, name, bench.settings.limits)
    return Inputs(list(table.columns[card.columns["text"]]))


def _predicted(bench: Bench, checkpoint: str, inputs: Inputs, device: str) -> Probabilities:
    """Return the probability of each label, by the code that serves predictions."""
    predictor = Predictor(bench.settings, Catalogue(bench.settings), device=lambda: device)
    predictions = predictor.predict_many(inputs, checkpoint, "")
    return [_labels(prediction.to_api()) for prediction in predictions]


def _labels(answer: Any) -> dict[str, float]:
    return {entry["label"]: float(entry["score"]) for entry in answer["labels"]}


def _in_bfloat16(bench: Bench, checkpoint: str, inputs: Inputs) -> Probabilities:
    """Return the same with the weights in bfloat16."""
    import torch
    from transformers import BertForSequenceClassification

    from bertdemo.run_config import Truncation
    from bertdemo.tasks.forward import Inference

    card = bench.catalogue.card(checkpoint, "")
    folder = bench.catalogue.folder(checkpoint, "")
    model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.bfloat16).to(bench.device.id).eval()
    length = card.max_length if card else 128
    inference = Inference(model, bench.catalogue.tokenizer(checkpoint, ""), Truncation(length))
    names = inference.labels
    rows = inference.forward(lambda batch, _: model(**batch).logits.float().softmax(-1).tolist(), inputs.texts)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _compare(bench: Bench, what: str, reference: Probabilities, other: Probabilities, tolerance: float) -> None:
    """Report how many labels agree, and how many rows are within the tolerance of a tie."""
    same = sum(_best(before) == _best(after) for before, after in zip(reference, other, strict=True))
    wrong = sum(
        _best(before) != _best(after) and _margin(before) > tolerance
        for before, after in zip(reference, other, strict=True)
    )
    ties = sum(_margin(row) <= tolerance for row in reference)
    apart = max(
        abs(before[name] - after[name]) for before, after in zip(reference, other, strict=True) for name in before
    )
    figure = f"{same} of {len(reference)} the same; {ties} within {tolerance:g} of a tie; at most {apart:.2g} apart"
    wanted = "the same, ties aside"
    bench.add(f"labels of the trained checkpoint: {what}", figure, wanted, wrong == 0, apart=apart, wrong=wrong)


def _best(row: dict[str, float]) -> str:
    return max(row, key=row.__getitem__)


def _margin(row: dict[str, float]) -> float:
    """Return how far the most probable label is ahead of the second."""
    first, second = sorted(row.values(), reverse=True)[:2]
    return first - second


def apart(one: Any, other: Any) -> float:
    """Return the largest difference between numbers at the same place of two answers; 1 where they differ in kind."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other)
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return max((apart(one[key], other[key]) for key in one), default=0.0)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((apart(*pair) for pair in zip(one, other, strict=True)), default=0.0)
    return 0.0 if one == other else 1.0
