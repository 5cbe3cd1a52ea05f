"""The same words in every encoding that people's programs write, and some in none."""

from __future__ import annotations

import codecs

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case

CHINESE = {"评论": ("这家餐厅的服务很好，推荐", "太差了。"), "情感": ("好评", "差评")}
ZH = "评论,情感\n这家餐厅的服务很好，推荐,好评\n太差了。,差评\n"
TAIWAN = {"評論": ("這家餐廳的服務很好，推薦給大家", "太差了。"), "情感": ("好評", "差評")}
TW = "評論,情感\n這家餐廳的服務很好，推薦給大家,好評\n太差了。,差評\n"
JAPANESE = {"text": ("とても良い店でした。", "サービスが悪い"), "label": ("良い", "悪い")}
JA = "text,label\nとても良い店でした。,良い\nサービスが悪い,悪い\n"
WESTERN = {"text": ("Le café était fermé", "Schöne Grüße"), "label": ("déçu", "heureux")}
FR = "text,label\nLe café était fermé,déçu\nSchöne Grüße,heureux\n"
PLAIN = {"text": ("good", "bad"), "label": ("pos", "neg")}
EN = "text,label\ngood,pos\nbad,neg\n"


def guessed(encoding: str) -> dict[str, dict[str, object]]:
    return {"encoding_guessed": {"encoding": encoding}}


def sure(encoding: str) -> dict[str, object]:
    return {"encoding": encoding, "encoding_sure": True}


def unsure(encoding: str) -> dict[str, object]:
    return {"encoding": encoding, "encoding_sure": False}


LONG_UTF8 = "text,label\n" + "Le café était fermé à midi,déçu\n" * 30

ENCODED = (
    Case("utf8", "a.csv", ZH.encode(), CHINESE, detected=sure("utf-8")),
    Case("utf8 with a mark, as Excel writes it", "a.csv", codecs.BOM_UTF8 + ZH.encode(), CHINESE,
         detected=sure("utf-8")),
    Case("utf16 le with a mark", "a.csv", codecs.BOM_UTF16_LE + ZH.encode("utf-16-le"), CHINESE,
         detected=sure("utf-16-le")),
    Case("utf16 be with a mark", "a.csv", codecs.BOM_UTF16_BE + ZH.encode("utf-16-be"), CHINESE,
         detected=sure("utf-16-be")),
    Case("utf32 with a mark", "a.csv", EN.encode("utf-32"), PLAIN, detected=sure("utf-32")),
    Case("Excel's Unicode text: utf16 with tabs", "a.csv",
         codecs.BOM_UTF16_LE + EN.replace(",", "\t").encode("utf-16-le"), PLAIN,
         detected={**sure("utf-16-le"), "delimiter": "\t"}),
    Case("utf16 le, English, no mark", "a.csv", EN.encode("utf-16-le"), PLAIN, notes=guessed("utf-16-le"),
         detected=unsure("utf-16-le")),
    Case("utf16 be, Chinese, no mark", "a.csv", ZH.encode("utf-16-be"), CHINESE, notes=guessed("utf-16-be")),
    Case("utf16 le, Chinese, no mark", "a.csv", ZH.encode("utf-16-le"), CHINESE, notes=guessed("utf-16-le")),
    Case("gb18030, Excel in China", "a.csv", ZH.encode("gb18030"), CHINESE, notes=guessed("gb18030"),
         detected=unsure("gb18030")),
    Case("gb18030, two characters", "a.csv", "text,label\n好,a\n坏,b\n".encode("gb18030"),
         {"text": ("好", "坏"), "label": ("a", "b")}, notes=guessed("gb18030")),
    Case("gb18030 of four bytes", "a.csv", "text,label\n很好的书𠀀，推荐大家,好\n很差的书，别买,坏\n".encode("gb18030"),
         {"text": ("很好的书𠀀，推荐大家", "很差的书，别买"), "label": ("好", "坏")}, notes=guessed("gb18030")),
    Case("big5, Excel in Taiwan", "a.csv", TW.encode("cp950"), TAIWAN, notes=guessed("big5"), detected=unsure("big5")),
    Case("shift-jis, Excel in Japan", "a.csv", JA.encode("cp932"), JAPANESE, notes=guessed("shift_jis")),
    Case("cp1252, Excel in France", "a.csv", FR.encode("cp1252"), WESTERN, notes=guessed("cp1252")),
    Case("cp1252, one accent in the file", "a.csv", "text,label\ngood,x\ncafé,y\n".encode("cp1252"),
         {"text": ("good", "café"), "label": ("x", "y")}, notes=guessed("cp1252")),
    Case("cp1252, curly quotes and a dash", "a.csv", "text,label\n“fine” – he said,x\nit’s ok…,y\n".encode("cp1252"),
         {"text": ("“fine” – he said", "it’s ok…"), "label": ("x", "y")}, notes=guessed("cp1252")),
    Case("cp1252 with CR line ends", "a.csv", "text\rgood one\r\ncafé\r".encode("cp1252"),
         {"text": ("good one", "café")},
         notes=guessed("cp1252")),
    Case("one bad byte in utf8", "a.csv", LONG_UTF8.encode() + b"bro\xffken,x\n", ("text", "label"), rows=31,
         notes={"bad_bytes": {"count": 1, "lines": "32"}}, detected=sure("utf-8")),
    Case("one bad byte in ascii", "a.csv", b"text,label\ngood,x\nb\x81d,y\n",
         {"text": ("good", "b�d"), "label": ("x", "y")},
         notes={"bad_bytes": {"count": 1, "lines": "3"}}, detected=sure("utf-8")),
    Case("a character cut in the middle", "a.csv", LONG_UTF8.encode() + "caf\u00e9".encode()[:-1], ("text", "label"),
         rows=31, notes={"bad_bytes": {"count": 1, "lines": "32"}, "short_rows": None}),
    Case("one NUL", "a.csv", b"text,label\na\x00b,c\nlonger words follow,d\n",
         {"text": ("a�b", "longer words follow"), "label": ("c", "d")},
         notes={"nul_characters": {"count": 1, "lines": "2"}}),
    Case("cyrillic, corrected by hand", "a.csv", "text,label\nхорошо,да\nплохо,нет\n".encode("cp1251"),
         {"text": ("хорошо", "плохо"), "label": ("да", "нет")}, detected=sure("cp1251"),
         options=ParseOptions(encoding="cp1251")),
    Case("korean, corrected by hand", "a.csv", "text,label\n좋아요,예\n싫어요,아니오\n".encode("cp949"),
         {"text": ("좋아요", "싫어요"), "label": ("예", "아니오")}, options=ParseOptions(encoding="euc-kr")),
    Case("gb18030 said to be utf8", "a.csv", ZH.encode("gb18030"), error=errors.EncodingWrong,
         values={"encoding": "utf-8", "line": 1}, options=ParseOptions(encoding="utf-8")),
    Case("a picture called csv", "a.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40), error=errors.FileForeign,
         values={"format": "PNG"}),
    Case("zeros called csv", "a.csv", bytes(500), error=errors.FileNotText, values={"byte": 1}),
    Case("noise called csv", "a.csv", bytes(range(256)) * 20, error=errors.FileNotText, values={"byte": 1}),
)  # fmt: skip
