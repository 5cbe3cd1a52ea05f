"""Texts in a zip whose names are the labels: a text per file in a folder per label, or a file of lines per label."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bertdemo.tables.formats import Grid, conll, lines
from bertdemo.tables.formats.archives.unpack import base_name, parts, texts
from bertdemo.tables.formats.header import KNOWN, Row
from bertdemo.tables.formats.sniff import sniff
from bertdemo.tables.parse_options import DECIDE, NONE, DetectedFormat, Note, ParseOptions, listed
from bertdemo.tables.split_names import choose_split, split_name

# More files at one level are texts without a label rather than labels.
_MOST_LABELS = 50
# Enough of a file to recognize its kind.
_SAMPLE_CHARS = 64 * 1024
# Folders of unlabeled texts.
_UNLABELED = frozenset({"unsup", "unlabeled", "unlabelled"})
# Endings of files of one label each.
_LABEL_ENDINGS = frozenset({".pos", ".neg", ".positive", ".negative", ".neutral"})
# Files with these names have a column each, line by line, and not a label.
_COLUMNS = KNOWN | frozenset({"texts", "labels", "sentences", "mapping", "src", "tgt", "train", "classes", "vocab"})


@dataclass(frozen=True)
class _Source:
    """A file of texts, and what its path says about them."""

    member: zipfile.ZipInfo
    label: str
    split: str


@dataclass(frozen=True)
class Labeled:
    """The files of a zip whose paths name labels."""

    sources: Sequence[_Source]
    by_line: bool
    """Whether each line of a file is a text; else each file is one."""
    others: Sequence[zipfile.ZipInfo]
    """Files that are not read."""


def labeled(path: Path, name: str, members: Sequence[zipfile.ZipInfo]) -> Labeled | None:
    """Return the files whose folders or names are labels; None where the zip is of another kind."""
    files = [member for member in members if _is_text(member)]
    if len(files) < 2 or any(not _is_text(member) for member in members if not _about(member)):
        return None
    return _by_folder(path, name, files) or _by_file(path, name, files)


def read_labeled(path: Path, name: str, found: Labeled, options: ParseOptions) -> Grid:
    """Return the grid, columns text and label, of one split. Raises SplitUnknown, and what `unpack.texts` raises."""
    splits = list(dict.fromkeys(source.split for source in found.sources if source.split))
    split = choose_split(splits, options.split, name) if splits else ""
    sources = [source for source in found.sources if source.split == split]
    labels = list(dict.fromkeys(source.label for source in sources))
    code = "labels_from_files" if found.by_line else "labels_from_folders"
    notes = [Note(code, {"count": len(labels), "labels": listed(labels), "files": len(sources)})]
    if found.others:
        others = list(dict.fromkeys(map(base_name, found.others)))
        notes.append(Note("members_left_out", {"count": len(found.others), "members": listed(others)}))
    detected = DetectedFormat(kind="lines" if found.by_line else "", split=split, splits=tuple(splits))
    rows = _rows(texts(path, name, [source.member for source in sources]), sources, found.by_line)
    return Grid(["text", "label"], rows, detected, " ", notes)


def _rows(contents: Sequence[str], sources: Sequence[_Source], by_line: bool) -> Iterator[Row]:
    number = 0
    for content, source in zip(contents, sources, strict=True):
        for text in _lines(content) if by_line else [content.strip()]:
            number += 1
            yield number, [text, source.label]


def _lines(content: str) -> list[str]:
    return [line.strip() for line in re.split(r"\r\n|\r|\n", content) if line.strip()]


def _is_plain(content: str) -> bool:
    """Return whether a text is several lines, each a text of its own: without cells, labels or tags."""
    sample = [f"{line}\n" for line in content[:_SAMPLE_CHARS].splitlines()]
    formatted = (conll.is_conll, lines.is_fasttext, lines.is_label_first, lines.is_glued)
    several = len(_lines(content)) > 1 and "\t" not in content
    return several and not any(test(sample) for test in formatted) and sniff(sample, ".txt", DECIDE).delimiter == NONE


def _is_text(member: zipfile.ZipInfo) -> bool:
    suffix = PurePosixPath(base_name(member)).suffix.lower()
    # Old collections of mails number their files and give them no ending.
    numbered = base_name(member).isdigit() and len(parts(member)) > 1
    return suffix in {".txt", ".text", *_LABEL_ENDINGS} or numbered


def _about(member: zipfile.ZipInfo) -> bool:
    """Return whether a file in a folder of texts is neither text nor data."""
    return PurePosixPath(base_name(member)).suffix.lower() in {".vocab", ".feat", ".md", ".pdf", ".py", ".html"}


def _is_split(part: str) -> bool:
    """Return whether a name is that of a split and of nothing else: train, test_set, but not test_results_bad."""
    words = [word for word in re.split(r"[\W_]+", part) if word]
    return bool(split_name(part)) and len(words) <= 2


def _by_folder(path: Path, name: str, files: Sequence[zipfile.ZipInfo]) -> Labeled | None:
    folders = {parts(member)[:-1] for member in files}
    leaves = {folder for folder in folders if not any(other[: len(folder)] == folder != other for other in folders)}
    sources, others = [], []
    for member in files:
        folder = parts(member)[:-1]
        label = next((part for part in reversed(folder) if not _is_split(part)), "")
        if folder in leaves and label and label.casefold() not in _UNLABELED:
            split = next((split_name(part) for part in folder if _is_split(part)), "")
            sources.append(_Source(member, label, split))
        else:
            others.append(member)
    counts = Counter(source.label for source in sources)
    # A file called train or labels in each folder is a data set, and no text.
    named = any(_label(base_name(source.member)).casefold() in {"", *_COLUMNS} for source in sources)
    if len(counts) < 2 or named:
        return None
    if len(sources) > len({(source.label, source.split) for source in sources}):
        return Labeled(sources, False, others)
    contents = texts(path, name, [source.member for source in sources])
    if all(map(_is_plain, contents)):
        return Labeled(sources, True, others)
    return Labeled(sources, False, others) if all(len(_lines(content)) == 1 for content in contents) else None


def _by_file(path: Path, name: str, files: Sequence[zipfile.ZipInfo]) -> Labeled | None:
    sources = [_Source(member, _label(base_name(member)), split_name(base_name(member))) for member in files]
    if not any(source.split for source in sources):
        sources = [_Source(source.member, source.label, _folder_split(source.member)) for source in sources]
    several = {(source.label, source.split) for source in sources}
    if len(several) < len(sources) or not are_labels({source.label for source in sources}):
        return None
    contents = texts(path, name, [source.member for source in sources])
    return Labeled(sources, True, []) if all(map(_is_plain, contents)) else None


def are_labels(names: Set[str]) -> bool:
    """Return whether names of files may be labels."""
    # Names that differ in a number only are parts of one file.
    bare = {re.sub(r"[\W\d_]+", "", name).casefold() for name in names}
    return "" not in bare and not bare & _COLUMNS and len(bare) == len(names) and 2 <= len(names) <= _MOST_LABELS


def _label(base: str) -> str:
    """Return the label in a file's name: its ending where that is one, else its words beside those of a split."""
    suffix = PurePosixPath(base).suffix
    if suffix.lower() in _LABEL_ENDINGS:
        return suffix[1:]
    words = [word for word in re.split(r"[\W_]+", PurePosixPath(base).stem) if word and not split_name(word)]
    return "_".join(words)


def _folder_split(member: zipfile.ZipInfo) -> str:
    return next((split_name(part) for part in parts(member)[:-1] if _is_split(part)), "")
