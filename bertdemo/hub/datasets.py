"""Data sets of the Hugging Face Hub: looked at, pinned to a commit, and one part of one fetched as a file.

Only CSV, JSON and Parquet files are ever fetched; a loading script is never looked at. What the card names as
configurations and parts is taken from it, else the names of files and folders say what they are.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bertdemo.errors import (
    HubDataBroken,
    HubDataCutOff,
    HubDataGated,
    HubDataMalformed,
    HubDataNotFound,
    HubDataPartUnknown,
    HubDataTooLarge,
    HubDataUnreachable,
    HubDataWithoutTable,
)
from bertdemo.hub.client import Client, Leaves, Meter, RemoteFile, in_words
from bertdemo.hub.progress import OnProgress
from bertdemo.settings import Settings
from bertdemo.tables.split_names import split_name

ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl", ".json")
"""Endings that are fetched; where a part is there in several, the first of these is taken."""
_CARD = "README.md"
_CARD_BYTES = 1024 * 1024
_ABOUT = frozenset({"dataset_info", "dataset_infos", "metadata", "package", "config"})
_NAME_CHARS, _PATTERN_CHARS, _PATTERNS = 100, 500, 1_000
"""What a card may name is bounded: it is a file of somebody else's."""
_PLAIN = frozenset({"data", "default", "main", "raw", "all"})
"""Folders whose name says nothing."""

_LEAVES = Leaves(
    malformed=lambda name: HubDataMalformed(dataset=name),
    not_found=lambda name: HubDataNotFound(dataset=name),
    gated=lambda name: HubDataGated(dataset=name),
    unreachable=lambda name: HubDataUnreachable(dataset=name),
    cut_off=lambda name: HubDataCutOff(dataset=name),
    broken=lambda name, file: HubDataBroken(dataset=name, file=file),
    too_large=lambda name, size, limit: HubDataTooLarge(dataset=name, size=size, limit=limit),
)


@dataclass(frozen=True)
class Part:
    """The files of one split of one configuration, in their order."""

    config: str
    split: str
    files: tuple[RemoteFile, ...]

    @property
    def id(self) -> str:
        """`configuration/split`."""
        return f"{self.config}/{self.split}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class RemoteData:
    """What the Hub says of a data set."""

    repo_id: str
    commit: str
    parts: tuple[Part, ...]
    """Training parts first."""


class HubData:
    """The data sets of the Hub that the settings name."""

    def __init__(self, settings: Settings) -> None:
        cache = settings.hub_cache or settings.home / "hub"
        self._client = Client("dataset", settings.hub_endpoint, cache, _LEAVES, offline=settings.hub_offline)
        self._most = settings.limits.file_bytes

    def look(self, repo_id: str) -> RemoteData:
        """Ask the Hub what a data set holds; of its files only the card is read.

        Raises HubDataMalformed, HubDataUnreachable, HubDataNotFound, HubDataGated, HubDataWithoutTable.
        """
        info = self._client.metadata(repo_id.strip())
        commit, siblings = str(info.sha), {sibling.rfilename: sibling for sibling in info.siblings or []}
        tables = [name for name in siblings if _is_table(name)]
        if not tables:
            raise HubDataWithoutTable(dataset=repo_id, files=", ".join(sorted(siblings)[:8]) or "0")
        named = self._named(repo_id, commit, siblings, tables)
        found: dict[tuple[str, str], list[str]] = {}
        for name, place in (named or {name: guessed(name) for name in tables}).items():
            found.setdefault(place, []).append(name)
        parts = [
            Part(config, split, tuple(self._file(siblings[name], repo_id) for name in _of_one_kind(names)))
            for (config, split), names in found.items()
        ]
        parts.sort(key=lambda part: (split_name(part.split) != "train", part.config, part.split))
        return RemoteData(repo_id.strip(), commit, tuple(parts))

    def fetch(
        self, data: RemoteData, part: str, folder: Path, on_progress: OnProgress | None = None
    ) -> tuple[Path, str]:
        """Fetch one part into `folder` and return (file, its name for people); several files become one zip.

        Raises HubDataPartUnknown, HubDataTooLarge, HubDataCutOff, HubDataBroken, HubDataUnreachable, DiskFull, and
        what `on_progress` raises.
        """
        chosen = next((one for one in data.parts if one.id == part), None)
        if chosen is None:
            raise HubDataPartUnknown(dataset=data.repo_id, part=part[:80], parts=_listed(data.parts))
        if chosen.size > self._most:
            raise HubDataTooLarge(dataset=data.repo_id, size=in_words(chosen.size), limit=in_words(self._most))
        meter, paths = Meter(chosen.size, on_progress), []
        for file in chosen.files:
            meter.open(file.name)
            paths.append(self._client.download(data.repo_id, data.commit, file, meter))
            meter.close(file.size)
        return _gathered(paths, chosen, data, folder)

    def _file(self, sibling: Any, repo_id: str) -> RemoteFile:
        # A part that is too large is refused when it is chosen: another may be small enough.
        return self._client.file(sibling, repo_id, limit=2**63)

    def _named(
        self, repo_id: str, commit: str, siblings: Mapping[str, Any], tables: Sequence[str]
    ) -> dict[str, tuple[str, str]]:
        """Return file -> (configuration, split) as the card says; nothing where it says nothing we can use."""
        card = siblings.get(_CARD)
        if card is None or (card.size or 0) > _CARD_BYTES:
            return {}
        path = self._client.download(repo_id, commit, self._file(card, repo_id), None, downloading=False)
        return from_card(_metadata(path), tables)


