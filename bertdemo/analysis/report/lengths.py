"""Token lengths: their distribution, the share that a maximum length truncates, and the share of unknown tokens."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bertdemo.analysis.report.finding import EXAMPLES, Finding, Values
from bertdemo.analysis.report.rows import Rows
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset.fingerprints import HAN
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tasks.base import Inputs

# Of more texts a sample is tokenized; a percentile of so many is as good as exact.
MEASURED_TEXTS = 50_000
# Share of unknown tokens from which the vocabulary does not fit the texts.
UNKNOWN_SHARE = 0.05
# Maximum lengths for which the share of truncated texts is reported, beside the suggested one.
CUTS = (32, 64, 128, 256, 512)
# About a minute of tokenizing on two cores; only texts of more than 2,000 characters on average reach it.
_MEASURED_CHARS = 100_000_000
# Small enough that other users of the tokenizer, which has one lock, get it in between.
_BATCH_TEXTS, _BATCH_CHARS = 1000, 500_000
_HISTOGRAM_BARS = 32
# Share of Chinese characters among the letters of unknown texts from which a Chinese checkpoint is suggested.
_CHINESE_SHARE = 0.3


@dataclass(frozen=True)
class LengthSummary:
    """Lengths of the texts in tokens, [CLS] and [SEP] included."""

    p50: int
    p95: int
    p99: int
    longest: int
    histogram: tuple[tuple[int, int], ...]
    """(longest length in the bar, texts), ascending, at most 32 bars of equal width."""
    suggested: int
    """Maximum length that fits 99% of the texts: a multiple of 8, at least 16, at most the model's positions."""
    cut_at_suggested: float
    """Share of the texts that are longer than `suggested`."""
    measured: int
    """Texts that were measured; of a very large file not all."""
    cut: tuple[tuple[int, float], ...] = ()
    """(maximum length, share of the texts that it truncates): those of `CUTS` that the model reads, and `suggested`."""


@dataclass(frozen=True)
class Measurement:
    """The result of tokenizing the texts."""

    lengths: LengthSummary
    unknown: float
    """Share of [UNK] among the tokens."""
    unknown_texts: tuple[int, ...]
    """The first positions whose texts have a larger share of [UNK] than `UNKNOWN_SHARE`."""
    chinese: float
    """Share of Chinese characters among the letters of these texts."""


