"""Question answering: the part of a passage that answers a question, or that there is none.

The model is BertForQuestionAnswering: one linear layer gives every piece a score as the start and one as the end of
the answer; the best legal pair of both is the answer. A long passage is read in overlapping windows. [CLS] stands for
"no answer" (SQuAD 2.0); how far it must lie above the best span is tuned on the validation rows, where the data have
questions without an answer, and without such questions there always is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import AnswerElsewhere, ColumnsNotFound, TooFewRows
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, HeadOptions, HeldOut, Inputs
from bertdemo.tasks.forward import Collator, forward
from bertdemo.tasks.question_answering.spans import Found, Window, best_span, in_batches, padded, windows
from bertdemo.tasks.results import Degree, Judged, Mark, Prediction, Problem, Score
from bertdemo.tasks.roles import ANSWER, CONTEXT, QUESTION
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

START_COLUMN = "answer_start"
"""A column of this name says where the answer stands, which matters where it stands more than once."""
ALWAYS = 1e4
"""Threshold of a model whose data have no question without an answer."""
_BATCH = 32


@dataclass(frozen=True)
class Answer(Prediction):
    """What a passage says: `start` and `end` are its code points; "" where it does not say."""

    answer: str
    start: int
    end: int
    score: float
    """Probability of the span among all spans and "no answer"; of "no answer" where that was said."""
    no_answer: bool
    null_margin: float = 0.0
    """How far "no answer" lies above the best span, in logits."""
    view = "answer"

    @property
    def words(self) -> str:
        """The answer."""
        return self.answer

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.score

    @property
    def more(self) -> Mapping[str, str]:
        """Where it stands."""
        return {"start": str(self.start) if self.answer else "", "end": str(self.end) if self.answer else ""}

    def to_api(self) -> dict[str, Any]:
        """Return {answer, start, end, score, no_answer}."""
        return {
            "answer": self.answer, "start": self.start, "end": self.end, "score": round(self.score, 6),
            "no_answer": self.no_answer,
        }  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """The right answer of one question: its text and where it stands; "" and -1 where there is none."""

    text: str
    start: int


class _Windows(Collator):
    own = ("length", "row", "places")
    not_for_the_model = frozenset(own)


_NOWHERE = (-1, -1)
"""Stands for no characters of the passage: special pieces and the question."""


class QuestionAnswering(TaskWithoutLabels):
    """`question` and `context` are read, `answer` is found in the context."""

    id = "question_answering"
    roles = (QUESTION, CONTEXT, ANSWER)
    metrics = ("f1", "exact_match")
    has_baseline = False
    windows = True
    label_names = ("start_positions", "end_positions")

    def fits(self, table: Table) -> float:
        """Look for a column whose cells stand in another one's."""
        try:
            columns = self.columns(table)
        except ColumnsNotFound:
            return 0.0
        cells = [
            (answer, context) for answer, context in zip(
                table.columns[columns["answer"]][:500], table.columns[columns["context"]][:500], strict=True
            ) if answer and context
        ]  # fmt: skip
        inside = sum(answer in context for answer, context in cells) / max(1, len(cells))
        questions = [cell for cell in table.columns[columns["question"]][:500] if cell]
        asked = sum(cell.rstrip().endswith(("?", "？")) for cell in questions) / max(1, len(questions))
        called = all(role.named(columns[role.name]) for role in self.roles)
        return 0.9 if inside > 0.8 and (asked > 0.5 or called) else 0.0

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """An empty answer is one too, so it is no missing label."""
        return {place: name for place, name in super().columns_by_slot(columns).items() if place != "label"}

    def enough(self, table: Table, columns: Mapping[str, str], minimum: int) -> None:
        """Raise where fewer rows can be used; the first answer that is not in its passage is named, if one is not."""
        found = _wanted(table, columns)
        usable = sum(isinstance(one, Wanted) for one in found)
        if usable < minimum and "away" in found:
            at = found.index("away")
            raise AnswerElsewhere(row=table.row_numbers[at], answer=str(table.columns[columns["answer"]][at])[:80])
        if usable < minimum:
            raise TooFewRows(rows=usable, minimum=minimum)

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[Wanted | None]:
        """Return each row's answer; None where a text is missing or the answer does not stand in its context."""
        return [one if isinstance(one, Wanted) else None for one in _wanted(table, columns)]

    def strata(self, targets: Sequence[Wanted], labels: Sequence[str]) -> list[str]:
        """Questions without an answer are in every part."""
        return ["" if target.text else "none" for target in targets]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Name answers that are not in their context, and count questions without one."""
        found = _wanted(table, columns)
        away = [row for row, one in enumerate(found) if one == "away"]
        none = sum(isinstance(one, Wanted) and not one.text for one in found)
        told = [Problem("warn", "answer_not_in_context", {"count": len(away)}, tuple(away[:20]))] if away else []
        if none:
            told.append(Problem("pass", "questions_without_answer", {"count": none}))
        return told

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Return a sequence a window, with the positions of the answer; (0, 0) where the window does not hold it."""
        from datasets import Dataset

        targets = self.targets(table, columns, labels)
        inputs = self.inputs(table, columns, rows)
        names = ("input_ids", "attention_mask", "token_type_ids", "start_positions", "end_positions", *_Windows.own)
        found: dict[str, list[Any]] = {name: [] for name in names}
        for at, row in enumerate(rows):
            if at % 100 == 0:
                options.stop()
            target = targets[row]
            for window in windows(tokenizer, inputs.texts[at], inputs.pair(at), options.truncation.max_length):
                start, end = (0, 0)
                if target is not None and target.text:
                    start, end = window.places(target.start, target.start + len(target.text))
                places = [list(span or _NOWHERE) for span in window.offsets]
                values = (window.ids, [1] * len(window.ids), window.type_ids, start, end, len(window.ids), row, places)
                for name, value in zip(names, values, strict=True):
                    found[name].append(value)
        return Dataset.from_dict(found)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForQuestionAnswering; its two outputs are new unless the checkpoint has them."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(folder, head="span", seed=options.seed)

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Leave the offsets to `decode`."""
        return _Windows(tokenizer.pad_id)

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the mean cross-entropy of start and end, and both scores."""
        outputs = model(**inputs)
        return outputs["loss"], {"logits": (outputs["start_logits"], outputs["end_logits"])}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return exact match and F1 by row: the best span of all its windows, at the best threshold."""
        from bertdemo import metrics

        said = self._by_row(logits, dataset, held_out)
        targets = self.targets(held_out.table, held_out.columns, held_out.labels)
        rows = [row for row in said if targets[row] is not None]
        threshold = _threshold([said[row] for row in rows], [targets[row] for row in rows])
        arrays = _metric_arrays([_settled(said[row], threshold) for row in rows], [targets[row] for row in rows])
        return {name: metrics.compute([name], **by_row)[name] for name, by_row in arrays.items()}

    def decode(self, logits: Any, dataset: Dataset, held_out: HeldOut) -> dict[int, Answer]:
        """Return the answer to each row, at the best threshold for these rows."""
        said = self._by_row(logits, dataset, held_out)
        targets = self.targets(held_out.table, held_out.columns, held_out.labels)
        threshold = _threshold(list(said.values()), [targets[row] for row in said])
        return {row: _settled(one, threshold) for row, one in said.items()}

    def tuned(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        targets: Sequence[Wanted],
        truncation: Truncation,
    ) -> Mapping[str, Any]:
        """Return how far "no answer" must lie above the best span, for the best F1 on the validation rows."""
        said = self.predict(model, tokenizer, inputs, truncation)
        return {"null_threshold": round(_threshold(said, targets), 4)}

    def intervals(self, said: Sequence[Answer], targets: Sequence[Wanted], labels: Sequence[str]) -> dict[str, Score]:
        """Return F1 with a bootstrap interval, exact match with a Wilson one."""
        from bertdemo import metrics

        arrays = _metric_arrays(said, targets)
        return {name: Score(*metrics.estimate([name], **by_row)[name]) for name, by_row in arrays.items()}

    def judge(self, said: Answer, target: Wanted, labels: Sequence[str]) -> Judged:
        """Hold the answer against the right one, without regard to case, articles and marks."""
        from bertdemo.metrics import squad_f1

        given = (Mark("", target.start, target.start + len(target.text)),) if target.text else ()
        marks = (Mark("", said.start, said.end),) if said.answer else ()
        right = squad_f1.exact(said.answer, target.text)
        return Judged(target.text or "–", said.answer or "–", Degree("confidence", said.score), right, given, marks)

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Answer]:
        """Return the answer to each question, over all windows of its passage."""
        limit = getattr(model.config, "null_threshold", None)
        limit = ALWAYS if limit is None else float(limit)
        found = []
        for start in range(0, len(inputs.texts), 256):  # bounds the memory that windows take
            part = range(start, min(start + 256, len(inputs.texts)))
            read = [windows(tokenizer, inputs.texts[at], inputs.pair(at), truncation.max_length) for at in part]
            for at, (starts, ends) in zip(part, scores_of(model, tokenizer, read), strict=True):
                span = best_span(starts, ends, read[at - start])
                found.append(_settled(_answer(span, inputs.pair(at)), limit))
            progress(len(found) / len(inputs.texts))
        return found

    def _by_row(self, logits: Any, dataset: Dataset, held_out: HeldOut) -> dict[int, Answer]:
        """Return the best span of each row of an encoded data set, whatever "no answer" scores."""
        import numpy as np

        starts, ends = (np.asarray(one, dtype=float) for one in logits)
        by_row: dict[int, list[int]] = {}
        for at, row in enumerate(dataset["row"]):
            by_row.setdefault(int(row), []).append(at)
        passages = self.inputs(held_out.table, held_out.columns, list(by_row))
        found = {}
        for place, (row, places) in enumerate(by_row.items()):
            read = [_window(dataset[at]) for at in places]
            span = best_span([starts[at] for at in places], [ends[at] for at in places], read)
            found[row] = _answer(span, passages.pair(place))
        return found


def _wanted(table: Table, columns: Mapping[str, str]) -> list[Wanted | str]:
    """Return each row's answer, "missing" where a text is, "away" where the answer is not in its context."""
    starts = table.columns.get(START_COLUMN) or [None] * table.rows
    cells = zip(*(table.columns[columns[role]] for role in ("question", "context", "answer")), starts, strict=True)
    found: list[Wanted | str] = []
    for question, context, answer, start in cells:
        if not (question and question.strip() and context and context.strip()):
            found.append("missing")
        elif not (answer and answer.strip()):
            found.append(Wanted("", -1))
        else:
            at = _at(context, answer, start)
            found.append(Wanted(answer, at) if at >= 0 else "away")
    return found


