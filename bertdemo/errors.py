"""What can go wrong because of what a visitor asked for. A leaf is a message key and its parameters, no prose.

    BertDemoError
    ├── InputError        a text, an argument or an id that cannot be used
    ├── TableError        a file that is not a readable table
    ├── DataError         a table that does not fit the task
    ├── ConfigError       settings out of bounds, field by field
    ├── CheckpointError   a checkpoint that cannot be found, fetched or trusted
    └── RunError          a run that cannot be started, found or changed

Every message stands in `ui/locales` under `error.<key>`, with exactly the parameters named in `params`.
Anything that is not a BertDemoError is a bug: it is logged with its traceback and shown as an error id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

Param = str | int | float


class BertDemoError(Exception):
    """Base: `key` names the message, `params` its placeholders."""

    key: ClassVar[str] = ""
    params: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Param) -> None:
        if set(values) != set(self.params):
            raise TypeError(f"{type(self).__name__} takes {self.params}, got {tuple(values)}")
        self.values: Mapping[str, Param] = values
        super().__init__(f"{self.key} {dict(values)}")

    @property
    def message_key(self) -> str:
        """Key of the message in `ui/locales`."""
        return f"error.{self.key}"


class InputError(BertDemoError):
    """A text, an argument or an id that cannot be used."""


class TableError(BertDemoError):
    """A file that is not a readable table."""


class DataError(BertDemoError):
    """A table that does not fit the task."""


class ConfigError(BertDemoError):
    """Settings out of bounds; `field` names the one at fault."""


class CheckpointError(BertDemoError):
    """A checkpoint that cannot be found, fetched or trusted."""


class RunError(BertDemoError):
    """A run that cannot be started, found or changed."""


class TextTooLong(InputError):
    """A text in a box is longer than the limit."""

    key, params = "text_too_long", ("chars", "limit")


class TextMissing(InputError):
    """Nothing was typed where a text is needed."""

    key = "text_missing"


class TooManyTexts(InputError):
    """More texts in one call than allowed."""

    key, params = "too_many_texts", ("count", "limit")


class ArgumentWrong(InputError):
    """An API argument has the wrong type or value."""

    key, params = "argument_wrong", ("name", "expected")


class FileMissing(InputError):
    """An endpoint needs a file and got none."""

    key = "file_missing"


class OwnerUnknown(InputError):
    """The owner key is missing or malformed on a server with several visitors."""

    key = "owner_unknown"


class FileTooLarge(TableError):
    """The file is larger than the limit; both in bytes, as text with a unit."""

    key, params = "file_too_large", ("file", "size", "limit")


class UnpacksTooFar(TableError):
    """An archive that unpacks to more than `limit` times its size, as no honest workbook does."""

    key, params = "unpacks_too_far", ("file", "size", "ratio", "limit")


class FileEmpty(TableError):
    """The file has no bytes, or only blank lines."""

    key, params = "file_empty", ("file",)


class FileNotText(TableError):
    """A binary file under a text file's name; `byte` is where that shows."""

    key, params = "file_not_text", ("file", "byte")


class FileNotUtf8(TableError):
    """Bytes that are not UTF-8 and have no byte-order mark; `line` counts from 1."""

    key, params = "file_not_utf8", ("file", "line")


class FileKindUnknown(TableError):
    """An ending that we do not read."""

    key, params = "file_kind_unknown", ("file", "kinds")


class FileBroken(TableError):
    """The library for this format cannot read the file."""

    key, params = "file_broken", ("file", "kind")


class HeaderOnly(TableError):
    """A header line and no row below it."""

    key, params = "header_only", ("file",)


class TooManyRows(TableError):
    """More rows than the limit."""

    key, params = "too_many_rows", ("file", "limit")


class TooManyColumns(TableError):
    """More columns than the limit."""

    key, params = "too_many_columns", ("file", "columns", "limit")


class CellTooLong(TableError):
    """One cell holds more characters than the limit."""

    key, params = "cell_too_long", ("file", "row", "column", "chars", "limit")


class LineBroken(TableError):
    """One line cannot be read (JSONL that is not an object, an open quote)."""

    key, params = "line_broken", ("file", "line")


class ColumnMissing(DataError):
    """A column that was named is not in the table."""

    key, params = "column_missing", ("column", "columns")


class ColumnsNotFound(DataError):
    """No column looks like the role that the task needs."""

    key, params = "columns_not_found", ("role", "columns")


class ColumnTwice(DataError):
    """One column is named for two roles."""

    key, params = "column_twice", ("column",)


class OneClass(DataError):
    """Only one label in the data."""

    key, params = "one_class", ("label", "column")


class TooFewRows(DataError):
    """Fewer usable rows than can be split."""

    key, params = "too_few_rows", ("rows", "minimum")


class TooManyLabels(DataError):
    """More different labels than the limit: most often the wrong column."""

    key, params = "too_many_labels", ("labels", "limit", "column")


