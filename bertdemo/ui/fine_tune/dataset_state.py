"""The data that is chosen in Fine-tune: parsed, cleaned as the visitor chose, examined, and drawn.

A cleaning step is a tick: it is applied while it is ticked. The file stays as it is; a run stores the ticks and
cleans its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.analysis import report
from bertdemo.dataset import cleaning
from bertdemo.dataset.dataset_cache import Preparation
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.dataset.split import SEED
from bertdemo.errors import (
    BertDemoError,
    ColumnsNotFound,
    FieldOutOfBounds,
    LabelColumnMissing,
    OneClass,
    OneText,
    TooFewRows,
    TooManyLabels,
)
from bertdemo.i18n.translation import plural, translate
from bertdemo.services import Services
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task
from bertdemo.tasks.roles import INPUT_SLOTS, known
from bertdemo.ui.html.dataset import reasons, render_cleaned, render_data, render_preview
from bertdemo.ui.html.primitives import error_state, root
from bertdemo.ui.localized import sentence

# The largest seed: as for the seed of a run, what every generator takes.
MOST_SEED = 2**31 - 1
# Number of outputs of `shown`.
SHOWN = 11


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

    def relabeled(self, relabel: Mapping[str, str]) -> Source:
        """Return the same data with these relabels and no others."""
        return replace(self, changed=tuple(sorted(relabel.items())))


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


@dataclass
class _View:
    """What is shown of a source; it is filled as far as one comes."""

    picked: Picked
    preview: str
    drawn: str = ""
    cleaned: str = ""
    cleaning: Any = field(default_factory=lambda: gr.update(visible=False))
    facts: dict[str, Any] | None = None


class ChosenData:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = services.settings.limits

    def read(self, source: Source) -> Table:
        """Return the table as it stands in the file."""
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

    def shown(
        self, source: Source, picked: Picked | None, checkpoint: str, key: str, lang: str, progress: Any = None
    ) -> tuple[Any, ...]:
        """Outputs: facts for the settings, report, preview, picked, task, columns by slot, preview box, cleaning, done.

        What is not picked is guessed: the task by the table, a column by the task.
        `progress` is a gr.Progress where the person sees one: a large file takes seconds.
        """
        say = _sayer(progress, lang)
        say("data.reading", 0.0)
        try:
            table = self.read(source)
        except BertDemoError as error:
            hidden = gr.update(visible=False)
            return None, _refused(error, lang), "", None, hidden, hidden, hidden, hidden, hidden, hidden, ""
        task = tasks.find(picked.task) if picked is not None else tasks.guess(table)
        view = _View(picked or Picked(task.id), render_preview(table, self._limits.preview_rows, lang))
        try:
            self._look(view, table, source, checkpoint, key, lang, say)
        except (OneClass, OneText, TooFewRows, TooManyLabels) as error:
            # What is wrong with such a table stands in the report, where there is one: it stays below the refusal.
            view.facts, view.drawn = None, _refused(error, lang) + view.drawn
        except BertDemoError as error:
            view.facts, view.drawn = None, _refused(error, lang)
        boxes = (view.picked, gr.update(value=task.id, visible=True), *_column_boxes(table, view.picked, lang))
        return (view.facts, view.drawn, view.preview, *boxes, gr.update(visible=True), view.cleaning, view.cleaned)

    def _look(
        self,
        view: _View,
        table: Table,
        source: Source,
        checkpoint: str,
        key: str,
        lang: str,
        say: Callable[[str, float], None],
    ) -> None:
        """Fill the view; what was filled before an error stays."""
        task = tasks.find(view.picked.task)
        if not view.picked.whole:
            view.picked = _guessed(table, view.picked)
            _refuse_missing(table, view.picked)
        # No limit of labels yet: merging their spellings may bring them below it.
        task.check(table, view.picked.columns, label_limit=table.rows)
        say("data.examining", 0.0)
        # An unreadable validation or test file must not hide what can be said about the training file.
        source, trouble = self._readable(source, lang)
        prepared = self._services.datasets.get(
            source.preparation, task, view.picked.columns, lambda share: say("data.examining", 0.4 * share)
        )
        view.cleaning = self._offered(prepared, source.cleaning, lang)
        view.preview = render_preview(prepared.table, self._limits.preview_rows, lang)
        view.cleaned = render_cleaned(prepared.done, lang)
        examined = self._report(prepared, checkpoint, key, lambda share: say("data.examining", 0.4 + 0.6 * share))
        view.drawn = trouble + render_data(source.name, examined, table.notes, lang)
        if not trouble and all(item.level != "fail" for item in examined.findings):
            view.facts = {
                "split_seed": prepared.split_seed,
                "split": dict(examined.split),
                "suggested": examined.lengths.suggested,
                "labels": len(examined.labels),
                "step_multiplier": task.step_multiplier,
            }
        task.check(prepared.table, view.picked.columns, label_limit=self._limits.labels)
        if "validation" not in dict(source.held_out):  # what is wrong with a file of its own stands in the report
            prepared.check_held_out()

    def _readable(self, source: Source, lang: str) -> tuple[Source, str]:
        """Return the data with the files beside it, or without where one cannot be read, and what is told of that."""
        try:
            for role, path in source.held_out:
                self._services.table_cache.held_out(role, Path(path), Path(path).name)
        except BertDemoError as error:
            return source.beside(None, None), _refused(error, lang)
        return source, ""

    def examined(
        self, source: Source | None, picked: Picked | None, checkpoint: str, key: str, lang: str, progress: Any = None
    ) -> tuple[Any, ...]:
        """Outputs: those of `shown`, also where no data is chosen."""
        if source is None:
            return self.nothing(lang)
        return self.shown(source, picked, checkpoint, key, lang, progress)

    def nothing(self, lang: str) -> tuple[Any, ...]:
        """Outputs: those of `shown`, without data."""
        hidden = gr.update(visible=False)
        empty = render_data("", None, (), lang)
        return None, empty, "", None, *(hidden,) * 5, gr.update(visible=False, value=[]), ""

    def _offered(self, prepared: PreparedDataset, chosen: Sequence[str], lang: str) -> Any:
        """Offer what would change something, and what was chosen already."""
        offered = cleaning.CLEANING_STEPS if prepared.task.categories else cleaning.WITHOUT_CATEGORIES
        # Counted before any cleaning, so that a step keeps its number when another one is ticked.
        counts = cleaning.counts(prepared.facts.cleaned.before)
        choices = [
            (plural(lang, f"cleaning.{step}", count, few=cleaning.FEW_ROWS), step)
            for step, count in counts.items()
            if step in offered and (count or step in chosen)
        ]
        return gr.update(choices=choices, value=list(chosen), visible=bool(choices))

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


def _sayer(progress: Any, lang: str) -> Callable[[str, float], None]:
    """Return what tells a share of the work, under a locale key; nobody is told without `progress`."""
    if progress is None:
        return lambda key, share: None
    return lambda key, share: progress(share, desc=translate(lang, key))


def _refused(error: BertDemoError, lang: str) -> str:
    return root(error_state(sentence(error, lang)), "bd-data")


def _guessed(table: Table, picked: Picked | None) -> Picked:
    """Return what the task takes, as far as columns look like it; a column that a person picked stays."""
    task = tasks.find(picked.task) if picked is not None else tasks.guess(table)
    try:
        guessed = task.columns(table)
    except ColumnsNotFound:
        guessed = known(table, [role for role in task.roles if role.required])
    # A guess never takes a column that the visitor has given to another role.
    chosen = picked.columns if picked is not None else {}
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


def _column_boxes(table: Table, picked: Picked, lang: str) -> tuple[Any, ...]:
    """Offer the columns by place; below one that was guessed stands why it was, below one that was chosen nothing."""
    task = tasks.find(picked.task)
    why = reasons(table, task.roles, picked.columns, lang)
    roles = {role.slot: role.name for role in task.roles}
    boxes = []
    for place in INPUT_SLOTS:
        if place not in roles:
            boxes.append(gr.update(visible=False, value=None))
            continue
        names = task.choices(table, roles[place])
        value = getattr(picked, place)
        choices = [(translate(lang, "role.flags") if name not in table.columns else name, name) for name in names]
        boxes.append(
            gr.update(
                choices=choices,
                value=value if value in names else None,
                visible=True,
                label=translate(lang, f"role.{roles[place]}"),
                info=why.get(roles[place], ""),
            )
        )
    return tuple(boxes)
