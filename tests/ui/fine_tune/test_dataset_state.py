"""The data that is chosen: a tick mends it, taking the tick away undoes it, and the file stays as it is."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import ColumnsNotFound, FieldOutOfBounds, LabelColumnMissing, OneClass, OneText
from bertdemo.i18n.translation import LANGUAGES, message
from bertdemo.samples import sample_path
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.fine_tune.dataset_state import SHOWN, ChosenData, Picked, Source

PICKED = Picked("classification", "text", "", "label")


@pytest.fixture
def data(settings: Settings) -> ChosenData:
    return ChosenData(Services.create(settings))


@pytest.fixture
def messy(tmp_path: Path) -> Source:
    rows = [f"{word} {i},{label}" for i in range(30) for word, label in (("good", "yes"), ("poor", "no"))]
    path = tmp_path / "messy.csv"
    path.write_text("\n".join(["text,label", *rows, "good 3,yes", "fine,Yes", ",no"]) + "\n", encoding="utf-8")
    return Source(str(path), path.name)


def shown(data: ChosenData, source: Source, lang: str = "en") -> dict[str, Any]:
    names = (
        "found", "report", "preview", "picked", "task", "text", "pair", "label", "preview_box", "cleaning", "told"
    )  # fmt: skip
    values = data.shown(source, None, "bundled", "", lang)
    assert len(values) == len(names) == SHOWN
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_known_is_filled_in_and_only_the_rest_is_asked(data: ChosenData, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "notes.csv"
    rows = [f"film {i} was shown in room {i},word {i} and {i * 7} more words" for i in range(30)]
    path.write_text("\n".join(["text,note", *rows]) + "\n", encoding="utf-8")
    asked = shown(data, Source(str(path), path.name), lang)
    assert (asked["text"]["value"], asked["label"]["value"]) == ("text", None)
    assert asked["found"] is None
    assert message(lang, ColumnsNotFound(role="label", columns="text, note")) in html.unescape(asked["report"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_table_with_one_column_is_told_the_two_ways_on(data: ChosenData, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "".join(f"film {i} was shown in room {i}\n" for i in range(30)), encoding="utf-8")
    source = Source(str(path), path.name)
    asked = shown(data, source, lang)
    assert message(lang, LabelColumnMissing()) in html.unescape(asked["report"])
    assert asked["text"]["value"] == "text" and asked["preview_box"]["visible"]
    onward = data.shown(source, Picked("fill_mask"), "bundled", "", lang)
    assert onward[0] is not None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_what_would_change_something_is_offered_with_its_count(data: ChosenData, messy: Source, lang: str) -> None:
    offered = shown(data, messy, lang)["cleaning"]
    assert [step for _, step in offered["choices"]] == ["merge_labels", "drop_missing", "drop_duplicates", "drop_rare"]
    assert all("1" in words for words, _ in offered["choices"]) and offered["value"] == []


def test_a_guessed_column_says_why_until_a_person_chooses_another(data: ChosenData, messy: Source) -> None:
    why = shown(data, messy)
    assert "“text”" in why["text"]["info"] and "“label”" in why["label"]["info"]
    assert "常见的列名" in shown(data, messy, "zh")["text"]["info"]
    corrected = data.shown(messy, Picked("classification", "label", "", "text"), "bundled", "", "en")
    assert (corrected[5]["info"], corrected[7]["info"]) == ("", "")


def test_a_tick_is_done_and_told_and_undone_without_a_trace(data: ChosenData, messy: Source) -> None:
    before = Path(messy.path).read_bytes()
    plain = shown(data, messy)
    ticked = shown(data, Source(messy.path, messy.name, cleaning=("drop_duplicates", "merge_labels")))
    assert ticked["cleaning"]["value"] == ["drop_duplicates", "merge_labels"]
    assert "1 duplicate row dropped. Rows: 62." in ticked["told"] and "Rows: 63." in ticked["told"]
    assert ticked["found"]["labels"] == 2 and plain["found"]["labels"] == 3
    assert shown(data, messy) == plain and Path(messy.path).read_bytes() == before


def test_what_trains_is_what_was_shown(data: ChosenData, messy: Source) -> None:
    every = Source(messy.path, messy.name, cleaning=("merge_labels", "drop_missing", "drop_duplicates"))
    table = data.prepared(every, PICKED)[0].table
    assert table.rows == 61 and set(table.columns["label"]) == {"yes", "no"}
    assert shown(data, every)["found"]["split"] == {"train": 49, "validation": 12, "test": 0}


def test_a_mend_that_leaves_one_label_is_refused_in_words_and_can_be_taken_back(
    data: ChosenData, tmp_path: Path
) -> None:
    path = tmp_path / "ways.csv"
    path.write_text(
        "text,label\n" + "".join(f"film {i} was shown,{'Yes' if i % 2 else 'yes'}\n" for i in range(20)), "utf-8"
    )
    source = Source(str(path), path.name, cleaning=("merge_labels",))
    refused = shown(data, source)
    assert refused["found"] is None and 'role="alert"' in refused["report"]
    assert refused["cleaning"]["visible"] and refused["cleaning"]["value"] == ["merge_labels"]
    with pytest.raises(OneClass):
        data.prepared(source, PICKED)


def test_too_many_labels_are_refused_with_a_row_above_what_else_is_wrong(data: ChosenData, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = "".join(f"film {i} was shown,kind {i % 1001}\n" for i in range(2002))
    path.write_text(f"text,label\n{rows}film 0 was shown,kind 0\n", encoding="utf-8")
    refused = data.shown(Source(str(path), path.name), PICKED, "bundled", "", "en")
    assert refused[0] is None
    assert 'role="alert"' in refused[1] and "row 1002" in refused[1] and "Duplicate rows: " in refused[1]


def test_a_file_that_cannot_be_read_offers_nothing(data: ChosenData, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    refused = shown(data, Source(str(path), path.name))
    assert refused["found"] is None and not refused["cleaning"]["visible"] and refused["told"] == ""
    assert len(data.nothing("zh")) == SHOWN


def test_a_relabeled_row_is_so_in_every_view_and_in_what_trains(data: ChosenData, messy: Source) -> None:
    plain = shown(data, messy)
    source = messy.relabeled({"2": "no", "3": "", "63": "yes"})
    changed = shown(data, source)
    assert plain["found"]["labels"] == 3 and changed["found"]["labels"] == 2
    assert sum(changed["found"]["split"].values()) == sum(plain["found"]["split"].values()) - 1
    assert "<td>good 0</td><td>no</td>" in changed["preview"] and "poor 0" not in changed["preview"]
    assert "merge_labels" not in [step for _, step in changed["cleaning"]["choices"]]
    table = data.prepared(source, PICKED)[0].table
    assert table.columns["label"][0] == "no" and 3 not in table.row_numbers
    assert shown(data, source.relabeled({})) == plain and source.relabeled({}) == messy


def test_files_beside_the_data_are_looked_at_and_change_what_the_settings_are_told(
    data: ChosenData, messy: Source, tmp_path: Path
) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text("text,label\ngood 3,yes\nnever seen,YES\n", encoding="utf-8")
    plain = messy.beside(str(asked), None)
    refused = shown(data, plain)
    assert refused["found"] is None and "labels that are not in the training set: 1 (YES)" in refused["report"]
    merged = shown(data, Source(messy.path, messy.name, cleaning=("merge_labels",)).beside(str(asked), None))
    assert merged["found"]["split"] == {"train": 60, "validation": 2, "test": 0}
    assert "is also in asked.csv (row 2 there): 2" in merged["report"]
    assert shown(data, plain.beside(None, None)) == shown(data, messy)


def test_the_split_seed_deals_other_rows_and_one_out_of_bounds_is_named(data: ChosenData, messy: Source) -> None:
    def validation(source: Source) -> tuple[int, ...]:
        return tuple(data.prepared(source, PICKED)[0].parts["validation"].numbers)

    other = messy.beside(None, None, 7)
    assert validation(messy) == validation(messy.beside(None, None, 42.0)) != validation(other)
    assert other.beside(None, None).split_seed == 7 and len(validation(other)) == len(validation(messy))
    for seed in (-1, 2**31):
        with pytest.raises(FieldOutOfBounds, match="split_seed"):
            messy.beside(None, None, seed)


def test_a_file_beside_the_data_that_cannot_be_read_leaves_the_report(
    data: ChosenData, messy: Source, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    refused = shown(data, messy.beside(None, str(empty)))
    assert refused["found"] is None and "empty.csv" in refused["report"] and "messy.csv" in refused["report"]


@pytest.mark.parametrize(
    ("file", "task", "shown_places"),
    [
        ("topics_en.csv", "multi_label", ("text", "label")),
        ("pairs_zh.csv", "pair", ("text", "pair", "label")),
        ("similarity_en.csv", "similarity", ("text", "pair", "label")),
        ("entities_zh.jsonl", "token_classification", ("text", "label")),
        ("questions_en.jsonl", "question_answering", ("text", "pair", "label")),
        ("reviews_en.csv", "classification", ("text", "label")),
    ],
)
def test_the_task_is_guessed_by_the_table_and_asks_for_its_own_columns(
    data: ChosenData, file: str, task: str, shown_places: tuple[str, ...]
) -> None:
    for lang in LANGUAGES:
        found = shown(data, Source(str(sample_path(Path(file).stem)), file), lang)
        assert found["picked"].task == task == found["task"]["value"]
        assert found["picked"].whole and found["found"]["split"]["train"] > 0
        assert tuple(place for place in ("text", "pair", "label") if found[place]["visible"]) == shown_places
        assert 'role="alert"' not in found["report"]


def test_another_task_guesses_its_own_columns_and_offers_only_mends_that_make_sense(data: ChosenData) -> None:
    source = Source(str(sample_path("reviews_en")), "reviews_en.csv")
    values = data.shown(source, Picked("fill_mask"), "bundled", "", "en")
    assert values[3] == Picked("fill_mask", "review") and values[0]["labels"] == 0
    assert [step for _, step in values[9]["choices"]] == []


def test_rows_that_are_all_one_text_are_refused_above_what_else_is_wrong(data: ChosenData, tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_text("text,label\n" + "the same,yes\nThe  same,no\n" * 10, encoding="utf-8")
    refused = data.shown(Source(str(path), path.name), PICKED, "bundled", "", "en")
    assert refused[0] is None
    assert message("en", OneText(rows=20, column="text")) in html.unescape(refused[1])
    assert "Duplicate rows: " in refused[1]
