"""A table that does not fit the task."""

from __future__ import annotations

from bertdemo.errors.base import DataError


class ColumnMissing(DataError):
    """A column that was named is not in the table."""

    key, params = "column_missing", ("column", "columns")


class ColumnsNotFound(DataError):
    """No column looks like the role that the task needs."""

    key, params = "columns_not_found", ("role", "columns")


class ColumnTwice(DataError):
    """One column is named for two roles."""

    key, params = "column_twice", ("column",)


class NothingLeft(DataError):
    """Every training row has its text in a validation or test file too."""

    key, params = "nothing_left", ("rows", "file")


class OneClass(DataError):
    """Only one label in the data."""

    key, params = "one_class", ("label", "column")


class TooFewRows(DataError):
    """Fewer usable rows than can be split."""

    key, params = "too_few_rows", ("rows", "minimum")


class TooManyLabels(DataError):
    """More different labels than the limit, from `row` on: most often the wrong column."""

    key, params = "too_many_labels", ("labels", "limit", "column", "row")


class UnknownLabel(DataError):
    """A validation or test file holds a label that the training data lacks."""

    key, params = "unknown_label", ("label", "row", "file", "labels")


class TaskUnknown(DataError):
    """No such task id."""

    key, params = "task_unknown", ("task", "tasks")
