"""Baselines without fine-tuning: the majority class, TF-IDF, and a linear probe on frozen embeddings.

Each is scored on rows that it was not fitted on (cross-validation), so that "is fine-tuning worth it?" has an answer
before the training starts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.run_config import Truncation
from bertdemo.tasks.forward import batches, forward
from bertdemo.tasks.results import Score

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    Floats = NDArray[np.float32]

# The usual number of folds: each model is fitted on 90% of the rows.
FOLDS = 10
# Tokens of a text whose vectors a baseline on tokens uses.
PIECES = 256
# Rows that the linear models are scored on; of a larger table this many are drawn, stratified by label.
MOST_ROWS = 5_000
# With more labels no linear model is fitted: its weights would not fit into the memory of a laptop.
MOST_LABELS = 1_000
# Labels times features of TF-IDF; the solver keeps about thirty copies of these float64 weights, some 700 MB.
MOST_WEIGHTS = 3_000_000
_MOST_FEATURES = 100_000
# Iterations of the solver at most; scikit-learn's default is 100.
ITERATIONS = 1_000
# TF-IDF rows have length 1, so they need a weaker penalty than embeddings do.
_TFIDF_STRENGTH = 10.0

# `majority`, `tfidf`, `frozen`, or a task's own name for one: the name under the locale key `baseline.<kind>`.
Kind = str


@dataclass(frozen=True)
class Baseline:
    """The scores of one baseline."""

    kind: Kind
    metrics: Mapping[str, Score]
    """The headline first: for labels accuracy (Wilson) and macro_f1 (bootstrap) over out-of-fold predictions."""
    rows: int
    """Rows that were scored, each once."""
    folds: int
    """Folds of the cross-validation; 0 for the majority class, which needs no fitting."""
    seconds: float


@dataclass(frozen=True)
class Linear:
    """A fitted logistic regression as one linear layer: logits = weight @ vector + bias.

    `weight` is (labels, hidden), `bias` (labels,).
    """

    labels: tuple[str, ...]
    weight: Floats
    bias: Floats


def majority(labels: Sequence[str]) -> Baseline:
    """Score the prediction of the most frequent label for every row."""
    started = time.monotonic()
    best = min(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[0]
    return _scored("majority", list(labels), [best] * len(labels), 0, started)


def tfidf(texts: Sequence[str], labels: Sequence[str], *, seed: int = 0) -> Baseline:
    """Score a logistic regression on TF-IDF of word unigrams and bigrams, or of characters in Chinese texts."""
    started = time.monotonic()
    kinds = len(set(labels))
    return _cross_validated("tfidf", lambda: words_model(texts, kinds), texts, labels, seed, started)


def words_model(texts: Sequence[str], labels: int = 2) -> Any:
    """Return the unfitted model of `tfidf`: a scikit-learn pipeline for texts like these.

    The more labels there are, the fewer features it has, the frequent ones first: see MOST_WEIGHTS.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    # Chinese has no spaces between words, so characters are counted where most texts have any.
    chinese = sum(any("一" <= letter <= "鿿" for letter in text) for text in texts) > len(texts) / 2
    vectorizer = TfidfVectorizer(
        analyzer="char" if chinese else "word",
        ngram_range=(1, 2),
        sublinear_tf=True,
        max_features=min(_MOST_FEATURES, MOST_WEIGHTS // max(1, labels)),
    )
    return make_pipeline(vectorizer, regression(_TFIDF_STRENGTH))


def frozen(vectors: Floats, labels: Sequence[str], *, seed: int = 0, seconds: float = 0.0) -> Baseline:
    """Score a linear probe (logistic regression) on (rows, hidden) embeddings that took `seconds` to compute."""
    started = time.monotonic() - seconds
    return _cross_validated("frozen", regression, vectors, labels, seed, started)


def fit(vectors: Floats, labels: Sequence[str]) -> Linear:
    """Fit the linear probe of `frozen` on all rows, to keep it as a checkpoint."""
    import numpy as np

    with one_thread():
        model = regression().fit(vectors, list(labels))
    weight, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if len(weight) == 1:
        # scikit-learn has one row of weights for two labels: half of it for each side gives the same probabilities.
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Linear(tuple(map(str, model.classes_)), weight, bias)


def embed(
    folder: Path,
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    truncation: Truncation,
    *,
    progress: Callable[[float], None] = lambda share: None,
    batch_size: int = 32,
    device: str = "cpu",
) -> Floats:
    """Return mean-pooled embeddings of the last layer, (texts, hidden), by the checkpoint in `folder`.

    Raises what `open_model` raises. `progress` may raise to stop.
    """
    from bertdemo.checkpoints.loading import open_model

    encoder: Any = open_model(folder).model
    encoder.to(device)
    return embed_with(encoder, tokenizer, texts, truncation, progress=progress, batch_size=batch_size)


def embed_with(
    model: Any,
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    truncation: Truncation,
    *,
    progress: Callable[[float], None] = lambda share: None,
    batch_size: int = 32,
) -> Floats:
    """Return what `embed` returns, by an encoder in eval mode on its device."""
    import numpy as np

    from bertdemo.checkpoints.mean_pooling_head import masked_mean

    def means(batch: Mapping[str, Any], _: list[int]) -> Any:
        hidden = model(**batch).last_hidden_state  # (batch, tokens, hidden)
        return masked_mean(hidden, batch["attention_mask"]).cpu().numpy()  # (batch, hidden)

    read = batches(tokenizer, texts, None, truncation, batch_size=batch_size)
    rows = forward(means, read, len(texts), device=model.device, progress=progress)
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), model.config.hidden_size)


