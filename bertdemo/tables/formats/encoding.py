"""Which encoding a file is in: a byte-order mark, else strict UTF-8, else a guess that says that it is one.

A file that is UTF-8 but for a few bytes stays UTF-8: those bytes become U+FFFD, and their lines are named.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bertdemo.errors import EncodingWrong, FileNotText, FileNotUtf8
from bertdemo.tables.formats.guess import guess, guess_wide
from bertdemo.tables.parse_options import ENCODINGS, Note, Places

_CHUNK = 1024 * 1024
_SAMPLE = 128 * 1024
_ASCII = bytes(range(128))
_HIGH = bytes(range(128, 256))
# Bytes that hardly stand in text of any encoding: C0 without tab, line ends, form feed, escape and EOF.
# Not those that text may hold: white space, end of file and escape (26, 27), and the four separators (28 to 31).
_CONTROLS = bytes([*range(9), *range(14, 26)])
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
    """Some characters are NUL, which no cell should hold: they are read as U+FFFD."""

    def open(self) -> TextIO:
        """Open for reading; line ends stay as they are."""
        return self.path.open(encoding=self.codec, newline="", errors="replace")

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends: LF, CR LF or CR."""
        with self.open() as file:
            if not self.nul:
                yield from file
                return
            for line in file:
                yield line.replace("\0", "\ufffd")

    def start(self, chars: int) -> str:
        """Return the first so many characters."""
        with self.open() as file:
            return file.read(chars).replace("\0", "\ufffd")


@dataclass(frozen=True)
class _Scan:
    """What one pass over the file counted."""

    bad: Places
    nul: Places
    evidence: int
    """Bytes that only fit as the continuation of a good UTF-8 character."""
    size: int
    controls: int
    first_control: int
    """Position counted from 0; that of the last byte where there is none."""
    high: bytes
    """Some lines that are not ASCII."""


def decide(path: Path, name: str, chosen: str = "") -> TextFile:
    """Return how to read the file. `chosen` is a key of ENCODINGS that a person picked, or "".

    Raises FileNotText for a binary file, FileNotUtf8 where no encoding fits, EncodingWrong where the chosen does not.
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
    if chosen:
        codec = next((codec for mark, mine, codec in _MARKS if mine == chosen and start.startswith(mark)), "")
        return _fixed(path, name, chosen, codec or ENCODINGS[chosen])
    for mark, encoding, codec in _MARKS:
        if start.startswith(mark):
            return _marked(path, name, encoding, codec)
    seen = _scan(path, "utf-8")
    wide = guess_wide(start) if seen.bad.count or seen.nul.count * 20 > seen.size else ""
    if wide:
        return _guessed(path, wide)
    if seen.controls > 2 + seen.size // 200 or seen.controls * 12 > seen.size:
        raise FileNotText(file=name, byte=seen.first_control + 1)
    # One stray byte among ASCII is a Western letter, where it is one at all.
    if seen.bad.count and seen.evidence < 3 * seen.bad.count:
        encoding = guess(seen.high)
        if encoding:
            return _guessed(path, encoding)
        if seen.bad.count > 1 + seen.size // 1000:
            raise FileNotUtf8(file=name, line=seen.bad.first[0])
    return TextFile(path, "utf-8", "utf-8-sig", True, _notes(seen), seen.nul.count > 0)


def _marked(path: Path, name: str, encoding: str, codec: str) -> TextFile:
    seen = _scan(path, codec)
    if seen.bad.count * 50 > seen.size or seen.nul.count * 50 > seen.size:
        raise FileNotText(file=name, byte=1)
    return TextFile(path, encoding, codec, True, _notes(seen), seen.nul.count > 0)


def _fixed(path: Path, name: str, encoding: str, codec: str) -> TextFile:
    seen = _scan(path, codec)
    if seen.bad.count * 50 > seen.size or seen.nul.count * 50 > seen.size:
        place = (seen.bad.first or seen.nul.first)[0]
        raise EncodingWrong(file=name, encoding=encoding, line=place)
    return TextFile(path, encoding, codec, True, _notes(seen), seen.nul.count > 0)


def _guessed(path: Path, encoding: str) -> TextFile:
    codec = ENCODINGS[encoding]
    seen = _scan(path, codec)
    notes = (Note("encoding_guessed", {"encoding": encoding}), *_notes(seen))
    return TextFile(path, encoding, codec, False, notes, seen.nul.count > 0)


def _notes(seen: _Scan) -> tuple[Note, ...]:
    return (*seen.bad.notes("bad_bytes"), *seen.nul.notes("nul_characters"))


def _scan(path: Path, codec: str) -> _Scan:
    """Decode the whole file once, chunk by chunk."""
    decoder, patient = codecs.getincrementaldecoder(codec)(), False
    bad, nul, high = Places(), Places(), bytearray()
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
                _place(text, "\ufffd", wrong, ends + 1, after_cr, bad)
            zeros = text.count("\0")
            if zeros:
                _place(text, "\0", zeros, ends + 1, after_cr, nul)
            found = len(chunk) - len(chunk.translate(None, _CONTROLS))
            if found and first_control < 0:
                first_control = size + min(i for c in _CONTROLS if (i := chunk.find(c)) >= 0)
            controls += found
            letters = len(chunk.translate(None, _ASCII))
            evidence += letters - (len(text) - len(chunk.translate(None, _HIGH)) - wrong) - wrong
            if letters and len(high) < _SAMPLE:
                high += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:_SAMPLE]
            ends += line_ends(text, after_cr)
            after_cr = text.endswith("\r") if text else after_cr
            size += len(chunk)
            if not chunk:
                return _Scan(bad, nul, evidence, size, controls, first_control % max(1, size), bytes(high))


def _place(text: str, sign: str, count: int, line: int, after_cr: bool, places: Places) -> None:
    """Count every `sign` in `text`, and name the first lines it stands on."""
    index, done = -1, 0
    while done < count and len(places.first) < Places.NAMED:
        before = index + 1
        index = text.find(sign, before)
        line += line_ends(text[before:index], after_cr and before == 0)
        places.add(line)
        done += 1
    places.count += count - done


def line_ends(text: str, after_cr: bool = False) -> int:
    """Count LF, CR LF and CR; a CR at the end of the text before has been counted there."""
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends - (after_cr and text.startswith("\n"))
