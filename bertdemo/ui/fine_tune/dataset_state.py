"""The data that is chosen in Fine-tune: parsed, cleaned as the visitor chose, and examined.

A cleaning step is applied while it is chosen. The file stays as it is; a run stores the steps and cleans its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bertdemo import tasks
from bertdemo.analysis import report
from bertdemo.checkpoints.info import owner_sha256
from bertdemo.dataset import cleaning
from bertdemo.dataset.dataset_cache import Preparation
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.dataset.split import SEED
from bertdemo.errors import (
    BertDemoError,
    ColumnsNotFound,
    FieldOutOfBounds,
    LabelColumnMissing,
)
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task
from bertdemo.tasks.roles import INPUT_SLOTS, InputSlot, known
from bertdemo.ui.html.dataset import OfferedStep, reasons

# The largest seed: as for the seed of a run, what every generator takes.
MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Source:
    """The data that is chosen; kept in the page's state."""

    path: str
    name: str
    sample: str = ""
    # Dataset of the Hub with its commit, and the split.
    origin: str = ""
    cleaning: tuple[str, ...] = ()
    # The visitor's corrections of how the file is parsed.
    options: ParseOptions = DECIDE
    # The items of `relabel` as a tuple: what a page remembers must be hashable.
    changed: tuple[tuple[str, str], ...] = ()
    # (role, path) of the validation and the test file.
    held_out: tuple[tuple[str, str], ...] = ()
    split_seed: int = SEED
    # Hash of the key of the owner who chose it: another visitor who names this session gets nothing.
    owner: str = ""

    @property
    def relabel(self) -> dict[str, str]:
        """See RunRequest.relabels; of the label column that is chosen."""
        return dict(self.changed)

    @property
    def preparation(self) -> Preparation:
        """What decides how its rows become a dataset."""
        files = tuple((role, path, Path(path).name) for role, path in self.held_out)
        return Preparation(self.path, self.name, self.options, self.cleaning, self.changed, self.split_seed, files)

    def beside(self, validation: str | None, test: str | None, split_seed: float | None = None) -> Source:
        """Return the same data with these files beside it and no others, and divided by this seed; None keeps it.

        Raises FieldOutOfBounds for a seed that is none.
        """
        files = (("validation", validation), ("test", test))
        seed = self.split_seed if split_seed is None else int(split_seed)
        if not 0 <= seed <= MOST_SEED:
            raise FieldOutOfBounds(field="split_seed", value=str(seed), low="0", high=str(MOST_SEED))
        return replace(self, held_out=tuple((role, path) for role, path in files if path), split_seed=seed)

    def chosen_by(self, key: object) -> Source:
        """Return the same data as the choice of the holder of this owner key."""
        return replace(self, owner=_hash_of(key))

    def is_of(self, key: object) -> bool:
        """Return whether the holder of this owner key has chosen it."""
        return self.owner == _hash_of(key)

    def relabeled(self, relabel: Mapping[str, str]) -> Source:
        """Return the same data with these relabels and no others."""
        return replace(self, changed=tuple(sorted(relabel.items())))


def _hash_of(key: object) -> str:
    """Return the hash of an owner key; "" where there is none, as on a loopback server."""
    return owner_sha256(key) if isinstance(key, str) and key else ""


@dataclass(frozen=True)
class Picked:
    """The task and the column in each place; a page remembers it, and every box below the data asks it."""

    task: str
    text: str = ""
    pair: str = ""
    label: str = ""

    @classmethod
    def of(cls, task: Task, columns: Mapping[str, str]) -> Picked:
        """Return what role -> column comes to."""
        return cls(task.id, **{role.slot: columns.get(role.name, "") for role in task.roles})

    @property
    def columns(self) -> dict[str, str]:
        """Role -> column."""
        return {role.name: column for role in tasks.find(self.task).roles if (column := getattr(self, role.slot))}

    @property
    def columns_by_slot(self) -> dict[str, str]:
        """Input slot -> column, as the report and the cleaning need it."""
        return tasks.find(self.task).columns_by_slot(self.columns)

    @property
    def whole(self) -> bool:
        """Whether every role that is needed has a column."""
        return all(getattr(self, role.slot) for role in tasks.find(self.task).roles if role.required)


@dataclass(frozen=True)
class Facts:
    """What the settings and the action bar need to know of usable data."""

    rows: int
    split: Mapping[str, int]
    """Part -> rows."""
    suggested: int
    labels: int
    step_multiplier: float
    lengths: report.LengthSummary
    split_seed: int = SEED
    task: str = ""
    can_probe: bool = False
    """Whether a linear probe can be kept, so that the recipes that end with one are offered."""


