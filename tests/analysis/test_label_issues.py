"""Planted wrong labels are found, and what cannot be judged is left out and counted."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from bertdemo import samples
from bertdemo.analysis import baselines, label_issues
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Truncation
from bertdemo.tables import spreadsheet


def blobs(rows: int, labels: int = 3, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    chosen = generator.integers(0, labels, rows)
    centers = np.random.default_rng(9).normal(size=(labels, 16))
    return (centers[chosen] + 0.4 * generator.normal(size=(rows, 16))).astype(np.float32), [str(i) for i in chosen]


def plant(labels: list[str], share: float, seed: int = 0) -> tuple[list[str], set[int]]:
    """Give a share of the rows another label."""
    generator = np.random.default_rng(seed)
    rows = set(generator.permutation(len(labels))[: round(share * len(labels))].tolist())
    names = sorted(set(labels))
    return [
        str(generator.choice([name for name in names if name != label])) if row in rows else label
        for row, label in enumerate(labels)
    ], rows


@pytest.mark.parametrize("labels", [2, 3, 8])
def test_planted_labels_are_found_with_what_they_were(labels: int) -> None:
    vectors, true = blobs(400, labels)
    given, planted = plant(true, 0.05)
    found = label_issues.find(vectors, given)
    hits = {one.row for one in found} & planted
    assert len(hits) >= 0.8 * len(planted) and len(found) <= 1.5 * len(planted)
    for one in found:
        assert one.given == given[one.row] != one.suggested
        assert 0 <= one.given_probability < one.suggested_probability <= 1
    assert all(one.suggested == true[one.row] for one in found if one.row in planted)
    sure = [one.given_probability for one in found]
    assert sure == sorted(sure)
    assert label_issues.find(vectors, given) == found


def test_clean_rows_far_apart_are_not_suspicious() -> None:
    generator = np.random.default_rng(0)
    labels = ["a", "b"] * 50
    vectors = np.array([[10.0 if label == "a" else -10.0, 0.0] for label in labels]) + generator.normal(size=(100, 2))
    assert label_issues.find(vectors.astype(np.float32), labels) == ()


def test_in_a_sample_of_ours_planted_labels_come_first() -> None:
    with samples.sample_path("support_en").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    given, planted = plant([row["intent"] for row in rows], 0.05)
    folder = bundled.verified()
    tokenizer = SharedTokenizer.from_folder(folder)
    vectors = baselines.embed(folder, tokenizer, [row["text"] for row in rows], Truncation(128))
    order = [found.row in planted for found in label_issues.find(vectors, given)]
    wanted = math.ceil(0.6 * len(planted))
    asked = next(at for at in range(1, len(order) + 1) if sum(order[:at]) >= wanted)
    assert wanted / asked >= 0.5


def test_labels_with_few_rows_are_left_out_and_counted() -> None:
    labels = ["a"] * 20 + ["b"] * 20 + ["few"] * 4 + ["one"]
    rows = label_issues.sample(labels)
    assert rows == list(range(40)) and label_issues.left_out(labels) == (2, 5)
    with pytest.raises(ValueError, match="fewer than 5"):
        label_issues.find(np.zeros((45, 4), np.float32), labels)


def test_one_label_alone_has_no_suspects() -> None:
    assert label_issues.find(np.zeros((9, 4), np.float32), ["a"] * 9) == ()


@pytest.mark.parametrize("labels", [3, 7, 77])
def test_a_sample_of_a_large_table_has_no_row_less_than_promised(labels: int) -> None:
    generator = np.random.default_rng(labels)
    given = [str(i) for i in generator.integers(0, labels, 60_000)] + ["rare"] * 6
    rows = label_issues.sample(given)
    assert 5_000 <= len(rows) <= 5_000 + 5 * (labels + 1) and rows == sorted(set(rows))
    assert sum(given[row] == "rare" for row in rows) >= label_issues.FOLDS
    assert len(set(rows) & set(baselines.sample(given))) > 4_900  # so that few texts are embedded twice


def test_no_cell_of_an_export_is_a_formula(tmp_path: Path) -> None:
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x", "x=1", "", "1"]
    spreadsheet.write_csv(tmp_path / "t.csv", ["cell"], [[cell] for cell in cells])
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        written = [row[0] if row else "" for row in csv.reader(file)][1:]
    assert written == [f"'{cell}" for cell in cells[:11]] + cells[11:]
    assert (tmp_path / "t.csv").read_bytes().startswith(b"\xef\xbb\xbf")