@dataclass(frozen=True)
class Reader:
    """The frozen checkpoint that a task's own baseline uses; see tasks.base.Frozen."""

    folder: Path
    tokenizer: SharedTokenizer
    embed: Callable[[Sequence[str]], Floats]
    progress: Callable[[float], None] = lambda share: None

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return mean-pooled embeddings of the last layer, (texts, hidden)."""
        return self.embed(texts)

    def token_vectors(self, texts: Sequence[str]) -> list[tuple[Floats, list[tuple[int, int]]]]:
        """Return for each text the last layer, (tokens, hidden), and the (start, end) characters of each token."""
        from bertdemo.checkpoints.loading import open_model

        model: Any = open_model(self.folder).model
        truncation = Truncation(min(PIECES, int(model.config.max_position_embeddings)))

        def vectors_of(batch: Mapping[str, Any], indices: list[int]) -> list[tuple[Floats, list[tuple[int, int]]]]:
            hidden = model(**batch).last_hidden_state  # (batch, tokens, hidden)
            encodings = self.tokenizer.encode_batch([texts[index] for index in indices], None, truncation)
            return [
                (row[: len(encoding.ids)].numpy(), list(encoding.offsets))
                for row, encoding in zip(hidden, encodings, strict=True)
            ]

        read = batches(self.tokenizer, texts, None, truncation)
        return forward(vectors_of, read, len(texts), progress=self.progress)


def sample(labels: Sequence[str], most: int = MOST_ROWS, *, seed: int = 0, least: int = 2) -> list[int]:
    """Return the rows that are scored, ascending: all, or at least `most` in a stratified sample.

    Labels with fewer than `least` rows are left out: a single row cannot be both held out and learned from.
    """
    import numpy as np

    counts = Counter(labels)
    usable = [index for index, label in enumerate(labels) if counts[label] >= least]
    if len(usable) <= most:
        return usable
    generator = np.random.default_rng(seed)
    rows: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        rows.setdefault(label, []).append(index)
    chosen: list[int] = []
    # The draw within a label does not depend on `least`, so that the samples of baselines and label issues overlap.
    for label in sorted(rows):
        share = max(least, round(most * len(rows[label]) / len(usable)))
        order = generator.permutation(rows[label])
        chosen += order[:share].tolist() if counts[label] >= least else []
    if len(chosen) < most:  # by rounding
        left = sorted(set(usable) - set(chosen))
        chosen += generator.permutation(left)[: most - len(chosen)].tolist()
    return sorted(chosen)


def regression(strength: float = 1.0) -> Any:
    """Return the logistic regression of every baseline; `strength` is scikit-learn's C, the inverse of the penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=ITERATIONS)


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS uses one thread.

    The matrices are small: on a busy machine, threads that wait for each other take ten times as long as one.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _cross_validated(
    kind: Kind, build: Callable[[], Any], features: Any, labels: Sequence[str], seed: int, started: float
) -> Baseline:
    """Score predictions for every row by a model fitted on the other folds, which are stratified.

    Raises ValueError for a label with a single row.
    """
    import warnings

    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    counts = Counter(labels)
    if min(counts.values(), default=0) < 2:
        raise ValueError("a label with one row cannot be held out and learned from: see sample")
    parts = StratifiedKFold(min(FOLDS, max(counts.values())), shuffle=True, random_state=seed)
    with warnings.catch_warnings(), one_thread():
        # A label with fewer rows than folds is missing from some of them, which scikit-learn warns about.
        warnings.simplefilter("ignore")
        predicted = cross_val_predict(build(), features, list(labels), cv=parts)
    return _scored(kind, list(labels), list(map(str, predicted)), parts.n_splits, started)


def _scored(kind: Kind, labels: Sequence[str], predicted: Sequence[str], folds: int, started: float) -> Baseline:
    import numpy as np

    from bertdemo.metrics import scores
    from bertdemo.metrics.intervals import interval

    ids = {label: index for index, label in enumerate(sorted({*labels, *predicted}))}
    arrays = {
        "predictions": np.array([ids[label] for label in predicted]),  # (rows,)
        "references": np.array([ids[label] for label in labels]),  # (rows,)
    }
    # Not by `evaluate`: importing it takes longer than the baselines, and this runs while a person waits.
    values = {"accuracy": scores.accuracy(**arrays), "macro_f1": scores.macro_f1(**arrays)}
    return Baseline(
        kind=kind,
        metrics={
            name: Score(value, *interval(getattr(scores, name), value, **arrays)) for name, value in values.items()
        },
        rows=len(labels),
        folds=folds,
        seconds=time.monotonic() - started,
    )