def _metadata(card: Path) -> dict[str, Any]:
    """Return the metadata at the head of a card; nothing where it is no YAML, or not UTF-8."""
    from huggingface_hub import metadata_load
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        metadata = metadata_load(card)
    # Of a tag like `!!int ""` or `!!bool x` PyYAML raises what its conversion met, not an error of its own.
    except (YAMLError, ValueError, LookupError, AttributeError, RecursionError):
        return {}
    return metadata or {}


def from_card(card: Mapping[str, Any], tables: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return file -> (configuration, split) by the `configs` of a card, where its patterns name files of `tables`."""
    found: dict[str, tuple[str, str]] = {}
    configs, left = card.get("configs"), _PATTERNS
    for config in configs[:_PATTERNS] if isinstance(configs, list) else []:
        name = _short(config.get("config_name") or "default") if isinstance(config, dict) else ""
        if not name:
            continue
        for split, patterns in _patterns(config.get("data_files")):
            tried = patterns[:left]
            left -= len(tried)
            for file in _matching(tables, tried) if tried else ():
                found.setdefault(file, (name, split))
    return found


def _patterns(files: Any) -> list[tuple[str, list[str]]]:
    """Return (split, patterns) of `data_files`: a pattern, a list of them, or a list of {split, path}.

    Names and patterns that are no text, or too long for one, are passed over.
    """
    found = [("train", plain)] if (plain := _texts(files)) else []
    for item in files[:_PATTERNS] if isinstance(files, list) else []:
        split = _short(item.get("split") or "train") if isinstance(item, dict) else ""
        if split and (paths := _texts(item.get("path"))):
            found.append((split, paths))
    return found


def _short(name: object) -> str:
    return name if isinstance(name, str) and len(name) <= _NAME_CHARS else ""


def _texts(patterns: object) -> list[str]:
    """Return the patterns among `patterns`, one or a list."""
    several = patterns[:_PATTERNS] if isinstance(patterns, list) else [patterns]
    return [one for one in several if isinstance(one, str) and 0 < len(one) <= _PATTERN_CHARS]


def _matching(tables: Sequence[str], patterns: Sequence[str]) -> list[str]:
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]

    return sorted(filter_repo_objects(tables, allow_patterns=[pattern.removeprefix("./") for pattern in patterns]))


def guessed(name: str) -> tuple[str, str]:
    """Return (configuration, split) as the names of a file and of its folders say."""
    path = PurePosixPath(name)
    folders = list(path.parts[:-1])
    split = split_name(_without_shard(path.stem)) or next(
        (found for part in folders if (found := split_name(part))), ""
    )
    configs = [part for part in folders if part.casefold() not in _PLAIN and not split_name(part)]
    return "/".join(configs) or "default", split or "train"


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.suffix.lower() in ENDINGS and path.stem.casefold() not in _ABOUT


def _of_one_kind(names: Sequence[str]) -> list[str]:
    """Return the files of the ending that comes first: the same rows often lie there as CSV and as Parquet."""
    kinds = Counter(PurePosixPath(name).suffix.lower() for name in names)
    best = next(ending for ending in ENDINGS if ending in kinds)
    return sorted(name for name in names if PurePosixPath(name).suffix.lower() == best)


def _without_shard(stem: str) -> str:
    return re.sub(r"-\d{5}-of-\d{5}.*", "", stem)


def _listed(parts: Sequence[Part]) -> str:
    return ", ".join(part.id for part in parts[:20])


def _gathered(paths: Sequence[Path], part: Part, data: RemoteData, folder: Path) -> tuple[Path, str]:
    """Copy one file, or put several into one archive in their order, which the reader takes for one table."""
    ending = PurePosixPath(part.files[0].name).suffix.lower()
    words = [data.repo_id.split("/")[1], *([] if part.config == "default" else [part.config]), part.split]
    base = re.sub(r"[^\w.-]+", "-", "-".join(words))[:100]
    if len(paths) == 1:
        target = folder / f"{base}{ending}"
        shutil.copyfile(paths[0], target)
        return target, target.name
    target = folder / f"{base}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, path in enumerate(paths):
            archive.write(path, f"{base}-{number:05d}-of-{len(paths):05d}{ending}")
    return target, target.name
