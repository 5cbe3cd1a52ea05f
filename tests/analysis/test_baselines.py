"""What reaches how far without fine-tuning, scored on rows that were held out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from bertdemo.analysis import baselines, label_issues
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Truncation
from bertdemo.serving.predictor import pooled

WORDS = {"good": "great lovely fine superb", "bad": "awful poor sad broken", "so": "plain usual fair medium"}


def table(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts that name their label by a word, among words that say nothing."""
    generator = np.random.default_rng(seed)
    labels = [str(label) for label in generator.choice(list(WORDS), rows)]
    noise = ["the", "a", "film", "book", "it", "was", "and", "of", "to", "in", "day"]
    texts = [
        " ".join([*generator.choice(noise, 6), generator.choice(WORDS[label].split()), *generator.choice(noise, 3)])
        for label in labels
    ]
    return texts, labels


def blobs(rows: int, seed: int = 0, labels: int = 3) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    chosen = generator.integers(0, labels, rows)
    centers = np.random.default_rng(9).normal(size=(labels, 16))
    return (centers[chosen] + 0.8 * generator.normal(size=(rows, 16))).astype(np.float32), [str(i) for i in chosen]


def test_guessing_scores_the_share_of_the_most_frequent_label() -> None:
    found = baselines.majority(["a", "b", "b", "b"])
    assert (found.metrics["accuracy"].value, found.rows, found.folds) == (0.75, 4, 0)
    assert found.metrics["macro_f1"].value == pytest.approx((0 + 6 / 7) / 2)


def test_a_tie_is_guessed_by_name() -> None:
    assert baselines.majority(["b", "a"]).metrics["accuracy"].value == 0.5


def test_counted_words_find_what_words_decide() -> None:
    texts, labels = table(300)
    found = baselines.tfidf(texts, labels)
    assert found.metrics["accuracy"].value > 0.9 and (found.rows, found.folds) == (300, 10)
    score = found.metrics["accuracy"]
    assert score.low < score.value <= score.high


def test_words_that_decide_nothing_reach_no_more_than_guessing() -> None:
    texts, labels = table(300)
    shuffled = [str(label) for label in np.random.default_rng(1).permutation(labels)]
    assert baselines.tfidf(texts, shuffled).metrics["accuracy"].low < 0.4


def test_chinese_is_counted_by_characters() -> None:
    texts = [f"这{a}{b}很{c}" for a in "本部家" for b in "书店戏" for c in ("好看", "难看", "好看", "难看")]
    labels = ["好" if "好看" in text else "差" for text in texts]
    assert baselines.tfidf(texts, labels).metrics["accuracy"].value == 1.0


class Watched(LogisticRegression):
    """Notes how many threads BLAS has while it is fitted."""

    threads: ClassVar[list[int]] = []

    def fit(self, *args: Any, **kwargs: Any) -> Watched:
        self.threads += [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        return super().fit(*args, **kwargs)


@pytest.mark.parametrize("fitted", [baselines.fit, baselines.frozen, label_issues.find])
def test_every_regression_is_fitted_on_one_blas_thread(fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "regression", lambda: Watched(max_iter=1000))
    Watched.threads.clear()
    with threadpool_limits(limits=2, user_api="blas"):
        fitted(*blobs(60))
    assert set(Watched.threads) == {1}


@pytest.mark.parametrize("labels", [2, 3])
def test_the_kept_layer_says_what_the_regression_says(labels: int) -> None:
    vectors, names = blobs(200, labels=labels)
    kept = baselines.fit(vectors, names)
    logits = vectors @ kept.weight.T + kept.bias
    powers = np.exp(logits - logits.max(1, keepdims=True))
    expected = LogisticRegression(max_iter=1000).fit(vectors, names)
    assert kept.labels == tuple(expected.classes_)
    assert np.abs(powers / powers.sum(1, keepdims=True) - expected.predict_proba(vectors)).max() < 1e-5


def test_the_interval_covers_what_a_new_sample_scores() -> None:
    covered = 0
    for seed in range(20):
        vectors, labels = blobs(400, seed)
        score = baselines.frozen(vectors[:300], labels[:300], seed=seed).metrics["accuracy"]
        kept = baselines.fit(vectors[:270], labels[:270])
        said = [kept.labels[i] for i in (vectors[300:] @ kept.weight.T + kept.bias).argmax(1)]
        held_out = np.mean([a == b for a, b in zip(said, labels[300:], strict=True)])
        covered += score.low - 0.03 <= held_out <= score.high + 0.03  # 100 rows have an error of their own
    assert covered >= 16


def test_embeddings_are_the_mean_of_the_last_layer() -> None:
    from bertdemo.checkpoints.loading import open_model

    folder = bundled.verified()
    tokenizer = SharedTokenizer.from_folder(folder)
    texts = ["a short one", "a rather longer one, with more in it", "你好"]
    seen: list[float] = []
    found = baselines.embed(folder, tokenizer, texts, Truncation(64), progress=seen.append)
    model = open_model(folder).model
    for text, vector in zip(texts, found, strict=True):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        assert np.abs(pooled(hidden, torch.ones_like(ids), "mean")[0].numpy() - vector).max() < 1e-5
    assert seen[-1] == 1.0


def test_a_large_table_is_scored_on_a_sample_that_keeps_the_shares() -> None:
    labels = ["a"] * 900 + ["b"] * 90 + ["c"] * 9 + ["alone"]
    rows = baselines.sample(labels, most=100)
    counts = {label: sum(labels[row] == label for row in rows) for label in "abc"}
    assert counts == {"a": 90, "b": 9, "c": 2} and rows == sorted(set(rows))
    assert baselines.sample(labels, most=100) == rows
    assert "alone" not in {labels[row] for row in baselines.sample(labels)}


def test_a_label_with_few_rows_takes_part() -> None:
    vectors, labels = blobs(60)
    labels[:2] = ["rare", "rare"]
    found = baselines.frozen(vectors, labels)
    assert (found.rows, found.folds) == (60, 10)
    with pytest.raises(ValueError, match="one row"):
        baselines.frozen(vectors, ["alone", *labels[1:]])


def test_the_more_labels_the_fewer_words_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, _ = table(300)
    monkeypatch.setattr(baselines, "MOST_WEIGHTS", 200)
    for labels in (2, 10, 50):
        words = baselines.words_model(texts, labels)[0].fit(texts)
        assert len(words.vocabulary_) == 200 // labels
    seen = list[int]()
    model = baselines.words_model
    monkeypatch.setattr(baselines, "words_model", lambda texts, labels: seen.append(labels) or model(texts, labels))
    baselines.tfidf(texts, [str(i % 25) for i in range(300)])
    assert set(seen) == {25}
