"""Rows whose label is probably wrong, by confident learning: a model that never saw a row is sure of another label.

The model is the regression of `data.baseline` on frozen embeddings. `cleanlab` decides, from all probabilities
together, how many rows of each label another label would fit; these are listed, and a person decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bertdemo.analysis import baselines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FOLDS = 5
"""Parts that take turns at being held out; a label needs a row in each of them."""


@dataclass(frozen=True)
class LabelIssue:
    """A row and what speaks against its label; both probabilities are of a model that was not fitted on the row."""

    row: int
    """Index into the labels that were asked."""
    given: str
    suggested: str
    """The most probable of the other labels."""
    given_probability: float
    suggested_probability: float


def sample(labels: Sequence[str], most: int = baselines.MOST_ROWS, *, seed: int = 0) -> list[int]:
    """Return the rows to look at: all of labels with FOLDS rows or more, or at least `most` of them; ascending."""
    return baselines.sample(labels, most, seed=seed, least=FOLDS)


def left_out(labels: Sequence[str]) -> tuple[int, int]:
    """Return how many labels have too few rows to be looked at, and how many rows these are."""
    few = [rows for rows in Counter(labels).values() if rows < FOLDS]
    return len(few), sum(few)


def find(vectors: Floats, labels: Sequence[str], *, seed: int = 0) -> tuple[LabelIssue, ...]:
    """Return the suspects among rows with (rows, width) embeddings and these labels, the least probable label first.

    Nothing is suspicious where there is one label only. Raises ValueError for a label with fewer than FOLDS rows.
    """
    import numpy as np

    if len(vectors) != len(labels):
        raise ValueError("one vector a label")
    if left_out(labels)[0]:
        raise ValueError(f"a label with fewer than {FOLDS} rows cannot be held out in every part: see sample")
    names = sorted(set(labels))
    if len(names) < 2:
        return ()
    ids = {name: index for index, name in enumerate(names)}
    given = np.array([ids[label] for label in labels])  # (rows,)
    said = _held_out(vectors, given, seed)  # (rows, labels)
    others = said.copy()
    others[np.arange(len(given)), given] = -1.0
    best = others.argmax(1)  # (rows,)
    return tuple(
        LabelIssue(row, labels[row], names[best[row]], float(said[row, given[row]]), float(said[row, best[row]]))
        for row in _issues(given, said)
    )


def _held_out(vectors: Floats, given: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return what each row's labels are worth to a regression that was fitted without it, (rows, labels)."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with baselines.one_thread():
        said = cross_val_predict(baselines.regression(), vectors, given, cv=parts, method="predict_proba")
    return np.asarray(said, dtype=np.float64)


def _issues(given: NDArray[np.int64], said: NDArray[np.float64]) -> list[int]:
    from cleanlab.filter import find_label_issues

    # Without n_jobs it forks processes of its own, which a server with threads must not do.
    found = find_label_issues(given, said, return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(row) for row in found]
