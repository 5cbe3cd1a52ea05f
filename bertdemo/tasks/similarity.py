"""Semantic textual similarity: a number for two texts, from "nothing in common" to "the same" (0 to 5, say).

The prediction is the cosine of the two texts' vectors, put on the scale of the training data. The training loss is the
mean squared distance between the cosine and the score on a scale of 0 to 1, as in Sentence-BERT (Reimers and Gurevych
2019). An encoder that was trained for it, such as the bundled one, is good at this before any training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound, ScoreNoNumber, TooFewRows
from bertdemo.tables.column_profiles import profiles
from bertdemo.tasks.base import PLAIN, Frozen, HeadOptions, Inputs, LabeledTable, LossOptions
from bertdemo.tasks.bi_encoder import BiEncoder, fit_tfidf, unit_vectors_of_pairs
from bertdemo.tasks.forward import Inference
from bertdemo.tasks.reading import names
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Prediction, Problem, Score, scores_with_intervals
from bertdemo.tasks.roles import LABEL, PAIR, TEXT, detect, named_pair

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset

    from bertdemo.checkpoints import Opened
    from bertdemo.tables.table import Table

# A score counts as a mistake where it is off by more than this share of the scale: one point of a scale of 0 to 5.
_TOLERANCE = 0.2
# Cells of a column that are read to recognize a column of scores.
_SAMPLED_CELLS = 2000
_SCORE_NAMES = names.SCORES | {"label"}
# Less than sentence pairs with as good a label, more than one text of the two.
_CLASS_IDS = 0.4


@dataclass(frozen=True)
class Similarity(Prediction):
    """The similarity of two texts."""

    score: float
    """On the scale of the training data; the cosine where the model was not trained."""
    cosine: float
    low: float = -1.0
    high: float = 1.0
    view = "score"

    @property
    def cell(self) -> str:
        """The score."""
        return f"{self.score:.4f}"

    @property
    def extra_cells(self) -> Mapping[str, str]:
        """The cosine, which does not depend on a scale."""
        return {"cosine": f"{self.cosine:.6f}"}

    def to_api(self) -> dict[str, object]:
        """Return {score}."""
        return {"score": round(self.score, 6)}


class SimilarityTask(BiEncoder):
    """Input: `text` and `pair`, read separately. Output: a number."""

    id = "similarity"
    roles = (TEXT, PAIR, LABEL)
    metrics = ("spearman", "pearson")

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for two texts with the names of a pair, and one column of several different numbers."""
        cells = [cell for cell in table.columns[columns["label"]][:_SAMPLED_CELLS] if cell and cell.strip()]
        numbers = [number for cell in cells if (number := _number(cell)) is not None]
        # Three different numbers or fewer are rather class ids.
        is_scores = len(numbers) >= 0.95 * len(cells) and len(set(numbers)) > 3
        if not is_scores or not (named_pair(table) or PAIR.named(columns["pair"])):
            return 0.0
        # Whole numbers in a column that is called `class` are class ids; `score` and `label` are names of both.
        whole = all(number.is_integer() for number in numbers)
        return 0.8 if not whole or names.is_about(columns["label"], _SCORE_NAMES) else _CLASS_IDS

    def columns(self, table: Table) -> dict[str, str]:
        """Guess two texts, and the column of numbers that has a usual name or is the only one.

        A column that counts or identifies the rows holds no scores, whatever its name.
        """
        numeric = [name for name, cells in table.columns.items() if _mostly_numbers(cells[:_SAMPLED_CELLS])]
        counting = {profile.name for profile in profiles(table) if profile.counts_rows}
        numeric = [name for name in numeric if name not in counting and not names.is_id(name)]
        usual = [name for name in numeric if names.is_about(name, _SCORE_NAMES)]
        if not numeric:
            raise ColumnsNotFound(role="label", columns=", ".join(list(table.columns)[:20]))
        label = (usual or numeric)[0]
        # The scores are taken out first: a column of numbers must not compete with the texts.
        others = replace(table, columns={name: cells for name, cells in table.columns.items() if name != label})
        named = named_pair(others)
        if named is None:
            texts = detect(others, [TEXT, PAIR])
            first, second = sorted(texts.values(), key=list(table.columns).index)
            named = first, second
        return {"text": named[0], "pair": named[1], "label": label}

    def check_usable(self, table: Table, columns: Mapping[str, str], labels: Sequence[str], minimum: int) -> None:
        """Raise where fewer rows can be used: ScoreNoNumber names the first score that is not a number."""
        try:
            super().check_usable(table, columns, labels, minimum)
        except TooFewRows:
            cells = table.columns[columns["label"]]
            row = next(iter(_not_numbers(cells)), None)
            if row is None:
                raise
            cell = (cells[row] or "").strip()[:40]
            raise ScoreNoNumber(column=columns["label"], row=table.row_numbers[row], cell=cell) from None

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the lowest and the highest score: the ends of the scale."""
        scores = [score for score in _scores(table, columns) if score is not None]
        return (f"{min(scores):g}", f"{max(scores):g}") if scores else ()

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[float | None]:
        """Return each row's score, None where a text is missing or the score is not a number."""
        return _scores(table, columns)

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """List scores that are not numbers, and report the scale."""
        cells = table.columns[columns["label"]]
        problems = []
        if rows := _not_numbers(cells):
            examples = ", ".join(dict.fromkeys((cells[row] or "")[:20] for row in rows[:5]))
            problems.append(Problem.at_rows("warn", "score_no_number", rows, cells=examples))
        ends = self.labels(table, columns)
        if ends and ends[0] == ends[1]:
            problems.append(Problem("fail", "scores_all_equal", {"score": ends[0]}))
        elif ends:
            problems.append(Problem("pass", "score_scale", {"low": ends[0], "high": ends[1]}))
        return problems

    def numbers(self, targets: Sequence[float]) -> list[float]:
        """Return the scores as they are: `loss` puts them on the scale of the model."""
        return [float(target) for target in targets]

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the encoder, and store the scale in its config."""
        opened = super().model(folder, options)
        if len(options.labels) == 2 and not getattr(opened.model.config, "score_range", None):
            opened.model.config.score_range = [float(end) for end in options.labels]
        return opened

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return the mean squared distance of cosine and score, and the cosines as `logits` (batch, 1)."""
        low, high = _scale(model)
        first, second = self.vectors_of(model, inputs)
        cosine = (first * second).sum(-1)  # (batch,)
        target = (inputs["labels"].float() - low) / (high - low)  # (batch,), on a scale of 0 to 1
        return ((cosine - target) ** 2).mean(), {"logits": cosine.unsqueeze(-1)}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return both correlations of the cosines with the scores."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, predictions=logits.reshape(-1), references=references)

    def intervals(
        self, predictions: Sequence[Similarity], targets: Sequence[float], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return both correlations with bootstrap intervals over pairs."""
        return correlations([prediction.cosine for prediction in predictions], targets)

    def judge(self, prediction: Similarity, target: float, labels: Sequence[str]) -> Judged:
        """A score is wrong where it is off by more than a fifth of the scale."""
        error = abs(prediction.score - target) / ((prediction.high - prediction.low) or 1.0)
        return Judged(f"{target:g}", f"{prediction.score:.2f}", Degree("error", min(1.0, error)), error <= _TOLERANCE)

    def older_degree(self, stored: float) -> Degree:
        """Older runs stored the error."""
        return Degree("error", stored)

    def predict(self, inference: Inference, inputs: Inputs) -> list[Similarity]:
        """Return the cosine of each pair, and the score that it is on the model's scale."""
        first, second = unit_vectors_of_pairs(inference, inputs)  # (rows, hidden) each
        cosines = (first * second).sum(-1).tolist()  # (rows,)
        if getattr(inference.model.config, "score_range", None) is None:  # not trained: there is no scale
            return [Similarity(cosine, cosine) for cosine in cosines]
        low, high = _scale(inference.model)
        # The loss puts the target on 0 to 1, so a negative cosine is no worse than 0.
        return [Similarity(low + min(1.0, max(0.0, cosine)) * (high - low), cosine, low, high) for cosine in cosines]

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score the cosine of TF-IDF vectors and of frozen ones: neither is fitted, so no row has to be held out."""
        import numpy as np
        from sklearn.preprocessing import normalize

        targets = self.targets(table, columns, ())
        scores = [float(targets[row] or 0.0) for row in rows]
        inputs = self.inputs(table, columns, rows)
        texts, pairs = inputs.texts, inputs.pairs or []
        tfidf = fit_tfidf([*texts, *pairs])
        # Both have rows of L2 norm 1, so the sum over the products is the cosine.
        tfidf_cosines = np.asarray(tfidf.transform(texts).multiply(tfidf.transform(pairs)).sum(1)).ravel()  # (rows,)
        frozen_cosines = (normalize(frozen.vectors(texts)) * normalize(frozen.vectors(pairs))).sum(1)  # (rows,)
        return [
            BaselineScore("cosine_tfidf", correlations(tfidf_cosines.tolist(), scores), len(rows), 0),
            BaselineScore("cosine_frozen", correlations(frozen_cosines.tolist(), scores), len(rows), 0),
        ]


def _number(cell: str) -> float | None:
    try:
        number = float(cell.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _not_numbers(cells: Sequence[str | None]) -> list[int]:
    """Return the rows that have a score that is not a number."""
    return [row for row, cell in enumerate(cells) if cell and cell.strip() and _number(cell) is None]


def _mostly_numbers(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell and cell.strip()]
    return bool(filled) and sum(_number(cell) is not None for cell in filled) >= 0.8 * len(filled)


def _scores(table: Table, columns: Mapping[str, str]) -> list[float | None]:
    cells = zip(*(table.columns[columns[role]] for role in ("text", "pair", "label")), strict=True)
    return [
        _number(score) if score and text and pair and not (text.isspace() or pair.isspace()) else None
        for text, pair, score in cells
    ]


def _scale(model: Any) -> tuple[float, float]:
    """Return the ends of the model's scale, 1 apart where the training data had one score only."""
    low, high = getattr(model.config, "score_range", None) or (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def correlations(predictions: Sequence[float], targets: Sequence[float]) -> dict[str, Score]:
    """Return Spearman's and Pearson's correlation with bootstrap intervals over pairs."""
    return scores_with_intervals(SimilarityTask.metrics, predictions=predictions, references=targets)
