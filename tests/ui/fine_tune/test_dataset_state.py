"""The data that is chosen: a tick mends it, taking the tick away undoes it, and the file stays as it is."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from bertdemo.errors import ColumnsNotFound, FieldOutOfBounds, LabelColumnMissing, OneClass, OneText
from bertdemo.i18n.translation import LANGUAGES, message, translate
from bertdemo.samples import sample_path
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Picked, Source, silent
from tests.ui.fine_tune.support import choice, shown, tab

PICKED = Picked("classification", "text", "", "label")


@pytest.fixture
def calls(settings: Settings) -> DataCallbacks:
    settings.apply()
    return tab(Services.create(settings)).data


@pytest.fixture
def messy(tmp_path: Path) -> Source:
    rows = [f"{word} {i},{label}" for i in range(30) for word, label in (("good", "yes"), ("poor", "no"))]
    path = tmp_path / "messy.csv"
    path.write_text("\n".join(["text,label", *rows, "good 3,yes", "fine,Yes", ",no"]) + "\n", encoding="utf-8")
    return Source(str(path), path.name)


def steps(drawn: dict[str, Any], *, done: bool = False) -> list[str]:
    """The cleaning steps that the report offers, or those that it has done and can undo."""
    end = ' aria-pressed="true"' if done else " title="
    return re.findall(rf'data-step="(\w+)"{end}', drawn["report"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_known_is_filled_in_and_only_the_rest_is_asked(calls: DataCallbacks, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "notes.csv"
    rows = [f"film {i} was shown in room {i},word {i} and {i * 7} more words" for i in range(30)]
    path.write_text("\n".join(["text,note", *rows]) + "\n", encoding="utf-8")
    asked = shown(calls, Source(str(path), path.name), lang=lang)
    assert (asked["text"]["value"], asked["label"]["value"]) == ("text", None)
    assert asked["found"] is None
    assert message(lang, ColumnsNotFound(role="label", columns="text, note")) in html.unescape(asked["report"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_table_with_one_column_is_told_the_two_ways_on(calls: DataCallbacks, tmp_path: Path, lang: str) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "".join(f"film {i} was shown in room {i}\n" for i in range(30)), encoding="utf-8")
    source = Source(str(path), path.name)
    asked = shown(calls, source, lang=lang)
    assert message(lang, LabelColumnMissing()) in html.unescape(asked["report"])
    assert asked["text"]["value"] == "text" and asked["pretrain"]["visible"] and not asked["start"]["interactive"]
    onward = shown(calls, source, Picked("fill_mask"), lang)
    assert onward["found"] is not None and onward["start"]["interactive"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_what_would_change_something_is_offered_with_its_count(
    calls: DataCallbacks, messy: Source, lang: str
) -> None:
    drawn = shown(calls, messy, lang=lang)
    assert sorted(steps(drawn)) == ["drop_duplicates", "drop_missing", "drop_rare", "merge_labels"]
    assert steps(drawn, done=True) == []


def test_a_guessed_column_says_why_until_a_person_chooses_another(calls: DataCallbacks, messy: Source) -> None:
    why = shown(calls, messy)
    assert "“text”" in why["text"]["info"] and "“label”" in why["label"]["info"]
    assert "常见的列名" in shown(calls, messy, lang="zh")["text"]["info"]
    corrected = shown(calls, messy, Picked("classification", "label", "", "text"))
    assert (corrected["text"]["info"], corrected["label"]["info"]) == ("", "")


def test_a_tick_is_done_and_told_and_undone_without_a_trace(calls: DataCallbacks, messy: Source) -> None:
    before = Path(messy.path).read_bytes()
    plain = shown(calls, messy)
    ticked = shown(calls, Source(messy.path, messy.name, cleaning=("drop_duplicates", "merge_labels")))
    assert sorted(steps(ticked, done=True)) == ["drop_duplicates", "merge_labels"]
    assert "1 duplicate row dropped. Rows: 62." in ticked["report"] and "Rows: 63." in ticked["report"]
    assert ticked["found"]["labels"] == 2 and plain["found"]["labels"] == 3
    assert shown(calls, messy) == plain and Path(messy.path).read_bytes() == before


def test_what_trains_is_what_was_shown(calls: DataCallbacks, messy: Source) -> None:
    every = Source(messy.path, messy.name, cleaning=("merge_labels", "drop_missing", "drop_duplicates"))
    table = calls.data.prepared(every, PICKED)[0].table
    assert table.rows == 61 and set(table.columns["label"]) == {"yes", "no"}
    assert shown(calls, every)["found"]["split"] == {"train": 49, "validation": 12, "test": 0}


def test_a_mend_that_leaves_one_label_is_refused_in_words_and_can_be_taken_back(
    calls: DataCallbacks, tmp_path: Path
) -> None:
    path = tmp_path / "ways.csv"
    path.write_text(
        "text,label\n" + "".join(f"film {i} was shown,{'Yes' if i % 2 else 'yes'}\n" for i in range(20)), "utf-8"
    )
    source = Source(str(path), path.name, cleaning=("merge_labels",))
    refused = shown(calls, source)
    assert refused["found"] is None and 'role="alert"' in refused["report"]
    assert steps(refused, done=True) == ["merge_labels"] and not refused["start"]["interactive"]
    with pytest.raises(OneClass):
        calls.data.prepared(source, PICKED)


def test_too_many_labels_are_refused_with_a_row_above_what_else_is_wrong(calls: DataCallbacks, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = "".join(f"film {i} was shown,kind {i % 1001}\n" for i in range(2002))
    path.write_text(f"text,label\n{rows}film 0 was shown,kind 0\n", encoding="utf-8")
    refused = shown(calls, Source(str(path), path.name), PICKED)
    assert refused["found"] is None and 'role="alert"' in refused["report"]
    assert "row 1002" in refused["report"] and "Duplicate rows: " in refused["report"]


def test_a_file_that_cannot_be_read_offers_nothing(calls: DataCallbacks, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    refused = shown(calls, Source(str(path), path.name))
    assert refused["found"] is None and steps(refused) == [] and not refused["task"]["visible"]
    assert refused["stage"] == "data" and "empty.csv" in refused["cards"] and refused["preview"] == ""


def test_a_relabeled_row_is_so_in_every_view_and_in_what_trains(calls: DataCallbacks, messy: Source) -> None:
    plain = shown(calls, messy)
    source = messy.relabeled({"2": "no", "3": "", "63": "yes"})
    changed = shown(calls, source)
    assert plain["found"]["labels"] == 3 and changed["found"]["labels"] == 2
    assert sum(changed["found"]["split"].values()) == sum(plain["found"]["split"].values()) - 1
    assert "<td>good 0</td><td>no</td>" in changed["preview"] and "poor 0" not in changed["preview"]
    assert "merge_labels" not in steps(changed)
    table = calls.data.prepared(source, PICKED)[0].table
    assert table.columns["label"][0] == "no" and 3 not in table.row_numbers
    assert shown(calls, source.relabeled({})) == plain and source.relabeled({}) == messy


def test_files_beside_the_data_are_looked_at_and_change_what_the_settings_are_told(
    calls: DataCallbacks, messy: Source, tmp_path: Path
) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text("text,label\ngood 3,yes\nnever seen,YES\n", encoding="utf-8")
    plain = messy.beside(str(asked), None)
    refused = shown(calls, plain)
    assert refused["found"] is None and "labels that are not in the training set: 1 (YES)" in refused["report"]
    merged = shown(calls, Source(messy.path, messy.name, cleaning=("merge_labels",)).beside(str(asked), None))
    assert merged["found"]["split"] == {"train": 60, "validation": 2, "test": 0}
    assert "is also in asked.csv (row 2 there): 2" in merged["report"]
    assert shown(calls, plain.beside(None, None)) == shown(calls, messy)


def test_the_split_seed_deals_other_rows_and_one_out_of_bounds_is_named(calls: DataCallbacks, messy: Source) -> None:
    def validation(source: Source) -> tuple[int, ...]:
        return tuple(calls.data.prepared(source, PICKED)[0].parts["validation"].numbers)

    other = messy.beside(None, None, 7)
    assert validation(messy) == validation(messy.beside(None, None, 42.0)) != validation(other)
    assert other.beside(None, None).split_seed == 7 and len(validation(other)) == len(validation(messy))
    for seed in (-1, 2**31):
        with pytest.raises(FieldOutOfBounds, match="split_seed"):
            messy.beside(None, None, seed)


def test_a_file_beside_the_data_that_cannot_be_read_leaves_the_report(
    calls: DataCallbacks, messy: Source, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    refused = shown(calls, messy.beside(None, str(empty)))
    assert refused["found"] is None and "empty.csv" in refused["report"] and "messy.csv" in refused["cards"]


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
    calls: DataCallbacks, file: str, task: str, shown_places: tuple[str, ...]
) -> None:
    for lang in LANGUAGES:
        found = shown(calls, Source(str(sample_path(Path(file).stem)), file), lang=lang)
        assert found["picked"].task == task == found["task"]["value"]
        assert found["picked"].whole and found["found"]["split"]["train"] > 0
        assert tuple(place for place in ("text", "pair", "label") if found[place]["visible"]) == shown_places
        assert 'role="alert"' not in found["report"]


def test_another_task_guesses_its_own_columns_and_offers_only_mends_that_make_sense(calls: DataCallbacks) -> None:
    source = Source(str(sample_path("reviews_en")), "reviews_en.csv")
    drawn = shown(calls, source, Picked("fill_mask"))
    assert drawn["picked"] == Picked("fill_mask", "review") and drawn["found"]["labels"] == 0
    assert steps(drawn) == []


def test_rows_that_are_all_one_text_are_refused_above_what_else_is_wrong(calls: DataCallbacks, tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_text("text,label\n" + "the same,yes\nThe  same,no\n" * 10, encoding="utf-8")
    refused = shown(calls, Source(str(path), path.name), PICKED)
    assert refused["found"] is None
    assert message("en", OneText(rows=20, column="text")) in html.unescape(refused["report"])
    assert "Duplicate rows: " in refused["report"]


# --- choosing ---


def test_pasted_cells_are_read_like_a_file_and_what_is_no_table_is_said(calls: DataCallbacks) -> None:
    rows = "".join(f"film {i} was shown in room {i}\t{'good' if i % 2 else 'poor'}\n" for i in range(30))
    drawn = calls.paste(choice(), f"text\tlabel\n{rows}", silent)
    assert drawn[calls.parts.state.picked] == PICKED and drawn[calls.parts.state.facts].rows == 30
    refused = calls.paste(choice(lang="zh"), "  \n", silent)
    assert set(refused) == {calls.parts.empty.refused} and 'role="alert"' in str(refused)


def test_a_press_that_no_button_makes_changes_nothing(calls: DataCallbacks, messy: Source) -> None:
    assert calls.choose_sample(choice(), {"sample": "../secret"}) == {}
    assert calls.pressed(choice(source=messy, picked=PICKED), {"other": "x"}) == {}


def test_a_step_is_done_by_a_press_and_undone_by_the_next(calls: DataCallbacks, messy: Source) -> None:
    chosen = choice(stage="data", source=messy, picked=PICKED)
    source = calls.pressed(chosen, {"step": "drop_duplicates"})[calls.parts.state.source]
    assert source.cleaning == ("drop_duplicates",)
    back = calls.pressed(choice(source=source, picked=PICKED), {"step": "drop_duplicates"})
    assert back[calls.parts.state.source] == messy


def test_a_label_shows_its_rows_and_back(calls: DataCallbacks, messy: Source) -> None:
    chosen = choice(stage="data", source=messy, picked=PICKED)
    rows = str(calls.pressed(chosen, {"label": "Yes"})[calls.parts.data.preview])
    assert "fine" in rows and "good 1" not in rows
    assert "good 1" in str(calls.pressed(chosen, {"allRows": ""})[calls.parts.data.preview])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_bar_says_what_will_happen_or_why_it_cannot(calls: DataCallbacks, messy: Source, lang: str) -> None:
    bar, empty = calls.parts.bar, calls.plan(choice(lang=lang))
    assert translate(lang, "fine_tune.reason.no_data") in str(empty[bar.plan]) and not empty[bar.start]["interactive"]
    facts = calls.show(choice(lang=lang), messy, PICKED)[calls.parts.state.facts]
    known = {"lang": lang, "source": messy, "picked": PICKED, "facts": facts, "stage": "data"}
    plan = calls.plan(choice(**known))
    assert "50" in str(plan[bar.plan]) and plan[bar.start]["interactive"]
    epochs = calls.parts.data.form.controls["epochs"]
    assert translate(lang, "fine_tune.automatic_value", value="10") == plan[epochs]["placeholder"]
    wrong = calls.plan(choice(**known, fields={"epochs": "many"}))
    assert 'role="alert"' in str(wrong[bar.plan]) and not wrong[bar.start]["interactive"]


def test_data_that_another_visitor_chose_in_the_same_session_are_not_there(calls: DataCallbacks, messy: Source) -> None:
    parts = calls.parts
    inputs = parts.inputs(calls.page)
    drawn = calls.show(choice(key="anna's"), messy, PICKED)
    chosen = {name: drawn[getattr(parts.state, name)] for name in ("source", "picked", "facts", "stage")}
    assert chosen["source"].path == messy.path
    values = {**dict.fromkeys(inputs.components), **{getattr(parts.state, name): it for name, it in chosen.items()}}
    mine = inputs.read({**values, inputs.owner: "anna's"})
    assert (mine.source, mine.picked, mine.stage) == (chosen["source"], PICKED, "data")
    for other in ("ben's", "", None):
        theirs = inputs.read({**values, inputs.owner: other})
        assert (theirs.source, theirs.picked, theirs.facts, theirs.stage) == (None, None, None, "empty")
