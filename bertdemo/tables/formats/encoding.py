"""The encoding of a file: by a byte-order mark, else strict UTF-8, else a guess that is reported as one.

A file that is UTF-8 except for a few bytes stays UTF-8: those bytes become U+FFFD, and their lines are named.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bertdemo.errors import EncodingWrong, FileNotText, FileNotUtf8, TableError
from bertdemo.tables.formats.guess import guess, guess_wide
from bertdemo.tables.parse_options import ENCODINGS, Note, Occurrences

# Bytes in memory at one time.
_CHUNK = 1024 * 1024
# Bytes that a guess looks at.
_SAMPLE = 128 * 1024
# One character in so many may be unreadable or NUL in an encoding that is certain: more, and it is another encoding.
_BAD_PER = 50
_ASCII = bytes(range(128))
_HIGH = bytes(range(128, 256))
# Control characters that text hardly ever contains. Left out are those that it may: white space (9 to 13), end of
# file and escape (26, 27), the four separators (28 to 31), and 1 and 2, which databases write between cells.
_CONTROLS = bytes([0, *range(3, 9), *range(14, 26)])
# (byte-order mark, key of ENCODINGS, Python codec). UTF-32-LE begins with the mark of UTF-16-LE, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
)


@dataclass(frozen=True)
class TextFile:
    """A file and how its bytes become text."""

    path: Path
    encoding: str
    """A key of ENCODINGS."""
    codec: str
    sure: bool
    notes: tuple[Note, ...]
    nul: bool
    """Whether the file contains NUL, which no cell should: it is read as U+FFFD."""

    def open(self) -> TextIO:
        """Open for reading; line ends are kept."""
        return self.path.open(encoding=self.codec, newline="", errors="replace")

    def lines(self) -> Iterator[str]:
        """Yield the lines with their line ends: LF, CR LF or CR."""
        with self.open() as file:
            if not self.nul:
                yield from file
                return
            for line in file:
                yield line.replace("\0", "\ufffd")

    def start(self, chars: int) -> str:
        """Return the first `chars` characters."""
        with self.open() as file:
            return file.read(chars).replace("\0", "\ufffd")


@dataclass(frozen=True)
class _Scan:
    """The counts of one pass over a file."""

    bad: Occurrences
    nul: Occurrences
    evidence: int
    """Continuation bytes of valid UTF-8 characters; text in another encoding has few by chance."""
    size: int
    controls: int
    first_control: int
    """Position, from 0; that of the last byte where there is none."""
    high: bytes
    """The first lines that are not ASCII."""


def decide(path: Path, name: str, chosen: str = "") -> TextFile:
    """Return how to decode the file. `chosen` is a key of ENCODINGS that a person picked, or "".

    Raises FileNotText for a binary file, FileNotUtf8 where no encoding fits, EncodingWrong where `chosen` does not.
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    if chosen:
        codec = next((codec for mark, key, codec in _MARKS if key == chosen and start.startswith(mark)), "")
        codec = codec or ENCODINGS[chosen]
        return _read_as(path, chosen, codec, lambda line: EncodingWrong(file=name, encoding=chosen, line=line))
    for mark, encoding, codec in _MARKS:
        if start.startswith(mark):
            return _read_as(path, encoding, codec, lambda _: FileNotText(file=name, byte=1))
    scan = _scan(path, "utf-8")
    # ASCII text in UTF-16 has a NUL for every other byte.
    wide = guess_wide(start) if scan.bad.count or scan.nul.count * 20 > scan.size else ""
    if wide:
        return _guessed(path, wide)
    # A long text may have one control character in 200 bytes, a short one two of them.
    if scan.controls > 2 + scan.size // 200 or scan.controls * 12 > scan.size:
        raise FileNotText(file=name, byte=scan.first_control + 1)
    # With three continuation bytes per bad byte the file is damaged UTF-8, not another encoding.
    if scan.bad.count and scan.evidence < 3 * scan.bad.count:
        encoding = guess(scan.high)
        if encoding:
            return _guessed(path, encoding)
        if scan.bad.count > 1 + scan.size // 1000:
            raise FileNotUtf8(file=name, line=scan.bad.first[0])
    return TextFile(path, "utf-8", "utf-8-sig", True, _notes(scan), scan.nul.count > 0)


def _read_as(path: Path, encoding: str, codec: str, error: Callable[[int], TableError]) -> TextFile:
    """Return how to decode a file whose encoding is certain; raise `error(line)` where it does not fit."""
    scan = _scan(path, codec)
    if max(scan.bad.count, scan.nul.count) * _BAD_PER > scan.size:
        raise error((scan.bad.first or scan.nul.first)[0])
    return TextFile(path, encoding, codec, True, _notes(scan), scan.nul.count > 0)


def _guessed(path: Path, encoding: str) -> TextFile:
    codec = ENCODINGS[encoding]
    scan = _scan(path, codec)
    notes = (Note("encoding_guessed", {"encoding": encoding}), *_notes(scan))
    return TextFile(path, encoding, codec, False, notes, scan.nul.count > 0)


def _notes(scan: _Scan) -> tuple[Note, ...]:
    return (*scan.bad.notes("bad_bytes"), *scan.nul.notes("nul_characters"))


def _scan(path: Path, codec: str) -> _Scan:
    """Decode the whole file once, chunk by chunk: strictly, and with replacement from the first error on."""
    decoder, patient = codecs.getincrementaldecoder(codec)(), False
    bad, nul, high = Occurrences(), Occurrences(), bytearray()
    size = controls = evidence = ends = 0
    first_control, after_cr = -1, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError:
                state = decoder.getstate()
                decoder, patient = codecs.getincrementaldecoder(codec)("replace"), True
                decoder.setstate(state)
                text = decoder.decode(chunk, final=not chunk)
            wrong = text.count("\ufffd") if patient else 0
            if wrong:
                _locate(text, "\ufffd", wrong, ends + 1, after_cr, bad)
            zeros = text.count("\0")
            if zeros:
                _locate(text, "\0", zeros, ends + 1, after_cr, nul)
            controls_here = len(chunk) - len(chunk.translate(None, _CONTROLS))
            if controls_here and first_control < 0:
                first_control = size + min(i for c in _CONTROLS if (i := chunk.find(c)) >= 0)
            controls += controls_here
            letters = len(chunk.translate(None, _ASCII))
            evidence += letters - (len(text) - len(chunk.translate(None, _HIGH)) - wrong) - wrong
            if letters and len(high) < _SAMPLE:
                high += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:_SAMPLE]
            ends += line_ends(text, after_cr)
            after_cr = text.endswith("\r") if text else after_cr
            size += len(chunk)
            if not chunk:
                return _Scan(bad, nul, evidence, size, controls, first_control % max(1, size), bytes(high))


def _locate(text: str, char: str, count: int, line: int, after_cr: bool, occurrences: Occurrences) -> None:
    """Add the `count` occurrences of `char` in `text`, which begins on `line`, and the first lines they are on."""
    index, done = -1, 0
    while done < count and len(occurrences.first) < Occurrences.NAMED:
        before = index + 1
        index = text.find(char, before)
        line += line_ends(text[before:index], after_cr and before == 0)
        occurrences.add(line)
        done += 1
    occurrences.count += count - done


def line_ends(text: str, after_cr: bool = False) -> int:
    """Count LF, CR LF and CR; a CR at the end of the preceding text has been counted there."""
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends - (after_cr and text.startswith("\n"))
