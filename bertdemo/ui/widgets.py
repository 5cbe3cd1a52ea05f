"""The border between the page and the rest: what went wrong in words, and components that change language.

`guarded` wraps every listener, API function and server function; it is one of the two places that catch anything.
`Words` holds each component that carries words, so that one control changes them all.
"""

from __future__ import annotations

import functools
import inspect
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr

from bertdemo.errors import BertDemoError
from bertdemo.ui.i18n import DEFAULT, message, normalize, translate

log = logging.getLogger("bertdemo.ui")

Component = TypeVar("Component")
Source = str | Callable[[str], Any]
"""A locale key, or a function of the language."""


def sentence(error: Exception, lang: str) -> str:
    """Return what a person is told; a bug of ours goes to the log with its traceback under an error id."""
    if isinstance(error, BertDemoError):
        return message(lang, error)
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    return translate(lang, "common.bug", error_id=error_id)


def guarded(fn: Callable[..., Any], shown: Callable[[str], Any] | None = None) -> Callable[..., Any]:
    """Turn what goes wrong in a listener into a sentence in the visitor's language.

    The language is the function's argument named `lang`, English where it has none. Without `shown` the sentence
    becomes a gr.Error: a toast in the page (queued listeners only) and the `error` of an API call. With `shown`,
    what it makes of the sentence is returned instead, so that it stands next to its cause; take that form for
    every listener with `queue=False`.
    """
    signature = inspect.signature(fn)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            told = sentence(error, _language(signature, args, kwargs))
            if shown is not None:
                return shown(told)
            raise gr.Error(told, print_exception=False) from None

    return call


def _language(signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    try:
        given = signature.bind_partial(*args, **kwargs).arguments.get("lang")
    except TypeError:
        return DEFAULT
    return normalize(given) if isinstance(given, str) else DEFAULT


class Words:
    """The components that carry words, and what each of their properties says in which language."""

    def __init__(self) -> None:
        self._sources: dict[Any, dict[str, Source]] = {}

    def make(self, kind: Callable[..., Component], words: Mapping[str, Source], **kwargs: Any) -> Component:
        """Build a component whose properties in `words` follow the language: `{"label": "tokens.text"}`."""
        component = kind(**{name: self._say(source, DEFAULT) for name, source in words.items()}, **kwargs)
        self._sources[component] = dict(words)
        return component

    def add(self, component: Component, words: Mapping[str, Source]) -> Component:
        """Register properties of a component that is already built."""
        self._sources.setdefault(component, {}).update(words)
        return component

    @property
    def components(self) -> list[Any]:
        """All of them, as outputs of the listener that changes the language."""
        return list(self._sources)

    def updates(self, lang: str) -> dict[Any, Any]:
        """Return the update of each component for a language."""
        return {
            component: gr.update(**{name: self._say(source, lang) for name, source in words.items()})
            for component, words in self._sources.items()
        }

    @staticmethod
    def _say(source: Source, lang: str) -> Any:
        return translate(lang, source) if isinstance(source, str) else source(lang)
