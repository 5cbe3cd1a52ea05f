"""The resume checkpoints of a run: complete or absent, kept by step, and verified before they are used.

    <run folder>/resume/step-00000012/
        manifest.json           what follows from `Manifest`; written last, so a folder without it is torn
        model.safetensors       the weights
        state.safetensors, state.json   optimizer, schedule, random state, figures of the best epoch (no pickle)
        trainer_state.json      what transformers.Trainer knows of its progress
        best.safetensors        the best weights so far, where an epoch was evaluated

A checkpoint is written into a draft folder, synced file by file, and renamed. Nothing here needs torch, so the server
can say from which step a run would go on.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bertdemo.faults import fault
from bertdemo.processes import file_sha256, sync, write_atomic

FOLDER, MANIFEST = "resume", "manifest.json"
# Of the files that a checkpoint consists of; grows by one when an older version could not read a newer checkpoint.
SCHEMA = 1
# The newest one may be torn by a power failure in spite of everything, and then the one before it is left.
_KEPT = 2
_NAME = re.compile(r"step-(\d{8,})")
_DRAFT = ".tmp-"


class Torn(Exception):
    """A resume checkpoint that is not whole; the first argument is the file that is missing or not as written."""


@dataclass(frozen=True)
class Conditions:
    """Everything that must be as it was for the same weights, bit for bit; each a short text for people."""

    torch: str
    transformers: str
    threads: str
    device: str
    processor: str
    data: str
    """Hash of all encoded rows and of the order of the labels."""
    settings: str
    """Hash of the resolved hyper-parameters."""
    precision: str = ""
    """Numeric precision; "" in checkpoints from before it was noted."""

    def differences(self, now: Conditions) -> str:
        """Return what is not as it was: `torch 2.12.0 → 2.13.0, threads 4 → 2`; "" where all of it is."""
        before, after = asdict(self), asdict(now)
        noted = (name for name in before if before[name] or name != "precision")
        return ", ".join(f"{name} {before[name]} → {after[name]}" for name in noted if before[name] != after[name])


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says."""

    schema: int
    step: int
    attempt: int
    evaluated: bool
    """Whether the epoch that ends with this step has been evaluated already."""
    conditions: Conditions
    files: Mapping[str, tuple[int, str]]
    """Name -> size in bytes and SHA-256."""


@dataclass(frozen=True)
class ResumeCheckpoint:
    """A whole resume checkpoint."""

    folder: Path
    manifest: Manifest

    def pending(self, steps_per_epoch: int) -> bool:
        """Return whether its epoch has had all its steps and not its evaluation."""
        return self.manifest.step % steps_per_epoch == 0 and not self.manifest.evaluated


def folders(run: Path) -> list[Path]:
    """Return the folders of all resume checkpoints of a run, by step, the newest first; none is verified."""
    inside = (run / FOLDER).iterdir() if (run / FOLDER).is_dir() else []
    return sorted((path for path in inside if _NAME.fullmatch(path.name)), key=step_of, reverse=True)


def step_of(folder: Path) -> int:
    """Return the step that the name of a folder tells."""
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else 0


def newest_step(run: Path) -> int | None:
    """Return the step from which a run would go on, None where it would start again; reads names and sizes only."""
    try:
        return next((step_of(folder) for folder in folders(run) if _looks_whole(folder)), None)
    except OSError:  # removed just now, or the disk fails
        return None


def publish(
    run: Path, step: int, attempt: int, conditions: Conditions, write: Callable[[Path], None], *, evaluated: bool
) -> Path:
    """Write a checkpoint, let it appear complete and in one step, and drop all but the newest two."""
    fault("save", step)
    root = run / FOLDER
    root.mkdir(exist_ok=True, mode=0o700)
    draft = root / f"{_DRAFT}{secrets.token_hex(6)}"
    draft.mkdir(mode=0o700)
    try:
        write(draft)
        files = {path.name: _synced(path) for path in sorted(draft.iterdir())}
        manifest = Manifest(SCHEMA, step, attempt, evaluated, conditions, files)
        write_atomic(draft / MANIFEST, TypeAdapter(Manifest).dump_json(manifest, indent=1))
        sync(draft)
        folder = _renamed(draft, root / f"step-{step:08d}")
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # only where it was not renamed
    _rotate(run)
    return folder


def verify(folder: Path) -> ResumeCheckpoint:
    """Return the checkpoint in a folder; raises Torn where a file is missing or not as it was written."""
    manifest = _manifest(folder)
    for name, (size, sha256) in manifest.files.items():
        path = folder / name
        if not path.exists() and _unnamed(folder, manifest):  # so it is the name that was damaged
            raise Torn(MANIFEST)
        if not path.is_file() or path.stat().st_size != size or file_sha256(path) != sha256:
            raise Torn(name)
    return ResumeCheckpoint(folder, manifest)


def remove(folder: Path) -> None:
    """Remove one checkpoint, its manifest first: half removed, it is torn."""
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def remove_all(run: Path) -> None:
    """Remove all resume checkpoints of a run, which has finished."""
    for folder in folders(run):
        remove(folder)
    shutil.rmtree(run / FOLDER, ignore_errors=True)


def sweep(run: Path) -> None:
    """Remove what a killed worker left half written, anywhere in its folder; only the next one may, as it begins."""
    for path in list(run.rglob(f"{_DRAFT}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):  # it costs a little space, and no run
                path.unlink()


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = TypeAdapter(Manifest).validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise Torn(MANIFEST) from None
    if manifest.schema != SCHEMA or manifest.step != step_of(folder):
        raise Torn(MANIFEST)
    return manifest


def _unnamed(folder: Path, manifest: Manifest) -> set[str]:
    """Return the files of a checkpoint that its manifest does not name."""
    return {path.name for path in folder.iterdir()} - {*manifest.files, MANIFEST}


def _looks_whole(folder: Path) -> bool:
    """Return whether all files are there in their sizes."""
    try:
        files = _manifest(folder).files
    except Torn:
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == files[name][0] for name in files)


def _synced(path: Path) -> tuple[int, str]:
    """Return the size and the hash of a file once it is on the disk."""
    sync(path)
    return path.stat().st_size, file_sha256(path)


def _renamed(draft: Path, folder: Path) -> Path:
    """Put a draft in its place; one of the same step is dropped."""
    fault("replace")
    if folder.exists():
        old = folder.with_name(f"{_DRAFT}{secrets.token_hex(6)}")
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.rename(folder)
    sync(folder.parent)
    return folder


def _rotate(run: Path) -> None:
    """Drop all but the newest two that look whole: by step, since a clock may be set back."""
    whole = [folder for folder in folders(run) if _looks_whole(folder)]
    for folder in whole[_KEPT:]:
        remove(folder)
