"""One label per row out of a few, whatever the model reads: what text classification and sentence pairs share.

The model is BertForSequenceClassification: the last vector of [CLS] goes through the tanh pooler (hidden x hidden) and
a linear layer (labels x hidden); softmax over the logits gives probabilities. The training loss is the mean of
-log p(label) over a batch. A second text comes after the first [SEP], with segment id 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bertdemo.errors import LabelIsNumber, OneClass, TooFewRows, TooManyLabels
from bertdemo.tasks.base import (
    MINIMUM_ROWS,
    PLAIN,
    EncodeOptions,
    Inputs,
    LabeledTable,
    LossOptions,
    Task,
    unknown_label,
)
from bertdemo.tasks.forward import Batch, Inference, encoded
from bertdemo.tasks.reading.quantities import is_quantity
from bertdemo.tasks.results import Annotation, Degree, Judged, Labels, LabelScore, Score, scores_with_intervals
from bertdemo.tasks.roles import detect

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table


class OneLabel(Task):
    """See the module. A subclass defines its `id` and its `roles`."""

    architecture = "BertForSequenceClassification"
    metrics = ("accuracy", "macro_f1")
    freezes_embeddings = True
    options = frozenset({"class_weights", "label_smoothing"})

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns from their content."""
        return detect(table, self.roles)

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or the labels cannot be learned."""
        self.check_columns(table, columns)
        counts = Counter(label for complete, label in self._rows(table, columns) if complete and label)
        if counts.total() < MINIMUM_ROWS:
            raise TooFewRows(rows=counts.total(), minimum=MINIMUM_ROWS)
        if len(counts) == 1:
            # Any model would predict this label for everything.
            raise OneClass(label=next(iter(counts))[:80], column=columns["label"])
        if is_quantity(counts):
            example = next(label for label in counts if not label.endswith(".0"))
            raise LabelIsNumber(column=columns["label"], labels=len(counts), example=example[:20])
        if len(counts) > label_limit:
            row = self._first_row_of(list(counts)[label_limit], table, columns)
            raise TooManyLabels(labels=len(counts), limit=label_limit, column=columns["label"], row=row)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels sorted by name, so that ids do not depend on the order of rows."""
        return tuple(sorted({label for complete, label in self._rows(table, columns) if complete and label}))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[int | None]:
        """Return one label id per row, None where a text or the label is missing."""
        ids = {label: i for i, label in enumerate(labels)}
        targets: list[int | None] = []
        for number, (complete, label) in zip(table.row_numbers, self._rows(table, columns), strict=True):
            if complete and label and label not in ids:
                raise unknown_label(label, number, table, labels)
            targets.append(ids[label] if complete and label else None)
        return targets

    def strata(self, targets: Sequence[int], labels: Sequence[str]) -> list[str]:
        """Stratify by label."""
        return [labels[target] for target in targets]

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize `rows` (indices into the table) in their order; `labels` are label ids."""
        targets = self.targets(source.table, source.columns, source.labels)
        inputs = self.inputs(source.table, source.columns, rows)
        return encoded(inputs, rows, tokenizer, options, labels=[targets[row] for row in rows])

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return the mean cross-entropy in float32, the labels weighted and smoothed where `options` say so."""
        import torch

        outputs = model(**{name: tensor for name, tensor in inputs.items() if name != "labels"})
        logits, labels = outputs["logits"].float(), inputs["labels"]  # (batch, labels), (batch,)
        weights = torch.tensor(options.label_weights, device=logits.device) if options.label_weights else None
        loss = torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=options.smoothing)
        return loss, {"logits": logits}

    def chance_loss(self, targets: Sequence[int], options: LossOptions = PLAIN) -> float | None:
        """Return the entropy of the labels, ln K where all K are as frequent; None where labels are smoothed."""
        if options.smoothing:
            return None
        counts = list(Counter(targets).values())
        if options.label_weights:
            return math.log(len(counts))
        return -sum(count / len(targets) * math.log(count / len(targets)) for count in counts)

    def only_label(self, logits: Any, labels: Sequence[str]) -> str:
        """Return the label that all rows were given."""
        ids = {int(index) for index in logits.argmax(-1)}
        return labels[ids.pop()] if len(ids) == 1 else ""

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return accuracy and macro-F1 of the most probable label."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, predictions=logits.argmax(-1), references=references)

    def intervals(
        self, predictions: Sequence[Labels], targets: Sequence[int], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return accuracy with a Wilson interval, macro-F1 with a bootstrap one."""
        ids = {label: i for i, label in enumerate(labels)}
        best = [ids[prediction.best.label] for prediction in predictions]
        return scores_with_intervals(self.metrics, predictions=best, references=targets)

    def judge(self, prediction: Labels, target: int, labels: Sequence[str]) -> Judged:
        """Compare the most probable label with the target."""
        label, best = labels[target], prediction.best
        degree = Degree("confidence", best.score)
        return Judged(label, best.label, degree, label == best.label, (Annotation(label),), (Annotation(best.label),))

    def decode(self, logits: Any, dataset: Dataset, held_out: LabeledTable) -> dict[int, Labels]:
        """Turn (rows, labels) logits into probabilities."""
        import torch

        probabilities = torch.tensor(logits).float().softmax(-1).tolist()  # (rows, labels)
        predictions = [_best_first(held_out.labels, row) for row in probabilities]
        return dict(zip(dataset["row"], predictions, strict=True))

    def trivial_baseline(self, train: Sequence[int], held_out: Sequence[int]) -> float:
        """Return the accuracy of the most frequent training label."""
        most_frequent = Counter(train).most_common(1)[0][0]
        return list(held_out).count(most_frequent) / len(held_out)

    def predict(self, inference: Inference, inputs: Inputs) -> list[Labels]:
        """Return the probabilities of all labels for each text, in float32."""
        names = inference.labels

        def labels_of(batch: Batch, _: list[int]) -> list[Labels]:
            logits = inference.model(**batch).logits.float()  # (batch, labels)
            return [_best_first(names, row) for row in logits.softmax(-1).cpu().tolist()]

        return inference.forward(labels_of, inputs.texts, inputs.pairs)

    def _first_row_of(self, label: str, table: Table, columns: Mapping[str, str]) -> int:
        """Return the number in the file of the first complete row with this label."""
        rows = zip(table.row_numbers, self._rows(table, columns), strict=True)
        return next(number for number, (complete, name) in rows if complete and name == label)

    def _rows(self, table: Table, columns: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
        """Yield (whether every text is present, the label) of every row, the label trimmed, "" where missing."""
        by_slot = self.columns_by_slot(columns)
        # What is left after the label are the texts: one, or two of a sentence pair.
        label = table.columns[by_slot.pop("label")]
        texts = zip(*(table.columns[name] for name in by_slot.values()), strict=True)
        for cells, name in zip(texts, label, strict=True):
            yield all(cell and not cell.isspace() for cell in cells), (name or "").strip()


def _best_first(names: Sequence[str], probabilities: Sequence[float]) -> Labels:
    ordered = sorted(zip(names, probabilities, strict=True), key=lambda pair: -pair[1])
    return Labels(tuple(LabelScore(name, score) for name, score in ordered))
