"""The same visitors beside a training: their answers, how late its progress is told, and how much slower it is."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.load.requests import fresh
from benchmarks.load.scenarios import Site, open_model
from benchmarks.load.visitors import LoadVisitor
from benchmarks.row import Row, quantiles

# Seconds that the training has to itself, and that it shares.
_ALONE, _BESIDE = 45.0, 90.0
# A page asks this often how far its run is.
_POLL = 1.0


async def beside_training(site: Site, owner: str) -> list[Row]:
    """Train on 4,000 short texts, first alone and then beside 20 visitors."""
    trainer = LoadVisitor(site.door, "10.201.0.1", owner)
    run = await _start(trainer)
    await _until_step(trainer, run)
    alone = await _speed(trainer, run, _ALONE)
    lags: list[float] = []
    polling = asyncio.create_task(_poll(trainer, run, lags))
    (speed, rows) = await asyncio.gather(
        _speed(trainer, run, _BESIDE), open_model(site, owner, _BESIDE - 10, "beside a training", 1.0)
    )
    polling.cancel()
    await trainer.join("cancel_run", run, owner, session=fresh())
    await trainer.close()
    slower = 1 - speed / alone
    _, p95 = quantiles(lags)
    return [
        *rows,
        Row("beside a training: steps per second", f"{speed:.2f}, {alone:.2f} alone: {100 * slower:.0f}% slower",
            "≤ 40% slower", slower <= 0.4),
        Row("beside a training: progress told after the step, p95", f"{p95:.1f} s ({len(lags)})", "≤ 3 s", p95 <= 3),
    ]  # fmt: skip


async def _start(trainer: LoadVisitor) -> str:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.csv"
        rows = [f"the {'good' if it % 2 else 'bad'} film number {it} was long,{it % 2}" for it in range(4_000)]
        path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
        answer = await trainer.http.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())})
    file = {"path": answer.json()[0], "orig_name": "rows.csv", "meta": {"_type": "gradio.FileData"}}
    config = {"epochs": 20, "batch_size": 8, "method": "fine_tune"}
    values = (file, "classification", {}, config, "bundled", None, None, {}, trainer.owner)
    return str((await trainer.join("start_run", *values, session=fresh()))["run_id"])


async def _status(trainer: LoadVisitor, run: str) -> dict[str, Any]:
    status: dict[str, Any] = await trainer.join("run_status", run, trainer.owner, session=fresh())
    if status["state"] not in {"queued", "starting", "running"}:
        raise RuntimeError(f"the run ended as {status['state']}: {status['message']}")
    return status


async def _until_step(trainer: LoadVisitor, run: str) -> None:
    while (await _status(trainer, run))["step"] < 20:
        await asyncio.sleep(1)


async def _speed(trainer: LoadVisitor, run: str, seconds: float) -> float:
    """Return the steps per second over so long."""
    first, begun = (await _status(trainer, run))["step"], time.monotonic()
    await asyncio.sleep(seconds)
    last = (await _status(trainer, run))["step"]
    return float(last - first) / (time.monotonic() - begun)


async def _poll(trainer: LoadVisitor, run: str, lags: list[float]) -> None:
    """Ask as a page does, and note how long a new step could be unseen: since the last question was sent."""
    asked = time.monotonic()
    while True:
        sent = time.monotonic()
        await _status(trainer, run)
        lags.append(time.monotonic() - asked)
        asked = sent
        await asyncio.sleep(max(0.0, sent + _POLL - time.monotonic()))
