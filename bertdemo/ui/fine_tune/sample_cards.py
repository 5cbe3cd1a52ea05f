"""What the card of each sample says, read from the sample itself."""

from __future__ import annotations

from functools import lru_cache

from bertdemo import samples, tasks
from bertdemo.services import Services
from bertdemo.settings import Limits
from bertdemo.tables.table_files import read
from bertdemo.ui.fine_tune.html.samples import SampleCard

# Rows of a sample that its card shows.
_EXAMPLES = 2
# A longer cell is no label that a card could show.
_LABEL_CHARS = 40


def sample_cards(services: Services, lang: str) -> list[SampleCard]:
    """Return the cards, those in the reader's language first."""
    limits = services.settings.limits
    return [_card(sample, limits) for sample in samples.offered(lang, chinese_model=services.reads_chinese())]


# Not through the table cache: twelve samples would push out what visitors have uploaded.
@lru_cache(maxsize=32)
def _card(sample: samples.Sample, limits: Limits) -> SampleCard:
    table = read(sample.path, sample.file, limits)
    task = tasks.find(sample.task)
    columns = task.columns(table)
    labels = next((columns[role.name] for role in task.roles if role.slot == "label" and role.name in columns), "")
    cells = table.columns[labels] if labels else ()
    texts = task.inputs(table, columns, range(min(_EXAMPLES, table.rows))).texts
    examples = tuple((text, _shown(cells[i] if cells else "")) for i, text in enumerate(texts))
    kinds = len({cell for cell in cells if cell}) if task.categories else 0
    return SampleCard(sample.id, sample.task, table.rows, kinds, examples)


def _shown(cell: str | None) -> str:
    short = cell is not None and len(cell) <= _LABEL_CHARS and not cell.startswith("[")
    return cell if cell and short else ""
