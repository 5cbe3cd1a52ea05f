"""Every file that can be read can be chosen."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from bertdemo.settings import Settings
from bertdemo.tables.table_files import KINDS
from bertdemo.ui.app import build_app


@pytest.mark.slow
def test_every_box_for_a_table_offers_all_kinds(settings: Settings) -> None:
    blocks: dict[Any, Any] = build_app(settings).blocks.blocks
    boxes = {block.elem_id: block for block in blocks.values() if isinstance(block, gr.File) and block.elem_id}
    for name in ("train-file", "train-validation", "train-test", "predict-file"):
        assert set(boxes[name].file_types) == set(KINDS), name
