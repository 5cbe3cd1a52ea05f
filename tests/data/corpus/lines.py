"""Lines of text, labels before them, tokens with tags."""

from __future__ import annotations

from bertdemo import errors
from bertdemo.data.tables import ReadOptions
from tests.data.corpus.case import Case

SENTENCES = ("I went to the shop, alone", "There was nothing left", "So I went home again")
FIRST = tuple(f"It arrived on day {i}" for i in range(12))
TREC = ("DESC:manner", "ENTY:cremat", "DESC:manner", "HUM:ind") * 3
QUESTIONS = tuple(f"{word} is it number {i}?" for i, word in enumerate(("What", "How", "What", "Who") * 4))
NER = {
    "tokens": ('["Anna", "lives", "in", "Oslo"]', '["Yes"]'),
    "tags": ('["B-PER", "O", "O", "B-LOC"]', '["O"]'),
}  # fmt: skip


def labelled(labels: tuple[str, ...], texts: tuple[str, ...], between: str) -> bytes:
    return "".join(f"{label}{between}{text}\n" for label, text in zip(labels, texts, strict=True)).encode()


LINES = (
    Case("a text on each line", "a.txt", "\n".join(SENTENCES).encode(), {"text": SENTENCES}, numbers=(1, 2, 3),
         reading={"kind": "lines", "delimiter": "none"}),
    Case("a text on each line, quoted speech", "a.txt", b'"Come," he said.\n"No."\nShe went.\n',
         {"text": ('"Come," he said.', '"No."', "She went.")}),
    Case("a text on each line below a name", "a.txt", b"text\nHello, world\nAnd you, too\n",
         {"text": ("Hello, world", "And you, too")}, reading={"header_line": 1}),
    Case("commas in a txt", "a.txt", b"text,label\ngood,pos\nbad,neg\n",
         {"text": ("good", "bad"), "label": ("pos", "neg")}),
    Case("one comma in each line is no table", "a.txt", b"Hello, world\nYes, we can\nNo, you cannot\n",
         {"text": ("Hello, world", "Yes, we can", "No, you cannot")}),
    Case("fastText", "a.txt", b"__label__pos I like it\n__label__neg I do not\n\n__label__pos Fine, really\n",
         {"label": ("pos", "neg", "pos"), "text": ("I like it", "I do not", "Fine, really")}, numbers=(1, 2, 4),
         notes={"blank_rows": None}, reading={"delimiter": "label"}),
    Case("fastText, several labels", "a.txt", b"__label__a __label__b both\n__label__a one\n",
         {"label": ('["a", "b"]', '["a"]'), "text": ("both", "one")}),
    Case("fastText, a comma after the label, in a csv", "a.csv", b"__label__a , one\n__label__b , two\n",
         {"label": ("a", "b"), "text": ("one", "two")}),
    Case("fastText, a line without a label", "a.txt", b"__label__a one\n" * 5 + b"lost\n",
         {"label": ("a",) * 5 + (None,), "text": ("one",) * 5 + ("lost",)},
         notes={"unlabelled_lines": {"count": 1, "lines": "6"}}),
    Case("label TAB text in a txt", "a.txt", labelled(("ham", "spam", "ham") * 4, FIRST, "\t"),
         {"column 1": ("ham", "spam", "ham") * 4, "column 2": FIRST}, notes={"no_header": {"columns": 2}}),
    Case("a label, a space, the text", "a.txt", labelled(TREC, FIRST, " "), {"label": TREC, "text": FIRST},
         reading={"delimiter": "label"}),
    Case("a number, a space, the text", "a.txt", labelled(("0", "1") * 6, FIRST, " "),
         {"label": ("0", "1") * 6, "text": FIRST}),
    Case("questions have no label", "a.txt", "\n".join(QUESTIONS).encode(), {"text": QUESTIONS}),
    Case("questions whose first word is a label, by hand", "a.txt", b"What is it?\nHow is it?\n",
         {"label": ("What", "How"), "text": ("is it?", "is it?")}, options=ReadOptions(delimiter="label")),
    Case("CoNLL", "a.conll", b"Anna\tB-PER\nlives\tO\nin\tO\nOslo\tB-LOC\n\nYes\tO\n", NER, numbers=(1, 6),
         reading={"kind": "conll"}),
    Case("CoNLL with spaces, in a txt", "a.txt",
         b"-DOCSTART- -X- O O\n\nAnna NN B-NP B-PER\nlives VB B-VP O\nin IN B-PP O\nOslo NN B-NP B-LOC\n\nYes UH O O\n",
         NER, numbers=(3, 8)),
    Case("IOB2 with counted tokens and comments", "a.iob2",
         b"# 1\n1\tAnna\tB-PER\t-\n2\tlives\tO\t-\n3\tin\tO\t-\n4\tOslo\tB-LOC\t-\n\n# id = 2\n1\tYes\tO\t-\n", NER,
         numbers=(2, 8)),
    Case("CoNLL, a token without a tag", "a.conll", b"Anna\tB-PER\n" * 30 + b"lost\n\nYes\tO\n", ("tokens", "tags"),
         rows=2, notes={"untagged_tokens": {"count": 1, "lines": "31"}}),
    Case("CoNLL without tags", "a.conll", b"Anna lives\nin Oslo\n", error=errors.NoTags),
)  # fmt: skip
