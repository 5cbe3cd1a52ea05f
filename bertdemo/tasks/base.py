"""The contract of a task: everything the app must know about one use of BERT, and nothing about runs or pages.

A new task is one file with one subclass of `Task`, one line in `tasks/__init__.py`, its locale keys and a test.
Nothing elsewhere asks which task it is: it calls these methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bertdemo.errors import ColumnMissing, ColumnsNotFound, ColumnTwice, TooFewRows, UnknownLabel, first_few
from bertdemo.run_config import Truncation
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tasks.forward import Collator, Inference, too_long
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Problem, Score
from bertdemo.tasks.roles import Role

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.loading import Architecture
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

# Two labels, each once in training and once in validation: with fewer rows there is nothing to learn or to evaluate.
MINIMUM_ROWS = 4
# Cross-validation of a task's own baselines: each fit sees four fifths of the rows.
FOLDS = 5
# Labels that the message of UnknownLabel lists.
_NAMED_LABELS = 8


@dataclass(frozen=True)
class EncodeOptions:
    """How rows are turned into token ids."""

    truncation: Truncation
    train: bool = True
    """False for held-out rows: whatever is drawn at random for them is the same in every epoch."""
    stop: Callable[[], None] = lambda: None
    """Called between chunks of rows; raises to end the work."""


@dataclass(frozen=True)
class HeadOptions:
    """What a task needs to build a model with its own head."""

    labels: tuple[str, ...]
    seed: int
    targets: Sequence[Any] = ()
    """Targets of the training rows, if there are any: a new head may start from their label frequencies."""
    pooling: str = "pooler"
    """What the head reads where there is a choice: `pooler` or `mean`."""
    layers: int | None = None
    """Lowest layers that are kept; None for all."""
    dropout: float | None = None
    """Dropout rate in training; None for the checkpoint's own."""


@dataclass(frozen=True)
class LossOptions:
    """What may be changed of a training loss, for a task that names it in `options`."""

    label_weights: tuple[float, ...] = ()
    """Weight of each label, in the order of their ids; () weighs all labels alike."""
    smoothing: float = 0.0
    """Share of the target probability that is spread over all labels."""


PLAIN = LossOptions()


@dataclass(frozen=True)
class Inputs:
    """What the model reads of some rows: one text per row, and a second one where the task takes pairs."""

    texts: list[str]
    pairs: list[str] | None = None
    words: list[tuple[tuple[int, int], ...]] | None = None
    """(start, end) code points of each word of each text, where the data define the words."""

    def pair(self, index: int) -> str:
        """Return the second text of one row, "" where there is none."""
        return self.pairs[index] if self.pairs is not None else ""


@dataclass(frozen=True)
class LabeledTable:
    """A table, the column of each role, and the labels in the order of their ids."""

    table: Table
    columns: Mapping[str, str]
    labels: tuple[str, ...] = ()


class Frozen(Protocol):
    """What a task's own baseline may compute with a checkpoint that is not trained."""

    def vectors(self, texts: Sequence[str]) -> Any:
        """Return (texts, hidden): the mean of the last layer over the tokens of each text."""

    def token_vectors(self, texts: Sequence[str]) -> list[tuple[Any, list[tuple[int, int]]]]:
        """Return per text the (tokens, hidden) vectors of the last layer and the code points of each token."""


