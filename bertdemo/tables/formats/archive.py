"""A zip of data files: one is read, the training part by default; numbered files of one part are one table.

Nothing in the archive says where anything is written: the chosen member is copied into a private file of our own.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from bertdemo.errors import ArchiveEncrypted, ArchiveWithoutTable, FileBroken, ShardsDiffer, TooManyMembers
from bertdemo.settings import Limits
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.header import Row
from bertdemo.tables.formats.workbook import UNREADABLE_ZIP, refuse_bomb
from bertdemo.tables.parse_options import Note, ParseOptions, listed
from bertdemo.tables.split_names import called, choose_split, split_name

Reader = Callable[[Path, str, str, Limits, ParseOptions], Grid]
_ENCRYPTED = 0x1
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.)")


def read_archive(
    path: Path, name: str, limits: Limits, options: ParseOptions, kinds: tuple[str, ...], reader: Reader
) -> Grid:
    """Return the grid of the chosen member, read by `reader(path, name, kind, limits, options)`.

    Raises FileBroken, TooManyMembers, FileTooLarge, UnpacksTooFar, ArchiveEncrypted, ArchiveWithoutTable,
    SplitUnknown, and what the reader raises.
    """
    members = _members(path, name, limits)
    tables: dict[str, list[zipfile.ZipInfo]] = {}
    for member in members:
        if _is_table(member, kinds):
            tables.setdefault(_SHARD.sub("", _shown(member)), []).append(member)
    if not tables:
        seen = ", ".join(_shown(member) for member in members[:8]) or "0"
        raise ArchiveWithoutTable(file=name, members=seen, kinds=", ".join(kinds))
    named = [shown for shown in tables if split_name(PurePosixPath(shown).stem)]
    parts = called(named) if len(named) > 1 or (named and not options.split) else {}
    if not parts or (options.split and options.split in tables):
        parts = {shown: shown for shown in tables}
    chosen = choose_split(list(parts), options.split, name)
    shards = sorted(tables[parts[chosen]], key=lambda member: member.filename)
    inner = replace(options, split="") if len(parts) > 1 else options
    first = _read_member(path, name, shards[0], limits, inner, reader)
    several, shown = len(parts) > 1, _shown(shards[0])
    detected = replace(first.detected, split=chosen, splits=tuple(parts)) if several else first.detected
    notes = [Note("archive_member", {"member": shown, "members": len(parts)})]
    if len(shards) > 1:
        notes = [Note("archive_shards", {"member": shown, "shards": len(shards)})]

    def rest() -> Iterator[Grid]:
        for member in shards[1:]:
            grid = _read_member(path, name, member, limits, inner, reader)
            if grid.header != first.header:
                have, wanted = listed(grid.header), listed(first.header)
                raise ShardsDiffer(file=name, member=_shown(member), columns=have, expected=wanted)
            yield grid

    return replace(first, rows=_chained(first.rows, rest()), notes=(*notes, *first.notes), detected=detected)


def _chained(first: Iterable[Row], rest: Iterable[Grid]) -> Iterator[Row]:
    """Yield the rows of all files; a row is counted on from the file before."""
    last = 0
    for number, cells in first:
        last = number
        yield number, cells
    for grid in rest:
        before = last
        for number, cells in grid.rows:
            last = before + number
            yield last, cells


def _members(path: Path, name: str, limits: Limits) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except UNREADABLE_ZIP:
        raise FileBroken(file=name, kind="ZIP") from None
    if len(members) > limits.archive_members:
        raise TooManyMembers(file=name, members=len(members), limit=limits.archive_members)
    refuse_bomb(path, name, sum(member.file_size for member in members), limits)
    return [member for member in members if not member.is_dir()]


def _shown(member: zipfile.ZipInfo) -> str:
    """Return a member's name for people, without its folders."""
    base = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return base if len(base) <= 80 else base[:40] + "…" + base[-39:]


def _is_table(member: zipfile.ZipInfo, kinds: tuple[str, ...]) -> bool:
    base = _shown(member)
    hidden = base.startswith((".", "_")) or "__MACOSX" in member.filename
    about = base.casefold().startswith(("readme", "license", "license", "dataset_info", "metadata"))
    return not hidden and not about and PurePosixPath(base).suffix.lower() in kinds and member.file_size > 0


def _read_member(
    path: Path,
    name: str,
    member: zipfile.ZipInfo,
    limits: Limits,
    options: ParseOptions,
    reader: Reader,
) -> Grid:
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveEncrypted(file=name)
    shown = _shown(member)
    with contextlib.ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="bertdemo-zip-"))
        copy = Path(folder) / "member"
        try:
            # zipfile hands out no more than the size in the directory, which was checked.
            with zipfile.ZipFile(path) as archive, archive.open(member) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
        except UNREADABLE_ZIP:
            raise FileBroken(file=name, kind="ZIP") from None
        grid = reader(copy, f"{name} / {shown}", PurePosixPath(shown).suffix.lower(), limits, options)
        return replace(grid, rows=_cleaning(held.pop_all(), grid))


def _cleaning(held: contextlib.ExitStack, grid: Grid) -> Iterator[Row]:
    """The rows are read from the copy, so that goes only behind the last one."""
    with held:
        yield from grid.rows
