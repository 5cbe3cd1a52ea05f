"""Metrics are loaded by path, without a network, and their intervals are the known ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bertdemo import metrics
from bertdemo.metrics import rouge, scores, squad_f1
from bertdemo.metrics.intervals import bootstrap, interval, wilson

FOLDER = Path(metrics.__file__).parent
NAMES = sorted(path.name for path in FOLDER.iterdir() if (path / f"{path.name}.py").is_file())
GIVEN: dict[str, tuple[dict[str, Any], float]] = {
    "accuracy": ({"predictions": [0, 1, 1], "references": [0, 1, 0]}, 2 / 3),
    "macro_f1": ({"predictions": [0, 1, 1], "references": [0, 1, 0]}, 2 / 3),
    "micro_f1": ({"predictions": [[1, 0], [1, 1]], "references": [[1, 0], [0, 1]]}, 0.8),
    "entity_f1": ({"matched": [1, 0], "predicted": [1, 1], "labeled": [1, 1]}, 0.5),
    "exact_match": ({"matches": [squad_f1.exact("The cat.", "cat"), squad_f1.exact("dog", "a cat")]}, 0.5),
    "f1": ({"overlaps": [squad_f1.f1("the black cat", "a cat"), squad_f1.f1("猫在睡", "猫在叫")]}, (2 / 3 + 2 / 3) / 2),
    "pearson": ({"predictions": [1.0, 2.0, 3.0], "references": [2.0, 4.0, 6.0]}, 1.0),
    "spearman": ({"predictions": [1.0, 2.0, 3.0], "references": [1.0, 8.0, 9.0]}, 1.0),
    "perplexity": ({"nats": [2.0, 4.0], "tokens": [1.0, 2.0]}, 7.38905609893065),
    "recall_at_10": ({"ranks": [1, 10, 11, 99]}, 0.5),
    "rouge_l": (
        {"overlaps": [rouge.rouge_l("The cat sat.", "the black cat"), rouge.rouge_l("猫在睡", "猫睡了")]},
        (2 / 3 + 2 / 3) / 2,
    ),
    "mrr": ({"ranks": [1, 2, 4, 4]}, 0.5),
}
"""Metric -> its arrays, and the value worked out by hand."""


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
    import numpy as np
    from sklearn.metrics import f1_score

    true, guess = np.array([0, 0, 1, 1, 2, 2, 0, 1] * 10), np.array([0, 1, 1, 1, 2, 0, 0, 1] * 10)
    value = f1_score(true, guess, average="macro")
    low, high = interval(scores.macro_f1, value, predictions=guess, references=true)
    wide_low, wide_high = interval(scores.macro_f1, value, predictions=guess[:16], references=true[:16])
    assert low < value < high
    assert high - low < wide_high - wide_low
    assert bootstrap(len(true), lambda rows: scores.macro_f1(guess[rows], true[rows])) == (low, high)


def test_the_functions_count_what_scikit_learn_and_scipy_count() -> None:
    import numpy as np
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, f1_score

    generator = np.random.default_rng(0)
    for _ in range(20):
        true, guess = generator.integers(0, 6, 15), generator.integers(0, 6, 15)
        flags, chosen = generator.integers(0, 2, (15, 4)), generator.integers(0, 2, (15, 4))
        a, b = generator.random(15), generator.random(15).round(1)
        chosen[:, 3] = flags[:, 3] = 0
        for ours, theirs in (
            (scores.accuracy(guess, true), accuracy_score(true, guess)),
            (scores.macro_f1(guess, true), f1_score(true, guess, average="macro", zero_division=0.0)),
            (scores.macro_f1(chosen, flags), f1_score(flags, chosen, average="macro", zero_division=0.0)),
            (scores.micro_f1(chosen, flags), f1_score(flags, chosen, average="micro", zero_division=0.0)),
            (scores.pearson(a, b), pearsonr(a, b).statistic),
            (scores.spearman(a, b), spearmanr(a, b).statistic),
        ):
            assert ours == pytest.approx(theirs, abs=1e-12)


def test_a_share_of_rows_has_a_wilson_interval() -> None:
    assert interval(scores.recall_at_10, 0.5, ranks=[1, 10, 11, 99]) == wilson(2, 4)
    assert interval(scores.accuracy, 1.0, predictions=[1, 0], references=[1, 0]) == wilson(2, 2)


def test_a_draw_of_equal_numbers_is_left_out_and_a_table_of_them_has_no_correlation() -> None:
    low, high = interval(scores.pearson, 1.0, predictions=[1.0, 2.0, 2.0], references=[1.0, 2.0, 2.0])
    assert low == high == pytest.approx(1.0)
    assert interval(scores.spearman, 0.0, predictions=[1.0, 1.0], references=[1.0, 2.0]) == (0.0, 1.0)


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
    for name, (arrays, value) in GIVEN.items():
        assert metrics.compute([name], **arrays) == pytest.approx({name: value}), name
    assert metrics.compute(["macro_f1"], predictions=[[1, 0], [1, 0]], references=[[1, 0], [0, 0]]) == pytest.approx(
        {"macro_f1": 1 / 3}
    )
    assert metrics.compute(["pearson"], predictions=[1.0, 1.0], references=[1.0, 2.0]) == {"pearson": 0.0}
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


_COMPUTE = """
import os
from bertdemo.settings import Settings
Settings.from_env(os.environ).apply()
from bertdemo import metrics
print(metrics.compute(["accuracy"], predictions=[1], references=[1]))
"""


@pytest.mark.slow
def test_modules_are_copied_only_into_the_private_folder(home: Path, tmp_path: Path) -> None:
    # In a process of its own: evaluate reads the environment once, when it is imported.
    others = {name: str(tmp_path / "cache") for name in ("HF_HOME", "XDG_CACHE_HOME", "HF_MODULES_CACHE")}
    env = {**os.environ, **others, "BERTDEMO_HOME": str(home), "PYTHONPATH": str(FOLDER.parents[1])}
    answer = subprocess.run([sys.executable, "-c", _COMPUTE], env=env, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "{'accuracy': 1.0}"
    copied = [path for path in tmp_path.rglob("*.py") if path.stem in NAMES]
    assert {path.stem for path in copied} == {"accuracy"}
    assert all(path.is_relative_to(home / "modules") for path in copied)
