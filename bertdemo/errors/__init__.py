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

from bertdemo.errors.base import (
    BertDemoError,
    CheckpointError,
    ConfigError,
    DataError,
    InputError,
    Param,
    RunError,
    TableError,
    from_key,
    leaves,
)
from bertdemo.errors.checkpoints import (
    BaseMissing,
    CheckpointBroken,
    CheckpointIdMalformed,
    CheckpointIncomplete,
    CheckpointUnknown,
    HeadMissing,
    HubCutOff,
    HubGated,
    HubNoSafetensors,
    HubNotBert,
    HubNotFound,
    HubNoTokenizer,
    HubTooLarge,
    HubUnreachable,
    MaskHeadMissing,
)
from bertdemo.errors.configs import (
    DeviceGone,
    FieldNotChoice,
    FieldNotNumber,
    FieldOutOfBounds,
    FieldUnknown,
    LengthBeyondModel,
)
from bertdemo.errors.data import (
    ColumnMissing,
    ColumnsNotFound,
    ColumnTwice,
    OneClass,
    TaskUnknown,
    TooFewRows,
    TooManyLabels,
    UnknownLabel,
)
from bertdemo.errors.inputs import (
    ArgumentWrong,
    FileMissing,
    OwnerUnknown,
    TextMissing,
    TextTooLong,
    TooManyTexts,
)
from bertdemo.errors.runs import (
    BugInRun,
    DiskFull,
    LossNotFinite,
    OutOfMemory,
    QueueFull,
    RunAlive,
    RunTookTooLong,
    RunUnknown,
    TooManyRuns,
)
from bertdemo.errors.tables import (
    CellTooLong,
    FileBroken,
    FileEmpty,
    FileKindUnknown,
    FileNotText,
    FileNotUtf8,
    FileTooLarge,
    HeaderOnly,
    LineBroken,
    TooManyColumns,
    TooManyRows,
    UnpacksTooFar,
)

__all__ = [
    "ArgumentWrong",
    "BaseMissing",
    "BertDemoError",
    "BugInRun",
    "CellTooLong",
    "CheckpointBroken",
    "CheckpointError",
    "CheckpointIdMalformed",
    "CheckpointIncomplete",
    "CheckpointUnknown",
    "ColumnMissing",
    "ColumnTwice",
    "ColumnsNotFound",
    "ConfigError",
    "DataError",
    "DeviceGone",
    "DiskFull",
    "FieldNotChoice",
    "FieldNotNumber",
    "FieldOutOfBounds",
    "FieldUnknown",
    "FileBroken",
    "FileEmpty",
    "FileKindUnknown",
    "FileMissing",
    "FileNotText",
    "FileNotUtf8",
    "FileTooLarge",
    "HeadMissing",
    "HeaderOnly",
    "HubCutOff",
    "HubGated",
    "HubNoSafetensors",
    "HubNoTokenizer",
    "HubNotBert",
    "HubNotFound",
    "HubTooLarge",
    "HubUnreachable",
    "InputError",
    "LengthBeyondModel",
    "LineBroken",
    "LossNotFinite",
    "MaskHeadMissing",
    "OneClass",
    "OutOfMemory",
    "OwnerUnknown",
    "Param",
    "QueueFull",
    "RunAlive",
    "RunError",
    "RunTookTooLong",
    "RunUnknown",
    "TableError",
    "TaskUnknown",
    "TextMissing",
    "TextTooLong",
    "TooFewRows",
    "TooManyColumns",
    "TooManyLabels",
    "TooManyRows",
    "TooManyRuns",
    "TooManyTexts",
    "UnknownLabel",
    "UnpacksTooFar",
    "from_key",
    "leaves",
]
