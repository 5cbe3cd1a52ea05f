"""A TokenTrace as a picture: chips with input IDs, counts, truncated and lost characters, four stages, a table."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from bertdemo.anatomy.tokens import PreToken, Stages, Token, TokenTrace
from bertdemo.i18n.translation import around, has, percent, plural, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.glossary import Glossary
from bertdemo.ui.html.primitives import Look, banner, caption, chip, empty_state, facts, join, key, note, root, table

# Share of [UNK] above which the page says that another vocabulary would do better.
MANY_UNKNOWN = 0.05
_UNKNOWN = "[UNK]"
# How much of a long text each picture shows: words, words that are split into tokens, characters, lost characters.
_SHOWN_WORDS = 32
_SHOWN_SPLITS = 10
_SHOWN_CHARS = 240
_SHOWN_LOST = 12


def render_strip(trace: TokenTrace, lang: str) -> str:
    """Return the chips, their legend, the counts, and the warnings about this text."""
    if is_empty(trace):
        return root(empty_state(translate(lang, "tokens.empty")))
    write = Glossary(lang).mark
    words = legend(trace, lang) + counts(trace, lang, write) + warnings(trace, lang, write)
    return root(_chips(trace, lang) + words, "bd-tokens")


def render_compared(trace: TokenTrace, name: str, lang: str) -> str:
    """Return the tokens of the same text by another tokenizer, for the strip below the first one."""
    if is_empty(trace):
        return ""
    over = caption(translate(lang, "tokens.compared", name=name))
    return root(over + _chips(trace, lang) + counts(trace, lang) + _vocabulary(trace, lang), "bd-tokens bd-compared")


def render_stages(trace: TokenTrace, lang: str) -> str:
    """Return the outputs of the four stages, side by side."""
    if is_empty(trace):
        return ""
    stages = (
        ("normalize", _normalized(trace.stages, lang)),
        ("split", join(_split(stage, lang) for stage in trace.stages)),
        ("wordpiece", _wordpiece(trace.stages, lang)),
        ("frame", _frame(trace, lang)),
    )
    return root(
        '<ol class="bd-stages">'
        + join(f"<li><b>{esc(translate(lang, f'tokens.stage.{name}'))}</b>{html}</li>" for name, html in stages)
        + "</ol>"
    )


def render_table(trace: TokenTrace, lang: str) -> str:
    """Return one row for each position of the sequence."""
    if is_empty(trace):
        return root(empty_state(translate(lang, "tokens.empty")))
    names = ("position", "piece", "id", "segment", "mask", "source", "span")
    rows = [
        (
            str(token.position),
            token.piece,
            str(token.id),
            str(token.segment),
            str(token.mask),
            token.source or "–",
            "–" if token.special else f"{token.start}–{token.end}",
        )
        for token in trace.tokens
    ]
    headers = [translate(lang, f"tokens.column.{name}") for name in names]
    return root(table(headers, rows, numeric=(0, 2, 3, 4, 6), mono=(1, 5)))


# --- chips --------------------------------------------------------------------------------------------------


def is_empty(trace: TokenTrace) -> bool:
    """Return whether there is no text to draw."""
    return not trace.text.strip() and not trace.pair.strip() and not trace.pieces


def look_of(token: Token) -> Look:
    """Return what kind of token this is."""
    if token.special:
        return "special"
    if token.unknown:
        return "unknown"
    return "continues" if token.continues else "word"


def chip_text(token: Token) -> str:
    """Return the text of a chip: a continuation without its ##, an unknown word in the visitor's characters."""
    # The look of the chip says what the ## and the [UNK] would.
    instead = {"unknown": token.source, "continues": token.piece.removeprefix("##")}
    return instead.get(look_of(token), token.piece)


def title_of(token: Token, lang: str) -> str:
    """Return the sentence that says what a token is, with its input ID and its position."""
    return translate(
        lang,
        f"tokens.title.{look_of(token)}",
        piece=token.piece,
        source=token.source,
        id=token.id,
        position=token.position,
    )


