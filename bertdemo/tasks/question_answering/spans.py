"""Answers as spans of a passage: windows over a long passage, and the best legal span of all windows.

A window is [CLS] question [SEP] part of the passage [SEP]. Windows overlap, so that no answer is cut in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    Floats = NDArray[np.float64]

# Tokens that two neighboring windows share, where they are long enough; the most tokens of a question and of an answer:
# the defaults of run_squad.py, the SQuAD script of Devlin et al. 2019.
OVERLAP = 128
MOST_QUESTION = 64
MOST_ANSWER = 30

T = TypeVar("T")


@dataclass(frozen=True)
class Window:
    """One sequence that the model reads; `offsets` are code points of the passage, None outside it."""

    ids: list[int]
    type_ids: list[int]
    offsets: list[tuple[int, int] | None]

    def positions(self, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last token of an answer, (0, 0) where this window does not hold all of it."""
        first = next((at for at, span in enumerate(self.offsets) if span and span[0] <= start < span[1]), 0)
        last = next((at for at, span in enumerate(self.offsets) if span and span[0] < end <= span[1]), 0)
        return (first, last) if first and last >= first else (0, 0)

    def columns(self) -> dict[str, list[int]]:
        """Return what BERT reads of it."""
        return {"input_ids": self.ids, "attention_mask": [1] * len(self.ids), "token_type_ids": self.type_ids}


def windows(tokenizer: SharedTokenizer, question: str, passage: str, max_length: int) -> list[Window]:
    """Return all windows of one question over its passage; at least one, even where the passage is empty."""
    encoded_question, encoded_passage = tokenizer.encode(question), tokenizer.encode(passage)
    question_ids, passage_sequences = encoded_question.ids, encoded_passage.sequence_ids
    cls_id, sep_id = question_ids[0], question_ids[-1]
    most = min(MOST_QUESTION, max(1, max_length // 2))  # the passage gets half of a short window or more
    head = [cls_id, *_text_only(question_ids, encoded_question.sequence_ids)[:most], sep_id]
    # An encoding makes its lists anew at each access, so each is taken once.
    passage_ids = _text_only(encoded_passage.ids, passage_sequences)
    spans = _text_only(encoded_passage.offsets, passage_sequences)
    room = max(1, max_length - len(head) - 1)
    step = room - min(OVERLAP, room // 2)
    result = []
    for start in range(0, max(1, len(passage_ids)), step):
        part = slice(start, start + room)
        ids = [*head, *passage_ids[part], sep_id]
        type_ids = [0] * len(head) + [1] * (len(ids) - len(head))
        result.append(Window(ids, type_ids, [*[None] * len(head), *spans[part], None]))
        if start + room >= len(passage_ids):
            break
    return result


def _text_only(values: Sequence[T], sequences: Sequence[int | None]) -> list[T]:
    """Return the values without those of special tokens."""
    return [value for value, sequence in zip(values, sequences, strict=True) if sequence is not None]


@dataclass(frozen=True)
class BestSpan:
    """The best span of a passage: code points, its score, that of [CLS] ("no answer"), and its probability."""

    start: int
    end: int
    score: float
    null: float
    probability: float


def best_span(starts: Sequence[Floats], ends: Sequence[Floats], windows: Sequence[Window]) -> BestSpan:
    """Return the legal span with the highest start + end logit over all windows, and the lowest score of "no answer".

    A span is legal where both ends are in one window's passage, the end is not before the start, and it has at most
    MOST_ANSWER tokens. Of equal scores the first counts. The probability is the softmax over all legal spans and "no
    answer".
    """
    import numpy as np
    from scipy.special import logsumexp

    best, span, null, legal_scores = -np.inf, (0, 0), np.inf, []
    for start, end, window in zip(starts, ends, windows, strict=True):
        # A window without the answer favors "no answer", so the window that favors it least decides.
        null = min(null, float(start[0] + end[0]))
        scores, positions = legal_spans(start, end, window)
        if not len(scores):
            continue
        top = int(scores.argmax())
        legal_scores.append(scores)
        if scores[top] > best:
            first, last = (window.offsets[position] or (0, 0) for position in positions[top])
            best, span = float(scores[top]), (first[0], last[1])
    if not legal_scores:
        return BestSpan(0, 0, -np.inf, null, 0.0)
    total = logsumexp(np.concatenate([*legal_scores, [null]]))
    return BestSpan(*span, best, null, float(np.exp(best - total)))


def legal_spans(start: Floats, end: Floats, window: Window) -> tuple[Floats, NDArray[np.int64]]:
    """Return the score of every legal span of a window, (spans,), and its first and last token, (spans, 2)."""
    import numpy as np

    inside = np.array([at for at, span in enumerate(window.offsets) if span is not None], dtype=np.int64)
    first, last = np.meshgrid(inside, inside, indexing="ij")  # (passage tokens, passage tokens) each
    legal = (last >= first) & (last < first + MOST_ANSWER)
    positions = np.stack([first[legal], last[legal]], 1)  # (spans, 2)
    return start[positions[:, 0]] + end[positions[:, 1]], positions
