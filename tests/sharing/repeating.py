"""What the tests of scripts share: the zips of runs, unpacked and run where this project cannot be imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertdemo.runs.registry import Registry
from bertdemo.settings import Limits
from bertdemo.sharing.script.bundle import export_script

Rows = dict[int, dict[str, Any]]
# All scripts in one process: to import torch and transformers takes longer than a tiny model trains.
_DRIVER = """
import importlib.util, os, runpy, sys
assert importlib.util.find_spec("bertdemo") is None
for folder in sys.argv[1:]:
    os.chdir(folder)
    runpy.run_path("train.py")
"""


def unpacked(run: Path, registry: Registry, base: Path, folder: Path) -> Path:
    """Unpack the zip of a run into a new folder, with the checkpoint that it starts from in `base`."""
    archive = export_script(run.name, "", registry, Limits(), folder.with_suffix(".zip"))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    shutil.copytree(base, folder / "base")
    return folder


def run_alone(folders: Sequence[Path]) -> str:
    """Run the script in each folder, and return what they printed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    # -I: neither the working directory nor PYTHONPATH is searched for modules.
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DRIVER, *map(str, folders)],
        cwd=folders[0], capture_output=True, text=True, check=False, env={**kept, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def rows_of(path: Path) -> Rows:
    """Return row number -> row of a file of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return {row["row"]: row for row in map(json.loads, file)}


def linted(scripts: Sequence[Path]) -> None:
    """Fail where ruff finds a mistake, or a line of more than 120 characters."""
    rules = ["--isolated", "--no-cache", "--line-length", "120", "--select", "E,F,W"]
    command = [sys.executable, "-m", "ruff", "check", *rules, *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
