"""Files that are no table: their format is named, with the way out, by the ending or by the first bytes.

An ending is often wrong: a download gives a web page or a pointer, a person renames a document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from bertdemo.errors import (
    FileCompressed,
    FileForeign,
    FilePickled,
    FilePointer,
    FileServerError,
    FileWebPage,
    TableError,
)

# Bytes that tell a format; a web page may begin with a long comment.
_START = 4096
# An answer of a server is short.
_ANSWER = 10_000
_FORMATS: dict[str, tuple[str, ...]] = {
    "PDF": (".pdf",),
    "Word": (".doc", ".docx", ".docm"),
    "PowerPoint": (".ppt", ".pptx"),
    "OpenDocument": (".ods", ".odt", ".odp"),
    "RTF": (".rtf",),
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "GIF": (".gif",),
    "WebP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "SPSS": (".sav", ".zsav", ".por"),
    "Stata": (".dta",),
    "SAS": (".sas7bdat", ".xpt"),
    "ARFF (Weka)": (".arff",),
    "NumPy": (".npy", ".npz"),
    "MATLAB": (".mat",),
    "HDF5": (".h5", ".hdf5"),
    "R": (".rds", ".rda", ".rdata"),
    "SQLite": (".sqlite", ".sqlite3", ".db"),
    "Arrow": (".arrow", ".feather"),
    "Apple Numbers": (".numbers",),
    "Excel (.xlsb)": (".xlsb",),
    "XML": (".xml",),
}
_BY_ENDING = {ending: name for name, endings in _FORMATS.items() for ending in endings}
_PICKLED = frozenset({".pkl", ".pickle", ".joblib", ".pt", ".pth"})
_COMPRESSED = frozenset({".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".lz4"})
_PAGES = frozenset({".html", ".htm", ".mhtml"})
_MAGIC = {
    b"%PDF-": "PDF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"{\\rtf": "RTF",
    b"$FL2": "SPSS",
    b"$FL3": "SPSS",
    b"<stata_dta>": "Stata",
    b"\x93NUMPY": "NumPy",
    b"\x89HDF": "HDF5",
    b"MATLAB": "MATLAB",
    b"SQLite format 3": "SQLite",
    b"ARROW1": "Arrow",
    b"FEA1": "Arrow",
    b"RDX": "R",
}
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
# The first bytes of a pickle of protocol 2 to 5.
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_PAGE = re.compile(
    r"(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_POINTER = "version https://git-lfs.github.com/spec/"
_ARFF = re.compile(r"(?:\s*%[^\n]*\n)*\s*@relation\s", re.IGNORECASE)
# What servers write in place of a file, as text.
_REFUSED = re.compile(
    r"(?:40[0-9]|50[0-9])\b.{0,60}|(?:page |entry |file )?not found.{0,40}|access denied.{0,40}", re.IGNORECASE
)
# Keys of an error that a server answers in JSON.
_ERROR_KEYS = frozenset({"error", "message", "detail", "errors", "msg"})
# Files in a zip that identify its format.
_ZIPPED = {
    "word/": "Word",
    "ppt/": "PowerPoint",
    "Index/Document.iwa": "Apple Numbers",
    "META-INF/manifest.xml": "OpenDocument",
}


def refuse_ending(name: str, ending: str) -> None:
    """Raise what tells the format of a file with a known ending that is no table's."""
    if ending in _BY_ENDING:
        raise FileForeign(file=name, format=_BY_ENDING[ending])
    if ending in _PICKLED:
        raise FilePickled(file=name)
    if ending in _COMPRESSED:
        raise FileCompressed(file=name)
    if ending in _PAGES:
        raise FileWebPage(file=name)


def refuse_content(path: Path, name: str) -> None:
    """Raise what tells the format of a file whose first bytes are no table's, whatever its ending."""
    with path.open("rb") as file:
        start = file.read(_START)
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            raise FileForeign(file=name, format=kind)
    if start.startswith(_PACKED):
        raise FileCompressed(file=name)
    if _PICKLE.match(start):
        raise FilePickled(file=name)
    # UTF-16 has a NUL beside each ASCII character.
    text = start.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").decode("utf-8", "replace")
    error = _of_text(text.lstrip(), name, path)
    if error is not None:
        raise error


def zipped_format(members: Iterable[str]) -> str:
    """Return the format of a document that is a zip; "" for a zip of files."""
    names = list(members)
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy"
    if any(name.endswith("/data.pkl") for name in names):
        return "PyTorch"
    return next((kind for start, kind in _ZIPPED.items() if any(name.startswith(start) for name in names)), "")


def _of_text(text: str, name: str, path: Path) -> TableError | None:
    if text.startswith(_POINTER):
        return FilePointer(file=name)
    if _PAGE.match(text):
        return FileWebPage(file=name)
    if _ARFF.match(text):
        return FileForeign(file=name, format="ARFF (Weka)")
    answer = _server_error(text) if path.stat().st_size <= _ANSWER else ""
    if answer:
        return FileServerError(file=name, message=answer[:80])
    return FileForeign(file=name, format="XML") if text.startswith("<?xml") else None


def _server_error(text: str) -> str:
    """Return the error message of a server that was saved instead of the file, or ""."""
    if text.startswith("{"):
        return _json_error(text)
    if match := re.search(r"<Error>.*?<Code>(\w+)</Code>", text, re.DOTALL):
        return match[1]
    line = text.strip()
    return line if "\n" not in line and _REFUSED.fullmatch(line) else ""


def _json_error(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict) or any(isinstance(item, list) and len(item) > 1 for item in value.values()):
        return ""
    message = next((value[key] for key in value if key.lower() in _ERROR_KEYS and value[key]), "")
    if isinstance(message, dict):
        message = message.get("message") or message.get("code") or ""
    # A table of one row has more columns than an error has fields, and no error is a text to learn from.
    others = {"status", "code", "documentation_url", "success", "timestamp", "path", "type", "url", "request_id"}
    known = all(key.lower() in _ERROR_KEYS | others for key in value)
    return message if isinstance(message, str) and known else ""
