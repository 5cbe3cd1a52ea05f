"""When two texts count as copies of each other."""

from __future__ import annotations


def fold_text(text: str) -> str:
    """Return what two texts have in common that differ in case and white space only."""
    return " ".join(text.split()).casefold()
