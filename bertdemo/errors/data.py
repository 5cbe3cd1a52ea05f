"""A table that does not fit the task."""

from __future__ import annotations

import json

from bertdemo.errors.base import DataError


class ColumnMissing(DataError):
    """A column that was named is not in the table."""

    key, params = "column_missing", ("column", "columns")


class ColumnsNotFound(DataError):
    """No column fits a role that the task requires."""

    key, params = "columns_not_found", ("role", "columns")


class LabelColumnMissing(DataError):
    """The table has one column, and the task needs a label column too."""

    key = "label_column_missing"


class ReadingChoice(DataError):
    """Only a person can choose a reading: `first` and `second` are arguments {"task", "columns"}, as JSON."""

    params = ("first", "second")

    @property
    def readings(self) -> list[dict[str, object]]:
        """The arguments of both."""
        return [json.loads(str(self.values[name])) for name in self.params]


class ReadingsAmbiguous(ReadingChoice):
    """Two readings of a table are as good."""

    key, params = "readings_ambiguous", ("first", "second")


class LabelOrTaskMissing(ReadingChoice):
    """No column looks like a label, and several tasks need none."""

    key, params = "label_or_task_missing", ("first", "second")


class RoleNotRead(DataError):
    """A column was given for a role that the task, or the model, does not read."""

    key, params = "role_not_read", ("argument", "task", "roles")


class ColumnTwice(DataError):
    """One column is assigned to two roles."""

    key, params = "column_twice", ("column",)


class NothingLeft(DataError):
    """Every training row is also in the validation or test file, so that no training row remains."""

    key, params = "nothing_left", ("rows", "file")


class OneText(DataError):
    """All usable rows have the same text, so that no row can be held out."""

    key, params = "one_text", ("rows", "column")


class OneClass(DataError):
    """The data have one label only."""

    key, params = "one_class", ("label", "column")


class LabelIsNumber(DataError):
    """The label column holds a quantity (0.13, 0.37, …) rather than classes."""

    key, params = "label_is_number", ("column", "labels", "example")


class TooFewRows(DataError):
    """Too few usable rows to split."""

    key, params = "too_few_rows", ("rows", "minimum")


class TooManyLabels(DataError):
    """More distinct labels than the limit, exceeded at `row`: usually the wrong column."""

    key, params = "too_many_labels", ("labels", "limit", "column", "row")


class UnknownLabel(DataError):
    """A validation or test file has a label that the training data lack."""

    key, params = "unknown_label", ("label", "row", "file", "labels")


class ScoreNoNumber(DataError):
    """Too few scores are numbers; `row` is the first that is not."""

    key, params = "score_no_number", ("column", "row", "cell")


class AnswerElsewhere(DataError):
    """Too few answers occur in their passages; `row` is the first that does not."""

    key, params = "answer_elsewhere", ("row", "answer")


class TagsUnfit(DataError):
    """Too few rows have one tag per word; `row` is the first that does not."""

    key, params = "tags_unfit", ("row",)


class SpansUnfit(DataError):
    """Too few rows have usable spans; `row` is the first that does not."""

    key, params = "spans_unfit", ("row",)


class TagUnknown(DataError):
    """No tag of the data begins or continues an entity (B-, I-, ...); `tag` is the first unknown one."""

    key, params = "tag_unknown", ("tag", "row")


class TagsNumbered(DataError):
    """Tags are numbers without names, as `datasets` stores the ids of a ClassLabel; `tag` is the first of them."""

    key, params = "tags_numbered", ("tag", "row", "column")


class ColumnToRead(DataError):
    """A file for prediction has no column that fits an input of the model."""

    key, params = "column_to_read", ("role", "columns")


class TaskUnknown(DataError):
    """There is no task of that id."""

    key, params = "task_unknown", ("task", "tasks")
