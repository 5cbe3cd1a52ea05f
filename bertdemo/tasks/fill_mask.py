"""Masked language modeling: go on with BERT's own pretraining on one's own texts, then fill in [MASK].

Of each text 15% of the pieces are chosen; of these 80% become [MASK], 10% another piece, 10% stay (Devlin et al.
2019, 3.1). The loss is the mean of -log p of the right piece at the chosen places, and perplexity is its exponential:
among so many pieces the model hesitates. What is chosen is a function of the seed, the epoch and the row alone, so a
run that is repeated hides the same pieces; held-out rows are hidden in the same way in every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import MaskMissing
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, HeadOptions, HeldOut, Inputs
from bertdemo.tasks.forward import IGNORED, Collator, batches, encoded, forward, pad, piece_costs
from bertdemo.tasks.results import Degree, Judged, Prediction, Score
from bertdemo.tasks.roles import TEXT
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

SHARE = 0.15
_MASKED, _REPLACED = 0.8, 0.1
_HELD_OUT_EPOCH = 2**31 - 1
_TOP = 5


@dataclass(frozen=True)
class Piece:
    """One piece that could stand at a [MASK]."""

    piece: str
    id: int
    score: float


@dataclass(frozen=True)
class Fillings(Prediction):
    """The best pieces for each [MASK] of a text, best first."""

    pieces: tuple[tuple[Piece, ...], ...]
    view = "masks"

    @property
    def words(self) -> str:
        """The best piece for each [MASK]."""
        return " ".join(best[0].piece for best in self.pieces)

    @property
    def confidence(self) -> float | None:
        """Of the least sure [MASK]."""
        return min((best[0].score for best in self.pieces), default=None)

    def to_api(self) -> dict[str, Any]:
        """Return {pieces: [[{piece, id, score}] for each mask]}."""
        return {
            "pieces": [
                [{"piece": one.piece, "id": one.id, "score": round(one.score, 6)} for one in best]
                for best in self.pieces
            ]
        }


@dataclass(frozen=True)
class MaskedLoss(Prediction):
    """What hiding pieces of a held-out text cost: the sum of -log p over `hidden` pieces."""

    nats: float
    hidden: int
    view = "number"

    @property
    def perplexity(self) -> float:
        """Of this text alone."""
        return math.exp(min(50.0, self.nats / self.hidden)) if self.hidden else 1.0

    @property
    def words(self) -> str:
        """Its perplexity."""
        return f"{self.perplexity:.2f}"

    def to_api(self) -> dict[str, Any]:
        """Return {perplexity}."""
        return {"perplexity": self.perplexity}


class _Hiding(Collator):
    """Hides pieces; see the module."""

    def __init__(self, tokenizer: SharedTokenizer, seed: int) -> None:
        super().__init__(tokenizer.pad_id)
        self._seed = seed
        self._mask = tokenizer.mask_id or 0
        self._ordinary = _ordinary(tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        made = []
        for row in rows:
            epoch = _HELD_OUT_EPOCH if row["held_out"] else self.epoch
            ids, labels = hidden(row["input_ids"], self._mask, self._ordinary, (self._seed, epoch, int(row["row"])))
            made.append({
                "input_ids": ids, "attention_mask": row["attention_mask"], "token_type_ids": row["token_type_ids"],
                "labels": labels,
            })  # fmt: skip
        return pad(made, self.pad_id)


def _hiding(
    collate: _Hiding, read: Iterable[tuple[list[int], dict[str, torch.Tensor]]]
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Yield each batch with hidden pieces; what is hidden of a text depends on its index, not on its batch."""
    for indices, batch in read:
        lengths = batch["attention_mask"].sum(1).tolist()
        rows = [
            {name: tensor[at][:length].tolist() for name, tensor in batch.items()} | {"row": index, "held_out": True}
            for at, (index, length) in enumerate(zip(indices, lengths, strict=True))
        ]
        yield indices, collate(rows)


def hidden(
    ids: Sequence[int], mask: int, ordinary: Sequence[int], key: tuple[int, int, int]
) -> tuple[list[int], list[int]]:
    """Return (ids with hidden pieces, labels: the right id where one was chosen, -100 elsewhere).

    `ordinary` are the ids that may be hidden and may replace another one; `key` decides everything that is drawn.
    """
    import numpy as np

    draw = np.random.default_rng(list(key))
    known = set(ordinary)
    places = [at for at, piece in enumerate(ids) if piece in known]
    if not places:
        return list(ids), [IGNORED] * len(ids)
    count = max(1, round(SHARE * len(places)))
    read, labels = list(ids), [IGNORED] * len(ids)
    for at in draw.permutation(places)[:count]:
        labels[at] = ids[at]
        chance = draw.random()
        if chance < _MASKED:
            read[at] = mask
        elif chance < _MASKED + _REPLACED:
            read[at] = int(ordinary[int(draw.integers(len(ordinary)))])
    return read, labels


