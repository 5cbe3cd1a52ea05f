"""What a table is and what is wrong with it, before any training (see `examine`).

Findings carry a code and numbers, never a sentence: the page has one under `finding.<code>`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.data import variants
from bertdemo.data.columns import detect
from bertdemo.data.split import Split, folded, split, usable_rows
from bertdemo.data.tables import Table
from bertdemo.errors import ColumnsNotFound
from bertdemo.settings import Limits

MINIMUM_ROWS = 4
"""Below this many usable rows nothing can be learnt and measured."""
WANTED_ROWS = 50
WANTED_ROWS_PER_LABEL = 8
IMBALANCE_SHARE = 0.8
UNKNOWN_SHARE = 0.05
_MEASURED_TEXTS = 20_000
# About a minute of tokenising on a slow core.
_MEASURED_CHARS = 20_000_000
_ROWS_NAMED = 20
_LABELS_NAMED = 5
_HISTOGRAM_BARS = 32

Level = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check: `code` and `values` make its sentence, `rows` are numbers in the file, at most 20."""

    level: Level
    code: str
    values: Mapping[str, str | int | float]
    """A name that ends in `share` is a part of 1."""
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class LengthSummary:
    """Lengths of the texts in pieces, [CLS] and [SEP] included."""

    p50: int
    p95: int
    p99: int
    longest: int
    histogram: tuple[tuple[int, int], ...]
    """(longest length in the bar, texts), ascending, at most 32 bars of one width."""
    suggested: int
    """Maximum length that fits 99% of the texts: a multiple of 8, at least 16, at most the model's positions."""
    cut_at_suggested: float
    """Share of the texts that are longer than `suggested`."""
    measured: int
    """Texts that were measured; fewer than there are in a very large file."""


@dataclass(frozen=True)
class Report:
    """Everything that the page shows of a table before training."""

    task: str
    columns: Mapping[str, str]
    rows: int
    usable_rows: int
    """Rows with a text and a label."""
    labels: tuple[tuple[str, int], ...]
    """(label, usable rows), most frequent first."""
    findings: tuple[Finding, ...]
    """Failures first, then warnings, then checks that held."""
    lengths: LengthSummary
    majority: tuple[str, float]
    """Most frequent label and its share of the usable rows: what guessing reaches. ("", 0.0) without rows."""
    split: Mapping[str, int]
    """Rows for train, validation and test."""
    suggested_columns: Mapping[str, str]
    """What `detect` takes for text and label; empty where it finds none."""


@dataclass(frozen=True)
class _Rows:
    """The usable rows: numbers in the file, trimmed texts, second texts and labels."""

    numbers: list[int]
    texts: list[str]
    pairs: list[str] | None
    labels: list[str]

    @classmethod
    def of(cls, table: Table, columns: Mapping[str, str]) -> _Rows:
        usable = usable_rows(table, columns)
        cells = {role: [(table.columns[name][i] or "").strip() for i in usable] for role, name in columns.items()}
        return cls([table.row_numbers[i] for i in usable], cells["text"], cells.get("pair"), cells["label"])

    def keys(self) -> list[str]:
        """Return for each row what its copies share."""
        pairs = self.pairs or [""] * len(self.texts)
        return [f"{folded(text)}\0{folded(pair)}" for text, pair in zip(self.texts, pairs, strict=True)]


def examine(
    table: Table,
    columns: Mapping[str, str],
    *,
    task: str,
    tokenizer: SharedTokenizer,
    limits: Limits,
    positions: int = 512,
    validation_file: bool = False,
    test_file: bool = False,
) -> Report:
    """Return what `table` holds under `columns` (roles text and label, maybe pair) and what is wrong with it.

    `positions` is the longest sequence that the checkpoint reads. Raises KeyError for a column that is not there:
    `task.check` comes first. Lengths are those of 20,000 texts at most, evenly spaced.
    """
    rows = _Rows.of(table, columns)
    counts = Counter(rows.labels)
    labels = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    lengths, unknown = measure(rows.texts, tokenizer, positions=positions, pairs=rows.pairs)
    parts = split(rows.labels, seed=0, validation_file=validation_file, test_file=test_file, texts=rows.keys())
    findings = [
        *_missing(table, columns),
        *_repeated(rows),
        *_moved(parts),
        *_variants(counts),
        *_order(rows.labels),
        *_amount(labels, len(rows.texts), limits.labels),
        *_length_findings(lengths, unknown, len(rows.texts), positions),
    ]
    order: Sequence[Level] = ("fail", "warn", "pass")
    return Report(
        task=task,
        columns=dict(columns),
        rows=table.rows,
        usable_rows=len(rows.texts),
        labels=labels,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.level))),
        lengths=lengths,
        majority=(labels[0][0], labels[0][1] / len(rows.texts)) if labels else ("", 0.0),
        split=parts.sizes(),
        suggested_columns=_suggested(table),
    )


