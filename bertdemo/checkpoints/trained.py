"""The checkpoints that were trained here: one folder each, with a card that names the owner.

A folder appears under its id complete and in one step, or not at all. The id of another owner is treated exactly like
one that does not exist.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from bertdemo import processes
from bertdemo.checkpoints import bundled, folder_checks
from bertdemo.checkpoints.info import CARD_FILE, PUBLIC, Card, may_read
from bertdemo.errors import CheckpointBroken, CheckpointUnknown
from bertdemo.faults import fault
from bertdemo.settings import Settings

ID = re.compile(r"[a-z0-9-]{1,64}")
# Prefixes of folders that are being written or removed; no id begins with a dot.
_DRAFT, _TRASH = ".tmp-", ".trash-"
# Parsed cards that are kept, a few kB each; a page lists them several times while it loads.
_KEPT_CARDS = 1_024
_LOG = logging.getLogger(__name__)


class Trained:
    """The folder of all trained checkpoints."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.trained

    def cards(self, owner: str) -> list[Card]:
        """Return the cards of this owner's checkpoints, newest first."""
        folders = self._root.iterdir() if self._root.is_dir() else []
        cards = [card for folder in folders if (card := self._card(folder.name, owner))]
        return sorted(cards, key=lambda card: card.created, reverse=True)

    def owns(self, checkpoint: str, owner: str | None) -> bool:
        """Return whether this is a checkpoint of this owner; reads its card only. One that ships is nobody's."""
        card = self._card(checkpoint, owner)
        return card is not None and card.owner != PUBLIC

    def reads(self, checkpoint: str, owner: str | None) -> bool:
        """Return whether this owner may use this checkpoint; reads its card only."""
        return self._card(checkpoint, owner) is not None

    def find(self, checkpoint: str, owner: str | None) -> tuple[Path, Card]:
        """Return folder and card; raises CheckpointUnknown for an unknown ID, and likewise for another owner's."""
        card = self._card(checkpoint, owner)
        if card is None:
            raise CheckpointUnknown(checkpoint=checkpoint[:100])
        return self._root / checkpoint, card

    def new_draft(self) -> Path:
        """Create an empty folder to write a checkpoint into, on the same disk as the final one."""
        draft = self._root / f"{_DRAFT}{os.urandom(8).hex()}"
        draft.mkdir(parents=True, mode=0o700)
        return draft

    def save(self, draft: Path, card: Card) -> None:
        """Publish a finished draft under the card's id, replacing an earlier checkpoint of the same run and owner.

        Raises CheckpointBroken where a file is missing or does not fit, FileExistsError where the id is taken.
        """
        if not ID.fullmatch(card.id) or card.id == bundled.ID or draft.parent != self._root:
            raise ValueError(card.id)
        folder_checks.check_folder(draft, checkpoint=card.id)
        if not ((draft / "tokenizer.json").is_file() or (draft / "vocab.txt").is_file()):
            raise CheckpointBroken(checkpoint=card.id, file="tokenizer.json")
        # First the files, then the name: after a power failure a checkpoint is complete or absent.
        for path in draft.iterdir():
            processes.sync(path)
        processes.write_atomic(draft / CARD_FILE, card.to_json())
        self._clear_for(card)
        fault("replace")
        draft.replace(self._root / card.id)
        processes.sync(self._root)

    def rename(self, checkpoint: str, owner: str | None, name: str) -> None:
        """Give a checkpoint another name; raises CheckpointUnknown as `find` does, and for one that ships."""
        folder, card = self._own(checkpoint, owner)
        processes.write_atomic(folder / CARD_FILE, replace(card, name=name).to_json())

    def delete(self, checkpoint: str, owner: str | None) -> None:
        """Remove a checkpoint; raises CheckpointUnknown as `find` does, and for one that ships."""
        folder, _ = self._own(checkpoint, owner)
        self._throw_away(folder)

    def sweep(self, older_than: float) -> None:
        """Remove drafts and half-deleted folders that were not modified for `older_than` seconds."""
        for folder in self._root.iterdir() if self._root.is_dir() else []:
            if folder.name.startswith((_DRAFT, _TRASH)) and time.time() - folder.stat().st_mtime > older_than:
                shutil.rmtree(folder, ignore_errors=True)

    def _card(self, checkpoint: str, owner: str | None) -> Card | None:
        folder = self._root / checkpoint if ID.fullmatch(checkpoint) else None
        if folder is None or folder.is_symlink() or not (folder / CARD_FILE).is_file():
            return None
        try:
            # A card is never edited in place, so its inode, time and size identify its content.
            state = (folder / CARD_FILE).stat()
            card = _read(folder / CARD_FILE, checkpoint, (state.st_ino, state.st_mtime_ns, state.st_size))
        except (CheckpointBroken, OSError, ValueError):
            _LOG.warning("unreadable card in %s", folder)  # its owner is unknown, so no owner may use it
            return None
        if card.id != checkpoint:
            return None
        return card if may_read(card.owner, owner) else None

    def _own(self, checkpoint: str, owner: str | None) -> tuple[Path, Card]:
        if not self.owns(checkpoint, owner):
            raise CheckpointUnknown(checkpoint=checkpoint[:100])
        return self.find(checkpoint, owner)

    def _clear_for(self, card: Card) -> None:
        """Remove the checkpoint that an earlier attempt at the same run saved under the id of `card`."""
        target = self._root / card.id
        if not target.exists():
            return
        old = Card.from_json((target / CARD_FILE).read_text(encoding="utf-8"), checkpoint=card.id)
        if (old.owner, old.run) != (card.owner, card.run):
            raise FileExistsError(target)
        self._throw_away(target)

    def _throw_away(self, folder: Path) -> None:
        trash = self._root / f"{_TRASH}{os.urandom(8).hex()}"
        # A rename is atomic, a removal is not.
        folder.replace(trash)  # gone at once for every reader, even where the removal takes a while
        shutil.rmtree(trash, ignore_errors=True)


@lru_cache(maxsize=_KEPT_CARDS)
def _read(path: Path, checkpoint: str, _: tuple[int, int, int]) -> Card:
    """Parse a card once for each state of its file."""
    return Card.from_json(path.read_text(encoding="utf-8"), checkpoint=checkpoint)