@dataclass(frozen=True)
class ColumnChoice:
    """What is offered for the column in one place."""

    slot: InputSlot
    role: str
    """"" where the task has no such role."""
    columns: tuple[tuple[str, str], ...] = ()
    """(words, column)."""
    value: str | None = None
    why: str = ""


@dataclass(frozen=True)
class DataView:
    """What is known of a source, as far as it could be read."""

    source: Source
    table: Table | None = None
    picked: Picked | None = None
    columns: tuple[ColumnChoice, ...] = ()
    report: report.Report | None = None
    offered: tuple[OfferedStep, ...] = ()
    prepared: PreparedDataset | None = None
    facts: Facts | None = None
    """None where these data cannot be trained on; `refusals` then say why."""
    refusals: tuple[BertDemoError, ...] = ()
    readings: tuple[tasks.Reading, ...] = ()
    """Two or three where the table can be read in as many ways that are as good; then nothing is picked yet."""

    @property
    def picked_or_empty(self) -> Picked:
        """What is picked, as a value."""
        return self.picked or Picked("")

    @property
    def picked_whole(self) -> bool:
        """Whether every role that is needed has a column."""
        return self.picked is not None and self.picked.whole

    @property
    def one_column(self) -> bool:
        """Whether the label is missing because the file has only one column."""
        return any(isinstance(error, LabelColumnMissing) for error in self.refusals)


def silent(key: str, share: float) -> None:
    """Ignore the progress of the work."""


Say = Callable[[str, float], None]
"""Called with a locale key and the share of the work that is done."""


class ChosenData:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = services.settings.limits

    def read(self, source: Source) -> Table:
        """Return the table as it is in the file."""
        return self._services.table_cache.table(Path(source.path), source.name, source.options)

    def prepared(self, source: Source, picked: Picked | None) -> tuple[PreparedDataset, Picked]:
        """Return the dataset of this source without the files beside it, checked, and what is picked of it."""
        if picked is None or not picked.whole:
            table = self.read(source)
            picked = _guessed(table, picked)
            _refuse_missing(table, picked)
        task = tasks.find(picked.task)
        task.check_columns(self.read(source), picked.columns)
        prepared = self._services.datasets.get(source.beside(None, None).preparation, task, picked.columns)
        prepared.check(self._limits.labels)
        return prepared, picked

    def view(
        self, source: Source, picked: Picked | None, checkpoint: str, key: str, lang: str, say: Say = silent
    ) -> DataView:
        """Return everything known about a source. Task and columns are guessed where not chosen."""
        say("data.reading", 0.0)
        try:
            table = self.read(source)
        except BertDemoError as error:
            return DataView(source, refusals=(error,))
        if picked is None:
            readings = tasks.readings(table)
            if len(readings) > 1:
                return DataView(source, table, readings=readings)
            picked = Picked(readings[0].task if readings else tasks.guess(table).id)
        view = DataView(source, table, picked)
        try:
            if not view.picked_whole:
                view = replace(view, picked=_guessed(table, view.picked))
                _refuse_missing(table, view.picked_or_empty)
            view = self._examined(view, table, checkpoint, key, say)
        except BertDemoError as error:
            view = replace(view, facts=None, refusals=(*view.refusals, error))
        return replace(view, columns=_column_choices(table, view.picked_or_empty, lang))

    def _examined(self, view: DataView, table: Table, checkpoint: str, key: str, say: Say) -> DataView:
        """Return the view with what the rows say; an error that makes them unusable is one of its refusals."""
        picked, source = view.picked_or_empty, view.source
        task = tasks.find(picked.task)
        # No limit of labels yet: merging their spellings may bring them below it.
        task.check(table, picked.columns, label_limit=table.rows)
        say("data.examining", 0.0)
        # An unreadable validation or test file must not hide what can be said about the training file.
        source, refusals = self._readable(source)
        prepared = self._services.datasets.get(
            source.preparation, task, picked.columns, lambda share: say("data.examining", 0.4 * share)
        )
        examined = self._report(prepared, checkpoint, key, lambda share: say("data.examining", 0.4 + 0.6 * share))
        view = replace(view, prepared=prepared, report=examined, offered=_offered(prepared, source.cleaning))
        try:
            task.check(prepared.table, picked.columns, label_limit=self._limits.labels)
            if "validation" not in dict(source.held_out):  # what is wrong with a file of its own is in the report
                prepared.check_held_out()
        except BertDemoError as error:
            refusals = (*refusals, error)
        usable = not refusals and all(item.level != "fail" for item in examined.findings)
        return replace(view, refusals=refusals, facts=_facts(prepared, examined, task) if usable else None)

    def _readable(self, source: Source) -> tuple[Source, tuple[BertDemoError, ...]]:
        """Return the data with the files beside it, or without where one cannot be read, and why it cannot."""
        try:
            for role, path in source.held_out:
                self._services.table_cache.held_out(role, Path(path), Path(path).name)
        except BertDemoError as error:
            return source.beside(None, None), (error,)
        return source, ()

    def _report(
        self, prepared: PreparedDataset, checkpoint: str, key: str, progress: Callable[[float], None]
    ) -> report.Report:
        owner = self._services.owner(key)
        info = self._services.catalogue.describe(checkpoint, owner)
        readable = info.id if info.ready else "bundled"  # a tokenizer that is not here yet cannot count tokens
        return report.examine(
            prepared,
            tokenizer=self._services.datasets.tokenizer(prepared, self._services.catalogue.tokenizer(readable, owner)),
            limits=self._limits,
            positions=info.positions,
            progress=progress,
        )


