"""Where vectors point: the cosine, a token's way through the layers, and many vectors on one flat map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

_ROUNDING = 1e-12
"""A share of the variance below this is float32's rounding and no direction."""

_SMALL = 64


@dataclass(frozen=True)
class Map2D:
    """Vectors projected to the plane in which they differ most."""

    points: tuple[tuple[float, float], ...]
    explained: tuple[float, float]
    """Shares of the variance along the two axes, each 0..1: what the map leaves out is the rest."""


def cosine(a: Floats, b: Floats) -> float:
    """Return a . b / (|a| |b|) of two (d,) vectors, -1 to 1; 0.0 where one of them is all zeros."""
    import numpy as np

    one, other = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(-1.0, min(1.0, float(one @ other) / norms)) if norms else 0.0


def path(hidden: Floats, position: int) -> tuple[float, ...]:
    """Return L + 1 cosines: a token's vector after each stage with its embedding, which is stage 0.

    `hidden` is (L + 1, n, d), as in `LayerTrace`.
    """
    start = hidden[0, position]  # (d,), after the embeddings' LayerNorm
    return tuple(cosine(stage[position], start) for stage in hidden)


def flatten(vectors: Floats) -> Map2D:
    """Project (m, d) vectors to m points in the plane by a principal component analysis.

    Without chance: the same vectors give the same map. Where fewer than two of them differ
    there is nothing to explain and all points are (0, 0); vectors on one line have 0 as their second coordinate.
    """
    import numpy as np
    from sklearn.decomposition import PCA

    rows = np.asarray(vectors, dtype=np.float64)
    if len(rows) < 2 or bool((rows == rows[0]).all()):
        return Map2D(((0.0, 0.0),) * len(rows), (0.0, 0.0))
    axes = min(2, *rows.shape)
    # Two axes of many are found 20 times as fast by Lanczos iterations as by decomposing everything.
    pca = PCA(n_components=axes, svd_solver="arpack" if min(rows.shape) > _SMALL else "full", random_state=0)
    points = np.zeros((len(rows), 2))
    points[:, :axes] = pca.fit_transform(rows)  # (m, axes)
    shares = [float(share) if share > _ROUNDING else 0.0 for share in (*pca.explained_variance_ratio_, 0.0)]
    points[:, [share == 0 for share in shares[:2]]] = 0
    return Map2D(tuple((float(x), float(y)) for x, y in points), (shares[0], shares[1]))
