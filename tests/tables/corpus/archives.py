"""Zips of data, honest and hostile."""

from __future__ import annotations

import json
import zipfile

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case, packed

CSV = b"text,label\ngood,pos\nbad,neg\n"
TEST = b"text,label\nfine,pos\n"
PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}
SPLITS = packed({"d/test.csv": TEST, "d/train.csv": CSV, "d/dev.jsonl": b'{"text": "x", "label": "y"}\n',
                 "d/README.txt": b"about", "__MACOSX/d/._train.csv": b"\0\0"})  # fmt: skip
LINED = b"text\tlabel\ngood\tpos\nbad\tneg\n"
NAMES = ("validation", "test", "train")


def locked(content: bytes) -> bytes:
    """Say in both of the zip's directories that the members need a password."""
    made = bytearray(content)
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


SAILS = tuple(f"the sail {i} was torn\nand mended" for i in range(4))


def folders(names: dict[str, tuple[str, ...]], **more: bytes) -> bytes:
    """Return a zip with a text per file, in the folders that the keys name."""
    files = {f"{folder}/{at}.txt": text.encode() for folder, of in names.items() for at, text in enumerate(of)}
    return packed({**files, **more})


def brat(*documents: tuple[str, str], folder: str = "docs/") -> bytes:
    files = [(f"{folder}d{at}.{end}", text.encode()) for at, both in enumerate(documents)
             for end, text in zip(("txt", "ann"), both, strict=True)]  # fmt: skip
    return packed(dict(files))


def spans(*of: tuple[int, int, str]) -> str:
    return json.dumps([{"start": start, "end": end, "label": label} for start, end, label in of])


