"""The contract of a task: everything the app must know about one use of BERT, and nothing about runs or pages.

A new task is one file with one subclass of `Task`, one line in `tasks/__init__.py`, its locale keys and a test.
Nothing elsewhere asks which task it is: it calls these methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bertdemo.errors import ColumnMissing, ColumnTwice
from bertdemo.run_config import Truncation
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tasks.forward import Collator
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Problem, Score
from bertdemo.tasks.roles import Role

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table


@dataclass(frozen=True)
class EncodeOptions:
    """What a task needs to turn rows into tensors."""

    truncation: Truncation
    train: bool = True
    """False for rows that are held out: what is drawn at random for them is drawn once and for all."""
    stop: Callable[[], None] = lambda: None
    """Called now and then; raises where the work should end."""


@dataclass(frozen=True)
class HeadOptions:
    """What a task needs to build a model with a head of its own."""

    labels: tuple[str, ...]
    seed: int
    targets: Sequence[Any] = ()
    """What should be said of the training rows, where there are any: a new head may begin at their shares."""


@dataclass(frozen=True)
class Inputs:
    """What the model reads of some rows: one text each, and a second one each where the task has two."""

    texts: list[str]
    pairs: list[str] | None = None
    words: list[tuple[tuple[int, int], ...]] | None = None
    """The characters of each word of each text, where the data say what a word is."""

    def pair(self, index: int) -> str:
        """Return the second text of one row, "" where there is none."""
        return self.pairs[index] if self.pairs is not None else ""


class Frozen(Protocol):
    """What a task's own baseline may ask of a checkpoint that is not trained."""

    def vectors(self, texts: Sequence[str]) -> Any:
        """Return (texts, width): the mean of the last layer over each text's pieces."""

    def pieces(self, texts: Sequence[str]) -> list[tuple[Any, list[tuple[int, int]]]]:
        """Return for each text (pieces, width) of the last layer and the characters that each piece came from."""


