"""Run the tests that `make test` runs a slice of with all of their cases; a dated line in docs/sweeps.md.

These are: a path of the server in every file of every listener, in 14 forms; 21 wrong values of every argument; five
servers killed under one training; every file of a run cut or spoiled in seven ways; a run of each task killed at each
of twelve steps and resumed; runs in two processes with every kind of setting; every operation of a run failed in turn;
10,000 random flips in every file of a run; the server, the worker or both killed at 40 moments.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
import time

from benchmarks.row import ROOT

REPORT = ROOT / "docs" / "sweeps.md"
TESTS = (
    "tests/api/test_paths.py",
    "tests/api/test_types.py",
    "tests/runs/test_worker.py::test_servers_killed_while_it_trains_leave_the_run_alone_and_no_spare",
    "tests/ui/test_torn_runs.py",
    "tests/runs/test_resume.py",
    "tests/runs/distributed",
    "tests/runs/faults",
)
_HEAD = """
## Tests with all of their cases

| date | tests | passed | failed | minutes | met |
| --- | --- | --- | --- | --- | --- |
"""


def main() -> int:
    """Sweep; the exit code is pytest's."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *TESTS],
        cwd=ROOT,
        env={**os.environ, "BERTDEMO_SWEEP": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout, end="", flush=True)  # noqa: T201
    minutes = (time.monotonic() - begun) / 60
    passed, failed = (_count(done.stdout, word) for word in ("passed", "failed"))
    held = "yes" if done.returncode == 0 else "no"
    row = f"| {datetime.date.today()} | {passed + failed} | {passed} | {failed} | {minutes:.1f} | {held} |\n"
    text = REPORT.read_text(encoding="utf-8")
    REPORT.write_text(text + ("" if _HEAD in text else _HEAD) + row, encoding="utf-8")
    return done.returncode


def _count(output: str, word: str) -> int:
    match = re.search(rf"(\d+) {word}", output)
    return int(match[1]) if match else 0


if __name__ == "__main__":
    sys.exit(main())
