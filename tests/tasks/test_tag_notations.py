"""Tags and spans as other tools write them: read as the entities that were marked, or the report says what was done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bertdemo import errors, tasks
from bertdemo.i18n.translation import LANGUAGES, message, translate
from bertdemo.tables.annotations.printed_lists import printed_list
from bertdemo.tables.table import Table
from bertdemo.tasks.results import Problem
from bertdemo.tasks.token_classification.bio import Sentence, sentences

TASK = tasks.find("token_classification")
WORDS = ["Ida", "Falk", "left", "Grimstad", "."]
TEXT = "Ida Falk left Grimstad."
FOUND = [("PER", "Ida Falk"), ("LOC", "Grimstad")]


def table(**columns: list[Any]) -> Table:
    """Return a table of cells, which are written as JSON unless they are text."""
    cells = {name: tuple(as_cell(cell) for cell in column) for name, column in columns.items()}
    return Table("t.csv", cells, tuple(range(2, 2 + len(next(iter(cells.values()))))))


def as_cell(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def marked(rows: Table, columns: dict[str, str] | None = None) -> list[list[tuple[str, str]]]:
    """Return (type, text) of the entities of each row, with the columns that the task guesses."""
    from bertdemo.tasks.token_classification.bio import entities

    chosen = columns or TASK.columns(rows)
    result = []
    for row in sentences(rows, chosen):
        assert isinstance(row, Sentence), row
        spans = [(kind, row.words[first][0], row.words[after - 1][1]) for kind, first, after in entities(row.tags)]
        result.append([(kind, row.text[start:end]) for kind, start, end in spans])
    return result


def problems(rows: Table) -> dict[str, Problem]:
    """Return the findings of the task by code; each has a sentence in both languages."""
    found = {problem.code: problem for problem in TASK.problems(rows, TASK.columns(rows))}
    for problem in found.values():
        for lang in LANGUAGES:
            assert "{" not in translate(lang, f"finding.{problem.code}", **problem.values)
    return found


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("['a' 'b'\n 'c']", ["a", "b", "c"]),
        ("""["it's", 'say "x"', 'c\\'d']""", ["it's", 'say "x"', "c'd"]),
        ("[0, 3 1]", [0, 3, 1]),
        ("[EU, rejects]", ["EU", "rejects"]),
        ("['[', ',', ']']", ["[", ",", "]"]),
        ("[(0, 3, 'PER')]", [[0, 3, "PER"]]),
        ("[{'start': 0}]", [{"start": 0}]),
        ("[]", []),
        ("['a', 'b' ... 'c']", None),
        ("['a', 'b'", None),
        ("plain", None),
        ("['a'b']", None),
    ],
)
def test_a_list_is_read_as_json_python_and_numpy_print_it(cell: str, items: list[Any] | None) -> None:
    assert printed_list(cell) == items


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda items: "[" + " ".join(map(repr, items)) + "]",
        " ".join,
        json.dumps,
    ],
    ids=["Python", "NumPy", "spaces", "JSON"],
)
def test_tags_are_found_however_their_lists_are_printed(write: Any) -> None:
    tags = [["B-PER", "I-PER", "O", "B-LOC", "O"], ["O", "O", "O", "O"]]
    words = [WORDS, ["Snow", "fell", "again", "."]]
    rows = table(nr=["1", "2"], text=[write(row) for row in words], marks=[write(row) for row in tags])
    assert TASK.fits(rows) == 1.0
    assert TASK.columns(rows) == {"tokens": "text", "tags": "marks"}
    assert [[kind for kind, _ in row] for row in marked(rows)] == [["PER", "LOC"], []]


def test_entities_are_chosen_before_parts_of_speech() -> None:
    rows = table(
        words=[WORDS], pos_tags=[["NNP", "NNP", "VBD", "NNP", "."]], ner_tags=[["B-A", "I-A", "O", "B-B", "O"]]
    )
    assert TASK.columns(rows) == {"tokens": "words", "tags": "ner_tags"}


def test_tags_that_are_numbers_are_refused_with_what_to_write() -> None:
    rows = table(tokens=[WORDS] * 4, ner_tags=[[1, 2, 0, 5, 0]] * 4)
    assert TASK.columns(rows) == {"tokens": "tokens", "tags": "ner_tags"}
    with pytest.raises(errors.TagsNumbered) as caught:
        TASK.check(rows, TASK.columns(rows), label_limit=9)
    assert caught.value.values == {"tag": "1", "row": 2, "column": "ner_tags"}
    assert all(message(lang, caught.value) for lang in LANGUAGES)
    # A report has the same as a failed check, so that no baseline is fitted to a single tag.
    assert problems(rows)["tags_are_numbers"].level == "fail"
    assert problems(table(tokens=[WORDS], tags=[["O"] * 5]))["no_entities"].level == "fail"


