"""How a file is to be read, how it was read, and what to say of it: frozen answers with a JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bertdemo.errors import ArgumentWrong, FieldNotChoice, FieldNotNumber, FieldUnknown

NONE = "none"
"""As a delimiter: each line is one text; as a quote: the marks are part of the text; as a header: there is none."""
LABEL_FIRST = "label"
"""As a delimiter: the first word of a line is its label, the rest its text."""
GLUED = "glued"
"""As a delimiter: a line begins with its label, and nothing stands between it and the text."""
DELIMITERS = (",", ";", "\t", "|")
"""Those that are looked for; a person may name any other single sign."""
QUOTES = ('"', "'")
ENCODINGS: Mapping[str, str] = {
    "utf-8": "utf-8-sig",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "gb18030": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "cp1252": "cp1252",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "koi8-r": "koi8_r",
    "iso-8859-15": "iso8859_15",
}
"""Encoding as it is called here -> codec that reads it; a vendor's superset where that is what files hold."""


@dataclass(frozen=True)
class Note:
    """Something about the file that a person should know: a locale key `table.<code>` and its parameters."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class ParseOptions:
    """What a person corrected; "" leaves the decision to the reader. Checks itself (FieldNotChoice, FieldNotNumber)."""

    encoding: str = ""
    """A key of ENCODINGS."""
    delimiter: str = ""
    """One sign, "none", "label" or "glued"."""
    quote: str = ""
    """One of QUOTES, or "none"."""
    header: str = ""
    """"none", or the number of the header's line as text."""
    sheet: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        if self.encoding and self.encoding not in ENCODINGS:
            raise FieldNotChoice(field="encoding", value=self.encoding[:40], choices=", ".join(ENCODINGS))
        sign = len(self.delimiter) == 1 and not self.delimiter.isalnum() and self.delimiter not in "\r\n\0\"'"
        if self.delimiter not in {"", NONE, LABEL_FIRST, GLUED} and not sign:
            raise FieldNotChoice(field="delimiter", value=self.delimiter[:40], choices=", ; | TAB none label glued")
        if self.quote not in {"", NONE, *QUOTES}:
            raise FieldNotChoice(field="quote", value=self.quote[:40], choices="\" ' none")
        number = self.header.isascii() and self.header.isdigit() and 0 < len(self.header) < 10 and int(self.header) > 0
        if self.header not in {"", NONE} and not number:
            raise FieldNotNumber(field="header", value=self.header[:40])

    def to_fields(self) -> dict[str, str]:
        """Return what JSON holds of it."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: Mapping[str, object]) -> ParseOptions:
        """Rebuild from JSON. Raises FieldUnknown, ArgumentWrong (not a text), FieldNotChoice, FieldNotNumber."""
        names = [item.name for item in fields(cls)]
        chosen: dict[str, str] = {}
        for name, value in values.items():
            if name not in names:
                raise FieldUnknown(field=str(name)[:40], fields=", ".join(names))
            if not isinstance(value, str) or len(value) > 200:
                raise ArgumentWrong(name=name, expected="a short text")
            chosen[name] = value
        return cls(**chosen)


DECIDE = ParseOptions()
"""Everything is left to the reader."""


@dataclass(frozen=True)
class DetectedFormat:
    """What was decided, so that the page can show it and offer to correct it; "" where it does not apply."""

    kind: str = ""
    """delimited, lines, json, jsonl, xlsx, parquet, conll or squad."""
    encoding: str = ""
    encoding_sure: bool = True
    """False for a guess."""
    delimiter: str = ""
    """One sign, "none" for a column of lines, "label" for a first word that is the label, "glued" for a first part."""
    quote: str = ""
    header_line: int = 0
    """0 where there is none."""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    split: str = ""
    splits: tuple[str, ...] = ()

    def to_fields(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> DetectedFormat:
        """Rebuild from JSON that `to_fields` made; names that a later version added are left out."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(values)


UNREAD = DetectedFormat()
"""Of a table that came from no file."""


class Places:
    """How often something happened, and the first ten lines it happened on."""

    NAMED = 10

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, number: int, count: int = 1) -> None:
        """Count it on line `number`; a line is named once."""
        self.count += count
        if len(self.first) < self.NAMED and number not in self.first:
            self.first.append(number)

    def notes(self, code: str) -> list[Note]:
        """Return a note with the count and the lines, or none where it never happened."""
        return [Note(code, {"count": self.count, "lines": listed(self.first, self.count)})] if self.count else []


def listed(items: Sequence[object], count: int | None = None) -> str:
    """Return the first ten with commas; an ellipsis says that there are more (of `count` in all)."""
    count = len(items) if count is None else count
    return ", ".join(map(str, items[: Places.NAMED])) + (" …" if count > Places.NAMED else "")