def _at(context: str, answer: str, start: str | None) -> int:
    said = int(start) if start and start.strip().isdigit() else -1
    if said >= 0 and context.startswith(answer, said):
        return said
    return context.find(answer)


def _window(row: Mapping[str, Any]) -> Window:
    """Return a window as `encode` stored it."""
    spans = [None if start < 0 else (int(start), int(end)) for start, end in row["places"]]
    return Window(list(row["input_ids"]), list(row["token_type_ids"]), spans)


_Scores = tuple[list[Any], list[Any]]


def scores_of(model: Any, tokenizer: SharedTokenizer, read: Sequence[Sequence[Window]]) -> list[_Scores]:
    """Return for each question the start and the end scores of its windows."""
    flat = [window for own in read for window in own]

    def both_scores(batch: dict[str, Any], _: list[int]) -> list[tuple[Any, Any]]:
        out = model(**batch)
        starts, ends = out.start_logits.float().cpu().numpy(), out.end_logits.float().cpu().numpy()
        return list(zip(starts, ends, strict=True))

    padded_batches = (
        (indices, padded([flat[i] for i in indices], tokenizer.pad_id))
        for indices in in_batches([len(window.ids) for window in flat], _BATCH)
    )
    scores = iter(forward(both_scores, padded_batches, len(flat), device=model.device))
    by_question = [[next(scores) for _ in own] for own in read]
    return [([start for start, _ in own], [end for _, end in own]) for own in by_question]


