"""Text classification: one label for one text (intent, sentiment, topic). The reference task.

The model is BertForSequenceClassification: [CLS]'s last vector goes through the tanh pooler (width x width) and
a linear layer (labels x width); softmax over the logits gives probabilities. During training the loss is the
mean of -log p(label) over a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertdemo.data.columns import detect
from bertdemo.errors import ColumnMissing, ColumnTwice, OneClass, TooFewRows, TooManyLabels, UnknownLabel
from bertdemo.run_config import Keep
from bertdemo.tasks.base import (
    EncodeOptions,
    HeadOptions,
    LabelScore,
    Prediction,
    Role,
    Score,
    Task,
    batches,
    columns_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.data.tables import Table

MINIMUM_ROWS = 4
"""Two labels, each once in training and once in validation: with less there is nothing to learn or to measure."""


class Classification(Task):
    """See the module."""

    id = "classification"
    roles = (Role("text"), Role("label"))
    metrics = ("accuracy", "macro_f1")
    head = "classification"

    def columns(self, table: Table) -> dict[str, str]:
        """Guess text and label from the content of the columns."""
        return detect(table, [role.name for role in self.roles])

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or the labels cannot be learnt."""
        self._check_columns(table, columns)
        counts = Counter(label for text, label in self._rows(table, columns) if text and label)
        if len(counts) == 1:
            raise OneClass(label=next(iter(counts))[:80], column=columns["label"])
        if counts.total() < MINIMUM_ROWS:
            raise TooFewRows(rows=counts.total(), minimum=MINIMUM_ROWS)
        if len(counts) > label_limit:
            row = self._first_row_of(list(counts)[label_limit], table, columns)
            raise TooManyLabels(labels=len(counts), limit=label_limit, column=columns["label"], row=row)

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, a label is new, or no row can be used."""
        self._check_columns(table, columns)
        if max(self.targets(table, columns, labels), default=-1) < 0:
            raise TooFewRows(rows=0, minimum=1)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels sorted by name, so that ids do not depend on the order of rows."""
        return tuple(sorted({label for text, label in self._rows(table, columns) if text and label}))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int]:
        """Return one label id a row, -1 where text or label is missing."""
        ids = {label: i for i, label in enumerate(labels)}
        found = []
        for number, (text, label) in zip(table.row_numbers, self._rows(table, columns), strict=True):
            if text and label and label not in ids:
                shown = ", ".join(labels[:8]) + (" …" if len(labels) > 8 else "")
                raise UnknownLabel(label=label[:80], row=number, file=table.name, labels=shown)
            found.append(ids[label] if text and label else -1)
        return found

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenise `rows` (indices into the table) in their order."""
        from datasets import Dataset

        texts = [table.columns[columns["text"]][row] or "" for row in rows]
        targets = self.targets(table, columns, labels)
        found: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "token_type_ids": [], "length": []}
        for start in range(0, len(texts), 1000):
            options.stop()
            part = texts[start : start + 1000]
            for encoding in tokenizer.encode_batch(part, max_length=options.max_length, keep=options.keep):
                for name, ids in columns_of(encoding).items():
                    found[name].append(ids)
                found["length"].append(len(encoding.ids))
        return Dataset.from_dict({**found, "labels": [targets[row] for row in rows], "row": list(rows)})

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForSequenceClassification; its classifier is new unless the checkpoint has one for these labels."""
        from bertdemo.checkpoints.models import open_model

        return open_model(folder, head=self.head, labels=options.labels, seed=options.seed)

    def score(self, logits: Any, references: Any) -> dict[str, float]:
        """Return accuracy and macro-F1 of the most probable label."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, logits.argmax(-1).tolist(), list(references))

    def intervals(self, predictions: Sequence[int], references: Sequence[int]) -> dict[str, Score]:
        """Return accuracy with a Wilson interval, macro-F1 with a bootstrap one."""
        from bertdemo import metrics
        from bertdemo.metrics.intervals import macro_f1_interval, wilson

        values = metrics.compute(self.metrics, predictions, references)
        right = sum(a == b for a, b in zip(predictions, references, strict=True))
        return {
            "accuracy": Score(values["accuracy"], *wilson(right, len(references))),
            "macro_f1": Score(values["macro_f1"], *macro_f1_interval(references, predictions)),
        }

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int,
        keep: Keep = "head",
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Prediction]:
        """Return the probabilities of all labels for each text, in float32."""
        import torch

        id2label: Any = model.config.id2label
        names = [str(id2label[i]) for i in range(len(id2label))]
        results: dict[int, Prediction] = {}
        with torch.inference_mode():
            for indices, inputs in batches(tokenizer, texts, pairs, max_length=max_length, keep=keep):
                on_device = {name: tensor.to(model.device) for name, tensor in inputs.items()}
                logits = model(**on_device).logits.float()  # (batch, labels)
                probabilities = logits.softmax(-1).cpu().tolist()
                for index, row in zip(indices, probabilities, strict=True):
                    best_first = sorted(zip(names, row, strict=True), key=lambda pair: -pair[1])
                    results[index] = Prediction(tuple(LabelScore(name, score) for name, score in best_first))
                progress(len(results) / len(texts))
        return [results[index] for index in range(len(texts))]

    def _check_columns(self, table: Table, columns: Mapping[str, str]) -> None:
        named: set[str] = set()
        for role in self.roles:
            column = columns.get(role.name, "")
            if column not in table.columns:
                raise ColumnMissing(column=column or role.name, columns=", ".join(table.columns))
            if column in named:
                raise ColumnTwice(column=column)
            named.add(column)

    def _first_row_of(self, label: str, table: Table, columns: Mapping[str, str]) -> int:
        """Return where in the file a label stands for the first time beside a text."""
        rows = zip(table.row_numbers, self._rows(table, columns), strict=True)
        return next(number for number, (text, given) in rows if text and given == label)

    @staticmethod
    def _rows(table: Table, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield (text, label) of every row, trimmed, "" where missing."""
        texts, labels = table.columns[columns["text"]], table.columns[columns["label"]]
        for text, label in zip(texts, labels, strict=True):
            yield (text or "").strip(), (label or "").strip()
