"""`make lock`: requirements.lock, the name and the version of everything that requirements.txt installs.

It is a list of constraints (`pip install -r requirements.txt -c requirements.lock`) without hashes, since the CPU and
the CUDA files of one release of torch differ. What the CUDA build alone needs is left out: torch pins it itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from deploy.checkout import ROOT

LOCK = ROOT / "requirements.lock"
_REQUIREMENTS = ROOT / "requirements.txt"
_HEAD = "# Everything that requirements.txt installs; written by `make lock`, used by `make install` as constraints.\n"
_CUDA_ONLY = re.compile(r"nvidia-|cuda-|triton$")


def resolved(requirements: Path = _REQUIREMENTS) -> dict[str, str]:
    """Return name -> version of what is installed here for these requirements. Raises PackageNotFoundError."""
    lines = [line for line in requirements.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    versions: dict[str, str] = {}
    waiting = [Requirement(line) for line in lines]
    done = set[tuple[str, frozenset[str]]]()
    while waiting:
        wanted = waiting.pop()
        name = normalized(wanted.name)
        if (name, frozenset(wanted.extras)) in done or _CUDA_ONLY.match(name):
            continue
        done.add((name, frozenset(wanted.extras)))
        # The local part names the build (`2.13.0+cpu`), not the release.
        versions[name] = metadata.version(name).split("+", 1)[0]
        waiting += _needs(metadata.requires(name) or (), wanted.extras)
    return versions


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Return name -> version as the lock says."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==", 1) for line in lines if line and not line.startswith("#"))  # type: ignore[misc]


def normalized(name: str) -> str:
    """Return the name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(requirements: Iterable[str], extras: set[str]) -> list[Requirement]:
    """Return what of these holds on this machine with these extras."""
    parsed = [Requirement(line) for line in requirements]
    chosen = [{"extra": extra} for extra in ("", *extras)]
    return [it for it in parsed if it.marker is None or any(it.marker.evaluate(extra) for extra in chosen)]


def main() -> int:
    """Write the lock of what is installed."""
    lines = [f"{name}=={version}\n" for name, version in sorted(resolved().items())]
    LOCK.write_text(_HEAD + "".join(lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
