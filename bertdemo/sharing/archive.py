"""A trained checkpoint as one zip: weights, tokenizer, card, and the run's configuration and metrics.

The zip is enough to rebuild the checkpoint, with a README where transformers alone cannot load it. It contains no
pickle, no path of this machine, no owner and no row of the visitor's data. The card says how a long text is truncated,
with the code for it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

from bertdemo.checkpoints import Catalogue, truncation
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.errors import CheckpointUnknown
from bertdemo.sharing.readme import NOTE, mean_linear_readme

# The same checkpoint gives the same bytes, whenever it is exported.
FIXED_TIME = (2020, 1, 1, 0, 0, 0)
_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt", HEAD_FILE)


def export_zip(checkpoint: str, owner: str, catalogue: Catalogue, target: Path) -> Path:
    """Write the zip to `target` and return it; CheckpointUnknown for anything that was not trained here."""
    card = catalogue.card(checkpoint, owner)
    if card is None:
        raise CheckpointUnknown(checkpoint=checkpoint[:80])
    folder = catalogue.folder(checkpoint, owner)
    # The owner stays here, although the card has only a hash of the key.
    public = {name: value for name, value in asdict(card).items() if name != "owner"}
    run = {name: public[name] for name in ("task", "labels", "columns", "base", "config", "rows", "versions")}
    readme = mean_linear_readme(card) if catalogue.describe(checkpoint, owner).mean_head else ""
    if readme:
        public["note"] = NOTE
    # Stored, not compressed: float32 weights hardly shrink.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in _FILES:
            if (folder / name).is_file():
                add_file(archive, folder / name)
        cut = {"keep": card.keep, "max_length": card.max_length, "code": truncation.code(card.max_length, card.keep)}
        add_text(archive, "card.json", json.dumps({**public, "cut": cut}, ensure_ascii=False, indent=2))
        add_text(archive, "run.json", json.dumps(run, ensure_ascii=False, indent=2))
        add_text(archive, "metrics.json", json.dumps(public["metrics"], ensure_ascii=False, indent=2))
        if readme:
            add_text(archive, "README.md", readme)
    return target


def add_file(archive: zipfile.ZipFile, path: Path) -> None:
    """Add a file under its name, read in parts."""
    entry = zipfile.ZipInfo(path.name, FIXED_TIME)
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)


def add_text(archive: zipfile.ZipFile, name: str, text: str) -> None:
    """Add a text as a file."""
    archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), text)
