"""The root and the branches of the error tree, and the lookup of a leaf by its message key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

Param = str | int | float


class BertDemoError(Exception):
    """Base class: `key` names the message, `params` its placeholders. Raises TypeError for other parameters."""

    key: ClassVar[str] = ""
    params: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Param) -> None:
        if set(values) != set(self.params):
            raise TypeError(f"{type(self).__name__} takes {self.params}, got {tuple(values)}")
        self.values: Mapping[str, Param] = values
        super().__init__(f"{self.key} {dict(values)}")

    @property
    def message_key(self) -> str:
        """Key of the message in `i18n/locales`."""
        return f"error.{self.key}"


class InputError(BertDemoError):
    """A text, an argument or an id that cannot be used."""


class TableError(BertDemoError):
    """A file that is not a readable table."""


class DataError(BertDemoError):
    """A table that does not fit the task."""


class ConfigError(BertDemoError):
    """A setting that is out of bounds; `field` names it."""


class CheckpointError(BertDemoError):
    """A checkpoint that cannot be found, downloaded or trusted."""


class StartError(BertDemoError):
    """The server cannot start where and how it was told to; its operator sees the sentence."""


class RunError(BertDemoError):
    """A run that cannot be started, found or changed."""


def first_few(names: Sequence[str], most: int) -> str:
    """Return the first `most` names for a message, joined by commas; an ellipsis shows that there are more."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def leaves() -> list[type[BertDemoError]]:
    """Return every class without a subclass: those that are raised, each with a message in the locales."""

    def walk(cls: type[BertDemoError]) -> list[type[BertDemoError]]:
        children = cls.__subclasses__()
        return [leaf for child in children for leaf in walk(child)] if children else [cls]

    return walk(BertDemoError)


def from_key(message_key: str, values: Mapping[str, Param]) -> BertDemoError:
    """Rebuild the error that an event stored, e.g. `("error.out_of_memory", {...})`. Raises KeyError."""
    for leaf in leaves():
        if message_key == f"error.{leaf.key}":
            return leaf(**values)
    raise KeyError(message_key)
