"""All studies on disk, one private folder each.

    <home>/studies/<study id>/
        study.json       the Study: who owns it, what was asked for
        data/            copies of the uploaded files
        progress.json    the Progress; one thread of the server writes it
        stop             present once somebody asked to stop
        journal.log      the trials of a search, written by Optuna
        deleted          present for the seconds in which a deletion can be undone (runs/deletion.py)

Another owner's study is answered exactly like one that does not exist.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bertdemo.checkpoints.info import owner_sha256
from bertdemo.errors import ConfigError, StudyUnknown
from bertdemo.processes import write_atomic
from bertdemo.runs import deletion
from bertdemo.runs.request import RunRequest
from bertdemo.runs.studies.study import Progress, Study
from bertdemo.settings import Settings

_ID = re.compile(r"^[a-z0-9-]{1,64}$")
_DRAFT = ".tmp-"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyView:
    """A study as a page sees it."""

    study: Study
    progress: Progress
    stopping: bool
    """A stop was asked for, and the study has not ended yet."""


class StudyStore:
    """The folders under `settings.studies`."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.studies

    def create(self, request: RunRequest, owner: str, study_of: Callable[[str, RunRequest], Study]) -> Study:
        """Write the folder of a new study with copies of the files; `study_of` makes it of its id and the request."""
        study_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(8)
        draft, folder = self._root / f"{_DRAFT}{study_id}", self._root / study_id
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            (draft / "data").mkdir(parents=True, mode=0o700)
            study = study_of(study_id, _copied(request, draft, folder))
            study = replace(study, owner=owner_sha256(owner))
            write_atomic(draft / "study.json", study.to_json())
            write_atomic(draft / "progress.json", Progress().to_json())
            draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # only where it was not moved
        return study

    def folder(self, study_id: str) -> Path:
        """Return where a study lives; StudyUnknown for anything that is not a study id."""
        if not _ID.fullmatch(study_id):
            raise StudyUnknown
        return self._root / study_id

    def ids(self) -> list[str]:
        """Return all studies, of everybody."""
        folders = list(self._root.iterdir()) if self._root.is_dir() else []
        return sorted(folder.name for folder in folders if _ID.fullmatch(folder.name))

    def read(self, study_id: str, owner: str | None) -> StudyView:
        """Return a study; StudyUnknown where there is none of that id for this owner (None: for the server itself)."""
        folder = self.folder(study_id)
        if owner is not None and deletion.is_hidden(folder):
            raise StudyUnknown
        return self._stored(study_id, owner)

    def _stored(self, study_id: str, owner: str | None) -> StudyView:
        """Return a study, a hidden one too; raises as `read`."""
        folder = self.folder(study_id)
        try:
            study = Study.from_json((folder / "study.json").read_text(encoding="utf-8"))
            progress = Progress.from_json((folder / "progress.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StudyUnknown from None
        except (OSError, ValueError, KeyError, TypeError, ConfigError, RecursionError):
            _LOG.warning("unreadable study %s", folder)
            raise StudyUnknown from None
        if owner is not None and not hmac.compare_digest(study.owner, owner_sha256(owner)):
            raise StudyUnknown
        return StudyView(study, progress, not progress.ended and (folder / "stop").exists())

    def under_way(self, owner: str) -> int:
        """Return how many studies of an owner have not ended."""
        return sum(self._is_under_way(study_id, owner) for study_id in self.ids())

    def _is_under_way(self, study_id: str, owner: str) -> bool:
        try:
            return not self.read(study_id, owner).progress.ended
        except StudyUnknown:
            return False

    def write(self, study_id: str, progress: Progress) -> None:
        """Store the progress; only the driver may."""
        write_atomic(self.folder(study_id) / "progress.json", progress.to_json())

    def ask_to_stop(self, study_id: str, owner: str) -> None:
        """Leave the flag that ends the study."""
        self.read(study_id, owner)
        (self.folder(study_id) / "stop").touch(mode=0o600)

    def hide(self, study_id: str) -> None:
        """Hide a study from everybody until it is restored or removed."""
        deletion.hide(self.folder(study_id))

    def restore(self, study_id: str, owner: str) -> None:
        """Show a hidden study again; StudyUnknown where there is none of that id, or its time is over."""
        self._stored(study_id, owner)
        if not deletion.restore(self.folder(study_id)):
            raise StudyUnknown

    def is_due(self, study_id: str) -> bool:
        """Return whether a study was hidden, and can no longer be restored."""
        return deletion.is_due(self.folder(study_id))

    def remove(self, study_id: str) -> None:
        """Remove a study; its runs stay."""
        folder = self.folder(study_id)
        trash = folder.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
        folder.replace(trash)  # gone at once for every reader
        shutil.rmtree(trash, ignore_errors=True)


def _copied(request: RunRequest, draft: Path, folder: Path) -> RunRequest:
    """Copy the files of a request into the draft of a study; return it with the paths that they will have."""

    def copy(source: str | None, role: str) -> str | None:
        if source is None:
            return None
        ending = re.sub(r"[^a-z0-9]", "", Path(source).suffix.lower())[:8]
        name = f"{role}.{ending}"
        shutil.copyfile(source, draft / "data" / name)
        return str(folder / "data" / name)

    data = copy(request.data, "train") or ""
    return replace(
        request, data=data, validation=copy(request.validation, "validation"), test=copy(request.test, "test")
    )
