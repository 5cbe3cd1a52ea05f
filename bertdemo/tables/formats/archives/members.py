"""A zip of data files: one is read, the training split by default; numbered shards of one split are one table.

No path from the archive is ever written to: the chosen member is copied into a private temporary file.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from bertdemo.errors import ArchiveEncrypted, ArchiveWithoutTable, FileBroken, ShardsDiffer
from bertdemo.settings import Limits
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.archives import brat, documents
from bertdemo.tables.formats.archives.unpack import ENCRYPTED, base_name, is_data, members_of, parts
from bertdemo.tables.formats.header import Row
from bertdemo.tables.formats.workbooks.sheets import UNREADABLE_ZIP
from bertdemo.tables.parse_options import Note, ParseOptions, listed
from bertdemo.tables.split_names import by_split, choose_split, split_name

Reader = Callable[[Path, str, str, Limits, ParseOptions], Grid]
# `train-00000-of-00003.parquet`, as `datasets` names the shards of a split.
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.)")


def read_archive(
    path: Path, name: str, limits: Limits, options: ParseOptions, kinds: tuple[str, ...], reader: Reader
) -> Grid:
    """Return the grid of the chosen member, read by `reader(path, name, kind, limits, options)`.

    Raises FileBroken, TooManyMembers, FileTooLarge, UnpacksTooFar, ArchiveEncrypted, ArchiveWithoutTable,
    SplitUnknown, and what the reader raises.
    """
    every = members_of(path, name, limits)
    members = [member for member in every if is_data(member)]
    if annotated := brat.pairs(members):
        return brat.read_brat(path, name, members, annotated, options)
    members = [member for member in members if member.file_size]
    if labeled := documents.labeled(path, name, members):
        return documents.read_labeled(path, name, labeled, options)
    tables = _tables(members, kinds)
    if not tables:
        names = ", ".join(base_name(member) for member in (members or every)[:8]) or "0"
        raise ArchiveWithoutTable(file=name, members=names, kinds=", ".join(kinds))
    splits = _splits(list(tables), options.split)
    chosen = choose_split(list(splits), options.split, name)
    shards = sorted(tables[splits[chosen]], key=lambda member: member.filename)
    several, member_name = len(splits) > 1, base_name(shards[0])
    inner = replace(options, split="") if several else options

    def read(member: zipfile.ZipInfo) -> Grid:
        return _read_member(path, name, member, limits, inner, reader)

    first = read(shards[0])
    # Tables with a text column and no label column: their file names are the labels, unless one of them is requested.
    stems = {PurePosixPath(table).stem for table in tables}
    if len(first.header) == 1 and not options.split and documents.are_labels(stems) and len(stems) == len(tables):
        others = [members for members in tables.values() if members[0] not in shards]
        return _labeled_tables(first, [shards[0], *(members[0] for members in others)], read, name)
    detected = replace(first.detected, split=chosen, splits=tuple(splits)) if several else first.detected
    note = Note("archive_member", {"member": member_name, "members": len(splits)})
    if len(shards) > 1:
        note = Note("archive_shards", {"member": member_name, "shards": len(shards)})

    notes = [note, *first.notes]
    if left := [table for table in tables if table not in splits.values()]:
        notes.append(Note("members_left_out", {"count": len(left), "members": listed(left)}))

    def rest() -> Iterator[Grid]:
        for member in shards[1:]:
            yield _of_same_columns(read(member), first, member, name)

    return replace(first, rows=_chained(first.rows, rest()), notes=notes, detected=detected)


def _of_same_columns(grid: Grid, first: Grid, member: zipfile.ZipInfo, name: str) -> Grid:
    if grid.header != first.header:
        columns, expected = listed(grid.header), listed(first.header)
        raise ShardsDiffer(file=name, member=base_name(member), columns=columns, expected=expected)
    return grid


def _labeled_tables(
    first: Grid, members: Sequence[zipfile.ZipInfo], read: Callable[[zipfile.ZipInfo], Grid], name: str
) -> Grid:
    """Return one grid of tables with a column of texts each, whose names are the labels; `first` is of the first."""
    labels = [PurePosixPath(base_name(member)).stem for member in members]

    def rest() -> Iterator[Grid]:
        for member, label in zip(members[1:], labels[1:], strict=True):
            yield _with_label(_of_same_columns(read(member), first, member, name), label)

    note = Note("labels_from_files", {"count": len(labels), "labels": listed(labels), "files": len(labels)})
    labeled = _with_label(first, labels[0])
    return replace(labeled, rows=_chained(labeled.rows, rest()), notes=(note, *first.notes))


def _with_label(grid: Grid, label: str) -> Grid:
    texts = ((number, grid.separator.join(cell or "" for cell in cells)) for number, cells in grid.rows)
    rows: Iterator[Row] = ((number, [text, label] if text.strip() else []) for number, text in texts)
    return replace(grid, header=[*grid.header, "label"], rows=rows)


def _tables(members: Sequence[zipfile.ZipInfo], kinds: tuple[str, ...]) -> dict[str, list[zipfile.ZipInfo]]:
    """Return {table: its shards}; a table has its name, or its path where one in another folder has the same name."""
    by_path: dict[str, list[zipfile.ZipInfo]] = {}
    for member in members:
        if PurePosixPath(base_name(member)).suffix.lower() in kinds:
            by_path.setdefault(_SHARD.sub("", "/".join(parts(member))), []).append(member)
    names = Counter(PurePosixPath(table).name for table in by_path)
    alone = {table: PurePosixPath(table).name for table in by_path if names[PurePosixPath(table).name] == 1}
    return {alone.get(table, table): shards for table, shards in by_path.items()}


def _splits(tables: Sequence[str], requested: str) -> dict[str, str]:
    """Return {split: table}: by the splits in their names where there are several, else each table by its name."""
    named = [table for table in tables if split_name(str(PurePosixPath(table).with_suffix("")))]
    if requested not in tables and (len(named) > 1 or (named and not requested)):
        return by_split(named)
    return {table: table for table in tables}


def _chained(first: Iterable[Row], rest: Iterable[Grid]) -> Iterator[Row]:
    """Yield the rows of all shards; their numbers go on from one shard to the next."""
    last = 0
    for number, cells in first:
        last = number
        yield number, cells
    for grid in rest:
        before = last
        for number, cells in grid.rows:
            last = before + number
            yield last, cells


def _read_member(
    path: Path,
    name: str,
    member: zipfile.ZipInfo,
    limits: Limits,
    options: ParseOptions,
    reader: Reader,
) -> Grid:
    if member.flag_bits & ENCRYPTED:
        raise ArchiveEncrypted(file=name)
    base = base_name(member)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bertdemo-zip-"))
        copy = Path(folder) / "member"
        try:
            # zipfile never returns more bytes than the size in the directory, which was checked.
            with zipfile.ZipFile(path) as archive, archive.open(member) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
        except UNREADABLE_ZIP:
            raise FileBroken(file=name, kind="ZIP") from None
        grid = reader(copy, f"{name} / {base}", PurePosixPath(base).suffix.lower(), limits, options)
        return replace(grid, rows=_then_close(stack.pop_all(), grid))


def _then_close(stack: contextlib.ExitStack, grid: Grid) -> Iterator[Row]:
    """Yield the rows, which are read from the copy, and delete the copy after the last one."""
    with stack:
        yield from grid.rows
