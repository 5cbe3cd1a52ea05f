"""Extractive question answering: the span of a passage that answers a question, or that there is no answer.

The model is BertForQuestionAnswering: one linear layer gives every token a score as the start and one as the end of
the answer; the best legal pair of both is the answer. A long passage is read in overlapping windows. [CLS] stands for
"no answer" (SQuAD 2.0). How far it must score above the best span is tuned on the validation set, where the data have
questions without an answer; without such questions there always is an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import AnswerElsewhere, TooFewRows
from bertdemo.tables.annotations.answers import stated_answer
from bertdemo.tables.annotations.locate import with_marks, without_marks
from bertdemo.tasks.base import PLAIN, EncodeOptions, Inputs, LabeledTable, LossOptions
from bertdemo.tasks.forward import Batch, Collator, Inference, forward, pad
from bertdemo.tasks.question_answering.spans import BestSpan, Window, best_span, windows
from bertdemo.tasks.question_answering.targets import TargetAnswer, start_column, target_answers
from bertdemo.tasks.results import Annotation, Degree, Judged, Prediction, Problem, Score, scores_with_intervals
from bertdemo.tasks.roles import ANSWER, CONTEXT, QUESTION
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from numpy.typing import NDArray

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

    Floats = NDArray[np.float64]

# The threshold of a model whose data have no question without an answer: no margin of two logits gets there.
ALWAYS = 1e4
_BATCH = 32
# Cells of a column that are read to recognize questions and answers.
_SAMPLED_CELLS = 500
# Questions whose windows are in memory at a time.
_QUESTIONS_AT_ONCE = 256
# Rows encoded between two checks for a stop.
_STOP_ROWS = 100
# The offsets of what is not in the passage, special tokens and the question, in an encoded row.
_NOWHERE = (-1, -1)


@dataclass(frozen=True)
class Answer(Prediction):
    """The answer in a passage: `start` and `end` are its code points; "" where there is no answer."""

    answer: str
    start: int
    end: int
    score: float
    """Probability of the span among all spans and "no answer"; of "no answer" where that is the prediction."""
    no_answer: bool
    null_margin: float = 0.0
    """How far "no answer" scores above the best span, in logits."""
    view = "answer"

    @property
    def cell(self) -> str:
        """The answer."""
        return self.answer

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.score

    @property
    def extra_cells(self) -> Mapping[str, str]:
        """Its offsets in the passage."""
        return {"start": str(self.start) if self.answer else "", "end": str(self.end) if self.answer else ""}

    def to_api(self) -> dict[str, object]:
        """Return {answer, start, end, score, no_answer}."""
        fields = {name: getattr(self, name) for name in ("answer", "start", "end", "score", "no_answer")}
        return {**fields, "score": round(self.score, 6)}


class _WindowCollator(Collator):
    """Leaves the offsets of the tokens to `decode`."""

    not_for_the_model = Collator.not_for_the_model | {"places"}


class QuestionAnswering(TaskWithoutLabels):
    """Input: `question` and `context`. Output: the `answer`, a span of the context."""

    id = "question_answering"
    roles = (QUESTION, CONTEXT, ANSWER)
    architecture = "BertForQuestionAnswering"
    metrics = ("f1", "exact_match")
    has_baseline = False
    windows = True
    outputs_are_fixed = False  # the softmax is over all positions of a batch, padding included
    label_names = ("start_positions", "end_positions")

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for a column whose cells occur in another one's, and for questions or the usual names."""
        sampled = {role: table.columns[column][:_SAMPLED_CELLS] for role, column in columns.items()}
        cells = [pair for pair in zip(sampled["answer"], sampled["context"], strict=True) if all(pair)]
        inside = sum(stated_answer(answer)[0] in (context or "") for answer, context in cells) / max(1, len(cells))
        questions = [cell for cell in sampled["question"] if cell]
        with_mark = sum(cell.rstrip().endswith(("?", "？")) for cell in questions) / max(1, len(questions))
        named = all(role.named(columns[role.name]) for role in self.roles)
        # With offsets of answers it is no other task, even where no answer is in its passage: the check names a row.
        stated = named and bool(start_column(table))
        return 0.9 if stated or (inside > 0.8 and (with_mark > 0.5 or named)) else 0.0

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return the question and the context alone: an empty answer is not a missing label."""
        return {slot: name for slot, name in super().columns_by_slot(columns).items() if slot != "label"}

    def check_usable(self, table: Table, columns: Mapping[str, str], labels: Sequence[str], minimum: int) -> None:
        """Raise where fewer rows can be used: AnswerElsewhere names the first answer that is not in its passage."""
        answers = target_answers(table, columns)
        usable = sum(isinstance(answer, TargetAnswer) for answer in answers)
        if usable < minimum and "away" in answers:
            at = answers.index("away")
            raise AnswerElsewhere(row=table.row_numbers[at], answer=str(table.columns[columns["answer"]][at])[:80])
        if usable < minimum:
            raise TooFewRows(rows=usable, minimum=minimum)

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[TargetAnswer | None]:
        """Return each row's answer; None where a text is missing or the answer is not in its context."""
        return [answer if isinstance(answer, TargetAnswer) else None for answer in target_answers(table, columns)]

    def strata(self, targets: Sequence[TargetAnswer], labels: Sequence[str]) -> list[str]:
        """Stratify by whether there is an answer."""
        return ["" if target.text else "none" for target in targets]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """List answers that are not in their context, and count questions without an answer."""
        answers = target_answers(table, columns)
        away = [row for row, answer in enumerate(answers) if answer == "away"]
        unanswered = sum(isinstance(answer, TargetAnswer) and not answer.text for answer in answers)
        problems = [Problem.at_rows("warn", "answer_not_in_context", away)] if away else []
        if moved := [row for row, answer in enumerate(answers) if isinstance(answer, TargetAnswer) and answer.moved]:
            problems.append(Problem.at_rows("warn", "answers_moved", moved))
        if unanswered:
            problems.append(Problem("pass", "questions_without_answer", {"count": unanswered}))
        return problems

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Return one sequence per window, with the tokens of the answer; (0, 0) where the window does not hold it."""
        from datasets import Dataset

        # Question and passage are tokenized separately, so `encoded` does not fit.
        targets = self.targets(source.table, source.columns, source.labels)
        inputs = self.inputs(source.table, source.columns, rows)
        sequences: list[dict[str, Any]] = []
        for at, row in enumerate(rows):
            if at % _STOP_ROWS == 0:
                options.stop()
            target = targets[row]
            for window in windows(tokenizer, inputs.texts[at], inputs.pair(at), options.truncation.max_length):
                start, end = (0, 0)
                if target and target.text:
                    last = without_marks(inputs.pair(at), target.start, target.end)
                    start, end = window.positions(target.start, last)
                sequences.append(
                    {
                        **window.columns(),
                        "start_positions": start,
                        "end_positions": end,
                        "length": len(window.ids),
                        "row": row,
                        "places": [list(span or _NOWHERE) for span in window.offsets],
                    }
                )
        return Dataset.from_list(sequences)

    def collator(self, tokenizer: SharedTokenizer, seed: int) -> Collator:
        """Return what makes batches of windows."""
        return _WindowCollator(tokenizer.pad_id)

    def is_head(self, parameter: str) -> bool:
        """Return whether it belongs to the layer that scores the start and the end of an answer."""
        return parameter.startswith("qa_outputs.")

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return the mean cross-entropy of start and end, and the scores of both, (windows, tokens) each."""
        outputs = model(**inputs)
        return outputs["loss"], {"logits": (outputs["start_logits"].float(), outputs["end_logits"].float())}

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return exact match and F1 per row: of the best span of all its windows, at the best threshold."""
        from bertdemo import metrics

        answers, targets = self._answers_by_row(logits, dataset, held_out)
        rows = [row for row in answers if targets[row] is not None]
        used = [targets[row] for row in rows]
        threshold = _best_threshold([answers[row] for row in rows], used)
        arrays = _metric_arrays([_at_threshold(answers[row], threshold) for row in rows], used)
        return {name: metrics.compute([name], **by_row)[name] for name, by_row in arrays.items()}

    def decode(self, logits: Any, dataset: Dataset, held_out: LabeledTable) -> dict[int, Answer]:
        """Return the answer to each row, at the best threshold for these rows."""
        answers, targets = self._answers_by_row(logits, dataset, held_out)
        threshold = _best_threshold(list(answers.values()), [targets[row] for row in answers])
        return {row: _at_threshold(answer, threshold) for row, answer in answers.items()}

    def tune(self, inference: Inference, inputs: Inputs, targets: Sequence[TargetAnswer]) -> Mapping[str, object]:
        """Return the margin of "no answer" above the best span that gives the best F1 on the validation set."""
        # A base that was fine-tuned before has a threshold of its own, which does not hold for these weights.
        return {"null_threshold": round(_best_threshold(self._answers(inference, inputs, ALWAYS), targets), 4)}

    def intervals(
        self, predictions: Sequence[Answer], targets: Sequence[TargetAnswer], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return F1 with a bootstrap interval, exact match with a Wilson one."""
        arrays = _metric_arrays(predictions, targets)
        return {name: scores_with_intervals([name], **by_row)[name] for name, by_row in arrays.items()}

    def judge(self, prediction: Answer, target: TargetAnswer, labels: Sequence[str]) -> Judged:
        """Compare with the right answer after SQuAD normalization: case, articles and punctuation do not count."""
        from bertdemo.metrics import squad_f1

        return Judged(
            label=target.text or "–",
            predicted=prediction.answer or "–",
            degree=Degree("confidence", prediction.score),
            right=squad_f1.exact(prediction.answer, target.text),
            given=(Annotation("", target.start, target.end),) if target.text else (),
            said=(Annotation("", prediction.start, prediction.end),) if prediction.answer else (),
        )

    def predict(self, inference: Inference, inputs: Inputs) -> list[Answer]:
        """Return the answer to each question, over all windows of its passage."""
        limit = getattr(inference.model.config, "null_threshold", None)
        return self._answers(inference, inputs, ALWAYS if limit is None else float(limit))

    def _answers(self, inference: Inference, inputs: Inputs, limit: float) -> list[Answer]:
        """Return what `predict` returns, at this margin of "no answer"."""
        max_length, count = inference.truncation.max_length, len(inputs.texts)
        answers: list[Answer] = []
        for start in range(0, count, _QUESTIONS_AT_ONCE):
            part = range(start, min(start + _QUESTIONS_AT_ONCE, count))
            read = [windows(inference.tokenizer, inputs.texts[at], inputs.pair(at), max_length) for at in part]
            for at, (starts, ends) in zip(part, window_scores(inference, read), strict=True):
                span = best_span(starts, ends, read[at - start])
                answers.append(_at_threshold(_answer(span, inputs.pair(at)), limit))
            inference.progress(len(answers) / count)
        return answers

    def _answers_by_row(
        self, logits: Any, dataset: Dataset, held_out: LabeledTable
    ) -> tuple[dict[int, Answer], list[TargetAnswer | None]]:
        """Return row -> best span of an encoded dataset, whatever "no answer" scores, and the target of every row."""
        import numpy as np

        starts, ends = (np.asarray(scores, dtype=float) for scores in logits)  # (windows, tokens) each
        sequences_by_row: dict[int, list[int]] = {}
        for sequence, row in enumerate(dataset["row"]):
            sequences_by_row.setdefault(int(row), []).append(sequence)
        passages = self.inputs(held_out.table, held_out.columns, list(sequences_by_row))
        answers = {}
        for at, (row, sequences) in enumerate(sequences_by_row.items()):
            read = [_stored_window(dataset[sequence]) for sequence in sequences]
            span = best_span([starts[i] for i in sequences], [ends[i] for i in sequences], read)
            answers[row] = _answer(span, passages.pair(at))
        return answers, self.targets(held_out.table, held_out.columns, held_out.labels)