ADA = ("Ada lives in Oslo.\nShe sails.\n", "T1\tPER 0 3\tAda\nT2\tLOC 13 17\tOslo\n")
ADA_ROWS = {"text": ("Ada lives in Oslo.", "She sails."), "entities": (spans((0, 3, "PER"), (13, 17, "LOC")), "[]")}

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
    Case("a text per file in folders", "a.zip", folders({"top/calm": SAILS[:2], "top/torn": SAILS[2:]}),
         {"text": SAILS, "label": ("calm", "calm", "torn", "torn")},
         notes={"labels_from_folders": {"count": 2, "labels": "calm, torn", "files": 4}}),
    Case("a text per file in folders, splits above", "a.zip",
         folders({"d/train/好": SAILS[:2], "d/train/差": SAILS[2:3], "d/test/好": SAILS[3:],
                  "__MACOSX/d/train/好": SAILS},
                 **{"d/README.txt": b"about", "d/.DS_Store": b"\0", "d/train/urls.txt": b"x\ny", "d/a.vocab": b"x"}),
         {"text": SAILS[:3], "label": ("好", "好", "差")}, detected={"split": "train", "splits": ("train", "test")},
         notes={"labels_from_folders": None, "members_left_out": {"count": 1, "members": "urls.txt"}}),
    Case("a text per file in folders, the test split", "a.zip",
         folders({"train/a": SAILS[:2], "train/b": SAILS[2:3], "test/a": SAILS[3:], "test/b": SAILS[:1]}),
         {"text": (SAILS[3], SAILS[0]), "label": ("a", "b")}, options=ParseOptions(split="test"),
         notes={"labels_from_folders": None}),
    Case("a text per file in folders, splits below", "a.zip",
         folders({"a/train": SAILS[:2], "b/train": SAILS[2:], "a/test": SAILS[:1], "b/test": SAILS[:1]}),
         {"text": SAILS, "label": ("a", "a", "b", "b")}, notes={"labels_from_folders": None},
         detected={"split": "train"}),
    Case("a text per file in folders, one without labels", "a.zip",
         folders({"train/pos": SAILS[:2], "train/neg": SAILS[2:], "train/unsup": SAILS}), ("text", "label"), rows=4,
         notes={"labels_from_folders": {"count": 2, "labels": "pos, neg", "files": 4}, "members_left_out": None}),
    Case("a mail per file without an ending", "a.zip",
         packed({f"mails/{group}/{at}": SAILS[at].encode() for group in ("sci.sea", "rec.boats") for at in (0, 1)}),
         {"text": SAILS[:2] * 2, "label": ("sci.sea",) * 2 + ("rec.boats",) * 2}, notes={"labels_from_folders": None}),
    Case("a text per file in an old encoding", "a.zip",
         packed({f"{label}/{at}.txt": f"{text}，推荐给大家".encode("gb18030")
                 for label, text in (("好", "这家店很好"), ("差", "服务太差")) for at in (1, 2)}),
         {"text": ("这家店很好，推荐给大家",) * 2 + ("服务太差，推荐给大家",) * 2, "label": ("好", "好", "差", "差")},
         notes={"labels_from_folders": None}),
    Case("more texts than members are allowed", "a.zip",
         folders({"a": tuple(f"text {i}" for i in range(600)), "b": tuple(f"text {i}" for i in range(600))}),
         ("text", "label"), rows=1200, notes={"labels_from_folders": None}),
    Case("a file of lines per label", "a.zip",
         packed({"d/pos.txt": b"all went well\nso it was\n", "d/neg.txt": b"no\r\nnever\r\n"}),
         {"text": ("all went well", "so it was", "no", "never"), "label": ("pos", "pos", "neg", "neg")},
         notes={"labels_from_files": {"count": 2, "labels": "pos, neg", "files": 2}}),
    Case("a file of lines per label and split", "a.zip",
         packed({f"{split}_{label}.txt": f"{label} one\n{label} two\n".encode()
                 for split in ("test", "train") for label in ("calm", "torn")}),
         {"text": ("calm one", "calm two", "torn one", "torn two"), "label": ("calm", "calm", "torn", "torn")},
         notes={"labels_from_files": None}, detected={"split": "train"}),
    Case("a file of lines per label, by its ending", "a.zip",
         packed({"sea.pos": b"all went well\nso it was", "sea.neg": b"no\nnever"}),
         {"text": ("all went well", "so it was", "no", "never"), "label": ("pos", "pos", "neg", "neg")},
         notes={"labels_from_files": None}),
    Case("a table of texts per label", "a.zip",
         packed({"d/calm.csv": b"words\ngood, so\n\nfine\n", "d/torn.csv": b"words\nbad\n"}),
         {"words": ("good, so", "fine", "bad"), "label": ("calm", "calm", "torn")},
         notes={"labels_from_files": {"count": 2, "labels": "calm, torn", "files": 2}, "blank_rows": None}),
    Case("a table of texts per label, one asked for", "a.zip",
         packed({"calm.csv": b"words\ngood\n", "torn.csv": b"words\nbad\n"}), {"words": ("bad",)},
         options=ParseOptions(split="torn.csv"), notes={"archive_member": None}),
    Case("tables of texts with other columns per label", "a.zip",
         packed({"calm.csv": b"words\ngood\n", "torn.csv": b"text\nbad\n"}), error=errors.ShardsDiffer),
    Case("a folder per label with one file of lines", "a.zip",
         packed({"好评/x.txt": "很好\n不错".encode(), "差评/x.txt": "很差\n太贵".encode()}),
         {"text": ("很好", "不错", "很差", "太贵"), "label": ("好评", "好评", "差评", "差评")},
         notes={"labels_from_files": None}),
    Case("a data set per language is no label", "a.zip", packed({"en/train.txt": LINED, "de/train.txt": LINED}),
         ("text", "label"), rows=2, notes={"archive_member": None},
         detected={"splits": ("en/train.txt", "de/train.txt")}),
    Case("splits in folders of their own", "a.zip", packed({"d/test/data.csv": TEST, "d/train/data.csv": CSV}), PLAIN,
         notes={"archive_member": {"member": "data.csv", "members": 2}}, detected={"splits": ("test", "train")}),
    Case("a split and another table", "a.zip", packed({"train.csv": CSV, "codes.csv": TEST}), PLAIN,
         notes={"archive_member": None, "members_left_out": {"count": 1, "members": "codes.csv"}}),
    Case("splits of lines are no labels", "a.zip",
         packed({"train.txt": b"one\ntwo\n", "test.txt": b"three\nfour\n"}),
         {"text": ("one", "two")}, notes={"archive_member": None}, detected={"split": "train"}),
    Case("parts of one file are no labels", "a.zip",
         packed({"part1.txt": b"one\ntwo\n", "part2.txt": b"three\nfour\n"}),
         {"text": ("one", "two")}, notes={"archive_member": None}),
    Case("texts and tags in files of their own", "a.zip",
         packed({"d/x.in": b"one two\n", "d/x.out": b"O O\n", "d/label": b"a\n"}),
         error=errors.ArchiveWithoutTable, values={"members": "x.in, x.out, label"}),
    Case("brat", "a.zip", brat(ADA), ADA_ROWS, notes={"brat": {"documents": 1, "entities": 2}}),
    Case("brat, a document without entities", "a.zip", brat(("Ada.", "T1\tPER 0 3\tAda"), ("Rain.", "")),
         {"text": ("Ada.", "Rain."), "entities": (spans((0, 3, "PER")), "[]")}, notes={"brat": None}),
    Case("brat, annotations in a folder of their own", "a.zip",
         packed({"c/ann/1.ann": b"T1\tPER 0 3\tAda", "c/txt/1.txt": b"Ada sails"}),
         {"text": ("Ada sails",), "entities": (spans((0, 3, "PER")),)}, notes={"brat": None}),
    Case("brat with relations, events, attributes and notes", "a.zip",
         brat((ADA[0], ADA[1] + "R1\tLives-In Arg1:T1 Arg2:T2\nE1\tSail:T1\n"
               "A1\tOld T1\n#1\tAnnotatorNotes T1\twho?\n*\tEquiv T1 T2\n")),
         ADA_ROWS, notes={"brat": None, "brat_others": {"count": 5, "kinds": "# 1, * 1, A 1, E 1, R 1"}}),
    Case("brat with line ends of Windows, which count", "a.zip",
         brat(("Ada sails.\r\nIn Oslo.\r\n", "T1\tPER 0 3\tAda\nT2\tLOC 15 19\tOslo\n")),
         {"text": ("Ada sails.", "In Oslo."), "entities": (spans((0, 3, "PER")), spans((3, 7, "LOC")))},
         notes={"brat": None}),
    Case("brat with line ends of Windows, which do not count", "a.zip",
         brat(("Ada sails.\r\nIn Oslo.\r\n", "T1\tPER 0 3\tAda\r\nT2\tLOC 14 18\tOslo\r\n")),
         {"text": ("Ada sails.", "In Oslo."), "entities": (spans((0, 3, "PER")), spans((3, 7, "LOC")))},
         notes={"brat": None}),
    Case("brat, an entity over two lines", "a.zip",
         brat(("In New\nYork 下雨。\nYes.", "T1\tLOC 3 6;7 11\tNew York\n")),
         {"text": ("In New\nYork 下雨。", "Yes."), "entities": (spans((3, 11, "LOC")), "[]")}, notes={"brat": None}),
    Case("brat, overlapping, in parts and out of place", "a.zip",
         brat(("the left and right lung hurt", "T1\tPart 4 8;19 23\tleft lung\nT2\tPart 13 23\tright lung\n"
               "T3\tSide 13 18\tright\nT4\tX 0 3\tTHE\n")),
         {"text": ("the left and right lung hurt",), "entities": (spans((4, 8, "Part"), (13, 23, "Part")),)},
         notes={"brat": None, "brat_overlapping": {"count": 2}, "brat_fragments": {"count": 1},
                "brat_misplaced": {"count": 1}}),
    Case("brat, a text without annotations and splits", "a.zip",
         packed({"train/a.txt": b"Ada", "train/a.ann": b"T1\tPER 0 3\tAda", "test/b.txt": b"Bo", "test/b.ann": b"\n",
                 "train/c.txt": b"lost", "annotation.conf": b"[entities]"}),
         {"text": ("Ada",), "entities": (spans((0, 3, "PER")),)},
         detected={"split": "train", "splits": ("train", "test")},
         notes={"brat": None, "members_left_out": {"count": 2, "members": "c.txt, annotation.conf"}}),
    Case("a broken file in a zip", "a.zip", packed({"train.jsonl": b"{}{\n"}), error=errors.LineBroken,
         values={"file": "a.zip / train.jsonl", "line": 1}),
)  # fmt: skip
