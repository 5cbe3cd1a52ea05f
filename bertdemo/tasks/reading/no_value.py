"""Words in a cell that mean "no value": what programs write for a missing one, and words that may be labels too."""

from __future__ import annotations

from bertdemo.tasks.reading.names import name_set

# What only a program writes for a missing value.
_ARTIFACTS = name_set("nan <na> #n/a #na #null! #value! #ref! #name? #div/0! null (null) <null> nat \\n")
# Signs for "nothing here". `-` is a label beside `+`.
_SIGNS = name_set("- -- --- – — ? ?? . .. / * n/a")
# What a person may have written for a missing value, or as the name of a label: Namibia, no topic at all.
_WORDS = name_set(
    "na none nil unknown undefined unlabeled unlabelled missing tbd todo n.a. n.v. k.a. keine keiner kein "
    "leer unbekannt fehlt aucun aucune inconnu vide ninguno ninguna desconocido vacío nessuno 无 未知 缺失 空 "
    "暂无 未标注 なし 不明 нет неизвестно"
)


def is_artifact(cell: str | None) -> bool:
    """Return whether a cell holds what a program writes where a value is missing: nan, NULL, #N/A."""
    return bool(cell) and (cell or "").strip().casefold() in _ARTIFACTS


def is_sign(cell: str) -> bool:
    """Return whether a cell holds a sign for "nothing here": -, ?, n/a."""
    return cell.strip().casefold() in _SIGNS


def is_word(cell: str) -> bool:
    """Return whether a cell holds a word that means "no value" and may be the name of a label too: None, NA."""
    return cell.strip().casefold() in _WORDS
