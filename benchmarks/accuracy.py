"""How good a model gets with the default settings, through the same run machinery and `/predict_file` as the page."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.row import DATA, Row, skipped
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.services import Services
from bertdemo.ui.api.endpoints import Endpoints

POSITIVE = frozenset(
    [
        "admiration",
        "approval",
        "gratitude",
        "amusement",
        "love",
        "joy",
        "optimism",
        "caring",
        "excitement",
        "desire",
        "relief",
        "pride",
    ]
)
NEGATIVE = frozenset(
    [
        "annoyance",
        "disapproval",
        "anger",
        "sadness",
        "disappointment",
        "fear",
        "disgust",
        "remorse",
        "embarrassment",
        "nervousness",
        "grief",
    ]
)
TRAIN, VALIDATE, SEEDS = 512, 200, (42, 1, 2, 3, 4)


def goemotions(services: Services) -> Row:
    """Train on the first 512 rows of each class, validate on the next 200, score all two-class dev rows."""
    what = f"goemotions, two classes, {len(SEEDS)} seeds, median accuracy on the dev set"
    wanted = "median ≥ 0.87, standard deviation ≤ 0.01"
    if not (DATA / "goemotions").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, validation = goemotions_rows()
        dev = list(_two_classes(DATA / "goemotions" / "dev.csv"))
        for file, rows in (("train", train), ("validation", validation), ("dev", dev)):
            write(folder / f"{file}.csv", ("text", "label"), rows)
        found = []
        for seed in SEEDS:
            request = classification(folder / "train.csv", folder / "validation.csv", RunConfig(seed=seed))
            status = train_to_end(services, request)
            found.append(scored(services, status, folder / "dev.csv", "label"))
    median, spread = statistics.median(found), statistics.stdev(found)
    shown = ", ".join(f"{value:.4f}" for value in found)
    result = f"{median:.4f}, standard deviation {spread:.4f} ({shown}; {len(dev)} rows)"
    return Row(what, result, wanted, median >= 0.87 and spread <= 0.01)


def goemotions_rows() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the training and the validation rows of the two classes."""
    return _first(_two_classes(DATA / "goemotions" / "train.csv"))


def banking77(services: Services) -> Row:
    """Train on train.csv alone with the default split, score test.csv."""
    what, wanted = "banking77, train.csv through the default split, accuracy on test.csv", "≥ 0.92"
    if not (DATA / "banking77").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    request = RunRequest(
        task="classification",
        columns={"text": "text", "label": "category"},
        checkpoint="bundled",
        config=RunConfig(),
        data=str(DATA / "banking77" / "train.csv"),
        data_name="train.csv",
    )
    status = train_to_end(services, request)
    value = scored(services, status, DATA / "banking77" / "test.csv", "category")
    rows = status.started.train_rows if status.started else 0
    own = status.metrics["accuracy"]["value"]
    return Row(
        what, f"{value:.4f} ({rows:,} rows trained, {status.seconds:.0f} s; its own test split: {own:.4f})", wanted,
        value >= 0.92,
    )  # fmt: skip


def classification(train: Path, validation: Path, config: RunConfig) -> RunRequest:
    """Return a request to train the bundled model on two files with the columns `text` and `label`."""
    return RunRequest(
        task="classification",
        columns={"text": "text", "label": "label"},
        checkpoint="bundled",
        config=config,
        data=str(train),
        data_name=train.name,
        validation=str(validation),
        validation_name=validation.name,
    )


def train_to_end(services: Services, request: RunRequest) -> RunStatus:
    """Start a run and wait until it has ended."""
    run = services.admission.start(request, "")
    while not (status := status_of(services.registry.read(run, ""))).ended:
        time.sleep(0.2)
    if status.state != "finished":
        raise RuntimeError(f"{status.state}: {status.message} {status.log[-2000:]}")
    return status


def scored(services: Services, status: RunStatus, file: Path, label: str) -> float:
    """Return the accuracy on a file, scored by the endpoint that gives predictions for a file."""
    result = Endpoints(services).predict_file(str(file), status.checkpoint)
    with Path(result).open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return sum(row["prediction"] == row[label] for row in rows) / len(rows)


def _two_classes(path: Path) -> Iterable[tuple[str, str]]:
    """Yield the rows that carry exactly one label, and that of the two groups."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["labels"] in POSITIVE:
                yield row["text"], "positive"
            elif row["labels"] in NEGATIVE:
                yield row["text"], "negative"


def _first(rows: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the first TRAIN rows of each class in the file's order, and the next VALIDATE of each."""
    seen = {"positive": 0, "negative": 0}
    train, validation = [], []
    for text, label in rows:
        place = seen[label]
        seen[label] += 1
        if place < TRAIN:
            train.append((text, label))
        elif place < TRAIN + VALIDATE:
            validation.append((text, label))
    return train, validation


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
