"""What reaches how far without any fine-tuning: guessing, counted words, and a regression on frozen embeddings.

All three are scored on rows that they were not fitted on, so that "is fine-tuning worth it?" has an answer before
anybody waits for it.
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

FOLDS = 10
PIECES = 256
"""Pieces of a text whose vectors a baseline on words reads."""
MOST_ROWS = 5_000
"""Rows that the regressions are scored on; of a larger table this many are drawn, label by label."""
MOST_LABELS = 1_000
"""With more labels no regression is fitted: its weights would not fit into the memory of a laptop."""
MOST_WEIGHTS = 3_000_000
"""Labels by features of the counted words; the solver keeps about thirty copies of these, some 700 MB."""
_MOST_FEATURES = 100_000
_ITERATIONS = 1_000

Kind = str
"""`majority`, `tfidf`, `frozen`, or what a task calls its own: the name under the locale key `baseline.<kind>`."""


@dataclass(frozen=True)
class Baseline:
    """How far one of them reaches."""

    kind: Kind
    metrics: Mapping[str, Score]
    """The headline first: for labels accuracy (Wilson) and macro_f1 (bootstrap) over out-of-fold predictions."""
    rows: int
    """Rows that were scored, each once."""
    folds: int
    """Parts that took turns at being held out; 0 for guessing, which is fitted on nothing."""
    seconds: float


@dataclass(frozen=True)
class Linear:
    """A fitted regression as one linear layer: logits = weight . vector + bias, (labels, width) and (labels,)."""

    labels: tuple[str, ...]
    weight: Floats
    bias: Floats


def majority(labels: Sequence[str]) -> Baseline:
    """Score the guess that every row has the most frequent label."""
    started = time.monotonic()
    best = min(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[0]
    return _scored("majority", list(labels), [best] * len(labels), 0, started)


def tfidf(texts: Sequence[str], labels: Sequence[str], *, seed: int = 0) -> Baseline:
    """Score a logistic regression on TF-IDF of words and pairs of words, or of characters in Chinese texts."""
    started = time.monotonic()
    kinds = len(set(labels))
    return _cross_validated("tfidf", lambda: words_model(texts, kinds), texts, labels, seed, started)


def words_model(texts: Sequence[str], labels: int = 2) -> Any:
    """Return the model of `tfidf`, not fitted: a scikit-learn pipeline that takes texts such as these.

    The more labels there are, the fewer words are counted, the frequent ones first: see MOST_WEIGHTS.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    han = sum(any("一" <= letter <= "鿿" for letter in text) for text in texts) > len(texts) / 2
    analyzer = {"analyzer": "char", "ngram_range": (1, 2)} if han else {"ngram_range": (1, 2)}
    most = min(_MOST_FEATURES, MOST_WEIGHTS // max(1, labels))
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=most, **analyzer)
    # TF-IDF rows have length 1, so they need less of a penalty than embeddings do.
    return make_pipeline(vectorizer, regression(10.0))


def frozen(vectors: Floats, labels: Sequence[str], *, seed: int = 0, seconds: float = 0.0) -> Baseline:
    """Score a logistic regression on (rows, width) embeddings that took `seconds` to compute."""
    started = time.monotonic() - seconds
    return _cross_validated("frozen", regression, vectors, labels, seed, started)


def fit(vectors: Floats, labels: Sequence[str]) -> Linear:
    """Fit the regression of `frozen` on all rows, for keeping it as a checkpoint."""
    import numpy as np

    with one_thread():
        model = regression().fit(vectors, list(labels))
    weight, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if len(weight) == 1:  # two labels are one row: half of it to each side gives the same probabilities
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Linear(tuple(str(label) for label in model.classes_), weight, bias)


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
    """Return the mean of the last layer over each text's pieces, (rows, width), by the checkpoint in `folder`.

    Raises what `open_model` raises. `progress` may raise to stop.
    """
    import numpy as np

    from bertdemo.checkpoints.loading import open_model
    from bertdemo.checkpoints.mean_pooling_head import masked_mean

    model: Any = open_model(folder).model
    model.to(device)

    def means(batch: dict[str, Any], _: list[int]) -> Any:
        hidden = model(**batch).last_hidden_state  # (batch, length, width)
        return masked_mean(hidden, batch["attention_mask"]).cpu().numpy()  # (batch, width)

    read = batches(tokenizer, texts, None, truncation, batch_size=batch_size)
    rows = forward(means, read, len(texts), device=device, progress=progress)
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), model.config.hidden_size)


