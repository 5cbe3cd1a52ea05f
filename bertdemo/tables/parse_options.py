"""How a file is to be parsed, how it was parsed, and what to note about it: frozen values with a JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    InstanceOf,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass as validated

from bertdemo.errors import ArgumentWrong, BertDemoError, FieldNotChoice, FieldNotNumber, FieldUnknown

# As a delimiter: each line is one text; as a quote: quotation marks belong to the text; as a header: there is none.
NONE = "none"
# As a delimiter: the first word of a line is its label, the rest its text.
LABEL_FIRST = "label"
# As a delimiter: a line begins with its label, with nothing between label and text.
GLUED = "glued"
# For rows without any text: they stay rows.
KEEP = "keep"
# The delimiters that are tried first; a person may name any other of one to five characters.
DELIMITERS = (",", ";", "\t", "|")
QUOTES = ('"', "'")
# Name shown to people -> Python codec. The codec is the vendor's superset where that is what files hold: Windows
# programs write cp950 and call it Big5.
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


@dataclass(frozen=True)
class Note:
    """Something about the file that a person should know: a locale key `table.<code>` and its parameters."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)


# Patterns are matched by Python's `re`, whose \w is exactly str.isalnum() and the underscore.
@validated(frozen=True, config=ConfigDict(regex_engine="python-re"))
class ParseOptions:
    """What a person corrected; "" leaves the decision to the parser.

    Raises FieldNotChoice or FieldNotNumber for a value that no file could be parsed with.
    """

    encoding: Annotated[str, Field(pattern=rf"\A({'|'.join(ENCODINGS)})?\Z")] = ""
    """A key of ENCODINGS."""
    delimiter: Annotated[str, Field(pattern=rf"""\A({NONE}|{LABEL_FIRST}|{GLUED}|(?:[^\w\r\n\0"']|_){{1,5}})?\Z""")] = (
        ""
    )
    """One to five characters, "none", "label" or "glued"."""
    quote: Annotated[str, Field(pattern=rf"\A({NONE}|{'|'.join(QUOTES)})?\Z")] = ""
    """One of QUOTES, or "none"."""
    header: Annotated[str, Field(pattern=rf"\A({NONE}|(?=.{{1,9}}\Z)0*[1-9][0-9]*)?\Z")] = ""
    """"none", or the line number of the header as text, of at most nine digits."""
    # Names from a file, which may hold an unpaired surrogate: pydantic's own str refuses that.
    sheet: InstanceOf[str] = ""
    split: InstanceOf[str] = ""
    blank_rows: Annotated[str, Field(pattern=rf"\A({KEEP})?\Z")] = ""
    """"keep" for an answer with as many rows as the file; else empty rows and repeated headers are left out."""

    @model_validator(mode="wrap")
    @classmethod
    def _with_our_errors(cls, values: object, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return validate(values)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise _error_of(str(wrong["loc"][0]), wrong["input"]) from None

    def to_fields(self) -> dict[str, str]:
        """Return the options as JSON holds them."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: Mapping[str, object]) -> ParseOptions:
        """Rebuild from JSON. Raises FieldUnknown, ArgumentWrong (not a short text), FieldNotChoice, FieldNotNumber."""
        try:
            return cls(**_FIELDS.validate_python(dict(values)))
        except ValidationError as error:
            wrong = error.errors()[0]
            name = wrong["loc"][0]
            if wrong["loc"][-1] == "[key]":
                names = ", ".join(item.name for item in fields(cls))
                raise FieldUnknown(field=str(name)[:40], fields=names) from None
            raise ArgumentWrong(name=name, expected="string") from None


_FIELDS = TypeAdapter(
    dict[
        Literal["encoding", "delimiter", "quote", "header", "sheet", "split", "blank_rows"],
        # 200 characters are more than any sheet's name (31 in a workbook) or delimiter needs.
        Annotated[InstanceOf[str], Field(max_length=200)],
    ]
)
# What an error says is allowed.
_CHOICES = {
    "encoding": ", ".join(ENCODINGS),
    "delimiter": ", ; | TAB none label glued",
    "quote": "\" ' none",
    "blank_rows": KEEP,
}


def _error_of(name: str, value: object) -> BertDemoError:
    start = str(value)[:40]
    if name in _CHOICES:
        return FieldNotChoice(field=name, value=start, choices=_CHOICES[name])
    return FieldNotNumber(field=name, value=start)


# Everything is left to the parser.
DECIDE = ParseOptions()


@validated(frozen=True)
class DetectedFormat:
    """How a file was parsed, so that the page can show it and offer to correct it; "" where it does not apply.

    Built from stored JSON too: pydantic turns lists into tuples, and ignores fields that a later version added.
    """

    kind: str = ""
    """delimited, lines, json, jsonl, xlsx, parquet, conll or squad."""
    encoding: str = ""
    encoding_sure: bool = True
    """False for a guess."""
    delimiter: str = ""
    """One to five characters, "none" for a column of lines, "label" for a leading word that is the label, "glued" for a
    leading label without a space behind it."""
    quote: str = ""
    header_line: int = 0
    """0 where there is none."""
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    split: str = ""
    splits: tuple[str, ...] = ()


# Of a table that came from no file.
UNREAD = DetectedFormat()


class Occurrences:
    """How often something happened, and the first ten lines it happened on."""

    # A sentence with more line numbers than this is not read.
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
    return ", ".join(map(str, items[: Occurrences.NAMED])) + (" …" if count > Occurrences.NAMED else "")
