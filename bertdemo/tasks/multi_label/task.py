"""Multi-label classification: none, one or several labels for one text (topics, emotions, defects).

The model is BertForSequenceClassification with a sigmoid per label instead of one softmax over all: the labels do not
compete. The training loss is the mean over labels of the binary cross-entropy. After training, the threshold of each
label is tuned for F1 on the validation set and kept in the model's config, because 0.5 is hardly ever the best for a
rare label.

Labels are in one column, as a JSON list or joined by a separator, or each has its own column of 0 and 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import OneClass, TooFewRows, TooManyLabels, first_few
from bertdemo.tasks.base import (
    FOLDS,
    MINIMUM_ROWS,
    EncodeOptions,
    Frozen,
    HeadOptions,
    Inputs,
    LabeledTable,
    Task,
    unknown_label,
)
from bertdemo.tasks.forward import Batch, Inference, encoded
from bertdemo.tasks.label_lists import FLAGS, first_beyond, joined_by, labels_of_rows
from bertdemo.tasks.multi_label import thresholds
from bertdemo.tasks.reading import names
from bertdemo.tasks.reading.marks import flag_columns
from bertdemo.tasks.reading.no_value import is_artifact
from bertdemo.tasks.results import (
    Annotation,
    BaselineScore,
    Degree,
    Judged,
    Prediction,
    Problem,
    Score,
    scores_with_intervals,
)
from bertdemo.tasks.roles import LABEL, TEXT, detect, known

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table
    from bertdemo.tasks.multi_label.thresholds import Flags, Floats

# Cells of a column that are read to recognize lists of labels.
_SAMPLED_CELLS = 2000
# Less than any table is for text classification: lists beside a label column are offered, not chosen.
_BESIDE_A_LABEL = 0.05


@dataclass(frozen=True)
class ScoredLabel:
    """One label, its probability, and whether that reaches the label's threshold."""

    label: str
    score: float
    chosen: bool
    threshold: float | None = None