class UnknownLabel(DataError):
    """A validation or test file holds a label that the training data lacks."""

    key, params = "unknown_label", ("label", "row", "file", "labels")


class TaskUnknown(DataError):
    """No such task id."""

    key, params = "task_unknown", ("task", "tasks")


class FieldUnknown(ConfigError):
    """No such setting."""

    key, params = "field_unknown", ("field", "fields")


class FieldNotNumber(ConfigError):
    """A setting that must be a number is not."""

    key, params = "field_not_number", ("field", "value")


class FieldOutOfBounds(ConfigError):
    """A setting beyond its bounds."""

    key, params = "field_out_of_bounds", ("field", "value", "low", "high")


class FieldNotChoice(ConfigError):
    """A setting that is none of the choices."""

    key, params = "field_not_choice", ("field", "value", "choices")


class DeviceGone(ConfigError):
    """The chosen device is not there."""

    key, params = "device_gone", ("device", "devices")


class LengthBeyondModel(ConfigError):
    """max_length and the checkpoint clash."""

    key, params = "length_beyond_model", ("length", "positions", "checkpoint")


class CheckpointUnknown(CheckpointError):
    """No checkpoint of that id for this owner."""

    key, params = "checkpoint_unknown", ("checkpoint",)


class CheckpointIdMalformed(CheckpointError):
    """Not of the form owner/name."""

    key, params = "checkpoint_id_malformed", ("checkpoint",)


class HubNotFound(CheckpointError):
    """The Hub has no such repository, or it is private."""

    key, params = "hub_not_found", ("checkpoint",)


class HubGated(CheckpointError):
    """The Hub asks for consent or a login first."""

    key, params = "hub_gated", ("checkpoint",)


class HubNotBert(CheckpointError):
    """The repository holds another architecture."""

    key, params = "hub_not_bert", ("checkpoint", "model_type")


class HubNoSafetensors(CheckpointError):
    """The repository has no model.safetensors."""

    key, params = "hub_no_safetensors", ("checkpoint",)


class HubNoTokenizer(CheckpointError):
    """The repository has neither tokenizer.json nor vocab.txt."""

    key, params = "hub_no_tokenizer", ("checkpoint",)


class HubTooLarge(CheckpointError):
    """The weights are larger than this server fetches."""

    key, params = "hub_too_large", ("checkpoint", "size", "limit")


class HubCutOff(CheckpointError):
    """The download broke off."""

    key, params = "hub_cut_off", ("checkpoint",)


class HubUnreachable(CheckpointError):
    """The Hub does not answer and the checkpoint is not in the cache."""

    key, params = "hub_unreachable", ("checkpoint",)


class CheckpointBroken(CheckpointError):
    """The files do not hold what they should (hash, shapes, keys); `file` names the one at fault."""

    key, params = "checkpoint_broken", ("checkpoint", "file")


class HeadMissing(CheckpointError):
    """The checkpoint has no trained head, so it gives no labels."""

    key, params = "head_missing", ("checkpoint",)


class RunUnknown(RunError):
    """No run of that id for this owner."""

    key, params = "run_unknown", ("run",)


class RunAlive(RunError):
    """The run still trains: stop it before deleting it."""

    key, params = "run_alive", ("run",)


class TooManyRuns(RunError):
    """The owner has as many runs as are kept."""

    key, params = "too_many_runs", ("limit",)


class QueueFull(RunError):
    """The owner has as many waiting runs as allowed."""

    key, params = "queue_full", ("limit",)


class OutOfMemory(RunError):
    """Training ran out of memory; `smaller` is the batch size to try."""

    key, params = "out_of_memory", ("device", "batch_size", "smaller")


class LossNotFinite(RunError):
    """The loss became NaN or infinite at `step`."""

    key, params = "loss_not_finite", ("step", "learning_rate")


class DiskFull(RunError):
    """No space left where the runs live."""

    key = "disk_full"


class RunTookTooLong(RunError):
    """The run reached the time limit of a public server."""

    key, params = "run_took_too_long", ("minutes",)


class BugInRun(RunError):
    """The worker met an error of ours; its traceback is in the run's log under `error_id`."""

    key, params = "bug_in_run", ("error_id",)


def leaves() -> list[type[BertDemoError]]:
    """Return every class that can be raised, for the test that compares them with the locales."""

    def walk(cls: type[BertDemoError]) -> list[type[BertDemoError]]:
        below = cls.__subclasses__()
        return [cls] if not below else [leaf for child in below for leaf in walk(child)]

    return walk(BertDemoError)


def from_key(message_key: str, values: Mapping[str, Param]) -> BertDemoError:
    """Rebuild a leaf from what an event stored, e.g. `("error.out_of_memory", {...})`."""
    for leaf in leaves():
        if message_key == f"error.{leaf.key}":
            return leaf(**values)
    raise KeyError(message_key)