@dataclass(frozen=True)
class Reader:
    """What a task's own baseline asks of a frozen checkpoint; see tasks.base.Frozen."""

    folder: Path
    tokenizer: SharedTokenizer
    embed: Callable[[Sequence[str]], Floats]
    progress: Callable[[float], None] = lambda share: None

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Return (texts, width): the mean of the last layer over each text's pieces."""
        return self.embed(texts)

    def token_vectors(self, texts: Sequence[str]) -> list[tuple[Floats, list[tuple[int, int]]]]:
        """Return for each text (pieces, width) of the last layer and the characters that each piece came from."""
        from bertdemo.checkpoints.loading import open_model

        model: Any = open_model(self.folder).model
        truncation = Truncation(min(PIECES, int(model.config.max_position_embeddings)))

        def vectors_of(batch: dict[str, Any], indices: list[int]) -> list[tuple[Floats, list[tuple[int, int]]]]:
            hidden = model(**batch).last_hidden_state  # (batch, n, width)
            encodings = self.tokenizer.encode_batch([texts[index] for index in indices], None, truncation)
            return [
                (row[: len(encoding.ids)].numpy(), list(encoding.offsets))
                for row, encoding in zip(hidden, encodings, strict=True)
            ]

        read = batches(self.tokenizer, texts, None, truncation)
        return forward(vectors_of, read, len(texts), progress=self.progress)


def timed_embed(
    folder: Path,
    tokenizer: SharedTokenizer,
    texts: Sequence[str],
    truncation: Truncation,
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[Floats, float]:
    """Return what `embed` returns, and the seconds that it took."""
    started = time.monotonic()
    vectors = embed(folder, tokenizer, texts, truncation, progress=progress)
    return vectors, time.monotonic() - started


def sample(labels: Sequence[str], most: int = MOST_ROWS, *, seed: int = 0, least: int = 2) -> list[int]:
    """Return the rows that are scored: all, or at least `most`, drawn so that every label keeps its share; ascending.

    Labels with fewer than `least` rows are left out: a single row cannot be held out and learned from.
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
    for label in sorted(rows):  # the order in a label is the same whatever `least` is, so that two samples overlap
        share = max(least, round(most * len(rows[label]) / len(usable)))
        order = generator.permutation(rows[label])
        chosen += order[:share].tolist() if counts[label] >= least else []
    if len(chosen) < most:  # rounding took a few too few
        left = sorted(set(usable) - set(chosen))
        chosen += generator.permutation(left)[: most - len(chosen)].tolist()
    return sorted(chosen)


def regression(strength: float = 1.0) -> Any:
    """Return the linear model of every baseline; a smaller `strength` shrinks its weights more."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_ITERATIONS)


def one_thread() -> AbstractContextManager[Any]:
    """Return what holds BLAS to one thread while something is fitted.

    The matrices are small: on a busy machine threads that wait for each other take ten times as long as one.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _cross_validated(
    kind: Kind, build: Callable[[], Any], features: Any, labels: Sequence[str], seed: int, started: float
) -> Baseline:
    """Predict every row by a model fitted on the other folds; each fold has every label where its rows suffice."""
    import warnings

    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    counts = Counter(labels)
    if min(counts.values(), default=0) < 2:
        raise ValueError("a label with one row cannot be held out and learned from: see sample")
    # A label with fewer rows than there are folds is missing from some of them, which scikit-learn warns of.
    parts = StratifiedKFold(min(FOLDS, max(counts.values())), shuffle=True, random_state=seed)
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        said = cross_val_predict(build(), features, list(labels), cv=parts)
    return _scored(kind, list(labels), [str(label) for label in said], parts.n_splits, started)


def _scored(kind: Kind, labels: Sequence[str], said: Sequence[str], folds: int, started: float) -> Baseline:
    import numpy as np

    from bertdemo.metrics import scores
    from bertdemo.metrics.intervals import interval

    ids = {label: index for index, label in enumerate(sorted({*labels, *said}))}
    arrays = {
        "predictions": np.array([ids[label] for label in said]),
        "references": np.array([ids[label] for label in labels]),
    }
    # Not through evaluate: its import takes longer than the baselines, and this runs while a person waits.
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
