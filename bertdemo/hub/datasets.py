"""Data sets on the Hugging Face Hub: listed, pinned to a commit, and one split of one downloaded as a file.

Only CSV, JSON and Parquet files are ever downloaded; a loading script is never read. Configurations and splits come
from the data set's card, else from the names of files and folders.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

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
from bertdemo.hub.client import Client, HubErrors, Meter, RemoteFile, size_text
from bertdemo.hub.progress import OnProgress
from bertdemo.settings import Settings
from bertdemo.tables.split_names import split_name

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

# Endings that are downloaded; of a split in several formats, the first of these is taken.
ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl", ".json")
_CARD = "README.md"
_CARD_BYTES = 1024 * 1024
# Names of JSON files about a data set, which are no data.
_ABOUT = frozenset({"dataset_info", "dataset_infos", "metadata", "package", "config"})
# Bounds on what a card may name: it is an untrusted file.
_NAME_CHARS, _PATTERN_CHARS, _PATTERNS = 100, 500, 1_000
# Folders whose name is no configuration.
_PLAIN = frozenset({"data", "default", "main", "raw", "all"})

_ERRORS = HubErrors(
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
    """One split of one configuration, with its files in order."""

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
    """A data set as the Hub describes it."""

    repo_id: str
    commit: str
    parts: tuple[Part, ...]
    """Training splits first."""


class HubData:
    """The data sets on the Hub that the settings name."""

    def __init__(self, settings: Settings) -> None:
        cache = settings.hub_cache or settings.home / "hub"
        self._client = Client("dataset", settings.hub_endpoint, cache, _ERRORS, offline=settings.hub_offline)
        self._most = settings.limits.file_bytes

    def look(self, repo_id: str) -> RemoteData:
        """Return the splits of a data set; of its files only the card is downloaded.

        Raises HubDataMalformed, HubDataUnreachable, HubDataNotFound, HubDataGated, HubDataWithoutTable.
        """
        info = self._client.metadata(repo_id.strip())
        commit, siblings = str(info.sha), {sibling.rfilename: sibling for sibling in info.siblings or []}
        tables = [name for name in siblings if _is_table(name)]
        if not tables:
            raise HubDataWithoutTable(dataset=repo_id, files=", ".join(sorted(siblings)[:8]) or "0")
        from_its_card = self._from_card(repo_id, commit, siblings, tables)
        files: dict[tuple[str, str], list[str]] = {}
        for name, config_and_split in (from_its_card or {name: guessed(name) for name in tables}).items():
            files.setdefault(config_and_split, []).append(name)
        parts = [
            Part(config, split, tuple(self._file(siblings[name], repo_id) for name in _of_one_format(names)))
            for (config, split), names in files.items()
        ]
        # By the split's role first: the training split is what a person wants to open.
        parts.sort(key=lambda part: (split_name(part.split) != "train", part.config, part.split))
        return RemoteData(repo_id.strip(), commit, tuple(parts))

    def fetch(
        self, data: RemoteData, part: str, folder: Path, on_progress: OnProgress | None = None
    ) -> tuple[Path, str]:
        """Download one part into `folder` and return (file, its name for people); several files become one zip.

        Raises HubDataPartUnknown, HubDataTooLarge, HubDataCutOff, HubDataBroken, HubDataUnreachable, DiskFull, and
        what `on_progress` raises.
        """
        chosen = next((candidate for candidate in data.parts if candidate.id == part), None)
        if chosen is None:
            raise HubDataPartUnknown(dataset=data.repo_id, part=part[:80], parts=_listed(data.parts))
        if chosen.size > self._most:
            raise HubDataTooLarge(dataset=data.repo_id, size=size_text(chosen.size), limit=size_text(self._most))
        meter, paths = Meter(chosen.size, on_progress), []
        for file in chosen.files:
            meter.open(file.name)
            paths.append(self._client.download(data.repo_id, data.commit, file, meter))
            meter.close(file.size)
        return _copied(paths, chosen, data, folder)

    def _file(self, sibling: RepoSibling, repo_id: str) -> RemoteFile:
        # A part that is too large is refused only when it is chosen: another may be small enough.
        return self._client.file(sibling, repo_id, limit=2**63)

    def _from_card(
        self, repo_id: str, commit: str, siblings: Mapping[str, RepoSibling], tables: Sequence[str]
    ) -> dict[str, tuple[str, str]]:
        """Return file -> (configuration, split) as the card lists them; {} where it lists none that we can use."""
        card = siblings.get(_CARD)
        if card is None or (card.size or 0) > _CARD_BYTES:
            return {}
        path = self._client.download(repo_id, commit, self._file(card, repo_id), None, downloading=False)
        return from_card(_metadata(path), tables)


def _metadata(card: Path) -> Mapping[str, Any]:
    """Return the YAML header of a card; {} where it is not valid YAML, or not UTF-8."""
    from huggingface_hub import metadata_load
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        metadata = metadata_load(card)
    # For a tag like `!!int ""` or `!!bool x` PyYAML raises the error of the conversion, not one of its own.
    except (YAMLError, ValueError, LookupError, AttributeError, RecursionError):
        return {}
    return metadata or {}


def from_card(card: Mapping[str, Any], tables: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return file -> (configuration, split) by the `configs` of a card, where its patterns name files of `tables`."""
    config_and_split: dict[str, tuple[str, str]] = {}
    configs, left = card.get("configs"), _PATTERNS
    for config in configs[:_PATTERNS] if isinstance(configs, list) else []:
        name = _short(config.get("config_name") or "default") if isinstance(config, dict) else ""
        if not name:
            continue
        for split, patterns in _patterns(config.get("data_files")):
            # Patterns are matched against every file, so their number is bounded over the whole card.
            tried = patterns[:left]
            left -= len(tried)
            for file in _matching(tables, tried) if tried else ():
                config_and_split.setdefault(file, (name, split))
    return config_and_split


