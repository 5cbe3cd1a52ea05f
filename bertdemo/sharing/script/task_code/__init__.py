"""The code of a script that differs by task, by the name of the task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bertdemo.sharing.script.task_code.contract import TaskCode
from bertdemo.sharing.script.task_code.entities import TOKEN_CLASSIFICATION
from bertdemo.sharing.script.task_code.labels import CLASSIFICATION, MULTI_LABEL, PAIR
from bertdemo.sharing.script.task_code.token_losses import FILL_MASK, TEXT_TO_TEXT
from bertdemo.sharing.script.task_code.vectors import SEARCH, SIMILARITY

__all__ = ["CODE", "TaskCode"]

CODE: Mapping[str, TaskCode] = MappingProxyType(
    {
        "classification": CLASSIFICATION,
        "multi_label": MULTI_LABEL,
        "pair": PAIR,
        "token_classification": TOKEN_CLASSIFICATION,
        "similarity": SIMILARITY,
        "fill_mask": FILL_MASK,
        "search": SEARCH,
        "text_to_text": TEXT_TO_TEXT,
    }
)
