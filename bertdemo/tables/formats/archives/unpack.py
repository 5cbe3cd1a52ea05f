"""The members of a zip: listed within limits, named for people, and read as text. Nothing is written to their paths."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bertdemo.errors import ArchiveEncrypted, FileBroken, TooManyMembers
from bertdemo.settings import Limits
from bertdemo.tables.formats.encoding import decide
from bertdemo.tables.formats.workbooks.sheets import UNREADABLE_ZIP, refuse_bomb

# Bit 0 of a member's general purpose flags (APPNOTE.TXT 4.4.4).
ENCRYPTED = 0x1
# A text per file makes many files: 50,000 reviews are a usual data set, and each of them is small.
_TEXTS_PER_MEMBER = 100
_SMALL_KINDS = (".txt", ".ann")


def members_of(path: Path, name: str, limits: Limits) -> list[zipfile.ZipInfo]:
    """Return the files in the zip. Raises FileBroken, TooManyMembers, FileTooLarge, UnpacksTooFar."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except UNREADABLE_ZIP:
        raise FileBroken(file=name, kind="ZIP") from None
    larger = sum(not member.filename.lower().endswith((*_SMALL_KINDS, "/")) for member in members)
    if larger > limits.archive_members or len(members) > limits.archive_members * _TEXTS_PER_MEMBER:
        raise TooManyMembers(file=name, members=len(members), limit=limits.archive_members)
    refuse_bomb(path, name, sum(member.file_size for member in members), limits)
    return [member for member in members if not member.is_dir()]


def parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the folders and the name of a member, also of one that Windows has packed."""
    return PurePosixPath(member.filename.replace("\\", "/")).parts


def base_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name without its folders, shortened to 80 characters."""
    base = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return base if len(base) <= 80 else base[:40] + "…" + base[-39:]


def is_data(member: zipfile.ZipInfo) -> bool:
    """Return whether a member may be data: files of the system and files about the data set are not."""
    base = base_name(member)
    # macOS puts a second copy of each file, its resource fork, under __MACOSX.
    hidden = base.startswith((".", "_")) or "__MACOSX" in member.filename
    system = base.casefold() in {"thumbs.db", "desktop.ini"}
    about = base.casefold().startswith(("readme", "license", "dataset_info", "metadata"))
    return not (hidden or system or about)


def texts(path: Path, name: str, members: Iterable[zipfile.ZipInfo]) -> list[str]:
    """Return the text of each member, line ends kept. Raises ArchiveEncrypted, FileBroken, FileNotText, FileNotUtf8."""
    with zipfile.ZipFile(path) as archive:
        return [_text(archive, name, member) for member in members]


def _text(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> str:
    if member.flag_bits & ENCRYPTED:
        raise ArchiveEncrypted(file=name)
    try:
        # zipfile never returns more bytes than the size in the directory, which was checked.
        content = archive.read(member)
    except UNREADABLE_ZIP:
        raise FileBroken(file=name, kind="ZIP") from None
    if content.isascii() and b"\0" not in content:
        return content.decode("ascii")
    with tempfile.NamedTemporaryFile(prefix="bertdemo-zip-") as copy:
        copy.write(content)
        copy.flush()
        file = decide(Path(copy.name), f"{name} / {base_name(member)}")
        return file.start(len(content) + 1)