class Task(ABC):
    """One use of BERT. Instances are stateless."""

    id: str
    roles: tuple[Role, ...]
    architecture: Architecture
    """The class of transformers that its checkpoints are opened as."""
    metrics: tuple[str, ...]
    """Names under `bertdemo/metrics`; the first is the headline."""
    chosen_by: str = ""
    """The metric that chooses the best epoch and is drawn while training; "" for the first one."""
    lower_is_better: bool = False
    """Whether the epoch with the lowest `chosen_by` is the best."""
    categories: bool = True
    """Whether a row has one label out of a few, so that labels can be counted, merged, balanced and audited."""
    judges: bool = True
    """Whether a prediction is right or wrong, so that there are mistakes to list."""
    judges_alone: bool = True
    """Whether a row can be judged without the other held-out rows; a search ranks the right text among all of them."""
    can_freeze: bool = False
    """Whether a linear probe (logistic regression on the frozen encoder) can be kept as a checkpoint of this task."""
    adds_head: bool = True
    """Whether it adds parameters to the encoder, which train where all layers are frozen."""
    has_baseline: bool = True
    """Whether a baseline without fine-tuning can be scored."""
    windows: bool = False
    """Whether a long text is read in overlapping windows, so that nothing of it is truncated."""
    step_multiplier: float = 1.0
    """How many optimizer steps it needs relative to text classification with as many labels."""
    problem_type: str = ""
    """The `problem_type` in transformers of heads that other tools trained for this task; "" where there are none."""
    freezes_embeddings: bool = False
    """Whether training without the embeddings was measured to be as good, so that it is the default."""
    options: frozenset[str] = frozenset()
    """Fields of `run_config.TASK_FIELDS` that it reads."""
    rows_are_independent: bool = True
    """Whether the loss of a batch is the mean of what its rows cost alone, so that processes may share the batch."""
    outputs_are_fixed: bool = True
    """Whether what leaves a frozen layer is the same of a row in every epoch, as far as the loss reads it: not where
    tokens are masked anew, or where the loss reads padding too, whose length depends on the batch."""
    label_names: tuple[str, ...] = ("labels",)
    """Columns of an encoded row that hold the target; Trainer hands them to `score`."""

    @property
    def headline_falls(self) -> bool:
        """Whether a lower value of the headline metric is the better one."""
        return self.lower_is_better and self.chosen_by in {"", self.metrics[0]}

    def fits(self, table: Table) -> float:
        """Return how much a table looks like data for this task, 0 to 1; the task with the highest value is offered."""
        try:
            return self.likelihood(table, self.columns(table))
        except ColumnsNotFound:
            return 0.0

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Return what `fits` returns, for the guessed columns."""
        return 0.0

    def possible_columns(self, table: Table) -> Mapping[str, str]:
        """Return role -> column where the task is possible although nothing in the table speaks for it; else {}.

        A person is asked about these where no other task fits. Two texts without a label may be anything.
        """
        return {}

    @abstractmethod
    def columns(self, table: Table) -> dict[str, str]:
        """Guess which column has which role; ColumnsNotFound names the role that no column fits."""

    @abstractmethod
    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise the DataError that makes this table unusable for the task, if there is one."""

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a validation or test file lacks a column, has a label not in `labels`, or has no usable row."""
        self.check_columns(table, columns)
        self.check_usable(table, columns, labels, 1)

    def check_usable(self, table: Table, columns: Mapping[str, str], labels: Sequence[str], minimum: int) -> None:
        """Raise TooFewRows, or a more specific DataError, where fewer than `minimum` rows have a target."""
        usable = sum(target is not None for target in self.targets(table, columns, labels))
        if usable < minimum:
            raise TooFewRows(rows=usable, minimum=minimum)

    @abstractmethod
    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels in the order of their ids; () where the task has none."""

    @abstractmethod
    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[Any]:
        """Return the target of each row, None where a row cannot be used.

        UnknownLabel names a row whose label is not among `labels`.
        """

    def strata(self, targets: Sequence[Any], labels: Sequence[str]) -> list[str]:
        """Return the stratum of each target, by which a split is stratified; no target is None."""
        return [""] * len(targets)

    def inputs(self, table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> Inputs:
        """Return what the model reads of these rows (indices into the table)."""
        by_slot = self.columns_by_slot(columns)
        texts, *pairs = (
            [(cell or "") for cell in cells_at(table.columns[by_slot[slot]], rows)]
            for slot in ("text", "pair")
            if slot in by_slot
        )
        return Inputs(texts, pairs[0] if pairs else None)

    def counts(self, targets: Sequence[Any], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Return (label, occurrences), most frequent first, for a task whose labels are not `categories`."""
        return ()

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Return the findings that only this task can make, for the report before training."""
        return []

    @abstractmethod
    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Return a Dataset of the model's inputs, with `length` in tokens and `row`; a row may occur several times."""

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the checkpoint in `folder` as `architecture`, with a new head where it has none for these labels."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(
            folder,
            self.architecture,
            labels=options.labels,
            seed=options.seed,
            dropout=options.dropout,
            layers=options.layers,
        )

    def encoder(self, model: Any) -> Any:
        """Return the BertModel inside a model of this task."""
        return model.base_model

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Return what makes batches of encoded rows."""
        return Collator(tokenizer.pad_id)

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return (loss, outputs with `logits`) of one batch; `options` are plain where `Task.options` has none."""
        outputs = model(**inputs)
        return outputs["loss"], outputs

    def chance_loss(self, targets: Sequence[Any], options: LossOptions = PLAIN) -> float | None:
        """Return the training loss of a model that knows how frequent each label is and ignores the text."""
        return None

    def only_label(self, logits: Any, labels: Sequence[str]) -> str:
        """Return the one label that every row of an evaluation was given; "" where there are several, or no labels."""
        return ""

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return what is kept of a batch's logits for `score`: less, where all of them would fill the memory."""
        return logits

    @abstractmethod
    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return the metrics during training, `chosen_by` among them, of what `reduce` kept; without intervals."""

    @abstractmethod
    def intervals(self, predictions: Sequence[Any], targets: Sequence[Any], labels: Sequence[str]) -> dict[str, Score]:
        """Return the final metrics of this task's predictions, with their 95% intervals."""

    @abstractmethod
    def judge(self, prediction: Any, target: Any, labels: Sequence[str]) -> Judged:
        """Return one row's prediction beside its target."""

    def decode(self, logits: Any, dataset: Dataset, held_out: LabeledTable) -> dict[int, Any] | None:
        """Return row -> prediction of what `reduce` kept of a dataset; None where predictions need more than that."""
        return None

    def trivial_baseline(self, train: Sequence[Any], held_out: Sequence[Any]) -> float | None:
        """Return `chosen_by` of a prediction that ignores the text; None where there is no such prediction."""
        return None

    @abstractmethod
    def predict(self, inference: Inference, inputs: Inputs) -> list[Any]:
        """Return one prediction per text, in the order of `inputs.texts`. Raises an InputError for unusable input."""

    def truncated(self, inference: Inference, inputs: Inputs) -> list[bool]:
        """Return whether the model reads less than the whole of each row, because it has too many tokens."""
        if self.windows:
            return [False] * len(inputs.texts)
        return too_long(inference, inputs.texts, inputs.pairs)

    def example(self, text: str, pair: str, truth: str) -> tuple[str, str, str]:
        """Return an evaluated row as a person would give it to the model, and its true answer."""
        return text, pair, truth

    def predict_held_out(self, inference: Inference, inputs: Inputs) -> list[Any]:
        """Return the predictions that `intervals` and `judge` evaluate: those of `predict`, unless overridden."""
        return self.predict(inference, inputs)

    def tune(self, inference: Inference, inputs: Inputs, targets: Sequence[Any]) -> Mapping[str, object]:
        """Return config fields that are chosen on the validation set after training (thresholds, say)."""
        return {}

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Return the scores of this task's own baselines on these rows, for tasks without `categories`."""
        return []

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return slot -> column, for the roles that have a column."""
        return {role.slot: columns[role.name] for role in self.roles if columns.get(role.name)}

    def choices(self, table: Table, role: str) -> list[str]:
        """Return what can be chosen for a role: the columns, and what a task accepts as one."""
        return list(table.columns)

    @property
    def reads(self) -> tuple[Role, ...]:
        """The roles that a prediction needs: the required ones except the target."""
        return tuple(role for role in self.roles if role.slot != "label" and role.required)

    @property
    def reads_pairs(self) -> bool:
        """Whether a prediction needs a second text."""
        return any(role.slot == "pair" for role in self.reads)

    def is_head(self, parameter: str) -> bool:
        """Return whether a parameter belongs to the head, which has a higher learning rate than the encoder.

        The pooler counts: sequence classification reads it, and it was pretrained for another objective.
        """
        return parameter.startswith(("classifier.", "linear.")) or ".pooler." in parameter

    def older_degree(self, stored: float) -> Degree:
        """Return what the number of an evaluated row measures, in a run stored before rows named it."""
        return Degree("confidence", stored)

    def check_columns(self, table: Table, columns: Mapping[str, str]) -> None:
        """Raise ColumnMissing where a required role has no column of the table, ColumnTwice where two share one."""
        used: set[str] = set()
        for role in self.roles:
            column = columns.get(role.name, "")
            if not column and not role.required:
                continue
            if column not in self.choices(table, role.name):
                raise ColumnMissing(column=(column or role.name)[:80], columns=", ".join(table.columns))
            if column in used:
                raise ColumnTwice(column=column)
            used.add(column)


def unknown_label(label: str, row: int, table: Table, labels: Sequence[str]) -> UnknownLabel:
    """Return the error of a row (its number in the file) whose label is not among `labels`."""
    return UnknownLabel(label=label[:80], row=row, file=table.name, labels=first_few(labels, _NAMED_LABELS))
