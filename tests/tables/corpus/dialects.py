"""Delimiters that programs write: few rows, signs in the texts, odd signs, quotation marks escaped by a backslash."""

from __future__ import annotations

from tests.tables.corpus.case import Case

MOODS = ("calm", "tense", "calm", "merry") * 3
TEXTS = tuple(f"the harbor was quiet on day {i}" for i in range(12))
HALVES = tuple(f"At noon, the harbor was quiet ({i})" for i in range(12))
COLUMNS = {"text": TEXTS, "label": MOODS}
NAMELESS = {"column 1": TEXTS, "column 2": MOODS}
NO_HEADER = {"no_header": {"columns": 2}}
GERMAN = ("Der Hafen war still, sagte Ada", "Niemand kam, obwohl Markt war", "Es regnete, also blieben wir")


def rows(texts: tuple[str, ...], labels: tuple[str, ...], sign: str, head: str = "") -> bytes:
    return (head + "".join(f"{a}{sign}{b}\n" for a, b in zip(texts, labels, strict=True))).encode()


DIALECTS = (
    Case("semicolons, a comma in each text", "a.csv", rows(HALVES, MOODS, ";", "text;label\n"),
         {"text": HALVES, "label": MOODS}, detected={"delimiter": ";"}),
    Case("semicolons, a comma in each text, no header", "a.csv", rows(HALVES, MOODS, ";"),
         {"column 1": HALVES, "column 2": MOODS}, notes=NO_HEADER, detected={"delimiter": ";"}),
    Case("tabs in a csv, a comma in each text", "a.csv", rows(HALVES, MOODS, "\t", "text\tlabel\n"),
         {"text": HALVES, "label": MOODS}, detected={"delimiter": "\t"}),
    Case("semicolons, three rows with a comma each", "a.csv",
         rows(GERMAN, ("gut", "schlecht", "gut"), ";", "Satz;Urteil\n"),
         {"Satz": GERMAN, "Urteil": ("gut", "schlecht", "gut")}, detected={"delimiter": ";"}),
    Case("decimal commas between semicolons, no header", "a.csv", b"Wie geht es dir heute?;0,5\nAlles gut soweit;1,5\n"
         b"Das ist nicht wahr;2,0\n",
         {"column 1": ("Wie geht es dir heute?", "Alles gut soweit", "Das ist nicht wahr"),
          "column 2": ("0,5", "1,5", "2,0")}, notes=NO_HEADER, detected={"delimiter": ";"}),
    Case("decimal commas in both columns", "a.csv", b"a;b\n1,5;2,5\n0,5;3,5\n",
         {"a": ("1,5", "0,5"), "b": ("2,5", "3,5")}),
    Case("semicolons in a txt, no header", "train.txt", rows(TEXTS, MOODS, ";"), NAMELESS, notes=NO_HEADER,
         detected={"delimiter": ";", "kind": "delimited"}),
    Case("commas in a txt, no header", "train.txt", rows(MOODS, TEXTS, ","), {"column 1": MOODS, "column 2": TEXTS},
         notes=NO_HEADER, detected={"delimiter": ","}),
    Case("bars in a txt, Chinese, no header", "train.txt",
         rows(tuple(f"港口第{i}天很安静；没有人" for i in range(12)), ("平静", "紧张", "平静") * 4, "|"),
         {"column 1": tuple(f"港口第{i}天很安静；没有人" for i in range(12)), "column 2": ("平静", "紧张", "平静") * 4},
         notes=NO_HEADER, detected={"delimiter": "|"}),
    Case("sentences with one semicolon each are no table", "a.txt",
         b"".join(b"The tide came; the boats left on day %d\n" % i for i in range(12)), ("text",), rows=12,
         detected={"kind": "lines"}),
    Case("verses that end in commas are no table", "a.txt", b"Low the tide,\nSlow the boat,\n" * 4,
         {"text": ("Low the tide,", "Slow the boat,") * 4}, detected={"kind": "lines"}),
    Case("addresses are one column", "a.csv", b"ada@example.org\nbo@example.org\nchi@example.com\n",
         {"ada@example.org": ("bo@example.org", "chi@example.com")}, detected={"delimiter": "none"}),
    Case("a text column with a comma in each row", "a.csv", b"remark\nWell, no\nThen, yes\nSo, what\n",
         {"remark": ("Well, no", "Then, yes", "So, what")}, detected={"delimiter": "none"}),
    Case("Excel's sep line, a semicolon", "a.csv", b"sep=;\r\ntext;label\r\nWell, no;neg\r\nThen, yes;pos\r\n",
         {"text": ("Well, no", "Then, yes"), "label": ("neg", "pos")}, numbers=(3, 4),
         detected={"delimiter": ";", "header_line": 2}),
    Case("Excel's sep line, quoted, below a mark", "a.csv", b'\xef\xbb\xbf"sep=|"\ntext|label\ngood|pos\nbad|neg\n',
         {"text": ("good", "bad"), "label": ("pos", "neg")}, detected={"delimiter": "|"}),
    Case("Excel's sep line, a tab", "a.csv", b"SEP=\t\ntext\tlabel\ngood\tpos\nbad\tneg\n",
         {"text": ("good", "bad"), "label": ("pos", "neg")}, detected={"delimiter": "\t"}),
    Case("Excel's sep line, a sign that nobody tries", "a.csv", b"sep=#\ntext#label\ngood#pos\nbad#neg\n",
         {"text": ("good", "bad"), "label": ("pos", "neg")}, detected={"delimiter": "#"}),
    Case("quotation marks escaped by a backslash", "a.csv",
         b'text,label\n"He said \\"no, never\\", twice",neg\nplain words,pos\n"\\"Yes\\", she said",pos\n',
         {"text": ('He said "no, never", twice', "plain words", '"Yes", she said'), "label": ("neg", "pos", "pos")},
         detected={"delimiter": ","}),
    Case("quotation marks escaped by a backslash, the label first", "a.tsv",
         b'label\ttext\nneg\t"a \\"tab\tin\\" it"\npos\t"C:\\\\temp \\"x\\""\n',
         {"label": ("neg", "pos"), "text": ('a "tab\tin" it', 'C:\\\\temp "x"')}),
    Case("quotation marks escaped by a backslash over two lines", "a.csv",
         b'text;label\n"one \\"two;\nthree\\" four";neg\n"five \\"six\\" seven";pos\n',
         {"text": ('one "two;\nthree" four', 'five "six" seven'), "label": ("neg", "pos")}, numbers=(2, 4)),
    Case("a backslash at the end of a cell escapes nothing", "a.csv", b'text,label\n"in C:\\",pos\n"say ""no""",neg\n',
         {"text": ("in C:\\", 'say "no"'), "label": ("pos", "neg")}),
    Case("a caret", "a.csv", rows(HALVES, MOODS, "^", "text^label\n"), {"text": HALVES, "label": MOODS},
         detected={"delimiter": "^"}),
    Case("a number sign between known names", "a.csv", rows(HALVES, MOODS, "#", "text#label\n"),
         {"text": HALVES, "label": MOODS}, detected={"delimiter": "#"}),
    Case("a tilde", "a.txt", rows(TEXTS, MOODS, "~", "text~label\n"), COLUMNS, detected={"delimiter": "~"}),
    Case("Hive's first control character", "a.csv", rows(HALVES, MOODS, "\x01"),
         {"column 1": HALVES, "column 2": MOODS}, notes=NO_HEADER, detected={"delimiter": "\x01"}),
    Case("two colons", "a.csv", rows(HALVES, MOODS, "::", "text::label\n"), {"text": HALVES, "label": MOODS},
         detected={"delimiter": "::"}),
    Case("two bars", "a.txt", rows(HALVES, MOODS, "||", "text||label\n"), {"text": HALVES, "label": MOODS},
         detected={"delimiter": "||"}),
    Case("signs around an exclamation mark", "a.txt", rows(HALVES, MOODS, "_!_"),
         {"column 1": HALVES, "column 2": MOODS}, notes=NO_HEADER, detected={"delimiter": "_!_"}),
    Case("three bars between spaces", "a.txt", rows(HALVES, TEXTS, " ||| "), {"column 1": HALVES, "column 2": TEXTS},
         notes=NO_HEADER, detected={"delimiter": "|||"}),
    Case("two colons within quotation marks", "a.csv", b'text::label\n"so::on"::neg\nwell::pos\n',
         {"text": ("so::on", "well"), "label": ("neg", "pos")}, detected={"delimiter": "::"}),
    Case("quotation marks in some rows only", "a.csv",
         b'text,label\nplain,pos\n"with, comma",neg\nplain again,pos\n"quoted","neg"\n',
         {"text": ("plain", "with, comma", "plain again", "quoted"), "label": ("pos", "neg", "pos", "neg")}),
    Case("R's write.table", "a.txt",
         b'"text" "label"\n"1" "The harbor was quiet" "calm"\n"2" "He said \\"no\\"" "tense"\n"3" "So be it" "calm"\n',
         {"column 1": ("1", "2", "3"), "text": ("The harbor was quiet", 'He said "no"', "So be it"),
          "label": ("calm", "tense", "calm")}, notes={"row_names": {"column": "column 1"}, "header_unnamed": None},
         detected={"delimiter": " "}),
)  # fmt: skip
