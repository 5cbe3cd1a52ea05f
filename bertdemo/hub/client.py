"""A client for the Hugging Face Hub: metadata and single files, for models and data sets alike.

Every repository is pinned to a commit, every file is verified against the digest that the Hub announced, and no token
is ever sent. Failures become errors of the caller's own (`HubErrors`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from bertdemo.errors import BertDemoError, DiskFull
from bertdemo.hub.progress import DownloadProgress, OnProgress
from bertdemo.processes import file_sha256

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

GIB = 1024**3
# Seconds to wait for the Hub's answer: a person waits for it.
_ANSWER_SECONDS = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Owner or name; huggingface_hub allows 96 characters.
_PART = r"\w[\w.-]{0,95}"
_ID = re.compile(rf"{_PART}/{_PART}", re.ASCII)


@dataclass(frozen=True)
class RemoteFile:
    """One file on the Hub with its size in bytes and a digest: SHA-256 of a large file, git's SHA-1 of a small one."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None

    def matches(self, path: Path) -> bool:
        """Return whether the file at `path` has this content."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return file_sha256(path) == self.sha256
        if self.git_sha1:
            data = path.read_bytes()
            # git's name of a blob: the SHA-1 of a header and the content.
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False)
            return git.hexdigest() == self.git_sha1
        return True


@dataclass(frozen=True)
class HubErrors:
    """The errors for one kind of repository; each takes the repository's id, `broken` also the name of a file."""

    malformed: Callable[[str], BertDemoError]
    not_found: Callable[[str], BertDemoError]
    gated: Callable[[str], BertDemoError]
    unreachable: Callable[[str], BertDemoError]
    cut_off: Callable[[str], BertDemoError]
    broken: Callable[[str, str], BertDemoError]
    too_large: Callable[[str, str, str], BertDemoError]
    """Takes id, size and limit."""


