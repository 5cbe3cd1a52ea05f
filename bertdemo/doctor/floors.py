"""The oldest versions without a known hole, each with the advisory that decides; a test holds the pins to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Floor:
    """The oldest version that may be installed, and why."""

    version: str
    reason: str


FLOORS: Mapping[str, Floor] = {
    "gradio": Floor("6.20", "CVE-2026-59806: an address in the path of a file was followed by the server"),
    "transformers": Floor("5.17", "CVE-2026-80047: code of a repository was written to disk before anybody agreed"),
    "torch": Floor("2.11", "CVE-2026-4538 and CVE-2026-24747: loading a file could run code in spite of weights_only"),
    "accelerate": Floor("1.15", "CVE-2026-69112: the index of a checkpoint could name files outside its folder"),
    "pyarrow": Floor("26", "CVE-2026-92287: a Parquet file could make the reader open an address"),
    "defusedxml": Floor("0.7.1", "openpyxl reads a workbook through it, so that an XML bomb does not expand"),
}


def below_floor() -> dict[str, str]:
    """Return each package that is older than its floor, or missing, with the installed version ("" for missing)."""
    found = {name: _installed(name) for name in FLOORS}
    return {name: version for name, version in found.items() if not version or _is_older(version, FLOORS[name])}


def _is_older(version: str, floor: Floor) -> bool:
    return _numbers(version) < _numbers(floor.version)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release of a version: `2.13.0+cpu` is (2, 13, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.split("+", 1)[0]))


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
