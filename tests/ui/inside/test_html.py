"""Pictures of the inside: text stays text, figures are those of the dataclass, every picture can be read as words."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from bertdemo.anatomy.compare import ClassMap
from bertdemo.anatomy.fill_mask import Filling, Piece
from bertdemo.anatomy.geometry import Map2D
from bertdemo.anatomy.layers import Embeddings, LayerTrace
from bertdemo.anatomy.own_head import Generated, TokenScores
from bertdemo.anatomy.pooling import PooledRow, PoolingComparison
from bertdemo.anatomy.training_step import TrainingStep
from bertdemo.anatomy.wordpiece import Attempt, Matching, attempts
from bertdemo.i18n.translation import LANGUAGES
from bertdemo.ui.html import pictures as draw
from bertdemo.ui.inside.html import change, head, layers, text
from bertdemo.ui.inside.html.model_map import Chosen, OwnHead, pattern_of, render_map
from bertdemo.ui.inside.html.what import render_what
from tests.ui.html.test_primitives import HOSTILE, hostile_trace, read, token

OURS = {
    "div", "span", "p", "b", "i", "s", "small", "code", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "svg",
    "title", "line", "text", "nav", "section", "h3", "input", "g", "polyline", "circle", "path", "button", "details",
    "summary", "pre", "canvas", "output", "dfn",
}  # fmt: skip
WIDTH = 16
RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def seen_by(tokens: int = 5, *, labels: tuple[str, ...] = (HOSTILE, "b"), trained: bool = True) -> LayerTrace:
    trace = hostile_trace()
    if tokens != len(trace.tokens):
        words = tuple(token(i, HOSTILE if i % 2 else "word") for i in range(tokens))
        trace = replace(trace, tokens=words, dropped=(), dropped_pieces=0)
    word, position, segment = floats(tokens, WIDTH), floats(tokens, WIDTH), floats(tokens, WIDTH)
    total = word + position + segment
    return LayerTrace(
        trace=trace, layers=2, heads=2, width=WIDTH, inner=64, positions=512,
        embeddings=Embeddings(word, position, segment, total, total / 2), hidden=floats(3, tokens, WIDTH),
        attentions=floats(2, 2, tokens, tokens), pooled={}, labels=labels,
        logits=tuple(float(i) for i in range(len(labels))),
        head_trained=trained, checks={"embeddings": 2.4e-7, "head": 0.0},
    )  # fmt: skip


SEEN = seen_by()
MAP = Map2D(tuple((float(i), float(-i)) for i in range(5)), (0.412, 0.123))
MAPS = (MAP, Map2D(tuple((-x, y) for x, y in MAP.points), (0.5, 0.1)))
ROWS = (PooledRow("cls", floats(WIDTH), 0.81234, None), PooledRow("mean", floats(WIDTH), 0.5, 0.041))
POOLING = PoolingComparison(ROWS, "mean")
FILLING = Filling(1, Piece(HOSTILE, 7, 0.0004), 1234, (Piece(HOSTILE, 8, 0.61), Piece("", 9, 0.00001)))
STEP = TrainingStep(
    labels=(HOSTILE, "b"), label=0, logits=(0.5, 1.5), probabilities=(0.2689, 0.7311), loss=1.3133,
    gradient_norms=(("embeddings", 0.25), ("layer.1", 0.5), ("pooler", 2.0), ("classifier", 1.0)), total_norm=2.3049,
    after_logits=(1.0, 1.0), after_probabilities=(0.5, 0.5), after_loss=0.6931, learning_rate=2e-5, weight_decay=0.01,
)  # fmt: skip
CLASSES = ClassMap(((0.0, 0.0), (1.0, 1.0)), ((2.0, 0.0), (3.0, 1.0)), (HOSTILE, "b"), (0.3, 0.2))
TAGS = TokenScores("tags", ("O", HOSTILE), floats(5, 2), np.full((5, 2), 0.5, np.float32))
SPANS = TokenScores("spans", ("start", "end"), floats(5, 2), np.full((5, 2), 0.2, np.float32))
GENERATED = Generated((7, 8), (0.9, 0.25), np.full((2, 5), 0.2, np.float32))
TRIED = Matching(HOSTILE, (Attempt(0, HOSTILE, False), Attempt(0, HOSTILE[:5], True)), (HOSTILE[:5],))
DOTS = [draw.Dot(0, 0, HOSTILE, HOSTILE, named=True), draw.Dot(1, 1, "word", HOSTILE), draw.Dot(2, 0, "g3")]


def everything(lang: str) -> dict[str, str]:
    return {
        "strip": draw.strip(floats(4), HOSTILE, 1.0),
        "grid": draw.grid(floats(2, 3), HOSTILE, 1.0, "signed"),
        "token strip": draw.token_strip(hostile_trace(), 1, HOSTILE, "token", lang),
        "code": draw.code(HOSTILE, HOSTILE),
        "more": draw.more(HOSTILE, "", HOSTILE),
        "figures": draw.figures([HOSTILE], [["1"]]),
        "points": draw.points(DOTS, 0, HOSTILE, HOSTILE, HOSTILE),
        "mark": draw.mark("g0", HOSTILE),
        "tokens": text.render_tokens(SEEN, 1, lang),
        "word": text.render_word(SEEN, 1, TRIED, lang),
        "word of a special": text.render_word(SEEN, 0, None, lang),
        "word too long": text.render_word(SEEN, 1, Matching(HOSTILE, (), (HOSTILE,)), lang),
        "specials": text.render_specials(SEEN, lang),
        "embeddings": text.render_embeddings(SEEN, 1, lang),
        "positions": text.render_positions(floats(512, WIDTH), 512, 64, 8, lang),
        "path": layers.render_path(SEEN, 1, (1.0, 0.5, 0.25), lang),
        "layers": layers.render_layers(SEEN, MAPS, 1, 1, lang),
        "pooling": layers.render_pooling(POOLING, lang),
        "head": head.render_head(SEEN, lang),
        "head untrained": head.render_head(seen_by(trained=False), lang),
        "fill": head.render_fill(FILLING, [], lang),
        "tags": head.render_tags(SEEN, TAGS, lang),
        "spans": head.render_spans(SEEN, SPANS, lang),
        "generated": head.render_generated(GENERATED, [HOSTILE, "b"], SEEN, lang),
        "model map": render_map(SEEN, Chosen("attention", 1, 2, 1), lang, tuned=True),
        "what": render_what(lang),
        "cannot fill": head.render_fill(None, [HOSTILE], lang),
        "step": head.render_step(STEP, lang),
        "movement": change.render_movement([("embeddings", 0.01), ("layer.2", 0.4), (HOSTILE, 0.0)], lang),
        "class map": change.render_class_map(CLASSES, lang),
        "probabilities": change.render_probabilities([HOSTILE, "b"], (0.5, 0.5), (0.1, 0.9), lang),
        "difference": change.render_difference(floats(5, 5) / 5, SEEN, 1, 2, lang),
    }


ALL = {lang: everything(lang) for lang in LANGUAGES}


def said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ALL["en"])
def test_hostile_text_stays_text(name: str, lang: str) -> None:
    html = ALL[lang][name]
    seen = read(html)
    assert set(seen.tags) <= OURS
    assert not [
        attribute for attribute in seen.attributes if attribute.startswith("on") or attribute in {"src", "href"}
    ]
    assert not re.search(r"[${}`\\]", re.sub(r"&#\d+;", "", html)), "a template could run this"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ALL["en"])
def test_every_picture_has_words(name: str, lang: str) -> None:
    for tag in re.findall(r"<(?:svg|div|span)\b[^>]*>", ALL[lang][name]):
        if 'role="img"' in tag or 'role="group"' in tag or 'role="meter"' in tag:
            assert re.search(r'aria-label="[^"]+"', tag), tag
        elif tag.startswith("<svg"):
            assert 'aria-hidden="true"' in tag
    pictures = ALL[lang][name].count("data-paint=")
    assert pictures == len(re.findall(r'role="img" tabindex="0" aria-label="[^"]+" data-paint=', ALL[lang][name]))


def test_the_two_languages_differ_in_every_step() -> None:
    for name in (
        "tokens",
        "word",
        "specials",
        "embeddings",
        "positions",
        "path",
        "layers",
        "pooling",
        "head",
        "fill",
        "step",
    ):
        assert said(ALL["en"][name]) != said(ALL["zh"][name])


def unpacked(html: str, kind: type[np.generic]) -> np.ndarray:
    found = re.search(r'data-z="([^"]+)"', html)
    assert found
    return np.frombuffer(zlib.decompress(base64.b64decode(found[1])), np.dtype(kind).newbyteorder("<"))


def test_a_strip_carries_the_numbers_themselves() -> None:
    values = floats(384)
    html = draw.strip(values, "a vector", draw.largest(values))
    assert (unpacked(html, np.float32) == values).all()
    assert f'data-scale="{abs(values).max():.6g}"' in html


def test_a_grid_is_full_at_its_scale_and_beyond() -> None:
    html = draw.grid(np.array([[-2.0, -1.0, 0.0], [0.5, 1.0, 9.0]]), "a matrix", 1.0, "signed")
    assert unpacked(html, np.int8).tolist() == [-127, -127, 0, 64, 127, 127]
    assert 'data-rows="2" data-columns="3" data-kind="signed"' in html
    shares = draw.grid(np.array([[0.0, 0.5, 1.0]]), "a matrix", 1.0, "share")
    assert unpacked(shares, np.uint8).tolist() == [0, 128, 255]


def test_packed_numbers_have_the_byte_order_that_the_page_reads() -> None:
    assert zlib.decompress(base64.b64decode(draw.packed(np.array([1, 258], dtype=">u2")))) == b"\x01\x00\x02\x01"
    assert (
        zlib.decompress(base64.b64decode(draw.packed(np.array([[1, 2], [3, 4]], dtype="u1").T))) == b"\x01\x03\x02\x04"
    )


def test_512_tokens_cost_512_elements() -> None:
    seen = seen_by(512)
    assert len(read(draw.token_strip(seen.trace, 3, "tokens", "token", "en")).tags) == 513
    assert len(read(text.render_tokens(seen, 3, "en")).tags) <= 512 + 60
    places = Map2D(tuple((float(i % 23), float(i % 19)) for i in range(512)), (0.5, 0.3))
    assert len(read(layers.render_layers(seen, (places, places), 1, 3, "en")).tags) <= 3 * 512 + 100
    worst = attempts("x" * 99 + "é", {"x", *(f"##{letter}" for letter in "xyz")})
    assert len(read(text.render_word(seen, 3, worst, "en")).tags) <= 120


def test_one_token_is_pressed_and_each_knows_its_place() -> None:
    html = draw.token_strip(hostile_trace(), 1, "tokens", "mask", "en")
    assert re.findall(r'data-mask="(\d+)"', html) == ["0", "1", "2", "3", "4"]
    assert re.findall(r'data-mask="(\d+)" tabindex="0" data-id="\d+" aria-pressed="true"', html) == ["1"]
    assert html.count('tabindex="0"') == 1


def test_what_was_cut_stands_struck_out_before_the_separator() -> None:
    html = draw.token_strip(hostile_trace(), 0, "tokens", "token", "en")
    assert html.index("<s>") < html.index("[SEP]")
    assert html.index("[CLS]") < html.index("<s>")
    assert 'role="listitem"' not in html


def test_attempts_stand_in_order_and_only_the_found_one_is_ticked() -> None:
    html = text.render_word(SEEN, 1, attempts("tunes", {"tune", "##s"}), "en")
    assert html.index("<s>tunes</s>") < html.index("✓ tune<") < html.index("✓ ##s<")
    assert html.count("✓") == 2
    assert "3 lookups" in said(html)


def test_a_word_without_pieces_says_why() -> None:
    lost = text.render_word(SEEN, 1, attempts("tunes", {"tune"}), "en")
    assert "Nothing matches" in said(lost)
    long = text.render_word(SEEN, 1, attempts("a" * 101, {"a", "##a"}), "en")
    assert "101 characters" in said(long)
    assert "[CLS] is not in your text" in said(text.render_word(SEEN, 0, None, "en"))


def test_segments_and_mask_are_shown_as_runs() -> None:
    tokens = tuple(replace(one, segment=int(i > 2), mask=int(i < 4)) for i, one in enumerate(SEEN.trace.tokens))
    seen = replace(SEEN, trace=replace(SEEN.trace, tokens=tokens, pair="b"))
    html = text.render_specials(seen, "en")
    assert 'aria-label="Segments (token_type_ids): 0 × 3 · 1 × 2"' in html
    assert 'aria-label="Attention mask (attention_mask): 1 × 4 · 0 × 1"' in html
    assert "0 hides padding" in html
    assert "every segment is 0" in text.render_specials(SEEN, "en")


def test_embeddings_show_the_numbers_and_the_check() -> None:
    html = text.render_embeddings(SEEN, 1, "en")
    made = SEEN.embeddings
    for vector in (made.word, made.position, made.segment, made.total, made.normed):
        assert f"L2 norm {float(np.linalg.norm(vector[1])):.2f}" in html
        assert f"{round(float(vector[1, 7]), 3) + 0.0:.3f}" in html
    scales = re.findall(r'data-scale="([^"]+)"', html)
    assert len(set(scales[:4])) == 1
    assert scales[4] != scales[0]
    assert "held" in html
    assert "differs from the model by 2e-7" in html
    broken = replace(SEEN, checks={"embeddings": 0.003, "head": 0.0})
    assert "bd-check broken" in text.render_embeddings(broken, 1, "en")


def test_the_table_of_positions_ends_where_the_model_does() -> None:
    table = np.repeat(np.arange(512, dtype=np.float32)[:, None], WIDTH, axis=1)
    html = text.render_positions(table, 512, 64, 8, "en")
    assert "There is no row 513" in html
    assert "64 of 512 positions, 8 of 16 dimensions" in html
    cells = unpacked(html, np.int8).reshape(64, 8)
    assert cells[0, 0] == 0
    assert cells[-1, 0] == 127, "the last row is among those drawn"


def test_the_path_ends_in_the_last_cosine() -> None:
    html = said(ALL["en"]["path"])
    assert "0.25 after layer 2" in html
    assert "layer 1 0.500" in html
    assert "16 → 64 → 16" in html


def test_the_layers_picture_has_every_stage_and_names_few_tokens() -> None:
    html = unescape(ALL["en"]["layers"])
    stages = json.loads(re.search(r'data-places="(.*?)" data-says', html)[1])  # type: ignore[index]
    assert [len(stage) for stage in stages] == [5, 5]
    assert all(len(numbers) == 4 for stage in stages for numbers in stage), "a point and its name"
    assert stages[0] == stages[1], "the mirrored axis is turned back, so that no point jumps"
    assert 'max="1" value="1"' in html and "Embeddings: 53% of the variance" in html
    assert "After layer 1: 60% of the variance" in said(html)
    many = Map2D(tuple((float(i), 0.0) for i in range(60)), (1.0, 0.0))
    drawn = layers.render_layers(seen_by(60), (many, many), 1, 4, "en")
    assert drawn.count("data-name=") == 60 and len(re.findall(r"<text", drawn)) == 1


def test_a_pattern_is_where_most_attention_goes() -> None:
    special = [True, False, False, False, True]
    kinds = {
        "self": np.eye(5),
        "previous": np.eye(5, k=-1),
        "next": np.eye(5, k=1),
        "other": np.eye(5)[[0, 3, 0, 1, 0]],
    }
    kinds["special"] = np.repeat(np.array([[0.9, 0, 0, 0, 0.1]]), 5, axis=0)
    assert {name: pattern_of(weights, special) for name, weights in kinds.items()} == {name: name for name in kinds}
    assert pattern_of(np.ones((1, 1)), [True]) in {"special", "self", "previous", "next"}


def test_the_map_of_the_model_has_its_blocks_in_order_with_shapes_and_one_that_is_open() -> None:
    html = ALL["en"]["model map"]
    steps = re.findall(r'class="bd-block" data-step="(\w+)"', html)
    assert steps == ["what", "tokens", "specials", "embeddings", "attention", "layers", "pooling", "head",
                     "training_step", "before_after"]  # fmt: skip
    assert re.findall(r'data-step="(\w+)" aria-current="step"', html) == ["attention"]
    assert "5 tokens" in html and "5 × 16" in html and "16 × 2 + 2" in html
    assert html.count("data-dot=") == 4 and re.findall(r'data-dot="([\d-]+)" data-on', html) == ["1-2"]
    assert "Labels b 73% " in said(html)
    untrained = render_map(seen_by(trained=False), Chosen("what", 1, 1, 0), "en", tuned=False)
    assert "untrained" in untrained and "before_after" not in untrained


def test_the_map_shows_no_labels_of_a_head_that_the_checkpoint_lacks() -> None:
    for architecture, labels, shapes in (
        ("BertForTokenClassification", 7, ("16 × 7 + 7", "5 × 7")),
        ("BertForQuestionAnswering", 0, ("16 × 2 + 2", "5 × 2")),
        ("EncoderDecoderModel", 0, ()),
        ("BertForMultipleChoice", 0, ()),
    ):
        own_head = OwnHead(architecture, labels)
        html = render_map(SEEN, Chosen("head", 1, 2, 1), "en", tuned=True, own_head=own_head)
        assert all(shape in html for shape in shapes)
        assert "%" not in said(html) and "73" not in html and ("16 × 2" in html) == (own_head.outputs == 2)


def test_heads_of_other_kinds_show_their_numbers() -> None:
    assert "50.0%" in said(ALL["en"]["tags"]) and said(ALL["en"]["tags"]).count("50.0%") == 10
    assert "20.0%" in said(ALL["en"]["spans"]) and "start: logit" in said(ALL["en"]["spans"])
    assert "90.0%" in said(ALL["en"]["generated"]) and "0.200" in said(ALL["en"]["generated"])


def test_points_all_in_one_place_and_on_one_line_can_be_drawn() -> None:
    same = [draw.Dot(0, 0, "word", "a"), draw.Dot(0, 0, "word", "b")]
    line = [draw.Dot(0, 0, "word", "a"), draw.Dot(5, 0, "word", "b")]
    for dots in (same, line):
        html = draw.points(dots, 0, "map", "x", "y")
        assert "nan" not in html
        assert "inf" not in html
    assert draw.points([], None, "map", "x", "y") == ""


def test_two_groups_never_look_the_same_in_black_and_white() -> None:
    from bertdemo.ui.theme import css

    rules = re.findall(r"path(?::is\(([^)]*)\)|(\.\w+)) \{ (fill|stroke): ", css())
    filled = {name.strip(" .") for names, name, how in rules for name in (names or name).split(",") if how == "fill"}
    looks = {group: (draw._SHAPES[group], group in filled) for group in (*draw.GROUPS, "other")}
    assert len(set(looks.values()) - {looks["other"]}) == len(draw.GROUPS) - 1  # `other` is g0 in small


def test_pooling_marks_the_one_trained_with_and_says_what_is_missing() -> None:
    html = said(ALL["en"]["pooling"])
    assert "Mean of all tokens used in training" in html
    assert "0.812 –" in html
    assert "0.500 0.041" in html
    assert "no weights for it" in html
    alone = PoolingComparison(tuple(replace(row, second=None) for row in POOLING.rows), None)
    assert "Type a second sentence" in said(layers.render_pooling(alone, "en"))
    assert "used in training" not in layers.render_pooling(alone, "en")
    assert "does not say which pooling" in said(layers.render_pooling(alone, "en"))


def test_pooling_says_how_much_of_another_sentence_was_cut() -> None:
    html = said(layers.render_pooling(replace(POOLING, cut=(("second", 74), ("unrelated", 1))), "en"))
    assert "The second sentence is truncated by 74 tokens." in html
    assert "The unrelated sentence is truncated by 1 token." in html
    assert "truncated" not in ALL["en"]["pooling"]


def test_a_head_shows_its_best_labels_and_counts_the_rest() -> None:
    seen = seen_by(labels=tuple(f"label {i}" for i in range(20)))
    html = said(head.render_head(seen, "en"))
    assert "label 19 19.000" in html
    assert "label 8 8.000" in html
    assert "label 7 " not in html
    assert "8 more" in html
    assert "Untrained" not in html


def test_an_untrained_head_is_called_so_beside_chance() -> None:
    html = said(head.render_head(seen_by(labels=("a", "b", "c", "d"), trained=False), "en"))
    assert "Untrained head" in html
    assert "about 25.0%" in html


def test_logits_too_large_for_exp_can_be_drawn() -> None:
    assert "100.0%" in head.render_head(replace(SEEN, logits=(900.0, 1.0)), "en")
    assert "900" in head.render_step(replace(STEP, logits=(900.0, 1.0)), "en")


def test_fill_mask_shows_rank_and_probabilities() -> None:
    html = said(ALL["en"]["fill"])
    assert "61.0%" in html
    assert "[9]" in html
    assert "&lt;0.01%" in html
    assert "rank 1,234 with 0.04%" in html
    assert "bert-base-uncased" in head.render_cannot_fill([], "en")
    assert "These have one: mine" in head.render_fill(None, ["mine"], "en")


def test_a_training_step_is_written_out_with_its_numbers() -> None:
    html = said(ALL["en"]["step"])
    assert "= 1.649 / 6.13 = 0.2689" in html
    assert "−log 0.2689 = 1.3133" in html
    assert "layer 1 0.500" in html
    assert "pooler 2.00" in html
    assert "learning rate 2e-5, weight decay 0.01" in html
    assert "26.9% 50.0%" in html
    assert "1.3133 before, 0.6931 after" in html
    assert "stays unchanged" in html


def test_movement_is_given_in_percent() -> None:
    html = said(ALL["en"]["movement"])
    assert "embeddings 1.00%" in html
    assert "layer 2 40.0%" in html


def test_more_than_six_labels_share_one_look_and_both_maps_their_axes() -> None:
    labels = tuple(f"label {i % 8}" for i in range(17))
    there = tuple((float(i), 1.0) for i in range(17))
    html = change.render_class_map(ClassMap(there, tuple((x + 17, y) for x, y in there), labels, (0.3, 0.2)), "en")
    assert "other labels (4)" in html
    assert html.count('class="other" data-name') == 8
    first, second = html.split("bd-points")[1:3]
    assert re.findall(r' d="M[\d.]+', first) != re.findall(r' d="M[\d.]+', second), (
        "one set of axes: not the same place"
    )


def test_the_map_of_rows_can_be_read_as_a_table_of_its_labels() -> None:
    base = ((0.0, 0.0), (2.0, 0.0), (5.0, 5.0))
    tuned = ((1.0, 1.0), (1.0, 3.0), (-4.0, 0.5))
    html = said(change.render_class_map(ClassMap(base, tuned, ("a", "a", HOSTILE), (0.3, 0.2)), "en"))
    assert "a 2 1.00, 0.00 1.00 1.00, 2.00 1.00" in html
    assert "1 5.00, 5.00 0.00 -4.00, 0.50 0.00" in html
    many = tuple(f"label {i % 8}" for i in range(16))
    there = tuple((float(i), 0.0) for i in range(16))
    html = change.render_class_map(ClassMap(there, there, many, (0.3, 0.2)), "en")
    assert html.count("<tr>") == 1 + 7 and "other labels 4 " in said(html)


def test_the_largest_changes_of_attention_are_listed_by_size() -> None:
    changed = np.zeros((5, 5), dtype=np.float32)
    changed[0, 4], changed[4, 0] = -0.75, 0.5
    html = said(change.render_difference(changed, SEEN, 1, 2, "en"))
    assert "Layer 1, head 2" in html
    assert html.index("[CLS] [SEP] -0.750") < html.index("[SEP] [CLS] +0.500")


@pytest.mark.parametrize(("value", "written"), [(0.0, "0"), (1.9e-7, "2e-7"), (0.00312, "3e-3"), (9.6e-7, "1e-6")])
def test_differences_are_written_with_one_digit(value: float, written: str) -> None:
    assert draw.tiny(value) == written


@pytest.mark.parametrize(("value", "written"), [(0.15, "0.150"), (123.4, "123"), (2e-5, "2.00e-5"), (2.3, "2.30")])
def test_three_digits_are_three_digits(value: float, written: str) -> None:
    assert draw.three(value) == written
