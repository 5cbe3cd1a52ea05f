"""The data that is chosen in Fine-tune: read, mended as the person wished, examined, and drawn.

A mend is a tick: it is done when it is ticked and undone when the tick is taken away. The file stays as it is; a run
remembers the ticks and mends its own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.data import digests, mending, report
from bertdemo.data.reading import DECIDE, ReadOptions
from bertdemo.data.tables import Table
from bertdemo.errors import BertDemoError, OneClass, TooFewRows, TooManyLabels
from bertdemo.ui.i18n import plural, translate
from bertdemo.ui.render.data import reasons, render_data, render_mended, render_preview
from bertdemo.ui.render.primitives import error_state, root
from bertdemo.ui.services import Services
from bertdemo.ui.widgets import sentence

TASK = "classification"
SHOWN = 8
"""Outputs of `shown`."""


@dataclass(frozen=True)
class Source:
    """The data that is chosen; kept in the page's state."""

    path: str
    name: str
    sample: str = ""
    origin: str = ""
    """Data set of the Hub, its commit and part."""
    mends: tuple[str, ...] = ()
    options: ReadOptions = DECIDE
    """What was corrected of how the file is read."""
    changed: tuple[tuple[str, str], ...] = ()
    """The pairs of `relabels`: what a page remembers must have a hash."""
    held_out: tuple[tuple[str, str], ...] = ()
    """Role (validation, test) and path of the files beside it."""

    @property
    def relabels(self) -> dict[str, str]:
        """See RunRequest.relabels; of the label column that is chosen."""
        return dict(self.changed)

    def beside(self, validation: str | None, test: str | None) -> Source:
        """Return the same data with these files beside it and no others."""
        files = (("validation", validation), ("test", test))
        return replace(self, held_out=tuple((role, path) for role, path in files if path))

    def relabelled(self, relabels: Mapping[str, str]) -> Source:
        """Return the same data with these relabels and no others."""
        return replace(self, changed=tuple(sorted(relabels.items())))


@dataclass
class _View:
    """What is shown of a source; it is filled as far as one comes."""

    columns: Mapping[str, str]
    preview: str
    drawn: str = ""
    told: str = ""
    mends: Any = field(default_factory=lambda: gr.update(visible=False))
    facts: dict[str, Any] | None = None


