"""A few held-out rows of a run, as examples to try its checkpoint on: the model never learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.runs.evaluation import EvaluatedRow
from bertdemo.tasks.base import Task

# Examples that are offered: with three, each can have its own label and all are read at a glance.
EXAMPLES = 3
# Characters of a text that is preferred, because it can be read whole in its box.
_SHORT = 160
# A stored text of this length may be cut (`worker.result.STORED_TEXT`): what the model would read is another text.
_STORED = 2000


@dataclass(frozen=True)
class HeldOutRow:
    """What the model reads of one held-out row, and the true answer."""

    text: str
    pair: str
    truth: str


def examples(rows: Sequence[EvaluatedRow], task: Task) -> tuple[HeldOutRow, ...]:
    """Return up to three evaluated rows: of different labels where there are any, short texts first.

    They are chosen without a look at the predictions, so that a wrong answer is as likely as in the whole set.
    """
    whole = [row for row in rows if 0 < len(_text(row, "text")) < _STORED and len(_text(row, "pair")) < _STORED]
    by_length = sorted(whole, key=lambda row: len(_text(row, "text")) > _SHORT)
    seen: dict[str, int] = {}
    ranked = []
    for row in by_length:
        label = _text(row, "label")
        ranked.append((seen.get(label, 0), row))
        seen[label] = seen.get(label, 0) + 1
    best = [row for _, row in sorted(ranked, key=lambda pair: pair[0])[:EXAMPLES]]
    return tuple(HeldOutRow(*task.example(*(_text(row, name) for name in ("text", "pair", "label")))) for row in best)


def _text(row: EvaluatedRow, name: str) -> str:
    return str(row.get(name) or "")