def truncated_texts(trace: TokenTrace) -> dict[int, str]:
    """Return what was truncated at the maximum length: the position after the cut -> the characters cut off."""
    texts = (trace.text, trace.pair)
    # Text that was cut off at the end of a sequence goes before the special token that follows it.
    specials = [token.position for token in trace.tokens if token.special]  # [CLS], then one [SEP] per sequence
    cut = {}
    for sequence, start, end in trace.dropped:
        after = [token.position for token in trace.tokens if token.sequence == sequence and token.start >= end]
        after += specials[sequence + 1 : sequence + 2]
        if after:
            cut[after[0]] = texts[sequence][start:end]
    return cut


def struck_out(text: str, lang: str, role: str = "listitem") -> str:
    """Draw truncated text, struck out, for its place in a row of chips."""
    rest = len(text) - _SHOWN_CHARS
    more = f" {translate(lang, 'common.more', n=thousands(rest))}" if rest > 0 else ""
    return (
        f'<span class="bd-cut" role="{esc(role)}"><b>{esc(translate(lang, "tokens.cut_here"))}</b>'
        f"<s>{esc(text[:_SHOWN_CHARS])}</s>{esc(more)}</span>"
    )


def _chip(token: Token, lang: str) -> str:
    look = look_of(token)
    under = f"{token.piece} {token.id}" if look == "unknown" else str(token.id)
    return chip(chip_text(token), under, look, title_of(token, lang))


def _chips(trace: TokenTrace, lang: str) -> str:
    """Draw the chips of one word together, and truncated text struck out where it was cut off."""
    cut = truncated_texts(trace)
    parts = []
    for _, group in groupby(trace.tokens, key=lambda t: (t.sequence, t.word, t.position if t.special else -1)):
        tokens = list(group)
        if tokens[0].position in cut:
            parts.append(struck_out(cut[tokens[0].position], lang))
        parts.append(
            f'<span class="bd-whole" role="presentation">{join(_chip(token, lang) for token in tokens)}</span>'
        )
    return f'<div class="bd-chips" role="list" aria-label="{esc(translate(lang, "tokens.strip"))}">{join(parts)}</div>'


def legend(trace: TokenTrace, lang: str) -> str:
    """Draw the key of the looks that occur in a text."""
    present = {look_of(token) for token in trace.tokens}
    looks = [look for look in ("word", "continues", "special", "unknown") if look in present]
    return key((look, translate(lang, f"tokens.key.{look}")) for look in looks)


def counts(trace: TokenTrace, lang: str, write: Callable[[str], str] = esc) -> str:
    """Draw the counts of a text: characters, words, tokens and special ones; what is wrong only where it is.

    `write` makes HTML of the words.
    """
    # A run of punctuation is a pre-token, but no word.
    words = sum(any(map(str.isalnum, word.text)) for stage in trace.stages for word in stage.pre_tokens)
    added = len(trace.tokens) - trace.pieces
    items = [
        around(lang, "tokens.facts.characters", trace.characters),
        around(lang, "tokens.facts.words", words),
        around(lang, "tokens.facts.pieces", trace.pieces),
        around(lang, "tokens.facts.added", added),
    ]
    if trace.unknown:
        items.append(around(lang, "tokens.facts.unknown", trace.unknown))
    if trace.dropped_pieces:
        dropped = thousands(trace.dropped_pieces)
        items.append(around(lang, "tokens.facts.cut", trace.max_length, dropped=dropped))
    return facts(items, write)


def warnings(trace: TokenTrace, lang: str, write: Callable[[str], str] = esc) -> str:
    """Draw what a person must know about this text: too many unknown tokens, truncation, lost characters."""
    key = "tokens.dropped" if trace.keep == "head" else f"tokens.dropped_{trace.keep}"
    cut = plural(lang, key, trace.dropped_pieces, limit=thousands(trace.max_length))
    return (
        _vocabulary(trace, lang, write)
        + (note(cut, write) if trace.dropped_pieces else "")
        + (_lost(trace, lang) if trace.lost else "")
    )


