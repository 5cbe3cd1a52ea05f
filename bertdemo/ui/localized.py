"""The boundary between the page and the rest: errors in words, and components that change language.

`guarded` wraps every listener, API function and server function; it is one of the two places that catch every
exception. `UploadGuardBlocks` rejects a file that was not uploaded here, before any listener is called.
`LocalizedComponents` holds each component with words in it, so that one control changes them all.
"""

from __future__ import annotations

import functools
import inspect
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from pydantic import ValidationError

from bertdemo import disk
from bertdemo.errors import ArgumentWrong, BertDemoError, FileMissing, StorageFull
from bertdemo.i18n.translation import DEFAULT, message, normalize, translate
from bertdemo.slots import SERVER, Visitor, visited_by, visitor
from bertdemo.ui.client_address import visitor_of
from bertdemo.ui.updates import Updates

log = logging.getLogger("bertdemo.ui")

Component = TypeVar("Component", bound=Block)
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
# A locale key, or a function of the language.
Source = str | Callable[[str], object]


def sentence(error: Exception, lang: str) -> str:
    """Return an error as a sentence; a bug of ours goes to the log with its traceback under an error id."""
    if isinstance(error, OSError) and disk.is_full(error):
        error = StorageFull()
    if isinstance(error, BertDemoError):
        return message(lang, error)
    error_id = secrets.token_hex(4)
    log.error("error %s", error_id, exc_info=error)
    return translate(lang, "common.bug", error_id=error_id)


def guarded(
    fn: Callable[Arguments, Answer], on_error: Callable[[str], Answer] | None = None
) -> Callable[Arguments, Answer]:
    """Turn what goes wrong in a listener into a sentence in the visitor's language.

    The language is the function's argument named `lang`, English where it has none. Without `on_error` the sentence
    becomes a gr.Error: a toast in the page (queued listeners only) and the `error` of an API call. With `on_error`,
    the updates that it makes of the sentence are returned instead, so that it is shown next to its cause; take that
    form for every listener with `queue=False`.
    """
    signature = inspect.signature(fn)

    @functools.wraps(fn)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        arguments = _arguments(signature, args, kwargs)
        try:
            with visited_by(_visitor(arguments)):
                return fn(*args, **kwargs)
        except gr.Error:  # of a guarded function that this one has called: it is a sentence already
            raise
        except Exception as error:
            lang = arguments.get("lang")
            words = sentence(error, normalize(lang) if isinstance(lang, str) else DEFAULT)
            if on_error is not None:
                return on_error(words)
            raise gr.Error(words, print_exception=False) from None

    return call


def _arguments(
    signature: inspect.Signature, args: Sequence[object], kwargs: Mapping[str, object]
) -> Mapping[str, object]:
    try:
        return signature.bind_partial(*args, **kwargs).arguments
    except TypeError:
        return {}


def _visitor(arguments: Mapping[str, object]) -> Visitor:
    """Return who a listener is called by; one that another listener has called is called by the same visitor."""
    caller = visitor_of(arguments.get("owner") or arguments.get("key"))
    return visitor() if caller == SERVER else caller


class UploadGuardBlocks(gr.Blocks):
    """A page whose listeners and endpoints take only files that were uploaded to it."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Reject in words what Gradio rejects with a bare `error: null`, and a URL, which it would download."""
        expected_inputs = len(block_fn.inputs)
        if len(inputs) < expected_inputs:
            expected = f"{expected_inputs} values, in the order of the endpoint's arguments"
            raise _refusal(ArgumentWrong(name="data", expected=expected))
        # Before Gradio's own check, which downloads a URL first and rejects it then.
        if _has_no_upload(inputs):
            raise _refusal(FileMissing())
        try:
            values: list[Any] = await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except (InvalidPathError, ValidationError) as error:  # a path that is no upload, or no file at all
            log.info("a file argument was rejected: %s", type(error).__name__)
            raise _refusal(FileMissing()) from None
        except ComponentProcessingError as error:  # a value that its component cannot take: NaN for a number, say
            log.info("an argument was rejected: %s", error)
            expected = "values of the types that the endpoint's description names"
            raise _refusal(ArgumentWrong(name="data", expected=expected)) from None
        except ValueError as error:  # anything else is a bug: to the log, and an error id to the caller
            raise gr.Error(sentence(error, DEFAULT), print_exception=False) from None
        return values


def _refusal(error: BertDemoError) -> gr.Error:
    return gr.Error(message(DEFAULT, error), print_exception=False)


def _has_no_upload(value: Any) -> bool:
    """Return whether a file anywhere in a JSON value has a URL as its path, or what cannot be a path."""
    if isinstance(value, dict):
        path = value.get("path")
        wrong = isinstance(path, str) and ("://" in path or "\0" in path)
        return wrong or any(_has_no_upload(part) for part in value.values())
    return isinstance(value, list) and any(_has_no_upload(part) for part in value)


class LocalizedComponents:
    """The components with words in them, and where the words of each property come from."""

    def __init__(self) -> None:
        self._sources: dict[Block, dict[str, Source]] = {}

    def make(self, kind: Callable[..., Component], words: Mapping[str, Source], **kwargs: object) -> Component:
        """Build a component whose properties in `words` depend on the language: `{"label": "tokens.text"}`."""
        component = kind(**{name: self._translate(source, DEFAULT) for name, source in words.items()}, **kwargs)
        self._sources[component] = dict(words)
        return component

    @property
    def components(self) -> list[Block]:
        """All of them, as outputs of the listener that changes the language."""
        return list(self._sources)

    def updates(self, lang: str) -> Updates:
        """Return the update of each component for a language."""
        return {
            component: gr.update(**{name: self._translate(source, lang) for name, source in words.items()})
            for component, words in self._sources.items()
        }

    @staticmethod
    def _translate(source: Source, lang: str) -> Any:
        return translate(lang, source) if isinstance(source, str) else source(lang)
