"""`make gpu`: run the checks one after the other, each in its own process, and write the report after each.

`--one` is how this program calls itself for one check. The exit code is the number of rows that failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.checks import CHECKS
from benchmarks.gpu.packages import Survey, survey, unpack
from benchmarks.gpu.report import Report, Result, one_line
from benchmarks.row import Row

_ROOT = Path(__file__).resolve().parents[2]
# Half a minute below the eight that the whole may take.
_SECONDS = 450.0
# Exit code of a check that has waited in vain.
_TOO_LATE = 3
# An exit code is a byte.
_MOST_FAILURES = 100
# Seconds that a check has to come to its end before it is killed.
_GRACE = 10.0
# Lines of a check's output that the report repeats where it was killed.
_TAIL = 30


def main(arguments: Sequence[str]) -> int:
    """Run what `arguments` ask for."""
    options = _options(arguments)
    if options.one:
        return _one(options.one, options.home, options.pack, options.sizes, options.until)
    with tempfile.TemporaryDirectory(prefix="gpu-", ignore_cleanup_errors=True) as home:
        return _all(options, Path(home))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make gpu", description="Check everything that a GPU changes.")
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT") or _ROOT / "build"), help="report folder"
    )
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="when to stop beginning checks")
    parser.add_argument("--checks", default=",".join(CHECKS), help="names, separated by commas")
    parser.add_argument("--pack", type=Path, default=_pack(), help="folder of `make gpu-pack`")
    parser.add_argument("--sizes", choices=("auto", "cuda", "cpu", "smallest"), default="auto")
    parser.add_argument("--one", choices=tuple(CHECKS), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.checks.split(",")) - set(CHECKS)):
        parser.error(f"no check is called {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    return options


def _pack() -> Path | None:
    """Return the pack: the folder of this program, or what `make gpu-pack` wrote in this checkout."""
    folders = (_ROOT, _ROOT / "build" / "gpu-pack")
    return next((folder for folder in folders if (folder / "pack.json").is_file()), None)


def _all(options: argparse.Namespace, home: Path) -> int:
    """Run the checks one after the other; return how many rows failed."""
    until = time.time() + options.seconds
    packages = survey(options.pack)
    if options.pack is not None:
        unpack(options.pack, packages.from_pack, home / "site")
    report = Report(options.out, packages, platform.python_version())
    _say(report.packages())
    report.add("packages", [_packages(packages)], 0.0)
    for name in options.checks.split(","):
        began = time.monotonic()
        results = _begun(name, options, home, until)
        report.machine = _noted(home, "machine") or report.machine
        report.add(name, results, time.monotonic() - began)
        _say("\n".join(result.row.line() for result in results))
    _say(f"{report.failures} failed; report: {options.out / 'gpu-report.md'}")
    return min(report.failures, _MOST_FAILURES)


def _packages(packages: Survey) -> Result:
    """Return the row that says whether a worker can run here at all."""
    figure = f"{len(packages.there)} of the machine, {len(packages.from_pack)} of the pack"
    figure += f"; missing: {', '.join(packages.missing)}" if packages.missing else ""
    return Result("packages", Row("packages that a run needs", figure, "none missing", not packages.missing))


def _begun(name: str, options: argparse.Namespace, home: Path, until: float) -> list[Result]:
    """Run one check in a process, or skip it where there is no GPU or too little time is left for it."""
    check = CHECKS[name]
    left = until - time.time()
    if check.needs_gpu and _noted(home, "gpu") is False:
        return [Result.skipped(name, check.what, "needs a GPU")]
    if left < check.least:
        return [Result.skipped(name, check.what, f"{max(0.0, left):.0f} s left, it needs {check.least:.0f}")]
    allowed = min(left, check.most)
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", name, "--home", str(home)]
    command += ["--until", str(time.time() + allowed - _GRACE), "--sizes", options.sizes]
    command += ["--pack", str(options.pack)] if options.pack else []
    code = _exit_code(command, home, home / f"{name}.log", allowed)
    return [*_rows(name, home), *_ending(name, code, home / f"{name}.log", allowed)]


def _exit_code(command: Sequence[str], home: Path, log: Path, allowed: float) -> int | None:
    """Run a process with its output in a file; return its exit code, or None where it had to be killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=_ROOT, env=_environment(home), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(timeout=allowed)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None


def _noted(home: Path, name: str) -> Any:
    """Return what a check has noted for later; None where none has."""
    path = home / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _environment(home: Path) -> dict[str, str]:
    """Return the environment of a check: what the pack stands in for is on its module path, and nothing else of it."""
    given = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(home / "site"), *([given] if given else [])])
    fixed = {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, "PYTHONPATH": path, **fixed}


def _rows(name: str, home: Path) -> list[Result]:
    """Return the rows that a check left."""
    file = home / f"{name}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [Result.from_json(json.loads(line)) for line in lines]


def _ending(name: str, code: int | None, log: Path, allowed: float) -> list[Result]:
    """Return one more row where a check did not come to its end: failed, unless the time of all checks was over."""
    if code == 0:
        return []
    check = CHECKS[name]
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])
    last = tail.strip().splitlines()[-1] if tail.strip() else ""
    if code in {None, _TOO_LATE}:
        if allowed < check.most:
            return [Result.skipped(name, check.what, f"not done in the {allowed:.0f} s that were left")]
        return [Result.failed(name, check.what, f"no end after {allowed:.0f} s: {last}", tail)]
    why = last if code == 1 else f"ended by signal {-code}" if code < 0 else f"exit code {code}: {last}"
    return [Result.failed(name, check.what, why, tail)]


def _one(name: str, home: Path, pack: Path | None, sizes: str, until: float) -> int:
    """Run one check in this process; a traceback goes to its log."""
    try:
        from benchmarks.gpu.bench import Bench

        CHECKS[name].load()(Bench(home, pack, sizes, name, until))
    except Exception as error:  # whatever a machine that nobody has seen does
        traceback.print_exc()
        _say(one_line(f"{type(error).__name__}: {error}"))
        return _TOO_LATE if isinstance(error, TimeoutError) else 1
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
