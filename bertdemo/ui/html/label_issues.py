"""Rows whose label is probably wrong, as a list to read and tick, and what was changed because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bertdemo.analysis.label_issue_search import Listed, Looked
from bertdemo.i18n.translation import percent, plural, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, empty_state, join, note, root

SHOWN = 50
_TEXT = 180
_ROWS = 20


def render_suspects(looked: Looked, left: Sequence[Listed], lang: str) -> str:
    """Draw what was looked at, then those of `left` (suspects that nothing was done about) that come first.

    Each row is a checkbox with its number in the file as `data-row`; `[data-tick]` buttons tick all or none of them,
    and `[data-count]` says how many are: the page's script does both.
    """
    if not looked.rows:
        return root(empty_state(translate(lang, "suspects.too_few")), "bd-suspects")
    if not looked.found:
        none = plural(lang, "suspects.none", looked.rows)
        return root(empty_state(none) + join(map(caption, _about(looked, lang))), "bd-suspects")
    found = plural(lang, "suspects.found", len(looked.found), rows=thousands(looked.rows))
    parts = [f'<p class="bd-found">{esc(found)}</p>', *map(caption, _about(looked, lang))]
    if not left:
        return root(join([*parts, empty_state(translate(lang, "suspects.all_done"))]), "bd-suspects")
    shown = left[:SHOWN]
    parts += [note(translate(lang, "suspects.read")), _ticking(len(shown), len(left), lang)]
    body = join(_item(one, lang) for one in shown)
    label = esc(translate(lang, "suspects.list"))
    return root(
        f'{join(parts)}<ul class="bd-suspect-list" tabindex="0" aria-label="{label}">{body}</ul>', "bd-suspects"
    )


def render_relabels(relabel: Mapping[str, str], lang: str) -> str:
    """Say what was changed by hand, and in which rows of the file."""
    if not relabel:
        return ""
    numbers = sorted(map(int, relabel))
    rows = ", ".join(map(str, numbers[:_ROWS])) + (" …" if len(numbers) > _ROWS else "")
    said = translate(lang, "suspects.did", what=relabel_words(relabel, lang), rows=rows)
    return root(f'<p class="bd-caption" role="status">{esc(said)}</p>')


def relabel_words(relabel: Mapping[str, str], lang: str) -> str:
    """Say how many labels were changed and how many rows left out."""
    out = sum(label == "" for label in relabel.values())
    changed = len(relabel) - out
    counts = (("changed", changed), ("left_out", out))
    return translate(lang, "suspects.and").join(plural(lang, f"suspects.{name}", n) for name, n in counts if n)


def _about(looked: Looked, lang: str) -> list[str]:
    """Say how it was looked, on which part of the rows, and what was passed over."""
    lines = [translate(lang, "suspects.how", model=looked.model)]
    if looked.rows + looked.rare_rows < looked.usable:
        values = {"rows": thousands(looked.rows), "usable": thousands(looked.usable)}
        lines.append(translate(lang, "suspects.sampled", **values))
    if looked.rare_labels:
        rows = plural(lang, "data.rows", looked.rare_rows)
        lines.append(plural(lang, "suspects.rare", looked.rare_labels, rows=rows))
    return lines


def _ticking(shown: int, left: int, lang: str) -> str:
    buttons = join(
        f'<button type="button" class="bd-link" data-tick="{kind}">{esc(translate(lang, f"suspects.{key}"))}</button>'
        for kind, key in (("all", "all"), ("none", "clear"))
    )
    before, _, after = translate(lang, "suspects.ticked", n="\x00", shown=thousands(shown)).partition("\x00")
    counted = f'<span role="status">{esc(before)}<b data-count>0</b>{esc(after)}</span>'
    worst = caption(translate(lang, "suspects.worst", shown=thousands(shown), n=thousands(left)))
    return f'{worst if shown < left else ""}<p class="bd-ticking">{counted}{buttons}</p>'


def _item(one: Listed, lang: str) -> str:
    issue = one.issue
    text = one.text if len(one.text) <= _TEXT else one.text[: _TEXT - 1] + "…"
    row = esc(translate(lang, "suspects.row", n=thousands(one.number)))
    given, suggested = percent(issue.given_probability, 0), percent(issue.suggested_probability, 0)
    return (
        f'<li><label><input type="checkbox" data-row="{one.number}"><span class="bd-suspect">'
        f'<span class="bd-suspect-labels"><s>{esc(issue.given)}</s>&nbsp;<small>{esc(given)}</small>'
        f'<i aria-hidden="true"> → </i><b>{esc(issue.suggested)}</b>&nbsp;<small>{esc(suggested)}</small></span>'
        f'<small class="bd-suspect-row">{row}</small><q>{esc(text)}</q></span></label></li>'
    )
