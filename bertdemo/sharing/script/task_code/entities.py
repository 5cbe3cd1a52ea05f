"""Named-entity recognition: a tag per word, learned and predicted at its first token (`tasks.token_classification`)."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.checkpoints.tokenizers import well_formed
from bertdemo.sharing.script import blocks, encoding
from bertdemo.sharing.script.task_code.contract import DataRow, TaskCode


def _tagged_words(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "words": row.target.words, "tags": [well_formed(tag) for tag in row.target.tags]}


_READING = '''
def first_tokens(row):
    """Return word -> position of its first token; a word that was truncated away has none."""
    starts = {start: at for at, (start, end) in reversed([*enumerate(row["offset_mapping"])]) if start < end}
    firsts = (next((starts[at] for at in range(*word) if at in starts), None) for word in row["words"])
    return {word: at for word, at in enumerate(firsts) if at is not None}

def token_labels(row):
    """Return the label of each token: that of its word at the first one, else -100, which is no label."""
    tags = {at: row["tags"][word] for word, at in first_tokens(row).items()}
    return [LABELS.index(tags[at]) if at in tags else -100 for at in range(len(row["input_ids"]))]

'''
_LOSS = """\
outputs = model(**inputs, labels=labels)
loss, logits = outputs.loss, outputs.logits
"""
_HELPERS = '''
def entities(tags):
    """Return (type, first word, word after the last) of each entity; an I- that continues none begins one."""
    found = []
    for at, (prefix, _, kind) in enumerate(tag.partition("-") for tag in tags):
        if prefix == "I" and found and found[-1][::2] == (kind, at):
            found[-1] = (kind, found[-1][1], at + 1)
        elif prefix != "O":
            found.append((kind, at, at + 1))
    return found

'''
_SCORES = """\
right = total = 0
for predicted, labels in zip(prediction.predictions.argmax(-1), prediction.label_ids):
    a, b = (set(entities([LABELS[at] for at in ids[labels != -100]])) for ids in (predicted, labels))
    right, total = right + len(a & b), total + len(a) + len(b)
return {"entity_f1": 2 * right / max(1, total)}
"""
_PREDICT = """\
predictions = []
for at in range(0, len(held_out), 32):
    rows = held_out[at : at + 32]
    inputs = {name: tensor.to(args.device) for name, tensor in collate(rows).items() if name != "labels"}
    with torch.inference_mode():
        best = model(**inputs).logits.float().softmax(-1).cpu().max(-1)
"""
_ANSWERS = """\
    for row, shares, ids in zip(rows, best.values.tolist(), best.indices.tolist()):
        tokens, words = first_tokens(row), row["words"]
        tags = [LABELS[ids[tokens[word]]] if word in tokens else "O" for word in range(len(words))]
        label, predicted = (
            "; ".join(f"{row['text'][words[a][0] : words[b - 1][1]]} ({kind})" for kind, a, b in found) or "–"
            for found in (entities(row["tags"]), entities(tags))
        )
        least = min((shares[tokens[word]] for _, a, b in entities(tags) for word in range(a, b)), default=0.0)
        predictions.append({"row": row["row"], "label": label, "predicted": predicted, "confidence": least})
"""

TOKEN_CLASSIFICATION = TaskCode(
    what="named-entity recognition",
    fields=_tagged_words,
    target="token_labels(row)",
    encoding=encoding.WITH_OFFSETS,
    reading=_READING,
    collate=blocks.COLLATE_SEQUENCES.replace("{before}", ""),
    loss=_LOSS,
    scores=_SCORES,
    predict=_PREDICT,
    answers=_ANSWERS,
    helpers=_HELPERS,
)
