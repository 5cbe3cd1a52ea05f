"""`make compare` asks the apps of two commits the same through the API; what differs is listed, field by field.

The earlier app trains a run on a sample; its home is copied, and the later app opens the copy. So a checkpoint and a
run of the version before are opened, predict and show as they did.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.row import ROOT, Row
from benchmarks.startup import server
from bertdemo import samples
from tests.api.caller import Caller
from tests.tables.corpus import CASES

BROUGHT = ROOT.parent / "shared" / "cases"
"""Small files as people have them, beside the checkout; not part of the project."""
TEXTS = [
    "The violin stayed in its case because it was out of tune.", "我喜欢这部电影。", "", "naïve café",
    "[SEP] 🙂 [MASK]", "unaffordable " * 40,
]  # fmt: skip


def compare(earlier: Path, folder: Path) -> tuple[Row, list[str]]:
    """Return how many answers are the same, and a line per field that differs."""
    first, second = folder / "first", folder / "second"
    first.mkdir()
    with server(first, earlier) as (address, _):
        caller = Caller(address)
        data = caller.upload(samples.sample_path("reviews_en"))
        run = caller.call("start_run", file=data, config={"epochs": 1, "device": "cpu"}).value["run_id"]
        status = caller.wait(run)[-1]
        if status["state"] != "finished":
            raise RuntimeError(status)
        before = dict(_answers(caller, run, status["checkpoint"], folder))
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("*.lock"))
    with server(second) as (address, _):
        after = dict(_answers(Caller(address), run, status["checkpoint"], folder))
    lines = [line for what in before for line in _differences(what, before[what], after[what])]
    same = sum(not any(_differences(what, before[what], after[what])) for what in before)
    told = f"{same} of {len(before)}"
    return Row("answers of the API to the same questions that are the same", told, "all", same == len(before)), lines


def _files(folder: Path) -> Iterator[Path]:
    """Yield the samples, the awkward files of the tests, and the cases beside the checkout where they are there."""
    yield from sorted(path for path in samples.FOLDER.iterdir() if path.suffix in {".csv", ".jsonl"})
    for number, case in enumerate(CASES):
        own = folder / f"{number:03d}"
        own.mkdir(exist_ok=True)
        (own / case.name).write_bytes(case.content)
        yield own / case.name
    yield from sorted(path for path in BROUGHT.glob("*/*") if path.is_file() and path.name != "expected.json")


def _answers(caller: Caller, run: str, checkpoint: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """Ask everything that leaves no trace; yield what was asked and the answer, or the sentence of the refusal."""

    def ask(name: str, **given: Any) -> tuple[str, Any]:
        sent = {key: caller.upload(value) if isinstance(value, Path) else value for key, value in given.items()}
        answer = caller.call(name, **sent)
        return (
            f"{name} {json.dumps(given, ensure_ascii=False, default=str)}",
            answer.value if answer.ok else answer.error,
        )

    yield ask("checkpoints")
    yield ask("runs")
    yield ask("run_status", run_id=run)
    for text in TEXTS:
        for pair in ("", "A second text."):
            for length in (0, 8):
                yield ask("tokenize", text=text, pair=pair, max_length=length)
            yield ask("inspect", text=text, pair=pair, layer=2, head=3)
        yield ask("predict", text=text, checkpoint=checkpoint)
    for pooling in ("cls", "mean", "max"):
        yield ask("embed", texts=TEXTS[:4], checkpoint=checkpoint, pooling=pooling)
    yield ask("search", query=TEXTS[0], documents=TEXTS)
    file = caller.call("predict_file", file=caller.upload(samples.sample_path("reviews_en")), checkpoint=checkpoint)
    yield "predict_file", caller.fetch(file.value).decode("utf-8-sig") if file.ok else file.error
    for path in _files(folder):
        yield ask("check_data", file=path)


def _differences(where: str, before: Any, after: Any) -> Iterator[str]:
    """Yield `where: before -> after` for each leaf that differs; numbers by more than 1e-12, seconds never."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted((before.keys() | after.keys()) - {"seconds"}):
            yield from _differences(f"{where} .{key}", before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{where}[{at}]", old, new)
    elif before != after and not (
        isinstance(before, float) and isinstance(after, float) and math.isclose(before, after, rel_tol=0, abs_tol=1e-12)
    ):
        old, new = (json.dumps(value, ensure_ascii=False)[:300] for value in (before, after))
        yield f"{where}: {old} -> {new}"