class FillMask(TaskWithoutLabels):
    """`text` is read with some of its pieces hidden; the pieces are said."""

    id = "fill_mask"
    roles = (TEXT,)
    metrics = ("perplexity",)
    lower_is_better = True
    judges = False
    has_baseline = False

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int | None]:
        """Every text is its own target: 0, or None where it is missing."""
        return [0 if text and not text.isspace() else None for text in table.columns[columns["text"]]]

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize `rows`; what is hidden is drawn batch by batch."""
        flags = [not options.train] * len(rows)
        return encoded(self.inputs(table, columns, rows), rows, tokenizer, options, held_out=flags)

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Return what hides pieces."""
        return _Hiding(tokenizer, seed)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForMaskedLM; its head is new where the checkpoint has none, the pieces' vectors are its own."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(folder, head="new_fill_mask", seed=options.seed)

    def is_head(self, parameter: str) -> bool:
        """The transform between the encoder and the vectors of the pieces."""
        return parameter.startswith("cls.")

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the mean of -log p at the hidden pieces; 0 where nothing could be hidden: that has no mean."""
        import torch

        labels = inputs["labels"].flatten()
        outputs = model(**{name: tensor for name, tensor in inputs.items() if name != "labels"})
        logits = outputs["logits"].float().flatten(0, 1)
        nats = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
        return nats / (labels != IGNORED).sum().clamp(min=1), outputs

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return (batch, 2): the sum of -log p at the hidden pieces, and how many there are."""
        return piece_costs(logits, labels)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return the perplexity over all hidden pieces."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, nats=logits[:, 0], tokens=logits[:, 1])

    def intervals(self, said: Sequence[MaskedLoss], targets: Sequence[int], labels: Sequence[str]) -> dict[str, Score]:
        """Return the perplexity with a bootstrap interval over texts."""
        from bertdemo import metrics

        nats, tokens = [one.nats for one in said], [float(one.hidden) for one in said]
        return {"perplexity": Score(*metrics.estimate(self.metrics, nats=nats, tokens=tokens)["perplexity"])}

    def judge(self, said: MaskedLoss, target: int, labels: Sequence[str]) -> Judged:
        """No row is right or wrong; its perplexity is told."""
        return Judged("", said.words, Degree("confidence", 0.0), True)

    def decode(self, logits: Any, dataset: Dataset, held_out: HeldOut) -> dict[int, MaskedLoss]:
        """Return what each row's hidden pieces cost."""
        pairs = zip(dataset["row"], logits.tolist(), strict=True)
        return {row: MaskedLoss(nats, int(count)) for row, (nats, count) in pairs}

    def answer(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[MaskedLoss]:
        """Hide pieces of each text, numbered in their order, and return what they cost."""

        def cost(batch: dict[str, Any], _: list[int]) -> list[MaskedLoss]:
            labels = batch.pop("labels")
            costs = piece_costs(model(**batch).logits.float(), labels).cpu().tolist()
            return [MaskedLoss(nats, int(count)) for nats, count in costs]

        read = batches(tokenizer, inputs.texts, None, truncation)
        hiding = _hiding(_Hiding(tokenizer, 0), read)
        return forward(cost, hiding, len(inputs.texts), device=model.device, progress=progress)

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Fillings]:
        """Return the five best pieces for each [MASK] of a text; MaskMissing where no text has one.

        A text that is too long is read around each [MASK], so that none is cut off. Among several texts one without
        a [MASK] has no pieces.
        """
        import torch

        names = {index: piece for piece, index in tokenizer.vocabulary.items()}
        found = []
        for text in inputs.texts:
            read = _around_masks(
                tokenizer.encode(text, specials_in_text=True).ids, tokenizer.mask_id, truncation.max_length
            )
            pieces: list[tuple[Piece, ...]] = []
            for part, places in read:
                ids = torch.tensor([part], device=model.device)
                with torch.inference_mode():
                    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, places].float()
                best = logits.softmax(-1).topk(_TOP)
                pieces += [
                    tuple(Piece(names[i], i, p) for p, i in zip(scores, ids_, strict=True))
                    for scores, ids_ in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                ]
            found.append(Fillings(tuple(pieces)))
            progress(len(found) / len(inputs.texts))
        if found and not any(one.pieces for one in found):
            raise MaskMissing
        return found


def _ordinary(tokenizer: SharedTokenizer) -> list[int]:
    """Return the ids of all pieces that are not special or unused."""
    return sorted(
        index for piece, index in tokenizer.vocabulary.items() if not (piece.startswith("[") and piece.endswith("]"))
    )


def _around_masks(ids: Sequence[int], mask: int | None, max_length: int) -> list[tuple[list[int], list[int]]]:
    """Return (ids that the model reads, places of [MASK] in them): all ids, or parts of them that hold every [MASK]."""
    masks = [at for at, piece in enumerate(ids) if piece == mask]
    if len(ids) <= max_length:
        return [(list(ids), masks)] if masks else []
    body, room = ids[1:-1], max(1, max_length - 2)
    found: list[tuple[list[int], list[int]]] = []
    begin = -room
    for at in masks:
        if at - 1 >= begin + room:  # beyond the part before
            begin = min(max(0, at - 1 - room // 2), len(body) - room)
            found.append(([ids[0], *body[begin : begin + room], ids[-1]], []))
        found[-1][1].append(at - begin)
    return found
