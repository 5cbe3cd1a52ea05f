"""The input as pictures: tokens and WordPiece's attempts, what BERT added, embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bertdemo.i18n.translation import plural, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.pictures import grid, largest, more, strip, subtitle, tiny, token_strip
from bertdemo.ui.html.primitives import caption, check, join, note, root, table
from bertdemo.ui.html.tokens import counts, legend, warnings
from bertdemo.ui.inside.html.steps import says

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats, LayerTrace
    from bertdemo.anatomy.tokens import Token
    from bertdemo.anatomy.wordpiece import Attempt, Matching

# Largest difference at which a formula counts as what the model computes, in float32.
TOLERANCE = 1e-5
# How much is written out: numbers of a vector, start positions of the WordPiece matching, failed attempts at each,
# characters of a token.
_SHOWN_NUMBERS = 8
_SHOWN_STARTS = 10
_SHOWN_MISSES = 6
_SHOWN_CHARACTERS = 40
# Share of the position table's numbers that stay within its color scale: a few columns are far larger.
_FULL = 0.99


def render_tokens(inspection: LayerTrace, chosen: int, lang: str) -> str:
    """Draw all tokens as buttons, the key to their looks, and their counts."""
    trace = inspection.trace
    tokens = token_strip(trace, chosen, translate(lang, "inside.tokens.strip"), "token", lang)
    words = legend(trace, lang) + counts(trace, lang) + warnings(trace, lang) + says("tokens", lang)
    return root(tokens + words, "bd-in")


def render_word(inspection: LayerTrace, chosen: int, matching: Matching | None, lang: str) -> str:
    """Draw how WordPiece came to the pieces of the chosen token's word; `matching` is None for a special token."""
    if matching is None:
        return root(
            caption(translate(lang, "inside.tokens.special", token=inspection.trace.tokens[chosen].piece)), "bd-in"
        )
    return root(_matching(matching, lang) + says("word", lang), "bd-in bd-word")


def render_specials(inspection: LayerTrace, lang: str) -> str:
    """Draw which tokens BERT added and why, the segment ids and the attention mask."""
    tokens = inspection.trace.tokens
    pair = bool(inspection.trace.pair)
    headers = [translate(lang, f"inside.column.{name}") for name in ("token", "position", "why")]
    rows = [(token.piece, str(token.position), why) for token, why in _reasons(inspection, lang)]
    segments = _bands([token.segment for token in tokens], translate(lang, "inside.specials.segments"), "segment")
    mask = _bands([token.mask for token in tokens], translate(lang, "inside.specials.mask"), "mask")
    whole = all(token.mask for token in tokens)
    return root(
        table(headers, rows, numeric=(1,), mono=(0,))
        + says("specials", lang)
        + segments
        + caption(translate(lang, f"inside.specials.{'pair' if pair else 'single'}"))
        + says("segments", lang)
        + mask
        + caption(translate(lang, f"inside.specials.{'mask_whole' if whole else 'mask_padded'}"))
        + says("mask", lang),
        "bd-in",
    )


def render_embeddings(inspection: LayerTrace, chosen: int, lang: str) -> str:
    """Draw for one token three vectors, their sum, and the sum after LayerNorm, as strips of d cells."""
    token, made = inspection.trace.tokens[chosen], inspection.embeddings
    # The three addends and their sum share a scale; LayerNorm makes numbers of another size.
    # A few numbers are far larger than the rest, which would be white beside them.
    scale = _quantile(made.total[chosen], _FULL)
    own = _quantile(made.normed[chosen], _FULL)
    position = translate(lang, "inside.embeddings.position", n=token.position)
    segment = translate(lang, "inside.embeddings.segment", n=token.segment)
    rows = (
        ("", translate(lang, "inside.embeddings.word", token=token.piece), made.word[chosen], scale),
        ("+", position, made.position[chosen], scale),
        ("+", segment, made.segment[chosen], scale),
        ("=", translate(lang, "inside.embeddings.total"), made.total[chosen], scale),
        ("→", translate(lang, "inside.embeddings.normed"), made.normed[chosen], own),
    )
    sentence = translate(lang, "inside.embeddings.scale", scale=f"{scale:.2g}", own=f"{own:.2g}")
    return root(
        f'<div class="bd-sum">{join(_vector(*row, lang) for row in rows)}</div>'
        + caption(sentence)
        + _numbers([(name, vector) for _, name, vector, _ in rows], lang)
        + _embedding_check(inspection, lang)
        + says("embeddings", lang),
        "bd-in",
    )


def render_positions(table_of: Floats, positions: int, shown_rows: int, shown_columns: int, lang: str) -> str:
    """Draw the learned table of positions, (P', c'): its rows in their order, from 0 to `positions` - 1.

    At most `shown_rows` rows, evenly taken with the first and the last among them, and `shown_columns` columns.
    """
    drawn = _thinned(table_of, shown_rows)[:, :shown_columns]  # (rows, columns)
    scale = _quantile(drawn, _FULL)
    counted = {"positions": thousands(positions), "last": thousands(positions - 1)}
    values = {
        "rows": thousands(len(drawn)),
        "positions": thousands(positions),
        "columns": thousands(drawn.shape[1]),
        "width": thousands(table_of.shape[1]),
        "scale": f"{scale:.2g}",
    }
    label = translate(lang, "inside.positions.label", **counted)
    first_row, last_row = (translate(lang, "inside.embeddings.position", n=thousands(n)) for n in (0, positions - 1))
    ends = translate(lang, "inside.positions.ends", **counted, next=thousands(positions + 1))
    return root(
        subtitle(translate(lang, "inside.positions.title"))
        + f'<div class="bd-table"><span>{esc(first_row)}</span>{grid(drawn, label, scale, "signed")}'
        f"<span>{esc(last_row)}</span></div>"
        + caption(translate(lang, "inside.positions.caption", **values))
        + note(ends)
        + says("positions", lang),
        "bd-in",
    )


