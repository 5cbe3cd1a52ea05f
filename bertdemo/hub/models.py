"""BERT models on the Hugging Face Hub: checked before the download, pinned to a commit, and verified after it.

Only six files are ever downloaded, none of them code or a pickle, and never with a token. A complete snapshot in the
cache is used without asking the Hub. An interrupted file never gets its final name: huggingface_hub resumes it a few
times, then deletes the partial file, so another attempt starts that file again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bertdemo.errors import (
    CheckpointBroken,
    CheckpointError,
    CheckpointIdMalformed,
    HubCutOff,
    HubGated,
    HubNoSafetensors,
    HubNotBert,
    HubNotFound,
    HubNoTokenizer,
    HubTooLarge,
    HubUnreachable,
)
from bertdemo.hub.client import GIB, Client, HubErrors, Meter, RemoteFile, discard
from bertdemo.hub.model_files import CONFIG_FILE, TOKENIZER_FILES, WEIGHTS_FILE
from bertdemo.hub.progress import OnProgress
from bertdemo.settings import Settings

# Weights at most: BERT-large has 1.3 GB in float32; a public server shares its disk among its visitors.
MAX_BYTES, MAX_BYTES_PUBLIC = 2 * GIB, 1 * GIB
# Any other file at most; the largest tokenizer.json of a BERT has 3 MiB.
_SMALL_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Remote:
    """A repository as the Hub describes it, before anything large is downloaded."""

    repo_id: str
    commit: str
    config: Mapping[str, Any]
    """config.json, checked."""
    architecture: str
    files: tuple[RemoteFile, ...]
    """The files to download, the weights last."""


_ERRORS = HubErrors(
    malformed=lambda name: CheckpointIdMalformed(checkpoint=name),
    not_found=lambda name: HubNotFound(checkpoint=name),
    gated=lambda name: HubGated(checkpoint=name),
    unreachable=lambda name: HubUnreachable(checkpoint=name),
    cut_off=lambda name: HubCutOff(checkpoint=name),
    broken=lambda name, file: CheckpointBroken(checkpoint=name, file=file),
    too_large=lambda name, size, limit: HubTooLarge(checkpoint=name, size=size, limit=limit),
)


class ModelChecks(Protocol):
    """The checks that a repository has to pass; each raises a CheckpointError."""

    def config(self, path: Path, checkpoint: str) -> tuple[Mapping[str, Any], str]:
        """Return the checked config.json and the architecture that it names."""

    def tokenizer(self, folder: Path, checkpoint: str) -> None:
        """Check the tokenizer before the large file is downloaded."""

    def folder(self, folder: Path, checkpoint: str) -> None:
        """Check the whole snapshot."""


class Hub:
    """The Hub that the settings name and its cache on this machine."""

    def __init__(self, settings: Settings, checks: ModelChecks) -> None:
        self._checks = checks
        self._max_bytes = MAX_BYTES_PUBLIC if settings.public else MAX_BYTES
        self.cache = settings.hub_cache or settings.home / "hub"
        self._client = Client("model", settings.hub_endpoint, self.cache, _ERRORS, offline=settings.hub_offline)

    def check_id(self, repo_id: str) -> str:
        """Return `repo_id` if it has the form owner/name; raises CheckpointIdMalformed."""
        return self._client.check_id(repo_id)

    def cached(self, repo_id: str, *, weights: bool = True) -> Path | None:
        """Return a complete snapshot in the cache, or None, without asking the Hub.

        Without `weights` a config and a tokenizer are enough. The commit of `refs/main`, which other programs
        write, is preferred to a newer one.
        """
        storage = self.cache / f"models--{self.check_id(repo_id).replace('/', '--')}"
        ref, snapshots = storage / "refs" / "main", storage / "snapshots"
        main = ref.read_text(encoding="ascii", errors="replace").strip() if ref.is_file() else ""
        folders = [folder for folder in snapshots.iterdir() if folder.is_dir()] if snapshots.is_dir() else []
        folders.sort(key=lambda folder: (folder.name == main, folder.stat().st_mtime), reverse=True)
        return next((folder for folder in folders if _complete(folder, weights=weights)), None)

    def inspect(self, repo_id: str) -> Remote:
        """Ask the Hub what the repository contains and check whether we can use it.

        Raises CheckpointIdMalformed, HubUnreachable, HubNotFound, HubGated, HubNotBert, HubNoSafetensors,
        HubNoTokenizer, HubTooLarge or CheckpointBroken (a hostile config). Only config.json is downloaded.
        """
        info = self._client.metadata(repo_id)
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
        if CONFIG_FILE not in siblings:
            raise HubNotBert(checkpoint=repo_id, model_type="?")
        commit = str(info.sha)
        config_file = self._client.file(siblings[CONFIG_FILE], repo_id, limit=_SMALL_BYTES)
        path = self._client.download(repo_id, commit, config_file, None, downloading=False)
        config, architecture = self._checks.config(path, repo_id)
        if WEIGHTS_FILE not in siblings:
            raise HubNoSafetensors(checkpoint=repo_id)
        if not {"tokenizer.json", "vocab.txt"} & siblings.keys():
            raise HubNoTokenizer(checkpoint=repo_id)
        small = [
            self._client.file(siblings[name], repo_id, limit=_SMALL_BYTES)
            for name in TOKENIZER_FILES
            if name in siblings
        ]
        weights = self._client.file(siblings[WEIGHTS_FILE], repo_id, limit=self._max_bytes)
        return Remote(repo_id, commit, config, architecture, (config_file, *small, weights))

    def fetch(self, repo_id: str, on_progress: OnProgress | None = None, *, weights: bool = True) -> Path:
        """Return the folder of a snapshot, downloaded if it is not in the cache, with its content verified.

        Raises what `inspect` raises, HubCutOff for an interrupted download, CheckpointBroken where the content is not
        what the Hub announced or not a BERT, DiskFull. What `on_progress` raises ends the download.
        """
        here = self.cached(repo_id, weights=weights)
        if here is not None:
            return here
        remote = self.inspect(repo_id)
        wanted = remote.files if weights else remote.files[:-1]
        meter = Meter(sum(file.size for file in wanted), on_progress)
        folder = self.cache
        for file in wanted:
            if file.name == WEIGHTS_FILE:  # the large file comes last, after all other checks
                self._checks.tokenizer(folder, repo_id)
            meter.open(file.name)
            path = self._client.download(repo_id, remote.commit, file, meter)
            meter.close(file.size)
            folder = path.parent
        try:
            (self._checks.folder if weights else self._checks.tokenizer)(folder, repo_id)
        except CheckpointError:
            discard(folder / WEIGHTS_FILE)  # or the snapshot would count as complete from now on
            raise
        return folder


def _complete(folder: Path, *, weights: bool) -> bool:
    tokenizer = (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()
    return (folder / CONFIG_FILE).is_file() and tokenizer and (not weights or (folder / WEIGHTS_FILE).is_file())
