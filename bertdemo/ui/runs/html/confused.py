"""The pairs of labels that a model confuses, each with its texts, which a press shows in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.runs.evaluation import Confusion, Evaluation, Mistake
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, join, short

# Pairs at once: with labels that take two lines each, seven fit into a first window of 900 pixels.
_SHOWN = 7
# Pairs that are drawn at all, and texts of one; the CSV file has all pairs, that of the mistakes all texts.
_MOST_PAIRS, _MOST_TEXTS = 100, 12
_TEXT_CHARS = 240
# A pair of labels of more characters than this takes two lines.
_ONE_LINE = 44


def draw_confused(evaluation: Evaluation, lang: str) -> str:
    """Draw the most frequent pairs; the others are folded."""
    pairs = evaluation.confusions
    if not pairs:
        return caption(translate(lang, "result.no_mistakes"))
    texts = _texts_by_pair(evaluation.mistakes)
    long = max(len(pair.true) + len(pair.predicted) for pair in pairs[:_MOST_PAIRS]) > _ONE_LINE
    drawn = [_pair(pair, texts.get((pair.true, pair.predicted), ()), lang) for pair in pairs[:_MOST_PAIRS]]
    look = "bd-pairs tall" if long else "bd-pairs"
    head = _head(lang)
    first = f'<div class="{look}">{head}{join(drawn[:_SHOWN])}</div>'
    if len(pairs) <= _SHOWN:
        return first
    title = plural(lang, "result.all_pairs", len(pairs))
    bound = ""
    if len(pairs) > _MOST_PAIRS:
        words = translate(lang, "result.pairs_bound", shown=thousands(_MOST_PAIRS), n=thousands(len(pairs)))
        bound = caption(words)
    rest = f'<div class="{look}">{join(drawn[_SHOWN:])}</div>{bound}'
    return f'{first}<details class="bd-all-pairs"><summary>{esc(title)}</summary>{rest}</details>'


def pair_cells(evaluation: Evaluation, lang: str) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of all pairs as a file."""
    header = [translate(lang, f"result.{name}").lower() for name in ("true", "predicted", "column.rows")]
    return header, [[pair.true, pair.predicted, str(pair.rows)] for pair in evaluation.confusions]


def _head(lang: str) -> str:
    names = ("result.column.rows", "result.true", "result.predicted")
    return f'<p class="head">{join(f"<span>{esc(translate(lang, name))}</span>" for name in names)}</p>'


def _pair(pair: Confusion, mistakes: Sequence[Mistake], lang: str) -> str:
    items = join(_text(mistake, lang) for mistake in mistakes[:_MOST_TEXTS])
    if len(mistakes) > _MOST_TEXTS:
        items += f"<li>{esc(translate(lang, 'common.more', n=thousands(len(mistakes) - _MOST_TEXTS)))}</li>"
    true, predicted = esc(pair.true), esc(pair.predicted)
    return (
        f'<details class="bd-confused"><summary><b class="n">{thousands(pair.rows)}</b>'
        f'<span class="true" title="{true}">{true}</span>'
        f'<span class="predicted" title="{predicted}"><i aria-hidden="true">→ </i>{predicted}</span>'
        f"</summary><ul>{items}</ul></details>"
    )


def _text(mistake: Mistake, lang: str) -> str:
    texts = join(f"<q>{esc(short(text, _TEXT_CHARS))}</q> " for text in (mistake.text, mistake.pair) if text)
    sure = "" if mistake.degree.kind != "confidence" else f" · {percent(mistake.degree.value, 0)}"
    line = esc(translate(lang, "result.line", row=thousands(mistake.row)))
    return f"<li>{texts}<small>{line}{esc(sure)}</small></li>"


def _texts_by_pair(mistakes: Sequence[Mistake]) -> Mapping[tuple[str, str], list[Mistake]]:
    texts: dict[tuple[str, str], list[Mistake]] = {}
    for mistake in mistakes:
        texts.setdefault((mistake.label, mistake.predicted), []).append(mistake)
    return texts
