"""BERTs from the Hugging Face Hub: looked at before the download, pinned to a commit, checked after it.

Only six files are ever fetched, none of them code or a pickle, and never with anybody's token. What is wholly in
the cache is used without asking the Hub. A file that breaks off is never seen under its own name: huggingface_hub
resumes it a few times, then drops the part, so another try starts that file again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bertdemo.checkpoints import intake
from bertdemo.checkpoints.info import DownloadProgress, OnProgress
from bertdemo.checkpoints.intake import CONFIG_FILE, TOKENIZER_FILES, WEIGHTS_FILE
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import (
    BertDemoError,
    CheckpointBroken,
    CheckpointError,
    CheckpointIdMalformed,
    DiskFull,
    HubCutOff,
    HubGated,
    HubNoSafetensors,
    HubNotBert,
    HubNotFound,
    HubNoTokenizer,
    HubTooLarge,
    HubUnreachable,
)
from bertdemo.settings import Settings

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

GIB = 1024**3
MAX_BYTES, MAX_BYTES_PUBLIC = 2 * GIB, 1 * GIB
_ANSWER_SECONDS = 5.0
_SMALL_BYTES = 32 * 1024 * 1024  # the largest tokenizer.json of a BERT has 3 MiB
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = r"\w[\w.-]{0,95}"
_ID = re.compile(rf"{_PART}/{_PART}", re.ASCII)


@dataclass(frozen=True)
class RemoteFile:
    """One file at the Hub with its size in bytes and a digest: SHA-256 of a large file, git's SHA-1 of a small one."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None

    def matches(self, path: Path) -> bool:
        """Return whether the file at `path` has this content."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return intake.file_sha256(path) == self.sha256
        if self.git_sha1:
            data = path.read_bytes()
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False)
            return git.hexdigest() == self.git_sha1
        return True


@dataclass(frozen=True)
class Remote:
    """What the Hub says about a repository, before anything large is fetched."""

    repo_id: str
    commit: str
    config: dict[str, Any]
    architecture: str
    files: tuple[RemoteFile, ...]
    """The files that would be fetched, the weights last."""


def check_id(repo_id: str) -> str:
    """Return `repo_id` if it has the form owner/name; raises CheckpointIdMalformed."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        if not _ID.fullmatch(repo_id) or ".." in repo_id:
            raise ValueError(repo_id)
        validate_repo_id(repo_id)
    except (ValueError, HFValidationError):
        raise CheckpointIdMalformed(checkpoint=repo_id[:100]) from None
    return repo_id


class Hub:
    """The Hub that the settings name and its cache on this machine."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = settings.hub_endpoint
        self._offline = settings.hub_offline
        self._max_bytes = MAX_BYTES_PUBLIC if settings.public else MAX_BYTES
        self.cache = settings.hub_cache or settings.home / "hub"

    def cached(self, repo_id: str, *, weights: bool = True) -> Path | None:
        """Return a complete snapshot that is here already, or None. Asks nobody.

        Without `weights` a config and a tokenizer are enough. The commit of `refs/main`, which other programs
        write, comes before a newer one.
        """
        storage = self.cache / f"models--{check_id(repo_id).replace('/', '--')}"
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
        info = self._metadata(check_id(repo_id))
        if info.gated:
            raise HubGated(checkpoint=repo_id)
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
        if CONFIG_FILE not in siblings:
            raise HubNotBert(checkpoint=repo_id, model_type="?")
        commit = str(info.sha)
        config_file = _remote_file(siblings[CONFIG_FILE], repo_id, limit=_SMALL_BYTES)
        with _named(repo_id, downloading=False):
            path = self._download(repo_id, commit, config_file, None)
        raw = intake.read_config(path, checkpoint=repo_id)
        config = intake.clean_config(raw, checkpoint=repo_id)
        if WEIGHTS_FILE not in siblings:
            raise HubNoSafetensors(checkpoint=repo_id)
        if not {"tokenizer.json", "vocab.txt"} & siblings.keys():
            raise HubNoTokenizer(checkpoint=repo_id)
        small = [
            _remote_file(siblings[name], repo_id, limit=_SMALL_BYTES) for name in TOKENIZER_FILES if name in siblings
        ]
        weights = _remote_file(siblings[WEIGHTS_FILE], repo_id, limit=self._max_bytes)
        return Remote(repo_id, commit, config, intake.architecture_of(raw), (config_file, *small, weights))

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
        meter = _Meter(sum(file.size for file in wanted), on_progress)
        folder = self.cache
        for file in wanted:
            if file.name == WEIGHTS_FILE:
                _check_tokenizer(folder, repo_id)
            meter.open(file.name)
            with _named(repo_id, downloading=True):
                path = self._download(repo_id, remote.commit, file, meter)
            meter.close(file.size)
            folder = path.parent
        try:
            intake.check_folder(folder, checkpoint=repo_id) if weights else _check_tokenizer(folder, repo_id)
        except CheckpointError:
            _discard(folder / WEIGHTS_FILE)  # or it would count as ready from now on
            raise
        return folder

    def _metadata(self, repo_id: str) -> ModelInfo:
        from huggingface_hub import HfApi

        if self._offline:
            raise HubUnreachable(checkpoint=repo_id)
        with _named(repo_id, downloading=False):
            try:
                info = HfApi(endpoint=self._endpoint, token=False).model_info(
                    repo_id, files_metadata=True, timeout=_ANSWER_SECONDS, token=False
                )
            except (ValueError, KeyError, TypeError) as error:
                if isinstance(error, OSError):  # the Hub's own "bad request" is a ValueError too
                    raise
                raise HubUnreachable(checkpoint=repo_id) from None  # a login page of some network, not the Hub
        if not _COMMIT.fullmatch(info.sha or ""):
            raise HubUnreachable(checkpoint=repo_id)
        return info

    def _download(self, repo_id: str, commit: str, file: RemoteFile, meter: _Meter | None) -> Path:
        from huggingface_hub import hf_hub_download

        path = Path(
            hf_hub_download(
                repo_id,
                file.name,
                revision=commit,
                cache_dir=self.cache,
                endpoint=self._endpoint,
                etag_timeout=_ANSWER_SECONDS,
                token=False,
                tqdm_class=_bar_class(meter),
            )
        )
        if not file.matches(path):
            _discard(path)
            raise CheckpointBroken(checkpoint=repo_id, file=file.name)
        return path


class _Meter:
    """Adds up the bytes of several files."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self._total, self._on_progress = total, on_progress
        self._before = self._now = 0
        self._file = ""

    def open(self, file: str) -> None:
        self._file, self._now = file, 0
        self._tell()

    def add(self, count: int) -> None:
        self._now += count
        self._tell()

    def close(self, size: int) -> None:
        self._before, self._now = self._before + size, 0  # a file from the cache draws no bar
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(DownloadProgress(self._before + self._now, self._total, self._file))


