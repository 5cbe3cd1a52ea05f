"""The parts that answers are drawn of: ranked labels, a scale, a text that was changed, a sentence filled in.

Strings and numbers in, HTML out, as in `primitives`: every string is escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bertdemo.i18n.translation import percent, plural, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import Marked, join, spans

# Labels above the fold: with five, before and after are seen beside each other without scrolling.
SHOWN_LABELS = 5
# So many more are not folded: a fold with one or two labels in it is longer than they are.
_NOT_WORTH_A_FOLD = 2
# Characters of a headline from which on it is set smaller, so that a long label has two or three lines.
_LONG_HEADLINE = 24
# Characters of a text up to which its changes are marked: comparing texts takes time that grows with the square.
_COMPARED_CHARS = 4000
# A Chinese character, a word, white space, or a mark.
_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|\s+|[^\w\s]|_")
_MASK = "[MASK]"


@dataclass(frozen=True)
class RankedLabel:
    """One label with its probability of 0..1, as it is drawn."""

    label: str
    score: float
    chosen: bool = False
    # Where on the bar the label's own threshold is; None where it has none.
    threshold: float | None = None


def breakable(text: str) -> str:
    """Escape a label; a line may break behind the marks that join its words, never inside a word."""
    return re.sub(r"(?<=[_/.:\-])(?=\w)", "<wbr>", esc(text))


def headline(text: str, small: str = "") -> str:
    """Draw the answer itself, large, with a quieter remark behind it."""
    size = " long" if len(text) > _LONG_HEADLINE else ""
    return f'<div class="bd-big{size}">{breakable(text)}{f" <small>{esc(small)}</small>" if small else ""}</div>'


def ranked(labels: Sequence[RankedLabel], lang: str, full: float = 1.0, chance: float | None = None) -> str:
    """Draw labels, most probable first, each above its bar, and fold all but the best.

    A bar that is as long as the line stands for the probability `full`; `chance` is marked on every bar.
    """
    shown = len(labels) if len(labels) <= SHOWN_LABELS + _NOT_WORTH_A_FOLD else SHOWN_LABELS
    rows = join(
        _ranked_row(item, full, chance if item.threshold is None else item.threshold) for item in labels[:shown]
    )
    return f'<div class="bd-bars stacked">{rows}</div>{_folded(labels[shown:], lang)}'


def _ranked_row(item: RankedLabel, full: float, mark: float | None) -> str:
    width, probability = 100 * min(item.score / full, 1.0) if full else 0.0, 100 * item.score
    tick = "" if mark is None else f'<em style="left:{100 * min(mark / full, 1.0):.1f}%"></em>'
    return (
        f'<div class="row{" chosen" if item.chosen else ""}">'
        f'<span class="name">{breakable(item.label)}{" ✓" if item.chosen else ""}</span>'
        f'<span class="n">{percent(item.score)}</span>'
        f'<span class="bd-bar value" role="meter" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{probability:.1f}" aria-label="{esc(item.label)}">'
        f'<i style="width:{width:.1f}%"></i>{tick}</span></div>'
    )


def chance_legend(words: str) -> str:
    """Draw what the mark on the bars stands for."""
    return f'<p class="bd-tick-legend"><em aria-hidden="true"></em>{esc(words)}</p>'


def _folded(labels: Sequence[RankedLabel], lang: str) -> str:
    """Draw the labels below the best ones as a folded list without bars."""
    if not labels:
        return ""
    rows = join(f"<li><span>{breakable(item.label)}</span><b>{percent(item.score)}</b></li>" for item in labels)
    summary = esc(plural(lang, "predict.more_labels", len(labels)))
    return f'<details class="bd-rest" data-keep="rest"><summary>{summary}</summary><ol>{rows}</ol></details>'


def scale(value: float, low: float, high: float, label: str) -> str:
    """Draw a number as a point on a line from `low` to `high`, with both ends named."""
    at = 100 * min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    return (
        f'<div class="bd-scale" role="meter" aria-valuemin="{low:g}" aria-valuemax="{high:g}" '
        f'aria-valuenow="{value:.3f}" aria-label="{esc(label)}"><span class="line"><i style="width:{at:.1f}%"></i>'
        f'<b style="left:{at:.1f}%"></b></span>'
        f'<span class="ends"><span>{low:g}</span><span>{high:g}</span></span></div>'
    )


def changes(source: str, output: str) -> tuple[list[Marked], list[Marked]]:
    """Return the spans of `source` that are not in `output`, and those of `output` that are not in `source`.

    Words are compared without their case, which an uncased model does not write.
    """
    if not output.strip() or len(source) + len(output) > _COMPARED_CHARS:
        return [], []
    old, new = ([match for match in _WORDS.finditer(text) if not match[0].isspace()] for text in (source, output))
    matcher = SequenceMatcher(None, [m[0].casefold() for m in old], [m[0].casefold() for m in new], autojunk=False)
    removed, added = [], []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        if old_end > old_start:
            removed.append((old[old_start].start(), old[old_end - 1].end(), "", ""))
        if new_end > new_start:
            added.append((new[new_start].start(), new[new_end - 1].end(), "", ""))
    return removed, added


def filled_in(text: str, tokens: Sequence[str]) -> str:
    """Draw a text with a token in the place of each [MASK], marked; "" where their numbers differ."""
    parts = text.split(_MASK)
    if len(parts) != len(tokens) + 1:
        return ""
    filled = parts[0]
    marks: list[Marked] = []
    for number, (token, part) in enumerate(zip(tokens, parts[1:], strict=True), 1):
        name = str(number) if len(tokens) > 1 else ""
        marks.append((len(filled), len(filled) + len(token), name, ""))
        filled += token + part
    return spans(filled, marks)


def key_of_changes(lang: str) -> str:
    """Draw the legend of `changes`."""
    removed, added = (esc(translate(lang, f"predict.{name}")) for name in ("removed", "added"))
    return f'<p class="bd-changes"><del>{removed}</del><ins>{added}</ins></p>'