def _stored_window(row: Mapping[str, Any]) -> Window:
    """Return a window as `encode` stored it."""
    spans = [None if start < 0 else (int(start), int(end)) for start, end in row["places"]]
    return Window(list(row["input_ids"]), list(row["token_type_ids"]), spans)


_Scores = tuple[list["Floats"], list["Floats"]]


def window_scores(inference: Inference, read: Sequence[Sequence[Window]]) -> list[_Scores]:
    """Return per question the start and the end logits of its windows, (tokens,) each, padding included."""
    flat = [window for windows_of_one in read for window in windows_of_one]

    def logits_of(batch: Batch, _: list[int]) -> list[tuple[Floats, Floats]]:
        output = inference.model(**batch)
        starts, ends = output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()
        return list(zip(starts, ends, strict=True))  # (batch, tokens) each

    # Windows of all questions together fill the batches better than those of one.
    by_length = sorted(range(len(flat)), key=lambda i: len(flat[i].ids))
    batches = (by_length[start : start + _BATCH] for start in range(0, len(flat), _BATCH))
    padded = ((batch, pad([flat[i].columns() for i in batch], inference.tokenizer.pad_id)) for batch in batches)
    scores = iter(forward(logits_of, padded, len(flat), device=inference.model.device))
    by_question = [[next(scores) for _ in windows_of_one] for windows_of_one in read]
    return [([start for start, _ in pairs], [end for _, end in pairs]) for pairs in by_question]


