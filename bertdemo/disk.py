"""The disk under a run: files of tensors, and whether it is full or failing."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bertdemo.faults import fault

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# A device that does not answer, a file system that was made read-only after an error, a network disk that is gone.
_FAILING = frozenset({errno.EIO, errno.EROFS, errno.ESTALE, errno.ENXIO, errno.ENOTCONN})
# How safetensors, which is written in Rust, names the error of the operating system.
_OS_ERROR = re.compile(r"os error (\d+)")


def is_full(error: OSError) -> bool:
    """Return whether no space is left: on the disk, in the quota of the user, or in the limit of a file."""
    return error.errno in _FULL


def is_failing(error: OSError) -> bool:
    """Return whether the disk itself has failed."""
    return error.errno in _FAILING


def free_share(path: Path) -> float:
    """Return the share of the disk of `path`, which need not exist yet, that this user can still fill, 0 to 1."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    usage = shutil.disk_usage(existing)
    return usage.free / usage.total if usage.total else 1.0


def save_tensors(tensors: Mapping[str, Any], path: Path) -> None:
    """Write one safetensors file of tensors by name; a full disk is an OSError, as everywhere else."""
    from safetensors.torch import save_file

    with writing_tensors():
        save_file(dict(tensors), path)


@contextlib.contextmanager
def writing_tensors() -> Iterator[None]:
    """Turn what safetensors raises in this block for an error of the operating system into the OSError that it is."""
    from safetensors import SafetensorError

    fault("write")
    try:
        yield
    except SafetensorError as error:
        if match := _OS_ERROR.search(str(error)):
            number = int(match[1])
            raise OSError(number, os.strerror(number)) from error
        raise
