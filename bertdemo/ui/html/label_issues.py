"""Likely label errors as a list to read and tick, and the changes that were made because of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.analysis.label_issue_search import Listed, Looked
from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, empty_state, join, note, root, row_numbers, short

# Rows of the list; the next ones follow when these are decided.
SHOWN = 50
# Characters of a text in the list.
_TEXT_CHARS = 180
# Row numbers that are written out below it.
_ROWS = 20


def render_suspects(looked: Looked, left: Sequence[Listed], lang: str) -> str:
    """Draw how the search was done, then the first rows of `left`, the label issues that are not decided yet.

    Each row is a checkbox with its row number in the file as `data-row`; `[data-tick]` buttons tick all or none of
    them, and `[data-count]` holds how many are ticked: the page's script does both.
    """
    if not looked.rows:
        return root(empty_state(translate(lang, "suspects.too_few")), "bd-suspects")
    if not looked.found:
        none = plural(lang, "suspects.none", looked.rows)
        return root(empty_state(none) + join(map(caption, _about(looked, lang))), "bd-suspects")
    count = plural(lang, "suspects.found", len(looked.found), rows=thousands(looked.rows))
    parts = [f'<p class="bd-found">{esc(count)}</p>', *map(caption, _about(looked, lang))]
    if not left:
        return root(join([*parts, empty_state(translate(lang, "suspects.all_done"))]), "bd-suspects")
    first = left[:SHOWN]
    parts += [note(translate(lang, "suspects.read")), _ticking(len(first), len(left), lang)]
    body = join(_item(row, lang) for row in first)
    label = esc(translate(lang, "suspects.list"))
    return root(
        f'{join(parts)}<ul class="bd-suspect-list" tabindex="0" aria-label="{label}">{body}</ul>', "bd-suspects"
    )


def render_relabels(relabel: Mapping[str, str], lang: str) -> str:
    """Draw what was changed by hand (row number -> new label), and in which rows of the file."""
    if not relabel:
        return ""
    rows = row_numbers(sorted(map(int, relabel)), len(relabel), _ROWS)
    sentence = translate(lang, "suspects.did", what=relabel_words(relabel, lang), rows=rows)
    return root(f'<p class="bd-caption" role="status">{esc(sentence)}</p>')


def relabel_words(relabel: Mapping[str, str], lang: str) -> str:
    """Return in words how many labels were changed and how many rows left out (those whose new label is "")."""
    left_out = sum(label == "" for label in relabel.values())
    counts = (("changed", len(relabel) - left_out), ("left_out", left_out))
    return translate(lang, "suspects.and").join(plural(lang, f"suspects.{name}", n) for name, n in counts if n)


def _about(looked: Looked, lang: str) -> list[str]:
    """Return how the search was done, on which part of the rows, and which labels were left out."""
    lines = [translate(lang, "suspects.how", model=looked.model)]
    if looked.rows + looked.rare_rows < looked.usable:
        values = {"rows": thousands(looked.rows), "usable": thousands(looked.usable)}
        lines.append(translate(lang, "suspects.sampled", **values))
    if looked.rare_labels:
        rows = plural(lang, "data.rows", looked.rare_rows)
        lines.append(plural(lang, "suspects.rare", looked.rare_labels, rows=rows))
    return lines


def _ticking(listed: int, open_issues: int, lang: str) -> str:
    buttons = join(
        f'<button type="button" class="bd-link" data-tick="{kind}">{esc(translate(lang, f"suspects.{key}"))}</button>'
        for kind, key in (("all", "all"), ("none", "clear"))
    )
    # NUL marks the place of the count, which the page's script keeps up to date.
    before, _, after = translate(lang, "suspects.ticked", n="\x00", shown=thousands(listed)).partition("\x00")
    counted = f'<span role="status">{esc(before)}<b data-count>0</b>{esc(after)}</span>'
    worst = caption(translate(lang, "suspects.worst", shown=thousands(listed), n=thousands(open_issues)))
    return f'{worst if listed < open_issues else ""}<p class="bd-ticking">{counted}{buttons}</p>'


def _item(listed: Listed, lang: str) -> str:
    issue, text = listed.issue, short(listed.text, _TEXT_CHARS)
    row = esc(translate(lang, "suspects.row", n=thousands(listed.number)))
    # The probabilities of the label in the data and of the suggested one.
    current, suggested = percent(issue.given_probability, 0), percent(issue.suggested_probability, 0)
    # No-break spaces keep each label and its probability on one line.
    return (
        f'<li><label><input type="checkbox" data-row="{listed.number}"><span class="bd-suspect">'
        f'<span class="bd-suspect-labels"><s>{esc(issue.given)}</s>&nbsp;<small>{esc(current)}</small>'
        f'<i aria-hidden="true"> → </i><b>{esc(issue.suggested)}</b>&nbsp;<small>{esc(suggested)}</small></span>'
        f'<small class="bd-suspect-row">{row}</small><q>{esc(text)}</q></span></label></li>'
    )
