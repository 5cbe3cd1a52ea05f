"""Files that are no table: documents, images, data of other programs, pointers, web pages, answers of servers."""

from __future__ import annotations

import gzip
import pickle

from bertdemo import errors
from bertdemo.errors import BertDemoError
from tests.tables.corpus.case import Case, packed

CSV = b"text,label\ngood,pos\nbad,neg\n"
PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 57013972\n"
PAGE = b"\n<!-- saved -->\n<!DOCTYPE html>\n<html><head><title>a, b</title></head><body>x</body></html>\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
ODS = packed({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "META-INF/manifest.xml": b"<x/>",
              "content.xml": b"<x/>"})  # fmt: skip
DOCX = packed({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})


def refused(what: str, name: str, content: bytes, error: type[BertDemoError], **values: str) -> Case:
    return Case(f"{what}, called {name}", name, content, error=error, values=values)


FOREIGN = (
    *(refused("a pointer of Git LFS", f"a{ending}", POINTER, errors.FilePointer)
      for ending in (".csv", ".parquet", ".jsonl", ".xlsx", ".txt", ".zip")),
    *(refused("a web page", f"a{ending}", PAGE, errors.FileWebPage) for ending in (".csv", ".json", ".xls", ".html")),
    refused("a web page in UTF-16", "a.csv", PAGE.decode().encode("utf-16"), errors.FileWebPage),
    refused("an answer of GitHub", "a.csv",
            b'{"message": "Not Found", "documentation_url": "https://x", "status": "404"}',
            errors.FileServerError, message="Not Found"),
    refused("an answer in JSON", "a.json", b'{"error": {"code": 403, "message": "No access"}}', errors.FileServerError,
            message="No access"),
    refused("an answer in JSON, Chinese", "a.jsonl", '{"success": false, "msg": "没有权限"}'.encode(),
            errors.FileServerError, message="没有权限"),
    refused("an answer as text", "a.csv", b"404: Not Found", errors.FileServerError, message="404: Not Found"),
    refused("an answer of a bucket", "a.csv",
            b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>',
            errors.FileServerError, message="AccessDenied"),
    refused("a PDF", "a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(40), errors.FileForeign, format="PDF"),
    refused("a photograph", "a.txt", b"\xff\xd8\xff\xe0" + bytes(40), errors.FileForeign, format="JPEG"),
    refused("a Word document", "a.csv", DOCX, errors.FileForeign, format="Word"),
    refused("a Word document", "a.xlsx", DOCX, errors.FileForeign, format="Word"),
    refused("a Word document", "a.zip", DOCX, errors.FileForeign, format="Word"),
    refused("a Word document", "a.docx", DOCX, errors.FileForeign, format="Word"),
    refused("an old Word document", "a.csv", OLE + "WordDocument".encode("utf-16-le") + bytes(400), errors.FileForeign,
            format="Word"),
    refused("a sheet of OpenDocument", "a.xlsx", ODS, errors.FileForeign, format="OpenDocument"),
    refused("a sheet of OpenDocument", "a.ods", ODS, errors.FileForeign, format="OpenDocument"),
    refused("a pickle", "a.csv", pickle.dumps({"text": ["good"]}), errors.FilePickled),
    refused("a pickle", "a.pkl", pickle.dumps({"text": ["good"]}), errors.FilePickled),
    refused("an array", "a.csv", b"\x93NUMPY\x01\x00v\x00{'descr': '<i8'}\n", errors.FileForeign, format="NumPy"),
    refused("an array", "a.npy", b"\x93NUMPY\x01\x00v\x00", errors.FileForeign, format="NumPy"),
    refused("arrays", "a.zip", packed({"x.npy": b"\x93NUMPY", "y.npy": b"\x93NUMPY"}), errors.FileForeign,
            format="NumPy"),
    refused("data of SPSS", "a.sav", b"$FL2@(#) SPSS DATA FILE", errors.FileForeign, format="SPSS"),
    refused("data of Weka", "a.csv", b"% about\n@RELATION mood\n\n@ATTRIBUTE text STRING\n@DATA\n'x',pos\n",
            errors.FileForeign, format="ARFF (Weka)"),
    refused("data of Weka", "a.arff", b"@relation mood\n", errors.FileForeign, format="ARFF (Weka)"),
    refused("a database", "a.csv", b"SQLite format 3\0" + bytes(80), errors.FileForeign, format="SQLite"),
    refused("a table compressed", "a.csv.gz", gzip.compress(CSV), errors.FileCompressed),
    refused("a table compressed", "a.csv", gzip.compress(CSV), errors.FileCompressed),
    refused("a file that nobody knows", "a.xyz", CSV, errors.FileKindUnknown),
    Case("lines of JSON called csv", "a.csv",
         b'{"text": "good", "label": "pos"}\n{"text": "bad", "label": "neg"}\n', PLAIN,
         notes={"other_kind": {"ending": ".csv", "kind": ".jsonl"}}),
    Case("a JSON list called txt", "a.txt",
         b'[\n {"text": "good", "label": "pos"},\n {"text": "bad", "label": "neg"}]', PLAIN,
         notes={"other_kind": {"ending": ".txt", "kind": ".json"}}),
    Case("a text that begins with a bracket", "a.csv", b"[text],label\n[good],pos\n[bad],neg\n",
         {"[text]": ("[good]", "[bad]"), "label": ("pos", "neg")}),
    Case("an object with a message is a row", "a.jsonl",
         b'{"message": "so long", "label": "calm"}\n{"message": "no"}\n',
         {"message": ("so long", "no"), "label": ("calm", None)}),
)  # fmt: skip
