"""The run that ships with the app, so that Inference and Runs have something to show before anybody has trained.

`files/` is the folder of a run on one of the samples, as its worker left it, without the sample itself, and with
    card.json              the card of its checkpoint
    weights.safetensors    the tensors that training changed, in bfloat16; all others are those of the bundled model
It was made by `make shipped-run`, and it is copied into the home folder when the server starts. All visitors may read
it; its owner is `public`, so that nobody changes it and no quota counts it.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from bertdemo import samples
from bertdemo.checkpoints import Catalogue, bundled
from bertdemo.checkpoints.info import CARD_FILE, Card
from bertdemo.checkpoints.loading import HEAD_FILE, open_model, write
from bertdemo.errors import BertDemoError
from bertdemo.settings import Settings

FILES = Path(__file__).parent / "files"
WEIGHTS = "weights.safetensors"
# Files that belong to the checkpoint, not to the run folder.
_OF_CHECKPOINT = frozenset({CARD_FILE, WEIGHTS})
_LOG = logging.getLogger(__name__)


def run_id() -> str:
    """Return the id of the run and of its checkpoint."""
    return str(json.loads((FILES / "run.json").read_text(encoding="utf-8"))["id"])


def install(settings: Settings, catalogue: Catalogue) -> None:
    """Put the run and its checkpoint into the home folder where they are not there yet; logged where it cannot be."""
    try:
        if not (settings.trained / run_id()).exists():
            _install_checkpoint(catalogue)
        if not (settings.runs / run_id()).exists():
            _install_run(settings.runs)
    except (OSError, BertDemoError) as error:  # a full disk, a read-only home: the app works without it
        _LOG.warning("the run that ships with the app was not installed: %s", error)


def _install_run(runs: Path) -> None:
    """Copy the run folder with its sample, whole or not at all."""
    draft = runs / f".tmp-{run_id()}"
    shutil.rmtree(draft, ignore_errors=True)  # of a server that was killed here
    draft.mkdir(parents=True, mode=0o700)
    for source in FILES.iterdir():
        if source.name not in _OF_CHECKPOINT:
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, draft / source.name)
    request = json.loads((FILES / "run.json").read_text(encoding="utf-8"))["request"]
    sample = next(it for it in samples.all_samples() if it.file == request["data_name"])
    shutil.copyfile(sample.path, draft / request["data"])
    (draft / "lock").touch(mode=0o600)
    draft.replace(runs / run_id())


def _install_checkpoint(catalogue: Catalogue) -> None:
    """Write the bundled model with the tensors that training changed, as a checkpoint."""
    card = Card.from_json((FILES / CARD_FILE).read_text(encoding="utf-8"), checkpoint=run_id())
    draft = catalogue.new_draft()
    try:
        write(rebuilt(card), bundled.verified(), draft)
        shutil.copyfile(FILES / HEAD_FILE, draft / HEAD_FILE)
        catalogue.save(draft, card)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def rebuilt(card: Card) -> Any:
    """Return the trained model in float32; raises ValueError where a stored tensor has no place in it."""
    from safetensors.torch import load_file

    model: Any = open_model(bundled.verified(), "BertForSequenceClassification", labels=card.labels, seed=0).model
    changed = {name: tensor.float() for name, tensor in load_file(FILES / WEIGHTS).items()}
    if unknown := model.load_state_dict(changed, strict=False).unexpected_keys:
        raise ValueError(f"unknown tensors: {unknown}")
    return model
