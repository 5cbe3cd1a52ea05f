"""Cutting a sequence that is too long: which positions stay, and the encoding that is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bertdemo.run_config import Keep, Truncation


class Encoding(Protocol):
    """What both `tokenizers.Encoding` and `CutEncoding` offer: lists with one entry per position."""

    @property
    def ids(self) -> list[int]:
        """Vocabulary ids."""

    @property
    def tokens(self) -> list[str]:
        """Pieces."""

    @property
    def type_ids(self) -> list[int]:
        """0 for the first text, 1 for the pair."""

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Code points of the text that the piece came from; (0, 0) for a special token."""

    @property
    def word_ids(self) -> list[int | None]:
        """Index of the pre-token within its text; None for a special token."""

    @property
    def sequence_ids(self) -> list[int | None]:
        """0 for the first text, 1 for the pair, None for a special token."""

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for a special token that the template added."""

    @property
    def attention_mask(self) -> list[int]:
        """1 everywhere: nothing is padded here."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class CutEncoding:
    """An encoding that was longer than its caller allowed."""

    ids: list[int]
    tokens: list[str]
    type_ids: list[int]
    offsets: list[tuple[int, int]]
    word_ids: list[int | None]
    sequence_ids: list[int | None]
    special_tokens_mask: list[int]
    attention_mask: list[int]

    def __len__(self) -> int:
        return len(self.ids)


def kept_positions(sequence_ids: Sequence[int | None], max_length: int, keep: Keep = "head") -> list[int]:
    """Return the positions that stay when a sequence is cut to `max_length`, specials included.

    Of a pair the longer text gives way first, as `truncation=True` does in transformers: each text may keep half of
    the room, what the shorter one leaves goes to the longer one, and so does the odd position. Within its room each
    text keeps its first pieces (`head`), its last (`tail`), or the first half and the last (`both`, where an odd
    piece goes to the start). Special tokens always stay.
    """
    first, second = sequence_ids.count(0), sequence_ids.count(1)
    room = max(0, max_length - (len(sequence_ids) - first - second))
    lengths, rooms = (first, second), (first, second)
    if first + second > room:
        short = min(first, second, room // 2)
        rooms = (room - short, short) if first > second else (short, room - short)
        rooms = (room, 0) if 1 not in sequence_ids else rooms
    ends = [_ends(most, keep) for most in rooms]
    seen = [0, 0]
    positions = []
    for position, sequence in enumerate(sequence_ids):
        if sequence is None:
            positions.append(position)
            continue
        from_start, from_end = ends[sequence]
        place, length = seen[sequence], lengths[sequence]
        seen[sequence] += 1
        if place < from_start or place >= length - from_end:
            positions.append(position)
    return positions


def _ends(room: int, keep: Keep) -> tuple[int, int]:
    """Return how many pieces of a text stay at its start and at its end."""
    if keep == "head":
        return room, 0
    return (0, room) if keep == "tail" else (room - room // 2, room // 2)


def cut(encoding: Any, truncation: Truncation | None) -> Encoding:
    """Return the encoding, or what is left of it where it is too long; None cuts nothing."""
    # Cutting here and not in the library: it keeps every overflowing window, and for a pair every combination
    # of them, so two long texts and a small max_length would take gigabytes.
    if truncation is None or len(encoding) <= truncation.max_length:
        return encoding  # type: ignore[no-any-return]
    positions = kept_positions(encoding.sequence_ids, truncation.max_length, truncation.keep)
    names = CutEncoding.__dataclass_fields__
    return CutEncoding(**{name: _pick(getattr(encoding, name), positions) for name in names})


def _pick(values: list[Any], positions: list[int]) -> list[Any]:
    return [values[position] for position in positions]


def code(max_length: int, keep: Keep) -> list[str]:
    """Return the lines of plain transformers, run in an exported checkpoint's folder, that cut one text as we do.

    They make `encode(text)`, which returns the ids.
    """
    side = ', truncation_side="left"' if keep == "tail" else ""
    lines = ["from transformers import AutoTokenizer", f'tokenizer = AutoTokenizer.from_pretrained("."{side})']
    if keep != "both":
        asked = f"split_special_tokens=True, truncation=True, max_length={max_length}"
        return [*lines, "def encode(text):", f'    return tokenizer(text, {asked})["input_ids"]']
    start, end = _ends(max(0, max_length - 2), keep)
    return [
        *lines,
        "def encode(text):",
        '    ids = tokenizer(text, split_special_tokens=True)["input_ids"]',
        f"    # [CLS] and {start} pieces, then {end} pieces and [SEP]",
        f"    return ids if len(ids) <= {max_length} else ids[:{start + 1}] + ids[-{end + 1}:]",
    ]