class ChosenData:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._limits = services.settings.limits

    def read(self, source: Source) -> Table:
        """Return the table as it stands in the file."""
        return self._services.shelf.table(Path(source.path), source.name, source.options)

    def mended(self, source: Source, columns: Mapping[str, str]) -> Table:
        """Return the table that a run of this source would train on, checked."""
        table = mending.apply(self.read(source), columns, source.mends, source.relabels)[0]
        tasks.find(TASK).check(table, columns, label_limit=self._limits.labels)
        return table

    def shown(
        self, source: Source, text: str | None, label: str | None, checkpoint: str, key: str, lang: str,
        progress: Any = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Outputs: found (for the settings), report, preview, both columns, preview box, mends, what was done.

        `progress` is a gr.Progress where the person sees one: a large file takes seconds.
        """
        say = _sayer(progress, lang)
        say("data.reading", 0.0)
        try:
            table = self.read(source)
        except BertDemoError as error:
            hidden = gr.update(visible=False)
            return None, _refused(error, lang), "", hidden, hidden, hidden, hidden, ""
        view = _View({"text": text or "", "label": label or ""}, render_preview(table, self._limits.preview_rows, lang))
        try:
            self._look(view, table, source, checkpoint, key, lang, say)
        except (OneClass, TooFewRows, TooManyLabels) as error:
            # What is wrong with such a table stands in the report, where there is one: it stays below the refusal.
            view.facts, view.drawn = None, _refused(error, lang) + view.drawn
        except BertDemoError as error:
            view.facts, view.drawn = None, _refused(error, lang)
        boxes = _column_boxes(table, view.columns, lang)
        return (view.facts, view.drawn, view.preview, *boxes, gr.update(visible=True), view.mends, view.told)

    def _look(
        self, view: _View, table: Table, source: Source, checkpoint: str, key: str, lang: str,
        say: Callable[[str, float], None],
    ) -> None:  # fmt: skip
        """Fill the view; what was filled before an error stays."""
        task = tasks.find(TASK)
        if not all(view.columns.values()):
            view.columns = task.columns(table)
        columns = view.columns
        task.check(table, columns, label_limit=table.rows)
        table = mending.relabel(table, columns, source.relabels)
        say("data.examining", 0.0)
        marks = digests.marks(table, columns)
        view.mends = self._offered(mending.counts(table, columns, marks), source.mends, lang)
        mended, done = mending.apply(table, columns, source.mends)
        view.preview = render_preview(mended, self._limits.preview_rows, lang)
        view.told = render_mended(done, lang)
        merged = mending.merger(table, columns, source.mends)
        files, trouble = self._held_out(source, lang)
        found = self._report(
            mended, columns, checkpoint, key, marks if mended is table else None,
            {role: merged(own) for role, own in files.items()}, lambda share: say("data.examining", share),
        )  # fmt: skip
        view.drawn = trouble + render_data(source.name, found, table.notes, lang)
        if not trouble and all(item.level != "fail" for item in found.findings):
            facts = {"split": dict(found.split), "suggested": found.lengths.suggested, "labels": len(found.labels)}
            view.facts = facts
        task.check(mended, columns, label_limit=self._limits.labels)

    def _held_out(self, source: Source, lang: str) -> tuple[dict[str, Table], str]:
        """Return the files beside the data by role, and what is told of one that cannot be read."""
        files: dict[str, Table] = {}
        for role, path in source.held_out:
            try:
                files[role] = self._services.shelf.held_out(role, Path(path), Path(path).name)
            except BertDemoError as error:
                return {}, _refused(error, lang)
        return files, ""

    def examined(
        self, source: Source | None, text: str | None, label: str | None, checkpoint: str, key: str, lang: str,
        progress: Any = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Outputs: those of `shown`, also where no data is chosen."""
        if source is None:
            return self.nothing(lang)
        return self.shown(source, text, label, checkpoint, key, lang, progress)

    def nothing(self, lang: str) -> tuple[Any, ...]:
        """Outputs: those of `shown`, without data."""
        hidden = gr.update(visible=False)
        return None, render_data("", None, (), lang), "", hidden, hidden, hidden, gr.update(visible=False, value=[]), ""

    def _offered(self, counts: Mapping[mending.Mend, int], chosen: Sequence[str], lang: str) -> Any:
        """Offer what would change something, and what was chosen already."""
        choices = [
            (plural(lang, f"mend.{mend}", count, few=mending.FEW_ROWS), mend)
            for mend, count in counts.items()
            if count or mend in chosen
        ]
        return gr.update(choices=choices, value=list(chosen), visible=bool(choices))

    def _report(
        self, table: Table, columns: Mapping[str, str], checkpoint: str, key: str, marks: digests.Marks | None,
        held_out: Mapping[str, Table], progress: Callable[[float], None],
    ) -> report.Report:  # fmt: skip
        owner = self._services.owner(key)
        info = self._services.catalogue.describe(checkpoint, owner)
        readable = info.id if info.ready else "bundled"  # an unfetched tokenizer cannot count pieces yet
        return report.examine(
            table,
            columns,
            task=TASK,
            tokenizer=self._services.catalogue.tokenizer(readable, owner),
            limits=self._limits,
            positions=info.positions,
            marks=marks,
            held_out=held_out,
            progress=progress,
        )


def _sayer(progress: Any, lang: str) -> Callable[[str, float], None]:
    """Return what tells a share of the work, under a locale key; nobody is told without `progress`."""
    if progress is None:
        return lambda key, share: None
    return lambda key, share: progress(share, desc=translate(lang, key))


def _refused(error: BertDemoError, lang: str) -> str:
    return root(error_state(sentence(error, lang)), "bd-data")


def _column_boxes(table: Table, columns: Mapping[str, str], lang: str) -> tuple[Any, Any]:
    """Offer the columns; below one that was guessed stands why it was, below one that a person chose nothing."""
    names: Sequence[str] = list(table.columns)
    why = reasons(table, columns, lang)
    values = [columns.get(role) if columns.get(role) in names else None for role in ("text", "label")]
    return tuple(
        gr.update(choices=names, value=value, visible=True, info=why.get(role, ""))
        for role, value in zip(("text", "label"), values, strict=True)
    )  # type: ignore[return-value]
