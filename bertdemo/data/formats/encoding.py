"""Whether a file is text, and in which encoding: UTF-8 with or without a byte-order mark, UTF-16 with one."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from bertdemo.errors import FileNotText, FileNotUtf8

_CHUNK = 1024 * 1024
# Bytes that hardly stand in text of any encoding: C0 without tab, line ends, form feed, escape and EOF.
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")


def encoding_of(path: Path, name: str) -> str:
    """Return a name for `open(encoding=)`, having read the whole file once.

    Raises FileNotText for NUL bytes and other signs of a binary file, FileNotUtf8 for any other encoding.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _walk(path, name, "utf-16")
        return "utf-16"
    _walk(path, name, "utf-8")
    return "utf-8-sig"


def _walk(path: Path, name: str, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    read, lines, after_cr = 0, 1, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            nul = chunk.find(b"\0") if encoding == "utf-8" else -1
            if nul >= 0:
                raise FileNotText(file=name, byte=read + nul + 1)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                binary = _BINARY.search(chunk) if encoding == "utf-8" else None
                if binary or encoding != "utf-8":
                    place = binary.start() if binary else max(0, error.start - pending)
                    raise FileNotText(file=name, byte=read + place + 1) from None
                good = error.object[: error.start].decode("utf-8")
                raise FileNotUtf8(file=name, line=lines + _line_ends(good, after_cr)) from None
            if not chunk:
                return
            lines += _line_ends(text, after_cr)
            after_cr = text.endswith("\r") if text else after_cr
            read += len(chunk)


def _line_ends(text: str, after_cr: bool) -> int:
    """Count LF, CR LF and CR; a CR at the end of the text before has been counted there."""
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends - (after_cr and text.startswith("\n"))
