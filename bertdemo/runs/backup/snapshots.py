"""Copies of folders that are complete or absent, whatever interrupts them.

    <store>/<kind>/<name>/
        manifest.json      the path of each file -> its size and SHA-256; written last, by rename
        files/<sha256>     the content of each file

A bucket that is mounted as a folder is object storage: a file there is written whole or not at all, and neither locks
nor appended lines can be relied on. So a file is written once, under the name of its content, and what a folder has
is decided by its manifest alone. An interrupted copy leaves the manifest before it, and all files that this one names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from bertdemo.processes import file_sha256, write_atomic

_MANIFEST, _FILES, _DRAFT = "manifest.json", "files", ".tmp-"
# Grows by one when an older version could not read a newer copy.
_SCHEMA = 1
# Bytes that are copied and hashed at a time.
_CHUNK = 1 << 20


class Torn(Exception):
    """A copy that cannot be brought back; the first argument says which file is missing or not as written."""


@dataclass(frozen=True)
class _Manifest:
    schema: int
    files: Mapping[str, tuple[int, str]]


# A file as it was when it was copied: inode, size and time of change.
_State = tuple[int, int, int]


class Snapshots:
    """The copies in one store. Used by one thread at a time."""

    def __init__(self, store: Path) -> None:
        self._store = store
        # (kind, name) -> path -> what was copied: a file that did not change is not read again.
        self._copied: dict[tuple[str, str], dict[str, tuple[_State, int, str]]] = {}

    def names(self, kind: str) -> list[str]:
        """Return the names of the folders of this kind that have a copy."""
        folder = self._store / kind
        inside = folder.iterdir() if folder.is_dir() else []
        return sorted(it.name for it in inside if not it.name.startswith(".") and (it / _MANIFEST).is_file())

    def save(self, kind: str, name: str, files: Mapping[str, Path]) -> None:
        """Copy these files (path in the folder -> where it is), in place of the copy before. Raises OSError."""
        target = self._store / kind / name
        (target / _FILES).mkdir(parents=True, exist_ok=True, mode=0o700)
        before = self._copied.get((kind, name), {})
        copied = {path: self._file(source, target / _FILES, before.get(path)) for path, source in files.items()}
        manifest = _Manifest(_SCHEMA, {path: (size, sha256) for path, (_, size, sha256) in sorted(copied.items())})
        write_atomic(target / _MANIFEST, TypeAdapter(_Manifest).dump_json(manifest, indent=1))
        self._copied[kind, name] = copied
        named = {sha256 for _, _, sha256 in copied.values()}
        for path in (target / _FILES).iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def restore(self, kind: str, name: str, target: Path) -> None:
        """Write the folder that was copied as `target`, complete or not at all. Raises Torn and OSError."""
        source = self._store / kind / name
        manifest = _read(source / _MANIFEST)
        draft = target.with_name(f"{_DRAFT}{name}")
        shutil.rmtree(draft, ignore_errors=True)  # of a server that was ended here
        try:
            for path, (size, sha256) in manifest.files.items():
                _bring_back(source / _FILES / sha256, _inside(draft, path), size, sha256)
            draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # only where it was not renamed

    def remove(self, kind: str, name: str) -> None:
        """Remove a copy, its manifest first: half removed, it is none."""
        folder = self._store / kind / name
        (folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        self._copied.pop((kind, name), None)

    @staticmethod
    def _file(source: Path, folder: Path, before: tuple[_State, int, str] | None) -> tuple[_State, int, str]:
        """Copy one file under the name of its content, unless that is there; return its state, size and hash."""
        status = source.stat()
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if before is not None and before[0] == state and _has(folder / before[2], before[1]):
            return before
        sha256 = file_sha256(source)  # to write nothing to the storage that is there already
        if _has(folder / sha256, status.st_size):
            return state, status.st_size, sha256
        draft = folder / f"{_DRAFT}{os.urandom(6).hex()}"
        try:
            size, sha256 = _copy(source, draft)
            draft.replace(folder / sha256)
        finally:
            draft.unlink(missing_ok=True)
        return state, size, sha256


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file; return size and hash of what was read, which may have grown since it was looked at."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as writing:
        while part := reading.read(_CHUNK):
            digest.update(part)
            size += writing.write(part)
        writing.flush()
        os.fsync(writing.fileno())
    return size, digest.hexdigest()


def _bring_back(source: Path, target: Path, size: int, sha256: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        whole = _copy(source, target) == (size, sha256)
    except FileNotFoundError:
        whole = False
    if not whole:
        raise Torn(source.name)


def _has(path: Path, size: int) -> bool:
    """Return whether a file is there in its size; one that was cut off is smaller."""
    return path.is_file() and path.stat().st_size == size


def _read(path: Path) -> _Manifest:
    try:
        manifest = TypeAdapter(_Manifest).validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        raise Torn(_MANIFEST) from None
    if manifest.schema != _SCHEMA:
        raise Torn(_MANIFEST)
    return manifest


def _inside(folder: Path, path: str) -> Path:
    """Return a path of a manifest below a folder; raises Torn for one that would lead out of it."""
    parts = PurePosixPath(path).parts
    if not parts or any(part in {"..", "/"} for part in parts):
        raise Torn(path)
    return folder.joinpath(*parts)