def suggested_length(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> int:
    """Return the maximum length, special tokens included, that fits 99% of `texts`; see LengthSummary.suggested."""
    return measure(texts, tokenizer, positions=positions, pairs=pairs)[0].suggested


def measure(
    texts: Sequence[str], tokenizer: SharedTokenizer, *, positions: int = 512, pairs: Sequence[str] | None = None
) -> tuple[LengthSummary, float]:
    """Return the token lengths of `texts` (or pairs) and the share of [UNK] among the tokens (0..1).

    Of more than 50,000 texts that many are measured, evenly spaced.
    """
    chosen = evenly(len(texts), sum(map(len, texts)) + sum(map(len, pairs or ())))
    chosen_pairs = None if pairs is None else cells_at(pairs, chosen)
    measured = _measured(chosen, cells_at(texts, chosen), chosen_pairs, tokenizer, positions, lambda share: None)
    return measured.lengths, measured.unknown


def measure_rows(
    rows: Rows,
    tokenizer: SharedTokenizer,
    positions: int,
    progress: Callable[[float], None],
    inputs_at: Callable[[Sequence[int]], Inputs],
) -> Measurement:
    """Measure the usable rows of a table as `measure` does; `inputs_at` returns the inputs at some positions."""
    chosen = evenly(len(rows), rows.fingerprints.chars)
    inputs = inputs_at(chosen)
    return _measured(chosen, inputs.texts, inputs.pairs, tokenizer, positions, progress)


def evenly(count: int, chars: int) -> list[int]:
    """Return the positions to measure, evenly spaced among `count` texts of `chars` characters in all."""
    if not count:
        return []
    # At least 100 texts, however long they are.
    most = min(count, MEASURED_TEXTS, max(100, _MEASURED_CHARS * count // max(1, chars)))
    return [index * count // most for index in range(most)]


def _measured(
    chosen: Sequence[int],
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    tokenizer: SharedTokenizer,
    positions: int,
    progress: Callable[[float], None],
) -> Measurement:
    lengths: list[int] = []
    tokens = unknown = 0
    unknown_texts: list[int] = []
    # Every sequence has two special tokens, a pair three: they are never unknown and do not count.
    special = 2 if pairs is None else 3
    for start, end in _batches(texts):
        encodings = tokenizer.encode_batch(texts[start:end], None if pairs is None else pairs[start:end])
        for index, encoding in enumerate(encodings, start):
            own_tokens, own_unknown = len(encoding) - special, encoding.ids.count(tokenizer.unk_id)
            lengths.append(len(encoding))
            tokens += own_tokens
            unknown += own_unknown
            if own_unknown > UNKNOWN_SHARE * own_tokens and len(unknown_texts) < EXAMPLES:
                unknown_texts.append(index)
        progress(end / len(texts))
    letters = "".join(filter(str.isalpha, "".join(texts[index][:1000] for index in unknown_texts)))
    return Measurement(
        lengths=_summary(lengths, positions),
        unknown=unknown / tokens if tokens > 0 else 0.0,
        unknown_texts=tuple(chosen[index] for index in unknown_texts),
        chinese=len(HAN.findall(letters)) / max(1, len(letters)),
    )


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of batches of at most `_BATCH_TEXTS` texts and about `_BATCH_CHARS` characters."""
    start = chars = 0
    for index, text in enumerate(texts):
        if index > start and (index - start == _BATCH_TEXTS or chars + len(text) > _BATCH_CHARS):
            yield start, index
            start, chars = index, 0
        chars += len(text)
    if start < len(texts):
        yield start, len(texts)


def _summary(lengths: Sequence[int], positions: int) -> LengthSummary:
    if not lengths:
        return LengthSummary(0, 0, 0, 0, (), min(16, positions), 0.0, 0)
    ordered = sorted(lengths)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 0.99))
    # A multiple of 8 is what tensor cores work fastest on; below 16 nothing is gained.
    suggested = min(positions, max(16, math.ceil(p99 / 8) * 8))
    width = 8 * math.ceil(ordered[-1] / 8 / _HISTOGRAM_BARS)
    bars = Counter(math.ceil(length / width) * width for length in ordered)
    maxima = sorted({*(length for length in CUTS if length <= positions), suggested})
    cut = {most: (len(ordered) - bisect.bisect_right(ordered, most)) / len(ordered) for most in maxima}
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


def findings(measured: Measurement, rows: Rows, positions: int, *, windows: bool = False) -> list[Finding]:
    """Return findings on unknown tokens, on texts that are too long, and on the sample.

    `windows` says that the task reads a long text in overlapping windows instead of truncating it.
    """
    if not len(rows):
        return []
    lengths = measured.lengths
    result = [_vocabulary(measured, rows)]
    if lengths.longest > positions:
        values = {"longest": lengths.longest, "positions": positions, "share": lengths.cut_at_suggested}
        result.append(Finding("pass", "long_windows", values) if windows else Finding("warn", "long_texts", values))
    else:
        result.append(Finding("pass", "lengths_fit", {"longest": lengths.longest, "length": lengths.suggested}))
    if lengths.measured < len(rows):
        result.append(Finding("pass", "lengths_sampled", {"measured": lengths.measured, "rows": len(rows)}))
    return result


def _vocabulary(measured: Measurement, rows: Rows) -> Finding:
    """Return whether the vocabulary fits the texts, and if not, a checkpoint whose vocabulary may."""
    if measured.unknown <= UNKNOWN_SHARE:
        return Finding("pass", "known_pieces", {"share": measured.unknown})
    flags = np.zeros(len(rows), dtype=np.bool_)
    flags[list(measured.unknown_texts)] = True
    better = "bert-base-chinese" if measured.chinese > _CHINESE_SHARE else "bert-base-multilingual-cased"
    values: Values = {"share": measured.unknown, "better": better}
    return Finding("warn", "unknown_pieces", values, rows.numbers(flags), rows.examples(flags, copies=False))
