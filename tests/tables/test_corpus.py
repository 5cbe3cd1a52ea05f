"""Every awkward file of the corpus reads as the table, or is refused with the error, that a person would expect."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from bertdemo import errors
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.settings import Limits
from bertdemo.tables.table_files import read
from tests.tables.corpus import CASES
from tests.tables.corpus.case import Case

IDS = [case.id for case in CASES]


def test_the_corpus_is_large_and_no_file_of_it_is_there_twice() -> None:
    assert len(CASES) >= 70
    assert len(set(IDS)) == len(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case.error is None], ids=lambda case: case.id)
def test_an_awkward_file_reads_as_its_table(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(case.content)
    table = read(path, case.name, Limits(), case.options)
    if isinstance(case.columns, tuple):
        assert tuple(table.columns) == case.columns
    else:
        assert dict(table.columns) == dict(case.columns)
    assert case.rows is None or table.rows == case.rows
    assert case.numbers is None or tuple(table.row_numbers) == case.numbers
    found = {note.code: dict(note.values) for note in table.notes}
    assert found.keys() == case.notes.keys()
    assert {code: values for code, values in found.items() if case.notes[code] is not None} == {
        code: dict(values) for code, values in case.notes.items() if values is not None
    }
    shown = asdict(table.detected)
    assert {name: shown[name] for name in case.detected} == dict(case.detected)
    for lang in LANGUAGES:
        for note in table.notes:
            assert "{" not in translate(lang, f"table.{note.code}", **note.values).replace("{x}", "")


@pytest.mark.parametrize("case", [case for case in CASES if case.error is not None], ids=lambda case: case.id)
def test_an_awkward_file_is_refused_with_what_is_wrong(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(case.content)
    with pytest.raises(errors.BertDemoError) as caught:
        read(path, case.name, Limits(), case.options)
    assert type(caught.value) is case.error
    assert caught.value.values["file"] == case.name or "file" in case.values
    assert {name: caught.value.values[name] for name in case.values} == dict(case.values)


def test_no_path_from_inside_a_zip_is_written(tmp_path: Path) -> None:
    evil = Path("/tmp/bertdemo-evil.csv")
    evil.unlink(missing_ok=True)
    for case in CASES:
        if case.id.startswith("members "):
            path = tmp_path / "upload.zip"
            path.write_bytes(case.content)
            read(path, case.name, Limits(), case.options)
    assert not evil.exists()
    assert [item.name for item in tmp_path.iterdir()] == ["upload.zip"]
