"""The check of a table of a million rows as the server makes it: how long, how much memory, and is anything missed.

`python -m benchmarks.big_table FILE` is the process that stands for the server; the measurement starts it.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.row import ROOT, Row
from bertdemo import tasks
from bertdemo.analysis.report import Report, examine
from bertdemo.dataset import cleaning
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.sandbox import read_limited
from bertdemo.tables.table import Table

ROWS = 1_000_000
SECONDS, BYTES = 90.0, 1_500_000_000
SAMPLED = 5_000
"""Rows in which label errors are searched, at least."""
_WORDS = 13
_SEED = 20_261_124
_LABELS = {"positive": "5", "negative": "1", "neutral": "3"}
_PLANTED = {"exact": 2_000, "folded": 1_500, "conflicts": 1_200, "Positive": 700, "postive": 300, "no text": 500,
            "no label": 400, "lies": 10_000}  # fmt: skip
_NAMES_ITSELF = 0.6
_EVERY_SECONDS = 0.02

Fields = list[str]


@dataclass
class Planted:
    """The rows, and what must be counted in them."""

    rows: list[Fields]
    expected: dict[str, Any]


def check(count: int = ROWS) -> list[Row]:
    """Check a file with planted duplicates, leaks, variants and conflicts; then clean it and check it again."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "big.csv"
        planted = plant(count)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["id", "text", "label", "stars"], *planted.rows])
        size = path.stat().st_size
        expected = planted.expected | {"copies": copies(planted.rows)}
        del planted
        env = {**os.environ, "BERTDEMO_HOME": name}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.big_table", str(path)], capture_output=True, text=True, check=True,
            cwd=ROOT, env=env,
        )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    missed = {key: (value, found["counted"].get(key)) for key, value in expected.items()
              if found["counted"].get(key) != value}  # fmt: skip
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in found["parts"].items())
    first, peak = sum(found["parts"].values()), found["peak"]
    told = f"missed (planted, counted): {missed}" if missed else f"all {len(expected)} planted counts found"
    told += f"; label errors searched in {found['looked']:,} rows"
    return [
        Row(
            f"whole check of a CSV of {count:,} rows, {size / 1e6:.0f} MB",
            f"{first:.0f} s ({parts}); reader and server {peak / 1e6:.0f} MB above the idle server; {told}",
            f"≤ {SECONDS:.0f} s, ≤ {BYTES / 1e9:.1f} GB, every planted row counted, "
            f"label errors searched in ≥ {SAMPLED:,}",
            first <= SECONDS and peak <= BYTES and not missed and found["looked"] >= min(SAMPLED, count // 2),
        ),
        Row(
            "every cleaning step applied to it, then checked again",
            f"{found['cleaned']['seconds']:.0f} s, {found['cleaned']['peak'] / 1e6:.0f} MB above the idle server, "
            f"{found['cleaned']['rows']:,} rows left",
            f"≤ {SECONDS:.0f} s, ≤ {BYTES / 1e9:.1f} GB",
            found["cleaned"]["seconds"] <= SECONDS and found["cleaned"]["peak"] <= BYTES,
        ),
    ]


def plant(count: int) -> Planted:
    """Return the rows of a file with faults in known numbers: copies stand in its second half, their sources before."""
    rng = random.Random(_SEED)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(20_000)]
    labels = list(_LABELS)
    share = count / 1_000_000
    n = {name: max(2, int(number * share)) for name, number in _PLANTED.items()}
    rows: list[Fields] = []
    for row in range(count):
        label = rng.choice(labels)
        # The number of the row is a word of its text, so that no two texts are alike by chance.
        text = " ".join([*rng.choices(words, k=_WORDS), f"r{row}", *([label] if rng.random() < _NAMES_ITSELF else [])])
        rows.append([str(row), text, label, _LABELS[label]])
    half = count // 2
    copies = n["exact"] + n["folded"] + n["conflicts"]
    sources = iter(rng.sample(range(half), copies))
    places = iter(rng.sample(range(half, count), copies + n["Positive"] + n["postive"] + n["no text"] + n["no label"]))
    for _ in range(n["exact"]):
        rows[next(places)][1:] = rows[next(sources)][1:]
    for _ in range(n["folded"]):
        _, text, label, stars = rows[next(sources)]
        rows[next(places)][1:] = [text.upper().replace(" ", "  "), label, stars]
    for _ in range(n["conflicts"]):
        _, text, label, stars = rows[next(sources)]
        rows[next(places)][1:] = [text, labels[(labels.index(label) + 1) % 3], stars]
    for name in ("Positive", "postive"):
        for _ in range(n[name]):
            rows[next(places)][2] = name
    for _ in range(n["no text"]):
        rows[next(places)][1] = ""
    for _ in range(n["no label"]):
        rows[next(places)][2] = " "
    for row in rng.sample(range(count), n["lies"]):
        rows[row][3] = rng.choice(list(_LABELS.values()))
    return Planted(rows, _expected(rows, n))