def _facts(prepared: PreparedDataset, examined: report.Report, task: Task) -> Facts:
    return Facts(
        rows=examined.rows,
        split=dict(examined.split),
        suggested=examined.lengths.suggested,
        labels=len(examined.labels),
        step_multiplier=task.step_multiplier,
        lengths=examined.lengths,
        split_seed=prepared.split_seed,
        task=task.id,
        can_probe=task.can_freeze,
    )


def _offered(prepared: PreparedDataset, chosen: Sequence[str]) -> tuple[OfferedStep, ...]:
    """Return the cleaning steps that would change something, and those that were chosen already."""
    offered = cleaning.CLEANING_STEPS if prepared.task.categories else cleaning.WITHOUT_CATEGORIES
    # Counted before any cleaning, so that a step keeps its number when another one is chosen.
    counts = cleaning.counts(prepared.facts.cleaned.before)
    return tuple(
        OfferedStep(step, count, step in chosen)
        for step, count in counts.items()
        if step in offered and (count or step in chosen)
    )


def _guessed(table: Table, picked: Picked | None) -> Picked:
    """Return what the task takes, as far as columns look like it; a column that a person picked stays."""
    task = tasks.find(picked.task) if picked is not None else tasks.guess(table)
    chosen = picked.columns if picked is not None else {}
    try:
        return Picked.of(task, tasks.complete(task, table, chosen))
    except ColumnsNotFound:
        guessed = known(table, [role for role in task.roles if role.required])
    # A guess never takes a column that the visitor has given to another role.
    free = {role: column for role, column in guessed.items() if column not in chosen.values()}
    return Picked.of(task, {**free, **chosen})


def _refuse_missing(table: Table, picked: Picked) -> None:
    """Raise where a role that is needed has no column."""
    # A file of one column lacks the label, whatever that column holds: it has a message of its own.
    missing = [role for role in tasks.find(picked.task).roles if role.required and not getattr(picked, role.slot)]
    if missing and len(table.columns) == 1 and any(role.name == "label" for role in missing):
        raise LabelColumnMissing
    if missing:
        raise ColumnsNotFound(role=missing[0].name, columns=", ".join(list(table.columns)[:20]))


def _column_choices(table: Table, picked: Picked, lang: str) -> tuple[ColumnChoice, ...]:
    """Return what is offered by place; a guessed column says why it was, one that was chosen does not."""
    task = tasks.find(picked.task)
    why = reasons(table, task.roles, picked.columns, lang)
    roles = {role.slot: role.name for role in task.roles}
    return tuple(_column_choice(table, picked, slot, roles.get(slot, ""), why, lang) for slot in INPUT_SLOTS)


def _column_choice(
    table: Table, picked: Picked, slot: InputSlot, role: str, why: Mapping[str, str], lang: str
) -> ColumnChoice:
    if not role:
        return ColumnChoice(slot, "")
    names = tasks.find(picked.task).choices(table, role)
    value = str(getattr(picked, slot))
    columns = tuple((translate(lang, "role.flags") if name not in table.columns else name, name) for name in names)
    return ColumnChoice(slot, role, columns, value if value in names else None, why.get(role, ""))
