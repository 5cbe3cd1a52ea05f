"""What the tests of the inspector share: checkpoints of every kind, questions, and how to compare what is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bertdemo.anatomy.layers import LayerTrace
from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import open_model, save_head, write
from bertdemo.serving.inspector import Inspector, Question
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from tests.runs.support import settings_with

BOUND = 1e-5
LABELS = ("bad", "good", "so so")
TEXT, PAIR = "the film was not good, it was great!", "i hate the book"


def lose(folder: Path) -> None:
    """Take two tensors of the encoder out of the file."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    for name in ("encoder.layer.1.attention.self.query.weight", "embeddings.LayerNorm.bias"):
        del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def train(base: Path, folder: Path) -> None:
    """Write what a run leaves behind: weights that have moved, and the head from before the first step."""
    import torch

    folder.mkdir()
    opened = open_model(base, "BertForSequenceClassification", labels=LABELS, seed=7)
    with torch.no_grad():
        opened.model.classifier.weight.mul_(40)  # type: ignore[operator, union-attr]
        save_head(opened, folder)
        generator = torch.Generator().manual_seed(1)
        for parameter in opened.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
    write(opened.model, base, folder)  # type: ignore[arg-type]


def built(home: Path, folders: dict[str, Path]) -> tuple[Catalogue, Inspector]:
    settings: Settings = replace(settings_with(home), checkpoint_folders=tuple(folders.values()))
    catalogue = Catalogue(settings)
    predictor = Predictor(settings, catalogue, training_on_cpu=lambda: True)  # one thread: the tests share the cores
    return catalogue, Inspector(catalogue, predictor, text_chars=settings.limits.text_chars)


def ask(text: str = TEXT, pair: str = "", checkpoint: str = "local:headed") -> Question:
    return Question(text, pair, checkpoint)


def apart(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


def same(one: LayerTrace, other: LayerTrace) -> bool:
    """Bit for bit."""
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("hidden", "attentions"))
    return arrays and one.logits == other.logits