def _patterns(files: object) -> list[tuple[str, list[str]]]:
    """Return (split, patterns) of `data_files`: a pattern, a list of them, or a list of {split, path}.

    Names and patterns that are not strings, or are too long, are ignored.
    """
    patterns = [("train", plain)] if (plain := _texts(files)) else []
    for item in files[:_PATTERNS] if isinstance(files, list) else []:
        split = _short(item.get("split") or "train") if isinstance(item, dict) else ""
        if split and (paths := _texts(item.get("path"))):
            patterns.append((split, paths))
    return patterns


def _short(name: object) -> str:
    return name if isinstance(name, str) and len(name) <= _NAME_CHARS else ""


def _texts(patterns: object) -> list[str]:
    """Return the usable patterns of a string or a list of strings."""
    several = patterns[:_PATTERNS] if isinstance(patterns, list) else [patterns]
    return [text for text in several if isinstance(text, str) and 0 < len(text) <= _PATTERN_CHARS]


def _matching(tables: Sequence[str], patterns: Sequence[str]) -> list[str]:
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]

    return sorted(filter_repo_objects(tables, allow_patterns=[pattern.removeprefix("./") for pattern in patterns]))


def guessed(name: str) -> tuple[str, str]:
    """Return (configuration, split) by the names of a file and its folders."""
    path = PurePosixPath(name)
    folders = path.parts[:-1]
    splits = map(split_name, (_without_shard(path.stem), *folders))
    split = next(filter(None, splits), "train")
    configs = [part for part in folders if part.casefold() not in _PLAIN and not split_name(part)]
    return "/".join(configs) or "default", split


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    # Folders such as .github or _archive are no part of the data.
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return not hidden and path.suffix.lower() in ENDINGS and path.stem.casefold() not in _ABOUT


def _of_one_format(names: Sequence[str]) -> list[str]:
    """Return the files in the first format of ENDINGS: the same rows are often there as CSV and as Parquet."""
    by_ending: dict[str, list[str]] = {}
    for name in sorted(names):
        by_ending.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    return next(by_ending[ending] for ending in ENDINGS if ending in by_ending)


def _without_shard(stem: str) -> str:
    return re.sub(r"-\d{5}-of-\d{5}.*", "", stem)


def _listed(parts: Sequence[Part]) -> str:
    return ", ".join(part.id for part in parts[:20])


def _copied(paths: Sequence[Path], part: Part, data: RemoteData, folder: Path) -> tuple[Path, str]:
    """Copy one file, or put several shards into one zip, which is read as one table (see `tables.formats.archives`)."""
    # A name from the Hub becomes a file name here: other characters than letters, digits, _, . and - are replaced.
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
            # Shard numbers as `datasets` writes them, which tell the reader that this is one table.
            archive.write(path, f"{base}-{number:05d}-of-{len(paths):05d}{ending}")
    return target, target.name
