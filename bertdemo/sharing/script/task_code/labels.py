"""Text classification, sentence pairs, and texts with several labels."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.sharing.script import encoding
from bertdemo.sharing.script.task_code.contract import DataRow, TaskCode


def _one_text(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "label": row.labels[row.target]}


def _two_texts(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "pair": row.pair, "label": row.labels[row.target]}


def _several_labels(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "label": [row.labels[at] for at in row.target]}


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

CLASSIFICATION = TaskCode(
    what="text classification",
    fields=_one_text,
    target='LABELS.index(row["label"])',
    loss=_ONE_LABEL_LOSS,
    scores=_ONE_LABEL_SCORES,
    predict=_ONE_LABEL_PREDICT,
    answers=_ONE_LABEL_ANSWERS,
)
MULTI_LABEL = TaskCode(
    what="multi-label classification",
    fields=_several_labels,
    target='[float(label in row["label"]) for label in LABELS]',
    loss=_SEVERAL_LABELS_LOSS,
    scores=_SEVERAL_LABELS_SCORES,
    predict=_SEVERAL_LABELS_PREDICT,
    answers=_SEVERAL_LABELS_ANSWERS,
    options='num_labels=len(LABELS), problem_type="multi_label_classification",\n    ',
    helpers=_SEVERAL_LABELS_HELPERS,
)
PAIR = TaskCode(
    what="sentence-pair classification",
    fields=_two_texts,
    texts='row["text"], row["pair"]',
    target='LABELS.index(row["label"])',
    encoding=encoding.TOGETHER,
    loss=_ONE_LABEL_LOSS,
    scores=_ONE_LABEL_SCORES,
    predict=_ONE_LABEL_PREDICT,
    answers=_ONE_LABEL_ANSWERS,
)
