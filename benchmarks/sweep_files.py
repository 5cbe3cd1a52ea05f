"""`make sweep`: read thousands of fuzzed files and one long one as uploads are read; a dated line in docs/sweeps.md.

`python -m benchmarks.sweep_files 300 7` reads 300 files of seed 7 and writes no line.
"""

from __future__ import annotations

import csv
import datetime
import gc
import itertools
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.row import ROOT
from bertdemo.errors import ReadingTooLong, ReadingTooMuch, TableError
from bertdemo.settings import MIB, Limits
from bertdemo.tables.sandbox import read_limited
from tests.tables.corpus.fuzz import cases

REPORT = ROOT / "docs" / "sweeps.md"
FILES, SEED = 3_000, 20_261_123
LIMITS = Limits(read_seconds=10)
SLOWEST_SECONDS = 10.0
GROWTH_BYTES = 20_000_000
CHILD_BYTES = 1_500_000_000
_WARM = 100
_AT_ONCE = 50
_ROWS = 1_000_000
_WORDS = 15


@dataclass(frozen=True)
class Outcome:
    """What became of one file: "table", the name of an error, or the end of a traceback."""

    what: str
    clear: bool
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Sweep; the exit code is 1 where something did not hold."""
    count, seed = (int(arguments[0]), int(arguments[1])) if arguments else (FILES, SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        swept(folder, _WARM, seed + 1)  # what the parent loads once is no growth
        before = _memory()
        outcomes = swept(folder, count, seed)
        growth = _memory() - before
        long = long_file(folder) if not arguments else "not measured"
    clear = Counter(outcome.what for outcome in outcomes if outcome.clear)
    other = Counter(outcome.what for outcome in outcomes if not outcome.clear)
    slowest = max(outcome.seconds for outcome in outcomes)
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    held = not other and slowest <= SLOWEST_SECONDS and growth < GROWTH_BYTES and child < CHILD_BYTES
    tables = clear.pop("table", 0)
    line = (
        f"| {datetime.date.today():%Y-%m-%d} | {count:,} | {tables:,} | {sum(clear.values()):,} | "
        f"{sum(other.values()):,} | {slowest:.1f} s | {growth / 1e6:+.1f} MB | {long} | {'yes' if held else '**no**'} |"
    )
    print(line, dict(clear.most_common()), dict(other), sep="\n")  # noqa: T201
    if not arguments:
        _keep(line)
    return 0 if held else 1


def _keep(line: str) -> None:
    """Put the line first in the table of the page."""
    head, rule, rest = REPORT.read_text(encoding="utf-8").partition("| --- |\n")
    REPORT.write_text(f"{head}{rule}{line}\n{rest}", encoding="utf-8")


def swept(folder: Path, count: int, seed: int) -> list[Outcome]:
    """Read so many fuzzed files, two at a time."""
    found: list[Outcome] = []
    jobs = enumerate(cases(count, seed))
    with ThreadPoolExecutor(max_workers=2) as pool:
        while part := list(itertools.islice(jobs, _AT_ONCE)):
            found += pool.map(lambda job: _one(folder / f"file-{job[0]}", *job[1]), part)
    return found


def _one(path: Path, name: str, content: bytes) -> Outcome:
    path.write_bytes(content)
    began = time.perf_counter()
    try:
        table = read_limited(path, name, LIMITS)
        for cells in table.columns.values():
            if sum(1 for _ in cells) != table.rows:
                return Outcome("columns of different lengths", False, time.perf_counter() - began)
        return Outcome("table", True, time.perf_counter() - began)
    except (ReadingTooLong, ReadingTooMuch) as error:
        # For files this small it means that the reader hung or came down.
        return Outcome(f"{type(error).__name__} ({path.name})", False, time.perf_counter() - began)
    except TableError as error:
        return Outcome(type(error).__name__, True, time.perf_counter() - began)
    except Exception:  # that is what the sweep looks for
        last = traceback.format_exc().strip().splitlines()[-1]
        return Outcome(f"{last} ({path.name})", False, time.perf_counter() - began)
    finally:
        path.unlink()


def long_file(folder: Path) -> str:
    """Read a CSV of a million rows; say how long it took and what memory the child needed."""
    rng = random.Random(SEED)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(20_000)]
    path = folder / "long.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label"])
        for row in range(_ROWS):
            writer.writerow([row, " ".join(rng.choices(words, k=_WORDS)), rng.choice(["pos", "neg", "neutral"])])
    before = _memory()
    began = time.perf_counter()
    table = read_limited(path, "long.csv", Limits())
    read = time.perf_counter() - began
    chars = sum(len(cell or "") for cell in table.columns["text"])
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    parent = _memory() - before
    return (
        f"{table.rows:,} rows, {path.stat().st_size / MIB:.0f} MiB, {chars:,} characters of text: {read:.1f} s, "
        f"reader {child / 1e6:.0f} MB, parent {parent / 1e6:+.0f} MB with the file mapped"
    )


def _memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
