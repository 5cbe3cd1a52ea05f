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
    reduce: str = ""
    """A further argument of Trainer: what is kept of the logits of a batch, where all would fill the memory."""


def _one_text(text: str, _pair: str, target: int, labels: Sequence[str]) -> Mapping[str, object]:
    return {"text": text, "label": labels[target]}


def _two_texts(text: str, pair: str, target: int, labels: Sequence[str]) -> Mapping[str, object]:
    return {"text": text, "pair": pair, "label": labels[target]}


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
