"""How soon the app answers: first page, first `/tokenize`, first step, against importing gradio alone."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.row import ROOT, Row, quantiles
from bertdemo import samples
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.api.endpoints import Endpoints

TURNS = 5


def first_answers() -> list[Row]:
    """Alternate `import gradio` and a start of the app; medians of whole processes on a warm disk."""
    alone, page, tokens = [], [], []
    for turn in range(TURNS + 1):
        importing = _seconds([sys.executable, "-c", "import gradio"])
        with tempfile.TemporaryDirectory() as home, server(Path(home)) as (address, began):
            answered = time.perf_counter() - began
            _tokenize(address)
            tokenized = time.perf_counter() - began
        if turn:
            alone.append(importing)
            page.append(answered)
            tokens.append(tokenized)
    base = statistics.median(alone)
    first, second = statistics.median(page) / base, statistics.median(tokens) / base
    told = f"(importing gradio alone: {base:.1f} s, medians of {TURNS})"
    return [
        Row("first page after `python app.py`", f"{first:.2f} times {told}", "≤ 2 times", first <= 2),
        Row("first `/tokenize` answer after `python app.py`", f"{second:.2f} times {told}", "≤ 3 times", second <= 3),
    ]


def tokenize_handler(services: Services) -> Row:
    """Time the handler of `/tokenize` on 200 characters, without transport."""
    text = ("The violin stayed in its case because it was embarrassingly out of tune, 你好 café. " * 3)[:200]
    calls = Endpoints(services)
    calls.tokenize(text)
    times = []
    for _ in range(300):
        began = time.perf_counter()
        calls.tokenize(text)
        times.append(1000 * (time.perf_counter() - began))
    p50, p95 = quantiles(times)
    return Row("`/tokenize` handler, 200 characters", f"p50 {p50:.1f} ms, p95 {p95:.1f} ms", "p50 ≤ 15 ms", p50 <= 15)


def first_step() -> list[Row]:
    """From Start to the first Step event on 1,000 rows, with the spare ready and with no spare.

    The page has read a file when it was chosen, a program that calls /start_run has not: its row has no limit.
    """
    found = []
    for words, warm, looked, limit in (
        ("with the warm spare", True, True, 2.0),
        ("with the warm spare, a file that was not checked before", True, False, 0.0),
        ("without a spare", False, True, 8.0),
    ):
        times = []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as name:
                times.append(_one_start(Path(name), warm=warm, looked=looked))
        middle = statistics.median(times)
        shown = ", ".join(f"{value:.1f}" for value in times)
        wanted, held = (f"≤ {limit:g} s", middle <= limit) if limit else ("", None)
        what = f"Start to the first training step, 1,000 rows, {words}"
        found.append(Row(what, f"{middle:.1f} s ({shown})", wanted, held))
    return found


@contextmanager
def server(home: Path, root: Path = ROOT) -> Iterator[tuple[str, float]]:
    """Start the app of the checkout `root`; yield its address once it answers, and when it was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "BERTDEMO_HOME": str(home), "GRADIO_SERVER_PORT": str(port)}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=root, env=env, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while not _answers(address):
            if process.poll() is not None:
                raise RuntimeError("the app ended before it answered")
            time.sleep(0.02)
        yield address, began
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _tokenize(address: str) -> None:
    """Ask once over plain HTTP, as any program can."""
    body = b'{"data": ["A first text.", "", "bundled", 0, ""]}'
    ask = urllib.request.Request(  # noqa: S310
        f"{address}/gradio_api/call/tokenize", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(ask, timeout=60) as answer:  # noqa: S310
        event = answer.read().decode().split('"')[3]
    with urllib.request.urlopen(f"{address}/gradio_api/call/tokenize/{event}", timeout=60) as answer:  # noqa: S310
        text = answer.read().decode()
    if "event: complete" not in text:
        raise RuntimeError(text[:500])


def _one_start(home: Path, *, warm: bool, looked: bool) -> float:
    settings = Settings.from_env({**os.environ, "BERTDEMO_HOME": str(home), "BERTDEMO_SPARE_WORKER": str(int(warm))})
    settings.apply()
    services = Services.create(settings)
    services.begin().result()
    while warm and not services.launcher.is_warm():
        time.sleep(0.1)
    request = RunRequest(
        task="", columns={}, checkpoint="bundled", config=RunConfig(), data=str(thousand(home)), data_name="rows.csv"
    )
    if looked:
        services.table_cache.table(Path(request.data), request.data_name)
    began = time.perf_counter()
    run = services.admission.start(request, "")
    while not status_of(services.registry.read(run, "")).step:
        time.sleep(0.02)
    taken = time.perf_counter() - began
    services.dispatcher.cancel(run, "")
    while not status_of(services.registry.read(run, "")).ended:
        time.sleep(0.1)
    services.close()
    return taken


def thousand(home: Path) -> Path:
    """Write 1,000 rows: the authored support messages over and over, since only the time matters here."""
    lines = samples.sample_path("support_en").read_text(encoding="utf-8").splitlines()
    rows = [lines[1 + i % (len(lines) - 1)] for i in range(1000)]
    path = home / "rows.csv"
    path.write_text("\n".join([lines[0], *rows]) + "\n", encoding="utf-8")
    return path


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT)
    return time.perf_counter() - began
