"""Truncating a sequence: which positions are kept, and the encoding of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bertdemo.run_config import Keep, Truncation

if TYPE_CHECKING:
    from tokenizers import Encoding as TokenizersEncoding


@dataclass(frozen=True)
class TruncatedEncoding:
    """An encoding after truncation: the fields of `tokenizers.Encoding`, lists with one entry per position."""

    ids: list[int]
    tokens: list[str]
    type_ids: list[int]
    """0 for the first text, 1 for the pair."""
    offsets: list[tuple[int, int]]
    """(start, end) code points of the token in its text; (0, 0) for a special token."""
    word_ids: list[int | None]
    """Index of the pre-token within its text; None for a special token."""
    sequence_ids: list[int | None]
    """0 for the first text, 1 for the pair, None for a special token."""
    special_tokens_mask: list[int]
    """1 for a special token that was added to the text."""
    attention_mask: list[int]
    """1 everywhere: nothing is padded here."""

    def __len__(self) -> int:
        return len(self.ids)


Encoding: TypeAlias = "TokenizersEncoding | TruncatedEncoding"


def kept_positions(sequence_ids: Sequence[int | None], max_length: int, keep: Keep = "head") -> list[int]:
    """Return the positions that are kept when a sequence is truncated to `max_length`, special tokens included.

    Of a pair the longer text is shortened first, as by `truncation=True` in transformers: each text may keep half of
    the room, what the shorter one leaves goes to the longer one, and so does an odd position. Within its room each text
    keeps its first tokens (`head`), its last (`tail`), or both halves (`both`, where an odd token goes to the start).
    Special tokens are always kept.
    """
    first, second = sequence_ids.count(0), sequence_ids.count(1)
    room = max(0, max_length - (len(sequence_ids) - first - second))
    lengths, rooms = (first, second), (first, second)
    if first + second > room:
        short = min(first, second, room // 2)
        rooms = (room - short, short) if first > second else (short, room - short)
        rooms = (room, 0) if 1 not in sequence_ids else rooms
    ends = [_ends(most, keep) for most in rooms]
    next_places = [0, 0]  # of the next token of each text, counted within the text
    positions = []
    for position, sequence in enumerate(sequence_ids):
        if sequence is None:
            positions.append(position)
            continue
        from_start, from_end = ends[sequence]
        place, length = next_places[sequence], lengths[sequence]
        next_places[sequence] += 1
        if place < from_start or place >= length - from_end:
            positions.append(position)
    return positions


def _ends(room: int, keep: Keep) -> tuple[int, int]:
    """Return how many tokens of a text are kept at its start and at its end."""
    if keep == "head":
        return room, 0
    return (0, room) if keep == "tail" else (room - room // 2, room // 2)


def truncate(encoding: TokenizersEncoding, truncation: Truncation | None) -> Encoding:
    """Return the encoding, truncated where it is too long; None truncates nothing."""
    # Here and not in the library: that keeps every overflowing window, and for a pair every combination of them, so
    # two long texts and a small max_length would take gigabytes.
    if truncation is None or len(encoding) <= truncation.max_length:
        return encoding
    positions = kept_positions(encoding.sequence_ids, truncation.max_length, truncation.keep)
    names = TruncatedEncoding.__dataclass_fields__
    return TruncatedEncoding(**{name: _pick(getattr(encoding, name), positions) for name in names})


def _pick(values: list[Any], positions: list[int]) -> list[Any]:
    return [values[position] for position in positions]


def code(max_length: int, keep: Keep) -> list[str]:
    """Return the lines of plain transformers that truncate a text in the same way, for the folder of an exported model.

    They define `encode(text)`, which returns the ids. Stored cards have these lines, so their text does not change.
    """
    side = ', truncation_side="left"' if keep == "tail" else ""
    lines = ["from transformers import AutoTokenizer", f'tokenizer = AutoTokenizer.from_pretrained("."{side})']
    if keep != "both":
        options = f"split_special_tokens=True, truncation=True, max_length={max_length}"
        return [*lines, "def encode(text):", f'    return tokenizer(text, {options})["input_ids"]']
    start, end = _ends(max(0, max_length - 2), keep)
    return [
        *lines,
        "def encode(text):",
        '    ids = tokenizer(text, split_special_tokens=True)["input_ids"]',
        f"    # [CLS] and {start} tokens, then {end} tokens and [SEP]",
        f"    return ids if len(ids) <= {max_length} else ids[:{start + 1}] + ids[-{end + 1}:]",
    ]
