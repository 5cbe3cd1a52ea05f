"""Likely label errors by confident learning: a model that was not fitted on a row is confident of another label.

The model is the linear probe of `baselines` on frozen embeddings. `cleanlab` estimates, from all out-of-fold
probabilities together, how many rows of each label have another true label; these are listed, and a person decides
(Northcutt et al. 2021, "Confident Learning").
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

# Folds of the cross-validation; a label needs a row in each of them.
FOLDS = 5


@dataclass(frozen=True)
class LabelIssue:
    """A row with a likely wrong label; both probabilities are out-of-fold."""

    row: int
    """Index into the labels that were checked."""
    given: str
    suggested: str
    """The most probable of the other labels."""
    given_probability: float
    suggested_probability: float


def sample(labels: Sequence[str], most: int = baselines.MOST_ROWS, *, seed: int = 0) -> list[int]:
    """Return the rows to check, ascending: all rows of labels with at least FOLDS rows, or a sample of `most`."""
    return baselines.sample(labels, most, seed=seed, least=FOLDS)


def left_out(labels: Sequence[str]) -> tuple[int, int]:
    """Return how many labels have too few rows to be checked, and how many rows these are."""
    few = [rows for rows in Counter(labels).values() if rows < FOLDS]
    return len(few), sum(few)


def find(vectors: Floats, labels: Sequence[str], *, seed: int = 0) -> tuple[LabelIssue, ...]:
    """Return the likely label errors among rows with (rows, hidden) embeddings, the least probable label first.

    There are none with a single label. Raises ValueError for a label with fewer than FOLDS rows.
    """
    import numpy as np

    if len(vectors) != len(labels):
        raise ValueError("one vector per label")
    if left_out(labels)[0]:
        raise ValueError(f"a label with fewer than {FOLDS} rows cannot be held out in every part: see sample")
    names = sorted(set(labels))
    if len(names) < 2:
        return ()
    ids = {name: index for index, name in enumerate(names)}
    codes = np.array([ids[label] for label in labels])  # (rows,)
    probabilities = _out_of_fold(vectors, codes, seed)  # (rows, labels)
    others = probabilities.copy()
    others[np.arange(len(codes)), codes] = -1.0
    best = others.argmax(1)  # (rows,), the most probable other label
    return tuple(
        LabelIssue(
            row=row,
            given=labels[row],
            suggested=names[best[row]],
            given_probability=float(probabilities[row, codes[row]]),
            suggested_probability=float(probabilities[row, best[row]]),
        )
        for row in _issues(codes, probabilities)
    )


def _out_of_fold(vectors: Floats, codes: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return the label probabilities of each row by a linear probe that was fitted without it, (rows, labels)."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with baselines.one_thread():
        probabilities = cross_val_predict(baselines.regression(), vectors, codes, cv=folds, method="predict_proba")
    return np.asarray(probabilities, dtype=np.float64)


def _issues(codes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> list[int]:
    """Return the rows that cleanlab finds, the least probable label first."""
    from cleanlab.filter import find_label_issues

    # Without n_jobs=1 it forks, which a server with threads must not do.
    rows = find_label_issues(codes, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(row) for row in rows]
