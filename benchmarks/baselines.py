"""The baselines on labeled data: how long they take, and whether their intervals mean what they say."""

from __future__ import annotations

import csv
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.row import DATA, Row, skipped
from bertdemo import tasks
from bertdemo.analysis import baselines
from bertdemo.dataset.prepared import prepare
from bertdemo.run_config import Truncation
from bertdemo.services import Services
from bertdemo.tables.table import Table

CLASSES, ROWS, RESAMPLINGS, WANTED = 10, 1_000, 20, 16
SECONDS, NEAR = 15.0, 0.01
_LENGTH = 128


def banking77(services: Services) -> Row:
    """Score 1,000 rows of the ten largest classes; then ask 20 times whether new rows score within the interval."""
    what = f"baselines on {ROWS:,} rows of banking77's {CLASSES} largest classes"
    wanted = (
        f"≤ {SECONDS:.0f} s, ten folds, held-out score within the interval ± 1 point in ≥ {WANTED} of {RESAMPLINGS}"
    )
    if not (DATA / "banking77").is_dir():
        return skipped(what, wanted, "no labeled data beside the checkout")
    texts, labels = _largest(DATA / "banking77" / "train.csv")
    chosen = np.random.default_rng(0).permutation(len(texts))[:ROWS]
    table = Table(
        "banking77", {"text": tuple(texts[chosen]), "label": tuple(labels[chosen])}, tuple(range(2, ROWS + 2))
    )
    began = time.perf_counter()
    prepared = prepare(table, tasks.find("classification"), {"text": "text", "label": "label"})
    found = services.baselines.compute(prepared, "bundled", "")
    seconds = time.perf_counter() - began
    scores = {one.kind: one for one in found}
    covered = {kind: sum(_covers(kind, vectors, labels, seed) for seed in range(RESAMPLINGS))
               for kind, vectors in (("tfidf", texts), ("frozen", _embedded(services, texts)))}  # fmt: skip
    folds = {one.folds for one in found if one.kind != "majority"}
    told = ", ".join(
        f"{kind} {scores[kind].metrics['accuracy'].value:.3f} (covers {count} of {RESAMPLINGS})"
        for kind, count in covered.items()
    )
    held = seconds <= SECONDS and folds == {10} and min(covered.values()) >= WANTED
    return Row(what, f"{seconds:.1f} s, {told}, folds {sorted(folds)}", wanted, held)


def _largest(path: Path) -> tuple[Any, Any]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    most = {label for label, _ in Counter(label for _, label in rows).most_common(CLASSES)}
    texts, labels = zip(*((text, label) for text, label in rows if label in most), strict=True)
    return np.array(texts, dtype=object), np.array(labels, dtype=object)


def _embedded(services: Services, texts: Any) -> Any:
    folder, tokenizer = services.catalogue.folder("bundled", ""), services.catalogue.tokenizer("bundled", "")
    return baselines.embed(folder, tokenizer, list(texts), Truncation(_LENGTH))


def _covers(kind: str, features: Any, labels: Any, seed: int) -> bool:
    """Draw rows; fit on nine tenths of them and score on all that were not drawn."""
    order = np.random.default_rng(seed).permutation(len(labels))
    drawn, new = order[:ROWS], order[ROWS:]
    part, names = features[drawn], list(labels[drawn])
    nine = ROWS * 9 // 10
    if kind == "tfidf":
        found = baselines.tfidf(list(part), names, seed=seed)
        said = baselines.words_model(list(part)).fit(list(part[:nine]), names[:nine]).predict(list(features[new]))
    else:
        found = baselines.frozen(part, names, seed=seed)
        kept = baselines.fit(part[:nine], names[:nine])
        said = np.array(kept.labels)[(features[new] @ kept.weight.T + kept.bias).argmax(1)]
    held_out = float(np.mean(said == labels[new]))
    score = found.metrics["accuracy"]
    return score.low - NEAR <= held_out <= score.high + NEAR
