"""The parameters that a task adds to an encoder are its head: they train under LoRA, at the rate of the head."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import safe_open

from bertdemo import tasks
from bertdemo.tasks.base import HeadOptions
from tests.tiny import build_tiny_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("heads") / "encoder")


@pytest.mark.parametrize("task", tasks.TASKS)
def test_what_the_encoder_lacks_belongs_to_the_head(task: str, encoder: Path) -> None:
    with safe_open(encoder / "model.safetensors", "pt") as file:
        known = tuple(file.keys())
    chosen = tasks.find(task)
    opened = chosen.model(encoder, HeadOptions(labels=("0", "1"), seed=0))
    new = [name for name, _ in opened.model.named_parameters() if not name.endswith(known)]
    assert [name for name in new if not chosen.is_head(name)] == []
    assert bool(new) == chosen.adds_head
