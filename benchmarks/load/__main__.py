"""Run every scenario against a public server on this machine; a dated table in docs/load.md. Takes about half an hour.

`--only NAME …` runs some of them: idle, burst, sessions, stranger, inspections, oversized, training, many.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import scenarios
from benchmarks.load.oversized import oversized
from benchmarks.load.pages import idle_pages
from benchmarks.load.requests import About
from benchmarks.load.scenarios import Site
from benchmarks.load.training import beside_training
from benchmarks.load.visitors import Door, LoadVisitor
from benchmarks.row import ROOT, Row
from tests.e2e.server import Server

REPORT = ROOT / "docs" / "load.md"
Scenario = Callable[[Site, str], Awaitable[list[Row]]]
SCENARIOS: dict[str, Scenario] = {
    "idle": lambda site, owner: scenarios.open_model(site, owner, 120, "idle", 0.3),
    "burst": scenarios.crowd,
    "sessions": idle_pages,
    "stranger": lambda site, owner: scenarios.stranger(site),
    "inspections": lambda site, owner: scenarios.inspections(site),
    "oversized": lambda site, owner: oversized(site),
    "training": beside_training,
    "many": scenarios.many_requests,
}


def main(names: Sequence[str]) -> int:
    """Measure, write, and return 1 where a target is missed."""
    rows: list[Row] = []
    for name in names:
        with public_server() as server:  # a new one each, so that none inherits the memory of another
            rows += asyncio.run(_one(server, SCENARIOS[name]))
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    lines = "\n".join(row.line() for row in rows)
    head = f"## {datetime.date.today()}, {os.cpu_count()} cores, load average at the end {load}"
    table = f"{head}\n\n| what | result | target | met |\n| --- | --- | --- | --- |\n{lines}\n"
    print(table)  # noqa: T201
    text, mark = REPORT.read_text(encoding="utf-8"), "<!-- newest first -->\n"
    REPORT.write_text(text.replace(mark, f"{mark}\n{table}", 1), encoding="utf-8")
    return int(any(row.held is False for row in rows))


async def _one(server: Server, scenario: Scenario) -> list[Row]:
    door = await Door.of(server.url)
    visitor = LoadVisitor(door, "10.200.0.1")
    visitor.owner = (await visitor.join("new_owner"))["owner"]
    about = await _trained(visitor)
    rows = await scenario(Site(door, server.pid, about), visitor.owner)
    await visitor.close()
    return rows


async def _trained(visitor: LoadVisitor) -> About:
    """Wait until the server has imported torch and shows the run that it ships with."""
    deadline = time.monotonic() + 90
    while True:
        about = await About.read(visitor)
        if about.run or time.monotonic() > deadline:
            await visitor.join("predict", "warm", "", about.checkpoint, visitor.owner)
            return about
        await asyncio.sleep(1)


@contextmanager
def public_server() -> Iterator[Server]:
    """Run the app as on a Space, on loopback."""
    with tempfile.TemporaryDirectory() as name:
        extra = {"SPACE_ID": "somebody/bertdemo", "BERTDEMO_SHIPPED_RUN": "1", "BERTDEMO_CHECKPOINTS": ""}
        server = Server(Path(name) / "home", Path(name), extra)
        try:
            server.start()
            yield server
        finally:
            server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    sys.exit(main(parser.parse_args().only))
