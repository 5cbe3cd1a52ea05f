"""Ranges that a person typed: within the bounds of the settings, with the default in them, empty means as offered."""

from __future__ import annotations

from typing import Any

import pytest

from bertdemo.errors import (
    BertDemoError,
    FieldNotChoice,
    FieldNotNumber,
    FieldOutOfBounds,
    NothingToVary,
    RangeWithoutDefault,
)
from bertdemo.i18n.translation import message
from bertdemo.runs.studies.optuna_search import _distribution
from bertdemo.runs.studies.ranges import LISTS, RANGES, edited
from bertdemo.runs.studies.space import FIELDS
from bertdemo.runs.studies.study import Dimension
from tests.runs.studies.test_space import offered

METHODS = Dimension("method", "choice", "fine_tune", choices=("contrastive", "fine_tune", "regression"))
MOST = {"batch_size": 40, "layers": 6}


def typed(field: str, *texts: object) -> Dimension:
    dimensions = {**offered(), "method": METHODS}
    return edited(dimensions[field], texts, MOST)


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_left_empty_stays_as_it_is_offered(field: str) -> None:
    for empty in ((), ("", ""), (None, None), ("  ",)):
        assert typed(field, *empty) == {**offered(), "method": METHODS}[field]


def test_one_end_is_enough_and_the_other_stays() -> None:
    rate = typed("learning_rate", "", "2e-4")
    assert (rate.kind, rate.low, rate.high, rate.default) == ("log", pytest.approx(2e-5), 2e-4, 1e-4)
    epochs = typed("epochs", "3", "5")
    assert (epochs.kind, epochs.low, epochs.high) == ("int", 3, 5)
    assert (typed("dropout", "0.05", "0.5").low, typed("dropout", "0.05", "0.5").high) == (0.05, 0.5)


def test_a_list_is_read_with_any_separator_and_sorted() -> None:
    for text in ("32, 16, 4", "32，16、4", "32 16;4", "16,16,4,32"):
        assert typed("batch_size", text).choices == (4, 16, 32)


def test_layers_in_a_row_stay_numbers_with_an_order_and_others_are_choices() -> None:
    row = typed("layers", "4, 5, 6")
    assert (row.kind, row.low, row.high) == ("int", 4, 6)
    gaps = typed("layers", "2, 4, 6")
    assert (gaps.kind, gaps.choices) == ("choice", (2, 4, 6))


def test_choices_can_be_left_out() -> None:
    assert typed("method", "regression", "fine_tune").choices == ("fine_tune", "regression")


@pytest.mark.parametrize(
    ("field", "texts", "error", "words"),
    [
        ("learning_rate", ("abc", ""), FieldNotNumber, "Learning rate"),
        ("learning_rate", ("nan", ""), BertDemoError, "Learning rate"),
        ("learning_rate", ("0", ""), FieldOutOfBounds, "between 1e-07 and 0.01"),
        ("learning_rate", ("", "1"), FieldOutOfBounds, "between 1e-07 and 0.01"),
        ("epochs", ("2.5", ""), FieldNotNumber, "2.5"),
        ("epochs", ("", "51"), FieldOutOfBounds, "between 1 and 50"),
        ("epochs", ("5", "3"), NothingToVary, "Epochs"),
        ("epochs", ("4", "4"), NothingToVary, "Epochs"),
        ("epochs", ("5", "8"), RangeWithoutDefault, "must include 4"),
        ("dropout", ("", "0.6"), FieldOutOfBounds, "between 0 and 0.5"),
        ("batch_size", ("16, 41",), FieldOutOfBounds, "between 1 and 40"),
        ("batch_size", ("0, 16",), FieldOutOfBounds, "between 1 and 256"),
        ("batch_size", ("16",), NothingToVary, "Batch size"),
        ("batch_size", (",",), NothingToVary, "Batch size"),
        ("batch_size", ("8, 32",), RangeWithoutDefault, "must include 16"),
        ("layers", ("3, 7",), FieldOutOfBounds, "between 1 and 6"),
        ("layers", ("1, 2",), RangeWithoutDefault, "must include 6"),
        ("method", ("fine_tune", "magic"), FieldNotChoice, "magic"),
        ("method", ("fine_tune",), NothingToVary, "two different values"),
        ("method", ("contrastive", "regression"), RangeWithoutDefault, "fine_tune"),
    ],
)
def test_what_is_wrong_names_the_field_and_what_is_allowed(
    field: str, texts: tuple[str, ...], error: type[BertDemoError], words: str
) -> None:
    with pytest.raises(error) as caught:
        typed(field, *texts)
    assert words in message("en", caught.value)
    assert message("zh", caught.value) != message("en", caught.value)


@pytest.mark.parametrize(
    ("field", "texts"),
    [("learning_rate", ("5e-5", "2e-4")), ("epochs", ("2", "5")), ("dropout", ("0", "0.2")), ("batch_size", ("8, 16",)),
     ("layers", ("2, 6",)), ("layers", ("5, 6",)), ("method", ("fine_tune", "regression"))],
)  # fmt: skip
def test_optuna_can_draw_from_every_range_and_the_default_is_in_it(field: str, texts: tuple[Any, ...]) -> None:
    dimension = typed(field, *texts)
    distribution = _distribution(dimension)
    assert distribution._contains(distribution.to_internal_repr(dimension.default))


def test_every_field_has_one_kind_of_box() -> None:
    assert {*RANGES} | {*LISTS} <= {*FIELDS} and not {*RANGES} & {*LISTS}
    assert {name for name, it in offered().items() if it.kind in {"log", "float"}} <= {*RANGES}
