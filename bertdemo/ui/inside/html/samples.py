"""The sentences that the tab begins with, and the examples of one press."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.ui.page import SAMPLES


@dataclass(frozen=True)
class Example:
    """A text, and a second one where the example is a pair."""

    text: str
    pair: str = ""


def sample(name: str, lang: str) -> str:
    """Return a sentence to begin with, in the language that a checkpoint reads: the text, a second, an unrelated."""
    return SAMPLES[lang] if name == "text" else translate(DEFAULT, f"inside.sample.{lang}.{name}")


def examples() -> dict[str, Example]:
    """Return the examples by name, in the order of the page."""
    return {
        "violin": Example(SAMPLES["en"]),
        "bank": Example(translate(DEFAULT, "inside.sample.en.bank")),
        "pair": Example(SAMPLES["en"], sample("second", "en")),
        "chinese": Example(SAMPLES["zh"]),
    }
