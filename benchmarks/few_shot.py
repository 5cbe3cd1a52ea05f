"""How good few-shot training gets from 8 rows per label, beside the linear probe and SetFit on the same draws.

SetFit is compared where it is installed; it is no requirement of the project.
"""

from __future__ import annotations

import csv
import importlib.util
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import classification, train_to_end
from benchmarks.row import DATA, Row, skipped
from bertdemo.checkpoints import bundled
from bertdemo.run_config import Method, RunConfig
from bertdemo.services import Services

Rows = Sequence[tuple[str, str]]
ROWS_PER_LABEL = 8
DRAWS = (1, 2, 3, 4, 5)
# The four largest single labels of goemotions that name an emotion; `neutral` is larger, and names none.
LABELS = ("admiration", "approval", "gratitude", "amusement")
_SETFIT = "1.2.0"


def goemotions(services: Services) -> Row:
    """Train on 8 rows of each of four labels, score all dev rows with one of them; SetFit does the same."""
    what = f"goemotions, four labels, {ROWS_PER_LABEL} rows each, {len(DRAWS)} draws, accuracy on the dev set"
    wanted = "mean at least that of SetFit; at most 25 s each"
    if not (DATA / "goemotions").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    train, dev = (_four(DATA / "goemotions" / f"{name}.csv") for name in ("train", "dev"))
    draws = [drawn(train, seed) for seed in DRAWS]
    few, probe, slowest = _both(services, draws, dev)
    rivals = [setfit(rows, dev, seed) for seed, rows in zip(DRAWS, draws, strict=True)] if has_setfit() else []
    ours = f"{_mean(few)}; linear probe {_mean(probe)}; the slowest {slowest:.0f} s"
    if not rivals:
        return Row(what, f"{ours}; SetFit is not installed", wanted, None)
    held = statistics.mean(few) >= statistics.mean(rivals) and slowest <= 25
    return Row(what, f"{ours}; SetFit {_SETFIT} {_mean(rivals)}", wanted, held)


def banking77(services: Services) -> Row:
    """Train on 8 rows of each of 77 labels, score test.csv, and compare draw by draw with the linear probe."""
    what = f"banking77, {ROWS_PER_LABEL} rows per label, {len(DRAWS)} draws: difference to the linear probe"
    wanted = "median ≥ 0.010, no draw below it; at most 180 s each"
    if not (DATA / "banking77").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    train, test = (_read(DATA / "banking77" / f"{name}.csv", "category") for name in ("train", "test"))
    few, probe, slowest = _both(services, [drawn(train, seed) for seed in DRAWS], test)
    differences = [ours - theirs for ours, theirs in zip(few, probe, strict=True)]
    median = statistics.median(differences)
    listed = ", ".join(f"{value:+.4f}" for value in differences)
    result = f"{median:+.4f} ({listed}); {_mean(few)}; the slowest {slowest:.0f} s"
    return Row(what, result, wanted, median >= 0.010 and min(differences) >= 0 and slowest <= 180)


def drawn(rows: Rows, seed: int) -> list[tuple[str, str]]:
    """Return ROWS_PER_LABEL rows of each label."""
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    draw = random.Random(seed)
    return [(text, label) for label in sorted(by_label) for text in draw.sample(by_label[label], ROWS_PER_LABEL)]


def has_setfit() -> bool:
    """Return whether SetFit can be imported."""
    return importlib.util.find_spec("setfit") is not None


def setfit(train: Rows, held_out: Rows, seed: int) -> float:
    """Return the accuracy of SetFit with its own defaults and the bundled encoder as its body."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression

    labels = sorted({label for _, label in train})
    body = SentenceTransformer(str(bundled.folder()), device="cpu")
    model = SetFitModel(model_body=body, model_head=LogisticRegression())
    columns = {"text": [text for text, _ in train], "label": [labels.index(label) for _, label in train]}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(output_dir=folder, seed=seed, report_to="none", save_strategy="no")
        Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict(columns)).train()
    predicted: Any = model.predict([text for text, _ in held_out], as_numpy=True)
    return sum(labels[int(at)] == label for at, (_, label) in zip(predicted, held_out, strict=True)) / len(held_out)


def _both(services: Services, draws: Sequence[Rows], held_out: Rows) -> tuple[list[float], list[float], float]:
    """Return the accuracies of few-shot training and of the linear probe, and the seconds of the slowest training."""
    few, probe, slowest = [], [], 0.0
    for rows in draws:
        value, seconds = _trained(services, rows, held_out, None)  # the recipe is chosen by the data
        few.append(value)
        slowest = max(slowest, seconds)
        probe.append(_trained(services, rows, held_out, "regression")[0])
    return few, probe, slowest


def _trained(services: Services, rows: Rows, held_out: Rows, method: Method | None) -> tuple[float, float]:
    """Return the accuracy of a run, and the seconds from its start to the evaluation."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, part in (("train", rows), ("held_out", held_out)):
            _write(folder / f"{file}.csv", part)
        request = classification(folder / "train.csv", folder / "held_out.csv", RunConfig(method=method))
        started = time.monotonic()
        status = train_to_end(services, request)
        return float(status.metrics["accuracy"]["value"] or 0.0), time.monotonic() - started


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"


def _four(path: Path) -> list[tuple[str, str]]:
    return [(text, label) for text, label in _read(path, "labels") if label in LABELS]


def _read(path: Path, label: str) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row[label]) for row in csv.DictReader(file)]


def _write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("text", "label"), *rows])
