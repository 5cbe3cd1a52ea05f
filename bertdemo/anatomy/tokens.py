"""From a text to the sequence that BERT reads, with every stage in between (see `trace`).

The source of a token is always a slice of the visitor's own text, taken by offsets: decoding ids would give other
characters back, because accents, capitals and spaces are gone by then.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bertdemo.checkpoints.tokenizers import SharedTokenizer, well_formed
from bertdemo.checkpoints.truncation import Encoding, kept_positions
from bertdemo.run_config import Keep


@dataclass(frozen=True)
class Token:
    """One position of the final sequence; `start` and `end` are code points of the original text."""

    piece: str
    id: int
    position: int
    segment: int
    mask: int
    special: bool
    unknown: bool
    continues: bool
    """True for a token that begins with ##: it continues a word."""
    sequence: int | None
    """0 for the text, 1 for the pair, None for a special token."""
    word: int | None
    """Index of the pre-token within its sequence."""
    start: int
    end: int
    source: str
    """The original characters, sliced by offsets and extended to whole graphemes; "" for a special token."""


@dataclass(frozen=True)
class PreToken:
    """One pre-token of one sequence and the tokens that WordPiece split it into."""

    text: str
    start: int
    end: int
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Stages:
    """The outputs of the first stages of the tokenizer for one sequence: normalization and pre-tokenization."""

    normalizer: str
    """What the normalizer does: some of the keys clean_text, chinese_chars, strip_accents, lowercase, with spaces."""
    normalized: str
    pre_tokens: tuple[PreToken, ...]


@dataclass(frozen=True)
class TokenTrace:
    """Everything that the Tokenization tab and `/tokenize` show."""

    text: str
    pair: str
    checkpoint: str
    max_length: int
    """The truncation length, special tokens included."""
    tokens: tuple[Token, ...]
    stages: tuple[Stages, ...]
    """One entry per sequence."""
    dropped: tuple[tuple[int, int, int], ...]
    """(sequence, start, end) of characters that were truncated, as slices of the original text."""
    dropped_pieces: int
    lost: tuple[tuple[int, int, int], ...]
    """(sequence, start, end) of characters in no token (control and zero-width characters), without white space."""
    characters: int
    words: int
    pieces: int
    """Tokens after truncation, without special tokens."""
    unknown: int
    """[UNK] tokens among them."""
    kept: tuple[tuple[int, int], ...] = ()
    """[first, end) runs of positions of the whole sequence that were kept; empty where nothing was truncated."""
    keep: Keep = "head"
    """Which part of a long text is kept."""


def trace(
    tokenizer: SharedTokenizer,
    text: str,
    pair: str = "",
    *,
    checkpoint: str = "bundled",
    max_length: int = 0,
    positions: int = 512,
    keep: Keep = "head",
) -> TokenTrace:
    """Return every stage from `text` (and `pair`) to the sequence that the model reads.

    `max_length` includes special tokens and is capped by `positions`, the rows of the model's position embeddings; 0
    means `positions`. `keep` is the part of a long text that is kept. Unpaired surrogates become U+FFFD. Offsets count
    code points. Raises nothing: every text is valid.
    """
    texts = [well_formed(text)] + ([well_formed(pair)] if pair else [])
    limit = min(max_length, positions) if max_length > 0 else positions
    encoding = tokenizer.encode(texts[0], texts[1] if pair else None)
    too_long = len(encoding) > limit
    positions_kept = kept_positions(encoding.sequence_ids, limit, keep) if too_long else range(len(encoding))
    ends = [_grapheme_ends(source) for source in texts]
    spans = _spans(encoding, ends)
    tokens = _tokens(encoding, positions_kept, spans, texts, tokenizer.unk_id)
    stages = _stages(tokenizer, encoding, texts, ends)
    text_tokens = [token for token in tokens if token.sequence is not None]
    return TokenTrace(
        text=texts[0],
        pair=texts[1] if pair else "",
        checkpoint=checkpoint,
        max_length=limit,
        tokens=tokens,
        stages=stages,
        dropped=_dropped(encoding, positions_kept, spans),
        dropped_pieces=len(encoding) - len(tokens),
        lost=_lost(encoding, spans, texts),
        characters=sum(map(len, texts)),
        words=sum(len(stage.pre_tokens) for stage in stages),
        pieces=len(text_tokens),
        unknown=sum(token.unknown for token in text_tokens),
        kept=_runs(positions_kept) if too_long else (),
        keep=keep,
    )


def to_api(trace: TokenTrace) -> dict[str, object]:
    """Return the response of `/tokenize`: parallel lists with one entry per position, as plain JSON values.

    `normalized` has one text per sequence. `truncated` lists the truncated parts as {sequence, start, end, text}; it
    is empty where everything fits.
    """
    texts = (trace.text, trace.pair)
    return {
        "tokens": [token.piece for token in trace.tokens],
        "ids": [token.id for token in trace.tokens],
        "type_ids": [token.segment for token in trace.tokens],
        "position_ids": [token.position for token in trace.tokens],
        "attention_mask": [token.mask for token in trace.tokens],
        "special": [token.special for token in trace.tokens],
        "unknown": [token.unknown for token in trace.tokens],
        "offsets": [[token.start, token.end] for token in trace.tokens],
        "word_ids": [token.word for token in trace.tokens],
        "sequence_ids": [token.sequence for token in trace.tokens],
        "normalized": [stage.normalized for stage in trace.stages],
        "truncated": [
            {"sequence": sequence, "start": start, "end": end, "text": texts[sequence][start:end]}
            for sequence, start, end in trace.dropped
        ],
    }


