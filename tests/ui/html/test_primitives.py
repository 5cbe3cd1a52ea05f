"""Whatever a visitor types reaches the page as text, in every drawing; and drawings show the numbers they are given."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bertdemo.anatomy.tokens import PreToken, Stages, Token, TokenTrace, trace
from bertdemo.checkpoints.tokenizers import SharedTokenizer, build_wordpiece
from bertdemo.run_config import Keep
from bertdemo.ui.html import charts
from bertdemo.ui.html import primitives as draw
from bertdemo.ui.html import tokens as picture
from bertdemo.ui.html.escape import esc

HOSTILE = "<img src=x onerror=window.__x=1>${window.x=1}{{x}}`${1}`</div><script>window.__x=2</script>\" ' \\u003c"
OURS = {
    "div", "span", "p", "b", "i", "s", "em", "h2", "small", "code", "ol", "li", "mark", "table", "thead", "tbody", "tr",
    "th", "td", "dfn", "svg", "title", "line", "text", "g", "polyline", "circle",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def token(
    position: int, piece: str, *, source: str = HOSTILE, sequence: int | None = 0, unknown: bool = False
) -> Token:
    return Token(
        piece=piece, id=position, position=position, segment=sequence or 0, mask=1, special=sequence is None,
        unknown=unknown, continues=piece.startswith("##"), sequence=sequence, word=position, start=0, end=3,
        source=source,
    )  # fmt: skip


def hostile_trace(*, unknown: int = 1) -> TokenTrace:
    frame = {"source": "", "sequence": None}
    tokens = (
        token(0, "[CLS]", **frame), token(1, HOSTILE), token(2, f"##{HOSTILE}"), token(3, "[UNK]", unknown=True),
        token(4, "[SEP]", **frame),
    )  # fmt: skip
    word = PreToken(HOSTILE, 0, 9, (HOSTILE, f"##{HOSTILE}"))
    return TokenTrace(
        text=HOSTILE, pair="", checkpoint=HOSTILE, max_length=5, tokens=tokens,
        stages=(Stages(HOSTILE, HOSTILE, (word,)),), dropped=((0, 2, len(HOSTILE)),), dropped_pieces=7,
        lost=((0, 0, 2),), characters=len(HOSTILE), words=1, pieces=3, unknown=unknown,
    )  # fmt: skip


ALL = {
    "heading": draw.heading(HOSTILE, HOSTILE),
    "note": draw.note(HOSTILE),
    "caption": draw.caption(HOSTILE),
    "banner": draw.banner(HOSTILE),
    "check": draw.check(HOSTILE, held=False),
    "pill": draw.pill(HOSTILE, HOSTILE),
    "facts": draw.facts([(HOSTILE, HOSTILE, HOSTILE)]),
    "key": draw.key([(HOSTILE, HOSTILE)]),
    "big": draw.big(HOSTILE, HOSTILE),
    "empty": draw.empty_state(HOSTILE),
    "waiting": draw.waiting_state(HOSTILE),
    "error": draw.error_state(HOSTILE),
    "finding": draw.finding("warn", HOSTILE, HOSTILE, HOSTILE),
    "chip": draw.chip(HOSTILE, HOSTILE, "word", HOSTILE),
    "bars": draw.bars([(HOSTILE, 0.5, HOSTILE)]),
    "table": draw.table([HOSTILE], [[HOSTILE]], numeric=(0,)),
    "curve": charts.curve([(HOSTILE, HOSTILE, [(0, 1), (1, 2)])], HOSTILE, HOSTILE, [(HOSTILE, 1.5)]),
    **{f"strip {lang}": picture.render_strip(hostile_trace(), lang) for lang in ("en", "zh")},
    **{f"stages {lang}": picture.render_stages(hostile_trace(), lang) for lang in ("en", "zh")},
    **{f"table {lang}": picture.render_table(hostile_trace(), lang) for lang in ("en", "zh")},
    "compared": picture.render_compared(hostile_trace(), HOSTILE, "en"),
    "root": draw.root("", HOSTILE),
}


@pytest.mark.parametrize("name", ALL)
def test_hostile_text_stays_text(name: str) -> None:
    html = ALL[name]
    seen = read(html)
    assert set(seen.tags) <= OURS
    assert not [
        attribute for attribute in seen.attributes if attribute.startswith("on") or attribute in {"src", "href"}
    ]
    assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html)), "a template could run this"


def test_escaped_text_reads_as_typed() -> None:
    assert read(esc(HOSTILE)).words == HOSTILE
    assert esc("a\x00b") == "a\ufffdb"


def test_a_continuation_is_shown_without_its_marks_and_named_in_words() -> None:
    html = draw.chip("ly", "2135", "continues", "##ly: continuation of a word")
    assert 'aria-label="##ly: continuation of a word"' in html
    assert ">ly<" in html


def test_the_cut_stands_before_the_separator_with_what_was_lost() -> None:
    html = picture.render_strip(hostile_trace(), "en")
    assert html.index("truncated here") < html.index("[SEP]")
    assert "7 truncated" in read(html).words
    assert "The last 7 tokens are truncated" in html


@pytest.mark.parametrize(
    ("keep", "before", "lost"), [("tail", 1, "one two three four "), ("both", 2, "two three four five ")]
)
def test_the_cut_of_a_checkpoint_that_keeps_the_end_stands_where_it_was(keep: Keep, before: int, lost: str) -> None:
    words = ["one", "two", "three", "four", "five", "six"]
    tokenizer = SharedTokenizer(build_wordpiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]))
    found = trace(tokenizer, " ".join(words), max_length=4, keep=keep)
    assert picture.truncated_texts(found) == {before: lost.strip()}
    assert found.kept == {"tail": ((0, 1), (5, 8)), "both": ((0, 2), (6, 8))}[keep]
    strip = picture.render_strip(found, "en")
    assert "keeps the end" in strip or "keeps both ends" in strip
    assert "The last" not in strip


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "15 characters4 words4 WordPiece tokens2 special tokens1 [UNK]"),
        ("zh", "15 个字符4 个预分词单元（中文按字）4 个 WordPiece 词元2 个特殊标记1 个 [UNK]"),
    ],
)
def test_the_counts_say_characters_words_pieces_and_unknowns(lang: str, said: str) -> None:
    tokenizer = SharedTokenizer(build_wordpiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "x"]))
    html = picture.counts(trace(tokenizer, "one two 😀x one "), lang)
    assert read(html).words.startswith(said)


def test_many_unknown_pieces_name_a_better_vocabulary() -> None:
    assert "bert-base-multilingual-cased" in picture.render_strip(hostile_trace(), "en")
    assert "bert-base-multilingual-cased" not in picture.render_strip(hostile_trace(unknown=0), "en")


def test_nothing_typed_is_no_error() -> None:
    empty = TokenTrace("", "", "bundled", 512, (), (Stages("", "", ()),), (), 0, (), 0, 0, 0, 0)
    assert "Type some text above" in picture.render_strip(empty, "en")
    assert picture.render_stages(empty, "zh") == ""


def test_a_long_series_is_thinned_and_keeps_its_ends() -> None:
    points = [(float(i), float(i)) for i in range(10_000)]
    thinned = charts.thin(points)
    assert len(thinned) == charts.MAX_POINTS
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])


def test_one_point_and_flat_lines_can_be_drawn() -> None:
    assert "circle" in charts.curve([("loss", "blue", [(1, 0.0)])], "loss")
    assert charts.curve([("loss", "blue", [])], "loss") == ""
