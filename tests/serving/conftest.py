"""Tiny checkpoints of every kind, an inspector for questions that change nothing, and a private one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.serving.inspector import Inspector
from tests.runs.support import sharpened
from tests.serving.support import LABELS, built, lose, train
from tests.tiny import build_tiny_checkpoint


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Without a head, with one, with the masked-word head, with lost tensors, and one trained from the first."""
    root = tmp_path_factory.mktemp("checkpoints")
    plain = sharpened(build_tiny_checkpoint(root / "plain"))
    sharpened(build_tiny_checkpoint(root / "headed", head="classification", labels=LABELS, seed=3))
    sharpened(build_tiny_checkpoint(root / "masked", head="mlm", seed=4))
    lose(shutil.copytree(plain, root / "torn"))
    train(plain, root / "tuned")
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, folders: dict[str, Path]) -> Inspector:
    """For questions that change nothing."""
    return built(tmp_path_factory.mktemp("shared"), folders)[1]


@pytest.fixture
def private(home: Path, folders: dict[str, Path]) -> tuple[Catalogue, Inspector]:
    return built(home, folders)


@pytest.fixture
def catalogue(private: tuple[Catalogue, Inspector]) -> Catalogue:
    return private[0]


@pytest.fixture
def inspector(private: tuple[Catalogue, Inspector]) -> Inspector:
    return private[1]
