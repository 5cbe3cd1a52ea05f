"""Name and note of a run: kept in its folder, bounded, and whatever was typed comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertdemo.errors import RunNameTooLong, RunNoteTooLong, RunUnknown
from bertdemo.runs.notes import NAME_CHARS, NOTE_CHARS, RunNotes
from bertdemo.runs.registry import Registry
from tests.runs.support import created


@pytest.fixture
def tiny() -> None:
    """No checkpoint is needed here."""


def test_a_name_and_a_note_come_back_and_the_name_is_one_line(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    assert registry.read(run_id, "").name == data.name
    registry.annotate(run_id, "", RunNotes.typed("  <b>first</b>\ntry ", " <i>slow</i>\nbut good "))
    view = registry.summary(run_id, "")
    assert (view.name, view.note) == ("<b>first</b> try", "<i>slow</i>\nbut good")
    registry.annotate(run_id, "", RunNotes.typed("", ""))
    assert (registry.read(run_id, "").name, registry.read(run_id, "").note) == (data.name, "")
    assert not [path for path in registry.folder(run_id).iterdir() if path.name.startswith(".tmp-")]


def test_what_is_too_long_is_refused_with_the_limit() -> None:
    assert RunNotes.typed("n" * NAME_CHARS, "t" * NOTE_CHARS).name == "n" * NAME_CHARS
    with pytest.raises(RunNameTooLong) as name:
        RunNotes.typed("n" * (NAME_CHARS + 1), "")
    with pytest.raises(RunNoteTooLong) as note:
        RunNotes.typed("", "t" * (NOTE_CHARS + 1))
    assert (name.value.values["limit"], note.value.values["limit"]) == (NAME_CHARS, NOTE_CHARS)


def test_another_owner_can_neither_read_nor_write_them(registry: Registry, data: Path) -> None:
    run_id = created(registry, data, owner="mine")
    with pytest.raises(RunUnknown):
        registry.annotate(run_id, "yours", RunNotes("x", "y"))
    assert registry.read(run_id, "mine").note == ""


@pytest.mark.parametrize("stored", ["", "[]", '{"name": 3}', '{"note": "' + "x" * (NOTE_CHARS + 1) + '"}', "\x00"])
def test_notes_that_cannot_be_read_are_no_notes(registry: Registry, data: Path, stored: str) -> None:
    run_id = created(registry, data)
    (registry.folder(run_id) / "notes.json").write_text(stored, encoding="utf-8")
    assert registry.read(run_id, "").name == data.name


def test_half_of_a_surrogate_pair_is_no_character(registry: Registry, data: Path) -> None:
    run_id = created(registry, data)
    registry.annotate(run_id, "", RunNotes.typed("a\ud800", ""))
    assert registry.read(run_id, "").name == "a?"
