"""The root and the branches of the tree, and how a leaf is found by its key."""

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
        """Key of the message in `i18n/locales`."""
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