class Task(ABC):
    """One use of BERT. Instances are stateless."""

    id: str
    roles: tuple[Role, ...]
    metrics: tuple[str, ...]
    """Names under `bertdemo/metrics`; the first is the headline."""
    chosen_by: str = ""
    """The metric that chooses the epoch and is drawn while training; "" for the first one."""
    lower_is_better: bool = False
    """Whether the epoch with the lowest `chosen_by` is the best."""
    categories: bool = True
    """Whether a row has one label out of a few, so that labels can be counted, merged, suspected and balanced."""
    judges: bool = True
    """Whether what is said of a row can be right or wrong, so that there are mistakes to list."""
    can_freeze: bool = False
    """Whether a regression on the frozen encoder can be kept as a checkpoint of this task."""
    has_baseline: bool = True
    """Whether something without fine-tuning can be scored beside it."""
    windows: bool = False
    """Whether a long text is read in overlapping windows, so that nothing of it is cut."""
    step_multiplier: float = 1.0
    """How many times the steps of a text classification with as many labels it takes."""
    label_names: tuple[str, ...] = ("labels",)
    """Columns of an encoded row that hold what should be said; Trainer hands them to `score`."""

    def fits(self, table: Table) -> float:
        """Return how much a table looks like data for this task, 0 to 1; the task that fits best is offered first."""
        return 0.0

    @abstractmethod
    def columns(self, table: Table) -> dict[str, str]:
        """Guess which column has which role; ColumnsNotFound names the role that none fits."""

    @abstractmethod
    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise the DataError that makes this table unusable for the task, if there is one."""

    @abstractmethod
    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise the DataError that makes a validation or test file unusable beside training data with `labels`."""

    @abstractmethod
    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the labels in the order of their ids; () where the task has none."""

    @abstractmethod
    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[Any]:
        """Return what should be said of each row, None where a row cannot be used.

        UnknownLabel names a row whose label is not among `labels`.
        """

    def strata(self, targets: Sequence[Any], labels: Sequence[str]) -> list[str]:
        """Return what the parts of a split should have in equal shares, one a target; none of them is None."""
        return [""] * len(targets)

    def inputs(self, table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> Inputs:
        """Return what the model reads of these rows (indices into the table)."""
        by_slot = self.columns_by_slot(columns)
        texts, *more = (
            [(cell or "") for cell in cells_at(table.columns[by_slot[place]], rows)]
            for place in ("text", "pair")
            if place in by_slot
        )
        return Inputs(texts, more[0] if more else None)

    def counts(self, targets: Sequence[Any], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Return (label, how often it is given), most frequent first, of a task whose labels are no `categories`."""
        return ()

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Return what is wrong with the rows in this task's own way, for the report before training."""
        return []

    @abstractmethod
    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Return a Dataset of what the model takes, `length` in pieces and `row`; a row may come several times."""

    @abstractmethod
    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Return the checkpoint in `folder` with this task's head, new where it has none for these labels."""

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Return what makes batches of encoded rows."""
        return Collator(tokenizer.pad_id)

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return (loss, outputs with `logits`) of one batch."""
        outputs = model(**inputs)
        return outputs["loss"], outputs

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return what is kept of a batch's logits for `score`: less, where they would fill the memory."""
        return logits

    @abstractmethod
    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return the metrics during training, `chosen_by` among them, of what `reduce` kept; without intervals."""

    @abstractmethod
    def intervals(self, said: Sequence[Any], targets: Sequence[Any], labels: Sequence[str]) -> dict[str, Score]:
        """Return the metrics with their intervals, at the end; `said` are predictions of this task."""

    @abstractmethod
    def judge(self, said: Any, target: Any, labels: Sequence[str]) -> Judged:
        """Return one row's prediction beside its target."""

    def decode(self, logits: Any, dataset: Dataset, held_out: HeldOut) -> dict[int, Any] | None:
        """Return row -> prediction of what `reduce` kept of a data set; None where predictions need more than that."""
        return None

    def guess(self, train: Sequence[Any], held_out: Sequence[Any]) -> float | None:
        """Return what guessing reaches of `chosen_by`; None where there is nothing to guess."""
        return None

    @abstractmethod
    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Any]:
        """Return one result a text, in the order of `inputs.texts`. Raises an InputError for what it cannot answer."""

    def answer(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Any]:
        """Return what is judged of held-out rows: what `predict` says, unless people ask for something else."""
        return self.predict(model, tokenizer, inputs, truncation, progress=progress)

    def tuned(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        targets: Sequence[Any],
        truncation: Truncation,
    ) -> Mapping[str, Any]:
        """Return what is chosen on validation rows after training (thresholds, say): fields of the model's config."""
        return {}

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Return how far this task's own baselines reach on these rows, for tasks without `categories`."""
        return []

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return place -> column, of the roles that have one."""
        return {role.slot: columns[role.name] for role in self.roles if columns.get(role.name)}

    def choices(self, table: Table, role: str) -> list[str]:
        """Return what can be chosen for a role: the columns, and what a task takes for one."""
        return list(table.columns)

    @property
    def reads(self) -> tuple[Role, ...]:
        """The roles that a prediction needs: all but what should be said."""
        return tuple(role for role in self.roles if role.slot != "label" and role.required)

    @property
    def reads_pairs(self) -> bool:
        """Whether a prediction needs a second text."""
        return any(role.slot == "pair" for role in self.reads)

    def is_head(self, parameter: str) -> bool:
        """Return whether a parameter belongs to the head, which learns faster than the encoder.

        The pooler counts: sequence classification reads it, and it was trained for another purpose.
        """
        return parameter.startswith(("classifier.", "linear.")) or ".pooler." in parameter

    def older_degree(self, stored: float) -> Degree:
        """Return what the number of an evaluated row measures, in a run stored before rows named it."""
        return Degree("confidence", stored)

    def check_columns(self, table: Table, columns: Mapping[str, str]) -> None:
        """Raise ColumnMissing where a required role has no column of the table, ColumnTwice where two share one."""
        named: set[str] = set()
        for role in self.roles:
            column = columns.get(role.name, "")
            if not column and not role.required:
                continue
            if column not in table.columns:
                raise ColumnMissing(column=column or role.name, columns=", ".join(table.columns))
            if column in named:
                raise ColumnTwice(column=column)
            named.add(column)


@dataclass(frozen=True)
class HeldOut:
    """The rows that an encoded data set was made of: its column `row` counts in `table`."""

    table: Table
    columns: Mapping[str, str]
    labels: tuple[str, ...]