def _expected(rows: list[Fields], n: dict[str, int]) -> dict[str, Any]:
    """Count what does not follow from the numbers alone, row by row."""
    usable = [row for row in rows if row[1].strip() and row[2].strip()]
    pairs = Counter((row[3], row[2]) for row in usable)
    return {
        "text_missing": n["no text"],
        "label_missing": n["no label"],
        "duplicates": n["exact"] + n["folded"],
        "exact": n["exact"],
        "step": n["exact"] + n["folded"],
        "progress": 1.0,
        "conflicting texts": n["conflicts"],
        "conflicting rows": 2 * n["conflicts"],
        "variant rows": n["Positive"] + n["postive"],
        "given away": sum(max(its for (cell, _), its in pairs.items() if cell == star) for star in _LABELS.values()),
        "named": sum(row[2].lower() in row[1].lower().split() for row in usable),
        "ids": "id",
    }


def copies(rows: list[Fields]) -> int:
    """Count the rows whose text another row has too, with a dictionary of texts."""
    texts = Counter(fold_text(row[1]) for row in rows if row[1].strip() and row[2].strip())
    return sum(count for count in texts.values() if count > 1)


def main(path: Path) -> None:
    """Stand for the server: read and check the file as the page does, and print what it took and what was counted."""
    services = Services.create(Settings.from_env())
    services.begin().result()
    columns = {"text": "text", "label": "label"}
    warm = Table("warm", {"text": ("a", "b", "c", "d"), "label": tuple("xyxy")}, (2, 3, 4, 5))
    _examined(services, prepare(warm, tasks.find("classification"), columns))
    parts: dict[str, float] = {}
    told: list[float] = []
    with _peak() as peak:
        table = _timed(parts, "reading", lambda: read_limited(path, path.name, services.settings.limits))
        task = tasks.find("classification")
        columns = _timed(parts, "columns", lambda: task.columns(table))
        _timed(parts, "labels", lambda: task.check(table, columns, label_limit=services.settings.limits.labels))
        prepared = _timed(parts, "preparing", lambda: prepare(table, task, columns))
        counts = _timed(parts, "counts", lambda: cleaning.counts(prepared.facts.cleaned.before))
        report = _timed(parts, "report", lambda: _examined(services, prepared, told))
        looked = _timed(parts, "label errors", lambda: services.label_issues.look(prepared, "bundled", ""))
    again: dict[str, float] = {}
    with _peak(peak["idle"]) as later:
        left = _timed(again, "cleaning", lambda: prepare(table, task, columns, cleaning=cleaning.CLEANING_STEPS))
        _timed(again, "report", lambda: _examined(services, left))
    cleaned = {"seconds": sum(again.values()), "peak": later["peak"] - peak["idle"], "rows": left.table.rows}
    counted = {**_counted(report), "step": counts["drop_duplicates"], "progress": told[-1]}
    answer = {"parts": parts, "peak": peak["peak"] - peak["idle"], "counted": counted, "cleaned": cleaned,
              "looked": looked.rows}  # fmt: skip
    print(json.dumps(answer))  # noqa: T201
    services.close()


def _examined(services: Services, prepared: PreparedDataset, told: list[float] | None = None) -> Report:
    tokenizer = services.catalogue.tokenizer("bundled", "")
    progress = (told if told is not None else []).append
    return examine(prepared, tokenizer=tokenizer, limits=services.settings.limits, progress=progress)


def _counted(report: Report) -> dict[str, Any]:
    found = {finding.code: finding.values for finding in report.findings}
    stars = found.get("label_given_away") or found.get("label_copied", {})
    wanted = {
        "text_missing": ("text_missing", "count"), "label_missing": ("label_missing", "count"),
        "duplicates": ("duplicates", "count"), "exact": ("duplicates", "exact"),
        "conflicting texts": ("conflicting_labels", "texts"), "conflicting rows": ("conflicting_labels", "rows"),
        "variant rows": ("label_variants", "rows"), "named": ("label_in_text", "count"),
        "ids": ("id_columns", "columns"), "copies": ("copies_together", "count"),
    }  # fmt: skip
    counted = {name: found.get(code, {}).get(value) for name, (code, value) in wanted.items()}
    return counted | {"given away": stars.get("count") if stars.get("column") == "stars" else None}


def _timed(parts: dict[str, float], name: str, do: Any) -> Any:
    began = time.perf_counter()
    answer = do()
    parts[name] = time.perf_counter() - began
    return answer


@contextmanager
def _peak(idle: int | None = None) -> Iterator[dict[str, int]]:
    """Watch the memory of this process and its children; `idle` is what it was before, `peak` the most."""
    me, over = psutil.Process(), threading.Event()
    seen = {"idle": idle if idle is not None else me.memory_info().rss, "peak": 0}

    def watch() -> None:
        while not over.wait(_EVERY_SECONDS):
            seen["peak"] = max(seen["peak"], _memory(me))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _memory(process: psutil.Process) -> int:
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main(Path(sys.argv[1]))
