"""Asking the Hugging Face Hub and fetching single files of it, for models and for data sets alike.

Every repository is pinned to a commit, every file is checked against what the Hub announced, and nobody's token is
sent. What goes wrong becomes one of the caller's own errors (`Leaves`).
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
_ANSWER_SECONDS = 5.0
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
            return file_sha256(path) == self.sha256
        if self.git_sha1:
            data = path.read_bytes()
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False)
            return git.hexdigest() == self.git_sha1
        return True


@dataclass(frozen=True)
class Leaves:
    """The errors of one kind of repository; each is made from its name, `broken` also from a file's."""

    malformed: Callable[[str], BertDemoError]
    not_found: Callable[[str], BertDemoError]
    gated: Callable[[str], BertDemoError]
    unreachable: Callable[[str], BertDemoError]
    cut_off: Callable[[str], BertDemoError]
    broken: Callable[[str, str], BertDemoError]
    too_large: Callable[[str, str, str], BertDemoError]
    """Name, size and limit."""


class Client:
    """Repositories of one kind on the Hub that the settings name."""

    def __init__(
        self, kind: Literal["model", "dataset"], endpoint: str | None, cache: Path, leaves: Leaves, *, offline: bool
    ) -> None:
        self._kind: Literal["model", "dataset"] = kind
        self._endpoint, self._cache, self._leaves, self._offline = endpoint, cache, leaves, offline

    def check_id(self, repo_id: str) -> str:
        """Return `repo_id` if it has the form owner/name; raises `malformed`."""
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

        try:
            if not _ID.fullmatch(repo_id) or ".." in repo_id:
                raise ValueError(repo_id)
            validate_repo_id(repo_id)
        except (ValueError, HFValidationError):
            raise self._leaves.malformed(repo_id[:100]) from None
        return repo_id

    def metadata(self, repo_id: str) -> Any:
        """Return what the Hub says of a repository: `sha` is a commit, `siblings` are its files.

        Raises `malformed`, `unreachable`, `not_found`, `gated`.
        """
        from huggingface_hub import HfApi

        self.check_id(repo_id)
        if self._offline:
            raise self._leaves.unreachable(repo_id)
        api = HfApi(endpoint=self._endpoint, token=False)
        ask: Callable[..., Any] = api.model_info if self._kind == "model" else api.dataset_info
        with self.named(repo_id, downloading=False):
            try:
                info = ask(repo_id, files_metadata=True, timeout=_ANSWER_SECONDS, token=False)
            except (ValueError, KeyError, TypeError) as error:
                if isinstance(error, OSError):  # the Hub's own "bad request" is a ValueError too
                    raise
                raise self._leaves.unreachable(repo_id) from None  # a login page of some network, not the Hub
        if not _COMMIT.fullmatch(info.sha or ""):
            raise self._leaves.unreachable(repo_id)
        if info.gated:
            raise self._leaves.gated(repo_id)
        return info

    def file(self, sibling: RepoSibling, repo_id: str, *, limit: int) -> RemoteFile:
        """Return what the Hub announces of a file; raises `broken` without a size, `too_large` above `limit` bytes."""
        if sibling.size is None:
            raise self._leaves.broken(repo_id, sibling.rfilename)
        if sibling.size > limit:
            raise self._leaves.too_large(repo_id, in_words(sibling.size), in_words(limit))
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        return RemoteFile(sibling.rfilename, sibling.size, sha256, None if sibling.lfs else sibling.blob_id)

    def download(
        self, repo_id: str, commit: str, file: RemoteFile, meter: Meter | None, *, downloading: bool = True
    ) -> Path:
        """Return a file of a commit in the cache, fetched where it is not there, its content verified.

        Raises what the network comes to, and `broken` where the content is not what was announced. `downloading`
        says whether a broken connection is a download that broke off, or a Hub that does not answer.
        """
        from huggingface_hub import hf_hub_download

        with self.named(repo_id, downloading=downloading):
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
        if not file.matches(path):
            discard(path)
            raise self._leaves.broken(repo_id, file.name)
        return path

    @contextlib.contextmanager
    def named(self, repo_id: str, *, downloading: bool) -> Iterator[None]:
        """Turn what the network and huggingface_hub raise into leaves of our own."""
        import httpx2
        from huggingface_hub.errors import XetDownloadError

        # hf_xet reports a broken connection as a bare RuntimeError.
        broken: tuple[type[Exception], ...] = (OSError, httpx2.HTTPError)
        broken += (XetDownloadError, RuntimeError) if downloading else ()
        try:
            yield
        except broken as error:
            leaf = self._leaf(error, repo_id, downloading=downloading)
            if leaf is None:
                raise
            raise leaf from error

    def _leaf(self, error: BaseException, repo_id: str, *, downloading: bool) -> BertDemoError | None:
        from huggingface_hub import errors as hub_errors

        if isinstance(error, hub_errors.GatedRepoError):
            return self._leaves.gated(repo_id)
        if isinstance(error, hub_errors.RepositoryNotFoundError | hub_errors.RevisionNotFoundError):
            return self._leaves.not_found(repo_id)
        if isinstance(error, hub_errors.HfHubHTTPError):
            status = error.response.status_code
            if status in {401, 404}:
                return self._leaves.not_found(repo_id)
            if status in {403, 451}:
                return self._leaves.gated(repo_id)
        elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return DiskFull()
        elif isinstance(error, OSError) and error.errno is not None:
            return None  # a cache that cannot be written and the like: not the Hub's doing
        return self._leaves.cut_off(repo_id) if downloading else self._leaves.unreachable(repo_id)


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
        """End a file of so many bytes; one from the cache draws no bar, so that nothing else counts it."""
        self._before, self._now = self._before + size, 0
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(DownloadProgress(self._before + self._now, self._total, self._file))


def _bar_class(meter: Meter | None) -> Any:
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


def in_words(size: int) -> str:
    """Return a number of bytes with a unit."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size / 1024**2:.0f} MiB"


def discard(path: Path) -> None:
    """Remove a file of a snapshot with every link on the way to its bytes."""
    chain: list[Path] = [path]
    while chain[-1].is_symlink() and len(chain) < 4:
        chain.append(chain[-1].parent / chain[-1].readlink())
    for link in chain:
        link.unlink(missing_ok=True)
