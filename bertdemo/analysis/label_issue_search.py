"""The suspect labels of a table, looked for once for each file, columns and checkpoint, and their export."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bertdemo.analysis import baselines, label_issues
from bertdemo.analysis.embedding_cache import Embeddings, texts_of
from bertdemo.analysis.label_issues import LabelIssue
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.tables import spreadsheet
from bertdemo.tables.arrow_columns import cells_at

_KEPT = 8
STORED_TEXT = 2_000
"""Characters of a text that are kept for the list and its export."""
HEADER = ("row", "text", "given_label", "suggested_label", "given_probability", "suggested_probability")


@dataclass(frozen=True)
class Listed:
    """A suspect as a person knows it."""

    number: int
    """Where the row stands in the file, counted as an editor does."""
    text: str
    issue: LabelIssue


@dataclass(frozen=True)
class Looked:
    """What was looked at and what was found."""

    found: tuple[Listed, ...]
    """The least probable label first."""
    rows: int
    """Rows that were looked at."""
    usable: int
    """Rows with a text and a label."""
    rare_labels: int
    """Labels with too few rows to be looked at."""
    rare_rows: int
    model: str
    """Name of the checkpoint whose frozen encoder read the texts."""


class LabelIssueSearch:
    """Safe to use from many threads. `lane` is the server's place for computing."""

    def __init__(
        self, catalogue: Catalogue, inference_slot: Callable[[], AbstractContextManager[None]], embeddings: Embeddings
    ) -> None:
        self._catalogue = catalogue
        self._inference_slot = inference_slot
        self._embeddings = embeddings
        self._known: OrderedDict[tuple[Hashable, str, int], Looked] = OrderedDict()
        self._guard = threading.Lock()

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

        The bundled checkpoint reads the texts where the chosen one is not on this machine. Of a dataset with more than
        `most` usable rows a sample of at least so many is looked at. Raises what the catalogue raises.
        """
        info = self._catalogue.describe(checkpoint, owner)
        if not info.ready:
            info = self._catalogue.describe("bundled", owner)
        key = (prepared.key, info.id, most)
        with self._guard:
            if key in self._known:
                return self._known[key]
        table, usable, columns = prepared.table, prepared.usable, prepared.task.columns_by_slot(prepared.columns)
        labels = [(label or "").strip() for label in cells_at(table.columns[columns["label"]], usable)]
        chosen = label_issues.sample(labels, most)
        rows, labels_of = [usable[at] for at in chosen], [labels[at] for at in chosen]
        texts = texts_of(table, columns, rows)
        found: tuple[LabelIssue, ...] = ()
        if len(set(labels_of)) > 1:
            with self._inference_slot():
                vectors, _ = self._embeddings.of(texts, info.id, owner, lambda share: progress(0.7 * share))
                found = label_issues.find(vectors, labels_of)
        progress(1.0)
        rare_labels, rare_rows = label_issues.left_out(labels)
        listed = tuple(Listed(table.row_numbers[rows[one.row]], texts[one.row][:STORED_TEXT], one) for one in found)
        looked = Looked(listed, len(rows), len(usable), rare_labels, rare_rows, info.name)
        with self._guard:
            self._known[key] = looked
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return looked


def write_suspects(found: Sequence[Listed], target: Path) -> None:
    """Write all suspects as a CSV file for a spreadsheet: HEADER, then a row each."""
    spreadsheet.write_csv(
        target,
        HEADER,
        (
            (
                str(one.number),
                one.text,
                one.issue.given,
                one.issue.suggested,
                f"{one.issue.given_probability:.6f}",
                f"{one.issue.suggested_probability:.6f}",
            )
            for one in found
        ),
    )
