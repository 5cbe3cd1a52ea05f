"""The field's terms, one line each: marked where a text first uses them, and as a list.

A marked term shows its line on hover, on keyboard focus and on tap, by style sheet alone (`.bd-term` in page.css).
"""

from __future__ import annotations

import re
from functools import cache

from bertdemo.i18n.translation import normalize, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, root

# In the order of the list: from the text to the result. Each has `glossary.<id>.term` and `glossary.<id>.text`.
TERMS = (
    "token", "vocabulary", "cls", "sep", "mask", "unk", "embedding", "hidden_size", "layer", "attention_head",
    "query_key_value", "task_head", "logit", "softmax", "pretraining", "fine_tuning", "linear_probe", "checkpoint",
    "epoch", "batch", "learning_rate", "warmup", "weight_decay", "overfitting", "validation_set", "test_set",
    "accuracy", "precision", "recall", "f1", "macro_f1", "micro_f1", "confidence_interval",
)  # fmt: skip


class Glossary:
    """Marks terms in the texts of one drawing: each term once, in the text that uses it first."""

    def __init__(self, lang: str) -> None:
        self._lang = normalize(lang)
        self._marked: set[str] = set()

    def mark(self, text: str) -> str:
        """Return a text as HTML, with the terms in it that were not marked before."""
        parts, end = [], 0
        for found in _pattern(self._lang).finditer(text):
            term = str(found.lastgroup)
            if term in self._marked:
                continue
            self._marked.add(term)
            parts += [esc(text[end : found.start()]), _marked(term, found[0], self._lang)]
            end = found.end()
        return join([*parts, esc(text[end:])])


def glossed(text: str, lang: str) -> str:
    """Return a text as HTML, with the first occurrence of each term marked."""
    return Glossary(lang).mark(text)


def render_glossary(lang: str) -> str:
    """Draw all terms with their lines."""
    rows = join(
        f"<div><dt>{esc(translate(lang, f'glossary.{term}.term'))}</dt>"
        f"<dd>{esc(translate(lang, f'glossary.{term}.text'))}</dd></div>"
        for term in TERMS
    )
    return root(f'<dl class="bd-glossary">{rows}</dl>')


def _marked(term: str, written: str, lang: str) -> str:
    line = esc(translate(lang, f"glossary.{term}.text"))
    # The line is twice in the element: for those who see it, drawn by the style sheet, and for those who hear it.
    return f'<dfn class="bd-term" tabindex="0" data-tip="{line}" aria-description="{line}">{esc(written)}</dfn>'


@cache
def _pattern(lang: str) -> re.Pattern[str]:
    """Return one pattern for all terms, with a group named after each; a longer term goes before one inside it."""
    names = sorted(((translate(lang, f"glossary.{term}.term"), term) for term in TERMS), key=lambda pair: -len(pair[0]))
    return re.compile("|".join(f"(?P<{term}>{_written(name, lang)})" for name, term in names), re.IGNORECASE)


def _written(name: str, lang: str) -> str:
    """Return the pattern of one term as a sentence has it: in English a whole word, of one or several."""
    plain = re.escape(name)
    if lang == "zh":
        return plain
    return plain if name.startswith("[") else rf"(?<![\w-]){plain}(?:e?s)?(?![\w-])"