@dataclass(frozen=True)
class LabelSet(Prediction):
    """All labels of a text with their probabilities, most probable first; any number of them is chosen."""

    labels: tuple[ScoredLabel, ...]
    view = "label_set"

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels that are chosen, most probable first."""
        return tuple(item.label for item in self.labels if item.chosen)

    @property
    def cell(self) -> str:
        """The chosen labels, joined by a separator that `label_lists` reads."""
        return "|".join(self.chosen)

    @property
    def confidence(self) -> float:
        """The probability of the least certain of all decisions, to choose a label or not."""
        return min((item.score if item.chosen else 1 - item.score for item in self.labels), default=0.0)

    @property
    def counted(self) -> tuple[str, ...]:
        """The chosen labels."""
        return self.chosen

    def to_api(self) -> dict[str, object]:
        """Return {labels: [{label, score, chosen}]}, best first."""
        return {
            "labels": [
                {"label": item.label, "score": round(item.score, 6), "chosen": item.chosen} for item in self.labels
            ]
        }


class MultiLabel(Task):
    """Input: `text`. Output: any number of labels."""

    id = "multi_label"
    roles = (TEXT, LABEL)
    architecture = "BertForSequenceClassification"
    metrics = ("macro_f1", "micro_f1")
    # Comes to five epochs for 8,000 rows with 28 labels.
    step_multiplier = 2.5
    categories = False
    problem_type = "multi_label_classification"

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for lists of labels, labels joined by a separator, or columns of 0 and 1."""
        flagged = self._flagged(columns)
        if not flagged and not _is_joined(table, columns["label"]):
            return 0.0
        # A column that is called `label` says more than some flags or keywords beside it.
        taken = flag_columns(table) if flagged else [columns["label"]]
        weight = max(map(names.label_weight, taken))
        others = (name for name in table.columns if name not in taken)
        rivals = [name for name in others if names.label_weight(name) >= max(weight, names.USUAL)]
        return _BESIDE_A_LABEL if known(_with_columns(table, rivals), [LABEL]) else 0.6

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the text, then the column whose cells are lists of few different labels, or the flags."""
        joined = sorted((name for name in table.columns if _may_be_joined(table, name)), key=names.label_weight)
        flags = flag_columns(table)
        # Keywords may be joined beside flags that are the labels; then a name decides.
        if flags and len(flags) > 1 and not (joined and names.label_weight(joined[-1]) > names.NONE):
            joined = []
        if not joined and len(flags) < 2:
            return detect(table, [TEXT, LABEL])
        taken = joined[-1:] or flags
        others = _with_columns(table, [name for name in table.columns if name not in taken])
        return {**detect(others, [TEXT]), "label": joined[-1] if joined else FLAGS}

    def choices(self, table: Table, role: str) -> list[str]:
        """Offer all columns of 0 and 1 together as one choice."""
        flags = [FLAGS] if role == "label" and len(flag_columns(table)) > 1 else []
        return [*table.columns, *flags]

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return slot -> column; all flags together are not a column."""
        return {slot: name for slot, name in super().columns_by_slot(columns).items() if name != FLAGS}

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or the labels cannot be learned."""
        self._check_own_columns(table, columns)
        labels, rows = self.labels(table, columns), labels_of_rows(table, columns)
        if len(labels) > label_limit:
            row = first_beyond(table.row_numbers, rows, label_limit)
            raise TooManyLabels(labels=len(labels), limit=label_limit, column=columns["label"], row=row)
        usable = [own for own in rows if own is not None]
        if len(usable) < MINIMUM_ROWS or not labels:
            raise TooFewRows(rows=len(usable), minimum=MINIMUM_ROWS)
        if len(labels) == 1 and all(usable):  # with one label, every row has it: there is nothing to decide
            raise OneClass(label=labels[0][:80], column=columns["label"])

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, a label is new, or no row can be used."""
        if self._flagged(columns):
            missing = next((label for label in labels if label not in table.columns), "")
            self.check_columns(table, {**columns, "label": missing or labels[0]})
        else:
            self.check_columns(table, columns)
        self.check_usable(table, columns, labels, 1)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels sorted by name."""
        if self._flagged(columns):
            return tuple(flag_columns(table))
        return tuple(sorted({label for labels in labels_of_rows(table, columns) if labels for label in labels}))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Return the ids of each row's labels, ascending; None where text or labels are missing."""
        ids = {label: i for i, label in enumerate(labels)}
        targets: list[tuple[int, ...] | None] = []
        for number, own in zip(table.row_numbers, labels_of_rows(table, columns, labels), strict=True):
            new = next((name for name in own or () if name not in ids), None)
            if new is not None:
                raise unknown_label(new, number, table, labels)
            targets.append(None if own is None else tuple(sorted({ids[name] for name in own})))
        return targets

    def strata(self, targets: Sequence[tuple[int, ...]], labels: Sequence[str]) -> list[str]:
        """Stratify by each row's rarest label, so that rare ones are in every part of the split."""
        rows = Counter(label for target in targets for label in target)
        return [labels[min(target, key=lambda label: (rows[label], label))] if target else "" for target in targets]

    def counts(self, targets: Sequence[tuple[int, ...]], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Count the rows that have each label."""
        rows = Counter(labels[label] for target in targets for label in target)
        return tuple(sorted(rows.items(), key=lambda item: (-item[1], item[0])))

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Report the labels, list those with few rows, and rows that repeat a label."""
        label_lists = labels_of_rows(table, columns)
        several = sum(len(labels) > 1 for labels in label_lists if labels)
        rows = Counter(label for labels in label_lists if labels for label in set(labels))
        problems = [Problem("pass", "labels_a_row", {"rows": several, "labels": len(rows)})]
        rare = [label for label, count in sorted(rows.items()) if count < thresholds.ENOUGH]
        if rare:
            values: dict[str, str | int | float] = {"count": len(rare), "wanted": thresholds.ENOUGH}
            values["labels"] = first_few(rare, 5)
            problems.append(Problem("warn", "rare_of_several", values))
        repeated = [row for row, labels in enumerate(label_lists) if labels and len(set(labels)) < len(labels)]
        if repeated:
            problems.append(Problem.at_rows("warn", "label_twice_in_row", repeated))
        cells = table.columns.get(columns["label"], ())
        if empty := [row for row, cell in enumerate(cells) if is_artifact(cell)]:
            words = first_few(list(dict.fromkeys(f"“{(cells[row] or '').strip()}”" for row in empty)), 5)
            problems.append(Problem.at_rows("warn", "no_value_left_out", empty, column=columns["label"], words=words))
        return problems

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize `rows`; `labels` are one 0.0 or 1.0 per label."""
        targets = self.targets(source.table, source.columns, source.labels)
        flags = _flags([targets[row] or () for row in rows], len(source.labels)).astype(float).tolist()
        inputs = self.inputs(source.table, source.columns, rows)
        return encoded(inputs, rows, tokenizer, options, labels=flags)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForSequenceClassification for labels that do not exclude each other."""
        from bertdemo.checkpoints.loading import open_model

        opened = open_model(
            folder,
            self.architecture,
            labels=options.labels,
            seed=options.seed,
            dropout=options.dropout,
            layers=options.layers,
            extra={"problem_type": self.problem_type},  # transformers then uses the binary cross-entropy
        )
        if options.targets and "classifier.bias" in opened.new_weights:
            _start_at_frequencies(opened.model, _flags(options.targets, len(options.labels)))
        return opened

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return macro- and micro-F1 at thresholds tuned on the same rows, so that epochs are compared alike."""
        import numpy as np
        import torch

        targets = np.asarray(references).astype(int)  # (rows, labels)
        probabilities = torch.tensor(logits).float().sigmoid().double().numpy()  # (rows, labels)
        return _scores(probabilities >= thresholds.tuned(probabilities, targets), targets)

    def tune(self, inference: Inference, inputs: Inputs, targets: Sequence[tuple[int, ...]]) -> Mapping[str, object]:
        """Return one threshold per label, tuned on the validation set."""
        probabilities = _probabilities(inference, inputs)
        flags = _flags(targets, probabilities.shape[1])
        return {"thresholds": [round(float(value), 4) for value in thresholds.tuned(probabilities, flags)]}

    def intervals(
        self, predictions: Sequence[LabelSet], targets: Sequence[tuple[int, ...]], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return both F1 with bootstrap intervals over rows."""
        ids = {label: i for i, label in enumerate(labels)}
        chosen = _flags([[ids[label] for label in prediction.chosen] for prediction in predictions], len(labels))
        return _with_intervals(chosen, _flags(targets, len(labels)))

    def judge(self, prediction: LabelSet, target: tuple[int, ...], labels: Sequence[str]) -> Judged:
        """A row is right where exactly its labels are chosen."""
        own = [labels[i] for i in target]
        return Judged(
            label=", ".join(own) or "–",
            predicted=", ".join(prediction.chosen) or "–",
            degree=Degree("confidence", prediction.confidence),
            right=set(own) == set(prediction.chosen),
            given=tuple(map(Annotation, own)),
            said=tuple(map(Annotation, prediction.chosen)),
        )

    def trivial_baseline(self, train: Sequence[tuple[int, ...]], held_out: Sequence[tuple[int, ...]]) -> float:
        """Return the macro-F1 of predicting every label for every row."""
        import numpy as np

        labels = 1 + max((label for target in [*train, *held_out] for label in target), default=0)
        targets = _flags(held_out, labels)
        return _scores(np.ones_like(targets), targets)["macro_f1"]

    def predict(self, inference: Inference, inputs: Inputs) -> list[LabelSet]:
        """Return all labels with their probabilities; those that reach their threshold are chosen."""
        labels = inference.labels
        # A model that was not tuned here has no thresholds: 0.5 is where "yes" is as probable as "no".
        limits = getattr(inference.model.config, "thresholds", None) or [0.5] * len(labels)
        return [
            LabelSet(
                tuple(
                    ScoredLabel(labels[i], row[i], row[i] >= limits[i], limits[i])
                    for i in sorted(range(len(labels)), key=lambda i: -row[i])
                )
            )
            for row in _probabilities(inference, inputs).tolist()
        ]

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score a linear probe per label, out of fold, with thresholds tuned on the other folds."""
        import numpy as np

        labels = self.labels(table, columns)
        targets = self.targets(table, columns, labels)
        vectors = frozen.vectors(self.inputs(table, columns, rows).texts)  # (rows, hidden)
        flags = _flags([targets[row] or () for row in rows], len(labels))  # (rows, labels)
        folds = np.random.default_rng(0).permutation(len(rows)) % FOLDS  # (rows,)
        probabilities = np.zeros_like(flags, dtype=float)
        for fold in range(FOLDS):
            held, rest = folds == fold, folds != fold
            probabilities[held] = thresholds.one_vs_rest(vectors[rest], flags[rest], vectors[held])
        chosen = np.zeros_like(flags)
        for fold in range(FOLDS):  # a threshold is never tuned on the row that it decides
            held, rest = folds == fold, folds != fold
            chosen[held] = probabilities[held] >= thresholds.tuned(probabilities[rest], flags[rest])
        return [BaselineScore("one_vs_rest", _with_intervals(chosen, flags), len(rows), FOLDS)]

    def _check_own_columns(self, table: Table, columns: Mapping[str, str]) -> None:
        flag = next(iter(flag_columns(table)), "") if self._flagged(columns) else columns.get("label", "")
        self.check_columns(table, {**columns, "label": flag})

    @staticmethod
    def _flagged(columns: Mapping[str, str]) -> bool:
        return columns.get("label") == FLAGS


def _may_be_joined(table: Table, column: str) -> bool:
    """Return whether a column holds several labels per row, and no name of it says that it is another thing."""
    return not (TEXT.is_about(column) or names.is_aside(column)) and _is_joined(table, column)


def _is_joined(table: Table, column: str) -> bool:
    """Return whether the cells of a column are lists of labels or labels joined by a separator."""
    return bool(joined_by([cell.strip() for cell in table.columns[column][:_SAMPLED_CELLS] if cell and cell.strip()]))


def _with_columns(table: Table, columns: Sequence[str]) -> Table:
    return replace(table, columns={name: table.columns[name] for name in columns})


def _start_at_frequencies(model: Any, flags: Flags) -> None:
    """Set the new head's bias so that it predicts each label with its frequency in the training set.

    With a bias of 0 it would predict 0.5 for each; with 28 labels it took the first of three epochs to get down.
    """
    import torch

    # Half a row is added to either side, so that no frequency is 0 or 1, whose logit is infinite.
    frequencies = torch.tensor((flags.sum(0) + 0.5) / (len(flags) + 1), dtype=torch.float32)  # (labels,)
    with torch.no_grad():
        model.classifier.bias.copy_(torch.logit(frequencies))


def _flags(targets: Sequence[Sequence[int]], labels: int) -> Flags:
    """Return (rows, labels) flags, 1 for each label id in the target of a row."""
    from sklearn.preprocessing import MultiLabelBinarizer

    flags: Flags = MultiLabelBinarizer(classes=range(labels)).fit_transform(targets)
    return flags


def _probabilities(inference: Inference, inputs: Inputs) -> Floats:
    """Return (rows, labels) probabilities."""
    import numpy as np

    def probabilities_of(batch: Batch, _: list[int]) -> Any:
        return inference.model(**batch).logits.float().sigmoid().cpu().numpy()  # (batch, labels)

    rows = inference.forward(probabilities_of, inputs.texts, inputs.pairs)
    # reshape: without a text there is no row to tell the number of labels
    return np.asarray(rows, dtype=float).reshape(len(rows), len(inference.labels))


def _scores(chosen: Any, targets: Flags) -> dict[str, float]:
    from bertdemo import metrics

    return metrics.compute(MultiLabel.metrics, predictions=chosen.astype(int), references=targets)


def _with_intervals(chosen: Any, targets: Flags) -> dict[str, Score]:
    """Return both F1 of (rows, labels) flags with bootstrap intervals over rows."""
    return scores_with_intervals(MultiLabel.metrics, predictions=chosen.astype(int), references=targets)
