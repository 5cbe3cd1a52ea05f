"""Semantic textual similarity and semantic search: the cosine of the vectors of two texts."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.checkpoints.tokenizers import well_formed
from bertdemo.sharing.script import encoding
from bertdemo.sharing.script.task_code.contract import DataRow, TaskCode


def _scored_pair(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "pair": row.pair, "label": row.target}


def _query(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "pair": row.pair, "label": well_formed(row.target)}


_LENGTH = 'len(row["input_ids"]) + len(row["pair_input_ids"])'
_COLLATE = '''
def collate(rows):
    """Return the tensors of a batch, each text padded to the longest of the batch."""
    batch = {"labels": torch.tensor([row["labels"] for row in rows])}
    for prefix in ("", "pair_"):
        inputs = tokenizer.pad([{name: row[prefix + name] for name in INPUTS} for row in rows], return_tensors="pt")
        batch.update({prefix + name: tensor for name, tensor in inputs.items()})
    return batch

'''
_VECTORS = '''
def unit(model, inputs, prefix):
    """Return the mean vector of the last layer of each text, with an L2 norm of 1."""
    hidden = model(**{name: inputs[prefix + name] for name in INPUTS}).last_hidden_state.float()
    mask = inputs[prefix + "attention_mask"].unsqueeze(-1).float()
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)

def vectors(rows, prefix):
    """Return the vectors of one text of each row, read 32 texts of similar length at a time."""
    found = np.empty((len(rows), model.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(rows)), key=lambda at: (at // 4096, len(rows[at][prefix + "input_ids"])))
    for batch in (order[at : at + 32] for at in range(0, len(order), 32)):
        inputs = {name: tensor.to(args.device) for name, tensor in collate([rows[at] for at in batch]).items()}
        with torch.inference_mode():
            found[batch] = unit(model, inputs, prefix).cpu().numpy()
    return found

'''
_SIMILARITY_LOSS = """\
cosines = (unit(model, inputs, "") * unit(model, inputs, "pair_")).sum(-1)
loss, logits = ((cosines - (labels.float() - low) / (high - low)) ** 2).mean(), cosines.unsqueeze(-1)
"""
_SIMILARITY_HELPERS = (
    """
low, high = getattr(model.config, "score_range", None) or map(float, LABELS)  # the ends of the scale
high = high if high > low else low + 1.0

"""
    + _VECTORS
)
# A constant array has no correlation, which counts as 0.
_SIMILARITY_SCORES = """\
cosines = prediction.predictions.reshape(-1).astype(float)
spearman = np.corrcoef(rankdata(cosines), rankdata(prediction.label_ids.astype(float)))[0, 1]
return {"spearman": float(np.nan_to_num(spearman))}
"""
_SIMILARITY_PREDICT = """\
predictions = []
for row, cosine in zip(held_out, (vectors(held_out, "") * vectors(held_out, "pair_")).sum(-1).tolist()):
"""
_SIMILARITY_ANSWERS = """\
    score = low + min(1.0, max(0.0, cosine)) * (high - low)
    error = min(1.0, abs(score - row["label"]) / (high - low))
    predictions.append({"row": row["row"], "label": f"{row['label']:g}", "predicted": f"{score:.2f}", "error": error})
"""

_SEARCH_READING = """
numbers = {}  # (file, document) -> its number
"""
_SEARCH_LOSS = """\
queries, documents = unit(model, inputs, ""), unit(model, inputs, "pair_")
own = torch.arange(len(labels), device=labels.device)
same = (labels[None] == labels[:, None]) & (own[None] != own[:, None])  # no wrong answers: the same document
logits = torch.stack([queries, documents], 1)
loss = cross_entropy((queries @ documents.T * 20.0).masked_fill(same, float("-inf")), own)
"""
_SEARCH_HELPERS = (
    _VECTORS
    + '''
def ranks(queries, documents, ids):
    """Return the rank of the document of each query among all documents, each counted once."""
    (distinct, rows), found = np.unique(ids, return_index=True), []
    for at in range(0, len(queries), 512):
        cosines = queries[at : at + 512] @ documents[rows].T
        own = cosines[np.arange(len(cosines)), np.searchsorted(distinct, ids[at : at + 512])]
        found += (cosines >= own[:, None]).sum(1).tolist()
    return found

'''
)
_SEARCH_SCORES = """\
queries, documents = prediction.predictions[:, 0], prediction.predictions[:, 1]
return {"mrr": float((1 / np.array(ranks(queries, documents, prediction.label_ids))).mean())}
"""
_SEARCH_PREDICT = """\
queries, documents = vectors(held_out, ""), vectors(held_out, "pair_")
own_ranks = ranks(queries, documents, [row["labels"] for row in held_out])
predictions = []
for row, rank, first in zip(held_out, own_ranks, (queries @ documents.T).argmax(1)):
"""
_SEARCH_ANSWERS = """\
    predicted = held_out[first]["pair"] if rank > 1 else row["label"]
    predictions.append({"row": row["row"], "label": row["label"], "predicted": predicted, "rank": rank})
"""

SIMILARITY = TaskCode(
    what="semantic textual similarity",
    fields=_scored_pair,
    target='row["label"]',
    encoding=encoding.APART,
    length=_LENGTH,
    collate=_COLLATE,
    loss=_SIMILARITY_LOSS,
    scores=_SIMILARITY_SCORES,
    predict=_SIMILARITY_PREDICT,
    answers=_SIMILARITY_ANSWERS,
    head=(),
    options="add_pooling_layer=False, ",
    helpers=_SIMILARITY_HELPERS,
    names_labels=True,
    sorts=False,
)
SEARCH = TaskCode(
    what="semantic search",
    fields=_query,
    target='numbers.setdefault((path, row["label"]), len(numbers))',
    encoding=encoding.APART,
    length=_LENGTH,
    reading=_SEARCH_READING,
    collate=_COLLATE,
    loss=_SEARCH_LOSS,
    scores=_SEARCH_SCORES,
    predict=_SEARCH_PREDICT,
    answers=_SEARCH_ANSWERS,
    head=(),
    has_labels=False,
    options="add_pooling_layer=False, ",
    helpers=_SEARCH_HELPERS,
    names_labels=True,
    sorts=False,
)