class Client:
    """Reads repositories of one kind from the Hub at `endpoint`."""

    def __init__(
        self, kind: Literal["model", "dataset"], endpoint: str | None, cache: Path, errors: HubErrors, *, offline: bool
    ) -> None:
        self._kind: Literal["model", "dataset"] = kind
        self._endpoint, self._cache, self._errors, self._offline = endpoint, cache, errors, offline

    def check_id(self, repo_id: str) -> str:
        """Return `repo_id` if it has the form owner/name; raises `malformed`."""
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

        try:
            if not _ID.fullmatch(repo_id) or ".." in repo_id:
                raise ValueError(repo_id)
            validate_repo_id(repo_id)
        except (ValueError, HFValidationError):
            raise self._errors.malformed(repo_id[:100]) from None
        return repo_id

    def metadata(self, repo_id: str) -> Any:
        """Return huggingface_hub's ModelInfo or DatasetInfo: `sha` is the commit, `siblings` are the files.

        Raises `malformed`, `unreachable`, `not_found`, `gated`.
        """
        from huggingface_hub import HfApi

        self.check_id(repo_id)
        # Checked here and not at the network: huggingface_hub's own offline mode is read when it is imported.
        if self._offline:
            raise self._errors.unreachable(repo_id)
        # False, not None: None would send the token of whoever started the server.
        api = HfApi(endpoint=self._endpoint, token=False)
        get_info: Callable[..., Any] = api.model_info if self._kind == "model" else api.dataset_info
        with self.translated(repo_id, downloading=False):
            try:
                info = get_info(repo_id, files_metadata=True, timeout=_ANSWER_SECONDS, token=False)
            except (ValueError, KeyError, TypeError) as error:
                if isinstance(error, OSError):  # the Hub's own "bad request" is a ValueError too
                    raise
                raise self._errors.unreachable(repo_id) from None  # the login page of a network, not the Hub
        # Without a commit there is nothing to pin to: it is not the Hub that answered.
        if not _COMMIT.fullmatch(info.sha or ""):
            raise self._errors.unreachable(repo_id)
        if info.gated:
            raise self._errors.gated(repo_id)
        return info

    def file(self, sibling: RepoSibling, repo_id: str, *, limit: int) -> RemoteFile:
        """Return a file as the Hub announces it; raises `broken` without a size, `too_large` above `limit` bytes."""
        if sibling.size is None:
            raise self._errors.broken(repo_id, sibling.rfilename)
        if sibling.size > limit:
            raise self._errors.too_large(repo_id, size_text(sibling.size), size_text(limit))
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        return RemoteFile(sibling.rfilename, sibling.size, sha256, None if sibling.lfs else sibling.blob_id)

    def download(
        self, repo_id: str, commit: str, file: RemoteFile, meter: Meter | None, *, downloading: bool = True
    ) -> Path:
        """Return a file of a commit in the cache, downloaded if it is not there, its content verified.

        Raises the errors of `translated`, and `broken` where the content is not what was announced. `downloading`
        says whether a lost connection is an interrupted download or a Hub that does not answer.
        """
        from huggingface_hub import hf_hub_download

        with self.translated(repo_id, downloading=downloading):
            path = Path(
                hf_hub_download(
                    repo_id,
                    file.name,
                    repo_type=self._kind,
                    revision=commit,
                    cache_dir=self._cache,
                    endpoint=self._endpoint,
                    etag_timeout=_ANSWER_SECONDS,
                    token=False,
                    tqdm_class=_bar_class(meter),
                )
            )
        # Over HTTP huggingface_hub compares the size only.
        if not file.matches(path):
            discard(path)
            raise self._errors.broken(repo_id, file.name)
        return path

    @contextlib.contextmanager
    def translated(self, repo_id: str, *, downloading: bool) -> Iterator[None]:
        """Turn what the network and huggingface_hub raise into errors of our own."""
        import httpx2
        from huggingface_hub.errors import XetDownloadError

        # hf_xet reports a lost connection as a bare RuntimeError.
        broken: tuple[type[Exception], ...] = (OSError, httpx2.HTTPError)
        broken += (XetDownloadError, RuntimeError) if downloading else ()
        try:
            yield
        except broken as error:
            translation = self._translation(error, repo_id, downloading=downloading)
            if translation is None:
                raise
            raise translation from error

    def _translation(self, error: BaseException, repo_id: str, *, downloading: bool) -> BertDemoError | None:
        from huggingface_hub import errors as hub_errors

        if isinstance(error, hub_errors.GatedRepoError):
            return self._errors.gated(repo_id)
        if isinstance(error, hub_errors.RepositoryNotFoundError | hub_errors.RevisionNotFoundError):
            return self._errors.not_found(repo_id)
        if isinstance(error, hub_errors.HfHubHTTPError):
            status = error.response.status_code
            if status in {401, 404}:
                return self._errors.not_found(repo_id)
            if status in {403, 451}:  # forbidden, or unavailable for legal reasons
                return self._errors.gated(repo_id)
        elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return DiskFull()
        elif isinstance(error, OSError) and error.errno is not None:
            return None  # a cache that cannot be written, for example: not the Hub's fault
        return self._errors.cut_off(repo_id) if downloading else self._errors.unreachable(repo_id)


class Meter:
    """Adds up the bytes of several files."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self._total, self._on_progress = total, on_progress
        self._before = self._now = 0
        self._file = ""

    def open(self, file: str) -> None:
        """Begin a file."""
        self._file, self._now = file, 0
        self._tell()

    def add(self, count: int) -> None:
        """Count bytes of the file that is open."""
        self._now += count
        self._tell()

    def close(self, size: int) -> None:
        """Finish a file of `size` bytes; this also counts a file that came from the cache."""
        self._before, self._now = self._before + size, 0
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(DownloadProgress(self._before + self._now, self._total, self._file))


def _bar_class(meter: Meter | None) -> Any:
    """Return a class with the interface of tqdm for huggingface_hub: it draws nothing and feeds the meter.

    Over HTTP it calls `update` for each chunk, with a negative number where a resumed file starts again. Xet calls
    `update` for bytes written and, because there is `update_transfer`, opens no second bar for bytes received.
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
            """Accept the calls that change what a bar shows."""

        set_postfix_str = set_transfer_postfix_str = set_description = refresh = close = ignore

    return Bar


def size_text(size: int) -> str:
    """Return a number of bytes in GiB from 0.1 GiB on, else in MiB."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size / 1024**2:.0f} MiB"


def discard(path: Path) -> None:
    """Remove a file of a snapshot and every link to its content."""
    chain: list[Path] = [path]
    # At most four, so that a cycle of links ends.
    while chain[-1].is_symlink() and len(chain) < 4:
        chain.append(chain[-1].parent / chain[-1].readlink())
    for link in chain:
        link.unlink(missing_ok=True)
