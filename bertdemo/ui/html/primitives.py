"""The drawing primitives of the page: strings and numbers in, HTML out.

Every string that comes in is escaped here; an argument named `*_html` must come from a function of this package.
Color is never the only sign: there is always a word, a line style or a shape beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from bertdemo.ui.html.escape import esc

Level = Literal["pass", "warn", "fail"]
Look = Literal["word", "continues", "special", "unknown"]
# (start, end, label, remark) of a span of a text, in code points.
Marked = tuple[int, int, str, str]


def join(parts: Iterable[str]) -> str:
    """Concatenate finished parts of HTML."""
    return "".join(parts)


def root(html: str, kind: str = "") -> str:
    """Wrap a finished picture in the element that sets the font and the colors; `kind` is a further class."""
    return f'<div class="bd {esc(kind)}">{html}</div>'


def short(text: str, most: int) -> str:
    """Return the beginning of a text, at most `most` characters with the "…" that says so."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def row_numbers(rows: Sequence[int], total: int, most: int) -> str:
    """Write the first `most` of `total` row numbers, without thousands separators, which would look like commas."""
    return ", ".join(map(str, rows[:most])) + (" …" if total > most else "")


# --- words and lines ----------------------------------------------------------------------------------------


def heading(text: str, small: str = "") -> str:
    """Draw a heading, with a quieter remark on the same line."""
    return f'<h2 class="bd-h">{esc(text)}{f"<small>{esc(small)}</small>" if small else ""}</h2>'


def note(text: str, write: Callable[[str], str] = esc) -> str:
    """Draw a remark beside a picture: how to read it, and its limits; for `write` see `facts`."""
    return f'<p class="bd-note">{write(text)}</p>'


def caption(text: str) -> str:
    """Draw a quiet sentence under or over a picture."""
    return f'<p class="bd-caption">{esc(text)}</p>'


def banner(text: str, write: Callable[[str], str] = esc) -> str:
    """Draw a sentence that a person should not miss; for `write` see `facts`."""
    return f'<p class="bd-banner" role="note">{write(text)}</p>'


def check(text: str, held: bool = True) -> str:
    """Draw a check that passed (tick) or failed (cross)."""
    return f'<span class="bd-check {"held" if held else "broken"}">{"✓" if held else "✗"} {esc(text)}</span>'


def pill(text: str, strong: str = "", alive: bool = False) -> str:
    """Draw a small rounded label; `strong` is bold and comes before the text."""
    dot = '<span class="bd-dot" aria-hidden="true"></span>' if alive else ""
    return f'<span class="bd-pill">{dot}{f"<b>{esc(strong)}</b> " if strong else ""}{esc(text)}</span>'


def facts(items: Iterable[tuple[str, str, str]], write: Callable[[str], str] = esc) -> str:
    """Draw a line of counts; each item is (words before, number, words after), as `i18n.around` returns them.

    `write` makes HTML of the words, and escapes them: `Glossary.mark` where their terms are explained.
    """
    body = join(f"<span>{write(before)}<b>{esc(number)}</b>{write(after)}</span>" for before, number, after in items)
    return f'<div class="bd-facts">{body}</div>'


