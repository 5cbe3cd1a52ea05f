"""Words in a cell that mean "no value": what programs write for a missing one, and words that may be labels too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from bertdemo.tasks.reading.marks import is_yes_or_no
from bertdemo.tasks.reading.names import name_set

# What only a program writes for a missing value.
_ARTIFACTS = name_set("nan <na> #n/a #na #null! #value! #ref! #name? #div/0! null (null) <null> nat \\n")
# Signs for "nothing here".
_SIGNS = name_set("- -- --- – — ? ?? . .. / * n/a")
# What a person may have written for a missing value, or as the name of a label: Namibia, no topic at all.
_WORDS = name_set(
    "na none nil unknown undefined unlabeled unlabelled missing tbd todo n.a. n.v. k.a. keine keiner kein "
    "leer unbekannt fehlt aucun aucune inconnu vide ninguno ninguna desconocido vacío nessuno "
    "无 未知 缺失 空 暂无 未标注 なし 不明 нет неизвестно"
)
# The number that data sets give to rows without a label, beside the numbers of at least so many classes from 0 on;
# with two classes it is more likely the negative one of -1, 0 and 1.
_NO_CLASS, _CLASSES = "-1", 3

Verdict = Literal["label", "missing", "doubtful"]


def is_artifact(cell: str | None) -> bool:
    """Return whether a cell holds what a program writes where a value is missing: nan, NULL, #N/A."""
    return bool(cell) and (cell or "").strip().casefold() in _ARTIFACTS


def means_no_value(cell: str) -> bool:
    """Return whether a cell may say that there is no value."""
    return cell.strip().casefold() in _ARTIFACTS | _SIGNS | _WORDS


def verdicts(counts: Mapping[str, int]) -> dict[str, Verdict]:
    """Return what each cell of a label column that may mean "no value" is; `counts` are the rows of all its cells.

    What a program writes is `missing`. A word or a sign that has as many rows as the smallest other label is
    `doubtful`: it stays a label. With fewer rows it is `missing`. Where nothing but such words is left they are labels.
    """
    if is_yes_or_no(counts):  # 无 beside 有, - beside +
        return {}
    others = {
        cell: rows for cell, rows in counts.items() if not means_no_value(cell) and not _is_no_class(cell, counts)
    }
    fewest = min(others.values(), default=0)
    found: dict[str, Verdict] = {}
    for cell, rows in counts.items():
        folded = cell.strip().casefold()
        if folded in _ARTIFACTS:
            found[cell] = "missing"
        elif folded in _SIGNS and _are_signs(others):
            found[cell] = "label"
        elif folded in _SIGNS and others:
            found[cell] = "missing"
        elif means_no_value(cell) or _is_no_class(cell, counts):
            found[cell] = "doubtful" if rows >= fewest else "missing"
    return found


def _are_signs(others: Collection[str]) -> bool:
    """Return whether the other labels are signs themselves: + beside -."""
    return bool(others) and any(not any(map(str.isalnum, cell)) for cell in others)


def _is_no_class(cell: str, counts: Mapping[str, int]) -> bool:
    others = counts.keys() - {cell}
    classes = {str(number) for number in range(len(others))}
    return (
        cell == _NO_CLASS
        and len(others) >= _CLASSES
        and others == classes
        and counts[cell] < min(counts[other] for other in others)
    )
