"""A table that does not fit the task."""

from __future__ import annotations

from bertdemo.errors.base import DataError


class ColumnMissing(DataError):
    """A column that was named is not in the table."""

    key, params = "column_missing", ("column", "columns")


class ColumnsNotFound(DataError):
    """No column looks like the role that the task needs."""

    key, params = "columns_not_found", ("role", "columns")


class LabelColumnMissing(DataError):
    """The page got a table of one column for a task that needs a label: there is none to choose."""

    key = "label_column_missing"


class ColumnTwice(DataError):
    """One column is named for two roles."""

    key, params = "column_twice", ("column",)


class NothingLeft(DataError):
    """Every training row has its text in a validation or test file too."""

    key, params = "nothing_left", ("rows", "file")


class OneText(DataError):
    """Every row that can be used has the same text, so that none can be held out."""

    key, params = "one_text", ("rows", "column")


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


class ScoreNoNumber(DataError):
    """Too few scores are numbers; `row` is the first that is none."""

    key, params = "score_no_number", ("column", "row", "cell")


class AnswerElsewhere(DataError):
    """Too few answers stand in their passages; `row` is the first that does not."""

    key, params = "answer_elsewhere", ("row", "answer")


class TagsUnfit(DataError):
    """Too few rows have a tag for each word; `row` is the first that has not."""

    key, params = "tags_unfit", ("row",)


class SpansUnfit(DataError):
    """Too few rows have spans that can be used; `row` is the first that has not."""

    key, params = "spans_unfit", ("row",)


class TagUnknown(DataError):
    """No row has a tag that begins or goes on with anything; `tag` is the first of another kind."""

    key, params = "tag_unknown", ("tag", "row")


class ColumnToRead(DataError):
    """A file to predict has no column that looks like what the model reads."""

    key, params = "column_to_read", ("role", "columns")


class TaskUnknown(DataError):
    """No such task id."""

    key, params = "task_unknown", ("task", "tasks")
