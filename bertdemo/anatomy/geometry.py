"""Cosines of vectors, the path of a token through the layers, and a two-dimensional map of many vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

# A share of the variance below this is rounding of float32 numbers, not a direction.
_ROUNDING = 1e-12
# Up to this many rows or columns the full decomposition takes no time.
_SMALL = 64


@dataclass(frozen=True)
class Map2D:
    """Vectors projected to the plane of their largest variance."""

    points: tuple[tuple[float, float], ...]
    explained: tuple[float, float]
    """Shares of the variance along the two axes, each 0..1; the map does not show the rest."""


def cosine(a: Floats, b: Floats) -> float:
    """Return a . b / (|a| |b|) of two (d,) vectors, -1 to 1; 0.0 where one of them is all zeros."""
    import numpy as np

    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(a64) * np.linalg.norm(b64))
    return max(-1.0, min(1.0, float(a64 @ b64) / norms)) if norms else 0.0  # rounding may leave 1.0000000000000002


def path(hidden: Floats, position: int) -> tuple[float, ...]:
    """Return L + 1 cosines of a token: of its vector after each layer with its embedding, which has index 0.

    `hidden` is (L + 1, n, d), as in `LayerTrace`.
    """
    start = hidden[0, position]  # (d,), after the embeddings' LayerNorm
    return tuple(cosine(layer[position], start) for layer in hidden)


def flatten(vectors: Floats) -> Map2D:
    """Project (m, d) vectors to m points in the plane by a principal component analysis.

    Deterministic: the same vectors give the same map. Where all vectors are equal, all points are (0, 0); vectors on
    one line have 0 as their second coordinate.
    """
    import numpy as np
    from sklearn.decomposition import PCA

    rows = np.asarray(vectors, dtype=np.float64)
    if len(rows) < 2 or bool((rows == rows[0]).all()):
        return Map2D(((0.0, 0.0),) * len(rows), (0.0, 0.0))
    axes = min(2, *rows.shape)
    # For two axes of many, Lanczos iterations are 20 times as fast as a full decomposition.
    pca = PCA(n_components=axes, svd_solver="arpack" if min(rows.shape) > _SMALL else "full", random_state=0)
    points = np.zeros((len(rows), 2))
    points[:, :axes] = pca.fit_transform(rows)  # (m, axes)
    shares = [float(share) if share > _ROUNDING else 0.0 for share in (*pca.explained_variance_ratio_, 0.0)]
    points[:, [share == 0 for share in shares[:2]]] = 0
    return Map2D(tuple((float(x), float(y)) for x, y in points), (shares[0], shares[1]))
