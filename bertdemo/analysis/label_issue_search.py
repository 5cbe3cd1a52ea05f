"""The likely label errors of a dataset, found once per dataset and checkpoint, and their export."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bertdemo.analysis import baselines, label_issues
from bertdemo.analysis.embedding_cache import Embeddings, texts_of
from bertdemo.analysis.label_issues import LabelIssue
from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.info import CheckpointInfo
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.slots import HoldSlot, giving_way
from bertdemo.tables import spreadsheet
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.once_cache import OnceCache

# A result holds up to a few thousand texts.
_MOST_RESULTS = 8
# Characters of a text that are kept for the list and its export.
STORED_TEXT = 2_000
HEADER = ("row", "text", "given_label", "suggested_label", "given_probability", "suggested_probability")


@dataclass(frozen=True)
class Listed:
    """A likely label error with what a person needs to find it."""

    number: int
    """Row number in the file, counted as an editor does."""
    text: str
    issue: LabelIssue


@dataclass(frozen=True)
class Looked:
    """Which rows were checked, and the likely label errors."""

    found: tuple[Listed, ...]
    """The least probable label first."""
    rows: int
    """Rows that were checked."""
    usable: int
    """Rows with a text and a label."""
    rare_labels: int
    """Labels with too few rows to be checked."""
    rare_rows: int
    model: str
    """Name of the checkpoint whose frozen encoder embedded the texts."""


class LabelIssueSearch:
    """Safe to use from many threads. `inference_slot` is held while a model computes."""

    def __init__(
        self,
        catalogue: Catalogue,
        inference_slot: HoldSlot,
        embeddings: Embeddings,
    ) -> None:
        self._catalogue = catalogue
        self._inference_slot = inference_slot
        self._embeddings = embeddings
        self._results: OnceCache[tuple[Hashable, str, int], Looked] = OnceCache(_MOST_RESULTS)

    def look(
        self,
        prepared: PreparedDataset,
        checkpoint: str,
        owner: str,
        *,
        most: int = baselines.MOST_ROWS,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Looked:
        """Return the likely label errors of a dataset.

        The bundled checkpoint embeds the texts where the chosen one is not on this machine. Of a dataset with more
        than `most` usable rows a sample of at least `most` is checked. Raises what the catalogue raises.
        """
        info = self._catalogue.describe(checkpoint, owner)
        if not info.ready:
            info = self._catalogue.describe("bundled", owner)
        key = (prepared.key, info.id, most)
        return self._results.get(key, lambda: self._search(prepared, info, owner, most, progress))

    def _search(
        self,
        prepared: PreparedDataset,
        info: CheckpointInfo,
        owner: str,
        most: int,
        progress: Callable[[float], None],
    ) -> Looked:
        table, usable, columns = prepared.table, prepared.usable, prepared.task.columns_by_slot(prepared.columns)
        all_labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        chosen = label_issues.sample(all_labels, most)
        rows, labels = [usable[index] for index in chosen], [all_labels[index] for index in chosen]
        texts = texts_of(table, columns, rows)
        issues: tuple[LabelIssue, ...] = ()
        if len(set(labels)) > 1:
            with self._inference_slot() as give_way:
                # Embedding takes most of the time, the linear probe the rest.
                embedded = giving_way(lambda share: progress(0.7 * share), give_way)
                vectors, _ = self._embeddings.of(texts, info.id, owner, embedded)
                issues = label_issues.find(vectors, labels)
        progress(1.0)
        numbers = cells_at(table.row_numbers, [rows[issue.row] for issue in issues])
        rare_labels, rare_rows = label_issues.left_out(all_labels)
        return Looked(
            found=tuple(
                Listed(number, texts[issue.row][:STORED_TEXT], issue)
                for number, issue in zip(numbers, issues, strict=True)
            ),
            rows=len(rows),
            usable=len(usable),
            rare_labels=rare_labels,
            rare_rows=rare_rows,
            model=info.name,
        )


def write_suspects(issues: Sequence[Listed], target: Path) -> None:
    """Write all likely label errors as a CSV file for a spreadsheet: HEADER, then one row each."""
    spreadsheet.write_csv(target, HEADER, map(_cells, issues))


def _cells(listed: Listed) -> list[str]:
    issue = listed.issue
    probabilities = (f"{value:.6f}" for value in (issue.given_probability, issue.suggested_probability))
    return [str(listed.number), listed.text, issue.given, issue.suggested, *probabilities]
