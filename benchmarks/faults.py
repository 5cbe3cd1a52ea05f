"""Duplicates, leaks, ways of writing a label and conflicts, planted in real rows: is every single one found?"""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.row import DATA, Row, skipped
from bertdemo import tasks
from bertdemo.analysis.report import Report, examine
from bertdemo.dataset import cleaning
from bertdemo.dataset.prepared import prepare
from bertdemo.services import Services
from bertdemo.tables import table_files
from bertdemo.tables.table import Table

COLUMNS = {"text": "text", "label": "label"}
_SEED, _HEADER = 20_261_125, 1
_SHARES = {"exact": 0.02, "folded": 0.02, "conflicts": 0.02, "ways": 0.01, "slips": 0.0005}

Pair = tuple[str, str]


@dataclass
class Planted:
    """Rows with faults in them, and where these stand in the file that `write` makes."""

    rows: list[Pair]
    copies: dict[int, int] = field(default_factory=dict)
    """Row of a copy with the same label -> row of what it copies."""
    conflicts: dict[int, int] = field(default_factory=dict)
    """Row of a copy with another label -> row of what it copies."""
    labels: dict[int, str] = field(default_factory=dict)
    """Row with another way of writing its label -> the label."""


def banking77(services: Services) -> Row:
    """Plant them in train.csv of banking77."""
    what = "banking77, train.csv with planted duplicates, leaks, spelling variants of labels, typos and conflicts"
    wanted = "every one found"
    if not (DATA / "banking77").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        # A row number is a line of the file: a text of two lines would put those after it one off.
        rows = [(row["text"].replace("\n", " "), row["category"]) for row in csv.DictReader(file)]
    return row(services, what, wanted, rows)


def row(services: Services, what: str, wanted: str, rows: Sequence[Pair]) -> Row:
    """Plant them in `rows` and say how many of each kind were found."""
    planted = plant(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "planted.csv"
        write(path, planted.rows)
        table = table_files.read(path, path.name, services.settings.limits)
    report = examine(
        prepare(table, tasks.find("classification"), COLUMNS),
        tokenizer=services.catalogue.tokenizer("bundled", ""),
        limits=services.settings.limits,
    )
    found = missed(planted, table, report)
    counts = (("copies", planted.copies), ("conflicts", planted.conflicts), ("labels", planted.labels))
    told = ", ".join(f"{len(of):,} {name}" for name, of in counts)
    lost = {name: numbers[:10] for name, numbers in found.items() if numbers}
    return Row(what, f"{told} planted in {len(rows):,} rows; missed: {lost or 'none'}", wanted, not lost)


def plant(rows: Sequence[Pair], seed: int = _SEED) -> Planted:
    """Return the rows with faults: copies come after all of them, so that each stands behind what it copies."""
    rng = random.Random(seed)
    names = sorted({label for _, label in rows})
    planted = Planted(list(rows))
    n = {name: max(2, round(share * len(rows))) for name, share in _SHARES.items()}
    chosen = iter(rng.sample(range(len(rows)), sum(n.values())))
    for name in ("exact", "folded", "conflicts"):
        for _ in range(n[name]):
            source = next(chosen)
            text, label = planted.rows[source]
            number = len(planted.rows) + 1 + _HEADER
            if name == "conflicts":
                planted.conflicts[number] = source + 1 + _HEADER
                planted.rows.append((text, rng.choice([other for other in names if other != label])))
            else:
                planted.copies[number] = source + 1 + _HEADER
                again = text if name == "exact" else f"  {text.swapcase().replace(' ', '  ')} "
                planted.rows.append((again, label))
    for name in ("ways", "slips"):
        for _ in range(n[name]):
            at = next(chosen)
            text, label = planted.rows[at]
            planted.labels[at + 1 + _HEADER] = label
            planted.rows[at] = (text, _way(label, rng) if name == "ways" else _slip(label))
    return planted


def missed(planted: Planted, table: Table, report: Report) -> dict[str, list[int]]:
    """Return kind -> rows in the file that a check or its cleaning step missed; a count that is wrong names row 0."""
    dropped = ("drop_duplicates", "drop_conflicts")
    left = {step: set(cleaning.clean(table, COLUMNS, [step]).table.row_numbers) for step in dropped}
    merged = cleaning.clean(table, COLUMNS, ["merge_labels", "merge_slips"]).table
    now = dict(zip(merged.row_numbers, merged.columns["label"], strict=True))
    found = {finding.code: finding.values for finding in report.findings}
    gone = {step: table.rows - len(rows) for step, rows in left.items()}
    parts = _parts(table)
    pairs = {**planted.copies, **planted.conflicts}
    return {
        "duplicates": [row for row in planted.copies if row in left["drop_duplicates"]]
        + [0] * (found["duplicates"]["count"] != gone["drop_duplicates"]),
        "conflicts": [row for pair in planted.conflicts.items() for row in pair if row in left["drop_conflicts"]]
        + [0] * (found["conflicting_labels"]["rows"] != gone["drop_conflicts"]),
        "leaks": [row for row, source in pairs.items() if parts[row] != parts[source]]
        + [0] * ("copies_together" not in found),
        "labels": [row for row, label in planted.labels.items() if now[row] != label]
        + [0] * (found["label_variants"]["rows"] != len(planted.labels)),
        "leaks into a file": _unseen(planted, table),
    }


def _unseen(planted: Planted, table: Table) -> list[int]:
    """Hold a file beside the table that asks the text of every planted copy; return the rows that are not named."""
    texts = tuple(planted.rows[row - 1 - _HEADER][0].lower() for row in planted.copies)
    labels = tuple(planted.rows[row - 1 - _HEADER][1] for row in planted.copies)
    asked = Table("asked.csv", {"text": texts, "label": labels}, tuple(range(2, len(texts) + 2)))
    known = prepare(table, tasks.find("classification"), COLUMNS, held_out={"validation": asked}).facts
    named = {table.row_numbers[int(row)] for row in known.usable[known.shared]}
    return [row for pair in planted.copies.items() for row in pair if row not in named]


def _parts(table: Table) -> dict[int, str]:
    """Return row in the file -> the part that it goes into."""
    parts = prepare(table, tasks.find("classification"), COLUMNS).parts
    return {number: name for name, part in parts.items() for number in part.numbers}


def _way(label: str, rng: random.Random) -> str:
    """Write a label in another way, each of which a person would take for the same."""
    ways = (label.upper(), label.capitalize(), label.replace("_", " "), label.replace("_", "-"))
    return rng.choice([way for way in ways if way != label])


def _slip(label: str) -> str:
    """Double a letter in the middle of a label."""
    middle = len(label) // 2
    return label[:middle] + label[middle - 1] + label[middle:]


def write(path: Path, rows: Sequence[Pair]) -> None:
    """Write a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([tuple(COLUMNS), *rows])
