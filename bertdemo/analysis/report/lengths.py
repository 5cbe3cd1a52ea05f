"""How long the texts are in pieces, how many of them a maximum length cuts, and what the vocabulary does not know."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bertdemo.analysis.report.finding import EXAMPLES, Finding
from bertdemo.analysis.report.rows import Rows
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.tables.arrow_columns import taken
from bertdemo.tasks.base import Inputs

MEASURED_TEXTS = 50_000
UNKNOWN_SHARE = 0.05
CUTS = (32, 64, 128, 256, 512)
"""Maximum lengths for which the share of texts that they cut is told, beside the suggested one."""
_MEASURED_CHARS = 100_000_000
"""About a minute of tokenizing on two cores; only texts of more than 2,000 characters on average reach it."""
_BATCH_TEXTS, _BATCH_CHARS = 1000, 500_000
_HISTOGRAM_BARS = 32


@dataclass(frozen=True)
class LengthSummary:
    """Lengths of the texts in pieces, [CLS] and [SEP] included."""

    p50: int
    p95: int
    p99: int
    longest: int
    histogram: tuple[tuple[int, int], ...]
    """(longest length in the bar, texts), ascending, at most 32 bars of one width."""
    suggested: int
    """Maximum length that fits 99% of the texts: a multiple of 8, at least 16, at most the model's positions."""
    cut_at_suggested: float
    """Share of the texts that are longer than `suggested`."""
    measured: int
    """Texts that were measured; fewer than there are in a very large file."""
    cut: tuple[tuple[int, float], ...] = ()
    """(maximum length, share of the texts that it cuts): those of `CUTS` that the model reads, and `suggested`."""


@dataclass(frozen=True)
class Measured:
    """What tokenizing the texts gave."""

    lengths: LengthSummary
    unknown: float
    """Share of [UNK] among the pieces."""
    unknown_texts: tuple[int, ...]
    """The first positions whose texts have more of them than `UNKNOWN_SHARE`."""
    han: float
    """Share of the unknown texts' letters that are Chinese characters."""


def suggested_length(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> int:
    """Return the maximum length, specials included, that fits 99% of `texts`; see LengthSummary.suggested."""
    return measure(texts, tokenizer, positions=positions, pairs=pairs)[0].suggested


def measure(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> tuple[LengthSummary, float]:
    """Return the lengths of `texts` in pieces and the share of [UNK] among these pieces (0..1).

    Of more than 50,000 texts that many are measured, evenly spaced.
    """
    chosen = evenly(len(texts), sum(map(len, texts)) + sum(map(len, pairs or ())))
    seconds = None if pairs is None else taken(pairs, chosen)
    found = _measured(chosen, taken(texts, chosen), seconds, tokenizer, positions, lambda share: None)
    return found.lengths, found.unknown


def measure_rows(
    rows: Rows,
    tokenizer: SharedTokenizer,
    positions: int,
    progress: Callable[[float], None],
    read: Callable[[Sequence[int]], Inputs],
) -> Measured:
    """Measure the usable rows of a table, as `measure` does; `read` gives what the model reads at positions of them."""
    chosen = evenly(len(rows), rows.fingerprints.chars)
    inputs = read(chosen)
    return _measured(chosen, inputs.texts, inputs.pairs, tokenizer, positions, progress)


def evenly(count: int, chars: int) -> list[int]:
    """Return the positions that are measured, evenly spaced among `count` texts of so many characters."""
    if not count:
        return []
    most = min(count, MEASURED_TEXTS, max(100, _MEASURED_CHARS * count // max(1, chars)))
    return [index * count // most for index in range(most)]


def _measured(
    chosen: Sequence[int],
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    tokenizer: SharedTokenizer,
    positions: int,
    progress: Callable[[float], None],
) -> Measured:
    lengths: list[int] = []
    pieces = unknown = 0
    strange: list[int] = []
    # Every sequence has two special pieces, a pair three: they are never unknown and do not count.
    special = 2 if pairs is None else 3
    for start, end in _batches(texts):
        for place, encoding in enumerate(
            tokenizer.encode_batch(texts[start:end], None if pairs is None else pairs[start:end]), start
        ):
            own, lost = len(encoding) - special, encoding.ids.count(tokenizer.unk_id)
            lengths.append(len(encoding))
            pieces += own
            unknown += lost
            if lost > UNKNOWN_SHARE * own and len(strange) < EXAMPLES:
                strange.append(place)
        progress(end / len(texts))
    letters = "".join(filter(str.isalpha, "".join(texts[place][:1000] for place in strange)))
    han = sum("一" <= letter <= "鿿" or "㐀" <= letter <= "䶿" for letter in letters) / max(1, len(letters))
    share = unknown / pieces if pieces > 0 else 0.0
    return Measured(_summary(lengths, positions), share, tuple(chosen[place] for place in strange), han)


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of batches that are small enough for others to get the tokenizer in between."""
    start = chars = 0
    for place, text in enumerate(texts):
        if place > start and (place - start == _BATCH_TEXTS or chars + len(text) > _BATCH_CHARS):
            yield start, place
            start, chars = place, 0
        chars += len(text)
    if start < len(texts):
        yield start, len(texts)


def _summary(lengths: Sequence[int], positions: int) -> LengthSummary:
    if not lengths:
        return LengthSummary(0, 0, 0, 0, (), min(16, positions), 0.0, 0)
    ordered = sorted(lengths)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 0.99))
    suggested = min(positions, max(16, math.ceil(p99 / 8) * 8))
    width = 8 * math.ceil(ordered[-1] / 8 / _HISTOGRAM_BARS)
    bars = Counter(math.ceil(length / width) * width for length in ordered)
    at = sorted({*(length for length in CUTS if length <= positions), suggested})
    cut = {length: sum(one > length for one in ordered) / len(ordered) for length in at}
    return LengthSummary(
        p50=p50,
        p95=p95,
        p99=p99,
        longest=ordered[-1],
        histogram=tuple((end, bars[end]) for end in range(width, max(bars) + 1, width)),
        suggested=suggested,
        cut_at_suggested=cut[suggested],
        measured=len(ordered),
        cut=tuple(cut.items()),
    )


def findings(found: Measured, rows: Rows, positions: int, *, windows: bool = False) -> list[Finding]:
    """Say whether the vocabulary knows the texts, whether they fit, and how many were measured."""
    if not len(rows):
        return []
    lengths = found.lengths
    told = [_language(found, rows)]
    if lengths.longest > positions:
        values = {"longest": lengths.longest, "positions": positions, "share": lengths.cut_at_suggested}
        told.append(Finding("pass", "long_windows", values) if windows else Finding("warn", "long_texts", values))
    else:
        told.append(Finding("pass", "lengths_fit", {"longest": lengths.longest, "length": lengths.suggested}))
    if lengths.measured < len(rows):
        told.append(Finding("pass", "lengths_sampled", {"measured": lengths.measured, "rows": len(rows)}))
    return told


_BETTER: Mapping[bool, str] = {True: "bert-base-chinese", False: "bert-base-multilingual-cased"}


def _language(found: Measured, rows: Rows) -> Finding:
    if found.unknown <= UNKNOWN_SHARE:
        return Finding("pass", "known_pieces", {"share": found.unknown})
    flags = rows.fingerprints.filled["text"] & False
    flags[list(found.unknown_texts)] = True
    values: dict[str, str | int | float] = {"share": found.unknown, "better": _BETTER[found.han > 0.3]}
    return Finding("warn", "unknown_pieces", values, rows.numbers(flags), rows.examples(flags, copies=False))
