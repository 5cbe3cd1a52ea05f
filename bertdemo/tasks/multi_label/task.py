"""Multi-label classification: none, one or several labels for one text (topics, emotions, faults).

The model is BertForSequenceClassification with a sigmoid a label instead of one softmax over all: the labels do not
compete. During training the loss is the mean over labels of the binary cross-entropy. After training, each label's
threshold is tuned for F1 on the validation rows and kept in the model's config, because 0.5 is hardly ever the best
for a label that few rows have.

Labels stand in one column, as a JSON list or joined by a separator, or in a column of 0 and 1 for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound, OneClass, TooFewRows, TooManyLabels, UnknownLabel
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, Frozen, HeadOptions, HeldOut, Inputs, Task
from bertdemo.tasks.forward import batches, encoded, forward
from bertdemo.tasks.label_lists import FLAGS, first_beyond, flag_columns, joined_by, labels_given
from bertdemo.tasks.multi_label import thresholds
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Mark, Prediction, Problem, Score
from bertdemo.tasks.roles import LABEL, TEXT, detect

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table
    from bertdemo.tasks.multi_label.thresholds import Flags, Floats

MINIMUM_ROWS = 4
FOLDS = 5


@dataclass(frozen=True)
class Scored:
    """One label, its probability, and whether that is at or above its threshold."""

    label: str
    score: float
    chosen: bool


@dataclass(frozen=True)
class LabelSet(Prediction):
    """All labels of a text with their probabilities, best first; any number of them is chosen."""

    labels: tuple[Scored, ...]
    view = "label_set"

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels that are chosen, most probable first."""
        return tuple(item.label for item in self.labels if item.chosen)

    @property
    def words(self) -> str:
        """The chosen labels, joined as the data may join them."""
        return "|".join(self.chosen)

    @property
    def confidence(self) -> float:
        """How sure the least sure of all yes and no is."""
        return min((item.score if item.chosen else 1 - item.score for item in self.labels), default=0.0)

    def to_api(self) -> dict[str, Any]:
        """Return {labels: [{label, score, chosen}]}, best first."""
        return {
            "labels": [
                {"label": item.label, "score": round(item.score, 6), "chosen": item.chosen} for item in self.labels
            ]
        }