def _answer(span: BestSpan, passage: str) -> Answer:
    """Return the span as an answer, not yet compared with "no answer"."""
    margin = span.null - span.score
    # A tokenizer that strips accents ends a token before its marks.
    end = with_marks(passage, span.end)
    return Answer(passage[span.start : end], span.start, end, span.probability, False, margin)


def _at_threshold(answer: Answer, threshold: float) -> Answer:
    """Return "no answer" where that scores farther above the best span than the threshold, else the answer."""
    if answer.null_margin <= threshold and answer.answer:
        return answer
    return Answer("", -1, -1, 1 - answer.score, True, answer.null_margin)


def _best_threshold(answers: Sequence[Answer], targets: Sequence[TargetAnswer | None]) -> float:
    """Return the threshold with the best F1, or one that is never reached where every question has an answer."""
    from bertdemo.metrics import squad_f1

    if all(target is None or target.text for target in targets):
        return ALWAYS
    # What answering a question gains over "no answer", which is right (F1 of 1) where there is none.
    gains = sorted(
        (answer.null_margin, squad_f1.f1(answer.answer, target.text) - float(not target.text))
        for answer, target in zip(answers, targets, strict=True)
        if target is not None
    )
    best, total, chosen = 0.0, 0.0, (gains[0][0] - 1.0 if gains else 0.0)
    for margin, gain in gains:  # from answering nothing to answering everything
        total += gain
        if total > best:
            best, chosen = total, margin
    return float(chosen)


def _metric_arrays(answers: Sequence[Answer], targets: Sequence[Any]) -> dict[str, dict[str, list[float]]]:
    """Return metric -> its arguments, one value per row."""
    from bertdemo.metrics import squad_f1

    texts = [(answer.answer, target.text) for answer, target in zip(answers, targets, strict=True)]
    return {
        "f1": {"overlaps": [squad_f1.f1(a, b) for a, b in texts]},
        "exact_match": {"matches": [squad_f1.exact(a, b) for a, b in texts]},
    }