def key(items: Iterable[tuple[str, str]]) -> str:
    """Draw a legend; each item is (look, words), where the look is that of a chip or a color of the palette."""
    body = join(f'<span class="{esc(look)}"><i aria-hidden="true"></i>{esc(words)}</span>' for look, words in items)
    return f'<div class="bd-key">{body}</div>'


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    """Draw named values, each row (name, value), as a list."""
    body = join(f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>" for name, value in rows)
    return f'<dl class="bd-chosen">{body}</dl>'


def big(text: str, small: str = "") -> str:
    """Draw the headline of a result."""
    return f'<div class="bd-big">{esc(text)}{f" <small>{esc(small)}</small>" if small else ""}</div>'


# --- states -------------------------------------------------------------------------------------------------


def empty_state(text: str) -> str:
    """Draw an empty place with a sentence about what will be here."""
    return f'<div class="bd-state empty">{esc(text)}</div>'


def waiting_state(text: str) -> str:
    """Draw what is being done and how long it takes."""
    return f'<div class="bd-state waiting" role="status">{esc(text)}</div>'


def error_state(text: str) -> str:
    """Draw an error: what went wrong, where, and what to do."""
    return f'<div class="bd-state error" role="alert">{esc(text)}</div>'


def finding(level: Level, word: str, text: str, action: str = "", more_html: str = "") -> str:
    """Draw one finding: its level as a word, the sentence with its details below, and what can be done."""
    return (
        f'<div class="bd-finding {esc(level)}"><span class="bd-level">{esc(word)}</span>'
        f"<span>{esc(text)}{more_html}</span><span>{esc(action)}</span></div>"
    )


# --- tokens, bars and tables ----------------------------------------------------------------------------------


def chip(piece: str, under: str, look: Look, title: str, chosen: bool = False) -> str:
    """Draw one token: its text, its input ID below, and its meaning as a title for mouse and screen reader."""
    classes = f"bd-chip {look}{' chosen' if chosen else ''}"
    return (
        f'<span class="{classes}" role="listitem" title="{esc(title)}" aria-label="{esc(title)}">'
        f'<span class="bd-piece">{esc(piece)}</span><i>{esc(under)}</i></span>'
    )


BarKind = Literal["value", "accent", "compare"]


def bar(share: float, kind: BarKind = "value", label: str = "", full: float = 1.0) -> str:
    """Draw a horizontal bar of 0..1; one of full length stands for the share `full`."""
    # A meter, not a picture: a screen reader says its value.
    value, width = 100 * min(max(share, 0.0), 1.0), 100 * min(max(share / full, 0.0), 1.0)
    return (
        f'<span class="bd-bar {kind}" role="meter" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{value:.1f}" aria-label="{esc(label)}"><i style="width:{width:.1f}%"></i></span>'
    )


def bars(rows: Iterable[tuple[str, float, str]], full: float = 1.0) -> str:
    """Draw named bars below each other; each row is (name, share of 0..1, the number as text).

    A bar of full length stands for the share `full`.
    """
    body = join(
        f'<span class="name">{esc(name)}</span>{bar(share, label=name, full=full)}<span class="n">{esc(number)}</span>'
        for name, share, number in rows
    )
    return f'<div class="bd-bars">{body}</div>'


def histogram(
    counts: Sequence[tuple[int, int]], label: str, mark: int, mark_words: str, end_words: tuple[str, str]
) -> str:
    """Draw a histogram: each count is (end of its range, how many); the bars beyond `mark` are hollow.

    `label` describes it for a screen reader, `end_words` are at both ends of the axis, `mark_words` at the mark.
    """
    most = max((count for _, count in counts), default=0) or 1
    end = counts[-1][0] if counts else 1
    at = 100 * min(mark / end, 1.0)
    # At least 2% high, so that one text among thousands is still a bar that can be seen.
    heights = [(upto, max(100 * count / most, 2.0) if count else 0.0) for upto, count in counts]
    drawn = join(
        f'<i class="{"over" if upto > mark else "fits"}" style="height:{height:.1f}%"></i>' for upto, height in heights
    )
    side = "right" if at > 60 else "left"  # the words of the mark go to the side with more room
    return (
        f'<div class="bd-hist" role="img" aria-label="{esc(label)}"><div class="bars">{drawn}'
        f'<em class="{side}" style="left:{at:.1f}%"><b>{esc(mark_words)}</b></em></div>'
        f'<div class="axis"><span>{esc(end_words[0])}</span><span>{esc(end_words[1])}</span></div></div>'
    )


def spans(text: str, marks: Iterable[Marked], kind: Literal["", "del", "ins"] = "") -> str:
    """Draw a text with highlighted spans; of two that overlap only the first is drawn.

    `kind` says what the marks are of: words that were removed or added, "" for anything else.
    """
    parts, at = [], 0
    for start, end, label, remark in sorted(marks):
        if start < at:  # it overlaps the one before
            continue
        tag = f"<small>{esc(label)}{f' {esc(remark)}' if remark else ''}</small>" if label else ""
        parts.append(f"{esc(text[at:start])}<mark>{esc(text[start:end])}{tag}</mark>")
        at = end
    return f'<p class="bd-spans{f" {kind}" if kind else ""}" dir="auto">{join(parts)}{esc(text[at:])}</p>'


def around(text: str, marks: Iterable[Marked], kept: tuple[int, int], room: int) -> tuple[str, list[Marked]]:
    """Return about `room` characters of a long text around the span `kept`, and the marks in them, moved to fit.

    A third of the room is left before the span; words are not cut in two where there are spaces.
    """
    start, end = kept
    if len(text) <= room:
        return text, list(marks)
    # The end of the span wins over the room: an answer is never cut.
    first = max(0, min(start - room // 3, len(text) - room))
    last = min(len(text), max(first + room, end))
    if first:
        space = text.find(" ", first, start)
        first = space + 1 if space >= 0 else first
    if last < len(text):
        space = text.rfind(" ", end, last)
        last = space if space >= 0 else last
    head, tail = ("… " if first else ""), (" …" if last < len(text) else "")
    shift = len(head) - first
    inside = [(a + shift, b + shift, label, remark) for a, b, label, remark in marks if first <= a and b <= last]
    return head + text[first:last] + tail, inside


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = (), mono: Sequence[int] = ()
) -> str:
    """Draw a table that scrolls inside its own box; `numeric` columns are aligned right, `mono` ones monospaced."""

    def classes(column: int) -> str:
        names = [name for name, columns in (("n", numeric), ("mono", mono)) if column in columns]
        return f' class="{" ".join(names)}"' if names else ""

    head = join(f'<th scope="col"{classes(i)}>{esc(text)}</th>' for i, text in enumerate(headers))
    body = join(
        "<tr>" + join(f"<td{classes(i)}>{esc(cell)}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    # In the Tab order, so that the keyboard can scroll it.
    return (
        f'<div class="bd-scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
