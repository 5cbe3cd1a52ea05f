"""A few held-out rows of a run, from which its model never learns: to watch while it trains, and to try it on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.runs.evaluation import EvaluatedRow
from bertdemo.tasks.base import Task

# Examples that are offered: with three, each can have its own label and all are read at a glance.
EXAMPLES = 3
# Characters of a text that is preferred, because it can be read whole where it is shown.
SHORT = 160
# A stored text of this length may be cut (`worker.result.STORED_TEXT`): what the model would read is another text.
_STORED = 2000


@dataclass(frozen=True)
class HeldOutRow:
    """What the model reads of one held-out row, and the true answer."""

    text: str
    pair: str
    truth: str


def varied(texts: Sequence[str], labels: Sequence[str], count: int) -> list[int]:
    """Return the indices of up to `count` rows: of as many labels as there are, short texts first."""
    by_length = sorted(range(len(texts)), key=lambda at: len(texts[at]) > SHORT)
    rank: dict[int, int] = {}  # how many rows of the same label come before
    seen: Counter[str] = Counter()
    for at in by_length:
        rank[at] = seen[labels[at]]
        seen[labels[at]] += 1
    return sorted(by_length, key=rank.__getitem__)[:count]


def examples(rows: Sequence[EvaluatedRow], task: Task) -> tuple[HeldOutRow, ...]:
    """Return up to three evaluated rows: of different labels where there are any, short texts first.

    They are chosen without a look at the predictions, so that a wrong answer is as likely as in the whole set.
    """
    whole = [row for row in rows if 0 < len(_text(row, "text")) < _STORED and len(_text(row, "pair")) < _STORED]
    texts, labels = ([_text(row, name) for row in whole] for name in ("text", "label"))
    best = [whole[at] for at in varied(texts, labels, EXAMPLES)]
    return tuple(HeldOutRow(*task.example(*(_text(row, name) for name in ("text", "pair", "label")))) for row in best)


def _text(row: EvaluatedRow, name: str) -> str:
    return str(row.get(name) or "")
