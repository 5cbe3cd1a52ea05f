"""Answers as parts of a passage: windows over a long one, and the best legal span of all windows.

A window is [CLS] question [SEP] part of the passage [SEP]. Windows overlap, so that no answer is cut in every one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bertdemo.checkpoints.tokenizers import SharedTokenizer

    Floats = NDArray[np.float64]

OVERLAP = 128
"""Pieces that two neighboring windows share, where they are long enough (as Devlin et al. 2019 do for SQuAD)."""
MOST_QUESTION = 64
MOST_ANSWER = 30
"""Pieces of an answer at most."""


@dataclass(frozen=True)
class Window:
    """One sequence that the model reads; `offsets` are code points of the passage, None outside it."""

    ids: list[int]
    type_ids: list[int]
    offsets: list[tuple[int, int] | None]

    def places(self, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last position of an answer, (0, 0) where this window does not hold all of it."""
        first = next((at for at, span in enumerate(self.offsets) if span and span[0] <= start < span[1]), 0)
        last = next((at for at, span in enumerate(self.offsets) if span and span[0] < end <= span[1]), 0)
        return (first, last) if first and last >= first else (0, 0)


def windows(tokenizer: SharedTokenizer, question: str, passage: str, max_length: int) -> list[Window]:
    """Return all windows of one question over its passage; at least one, even where the passage is empty."""
    asked, read = tokenizer.encode(question), tokenizer.encode(passage)
    first, last = asked.ids[0], asked.ids[-1]
    own = _text_only(asked.ids, asked.sequence_ids)[: min(MOST_QUESTION, max(1, max_length // 2))]
    head = [first, *own, last]  # [CLS] question [SEP]
    # An encoding makes its lists anew at each look, so each is taken once.
    pieces = list(
        zip(_text_only(read.ids, read.sequence_ids), _text_only(read.offsets, read.sequence_ids), strict=True)
    )
    room = max(1, max_length - len(head) - 1)
    step = room - min(OVERLAP, room // 2)
    found = []
    for start in range(0, max(1, len(pieces)), step):
        part = pieces[start : start + room]
        offsets: list[tuple[int, int] | None] = [None] * len(head)
        offsets += [(begin, end) for _, (begin, end) in part]
        ids = [*head, *(piece for piece, _ in part), last]
        found.append(Window(ids, [0] * len(head) + [1] * (len(part) + 1), [*offsets, None]))
        if start + room >= len(pieces):
            break
    return found


def _text_only(values: Sequence[Any], sequences: Sequence[int | None]) -> list[Any]:
    """Leave out what belongs to special pieces."""
    return [value for value, sequence in zip(values, sequences, strict=True) if sequence is not None]


@dataclass(frozen=True)
class Found:
    """The best span of a passage: code points, its score, that of [CLS] ("no answer"), its share of all spans."""

    start: int
    end: int
    score: float
    null: float
    probability: float


def best_span(starts: Sequence[Floats], ends: Sequence[Floats], read: Sequence[Window]) -> Found:
    """Return the legal span with the highest start + end over all windows, and the lowest score of "no answer".

    A span is legal where both ends are in one window's passage, the end is not before the start, and it has at most
    MOST_ANSWER pieces. Of equal ones the first counts. The probability is the softmax over all of them and "no
    answer".
    """
    import numpy as np
    from scipy.special import logsumexp

    best, place, null, logs = -np.inf, (0, 0), np.inf, []
    for start, end, window in zip(starts, ends, read, strict=True):
        null = min(null, float(start[0] + end[0]))
        scores, places = legal(start, end, window)
        if not len(scores):
            continue
        top = int(scores.argmax())
        logs.append(scores)
        if scores[top] > best:
            first, last = window.offsets[places[top][0]] or (0, 0), window.offsets[places[top][1]] or (0, 0)
            best, place = float(scores[top]), (first[0], last[1])
    if not logs:
        return Found(0, 0, -np.inf, null, 0.0)
    everything = np.concatenate([*logs, [null]])
    share = float(np.exp(best - logsumexp(everything)))
    return Found(*place, best, null, share)


def legal(start: Floats, end: Floats, window: Window) -> tuple[Floats, NDArray[np.int64]]:
    """Return the score of every legal span of a window, and its (first, last) positions."""
    import numpy as np

    inside = np.array([at for at, span in enumerate(window.offsets) if span is not None], dtype=np.int64)
    if not len(inside):
        return np.zeros(0), np.zeros((0, 2), dtype=np.int64)
    first, last = np.meshgrid(inside, inside, indexing="ij")
    allowed = (last >= first) & (last < first + MOST_ANSWER)
    places = np.stack([first[allowed], last[allowed]], 1)
    return start[places[:, 0]] + end[places[:, 1]], places


def padded(read: Sequence[Window], pad_id: int) -> dict[str, Any]:
    """Return the windows as tensors of (windows, longest)."""
    from bertdemo.tasks.forward import pad

    return pad(
        [{"input_ids": one.ids, "attention_mask": [1] * len(one.ids), "token_type_ids": one.type_ids} for one in read],
        pad_id,
    )


def in_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield indices of similar length, `size` at a time."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for start in range(0, len(order), size):
        yield order[start : start + size]
