"""Rows that are longer than their header, rows without a header, two headers, totals."""

from __future__ import annotations

from tests.tables.corpus.case import Case

MOODS = ("calm", "tense", "calm", "merry") * 3
LETTERS = tuple(f"letter {name} came late" for name in "abcdefghijkl")
PAIRS = tuple(f"We saw the harbor, the {name} pier and the boats" for name in "abcdefghijkl")
HARBORS = tuple(f"港口{i}号很好,人不多" for i in range(12))
MOOD = ("calm", "tense")
LATE = tuple(f"On day {i}, at last" if i % 3 else f"On day {i}" for i in range(12))
UNNAMED = {"header_unnamed": None}
PLAIN = {"text": LETTERS, "label": MOODS}


def lines(*columns: tuple[str, ...], sign: str = ",", head: str = "") -> bytes:
    return (head + "".join(sign.join(row) + "\n" for row in zip(*columns, strict=True))).encode()


def cut(count: int, first: int, column: str = "text") -> dict[str, object]:
    named = [str(first + i) for i in range(min(count, 10))]
    return {"cut_texts": {"count": count, "lines": ", ".join(named) + (" …" if count > 10 else ""), "column": column}}


WIDTHS = (
    Case("unquoted commas, text first", "a.csv", lines(PAIRS, MOODS, head="text,label\n"),
         {"text": PAIRS, "label": MOODS}, notes=cut(12, 2)),
    Case("unquoted commas without a space, text first", "a.csv", lines(HARBORS, ("好", "差") * 6, head="评价,标签\n"),
         {"评价": HARBORS, "标签": ("好", "差") * 6}, notes=cut(12, 2, "评价")),
    Case("unquoted commas in some rows, text first", "a.csv", lines(LATE, MOODS, head="text,label\n"),
         {"text": LATE, "label": MOODS}, notes={"cut_texts": {"count": 8, "lines": "3, 4, 6, 7, 9, 10, 12, 13",
                                                             "column": "text"}}),
    Case("unquoted commas, text in the middle", "a.csv",
         lines(tuple("abcdefghijkl"), PAIRS, MOODS, head="id,text,label\n"),
         {"id": tuple("abcdefghijkl"), "text": PAIRS, "label": MOODS}, notes=cut(12, 2)),
    Case("unquoted commas, text last", "a.csv", lines(MOODS, PAIRS, head="label,text\n"),
         {"label": MOODS, "text": PAIRS}, notes={"long_rows": None}),
    Case("unquoted commas in short texts", "a.csv",
         b"text,label\nOne, two, three,pos\nFour,neg\nFive, six,pos\nSeven,neg\nNo, no, no, no,neg\n",
         {"text": ("One, two, three", "Four", "Five, six", "Seven", "No, no, no, no"),
          "label": ("pos", "neg", "pos", "neg", "neg")},
         notes={"cut_texts": {"count": 3, "lines": "2, 4, 6", "column": "text"}}),
    Case("unquoted commas, no header", "a.csv", lines(PAIRS, MOODS), {"column 1": PAIRS, "column 2": MOODS},
         notes={"no_header": {"columns": 2}, **cut(12, 1, "column 1")}),
    Case("unquoted commas in some rows, no header, text last", "a.csv", lines(MOODS, LATE),
         {"column 1": MOODS, "column 2": LATE}, notes={"no_header": {"columns": 2}, "cut_texts": None}),
    Case("R's row names of several words", "a.tsv",
         lines(tuple(f"Sea Rose {i}" for i in range(12)), LETTERS, MOODS, sign="\t", head="text\tlabel\n"),
         {"column 1": tuple(f"Sea Rose {i}" for i in range(12)), **PLAIN}, notes={"row_names": None, **UNNAMED}),
    Case("questions of a survey below their codes", "a.csv",
         lines(LETTERS, MOODS, head="Q1,Q2\nWhat came late?,How did you feel?\n"), {"Q1": LETTERS, "Q2": MOODS},
         notes={"second_header": {"line": 2}}),
    Case("pairs of short sentences, no header", "fra.txt",
         "Go.\tVa !\nRun!\tCours !\nWho?\tQui ?\nHelp!\tÀ moi !\n".encode(),
         {"column 1": ("Go.", "Run!", "Who?", "Help!"), "column 2": ("Va !", "Cours !", "Qui ?", "À moi !")},
         notes={"no_header": None}),
    Case("R's row names, numbers", "a.csv", lines(tuple(map(str, range(1, 13))), LETTERS, MOODS, head="text,label\n"),
         {"column 1": tuple(map(str, range(1, 13))), **PLAIN},
         notes={"row_names": {"column": "column 1"}, **UNNAMED}),
    Case("R's row names, words", "a.tsv",
         lines(tuple(f"row{name}" for name in "abcdefghijkl"), LETTERS, MOODS, sign="\t", head="text\tlabel\n"),
         {"column 1": tuple(f"row{name}" for name in "abcdefghijkl"), **PLAIN}, notes={"row_names": None, **UNNAMED}),
    Case("R's row names, three columns", "a.csv",
         lines(tuple(f"x{i}" for i in range(12)), LETTERS, LETTERS[::-1], MOODS, sign=";",
               head="satz;antwort;urteil\n"),
         {"column 1": tuple(f"x{i}" for i in range(12)), "satz": LETTERS, "antwort": LETTERS[::-1], "urteil": MOODS},
         notes={"row_names": None, **UNNAMED}),
    Case("a last column without a name", "a.csv", lines(LETTERS, MOODS, sign=";", head="text\n"),
         {"text": LETTERS, "column 2": MOODS}, notes=UNNAMED),
    Case("a last column without a name, after an ID", "a.csv",
         lines(tuple(map(str, range(12))), LETTERS, MOODS, sign="\t", head="id\ttext\n"),
         {"id": tuple(map(str, range(12))), "text": LETTERS, "column 3": MOODS}, notes=UNNAMED),
    Case("remarks beside some rows", "a.csv",
         "".join(("text,label\n", *(f"letter {i} came late,{MOOD[i % 2]}{',ask Ada' * (i % 5 == 2)}\n"
                                    for i in range(12)))).encode(),
         {"text": tuple(f"letter {i} came late" for i in range(12)), "label": MOOD * 6,
          "column 3": tuple("ask Ada" if i % 5 == 2 else None for i in range(12))},
         notes={**UNNAMED, "short_rows": None}),
    Case("pairs and a notice, no header", "pairs.txt",
         lines(tuple(f"Wait {name}." for name in "abcdefgh"), tuple(f"Warte {name}." for name in "abcdefgh"),
               tuple(f"Some license, sentence #{i}" for i in range(8)), sign="\t"),
         {"column 1": tuple(f"Wait {name}." for name in "abcdefgh"),
          "column 2": tuple(f"Warte {name}." for name in "abcdefgh"),
          "column 3": tuple(f"Some license, sentence #{i}" for i in range(8))}, notes={"no_header": {"columns": 3}}),
    Case("pairs, no header, Chinese", "a.tsv",
         "走吧。\tLet us go.\n再见！\tSo long!\n下雨了。\tIt rains.\n不。\tNo.\n".encode(),
         {"column 1": ("走吧。", "再见！", "下雨了。", "不。"),
          "column 2": ("Let us go.", "So long!", "It rains.", "No.")},
         notes={"no_header": None}),
    Case("codes and texts, no header", "a.csv", lines(tuple(f"msg-{i}" for i in range(12)), LETTERS),
         {"column 1": tuple(f"msg-{i}" for i in range(12)), "column 2": LETTERS}, notes={"no_header": None}),
    Case("dates and texts, no header", "a.csv", lines(tuple(f"2026-11-{10 + i}" for i in range(12)), LETTERS),
         {"column 1": tuple(f"2026-11-{10 + i}" for i in range(12)), "column 2": LETTERS}, notes={"no_header": None}),
    Case("questions of a form are a header", "a.csv",
         lines(LETTERS, PAIRS, sign=";", head="What came late this week?;What did you see at the harbor?\n"),
         {"What came late this week?": LETTERS, "What did you see at the harbor?": PAIRS}),
    Case("a name that ends in a dot above numbers", "a.csv",
         lines(tuple(f"{i}." for i in range(12)), LETTERS, head="No.,words\n"),
         {"No.": tuple(f"{i}." for i in range(12)), "words": LETTERS}),
    Case("groups above names, and no column of numbers", "a.csv",
         b"Guest,,Stay,\nWho,Town,Words,Mood\n" + lines(("Ada", "Bo") * 6, ("Oslo", "Bergen") * 6, LETTERS, MOODS),
         {"Who": ("Ada", "Bo") * 6, "Town": ("Oslo", "Bergen") * 6, "Words": LETTERS, "Mood": MOODS},
         notes={"above_header": {"count": 1, "lines": "1"}}, detected={"header_line": 2}),
    Case("a title and an empty line above the header", "a.csv",
         b"Letters of November\n\n" + lines(LETTERS, MOODS, sign=";", head="words;mood\n"),
         {"words": LETTERS, "mood": MOODS}, notes={"above_header": None}),
    Case("the header again in the middle, twice", "a.csv",
         lines(LETTERS, MOODS, head="words,mood\n") * 3, ("words", "mood"), rows=36,
         notes={"header_repeated": {"count": 2, "lines": "14, 27"}}),
    Case("a row of totals at the end", "a.csv", lines(LETTERS, ("1", "2") * 6, head="words,stars\n") + b"Total,18\n",
         {"words": LETTERS, "stars": ("1", "2") * 6}, notes={"totals_rows": {"count": 1, "lines": "14"}}),
    Case("totals and averages at the end", "a.csv",
         lines(LETTERS, ("1", "2") * 6, head="words,stars\n") + b"Total,18\n,\nAverage,1.5\n",
         {"words": LETTERS, "stars": ("1", "2") * 6},
         notes={"totals_rows": {"count": 2, "lines": "14, 16"}, "blank_rows": None}),
    Case("a row of totals after blank rows", "a.csv",
         lines(LETTERS, MOODS, ("1", "2") * 6, sign=";", head="worte;laune;sterne\n") + b";;\nSumme;;18\n",
         {"worte": LETTERS, "laune": MOODS, "sterne": ("1", "2") * 6},
         notes={"totals_rows": {"count": 1, "lines": "15"}, "blank_rows": None}),
    Case("a row of totals, Chinese", "a.csv",
         lines(HARBORS, ("1", "2") * 6, sign="\t", head="评价\t分数\n") + "合计\t18\n".encode(),
         ("评价", "分数"), rows=12, notes={"totals_rows": {"count": 1, "lines": "14"}}),
    Case("a text that begins with total is a row", "a.csv",
         lines(LETTERS, MOODS, head="words,mood\n") + b"Total,calm\n",
         {"words": (*LETTERS, "Total"), "mood": (*MOODS, "calm")}),
)  # fmt: skip
