"""A copy of what git has of this repository: what a Space gets, and nothing that only lies in the folder."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def export(target: Path, revision: str = "HEAD") -> Path:
    """Write the files of a revision into a new folder and return it. Raises CalledProcessError outside a repository."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", revision]
    archive = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(target, filter="data")
    return target


def commit(revision: str = "HEAD") -> str:
    """Return the short name of a revision."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", revision]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