def _vocabulary(trace: TokenTrace, lang: str, write: Callable[[str], str] = esc) -> str:
    """Recommend another vocabulary where too much of the text is unknown to this one."""
    if not trace.pieces or trace.unknown / trace.pieces <= MANY_UNKNOWN:
        return ""
    lost = "".join(token.source for token in trace.tokens if token.unknown)
    # The two main blocks of Han characters: CJK Unified Ideographs and their Extension A.
    which = "han" if any("一" <= letter <= "鿿" or "㐀" <= letter <= "䶿" for letter in lost) else "other"
    words = translate(lang, f"tokens.unknown_{which}", share=percent(trace.unknown / trace.pieces, 0))
    return banner(words, write)


def _lost(trace: TokenTrace, lang: str) -> str:
    texts = (trace.text, trace.pair)
    letters = Counter(letter for sequence, start, end in trace.lost for letter in texts[sequence][start:end])
    names = [
        f"U+{ord(letter):04X} {unicodedata.name(letter, '')}".strip() + (f" × {n}" if n > 1 else "")
        for letter, n in letters.most_common(_SHOWN_LOST)
    ]
    if len(letters) > _SHOWN_LOST:
        names.append(translate(lang, "common.more", n=thousands(len(letters) - _SHOWN_LOST)))
    codes = join(f"<code>{esc(name)}</code>" for name in names)
    return f'<p class="bd-note">{esc(plural(lang, "tokens.lost", letters.total()))} {codes}</p>'


# --- stages -------------------------------------------------------------------------------------------------


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _normalized(stages: Sequence[Stages], lang: str) -> str:
    names = [
        translate(lang, f"tokens.normalizer.{name}") if has(f"tokens.normalizer.{name}") else name
        for name in stages[0].normalizer.split()
    ]
    steps = " · ".join(names) or translate(lang, "tokens.stage.unchanged")
    return f"<p>{esc(steps)}</p>" + join(f"<code>{esc(_short(stage.normalized.strip()))}</code>" for stage in stages)


def _split(stage: Stages, lang: str) -> str:
    words = stage.pre_tokens
    first = "\u00a0· ".join(word.text for word in words[:_SHOWN_WORDS])
    rest = len(words) - _SHOWN_WORDS
    more = f" {translate(lang, 'common.more', n=thousands(rest))}" if rest > 0 else ""
    return f"<code>{esc(_short(first) + more)}</code>"


def _broken(stages: Sequence[Stages]) -> Iterator[PreToken]:
    """Yield the words that are not in the vocabulary as a whole."""
    for stage in stages:
        yield from (word for word in stage.pre_tokens if len(word.pieces) > 1 or word.pieces == (_UNKNOWN,))


def _wordpiece(stages: Sequence[Stages], lang: str) -> str:
    broken = {word.text: word.pieces for word in _broken(stages)}
    whole = sum(len(stage.pre_tokens) for stage in stages) - sum(1 for _ in _broken(stages))
    if not broken:
        return f"<p>{esc(translate(lang, 'tokens.stage.whole'))}</p>"
    lines = [f"{_short(text)} → {_short(' '.join(pieces))}" for text, pieces in list(broken.items())[:_SHOWN_SPLITS]]
    if len(broken) > _SHOWN_SPLITS:
        lines.append(translate(lang, "common.more", n=thousands(len(broken) - _SHOWN_SPLITS)))
    rest = f"<p>{esc(translate(lang, 'tokens.stage.whole_list', n=thousands(whole)))}</p>" if whole else ""
    return join(f"<code>{esc(line)}</code>" for line in lines) + rest


def _frame(trace: TokenTrace, lang: str) -> str:
    parts, segments = [], []
    for sequence, group in groupby(trace.tokens, key=lambda token: token.sequence):
        tokens = list(group)
        segments += [str(token.segment) for token in tokens]
        if sequence is None:
            parts += [token.piece for token in tokens]
        else:
            parts.append(plural(lang, "tokens.stage.pieces", len(tokens)))
    runs = " · ".join(f"{segment} × {len(list(group))}" for segment, group in groupby(segments))
    sentence = translate(lang, "tokens.stage.segments", segments=runs)
    return f"<code>{esc(' '.join(parts))}</code><p>{esc(sentence)}</p>"
