"""BERTs from the Hugging Face Hub: looked at before the download, pinned to a commit, checked after it.

Only six files are ever fetched, none of them code or a pickle, and never with anybody's token. What is wholly in
the cache is used without asking the Hub. A file that breaks off is never seen under its own name: huggingface_hub
resumes it a few times, then drops the part, so another try starts that file again.
"""

from __future__ import annotations

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
from bertdemo.hub.client import GIB, Client, Leaves, Meter, RemoteFile, discard
from bertdemo.hub.model_files import CONFIG_FILE, TOKENIZER_FILES, WEIGHTS_FILE
from bertdemo.hub.progress import OnProgress
from bertdemo.settings import Settings

MAX_BYTES, MAX_BYTES_PUBLIC = 2 * GIB, 1 * GIB
_SMALL_BYTES = 32 * 1024 * 1024  # the largest tokenizer.json of a BERT has 3 MiB


@dataclass(frozen=True)
class Remote:
    """What the Hub says about a repository, before anything large is fetched."""

    repo_id: str
    commit: str
    config: dict[str, Any]
    architecture: str
    files: tuple[RemoteFile, ...]
    """The files that would be fetched, the weights last."""


_LEAVES = Leaves(
    malformed=lambda name: CheckpointIdMalformed(checkpoint=name),
    not_found=lambda name: HubNotFound(checkpoint=name),
    gated=lambda name: HubGated(checkpoint=name),
    unreachable=lambda name: HubUnreachable(checkpoint=name),
    cut_off=lambda name: HubCutOff(checkpoint=name),
    broken=lambda name, file: CheckpointBroken(checkpoint=name, file=file),
    too_large=lambda name, size, limit: HubTooLarge(checkpoint=name, size=size, limit=limit),
)


class ModelChecks(Protocol):
    """What a repository has to pass; each raises a CheckpointError."""

    def config(self, path: Path, checkpoint: str) -> tuple[dict[str, Any], str]:
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
        self._client = Client("model", settings.hub_endpoint, self.cache, _LEAVES, offline=settings.hub_offline)

    def check_id(self, repo_id: str) -> str:
        """Return `repo_id` if it has the form owner/name; raises CheckpointIdMalformed."""
        return self._client.check_id(repo_id)

    def cached(self, repo_id: str, *, weights: bool = True) -> Path | None:
        """Return a complete snapshot that is here already, or None. Asks nobody.

        Without `weights` a config and a tokenizer are enough. The commit of `refs/main`, which other programs
        write, comes before a newer one.
        """
        storage = self.cache / f"models--{self.check_id(repo_id).replace('/', '--')}"
        main, snapshots = storage / "refs" / "main", storage / "snapshots"
        named = main.read_text(encoding="ascii", errors="replace").strip() if main.is_file() else ""
        found = [folder for folder in snapshots.iterdir() if folder.is_dir()] if snapshots.is_dir() else []
        found.sort(key=lambda folder: (folder.name == named, folder.stat().st_mtime), reverse=True)
        return next((folder for folder in found if _complete(folder, weights=weights)), None)

    def inspect(self, repo_id: str) -> Remote:
        """Ask the Hub what the repository holds and whether we can use it.

        Raises CheckpointIdMalformed, HubUnreachable, HubNotFound, HubGated, HubNotBert, HubNoSafetensors,
        HubNoTokenizer, HubTooLarge or CheckpointBroken (a hostile config). Of files, only config.json is read.
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
        """Return the folder of a snapshot, fetched where it is not here, with its content verified.

        Raises what `inspect` raises, HubCutOff where the download broke off, CheckpointBroken where the content
        is not what the Hub announced or not a BERT, DiskFull. What `on_progress` raises ends the download.
        """
        here = self.cached(repo_id, weights=weights)
        if here is not None:
            return here
        remote = self.inspect(repo_id)
        wanted = remote.files if weights else remote.files[:-1]
        meter = Meter(sum(file.size for file in wanted), on_progress)
        folder = self.cache
        for file in wanted:
            if file.name == WEIGHTS_FILE:
                self._checks.tokenizer(folder, repo_id)
            meter.open(file.name)
            path = self._client.download(repo_id, remote.commit, file, meter)
            meter.close(file.size)
            folder = path.parent
        try:
            (self._checks.folder if weights else self._checks.tokenizer)(folder, repo_id)
        except CheckpointError:
            discard(folder / WEIGHTS_FILE)  # or it would count as ready from now on
            raise
        return folder


def _complete(folder: Path, *, weights: bool) -> bool:
    tokenizer = (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()
    return (folder / CONFIG_FILE).is_file() and tokenizer and (not weights or (folder / WEIGHTS_FILE).is_file())
