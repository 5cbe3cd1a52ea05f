"""`make bench`: run every measurement and add a dated table to docs/benchmarks.md, failures included.

`python -m benchmarks.run startup keystroke` runs the named ones only, `--long` those of `make bench-long`.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    accuracy,
    baselines,
    big_table,
    faults,
    few_shot,
    inside,
    keystroke,
    label_issues,
    live_answer,
    long,
    samples,
    startup,
    stop,
    tasks,
    throughput,
)
from benchmarks.row import ROOT, Row
from bertdemo.device import cpu
from bertdemo.i18n.translation import size
from bertdemo.services import Services
from bertdemo.settings import Settings

# Runs what takes an hour, and nothing else.
LONG = "--long"
REPORT = ROOT / "docs" / "benchmarks.md"


def main(wanted: Sequence[str]) -> int:
    """Run the measurements; the exit code counts those that did not hold."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        settings = Settings.from_env({**os.environ, "BERTDEMO_HOME": home})
        settings.apply()
        services = Services.create(settings)
        measurements: dict[str, Callable[[], Sequence[Row]]] = {
            "startup": startup.first_answers,
            "tokenize": lambda: [startup.tokenize_handler(services)],
            "first_step": startup.first_step,
            "stop": lambda: stop.limits(_begun(services)),
            "keystroke": keystroke.keystrokes,
            "live_answer": live_answer.answers,
            "inside": inside.measure,
            "big_table": big_table.check,
            "faults": lambda: [faults.banking77(services)],
            "baseline": lambda: [baselines.banking77(_begun(services))],
            "throughput": lambda: throughput.ratios(services),
            "label_issues": lambda: [label_issues.planted(services)],
            "similarity": lambda: tasks.similar(services),
            "search": lambda: [tasks.found(services)],
            "found_trained": lambda: [tasks.found_trained(_begun(services))],
            "hidden_words": lambda: [tasks.hidden_words(_begun(services))],
            "rewriting": lambda: [tasks.rewriting(_begun(services))],
            "answers": lambda: tasks.answers(services),
            "wnut17": lambda: [tasks.wnut17(_begun(services))],
            "uner": lambda: [tasks.uner(_begun(services))],
            "goemotions_all": lambda: [tasks.goemotions_all(_begun(services))],
            "goemotions": lambda: [accuracy.goemotions(_begun(services))],
            "banking77": lambda: [accuracy.banking77(_begun(services))],
            "samples": lambda: samples.defaults(_begun(services)),
            "few_shot_goemotions": lambda: [few_shot.goemotions(_begun(services))],
            "few_shot_banking77": lambda: [few_shot.banking77(_begun(services))],
        }
        hour_long: dict[str, Callable[[], Sequence[Row]]] = {
            "padded_goemotions": lambda: [long.padded_goemotions(_begun(services))],
            "qnli": lambda: [long.qnli(_begun(services))],
            "padded_banking77": lambda: [long.padded_banking77(_begun(services))],
        }
        if LONG in wanted:
            measurements = hour_long
            wanted = [name for name in wanted if name != LONG]
        else:
            measurements |= {name: measure for name, measure in hour_long.items() if name in wanted}
        rows: list[Row] = []
        for name, measure in measurements.items():
            if not wanted or name in wanted:
                found = measure()
                rows += found
                print("\n".join(row.line() for row in found), flush=True)  # noqa: T201
        if services.admission.devices_known:
            services.close()
    _write(rows)
    return sum(row.held is False for row in rows)


def _begun(services: Services) -> Services:
    if not services.admission.devices_known:
        services.begin().result()
    return services


def _write(rows: Sequence[Row]) -> None:
    """Put the newest table first, below the page's introduction."""
    here = cpu()
    flags = "bfloat16 faster than float32" if here.bfloat16 else "float32 faster than bfloat16"
    machine = f"{here.cores} shared cores ({platform.machine()}, {flags}), {size(here.total_bytes)}, no GPU"
    head = f"## {datetime.date.today():%Y-%m-%d}\n\n{machine}, Python {platform.python_version()}.\n\n"
    head += "| what | result | target | met |\n| --- | --- | --- | --- |"
    table = "\n".join([head, *(row.line() for row in rows)]) + "\n"
    old = REPORT.read_text(encoding="utf-8")
    intro, mark, rest = old.partition("<!-- newest first -->\n")
    Path(REPORT).write_text(f"{intro}{mark}\n{table}{rest}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