def _answer(span: Found, passage: str) -> Answer:
    """Return the span as an answer that was not yet held against "no answer"."""
    margin = span.null - span.score
    return Answer(passage[span.start : span.end], span.start, span.end, span.probability, False, margin)


def _settled(said: Answer, threshold: float) -> Answer:
    """Say that there is no answer where that lies farther above the best span than the threshold."""
    if said.null_margin <= threshold and said.answer:
        return said
    return Answer("", -1, -1, 1 - said.score, True, said.null_margin)


def _threshold(said: Sequence[Answer], targets: Sequence[Any]) -> float:
    """Return the threshold with the best F1; where every question has an answer, one that is never reached."""
    from bertdemo.metrics import squad_f1

    if all(target is None or target.text for target in targets):
        return ALWAYS
    gains = sorted(
        (one.null_margin, squad_f1.f1(one.answer, target.text) - float(not target.text))
        for one, target in zip(said, targets, strict=True) if target is not None
    )  # fmt: skip
    best, total, chosen = 0.0, 0.0, (gains[0][0] - 1.0 if gains else 0.0)
    for margin, gain in gains:  # from answering nothing to answering everything
        total += gain
        if total > best:
            best, chosen = total, margin
    return float(chosen)


def _metric_arrays(said: Sequence[Answer], targets: Sequence[Any]) -> dict[str, dict[str, list[float]]]:
    """Return metric -> what it needs of each row."""
    from bertdemo.metrics import squad_f1

    pairs = [(one.answer, target.text) for one, target in zip(said, targets, strict=True)]
    return {
        "f1": {"overlaps": [squad_f1.f1(a, b) for a, b in pairs]},
        "exact_match": {"matches": [squad_f1.exact(a, b) for a, b in pairs]},
    }