# --- WordPiece ----------------------------------------------------------------------------------------------


def _matching(matching: Matching, lang: str) -> str:
    title = subtitle(translate(lang, "inside.tokens.wordpiece", word=_short(matching.word)))
    if not matching.attempts:
        long = translate(lang, "inside.tokens.too_long", n=thousands(len(matching.word)), token=_joined(matching))
        return title + caption(long)
    if len(matching.attempts) == 1 and matching.attempts[0].found:
        return title + _attempts(matching, lang) + caption(translate(lang, "inside.tokens.whole"))
    looks = plural(lang, "inside.tokens.attempts", len(matching.attempts))
    lost = "" if matching.attempts[-1].found else caption(translate(lang, "inside.tokens.no_fit"))
    result = f'<p class="bd-pieces">→ {join(f"<code>{esc(_short(piece))}</code>" for piece in matching.pieces)}</p>'
    return title + caption(looks) + _attempts(matching, lang) + lost + result


def _attempts(matching: Matching, lang: str) -> str:
    """Draw a line for each place where a piece begins: what was looked for, struck out, and then what was found."""
    starts = [(start, list(tries)) for start, tries in groupby(matching.attempts, key=lambda attempt: attempt.start)]
    lines = [_line(start, tries, lang) for start, tries in starts[:_SHOWN_STARTS]]
    if len(starts) > _SHOWN_STARTS:
        lines.append(esc(translate(lang, "common.more", n=thousands(len(starts) - _SHOWN_STARTS))))
    return f'<ol class="bd-attempts">{join(f"<li>{line}</li>" for line in lines)}</ol>'


def _line(start: int, tries: Sequence[Attempt], lang: str) -> str:
    missed = [attempt.piece for attempt in tries if not attempt.found]
    matched = [attempt.piece for attempt in tries if attempt.found]
    place = translate(lang, "inside.tokens.from", n=start + 1)
    parts = [f"<i>{esc(place)}</i>", *(f"<s>{esc(_short(piece))}</s>" for piece in missed[:_SHOWN_MISSES])]
    if len(missed) > _SHOWN_MISSES:
        parts.append(f"<i>{esc(translate(lang, 'common.more', n=thousands(len(missed) - _SHOWN_MISSES)))}</i>")
    return " ".join([*parts, *(f"<b>✓ {esc(_short(piece))}</b>" for piece in matched)])


def _joined(matching: Matching) -> str:
    return " ".join(matching.pieces)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


# --- what BERT added ----------------------------------------------------------------------------------------


def _reasons(inspection: LayerTrace, lang: str) -> Iterable[tuple[Token, str]]:
    added = [token for token in inspection.trace.tokens if token.special]
    for i, token in enumerate(added):
        place = "first" if i == 0 else "last" if i == len(added) - 1 else "between"
        yield token, translate(lang, f"inside.specials.{place}")


def _bands(ids: Sequence[int], name: str, kind: str) -> str:
    """Draw equal ids that stand side by side as one band, as wide as they are many."""
    runs = [(number, len(list(group))) for number, group in groupby(ids)]
    summary = " · ".join(f"{number} × {thousands(n)}" for number, n in runs)
    bands = join(
        f'<span class="v{min(number, 1)}" style="flex-grow:{n}">{number} × {thousands(n)}</span>' for number, n in runs
    )
    label = f'aria-label="{esc(name)}: {esc(summary)}"'
    return f'{subtitle(name)}<div class="bd-bands {kind}" role="img" {label}>{bands}</div>'


# --- embeddings ---------------------------------------------------------------------------------------------


def _vector(sign: str, name: str, vector: Floats, scale: float, lang: str) -> str:
    # In float64, so that the last shown digit does not depend on the order of the sum.
    norm = f"{float((vector.astype('float64') ** 2).sum() ** 0.5):.2f}"
    values = {"name": name, "n": thousands(len(vector)), "norm": norm}
    ends = {"low": f"{float(vector.min()):.2f}", "high": f"{float(vector.max()):.2f}"}
    label = translate(lang, "inside.embeddings.label", **values, **ends)
    return (
        f'<b class="sign">{esc(sign)}</b><span class="name">{esc(name)}</span>{strip(vector, label, scale)}'
        f'<span class="n">{esc(translate(lang, "inside.embeddings.norm", norm=norm))}</span>'
    )


def _numbers(vectors: Sequence[tuple[str, Floats]], lang: str) -> str:
    """The first numbers of each vector, for who cannot or will not read colors."""
    most = min(_SHOWN_NUMBERS, len(vectors[0][1]))
    # Adding 0.0 turns -0.000 into 0.000.
    rows = [[name, *(f"{round(float(value), 3) + 0.0:.3f}" for value in vector[:most])] for name, vector in vectors]
    headers = ["", *(f"[{i}]" for i in range(most))]
    numbers = table(headers, rows, numeric=range(1, most + 1))
    return more(translate(lang, "inside.embeddings.numbers", n=most), numbers, keep="embeddings")


def _embedding_check(inspection: LayerTrace, lang: str) -> str:
    apart = inspection.checks["embeddings"]
    sentence = translate(lang, "inside.embeddings.check", difference=tiny(apart))
    return f"<p>{check(sentence, held=apart <= TOLERANCE)}</p>"


def _thinned(rows: Floats, most: int) -> Floats:
    import numpy as np

    if len(rows) <= most:
        return rows
    picked: Floats = rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
    return picked


def _quantile(values: Floats, share: float) -> float:
    import numpy as np

    return float(np.quantile(abs(values), share)) or largest(values)
