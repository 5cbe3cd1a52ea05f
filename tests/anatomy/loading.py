"""Checkpoints that are read from disk once a process, while every caller gets a model of its own."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

_PLAIN = (str, int, float, bool, torch.dtype)
_LOADED: dict[Any, tuple[Any, torch.Tensor]] = {}


def load_once(patch: pytest.MonkeyPatch) -> None:
    """Make `from_pretrained` copy what it has loaded before, where it would load the same.

    A new head is drawn at random, so the state of the generator counts as an argument, and is left as a load leaves
    it: who calls cannot tell a copy from a load.
    """
    patch.setattr(PreTrainedModel, "from_pretrained", classmethod(functools.partial(_load, _original())))


def _original() -> Callable[..., Any]:
    return PreTrainedModel.from_pretrained.__func__  # type: ignore[attr-defined,no-any-return]


def _load(original: Callable[..., Any], kind: type[Any], source: Any, *args: Any, **kwargs: Any) -> Any:
    if args or not all(isinstance(value, _PLAIN) for value in kwargs.values()):
        return original(kind, source, *args, **kwargs)
    key = (kind, str(source), repr(sorted(kwargs.items(), key=str)), torch.get_rng_state().numpy().tobytes())
    if key not in _LOADED:
        model = original(kind, source, **kwargs)
        _LOADED[key] = (model, torch.get_rng_state())
    model, after = _LOADED[key]
    torch.set_rng_state(after)
    return copy.deepcopy(model)
