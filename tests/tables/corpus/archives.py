"""Zips of data, honest and hostile."""

from __future__ import annotations

import zipfile

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case, packed

CSV = b"text,label\ngood,pos\nbad,neg\n"
TEST = b"text,label\nfine,pos\n"
PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}
SPLITS = packed({"d/test.csv": TEST, "d/train.csv": CSV, "d/dev.jsonl": b'{"text": "x", "label": "y"}\n',
                 "d/README.txt": b"about", "__MACOSX/d/._train.csv": b"\0\0"})  # fmt: skip
NAMES = ("validation", "test", "train")


def locked(content: bytes) -> bytes:
    """Say in both of the zip's directories that the members need a password."""
    made = bytearray(content)
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


ARCHIVES = (
    Case("one file in a zip", "a.zip", packed({"some.csv": CSV}), PLAIN, notes={"archive_member": None}),
    Case("splits in a zip", "a.zip", SPLITS, PLAIN, notes={"archive_member": {"member": "train.csv", "members": 3}},
         detected={"split": "train", "splits": ("test", "train", "validation"), "kind": "delimited"}),
    Case("another split of a zip", "a.zip", SPLITS, {"text": ("x",), "label": ("y",)}, notes={"archive_member": None},
         detected={"split": "validation", "kind": "jsonl"}, options=ParseOptions(split="validation")),
    Case("a split that the zip has not", "a.zip", SPLITS, error=errors.SplitUnknown, options=ParseOptions(split="x")),
    Case("two files without a part's name", "a.zip", packed({"a.csv": CSV, "b.csv": TEST}), PLAIN,
         notes={"archive_member": None}, detected={"split": "a.csv", "splits": ("a.csv", "b.csv")}),
    Case("a zip called csv", "a.csv", packed({"train.csv": CSV}), PLAIN,
         notes={"other_kind": {"ending": ".csv", "kind": ".zip"}, "archive_member": None}),
    Case("members that climb out", "a.zip", packed({"../../../../tmp/bertdemo-evil.csv": CSV}), PLAIN,
         notes={"archive_member": {"member": "bertdemo-evil.csv", "members": 1}}),
    Case("members with absolute and foreign paths", "a.zip",
         packed({"C:\\evil\\train.csv": CSV, "/etc/test.csv": TEST}),
         PLAIN, notes={"archive_member": {"member": "train.csv", "members": 2}}),
    Case("a zip without a table", "a.zip", packed({"a.png": b"x", "b.exe": b"y"}), error=errors.ArchiveWithoutTable,
         values={"members": "a.png, b.exe"}),
    Case("a zip in a zip", "a.zip", packed({"b.zip": SPLITS}), error=errors.ArchiveWithoutTable),
    Case("a zip with a password", "a.zip", locked(packed({"train.csv": CSV})), error=errors.ArchiveEncrypted),
    Case("a zip that expands a thousandfold", "a.zip", packed({"train.csv": b"x" * 4_000_000}),
         error=errors.UnpacksTooFar, values={"limit": 100}),
    Case("a zip of too many members", "a.zip", packed({f"{i}.csv": b"" for i in range(1001)}, zipfile.ZIP_STORED),
         error=errors.TooManyMembers, values={"members": 1001, "limit": 1000}),
    Case("an empty zip", "a.zip", packed({}), error=errors.ArchiveWithoutTable),
    Case("half a zip", "a.zip", SPLITS[:-30], error=errors.FileBroken, values={"kind": "ZIP"}),
    Case("a broken file in a zip", "a.zip", packed({"train.jsonl": b"{}{\n"}), error=errors.LineBroken,
         values={"file": "a.zip / train.jsonl", "line": 1}),
)  # fmt: skip
