"""What the card of each sample says, read from the sample itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from bertdemo import samples, tasks
from bertdemo.analysis.report import LengthSummary, measure
from bertdemo.checkpoints import Catalogue
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import resolve_defaults
from bertdemo.services import Services
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import read
from bertdemo.tasks.base import Task
from bertdemo.ui.fine_tune.html.samples import SampleCard

# Rows of a sample that its card shows.
_EXAMPLES = 2
# Share of a sample that is held out; see dataset.split, which divides a table of fewer than 1,000 rows so.
_HELD_OUT = 0.2
# A longer cell is no label that a card could show.
_LABEL_CHARS = 40


def sample_cards(services: Services, lang: str) -> list[SampleCard]:
    """Return the cards, those in the reader's language first."""
    offered = samples.offered(lang, chinese_model=services.reads_chinese())
    return [_timed(_card(sample, services.settings.limits), sample, services) for sample in offered]


def _timed(card: SampleCard, sample: samples.Sample, services: Services) -> SampleCard:
    """Return the card with the time of a training with the automatic settings, once the device is known."""
    if not services.admission.devices_known:
        return card
    info = services.catalogue.describe("bundled", "")
    lengths = _lengths(sample, services.settings.limits, services.catalogue)
    held_out = round(_HELD_OUT * card.rows)
    config = resolve_defaults(
        RunConfig(),
        train_rows=card.rows - held_out,
        parameters=info.parameters,
        suggested_length=lengths.suggested,
        labels=card.labels or 2,
        step_multiplier=tasks.find(sample.task).step_multiplier,
        can_probe=tasks.find(sample.task).can_freeze,
    )
    split = {"train": card.rows - held_out, "validation": held_out}
    device = services.admission.devices.devices[0]
    return replace(card, seconds=services.estimates.training_seconds(lengths, split, config, info, device))


@lru_cache(maxsize=32)
def _lengths(sample: samples.Sample, limits: Limits, catalogue: Catalogue) -> LengthSummary:
    table = read(sample.path, sample.file, limits)
    task = tasks.find(sample.task)
    inputs = task.inputs(table, task.columns(table), range(table.rows))
    positions = catalogue.describe("bundled", "").positions
    return measure(inputs.texts, catalogue.tokenizer("bundled", ""), positions=positions, pairs=inputs.pairs)[0]


# Not through the table cache: the samples would push out what visitors have uploaded.
@lru_cache(maxsize=32)
def _card(sample: samples.Sample, limits: Limits) -> SampleCard:
    table = read(sample.path, sample.file, limits)
    task = tasks.find(sample.task)
    columns = task.columns(table)
    labels = next((columns[role.name] for role in task.roles if role.slot == "label" and role.name in columns), "")
    cells = table.columns[labels] if labels else ()
    texts = task.inputs(table, columns, range(min(_EXAMPLES, table.rows))).texts
    examples = tuple((text, _shown(cells[i] if cells else "")) for i, text in enumerate(texts))
    return SampleCard(sample.id, sample.task, table.rows, _kinds(table, task, columns), examples)


def _kinds(table: Table, task: Task, columns: Mapping[str, str]) -> int:
    """Count the labels, topics or types of entity; 0 where the rows of a task have none."""
    labels = task.labels(table, columns)
    if task.categories:
        return len(labels)
    targets = [target for target in task.targets(table, columns, labels) if target is not None]
    return len(task.counts(targets, labels))


def _shown(cell: str | None) -> str:
    short = cell is not None and len(cell) <= _LABEL_CHARS and not cell.startswith("[")
    return cell if cell and short else ""
