"""Masked language modeling: continue BERT's own pretraining on one's own texts, then fill in [MASK].

Of each text 15% of the tokens are chosen; of these 80% become [MASK], 10% another token, 10% stay (Devlin et al. 2019,
3.1). The loss is the mean of -log p of the original token at the chosen positions; its exponential is the
pseudo-perplexity, the effective number of equally likely tokens. The choice is a function of the seed, the epoch and
the row alone, so a repeated or resumed run masks the same tokens; held-out rows are masked alike in every epoch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import MaskMissing
from bertdemo.tasks.base import PLAIN, EncodeOptions, Inputs, LabeledTable, LossOptions
from bertdemo.tasks.forward import (
    IGNORED,
    Batch,
    Collator,
    IndexedBatches,
    Inference,
    batches,
    encoded,
    forward,
    pad,
    token_losses,
)
from bertdemo.tasks.results import Degree, Judged, Prediction, Score, scores_with_intervals
from bertdemo.tasks.roles import TEXT
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

# Devlin et al. 2019, 3.1: the share of tokens that are chosen; of these, what is masked and what is replaced.
SHARE = 0.15
_MASKED, _REPLACED = 0.8, 0.1
# Stands for the epoch of held-out rows in the random seed: no training gets there.
_HELD_OUT_EPOCH = 2**31 - 1
# Predictions listed per [MASK].
_TOP = 5
# What is hidden in an example: a word, or one Chinese character, which is a token of its own.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")


@dataclass(frozen=True)
class MaskToken:
    """One token that could replace a [MASK]."""

    token: str
    id: int
    score: float


@dataclass(frozen=True)
class MaskPredictions(Prediction):
    """The most probable tokens for each [MASK] of a text, best first."""

    masks: tuple[tuple[MaskToken, ...], ...]
    view = "masks"

    @property
    def cell(self) -> str:
        """The most probable token for each [MASK]."""
        return " ".join(best[0].token for best in self.masks)

    @property
    def confidence(self) -> float | None:
        """The probability of the least certain [MASK]."""
        return min((best[0].score for best in self.masks), default=None)

    def to_api(self) -> dict[str, object]:
        """Return {pieces: [[{piece, id, score}] for each mask]}."""
        return {
            "pieces": [
                [{"piece": item.token, "id": item.id, "score": round(item.score, 6)} for item in best]
                for best in self.masks
            ]
        }


@dataclass(frozen=True)
class MaskedLoss(Prediction):
    """The loss of a held-out text: the sum of -log p over its `masked` tokens, in nats."""

    nats: float
    masked: int
    view = "number"

    @property
    def perplexity(self) -> float:
        """The pseudo-perplexity of this text alone; 1 where nothing could be masked."""
        # e^50 is far beyond any vocabulary; the bound keeps exp from overflowing.
        return math.exp(min(50.0, self.nats / self.masked)) if self.masked else 1.0

    @property
    def cell(self) -> str:
        """Its pseudo-perplexity."""
        return f"{self.perplexity:.2f}"

    def to_api(self) -> dict[str, object]:
        """Return {perplexity}."""
        return {"perplexity": self.perplexity}


class _MaskingCollator(Collator):
    """Masks tokens; see the module."""

    def __init__(self, tokenizer: SharedTokenizer, seed: int) -> None:
        super().__init__(tokenizer.pad_id)
        self._seed = seed
        self._mask_id = tokenizer.mask_id or 0
        self._maskable = _maskable_ids(tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        masked = []
        for row in rows:
            epoch = _HELD_OUT_EPOCH if row["held_out"] else int(row["epoch"])
            key = (self._seed, epoch, int(row["row"]))
            ids, labels = mask_tokens(row["input_ids"], self._mask_id, self._maskable, key)
            unchanged = {name: row[name] for name in ("attention_mask", "token_type_ids")}
            masked.append({"input_ids": ids, **unchanged, "labels": labels})
        return pad(masked, self.pad_id)


def _masked_batches(collate: _MaskingCollator, indexed: IndexedBatches) -> Iterator[tuple[list[int], Batch]]:
    """Yield each batch with masked tokens; what is masked of a text depends on its index, not on its batch."""
    for indices, batch in indexed:
        lengths = batch["attention_mask"].sum(1).tolist()
        yield (
            indices,
            collate(
                [
                    {name: tensor[at, :length].tolist() for name, tensor in batch.items()}
                    | {"row": index, "held_out": True}
                    for at, (index, length) in enumerate(zip(indices, lengths, strict=True))
                ]
            ),
        )


def mask_tokens(
    ids: Sequence[int], mask_id: int, maskable: Sequence[int], key: tuple[int, int, int]
) -> tuple[list[int], list[int]]:
    """Return (ids with masked tokens, labels: the original id where one was chosen, -100 elsewhere).

    `maskable` are the ids that may be masked and may replace another one; `key` seeds everything that is drawn.
    """
    import numpy as np

    generator = np.random.default_rng(list(key))
    known = set(maskable)
    positions = [position for position, token_id in enumerate(ids) if token_id in known]
    masked, labels = list(ids), [IGNORED] * len(ids)
    # At least one token: a short text would otherwise never be trained on.
    count = max(1, round(SHARE * len(positions))) if positions else 0
    for position in generator.permutation(positions)[:count]:
        labels[position] = ids[position]
        # Not always [MASK], which never occurs in fine-tuning (Devlin et al. 2019, 3.1).
        chance = generator.random()
        if chance < _MASKED:
            masked[position] = mask_id
        elif chance < _MASKED + _REPLACED:
            masked[position] = int(maskable[int(generator.integers(len(maskable)))])
    return masked, labels


class FillMask(TaskWithoutLabels):
    """Input: `text` with some of its tokens masked. Output: these tokens."""

    id = "fill_mask"
    outputs_are_fixed = False  # each epoch masks other tokens
    judges_alone = False
    roles = (TEXT,)
    architecture = "BertForMaskedLM"
    metrics = ("perplexity",)
    lower_is_better = True
    judges = False
    has_baseline = False

    def fits(self, table: Table) -> float:
        """Return 0: any column of prose would do, so a person has to choose it."""
        return 0.0

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int | None]:
        """Every text is its own target: 0, or None where it is missing."""
        return [0 if text and not text.isspace() else None for text in table.columns[columns["text"]]]

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize `rows`; the collator masks tokens batch by batch."""
        inputs = self.inputs(source.table, source.columns, rows)
        return encoded(inputs, rows, tokenizer, options, held_out=[not options.train] * len(rows))

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Return what masks tokens."""
        return _MaskingCollator(tokenizer, seed)

    def is_head(self, parameter: str) -> bool:
        """Return whether it belongs to the transform between the encoder and the output embeddings."""
        return parameter.startswith("cls.")

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return the mean of -log p at the masked tokens; 0 where nothing could be masked and there is no mean."""
        import torch

        labels = inputs["labels"].flatten()  # (batch * tokens,)
        outputs = model(**{name: tensor for name, tensor in inputs.items() if name != "labels"})
        logits = outputs["logits"].float().flatten(0, 1)  # (batch * tokens, vocabulary)
        nats = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
        return nats / (labels != IGNORED).sum().clamp(min=1), outputs

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return (batch, 2): the sum of -log p at the masked tokens, and their number."""
        return token_losses(logits, labels)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return the pseudo-perplexity over all masked tokens."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, nats=logits[:, 0], tokens=logits[:, 1])

    def intervals(
        self, predictions: Sequence[MaskedLoss], targets: Sequence[int], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return the pseudo-perplexity with a bootstrap interval over texts."""
        nats = [prediction.nats for prediction in predictions]
        tokens = [float(prediction.masked) for prediction in predictions]
        return scores_with_intervals(self.metrics, nats=nats, tokens=tokens)

    def judge(self, prediction: MaskedLoss, target: int, labels: Sequence[str]) -> Judged:
        """Return the pseudo-perplexity of the row; no row is right or wrong."""
        return Judged("", prediction.cell, Degree("confidence", 0.0), True)

    def decode(self, logits: Any, dataset: Dataset, held_out: LabeledTable) -> dict[int, MaskedLoss]:
        """Return the loss of each row; `logits` are (rows, 2), as `reduce` returned them."""
        losses = zip(dataset["row"], logits.tolist(), strict=True)
        return {row: MaskedLoss(nats, int(count)) for row, (nats, count) in losses}

    def predict_held_out(self, inference: Inference, inputs: Inputs) -> list[MaskedLoss]:
        """Mask tokens of each text, by its index, and return their loss."""
        model = inference.model

        def losses_of(batch: Batch, _: list[int]) -> list[MaskedLoss]:
            labels = batch.pop("labels")
            losses = token_losses(model(**batch).logits.float(), labels)  # (batch, 2)
            return [MaskedLoss(nats, int(count)) for nats, count in losses.cpu().tolist()]

        indexed = batches(inference.tokenizer, inputs.texts, None, inference.truncation)
        masked = _masked_batches(_MaskingCollator(inference.tokenizer, 0), indexed)
        return forward(losses_of, masked, len(inputs.texts), device=model.device, progress=inference.progress)

    def example(self, text: str, pair: str, truth: str) -> tuple[str, str, str]:
        """Hide the longest word of the text behind [MASK]; that word is the true answer."""
        word = max(_WORD.finditer(text), key=lambda match: match.end() - match.start(), default=None)
        if word is None:
            return text, pair, truth
        return f"{text[: word.start()]}[MASK]{text[word.end() :]}", pair, word[0]

    def predict(self, inference: Inference, inputs: Inputs) -> list[MaskPredictions]:
        """Return the five most probable tokens for each [MASK] of a text; MaskMissing where no text has one.

        A text that is too long is read around each [MASK], so that none is cut off. Among several texts, one without
        a [MASK] has no predictions.
        """
        import torch

        tokenizer, model = inference.tokenizer, inference.model
        tokens = {token_id: token for token, token_id in tokenizer.vocabulary.items()}
        predictions = []
        for text in inputs.texts:
            ids = tokenizer.encode(text, specials_in_text=True).ids
            # A typed [MASK] is a special token here, unlike in every other text of a visitor.
            masks: list[tuple[MaskToken, ...]] = []
            for part, positions in _around_masks(ids, tokenizer.mask_id, inference.truncation.max_length):
                part_ids = torch.tensor([part], device=model.device)  # (1, tokens)
                with torch.inference_mode():
                    output = model(input_ids=part_ids, attention_mask=torch.ones_like(part_ids))
                logits = output.logits[0, positions].float()  # (masks, vocabulary)
                best = logits.softmax(-1).topk(_TOP)  # (masks, 5)
                masks += [
                    tuple(MaskToken(tokens[token_id], token_id, score) for score, token_id in zip(*pair, strict=True))
                    for pair in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                ]
            predictions.append(MaskPredictions(tuple(masks)))
            inference.progress(len(predictions) / len(inputs.texts))
        if predictions and not any(prediction.masks for prediction in predictions):
            raise MaskMissing
        return predictions


def _maskable_ids(tokenizer: SharedTokenizer) -> list[int]:
    """Return the ids of all tokens that are not special or unused, such as [CLS] and [unused1]."""
    return sorted(
        token_id for token, token_id in tokenizer.vocabulary.items() if not (token[:1] == "[" and token[-1:] == "]")
    )


def _around_masks(ids: Sequence[int], mask_id: int | None, max_length: int) -> list[tuple[list[int], list[int]]]:
    """Return (ids that the model reads, positions of [MASK] in them): all ids, or parts that contain every [MASK]."""
    masks = [position for position, token_id in enumerate(ids) if token_id == mask_id]
    if len(ids) <= max_length:
        return [(list(ids), masks)] if masks else []
    body, room = ids[1:-1], max(1, max_length - 2)  # [CLS] and [SEP] are added to each part
    parts: list[tuple[list[int], list[int]]] = []
    begin = -room
    for position in masks:
        if position - 1 >= begin + room:  # beyond the previous part
            begin = min(max(0, position - 1 - room // 2), len(body) - room)
            parts.append(([ids[0], *body[begin : begin + room], ids[-1]], []))
        parts[-1][1].append(position - begin)
    return parts
