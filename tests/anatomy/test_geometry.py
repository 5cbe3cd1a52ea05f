"""Cosines and maps, against what can be worked out on paper and against scikit-learn."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from bertdemo.anatomy.geometry import cosine, flatten, path


def floats(*rows: object) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def cloud(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_warning() -> object:
    with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise"):
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 0), (5, 0), 1.0),
        ((1, 0), (0, 2), 0.0),
        ((1, 2), (-2, -4), -1.0),
        ((3, 4), (4, 3), 0.96),
        ((0, 0), (1, 1), 0.0),
        ((0, 0), (0, 0), 0.0),
    ],
)
def test_cosines_from_paper(a: tuple[int, int], b: tuple[int, int], expected: float) -> None:
    assert cosine(floats(*a), floats(*b)) == pytest.approx(expected, abs=1e-12)


def test_cosines_of_random_vectors_are_those_of_scikit_learn() -> None:
    rows = cloud(40, 384)
    expected = cosine_similarity(rows.astype(np.float64))
    assert np.abs(expected - [[cosine(a, b) for b in rows] for a in rows]).max() <= 1e-12


def test_a_cosine_never_leaves_its_range_nor_overflows() -> None:
    for row in cloud(300, 7):
        assert -1.0 <= cosine(row, row * 3) <= 1.0 and -1.0 <= cosine(row, -row) <= 1.0
    assert cosine(floats(1e30, 1e30), floats(1e30, 0)) == pytest.approx(math.sqrt(0.5))


def test_a_path_starts_at_one_and_follows_its_own_token() -> None:
    hidden = floats([[1, 0], [0, 1]], [[0, 3], [0, 2]], [[-1, 0], [1, 1]])
    assert path(hidden, 0) == pytest.approx((1.0, 0.0, -1.0))
    assert path(hidden, 1) == pytest.approx((1.0, 1.0, math.sqrt(0.5)))


def test_the_map_keeps_the_distances_of_points_in_a_plane() -> None:
    flat = cloud(30, 2) * floats(5, 1)
    turn = np.linalg.qr(cloud(9, 9, seed=1))[0][:2]
    found = flatten((flat @ turn + 4).astype(np.float32))
    points = np.array(found.points)
    for i in range(30):
        assert np.abs(np.linalg.norm(points - points[i], axis=1) - np.linalg.norm(flat - flat[i], axis=1)).max() < 1e-4
    assert sum(found.explained) == pytest.approx(1.0, abs=1e-6) and found.explained[0] > found.explained[1] > 0


def test_the_shares_are_the_largest_eigenvalues_of_the_covariance() -> None:
    rows = cloud(50, 6) * floats(6, 5, 4, 3, 2, 1)
    values = np.sort(np.linalg.eigvalsh(np.cov(rows.astype(np.float64).T)))[::-1]
    found = flatten(rows)
    assert found.explained == pytest.approx(tuple(values[:2] / values.sum()), abs=1e-9)
    assert np.var(np.array(found.points), axis=0, ddof=1) == pytest.approx(values[:2], rel=1e-6)


def test_the_same_vectors_give_the_same_map() -> None:
    rows = cloud(300, 384)
    assert flatten(rows) == flatten(rows.copy())


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), cloud(1, 4), np.repeat(cloud(1, 4), 5, axis=0), np.zeros((3, 4))])
def test_fewer_than_two_different_vectors_are_one_point(rows: np.ndarray) -> None:
    found = flatten(rows.astype(np.float32))
    assert found.points == ((0.0, 0.0),) * len(rows) and found.explained == (0.0, 0.0)


def test_vectors_on_a_line_have_no_second_coordinate() -> None:
    found = flatten(floats([0, 0, 0], [3, 4, 0]))
    assert [abs(x) for x, _ in found.points] == pytest.approx([2.5, 2.5])
    assert [y for _, y in found.points] == [0.0, 0.0] and found.explained == pytest.approx((1.0, 0.0))
    line = flatten(floats(1, 2, 5)[:, None] * cloud(1, 384))
    assert [y for _, y in line.points] == [0.0, 0.0, 0.0] and line.explained[1] == 0.0


def test_vectors_of_one_number_have_no_second_coordinate() -> None:
    found = flatten(floats([1], [2], [6]))
    assert [y for _, y in found.points] == [0.0, 0.0, 0.0] and found.explained == (1.0, 0.0)
    assert sorted(abs(x) for x, _ in found.points) == pytest.approx([1.0, 2.0, 3.0])
