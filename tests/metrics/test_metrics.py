"""Metrics are loaded by path, without a network, and their intervals are the known ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bertdemo import metrics
from bertdemo.metrics.intervals import macro_f1_interval, wilson

FOLDER = Path(metrics.__file__).parent
NAMES = sorted(path.name for path in FOLDER.iterdir() if (path / f"{path.name}.py").is_file())
GIVEN: dict[str, tuple[Any, Any, str | None, float]] = {
    "accuracy": ([0, 1, 1], [0, 1, 0], None, 2 / 3),
    "macro_f1": ([0, 1, 1], [0, 1, 0], None, 2 / 3),
    "micro_f1": ([[1, 0], [1, 1]], [[1, 0], [0, 1]], None, 0.8),
    "entity_f1": ([["B-A", "I-A", "O"], ["B-B"]], [["B-A", "I-A", "O"], ["B-A"]], None, 0.5),
    "exact_match": (["The cat.", "dog"], ["cat", "a cat"], None, 0.5),
    "f1": (["the black cat", "猫在睡"], ["a cat", "猫在叫"], None, (2 / 3 + 2 / 3) / 2),
    "pearson": ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], None, 1.0),
    "spearman": ([1.0, 2.0, 3.0], [1.0, 8.0, 9.0], None, 1.0),
    "perplexity": ([2.0, 4.0], [1.0, 2.0], None, 7.38905609893065),
    "recall_at_10": ([1, 10, 11, 99], [10, 10, 10, 10], None, 0.5),
    "rouge_l": (["The cat sat.", "猫在睡"], ["the black cat", "猫睡了"], None, (2 / 3 + 2 / 3) / 2),
    "mrr": ([1, 2, 4, 4], [1, 1, 1, 1], None, 0.5),
}
"""Metric -> predictions, references, configuration, and the value worked out by hand."""


def test_a_wilson_interval_has_its_known_values() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263 and 15 of 148, 0 of 20, 1 of 29.
    for right, rows, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(right, rows) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(5, 5)
    assert 0.5 < low < high == pytest.approx(1.0)


def test_a_bootstrap_interval_contains_the_value_and_narrows_with_rows() -> None:
    from sklearn.metrics import f1_score

    true, guess = [0, 0, 1, 1, 2, 2, 0, 1] * 10, [0, 1, 1, 1, 2, 0, 0, 1] * 10
    low, high = macro_f1_interval(true, guess)
    wide_low, wide_high = macro_f1_interval(true[:16], guess[:16])
    value = f1_score(true, guess, average="macro")
    assert low < value < high
    assert high - low < wide_high - wide_low
    assert macro_f1_interval(true, guess) == (low, high)


@pytest.mark.slow
def test_the_bootstrap_counts_what_scikit_learn_counts() -> None:
    import numpy as np
    from sklearn.metrics import f1_score

    from bertdemo.metrics.intervals import _macro_f1

    generator = np.random.default_rng(0)
    for _ in range(20):
        true, guess = generator.integers(0, 6, 15), generator.integers(0, 6, 15)
        assert _macro_f1(true, guess, 6) == pytest.approx(f1_score(true, guess, average="macro", zero_division=0.0))


@pytest.mark.slow
def test_every_metric_is_loaded_by_its_path_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import evaluate

    asked: list[Any] = []
    load = evaluate.load
    monkeypatch.setattr(
        evaluate, "load", lambda path, *kind, **options: (asked.append(path), load(path, *kind, **options))[1]
    )

    def refuse(*_: Any) -> None:
        raise AssertionError("a metric went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    metrics.load.cache_clear()
    assert set(GIVEN) == set(NAMES)
    for name, (said, given, kind, value) in GIVEN.items():
        assert metrics.compute([name], said, given, kind) == pytest.approx({name: value}), name
    assert asked == [str(FOLDER / name) for name in GIVEN]


@pytest.mark.slow
def test_a_metric_that_is_not_ours_is_refused_and_never_looked_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import evaluate

    monkeypatch.setattr(evaluate, "load", lambda *_, **__: pytest.fail("asked evaluate"))
    (tmp_path / "rouge").mkdir()
    (tmp_path / "rouge" / "rouge.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    for name in ("rouge", "../metrics/accuracy", "intervals"):
        with pytest.raises(KeyError):
            metrics.load(name)


@pytest.mark.slow
def test_modules_are_copied_only_into_the_private_folder() -> None:
    metrics.load.cache_clear()
    metrics.compute(["accuracy"], [1], [1])
    private = Path(os.environ["HF_MODULES_CACHE"])
    copied = {path.stem for path in private.rglob("*.py") if path.stem in NAMES}
    assert "accuracy" in copied
