"""What a person calls a run and has written about it: `notes.json` in the folder of the run."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from bertdemo.errors import RunNameTooLong, RunNoteTooLong
from bertdemo.processes import write_atomic

# A name is one line of the list; a note is a paragraph, not a report.
NAME_CHARS, NOTE_CHARS = 80, 1000
_FILE = "notes.json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunNotes:
    """Name and note of a run; "" where a person gave none. Raises ValidationError, a ValueError, for other values."""

    name: Annotated[str, StringConstraints(strict=True, max_length=NAME_CHARS)] = ""
    note: Annotated[str, StringConstraints(strict=True, max_length=NOTE_CHARS)] = ""

    @classmethod
    def typed(cls, name: str, note: str) -> RunNotes:
        """Return what was typed, the name in one line; RunNameTooLong or RunNoteTooLong above the limits."""
        # Half of a surrogate pair is no character; a browser can send one.
        name, note = (text.encode("utf-8", "replace").decode("utf-8") for text in (name, note))
        name, note = " ".join(name.split()), note.strip()
        if len(name) > NAME_CHARS:
            raise RunNameTooLong(chars=len(name), limit=NAME_CHARS)
        if len(note) > NOTE_CHARS:
            raise RunNoteTooLong(chars=len(note), limit=NOTE_CHARS)
        return cls(name, note)

    @classmethod
    def read(cls, folder: Path) -> RunNotes:
        """Return the notes of a run; empty ones where it has none, or none that can be read."""
        try:
            return TypeAdapter(cls).validate_json((folder / _FILE).read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError):
            _LOG.warning("unreadable %s in %s", _FILE, folder)
            return cls()

    def write(self, folder: Path) -> None:
        """Store them, in place of those that are there."""
        write_atomic(folder / _FILE, json.dumps(asdict(self), ensure_ascii=False))
