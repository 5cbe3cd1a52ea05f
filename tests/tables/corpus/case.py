"""One awkward file: its bytes, and the table or the error that they must give."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bertdemo.errors import BertDemoError
from bertdemo.tables.table_files import ParseOptions


@dataclass(frozen=True)
class Case:
    """A file and what it must give.

    `columns` in full, or their names with `rows` where the file is large. `notes` are all of them, with their values
    where a mapping is given. `detected` holds the fields that matter.
    """

    id: str
    name: str
    content: bytes
    columns: Mapping[str, tuple[str | None, ...]] | tuple[str, ...] = ()
    rows: int | None = None
    numbers: tuple[int, ...] | None = None
    notes: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    detected: Mapping[str, Any] = field(default_factory=dict)
    error: type[BertDemoError] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    options: ParseOptions = ParseOptions()  # noqa: RUF009 - frozen


def packed(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