class MultiLabel(Task):
    """`text` is read, any number of labels is said."""

    id = "multi_label"
    roles = (TEXT, LABEL)
    metrics = ("macro_f1", "micro_f1")
    step_multiplier = 2.5
    categories = False

    def fits(self, table: Table) -> float:
        """Look for lists of labels, labels joined by a separator, or columns of 0 and 1."""
        try:
            columns = self.columns(table)
        except ColumnsNotFound:
            return 0.0
        if columns["label"] == FLAGS:
            return 0.6
        return 0.6 if joined_by([cell for cell in table.columns[columns["label"]][:2000] if cell]) else 0.0

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the text, then the column whose cells are lists of few different labels, or the flags."""
        joined = [name for name in table.columns if joined_by([cell for cell in table.columns[name][:2000] if cell])]
        flags = flag_columns(table)
        if joined:
            rest = {name: cells for name, cells in table.columns.items() if name != joined[0]}
            return {**detect(replace(table, columns=rest), [TEXT]), "label": joined[0]}
        if len(flags) > 1:
            rest = {name: cells for name, cells in table.columns.items() if name not in flags}
            return {**detect(replace(table, columns=rest), [TEXT]), "label": FLAGS}
        return detect(table, [TEXT, LABEL])

    def choices(self, table: Table, role: str) -> list[str]:
        """Offer all columns of 0 and 1 together as one choice."""
        several = role == "label" and len(flag_columns(table)) > 1
        return [*table.columns, *([FLAGS] if several else [])]

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Flags have no column of their own."""
        return {place: name for place, name in super().columns_by_slot(columns).items() if name != FLAGS}

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or the labels cannot be learned."""
        self._check_own_columns(table, columns)
        names = self.labels(table, columns)
        given = labels_given(table, columns)
        if len(names) > label_limit:
            row = first_beyond(table.row_numbers, given, label_limit)
            raise TooManyLabels(labels=len(names), limit=label_limit, column=columns["label"], row=row)
        usable = [labels for labels in given if labels is not None]
        if len(usable) < MINIMUM_ROWS or not names:
            raise TooFewRows(rows=len(usable), minimum=MINIMUM_ROWS)
        if len(names) == 1 and all(usable):
            raise OneClass(label=names[0][:80], column=columns["label"])

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, a label is new, or no row can be used."""
        if self._flagged(columns):
            missing = next((label for label in labels if label not in table.columns), "")
            self.check_columns(table, {**columns, "label": missing or labels[0]})
        else:
            self.check_columns(table, columns)
        if all(target is None for target in self.targets(table, columns, labels)):
            raise TooFewRows(rows=0, minimum=1)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels sorted by name."""
        if self._flagged(columns):
            return tuple(flag_columns(table))
        return tuple(sorted({label for labels in labels_given(table, columns) if labels for label in labels}))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Return the ids of each row's labels, ascending; None where text or labels are missing."""
        ids = {label: i for i, label in enumerate(labels)}
        found: list[tuple[int, ...] | None] = []
        for number, given in zip(table.row_numbers, labels_given(table, columns, labels), strict=True):
            new = next((label for label in given or () if label not in ids), None)
            if new is not None:
                shown = ", ".join(labels[:8]) + (" …" if len(labels) > 8 else "")
                raise UnknownLabel(label=new[:80], row=number, file=table.name, labels=shown)
            found.append(None if given is None else tuple(sorted({ids[label] for label in given})))
        return found

    def strata(self, targets: Sequence[tuple[int, ...]], labels: Sequence[str]) -> list[str]:
        """Share out by each row's rarest label, so that rare ones are in every part."""
        rows = Counter(label for target in targets for label in target)
        return [labels[min(target, key=lambda label: (rows[label], label))] if target else "" for target in targets]

    def counts(self, targets: Sequence[tuple[int, ...]], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Count the rows that have each label."""
        rows = Counter(labels[label] for target in targets for label in target)
        return tuple(sorted(rows.items(), key=lambda item: (-item[1], item[0])))

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Say how the labels were read, name labels with few rows, and rows that repeat a label."""
        given = labels_given(table, columns)
        several = sum(len(labels) > 1 for labels in given if labels)
        rows = Counter(label for labels in given if labels for label in set(labels))
        told = [Problem("pass", "labels_a_row", {"rows": several, "labels": len(rows)})]
        rare = [label for label, count in sorted(rows.items()) if count < thresholds.ENOUGH]
        if rare:
            shown = ", ".join(rare[:5]) + (" …" if len(rare) > 5 else "")
            values: dict[str, str | int | float] = {"count": len(rare), "wanted": thresholds.ENOUGH, "labels": shown}
            told.append(Problem("warn", "rare_of_several", values))
        twice = [row for row, labels in enumerate(given) if labels and len(set(labels)) < len(labels)]
        if twice:
            told.append(Problem("warn", "label_twice_in_row", {"count": len(twice)}, tuple(twice[:20])))
        return told

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize `rows`; `labels` are (labels,) numbers 0.0 and 1.0."""
        targets = self.targets(table, columns, labels)
        flags = [[float(i in (targets[row] or ())) for i in range(len(labels))] for row in rows]
        return encoded(self.inputs(table, columns, rows), rows, tokenizer, options, labels=flags)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForSequenceClassification, told that the labels do not exclude each other."""
        from bertdemo.checkpoints.loading import open_model

        several = {"problem_type": "multi_label_classification"}
        opened = open_model(folder, head="classification", labels=options.labels, seed=options.seed, extra=several)
        if options.targets and "classifier.bias" in opened.new_weights:
            _begin_at_shares(opened.model, _flags(options.targets, len(options.labels)))
        return opened

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return macro- and micro-F1 at thresholds that are tuned on the same rows: the epochs are compared alike."""
        import numpy as np

        given, probabilities = np.asarray(references).astype(int), _sigmoid(logits)
        return _scores(probabilities >= thresholds.tuned(probabilities, given), given)

    def tuned(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        targets: Sequence[tuple[int, ...]],
        truncation: Truncation,
    ) -> Mapping[str, Any]:
        """Return a threshold a label, tuned on the validation rows."""
        probabilities = _probabilities(model, tokenizer, inputs, truncation)
        given = _flags(targets, probabilities.shape[1])
        return {"thresholds": [round(float(one), 4) for one in thresholds.tuned(probabilities, given)]}

    def intervals(
        self, said: Sequence[LabelSet], targets: Sequence[tuple[int, ...]], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return both F1 with bootstrap intervals over rows."""
        ids = {label: i for i, label in enumerate(labels)}
        chosen = _flags([[ids[label] for label in one.chosen] for one in said], len(labels)) > 0
        return _with_intervals(chosen, _flags(targets, len(labels)))

    def judge(self, said: LabelSet, target: tuple[int, ...], labels: Sequence[str]) -> Judged:
        """A row is right where all of its labels are chosen and no other."""
        given = [labels[i] for i in target]
        return Judged(
            label=", ".join(given) or "–",
            predicted=", ".join(said.chosen) or "–",
            degree=Degree("confidence", said.confidence),
            right=set(given) == set(said.chosen),
            given=tuple(map(Mark, given)),
            said=tuple(map(Mark, said.chosen)),
        )

    def guess(self, train: Sequence[tuple[int, ...]], held_out: Sequence[tuple[int, ...]]) -> float:
        """Return the macro-F1 of always saying every label, which no guess that reads nothing beats by much."""
        import numpy as np

        labels = 1 + max((label for target in train for label in target), default=0)
        given = _flags(held_out, max(labels, 1 + max((i for target in held_out for i in target), default=0)))
        return _scores(np.ones_like(given) > 0, given)["macro_f1"]

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[LabelSet]:
        """Return all labels with their probabilities; chosen is what reaches its threshold."""
        id2label: Any = model.config.id2label
        limits = getattr(model.config, "thresholds", None) or [0.5] * len(id2label)
        results = []
        for row in _probabilities(model, tokenizer, inputs, truncation, progress).tolist():
            scored = [Scored(str(id2label[i]), score, score >= limits[i]) for i, score in enumerate(row)]
            results.append(LabelSet(tuple(sorted(scored, key=lambda item: -item.score))))
        return results

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score one-vs-rest regression on frozen embeddings, out of fold, with thresholds tuned on other rows."""
        import numpy as np

        names = self.labels(table, columns)
        targets = self.targets(table, columns, names)
        vectors = frozen.vectors(self.inputs(table, columns, rows).texts)
        given = _flags([targets[row] or () for row in rows], len(names))
        parts = np.random.default_rng(0).permutation(len(rows)) % FOLDS
        said = np.zeros_like(given, dtype=float)
        for fold in range(FOLDS):
            said[parts == fold] = thresholds.one_vs_rest(
                vectors[parts != fold], given[parts != fold], vectors[parts == fold]
            )
        chosen = np.zeros_like(given) > 0
        for fold in range(FOLDS):  # a threshold is never tuned on the row that it decides
            chosen[parts == fold] = said[parts == fold] >= thresholds.tuned(said[parts != fold], given[parts != fold])
        return [BaselineScore("one_vs_rest", _with_intervals(chosen, given), len(rows), FOLDS)]

    def _check_own_columns(self, table: Table, columns: Mapping[str, str]) -> None:
        flag = next(iter(flag_columns(table)), "") if self._flagged(columns) else columns.get("label", "")
        self.check_columns(table, {**columns, "label": flag})

    @staticmethod
    def _flagged(columns: Mapping[str, str]) -> bool:
        return columns.get("label") == FLAGS


def _begin_at_shares(model: Any, given: Flags) -> None:
    """Set the new head's bias so that it says of each label how many of the training rows have it.

    From 0 it would say a half of each; with 28 labels the first of three epochs went by until it said less.
    """
    import torch

    shares = torch.tensor((given.sum(0) + 0.5) / (len(given) + 1), dtype=torch.float32)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.logit(shares))


def _flags(targets: Sequence[Sequence[int]], labels: int) -> Flags:
    from sklearn.preprocessing import MultiLabelBinarizer

    flags: Flags = MultiLabelBinarizer(classes=range(labels)).fit_transform(targets)
    return flags


def _sigmoid(logits: Any) -> Floats:
    import torch

    found: Floats = torch.tensor(logits).float().sigmoid().double().numpy()
    return found


def _probabilities(
    model: Any,
    tokenizer: SharedTokenizer,
    inputs: Inputs,
    truncation: Truncation,
    progress: Callable[[float], None] = lambda share: None,
) -> Floats:
    """Return (rows, labels) probabilities."""
    import numpy as np

    def probabilities_of(batch: dict[str, Any], _: list[int]) -> Any:
        return model(**batch).logits.float().sigmoid().cpu().numpy()  # (batch, labels)

    read = batches(tokenizer, inputs.texts, inputs.pairs, truncation)
    rows = forward(probabilities_of, read, len(inputs.texts), device=model.device, progress=progress)
    return np.asarray(rows, dtype=float).reshape(len(rows), len(model.config.id2label))


def _scores(chosen: Any, given: Flags) -> dict[str, float]:
    from bertdemo import metrics

    return metrics.compute(MultiLabel.metrics, predictions=chosen.astype(int), references=given)


def _with_intervals(chosen: Any, given: Flags) -> dict[str, Score]:
    """Return both F1 of (rows, labels) flags with bootstrap intervals over rows."""
    from bertdemo import metrics

    estimates = metrics.estimate(MultiLabel.metrics, predictions=chosen.astype(int), references=given)
    return {name: Score(*estimate) for name, estimate in estimates.items()}
