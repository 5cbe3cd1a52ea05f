"""Lines of text, labels before them, tokens with tags."""

from __future__ import annotations

from bertdemo import errors
from bertdemo.tables.table_files import ParseOptions
from tests.tables.corpus.case import Case

SENTENCES = ("I went to the shop, alone", "There was nothing left", "So I went home again")
FIRST = tuple(f"It arrived on day {i}" for i in range(12))
TREC = ("DESC:manner", "ENTY:cremat", "DESC:manner", "HUM:ind") * 3
SHOPS = tuple(f"这家店去过{i}次，很难忘" for i in range(12))
QUESTIONS = tuple(f"{word} is it number {i}?" for i, word in enumerate(("What", "How", "What", "Who") * 4))
NER = {
    "tokens": ('["Anna", "lives", "in", "Oslo"]', '["Yes"]'),
    "tags": ('["B-PER", "O", "O", "B-LOC"]', '["O"]'),
}  # fmt: skip


def labeled(labels: tuple[str, ...], texts: tuple[str, ...], between: str) -> bytes:
    return "".join(f"{label}{between}{text}\n" for label, text in zip(labels, texts, strict=True)).encode()


LINES = (
    Case("a text on each line", "a.txt", "\n".join(SENTENCES).encode(), {"text": SENTENCES}, numbers=(1, 2, 3),
         detected={"kind": "lines", "delimiter": "none"}),
    Case("a text on each line, quoted speech", "a.txt", b'"Come," he said.\n"No."\nShe went.\n',
         {"text": ('"Come," he said.', '"No."', "She went.")}),
    Case("a text on each line below a name", "a.txt", b"text\nHello, world\nAnd you, too\n",
         {"text": ("Hello, world", "And you, too")}, detected={"header_line": 1}),
    Case("commas in a txt", "a.txt", b"text,label\ngood,pos\nbad,neg\n",
         {"text": ("good", "bad"), "label": ("pos", "neg")}),
    Case("one comma in each line is no table", "a.txt", b"Hello, world\nYes, we can\nNo, you cannot\n",
         {"text": ("Hello, world", "Yes, we can", "No, you cannot")}),
    Case("fastText", "a.txt", b"__label__pos I like it\n__label__neg I do not\n\n__label__pos Fine, really\n",
         {"label": ("pos", "neg", "pos"), "text": ("I like it", "I do not", "Fine, really")}, numbers=(1, 2, 4),
         notes={"blank_rows": None}, detected={"delimiter": "label"}),
    Case("fastText, several labels", "a.txt", b"__label__a __label__b both\n__label__a one\n",
         {"label": ('["a", "b"]', '["a"]'), "text": ("both", "one")}),
    Case("fastText, a comma after the label, in a csv", "a.csv", b"__label__a , one\n__label__b , two\n",
         {"label": ("a", "b"), "text": ("one", "two")}),
    Case("fastText, a line without a label", "a.txt", b"__label__a one\n" * 5 + b"lost\n",
         {"label": ("a",) * 5 + (None,), "text": ("one",) * 5 + ("lost",)},
         notes={"unlabelled_lines": {"count": 1, "lines": "6"}}),
    Case("label TAB text in a txt", "a.txt", labeled(("ham", "spam", "ham") * 4, FIRST, "\t"),
         {"column 1": ("ham", "spam", "ham") * 4, "column 2": FIRST}, notes={"no_header": {"columns": 2}}),
    Case("a label, a space, the text", "a.txt", labeled(TREC, FIRST, " "), {"label": TREC, "text": FIRST},
         detected={"delimiter": "label"}),
    Case("a number, a space, the text", "a.txt", labeled(("0", "1") * 6, FIRST, " "),
         {"label": ("0", "1") * 6, "text": FIRST}),
    Case("a label, a full-width space, the text", "a.txt", labeled(("正面", "负面") * 6, SHOPS, "\u3000"),
         {"label": ("正面", "负面") * 6, "text": SHOPS}, detected={"delimiter": "label"}),
    Case("a label, several spaces, the text", "a.txt", labeled(TREC, FIRST, "   "), {"label": TREC, "text": FIRST}),
    Case("a label with nothing after it", "a.txt", labeled(("HAM", "SPAM") * 12, FIRST * 2, " ") + b"HAM\n",
         {"label": (*("HAM", "SPAM") * 12, "HAM"), "text": (*FIRST * 2, None)},
         notes={"textless_lines": {"count": 1, "lines": "25"}}),
    Case("fastText, a label with nothing after it", "a.txt", b"__label__a one\n__label__b\n",
         {"label": ("a", "b"), "text": ("one", None)}, notes={"textless_lines": {"count": 1, "lines": "2"}}),
    Case("a label glued to a Chinese text", "a.txt", labeled(("正面", "负面") * 6, SHOPS, ""),
         {"label": ("正面", "负面") * 6, "text": SHOPS}, detected={"kind": "lines", "delimiter": "glued"}),
    Case("a label in brackets glued to the text", "a.txt", labeled(("【好评】", "【差评】") * 6, SHOPS, ""),
         {"label": ("好评", "差评") * 6, "text": SHOPS}, detected={"delimiter": "glued"}),
    Case("a number glued to the text", "a.txt", labeled(("0", "1", "2") * 4, SHOPS, ""),
         {"label": ("0", "1", "2") * 4, "text": SHOPS}, detected={"delimiter": "glued"}),
    Case("an English label glued to the text", "a.txt", labeled(("positive", "negative", "pos:") * 4, FIRST, ""),
         {"label": ("positive", "negative", "pos") * 4, "text": FIRST}, detected={"delimiter": "glued"}),
    Case("a glued label, some lines without one and some without a text", "a.txt",
         labeled(("正面", "负面") * 24, SHOPS * 4, "") + "没有标签\n负面\n".encode(),
         {"label": (*("正面", "负面") * 24, None, "负面"), "text": (*SHOPS * 4, "没有标签", None)},
         notes={"unlabelled_lines": {"count": 1, "lines": "49"}, "textless_lines": {"count": 1, "lines": "50"}}),
    Case("texts that begin with a number", "a.txt", "".join(f"{i % 3}3D打印了{i}次\n" for i in range(12)).encode(),
         {"text": tuple(f"{i % 3}3D打印了{i}次" for i in range(12))}),
    Case("texts that begin with a word that could be a label", "a.txt",
         "".join(f"{('nothing', 'positively', 'badly')[i % 3]} new {i}\n" for i in range(12)).encode(),
         {"text": tuple(f"{('nothing', 'positively', 'badly')[i % 3]} new {i}" for i in range(12))}),
    Case("labels that look glued and are not, by hand", "a.txt", labeled(("正面", "负面") * 6, SHOPS, ""),
         {"text": tuple(f"{label}{text}" for label, text in zip(("正面", "负面") * 6, SHOPS, strict=True))},
         options=ParseOptions(delimiter="none")),
    Case("a glued label in a csv, by hand", "a.csv", "正面很好\n负面不好\n".encode(),
         {"label": ("正面", "负面"), "text": ("很好", "不好")}, options=ParseOptions(delimiter="glued")),
    Case("questions have no label", "a.txt", "\n".join(QUESTIONS).encode(), {"text": QUESTIONS}),
    Case("questions whose first word is a label, by hand", "a.txt", b"What is it?\nHow is it?\n",
         {"label": ("What", "How"), "text": ("is it?", "is it?")}, options=ParseOptions(delimiter="label")),
    Case("CoNLL", "a.conll", b"Anna\tB-PER\nlives\tO\nin\tO\nOslo\tB-LOC\n\nYes\tO\n", NER, numbers=(1, 6),
         detected={"kind": "conll"}),
    Case("CoNLL with spaces, in a txt", "a.txt",
         b"-DOCSTART- -X- O O\n\nAnna NN B-NP B-PER\nlives VB B-VP O\nin IN B-PP O\nOslo NN B-NP B-LOC\n\nYes UH O O\n",
         NER, numbers=(3, 8)),
    Case("IOB2 with counted tokens and comments", "a.iob2",
         b"# 1\n1\tAnna\tB-PER\t-\n2\tlives\tO\t-\n3\tin\tO\t-\n4\tOslo\tB-LOC\t-\n\n# id = 2\n1\tYes\tO\t-\n", NER,
         numbers=(2, 8)),
    Case("CoNLL, a token without a tag", "a.conll", b"Anna\tB-PER\n" * 30 + b"lost\n\nYes\tO\n", ("tokens", "tags"),
         rows=2, notes={"untagged_tokens": {"count": 1, "lines": "31"}}),
    Case("CoNLL, a header and spaces", "a.txt", b"word tag\nAnna B-PER\nlives O\nin O\nOslo B-LOC\n\nYes O\n", NER,
         numbers=(2, 7), detected={"kind": "conll"}),
    Case("CoNLL, a header and tabs", "a.tsv", b"word\ttag\nAnna\tB-PER\nlives\tO\nin\tO\nOslo\tB-LOC\n\n"
         b"Yes\tO\nit\tO\nis\tO\n", ("tokens", "tags"), rows=2, notes={"token_rows": None}),
    Case("CoNLL that begins with a day", "a.conll", b"Tag O\nAnna B-PER\n\nYes O\n",
         {"tokens": ('["Tag", "Anna"]', '["Yes"]'), "tags": ('["O", "B-PER"]', '["O"]')}),
    Case("CoNLL with another word outside", "a.bmes", "林 B-N\n晓 E-N\n来 X\n了 X\n\n好 X\n".encode(),
         {"tokens": ('["林", "晓", "来", "了"]', '["好"]'), "tags": ('["B-N", "E-N", "X", "X"]', '["X"]')}),
    Case("CoNLL, names inside names", "a.conll",
         b"# one\n1\tBergen\tB-ORG\tB-LOC\n2\tBank\tI-ORG\tO\n3\tin\tO\tO\n4\tOslo\tB-LOC\tO\n\n1\tYes\tO\tO\n",
         {"tokens": ('["Bergen", "Bank", "in", "Oslo"]', '["Yes"]'),
          "tags": ('["B-ORG", "I-ORG", "O", "B-LOC"]', '["O"]')}, notes={"nested_tags": {"count": 1, "lines": "2"}}),
    Case("CoNLL-U with names among the features", "a.conllu",
         b"# text = x\n1-2\tAnnas\t_\t_\t_\n1\tAnna\tPROPN\tCase=Nom\tNER=B-PER|SpaceAfter=No\n"
         b"2\tlives\tVERB\t_\tSpaceAfter=No\n2.1\tin\t_\t_\t_\n\n1\tYes\tX\t_\t_\n",
         {"tokens": ('["Anna", "lives"]', '["Yes"]'), "tags": ('["B-PER", "_"]', '["_"]')}),
    Case("CoNLL of tokens alone", "a.conll", b"Anna\nlives\n\nYes\n",
         {"tokens": ('["Anna", "lives"]', '["Yes"]')}, notes={"tokens_only": {}}),
    Case("WebAnno", "a.conll", b"#FORMAT=WebAnno TSV 3.3\n\n1-1\t0-4\tAnna\tPER\n", error=errors.FormatWebAnno),
    Case("WebAnno, as it is called", "a.tsv", b"#FORMAT=WebAnno TSV 3.3\n\n1-1\t0-4\tAnna\tPER\n",
         error=errors.FormatWebAnno),
    Case("CoNLL without tags", "a.conll", b"Anna lives\nin Oslo\n", error=errors.NoTags),
)  # fmt: skip
