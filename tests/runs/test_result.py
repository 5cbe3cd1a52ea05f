"""What a worker writes at the end is in its folder whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo.runs.worker.result import Result, publish


class _Row:
    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def to_fields(self) -> dict[str, Any]:
        if not self._fields:
            raise OSError(28, "No space left on device")
        return self._fields


def test_an_evaluation_that_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    nothing: Any = None
    rows: Any = (_Row({"row": 2, "text": "x" * 100_000}), _Row({}))
    with pytest.raises(OSError, match="No space left"):
        publish("run", "", nothing, nothing, Result(rows, {}, "test"), tmp_path)
    assert list(tmp_path.iterdir()) == []
