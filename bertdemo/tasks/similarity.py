"""Similarity: a number for two texts, from "nothing in common" to "the same" (0 to 5, say).

What is said is the cosine of the two texts' vectors, put on the scale of the training data. During training the loss
is the mean squared distance between the cosine and the score on a scale of 0 to 1 (as Sentence-BERT does, Reimers and
Gurevych 2019). An encoder that was trained for it, as the bundled one, is good at this before any training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound, ScoreNoNumber, TooFewRows
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import Frozen, HeadOptions, HeldOut, Inputs
from bertdemo.tasks.bi_encoder import BiEncoder, unit_vectors, word_counts
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Prediction, Problem, Score
from bertdemo.tasks.roles import LABEL, PAIR, TEXT, detect

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

_FAR = 0.2
"""A score is called a mistake where it is off by more than this part of the scale."""


@dataclass(frozen=True)
class Similarity(Prediction):
    """How alike two texts are."""

    score: float
    """On the scale of the training data; the cosine where there was none."""
    cosine: float
    low: float = -1.0
    high: float = 1.0
    view = "score"

    @property
    def words(self) -> str:
        """The score."""
        return f"{self.score:.4f}"

    @property
    def more(self) -> Mapping[str, str]:
        """The cosine, which does not depend on a scale."""
        return {"cosine": f"{self.cosine:.6f}"}

    def to_api(self) -> dict[str, Any]:
        """Return {score}."""
        return {"score": round(self.score, 6)}


class SimilarityTask(BiEncoder):
    """`text` and `pair` are read apart, a number is said."""

    id = "similarity"
    roles = (TEXT, PAIR, LABEL)
    metrics = ("spearman", "pearson")

    def fits(self, table: Table) -> float:
        """Look for two columns of writing and one of several numbers."""
        try:
            columns = self.columns(table)
        except ColumnsNotFound:
            return 0.0
        cells = [cell for cell in table.columns[columns["label"]][:2000] if cell and cell.strip()]
        numbers = [number for cell in cells if (number := _number(cell)) is not None]
        enough = len(numbers) >= 0.95 * len(cells) and len(set(numbers)) > 3
        return 0.8 if enough and PAIR.named(columns["pair"]) else 0.0

    def columns(self, table: Table) -> dict[str, str]:
        """Guess two texts, and the column of numbers that has a usual name or is the only one."""
        numeric = [name for name, cells in table.columns.items() if _mostly_numbers(cells[:2000])]
        usual = [name for name in numeric if name.casefold() in _SCORE_NAMES]
        if not numeric:
            raise ColumnsNotFound(role="label", columns=", ".join(list(table.columns)[:20]))
        label = (usual or numeric)[0]
        rest = {name: cells for name, cells in table.columns.items() if name != label}
        texts = detect(_only(table, rest), [TEXT, PAIR])
        first, second = sorted(texts.values(), key=list(table.columns).index)
        return {"text": first, "pair": second, "label": label}

    def enough(self, table: Table, columns: Mapping[str, str], minimum: int) -> None:
        """Raise where fewer rows can be used; the first score that is no number is named, if one is not."""
        try:
            super().enough(table, columns, minimum)
        except TooFewRows:
            cells = zip(table.row_numbers, table.columns[columns["label"]], strict=True)
            wrong = next(((row, cell) for row, cell in cells if cell and cell.strip() and _number(cell) is None), None)
            if wrong is None:
                raise
            row, cell = wrong
            raise ScoreNoNumber(column=columns["label"], row=row, cell=cell.strip()[:40]) from None

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return the lowest and the highest score: the ends of the scale."""
        scores = [score for score in _scores(table, columns) if score is not None]
        return (f"{min(scores):g}", f"{max(scores):g}") if scores else ()

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[float | None]:
        """Return each row's score, None where a text is missing or the score is no number."""
        return _scores(table, columns)

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Name scores that are no numbers, and say what the scale is."""
        cells = table.columns[columns["label"]]
        wrong = [row for row, cell in enumerate(cells) if cell and cell.strip() and _number(cell) is None]
        told = []
        if wrong:
            shown = ", ".join(dict.fromkeys((cells[row] or "")[:20] for row in wrong[:5]))
            told.append(Problem("warn", "score_no_number", {"count": len(wrong), "cells": shown}, tuple(wrong[:20])))
        ends = self.labels(table, columns)
        if ends and ends[0] == ends[1]:
            told.append(Problem("fail", "scores_all_equal", {"score": ends[0]}))
        elif ends:
            told.append(Problem("pass", "score_scale", {"low": ends[0], "high": ends[1]}))
        return told

    def numbers(self, targets: Sequence[float]) -> list[float]:
        """Scores as they are: `loss` puts them on the scale of the model."""
        return [float(target) for target in targets]

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the encoder, and let its config remember the scale."""
        opened = super().model(folder, options)
        if len(options.labels) == 2 and not getattr(opened.model.config, "score_range", None):
            opened.model.config.score_range = [float(end) for end in options.labels]
        return opened

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the mean squared distance of cosine and score, and the cosines as `logits`."""
        low, high = _scale(model)
        first, second = self.vectors_of(model, inputs)
        cosine = (first * second).sum(-1)  # (batch,)
        wanted = (inputs["labels"].float() - low) / (high - low)
        return ((cosine - wanted) ** 2).mean(), {"logits": cosine.unsqueeze(-1)}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return both correlations of the cosines with the scores."""
        from bertdemo import metrics

        return metrics.compute(self.metrics, predictions=logits.reshape(-1), references=references)

    def intervals(
        self, said: Sequence[Similarity], targets: Sequence[float], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return both correlations with bootstrap intervals over pairs."""
        return correlations([one.cosine for one in said], targets)

    def judge(self, said: Similarity, target: float, labels: Sequence[str]) -> Judged:
        """A score is wrong where it is off by more than a fifth of the scale; the farthest come first."""
        off = abs(said.score - target) / ((said.high - said.low) or 1.0)
        return Judged(f"{target:g}", f"{said.score:.2f}", Degree("error", min(1.0, off)), off <= _FAR)

    def older_degree(self, stored: float) -> Degree:
        """Older runs stored the error."""
        return Degree("error", stored)

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Similarity]:
        """Return the cosine of each pair, and where that is on the model's scale."""
        first = unit_vectors(model, tokenizer, inputs.texts, truncation, progress=lambda share: progress(share / 2))
        second = unit_vectors(
            model, tokenizer, inputs.pairs or [], truncation, progress=lambda share: progress(0.5 + share / 2)
        )
        low, high = _scale(model)
        found = []
        for cosine in (first * second).sum(-1).tolist():
            on_scale = low + min(1.0, max(0.0, cosine)) * (high - low)
            untrained = getattr(model.config, "score_range", None) is None
            found.append(
                Similarity(cosine if untrained else on_scale, cosine, *((-1.0, 1.0) if untrained else (low, high)))
            )
        return found

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score the cosine of frozen vectors, and of counted words: neither is fitted on anything."""
        targets = self.targets(table, columns, ())
        given = [float(targets[row] or 0.0) for row in rows]
        inputs = self.inputs(table, columns, rows)
        cosines = _cosines(frozen.vectors(inputs.texts), frozen.vectors(inputs.pairs or []))
        return [
            BaselineScore("cosine_tfidf", correlations(_word_cosines(inputs), given), len(rows), 0),
            BaselineScore("cosine_frozen", correlations(cosines, given), len(rows), 0),
        ]


_SCORE_NAMES = frozenset({"score", "similarity", "label", "rating", "relatedness", "相似度", "分数", "得分"})


def _number(cell: str) -> float | None:
    try:
        number = float(cell.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _mostly_numbers(cells: Sequence[str | None]) -> bool:
    filled = [cell for cell in cells if cell and cell.strip()]
    return bool(filled) and sum(_number(cell) is not None for cell in filled) >= 0.8 * len(filled)


def _only(table: Table, columns: Mapping[str, Any]) -> Table:
    return replace(table, columns=columns)


def _scores(table: Table, columns: Mapping[str, str]) -> list[float | None]:
    cells = zip(*(table.columns[columns[role]] for role in ("text", "pair", "label")), strict=True)
    return [
        _number(score) if score and all(one and not one.isspace() for one in (text, pair)) else None
        for text, pair, score in cells
    ]


def _scale(model: Any) -> tuple[float, float]:
    low, high = getattr(model.config, "score_range", None) or (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _cosines(first: Any, second: Any) -> list[float]:
    import numpy as np

    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    found: list[float] = ((first * second).sum(1) / np.maximum(norms, 1e-12)).tolist()
    return found


def _word_cosines(inputs: Inputs) -> list[float]:
    pairs = inputs.pairs or []
    counted = word_counts([*inputs.texts, *pairs])
    both = counted.transform(inputs.texts).multiply(counted.transform(pairs))
    return [float(row.sum()) for row in both.tocsr()]


def correlations(said: Sequence[float], given: Sequence[float]) -> dict[str, Score]:
    """Return Spearman's and Pearson's correlation with bootstrap intervals over pairs."""
    from bertdemo import metrics

    estimates = metrics.estimate(SimilarityTask.metrics, predictions=said, references=given)
    return {name: Score(*estimate) for name, estimate in estimates.items()}