def suggested_length(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> int:
    """Return the maximum length, specials included, that fits 99% of `texts`; see LengthSummary.suggested."""
    return measure(texts, tokenizer, positions=positions, pairs=pairs)[0].suggested


def measure(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> tuple[LengthSummary, float]:
    """Return the lengths of `texts` in pieces and the share of [UNK] among these pieces (0..1)."""
    chosen = _evenly(len(texts), sum(map(len, texts)) + sum(map(len, pairs or ())))
    lengths: list[int] = []
    pieces = unknown = 0
    for start in range(0, len(chosen), 1000):
        part = chosen[start : start + 1000]
        seconds = None if pairs is None else [pairs[i] for i in part]
        for encoding in tokenizer.encode_batch([texts[i] for i in part], seconds):
            lengths.append(len(encoding))
            pieces += len(encoding)
            unknown += encoding.ids.count(tokenizer.unk_id)
    # Every sequence has two special pieces, a pair three: they are never unknown and do not count.
    pieces -= len(lengths) * (2 if pairs is None else 3)
    return _summary(lengths, positions), unknown / pieces if pieces > 0 else 0.0


def _evenly(count: int, chars: int) -> list[int]:
    if not count:
        return []
    most = min(count, _MEASURED_TEXTS, max(100, _MEASURED_CHARS * count // max(1, chars)))
    return [index * count // most for index in range(most)]


def _summary(lengths: Sequence[int], positions: int) -> LengthSummary:
    if not lengths:
        return LengthSummary(0, 0, 0, 0, (), min(16, positions), 0.0, 0)
    ordered = sorted(lengths)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 0.99))
    suggested = min(positions, max(16, math.ceil(p99 / 8) * 8))
    width = 8 * math.ceil(ordered[-1] / 8 / _HISTOGRAM_BARS)
    bars = Counter(math.ceil(length / width) * width for length in ordered)
    last = max(bars)
    return LengthSummary(
        p50=p50,
        p95=p95,
        p99=p99,
        longest=ordered[-1],
        histogram=tuple((end, bars[end]) for end in range(width, last + 1, width)),
        suggested=suggested,
        cut_at_suggested=sum(length > suggested for length in ordered) / len(ordered),
        measured=len(ordered),
    )


def _missing(table: Table, columns: Mapping[str, str]) -> list[Finding]:
    found = []
    for role, name in columns.items():
        cells = table.columns[name]
        empty = [number for number, cell in zip(table.row_numbers, cells, strict=True) if not (cell or "").strip()]
        if empty:
            code = "label_missing" if role == "label" else "text_missing"
            found.append(Finding("warn", code, {"count": len(empty), "column": name}, tuple(empty[:_ROWS_NAMED])))
    return found or [Finding("pass", "no_missing", {"rows": table.rows})]


def _repeated(rows: _Rows) -> list[Finding]:
    """Rows that say the same again, and texts to which different labels were given."""
    seen: dict[str, dict[str, list[int]]] = {}
    for key, number, label in zip(rows.keys(), rows.numbers, rows.labels, strict=True):
        seen.setdefault(key, {}).setdefault(label, []).append(number)
    again = sorted(number for labels in seen.values() for numbers in labels.values() for number in numbers[1:])
    torn = [labels for labels in seen.values() if len(labels) > 1]
    clash = sorted(number for labels in torn for numbers in labels.values() for number in numbers)
    found = []
    if again:
        found.append(Finding("warn", "duplicates", {"count": len(again)}, tuple(again[:_ROWS_NAMED])))
    elif rows.texts:
        found.append(Finding("pass", "no_duplicates", {}))
    if torn:
        values = {"texts": len(torn), "rows": len(clash)}
        found.append(Finding("warn", "conflicting_labels", values, tuple(clash[:_ROWS_NAMED])))
    elif rows.texts:
        found.append(Finding("pass", "no_conflicts", {}))
    return found


def _moved(parts: Split) -> list[Finding]:
    """Rows that would have been asked although they were learnt."""
    return [Finding("warn", "moved_together", {"count": parts.moved})] if parts.moved else []


def _variants(counts: Mapping[str, int]) -> list[Finding]:
    """Labels that seem to be one label written in several ways."""
    found = variants.find(counts)
    if not found:
        return []
    shown = ", ".join(f"{one.written} → {one.label}" for one in found[:_LABELS_NAMED])
    shown += " …" if len(found) > _LABELS_NAMED else ""
    rows = sum(one.rows for one in found)
    values: dict[str, str | int | float] = {"count": len(found), "rows": rows, "labels": shown}
    return [Finding("warn", "label_variants", values)]


def _order(labels: Sequence[str]) -> list[Finding]:
    """Whether the file is grouped by label, which matters to whoever trains on it in its own order."""
    changes = sum(one != other for one, other in pairwise(labels))
    grouped = len(labels) >= WANTED_ROWS and 0 < changes == len(set(labels)) - 1
    return [Finding("pass", "grouped_by_label", {})] if grouped else []


def _amount(labels: Sequence[tuple[str, int]], rows: int, label_limit: int) -> list[Finding]:
    """Whether there is enough to learn from, in all and of each label."""
    found: list[Finding] = []
    if rows < MINIMUM_ROWS:
        found.append(Finding("fail", "too_few_rows", {"rows": rows, "minimum": MINIMUM_ROWS}))
    elif rows < WANTED_ROWS:
        found.append(Finding("warn", "few_rows", {"rows": rows, "wanted": WANTED_ROWS}))
    else:
        found.append(Finding("pass", "enough_rows", {"rows": rows}))
    if len(labels) == 1:
        found.append(Finding("fail", "one_class", {"label": labels[0][0]}))
    if len(labels) > label_limit:
        found.append(Finding("fail", "too_many_labels", {"labels": len(labels), "limit": label_limit}))
    if len(labels) < 2:
        return found
    rare = [(label, count) for label, count in labels if count < WANTED_ROWS_PER_LABEL]
    if rare:
        shown = ", ".join(f"{label} ({count})" for label, count in rare[-_LABELS_NAMED:])
        shown += " …" if len(rare) > _LABELS_NAMED else ""
        values: dict[str, str | int | float] = {"count": len(rare), "wanted": WANTED_ROWS_PER_LABEL, "labels": shown}
        found.append(Finding("warn", "rare_labels", values))
    share = labels[0][1] / rows
    uneven = share >= IMBALANCE_SHARE
    values = {"label": labels[0][0], "share": share}
    found.append(Finding("warn" if uneven else "pass", "imbalance" if uneven else "balanced", values))
    return found


def _length_findings(lengths: LengthSummary, unknown: float, rows: int, positions: int) -> list[Finding]:
    if not rows:
        return []
    found: list[Finding] = []
    much = unknown > UNKNOWN_SHARE
    found.append(Finding("warn" if much else "pass", "unknown_pieces" if much else "known_pieces", {"share": unknown}))
    if lengths.longest > positions:
        values = {"longest": lengths.longest, "positions": positions, "share": lengths.cut_at_suggested}
        found.append(Finding("warn", "long_texts", values))
    else:
        found.append(Finding("pass", "lengths_fit", {"longest": lengths.longest, "length": lengths.suggested}))
    if lengths.measured < rows:
        found.append(Finding("pass", "lengths_sampled", {"measured": lengths.measured, "rows": rows}))
    return found


def _suggested(table: Table) -> Mapping[str, str]:
    try:
        return detect(table)
    except ColumnsNotFound:
        return {}
