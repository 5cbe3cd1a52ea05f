"""The files of a run outside of its folder: what was uploaded for it, and what was exported from it.

Both lie where Gradio serves files to whoever knows their address, so they go when the run is deleted. A file that was
exported lies in a folder `result-<run>-<random>`. What was uploaded is noted in run.json; equal files of two visitors
are one file there, which stays while another run names it.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from bertdemo.settings import Settings

RESULT = "result-"
_RUN = re.compile(r"[a-z0-9-]{1,64}")


def new_result_folder(settings: Settings, run: str = "") -> Path:
    """Create a folder for one file that a visitor downloads; it goes with `run`, where there is one."""
    owner = f"{run}-" if _RUN.fullmatch(run) else ""
    folder = settings.uploads / f"{RESULT}{owner}{secrets.token_hex(16)}"
    folder.mkdir(mode=0o700, parents=True)
    return folder


def uploads_of(settings: Settings, paths: Iterable[str | None]) -> list[str]:
    """Return those of the files that were uploaded, as paths relative to the folder of all uploads."""
    root = settings.uploads.resolve()
    resolved = [Path(path).resolve() for path in paths if path]
    return [path.relative_to(root).as_posix() for path in resolved if path.is_relative_to(root)]


def remove(settings: Settings, run: str, uploads: Iterable[str]) -> None:
    """Remove what was exported from a run, and these uploads."""
    for folder in settings.uploads.glob(f"{RESULT}{run}-*") if _RUN.fullmatch(run) else ():
        shutil.rmtree(folder, ignore_errors=True)
    root = settings.uploads.resolve()
    for name in uploads:
        path = (root / name).resolve()
        # Only what lies where it was noted: each upload has a folder of its own there.
        if path.parent.parent == root and path.is_file():
            shutil.rmtree(path.parent, ignore_errors=True)
