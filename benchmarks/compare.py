"""`make compare BASE=<commit>`: this commit beside an earlier one, in turn; with `--speed` without their answers.

Each round starts the app of both checkouts, one after the other, and asks the same of both over HTTP and in a browser.
A ratio is the median of this commit's figures over the median of the earlier one's; above 1.10 the commit is slower.
"""

from __future__ import annotations

import datetime
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import same_answers
from benchmarks.keystroke import open_page, typed
from benchmarks.row import ROOT, Row
from benchmarks.startup import server, thousand
from tests.api.caller import Caller

ROUNDS = 5
# Above this ratio of the medians a commit counts as slower; below it the machine may be.
MOST = 1.10
ROWS = 1_000_000
# Until torch is imported and the spare worker is ready, on two busy cores.
WARM_SECONDS = 20
REPORT = ROOT / "docs" / "compare.md"
NAMES = {
    "start": "first page after `python app.py`, s",
    "key": "key press to painted chips, median of 60 keys, ms",
    "step": "/start_run to the first step, 1,000 rows, s",
    "training": "training 1,000 rows for one epoch, /start_run to finished, s",
    "predicting": "/predict_file of 1,000 rows, s",
    "million": f"/check_data of {ROWS:,} rows, s",
}


def main(base: str, rounds: int = ROUNDS, *, answers: bool = True) -> int:
    """Measure both commits, and compare their `answers`; the exit code counts what does not hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        earlier = folder / "earlier"
        git = shutil.which("git") or "git"
        subprocess.run([git, "worktree", "add", "--detach", str(earlier), base], cwd=ROOT, check=True)
        try:
            rows: list[Row] = []
            if answers:
                same, lines = same_answers.compare(earlier, folder)
                rows = [same]
                print("\n".join([same.line(), *lines]), flush=True)  # noqa: T201
            table = _million(folder / "million.csv")
            measured: dict[str, dict[str, list[float]]] = {"earlier": {}, "now": {}}
            for turn in range(rounds):
                for which, root in (("earlier", earlier), ("now", ROOT)):
                    figures = _measure(root, folder, table)
                    print(turn, which, figures, flush=True)  # noqa: T201
                    for what, value in figures.items():
                        measured[which].setdefault(what, []).append(value)
        finally:
            subprocess.run([git, "worktree", "remove", "--force", str(earlier)], cwd=ROOT, check=False)
    rows += [_row(what, measured["earlier"][what], measured["now"][what]) for what in NAMES]
    _write(base, rounds, rows)
    return sum(row.held is False for row in rows)


def _measure(root: Path, folder: Path, table: Path) -> dict[str, float]:
    """Return what one start of the app in `root` gives."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=folder) as home, server(Path(home), root) as (address, began):
        figures["start"] = time.perf_counter() - began
        time.sleep(WARM_SECONDS)
        with open_page(address) as page:
            figures["key"] = statistics.median(typed(page))
        caller = Caller(address)
        data = caller.upload(thousand(Path(home)))
        run = _value(caller, "start_run", file=data, config={"epochs": 1, "device": "cpu"})["run_id"]
        begun = time.perf_counter()
        caller.wait(run, "running", "finished")
        while not (status := _value(caller, "run_status", run_id=run))["step"]:
            time.sleep(0.02)
        figures["step"] = time.perf_counter() - begun
        status = caller.wait(run)[-1]
        figures["training"] = time.perf_counter() - begun
        begun = time.perf_counter()
        _value(caller, "predict_file", file=data, checkpoint=status["checkpoint"])
        figures["predicting"] = time.perf_counter() - begun
        large = caller.upload(table)
        begun = time.perf_counter()
        _value(caller, "check_data", file=large, task="classification", columns={"text": "text", "label": "label"})
        figures["million"] = time.perf_counter() - begun
    return figures


def _value(caller: Caller, name: str, **given: object) -> Mapping[str, object]:
    answer = caller.call(name, **given)
    if not answer.ok:
        raise RuntimeError(f"{name}: {answer.error}")
    return answer.value  # type: ignore[no-any-return]


def _million(path: Path) -> Path:
    """Write a million rows of ten words each; the label is told by one of them in nine rows of ten."""
    draw, words = random.Random(0), [f"w{number}" for number in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for row in range(ROWS):
            label = draw.choice(("good", "bad", "mixed"))
            sign = label if draw.random() < 0.9 else draw.choice(words)
            file.write(f"{' '.join(draw.choices(words, k=9))} so{sign} r{row},{label}\n")
    return path


def _row(what: str, earlier: list[float], now: list[float]) -> Row:
    ratio = statistics.median(now) / statistics.median(earlier)
    told = f"{ratio:.2f} ({statistics.median(earlier):.2f} before, {statistics.median(now):.2f} now)"
    return Row(NAMES[what], told, f"≤ {MOST:.2f}", ratio <= MOST)


def _write(base: str, rounds: int, rows: list[Row]) -> None:
    """Put the newest table first."""
    head = f"## {datetime.date.today():%Y-%m-%d}, against {base}, {rounds} rounds\n\n"
    head += "| what | ratio of the medians | target | met |\n| --- | --- | --- | --- |"
    table = "\n".join([head, *(row.line() for row in rows)]) + "\n"
    old = REPORT.read_text(encoding="utf-8")
    intro, mark, rest = old.partition("<!-- newest first -->\n")
    REPORT.write_text(f"{intro}{mark}\n{table}{rest}", encoding="utf-8")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--speed"]
    sys.exit(main(words[0], *map(int, words[1:]), answers="--speed" not in sys.argv))