def test_numbers_of_labels_beside_a_text_are_no_tags() -> None:
    rows = table(text=["a short text", "another one of them"], labels=[[3], [3, 12]])
    assert TASK.fits(rows) == 0.0


# --- schemes -------------------------------------------------------------------------------------------------------

SCHEMES = {
    "BIO": "B-PER I-PER O B-LOC O",
    "IOB1": "I-PER I-PER O I-LOC O",
    "BILOU": "B-PER L-PER O U-LOC O",
    "BIOES": "B-PER E-PER O S-LOC O",
    "BMEWO": "B-PER E-PER O W-LOC O",
    "BMES, underscores": "B_PER E_PER O S_LOC O",
    "IOE": "I-PER E-PER O E-LOC O",
    "zero outside": "B-PER I-PER 0 B-LOC 0",
    "OTHER outside": "B-PER I-PER OTHER B-LOC OTHER",
    "a word of its own outside": "B-PER I-PER U B-LOC U",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_gives_the_same_entities_without_an_alarm(scheme: str) -> None:
    rows = table(tokens=[WORDS, WORDS], tags=[SCHEMES[scheme].split()] * 2)
    assert [[(kind, text.replace(" ,", "")) for kind, text in row] for row in marked(rows)] == [FOUND, FOUND]
    assert not {code for code, problem in problems(rows).items() if problem.level != "pass"}


def test_a_file_s_own_word_for_outside_is_told_and_a_second_one_is_not_guessed() -> None:
    rows = table(tokens=[WORDS] * 2, tags=[SCHEMES["a word of its own outside"].split()] * 2)
    assert problems(rows)["outside_tag"].values == {"tag": "U"}
    two = table(tokens=[WORDS] * 2, tags=["B-PER I-PER U B-LOC V", "B-PER I-PER U B-LOC U"])
    assert problems(two)["tags_unknown"].values["tags"] == "U, V"


def test_an_i_without_its_b_is_still_told_in_bio() -> None:
    rows = table(tokens=[WORDS] * 2, tags=["B-PER I-PER O I-LOC O", "O O O B-LOC O"])
    assert problems(rows)["inside_without_begin"].rows == (0,)


def test_rows_of_single_words_are_told() -> None:
    rows = table(tokens=[[word] for word in WORDS * 3], tags=[[tag] for tag in SCHEMES["BIO"].split() * 3])
    assert problems(rows)["rows_of_one_word"].values == {"count": 15}


# --- spans ---------------------------------------------------------------------------------------------------------

SPANS: dict[str, Any] = {
    "objects": [{"start": 0, "end": 8, "label": "PER"}, {"start": 14, "end": 22, "label": "LOC"}],
    "lists": [[0, 8, "PER"], [14, 22, "LOC"]],
    "label first": [["PER", 0, 8], ["LOC", 14, 22]],
    "offsets": [{"id": 3, "label": "PER", "start_offset": 0, "end_offset": 8},
                {"id": 4, "label": "LOC", "start_offset": 14, "end_offset": 22}],
    "camel case": [{"label": "PER", "startOffset": 0, "endOffset": 8},
                   {"label": "LOC", "startOffset": 14, "endOffset": 22}],
    "lists of labels": [{"start": 0, "end": 8, "text": "Ida Falk", "labels": ["PER"]},
                        {"start": 14, "end": 22, "text": "Grimstad", "labels": ["LOC"]}],
    "tags with values": [{"start": 0, "end": 8, "tag": "PER", "value": "Ida Falk"},
                         {"start": 14, "end": 22, "tag": "LOC", "value": "home"}],
    "points with inclusive ends": [{"label": ["PER"], "points": [{"start": 0, "end": 7, "text": "Ida Falk"}]},
                                   {"label": ["LOC"], "points": [{"start": 14, "end": 21, "text": "Grimstad"}]}],
    "by label and text, inclusive": {"PER": {"Ida Falk": [[0, 7]]}, "LOC": {"Grimstad": [[14, 21]]}},
    "by label": {"PER": [[0, 8]], "LOC": [[14, 22]]},
    "inclusive without text": [[0, 7, "PER"], [14, 21, "LOC"]],
    "under entities": {"entities": [[0, 8, "PER"], [14, 22, "LOC"]]},
    "printed by Python": "[(0, 8, 'PER'), (14, 22, 'LOC')]",
}  # fmt: skip


@pytest.mark.parametrize("notation", SPANS)
def test_spans_under_the_keys_of_many_tools_are_the_same_spans(notation: str) -> None:
    empty = {} if isinstance(SPANS[notation], dict) else []
    rows = table(id=["1", "2"], content=[TEXT, "Snow fell."], marks=[SPANS[notation], empty])
    assert TASK.fits(rows) == 1.0
    assert TASK.columns(rows) == {"tokens": "content", "tags": "marks"}
    assert marked(rows) == [FOUND, []]
    assert ("spans_inclusive" in problems(rows)) == ("inclusive" in notation)


def test_whether_ends_are_inclusive_is_decided_over_the_whole_file() -> None:
    texts = [TEXT, "Ida left.", "A B saw Ida Falk"]
    # The end of "A" alone fits both ways, and one span is broken: the others decide.
    inclusive = table(text=texts, spans=[[[0, 7, "PER"]], [[0, 2, "PER"]], [[0, 0, "X"], [8, 15, "PER"]]])
    assert marked(inclusive) == [[("PER", "Ida Falk")], [("PER", "Ida")], [("X", "A"), ("PER", "Ida Falk")]]
    exclusive = table(text=texts, spans=[[[0, 8, "PER"]], [[0, 3, "PER"]], [[0, 1, "X"], [8, 16, "PER"]]])
    assert marked(exclusive) == marked(inclusive)


def test_spans_that_count_tokens_mark_these_tokens() -> None:
    rows = table(tokenized_text=[WORDS, WORDS], ner=[[[0, 1, "PER"], [3, 3, "LOC"]], []])
    assert TASK.columns(rows) == {"tokens": "tokenized_text", "tags": "ner"}
    assert marked(rows) == [FOUND, []]
    exclusive = table(tokens=[WORDS, WORDS], entities=[[{"start": 0, "end": 2, "type": "PER"}], [
        {"start": 3, "end": 5, "type": "LOC"}]])  # fmt: skip
    assert marked(exclusive) == [[("PER", "Ida Falk")], [("LOC", "Grimstad .")]]


def test_spans_inside_words_are_counted_and_their_rows_named() -> None:
    texts = ["Ida Falk's boat", "the Falk-led crew", "Ida Falk left"]
    rows = table(text=texts, spans=[[[0, 8, "PER"]], [[4, 8, "PER"]], [[0, 8, "PER"]]])
    found = problems(rows)["spans_inside_words"]
    assert (found.rows, found.values) == ((0, 1), {"count": 2, "rows": 2, "spans": "Ida Falk, Falk"})
    assert marked(rows)[:2] == [[("PER", "Ida Falk's")], [("PER", "Falk-led")]]


def test_a_stated_text_that_is_elsewhere_moves_its_span_and_one_that_is_nowhere_is_not_read() -> None:
    texts = ["🙂🙂 Ida met Ida Falk", "Ida left", "Ida left"]
    rows = table(text=texts, spans=[
        [{"start": 13, "end": 16, "text": "Ida", "label": "PER"}],  # emoji counted as two
        [{"start": 0, "end": 3, "text": "Olav", "label": "PER"}],
        [{"start": 0, "end": 3, "text": "ida", "label": "PER"}],
    ])  # fmt: skip
    found = problems(rows)
    assert found["spans_moved"].rows == (0,) and found["spans_moved"].values == {"count": 1, "rows": 1}
    assert found["spans_elsewhere"].rows == (1,)
    moved = sentences(rows, TASK.columns(rows))[0]
    assert isinstance(moved, Sentence) and moved.tags == ("O", "O", "O", "O", "B-PER", "O")[: len(moved.tags)]


@pytest.mark.parametrize("tags", [
    "[" * 500 + "]" * 500, "['" + "9" * 5000 + "']", "[" + "9" * 5000 + "]", "[[0, 99999999999999, 'X']]", "{}", "[{}]",
    "[null]", "[[true, 2, 'X']]", "{'a': 1}", "[[0, 1, 'X'], {}]", "['a', {'b': ['c']}]", "[(0, 1)]", "{", "['", "[-1]",
])  # fmt: skip
@pytest.mark.parametrize("words", [TEXT, json.dumps(WORDS), str(WORDS), "[]", "["])
def test_no_cell_breaks_the_reading_of_a_row(words: str, tags: str) -> None:
    rows = table(text=[words, words], tags=[tags, "[[0, 1, 'X']]"])
    columns = {"tokens": "text", "tags": "tags"}
    assert len(sentences(rows, columns)) == 2
    TASK.problems(rows, columns)
