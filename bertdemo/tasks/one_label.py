"""One label out of a few for each row, whatever the model reads: what classification and sentence pairs share.

The model is BertForSequenceClassification: [CLS]'s last vector goes through the tanh pooler (width x width) and
a linear layer (labels x width); softmax over the logits gives probabilities. During training the loss is the
mean of -log p(label) over a batch. A second text comes after the first [SEP], with segment id 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertdemo.errors import OneClass, TooFewRows, TooManyLabels, UnknownLabel
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, HeadOptions, HeldOut, Inputs, Task
from bertdemo.tasks.forward import batches, encoded, forward
from bertdemo.tasks.results import Degree, Judged, Labels, LabelScore, Mark, Score
from bertdemo.tasks.roles import detect

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

MINIMUM_ROWS = 4
"""Two labels, each once in training and once in validation: with less there is nothing to learn or to measure."""


class OneLabel(Task):
    """See the module. A subclass says its `id` and its `roles`."""

    metrics = ("accuracy", "macro_f1")

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns from their content."""
        return detect(table, self.roles)

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or the labels cannot be learned."""
        self.check_columns(table, columns)
        counts = Counter(label for full, label in self._rows(table, columns) if full and label)
        if counts.total() < MINIMUM_ROWS:
            raise TooFewRows(rows=counts.total(), minimum=MINIMUM_ROWS)
        if len(counts) == 1:
            raise OneClass(label=next(iter(counts))[:80], column=columns["label"])
        if len(counts) > label_limit:
            row = self._first_row_of(list(counts)[label_limit], table, columns)
            raise TooManyLabels(labels=len(counts), limit=label_limit, column=columns["label"], row=row)

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, a label is new, or no row can be used."""
        self.check_columns(table, columns)
        if all(target is None for target in self.targets(table, columns, labels)):
            raise TooFewRows(rows=0, minimum=1)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels sorted by name, so that ids do not depend on the order of rows."""
        return tuple(sorted({label for full, label in self._rows(table, columns) if full and label}))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int | None]:
        """Return one label id a row, None where a text or the label is missing."""
        ids = {label: i for i, label in enumerate(labels)}
        found: list[int | None] = []
        for number, (full, label) in zip(table.row_numbers, self._rows(table, columns), strict=True):
            if full and label and label not in ids:
                shown = ", ".join(labels[:8]) + (" …" if len(labels) > 8 else "")
                raise UnknownLabel(label=label[:80], row=number, file=table.name, labels=shown)
            found.append(ids[label] if full and label else None)
        return found

    def strata(self, targets: Sequence[int], labels: Sequence[str]) -> list[str]:
        """Every part has about the same share of each label."""
        return [labels[target] for target in targets]

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize `rows` (indices into the table) in their order."""
        targets = self.targets(table, columns, labels)
        given = [targets[row] for row in rows]
        return encoded(self.inputs(table, columns, rows), rows, tokenizer, options, labels=given)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForSequenceClassification; its classifier is new unless the checkpoint has one for these labels."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(folder, head="classification", labels=options.labels, seed=options.seed)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return accuracy and macro-F1 of the most probable label."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, predictions=logits.argmax(-1), references=references)

    def intervals(self, said: Sequence[Labels], targets: Sequence[int], labels: Sequence[str]) -> dict[str, Score]:
        """Return accuracy with a Wilson interval, macro-F1 with a bootstrap one."""
        from bertdemo import metrics

        ids = {label: i for i, label in enumerate(labels)}
        predictions = [ids[one.best.label] for one in said]
        estimates = metrics.estimate(self.metrics, predictions=predictions, references=targets)
        return {name: Score(*estimate) for name, estimate in estimates.items()}

    def judge(self, said: Labels, target: int, labels: Sequence[str]) -> Judged:
        """Hold the most probable label against the given one."""
        given, best = labels[target], said.best
        return Judged(
            given,
            best.label,
            Degree("confidence", best.score),
            given == best.label,
            (Mark(given),),
            (Mark(best.label),),
        )

    def decode(self, logits: Any, dataset: Dataset, held_out: HeldOut) -> dict[int, Labels]:
        """Turn (rows, labels) logits into probabilities."""
        import torch

        probabilities = torch.tensor(logits).float().softmax(-1).tolist()
        said = [_best_first(held_out.labels, row) for row in probabilities]
        return dict(zip(dataset["row"], said, strict=True))

    def guess(self, train: Sequence[int], held_out: Sequence[int]) -> float:
        """Return how often the most frequent training label is right."""
        most = Counter(train).most_common(1)[0][0]
        return list(held_out).count(most) / len(held_out)

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Labels]:
        """Return the probabilities of all labels for each text, in float32."""
        id2label: Any = model.config.id2label
        names = [str(id2label[i]) for i in range(len(id2label))]

        def labels_of(batch: dict[str, Any], _: list[int]) -> list[Labels]:
            logits = model(**batch).logits.float()  # (batch, labels)
            return [_best_first(names, row) for row in logits.softmax(-1).cpu().tolist()]

        read = batches(tokenizer, inputs.texts, inputs.pairs, truncation)
        return forward(labels_of, read, len(inputs.texts), device=model.device, progress=progress)

    def _first_row_of(self, label: str, table: Table, columns: Mapping[str, str]) -> int:
        """Return where in the file a label stands for the first time beside a text."""
        rows = zip(table.row_numbers, self._rows(table, columns), strict=True)
        return next(number for number, (full, given) in rows if full and given == label)

    def _rows(self, table: Table, columns: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
        """Yield (whether every text is there, the label) of every row, the label trimmed, "" where missing."""
        by_slot = self.columns_by_slot(columns)
        label = table.columns[by_slot.pop("label")]
        texts = zip(*(table.columns[name] for name in by_slot.values()), strict=True)
        for cells, name in zip(texts, label, strict=True):
            yield all(cell and not cell.isspace() for cell in cells), (name or "").strip()


def _best_first(names: Sequence[str], probabilities: Sequence[float]) -> Labels:
    ordered = sorted(zip(names, probabilities, strict=True), key=lambda pair: -pair[1])
    return Labels(tuple(LabelScore(name, score) for name, score in ordered))