def _bar_class(meter: _Meter | None) -> Any:
    """Return what huggingface_hub takes for a progress bar class: it draws nothing and feeds the meter.

    Over HTTP it calls `update` for each chunk, negative where a resumed file starts again. Xet calls `update` for
    bytes written and, because `update_transfer` is there, opens no second bar for bytes received.
    """

    class Bar:
        def __init__(self, *_: object, total: int | None = None, initial: int = 0, **__: object) -> None:
            self.total, self.n = total, initial

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was drawn, so nothing is cleared."""

        def update(self, n: float = 1) -> None:
            self.n += int(n)
            if meter is not None:
                meter.add(int(n))

        def update_transfer(self, n: float = 1) -> None:
            """Bytes received are not counted a second time."""

        def ignore(self, *_: object, **__: object) -> None:
            """Stand in for the calls that change what a bar shows."""

        set_postfix_str = set_transfer_postfix_str = set_description = refresh = close = ignore

    return Bar


def _complete(folder: Path, *, weights: bool) -> bool:
    tokenizer = (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()
    return (folder / CONFIG_FILE).is_file() and tokenizer and (not weights or (folder / WEIGHTS_FILE).is_file())


def _remote_file(sibling: RepoSibling, repo_id: str, *, limit: int) -> RemoteFile:
    if sibling.size is None:
        raise CheckpointBroken(checkpoint=repo_id, file=sibling.rfilename)
    if sibling.size > limit:
        raise HubTooLarge(checkpoint=repo_id, size=_gib(sibling.size), limit=_gib(limit))
    sha256 = sibling.lfs.sha256 if sibling.lfs else None
    return RemoteFile(sibling.rfilename, sibling.size, sha256, None if sibling.lfs else sibling.blob_id)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size / 1024**2:.0f} MiB"


def _check_tokenizer(folder: Path, repo_id: str) -> None:
    """Find a tokenizer that we cannot read before the large file is fetched."""
    try:
        SharedTokenizer.from_folder(folder)
    except CheckpointBroken as error:
        raise CheckpointBroken(checkpoint=repo_id, file=error.values["file"]) from None


def _discard(path: Path) -> None:
    """Remove a file of a snapshot with every link on the way to its bytes."""
    chain: list[Path] = [path]
    while chain[-1].is_symlink() and len(chain) < 4:
        chain.append(chain[-1].parent / chain[-1].readlink())
    for link in chain:
        link.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(repo_id: str, *, downloading: bool) -> Iterator[None]:
    """Turn what the network and huggingface_hub raise into leaves of our own."""
    import httpx2
    from huggingface_hub.errors import XetDownloadError

    # hf_xet reports a broken connection as a bare RuntimeError.
    broken: tuple[type[Exception], ...] = (OSError, httpx2.HTTPError)
    broken += (XetDownloadError, RuntimeError) if downloading else ()
    try:
        yield
    except broken as error:
        leaf = _leaf(error, repo_id, downloading=downloading)
        if leaf is None:
            raise
        raise leaf from error


def _leaf(error: BaseException, repo_id: str, *, downloading: bool) -> BertDemoError | None:
    from huggingface_hub import errors as hub_errors

    if isinstance(error, hub_errors.GatedRepoError):
        return HubGated(checkpoint=repo_id)
    if isinstance(error, hub_errors.RepositoryNotFoundError | hub_errors.RevisionNotFoundError):
        return HubNotFound(checkpoint=repo_id)
    if isinstance(error, hub_errors.HfHubHTTPError):
        status = error.response.status_code
        if status in {401, 404}:
            return HubNotFound(checkpoint=repo_id)
        if status in {403, 451}:
            return HubGated(checkpoint=repo_id)
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFull()
    elif isinstance(error, OSError) and error.errno is not None:
        return None  # a cache that cannot be written and the like: not the Hub's doing
    return HubCutOff(checkpoint=repo_id) if downloading else HubUnreachable(checkpoint=repo_id)
