"""What differs by task in a script: the fields of a row, how it is encoded, the loss, the metric and the predictions.

The values are code of the script, so each is read as it is: names in capitals are its constants, `row` is one line of a
data file. `loss` and `scores` are bodies of functions, `predict` is the end of the script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

# Fields of a row from its text, its second text, its target and the labels.
Fields = Callable[[str, str, Any, Sequence[str]], Mapping[str, object]]


@dataclass(frozen=True)
class TaskCode:
    """See the module."""

    what: str
    """The task in words."""
    fields: Fields
    texts: str
    """What the tokenizer reads of a row."""
    target: str
    """The label of a row as numbers."""
    loss: str
    scores: str
    """The metrics of an evaluation: `prediction` has `predictions` and `label_ids`."""
    predict: str
    """The loop over the held-out rows, up to what the model says of a batch `rows`."""
    answers: str
    """The rest of the loop, and the metric of the predictions."""
    head: tuple[str, ...] = ("classifier.", ".pooler.")
    """Parts of the names of the weights of the head."""
    has_labels: bool = True
    outputs: str = '{"logits": logits}'
    """What the metrics are computed of, beside the loss."""
    options: str = ""
    """Further arguments with which the model is opened, each with a comma behind it; a line may end there."""
    helpers: str = ""
    """Functions that `scores` and `predict` use."""
    reduce: str = ""
    """A further argument of Trainer: what is kept of the logits of a batch, where all would fill the memory."""


def _one_text(text: str, _pair: str, target: int, labels: Sequence[str]) -> Mapping[str, object]:
    return {"text": text, "label": labels[target]}


def _two_texts(text: str, pair: str, target: int, labels: Sequence[str]) -> Mapping[str, object]:
    return {"text": text, "pair": pair, "label": labels[target]}


def _several_labels(text: str, _pair: str, target: Sequence[int], labels: Sequence[str]) -> Mapping[str, object]:
    return {"text": text, "label": [labels[at] for at in target]}


_ONE_LABEL_LOSS = """\
logits = model(**inputs).logits.float()
loss = cross_entropy(logits, labels{options})
"""
_ONE_LABEL_SCORES = """\
return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}
"""
_ONE_LABEL_PREDICT = """\
predictions = []
for at in range(0, len(held_out), 32):
    rows = held_out[at : at + 32]
    inputs = {name: tensor.to(args.device) for name, tensor in collate(rows).items() if name != "labels"}
    with torch.inference_mode():
        probabilities = model(**inputs).logits.float().softmax(-1).tolist()
"""
_ONE_LABEL_ANSWERS = """\
    for row, scores in zip(rows, probabilities):
        best = LABELS[max(range(len(LABELS)), key=scores.__getitem__)]
        predictions.append({"row": row["row"], "label": row["label"], "predicted": best, "confidence": max(scores)})
print(f"accuracy: {np.mean([row['label'] == row['predicted'] for row in predictions]):.4f}")
"""

_SEVERAL_LABELS_LOSS = """\
outputs = model(**inputs, labels=labels)
loss, logits = outputs.loss, outputs.logits
"""
_SEVERAL_LABELS_HELPERS = '''
def f1(chosen, targets):
    """Return the F1 of each label."""
    return 2 * (chosen & (targets > 0)).sum(0) / np.maximum(1, chosen.sum(0) + targets.sum(0))

def tuned(probabilities, targets):
    """Return the threshold of each label with the best F1; labels with fewer than ten rows share one."""
    grid = np.linspace(0.01, 0.99, 99)
    scores = np.array([f1(probabilities >= step, targets) for step in grid])
    return np.where(targets.sum(0) >= 10, grid[scores.argmax(0)], grid[int(scores.mean(1).argmax())])

'''
_SEVERAL_LABELS_SCORES = """\
probabilities = torch.tensor(prediction.predictions).float().sigmoid().double().numpy()
targets = prediction.label_ids.astype(int)
return {"macro_f1": float(f1(probabilities >= tuned(probabilities, targets), targets).mean())}
"""
_SEVERAL_LABELS_PREDICT = '''
def probabilities_of(rows):
    """Return the probability of each label for each row, read 32 rows at a time."""
    parts = []
    for at in range(0, len(rows), 32):
        batch = collate(rows[at : at + 32])
        with torch.inference_mode():
            logits = model(**{name: batch[name].to(args.device) for name in INPUTS}).logits.float()
        parts.append(logits.sigmoid().cpu().numpy())
    return np.concatenate(parts).astype(float)

targets = np.array([row["labels"] for row in validation], dtype=int)
limits = tuned(probabilities_of(validation), targets).round(4)
predictions = []
for row, scores in zip(held_out, probabilities_of(held_out)):
'''
_SEVERAL_LABELS_ANSWERS = """\
    chosen = [LABELS[at] for at in np.argsort(-scores, kind="stable") if scores[at] >= limits[at]]
    confidence = float(np.where(scores >= limits, scores, 1 - scores).min())
    label, predicted = (", ".join(names) or "–" for names in (row["label"], chosen))
    predictions.append({"row": row["row"], "label": label, "predicted": predicted, "confidence": confidence})
"""

CODE: Mapping[str, TaskCode] = MappingProxyType(
    {
        "classification": TaskCode(
            what="text classification",
            fields=_one_text,
            texts='row["text"]',
            target='LABELS.index(row["label"])',
            loss=_ONE_LABEL_LOSS,
            scores=_ONE_LABEL_SCORES,
            predict=_ONE_LABEL_PREDICT,
            answers=_ONE_LABEL_ANSWERS,
        ),
        "multi_label": TaskCode(
            what="multi-label classification",
            fields=_several_labels,
            texts='row["text"]',
            target='[float(label in row["label"]) for label in LABELS]',
            loss=_SEVERAL_LABELS_LOSS,
            scores=_SEVERAL_LABELS_SCORES,
            predict=_SEVERAL_LABELS_PREDICT,
            answers=_SEVERAL_LABELS_ANSWERS,
            options='problem_type="multi_label_classification",\n    ',
            helpers=_SEVERAL_LABELS_HELPERS,
        ),
        "pair": TaskCode(
            what="sentence-pair classification",
            fields=_two_texts,
            texts='row["text"], row["pair"]',
            target='LABELS.index(row["label"])',
            loss=_ONE_LABEL_LOSS,
            scores=_ONE_LABEL_SCORES,
            predict=_ONE_LABEL_PREDICT,
            answers=_ONE_LABEL_ANSWERS,
        ),
    }
)