def _runs(positions: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return ascending positions as [first, end) runs."""
    runs: list[tuple[int, int]] = []
    for position in positions:
        if runs and runs[-1][1] == position:
            runs[-1] = (runs[-1][0], position + 1)
        else:
            runs.append((position, position + 1))
    return tuple(runs)


def _grapheme_ends(text: str) -> Sequence[int]:
    """Return for each end 0..len(text) of a span the end of the grapheme that it falls into."""
    if text.isascii() and "\r" not in text:
        return range(len(text) + 1)  # every ASCII character but \r\n is a grapheme of its own
    import regex  # type: ignore[import-untyped]

    ends = [0]
    for match in regex.finditer(r"\X", text):
        ends.extend([match.end()] * (match.end() - match.start()))
    return ends


def _spans(encoding: Encoding, ends: list[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the offsets, extended to grapheme ends: an accent belongs to its base character."""
    return [
        (start, end) if sequence is None else (start, ends[sequence][end])
        for (start, end), sequence in zip(encoding.offsets, encoding.sequence_ids, strict=True)
    ]


def _tokens(
    encoding: Encoding, keep: Iterable[int], spans: list[tuple[int, int]], texts: list[str], unk_id: int | None
) -> tuple[Token, ...]:
    # An encoding makes its lists anew at each access, so each is taken once.
    pieces, ids, type_ids, mask = encoding.tokens, encoding.ids, encoding.type_ids, encoding.attention_mask
    sequences, words = encoding.sequence_ids, encoding.word_ids
    tokens = []
    for position, i in enumerate(keep):
        sequence = sequences[i]
        special = sequence is None
        start, end = spans[i]
        tokens.append(
            Token(
                piece=pieces[i],
                id=ids[i],
                position=position,
                segment=type_ids[i],
                mask=mask[i],
                special=special,
                unknown=not special and ids[i] == unk_id,
                continues=not special and pieces[i].startswith("##"),
                sequence=sequence,
                word=words[i],
                start=start,
                end=end,
                source="" if sequence is None else texts[sequence][start:end],
            )
        )
    return tuple(tokens)


def _stages(
    tokenizer: SharedTokenizer, encoding: Encoding, texts: list[str], ends: list[Sequence[int]]
) -> tuple[Stages, ...]:
    tokens_of_words: dict[tuple[int, int], list[str]] = {}
    for token, sequence, word in zip(encoding.tokens, encoding.sequence_ids, encoding.word_ids, strict=True):
        if sequence is not None and word is not None:
            tokens_of_words.setdefault((sequence, word), []).append(token)
    stages = []
    for sequence, source in enumerate(texts):
        raw = tokenizer.stages(source)
        pre_tokens = tuple(
            PreToken(text, start, ends[sequence][end], tuple(tokens_of_words.get((sequence, word), ())))
            for word, (text, start, end) in enumerate(raw.pre_tokens)
        )
        stages.append(Stages(" ".join(tokenizer.normalizer_keys), raw.normalized, pre_tokens))
    return tuple(stages)


def _dropped(encoding: Encoding, keep: Iterable[int], spans: list[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Return one slice per sequence, from the first truncated token to the last: they are always contiguous."""
    slices: dict[int, tuple[int, int]] = {}
    sequences = encoding.sequence_ids
    for i in sorted(set(range(len(sequences))) - set(keep)):
        sequence = sequences[i]
        if sequence is not None:
            start, end = spans[i]
            first, last = slices.get(sequence, (start, end))
            slices[sequence] = (first, max(last, end))
    return tuple((sequence, start, end) for sequence, (start, end) in sorted(slices.items()))


def _lost(encoding: Encoding, spans: list[tuple[int, int]], texts: list[str]) -> tuple[tuple[int, int, int], ...]:
    """Return (sequence, start, end) of the characters that are in no token, without white space."""
    covered = [bytearray(len(source)) for source in texts]
    for (start, end), sequence in zip(spans, encoding.sequence_ids, strict=True):
        if sequence is not None:
            covered[sequence][start:end] = b"\x01" * (end - start)
    lost: list[tuple[int, int, int]] = []
    for sequence, source in enumerate(texts):
        for i, character in enumerate(source):
            if covered[sequence][i] or _is_space(character):
                continue
            if lost and lost[-1][0] == sequence and lost[-1][2] == i:
                lost[-1] = (sequence, lost[-1][1], i + 1)
            else:
                lost.append((sequence, i, i + 1))
    return tuple(lost)


def _is_space(character: str) -> bool:
    """Return whether BERT splits at it: other control characters that Python calls spaces are removed instead."""
    return character in " \t\n\r" or (character.isspace() and not unicodedata.category(character).startswith("C"))
