"""Self-attention as pictures: the weights that are sent are the model's, and what a switch changes is said in words."""

from __future__ import annotations

import base64
import math
import re
import zlib
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from bertdemo.anatomy.geometry import cosine
from bertdemo.anatomy.layers import Ablation, Embeddings, HeadTrace, LayerTrace
from bertdemo.anatomy.tokens import Token
from bertdemo.i18n.translation import LANGUAGES, percent, translate
from bertdemo.ui.inside.html import attention as draw
from bertdemo.ui.inside.html.attention import View
from tests.ui.html.test_primitives import HOSTILE, hostile_trace, read, token

OURS = {
    "div", "span", "p", "b", "i", "s", "h2", "small", "code", "table", "thead", "tbody", "tr", "th", "td", "svg",
    "canvas", "output", "button", "details", "summary", "pre",
}  # fmt: skip
LAYERS, HEADS, WIDTH = 3, 4, 32
D_K = WIDTH // HEADS
TOLERANCE = 1 / 65535
RENORMALIZED = {"en": "renormalized", "zh": "重新归一化"}


def soft(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True)).astype(np.float32)


def tokens_of(n: int, pair: bool) -> tuple[Token, ...]:
    """[CLS], words of the first text, [SEP] and, with a pair, as many words and a second [SEP]."""
    middle = n // 2 if pair else n - 1
    found = [token(0, "[CLS]", source="", sequence=None)]
    for i in range(1, n):
        if i in {middle, n - 1}:
            found.append(token(i, "[SEP]", source="", sequence=None))
        else:
            found.append(token(i, HOSTILE if i % 3 == 1 else f"w{i}", sequence=int(i > middle)))
    return tuple(found)


def seen_by(n: int = 9, *, pair: bool = False, labels: tuple[str, ...] = (HOSTILE, "b")) -> LayerTrace:
    random = np.random.default_rng(n)
    made = {name: random.normal(size=(n, WIDTH)).astype(np.float32) for name in ("word", "position", "segment")}
    total = sum(made.values())
    trace = replace(
        hostile_trace(), tokens=tokens_of(n, pair), dropped=(), dropped_pieces=0, pair=HOSTILE if pair else ""
    )
    return LayerTrace(
        trace=trace, layers=LAYERS, heads=HEADS, width=WIDTH, inner=64, positions=512,
        embeddings=Embeddings(**made, total=total, normed=total / 2),
        hidden=random.normal(size=(LAYERS + 1, n, WIDTH)).astype(np.float32),
        attentions=soft(random.normal(size=(LAYERS, HEADS, n, n)) * 2),
        pooled={name: random.normal(size=WIDTH).astype(np.float32) for name in ("cls", "pooler", "mean", "max")},
        labels=labels, logits=tuple(float(i) for i in range(len(labels))), head_trained=True,
        checks={"embeddings": 2.4e-7, "head": 0.0},
    )  # fmt: skip


def head_in(seen: LayerTrace, layer: int = 2, head: int = 3) -> tuple[LayerTrace, HeadTrace]:
    """A head whose numbers belong together, and the trace with its weights in their place."""
    random = np.random.default_rng(layer * 10 + head)
    n = len(seen.trace.tokens)
    query, key, value = (random.normal(size=(n, D_K)).astype(np.float32) * 2 for _ in range(3))
    products = query @ key.T
    scores = products / np.float32(math.sqrt(D_K))
    weights = soft(scores)
    attentions = seen.attentions.copy()
    attentions[layer - 1, head - 1] = weights
    found = HeadTrace(
        layer=layer, head=head, query=query, key=key, value=value, products=products, scores=scores, weights=weights,
        context=weights @ value, difference=1.9e-7, layer_difference=9.5e-7,
    )  # fmt: skip
    return replace(seen, attentions=attentions), found


SEEN, HEAD = head_in(seen_by())
PAIR, PAIR_HEAD = head_in(seen_by(12, pair=True))
HIDDEN = View(hide_special=True)
CUT = Ablation(2, 3, SEEN.hidden[-1] / 2, {name: vector + 1 for name, vector in SEEN.pooled.items()}, (3.0, 1.0))


def everything(lang: str) -> dict[str, str]:
    return {
        "overview": draw.render_overview(SEEN, 2, 3, lang),
        "arcs": draw.render_arcs(SEEN, 1, lang),
        "matrix": draw.render_matrix(SEEN, HEAD, View(), lang),
        "matrix of a pair": draw.render_matrix(PAIR, PAIR_HEAD, View(hide_special=True, across=True), lang),
        "numbers": draw.render_numbers(SEEN, HEAD, 1, View(), lang),
        "numbers of nothing": draw.render_numbers(SEEN, HEAD, 0, HIDDEN, lang),
        "ablation": draw.render_ablation(SEEN, CUT, lang),
    }


ALL = {lang: everything(lang) for lang in LANGUAGES}


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def decoded(html: str, kind: type[np.generic] = np.uint16) -> np.ndarray:
    found = re.search(r'data-z="([^"]+)"', html)
    assert found
    return np.frombuffer(zlib.decompress(base64.b64decode(found[1])), np.dtype(kind).newbyteorder("<"))


def matrix(seen: LayerTrace, head: HeadTrace, view: View) -> np.ndarray:
    html = draw.render_matrix(seen, head, view, "en")
    n = len(seen.trace.tokens)
    assert f'data-n="{n}"' in html
    return decoded(html).reshape(n, n) / 65535


def rows_of(html: str, number: int) -> list[list[str]]:
    body = re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL)[number]
    return [
        [said(cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


# --- text stays text, and every picture has words -----------------------------------------------------------


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
    html = ALL[lang][name]
    for tag in re.findall(r"<(?:svg|canvas|div|span)\b[^>]*>", html):
        if re.search(r'role="(?:img|group|meter)"', tag):
            assert re.search(r'aria-label="[^"]+"', tag), tag
        elif tag.startswith(("<svg", "<canvas")):
            assert 'aria-hidden="true"' in tag
    assert re.sub(r"\W", "", said(html))


@pytest.mark.parametrize("name", ALL["en"])
def test_the_two_languages_differ_and_no_message_is_left_unfilled(name: str) -> None:
    assert said(ALL["en"][name]) != said(ALL["zh"][name])
    for lang in LANGUAGES:
        words = said(ALL[lang][name]).replace(HOSTILE, "")
        assert not re.search(r"\{\w+\}|inside\.\w+", words), words
    assert re.search("[\u4e00-\u9fff]", said(ALL["zh"][name]))


# --- all heads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_overview_has_one_named_button_a_head_and_one_is_pressed(lang: str) -> None:
    html = draw.render_overview(SEEN, 2, 3, lang)
    buttons = re.findall(r"<button\b[^>]*>", html)
    assert len(buttons) == LAYERS * HEADS
    where = [re.search(r'data-layer="(\d+)" data-head="(\d+)"', button) for button in buttons]
    places = [tuple(map(int, found.groups())) for found in where if found]
    assert places == [(layer, head) for layer in range(1, LAYERS + 1) for head in range(1, HEADS + 1)]
    for button, (layer, head) in zip(buttons, places, strict=True):
        label = translate(lang, "inside.attention.head", layer=layer, head=head)
        assert re.search(f'aria-label="{label}[:：]', button)
        assert ('aria-pressed="true"' in button) == ((layer, head) == (2, 3))
        assert 'type="button"' in button
    assert f'data-layers="{LAYERS}" data-heads="{HEADS}"' in html


def test_the_overview_sends_every_weight_of_a_short_text() -> None:
    html = draw.render_overview(SEEN, 1, 1, "en")
    assert 'data-side="9"' in html
    sent = decoded(html, np.uint8).reshape(LAYERS, HEADS, 9, 9) / 255
    assert abs(sent - SEEN.attentions).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("n", [25, 100, 512])
def test_the_overview_of_a_long_text_keeps_the_strongest_weights(n: int) -> None:
    seen = seen_by(n)
    seen.attentions[1, 2] = 0
    seen.attentions[1, 2, n - 1, 5] = 1
    html = draw.render_overview(seen, 1, 1, "en")
    sent = decoded(html, np.uint8).reshape(LAYERS, HEADS, 24, 24)
    assert sent[1, 2].max() == 255
    assert (sent[1, 2] > 0).sum() == 1
    assert sent[1, 2, 23].any(), "the last position stands at the end"
    assert abs(sent.reshape(LAYERS, HEADS, -1).max(-1) / 255 - seen.attentions.max((-1, -2))).max() <= 0.5 / 255 + 1e-6
    assert len(html) < 30_000


# --- one head -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 9, 128])
def test_the_matrix_sends_the_models_weights_and_every_row_sums_to_one(n: int) -> None:
    seen, head = head_in(seen_by(n))
    sent = matrix(seen, head, View())
    assert abs(sent - head.weights).max() <= 0.5 * TOLERANCE + 1e-7
    assert abs(sent.sum(-1) - 1).max() <= n * TOLERANCE


def test_hidden_specials_leave_rows_that_sum_to_one_again_in_the_same_proportions() -> None:
    for seen, head in ((SEEN, HEAD), (PAIR, PAIR_HEAD)):
        special = [one.position for one in seen.trace.tokens if one.special]
        others = [one.position for one in seen.trace.tokens if not one.special]
        before = head.weights.copy()
        sent = matrix(seen, head, HIDDEN)
        assert (sent[:, special] == 0).all()
        assert (sent[special] == 0).all()
        assert abs(sent[others].sum(-1) - 1).max() <= len(sent) * TOLERANCE
        kept = head.weights[np.ix_(others, others)]
        assert abs(sent[np.ix_(others, others)] - kept / kept.sum(-1, keepdims=True)).max() <= TOLERANCE
        assert np.array_equal(head.weights, before), "the model's own weights are left as they are"


def test_across_shows_what_the_first_text_gives_to_the_second_and_nothing_else() -> None:
    sequence = np.array([-1 if one.sequence is None else one.sequence for one in PAIR.trace.tokens])
    kept = (sequence[:, None] == 0) & (sequence[None] == 1)
    assert kept.sum() == 5 * 4
    sent = matrix(PAIR, PAIR_HEAD, View(across=True))
    assert (sent[~kept] == 0).all()
    assert abs(sent[kept] - PAIR_HEAD.weights[kept]).max() <= TOLERANCE
    assert (matrix(SEEN, HEAD, View(across=True)) == matrix(SEEN, HEAD, View())).all(), "one text has no other side"
    both = matrix(PAIR, PAIR_HEAD, View(hide_special=True, across=True))
    assert (both[~kept] == 0).all()
    assert (both[kept] >= sent[kept]).all()
    assert both.sum() > 1.01 * sent.sum(), "what the special pieces had is shared out before the first text is cut out"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_switch_leaves_out_is_said_beside_the_matrix(lang: str) -> None:
    hidden, across = (translate(lang, f"inside.attention.{name}") for name in ("hidden_special", "only_across"))
    assert RENORMALIZED[lang] in hidden
    for view in (View(), HIDDEN, View(across=True), View(hide_special=True, across=True)):
        words = said(draw.render_matrix(PAIR, PAIR_HEAD, view, lang))
        assert (hidden in words, across in words) == (view.hide_special, view.across)
    assert across not in said(draw.render_matrix(SEEN, HEAD, View(across=True), lang))


def test_a_stretched_scale_is_flagged_and_named_with_its_largest_weight() -> None:
    plain, stretched = (draw.render_matrix(SEEN, HEAD, View(stretched=on), "en") for on in (False, True))
    assert re.search(r'role="img" tabindex="0" aria-label="Attention of layer 2, head 3: 9 rows', plain)
    assert 'data-stretched="1"' in stretched
    assert "data-stretched" not in plain
    assert "Full color is 1." in said(plain)
    assert f"Full color is {HEAD.weights.max():.3f}." in said(stretched)
    assert (decoded(plain) == decoded(stretched)).all(), "only the colors change"
    hidden = draw.render_matrix(SEEN, HEAD, View(hide_special=True, stretched=True), "en")
    assert f"Full color is {draw.shown_weights(SEEN, HEAD, HIDDEN).max():.3f}." in said(hidden)


# --- the numbers of one token -------------------------------------------------------------------------------


@pytest.mark.parametrize(("chosen", "view"), [(1, View()), (4, View()), (8, View()), (4, HIDDEN)])
def test_the_top_five_are_the_largest_weights_in_order(chosen: int, view: View) -> None:
    weights = draw.shown_weights(SEEN, HEAD, view)[chosen]
    found = rows_of(draw.render_numbers(SEEN, HEAD, chosen, view, "en"), 0)
    wanted = sorted(weights, reverse=True)[:5]
    assert [row[2] for row in found] == [f"{weight:.3f}" for weight in wanted]
    for piece, position, weight, _ in found:
        assert piece == SEEN.trace.tokens[int(position)].piece
        assert f"{weights[int(position)]:.3f}" == weight
    assert len({row[1] for row in found}) == 5
    html = draw.render_numbers(SEEN, HEAD, chosen, view, "en")
    shares = [float(share) for share in re.findall(r'aria-valuenow="([\d.]+)"', html)]
    assert shares == pytest.approx([100 * float(weight) for weight in wanted], abs=0.06)


def test_the_sum_of_the_row_is_the_one_that_is_shown() -> None:
    assert "This row sums to 1.000." in said(draw.render_numbers(SEEN, HEAD, 1, View(), "en"))
    assert "This row sums to 1.000." in said(draw.render_numbers(SEEN, HEAD, 1, HIDDEN, "en"))
    across = View(across=True)
    total = draw.shown_weights(PAIR, PAIR_HEAD, across)[1].sum()
    assert 0 < total < 0.999
    assert f"This row sums to {total:.3f}." in said(draw.render_numbers(PAIR, PAIR_HEAD, 1, across, "en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_row_with_nothing_left_says_so(lang: str) -> None:
    nothing = translate(lang, "inside.attention.nothing")
    assert nothing in said(ALL[lang]["numbers of nothing"])
    assert 'role="meter"' not in ALL[lang]["numbers of nothing"]
    assert nothing not in said(ALL[lang]["numbers"])


@pytest.mark.parametrize("chosen", [0, 1, 8])
def test_the_formula_has_the_numbers_of_this_query(chosen: int) -> None:
    html = draw.render_numbers(SEEN, HEAD, chosen, View(), "en")
    rows = rows_of(html, 1)
    assert len(rows) == 9
    for i, (name, product, score, weight) in enumerate(rows):
        assert name == f"{i} {SEEN.trace.tokens[i].piece}"
        q_k = float(HEAD.query[chosen] @ HEAD.key[i])
        assert float(product) == pytest.approx(q_k, abs=6e-4)
        assert float(score) == pytest.approx(q_k / math.sqrt(D_K), abs=6e-4)
        assert float(weight) == pytest.approx(float(HEAD.weights[chosen, i]), abs=6e-5)
    hidden = draw.render_numbers(SEEN, HEAD, chosen, HIDDEN, "en")
    assert rows_of(hidden, -1) == rows, "a switch leaves the formula to the model's own numbers"
    scores = np.array([float(row[2]) for row in rows])
    assert soft(scores) == pytest.approx([float(row[3]) for row in rows], abs=1e-3), "softmax of what stands there"


def test_the_formula_computes_d_k_and_names_the_strongest_key() -> None:
    words = said(draw.render_numbers(SEEN, HEAD, 4, View(), "en"))
    assert f"d_k = {WIDTH} / {HEADS} = {D_K}, √d_k = {math.sqrt(D_K):.3f}" in words
    best = int(HEAD.weights[4].argmax())
    wanted = (HEAD.products[4, best], HEAD.scores[4, best], HEAD.weights[4, best])
    assert (
        f"q of “{SEEN.trace.tokens[4].piece}” · k of “{SEEN.trace.tokens[best].piece}” = {wanted[0]:.3f}; "
        f"divided by {math.sqrt(D_K):.3f} "
        f"that is {wanted[1]:.3f}; softmax over 9 keys makes it {wanted[2]:.4f}."
    ) in words
    assert ", ".join(f"{value:.3f}" for value in (HEAD.weights[4] @ HEAD.value)[:6]) in words
    assert f"the head’s {D_K} numbers" in words
    wider = draw.render_numbers(replace(SEEN, width=768, heads=12), HEAD, 4, View(), "en")
    assert "768 / 12 = 64, √d_k = 8.000" in said(wider)


def test_the_strips_carry_the_query_and_the_weighted_values() -> None:
    html = draw.render_numbers(SEEN, HEAD, 4, View(), "en")
    sent = [np.frombuffer(zlib.decompress(base64.b64decode(z)), "<f4") for z in re.findall(r'data-z="([^"]+)"', html)]
    assert len(sent) == 2
    assert np.array_equal(sent[0], HEAD.query[4])
    assert np.array_equal(sent[1], HEAD.context[4])


def test_a_check_is_ticked_only_where_it_held() -> None:
    held = said(ALL["en"]["numbers"])
    assert "✓ weights recomputed from Q and K: differ by 2e-7" in held
    assert "✓ whole layer recomputed from Q, K and V: differs by 1e-6" in held
    broken = said(draw.render_numbers(SEEN, replace(HEAD, difference=0.002), 4, View(), "en"))
    assert "✗ weights recomputed from Q and K: differ by 2e-3" in broken
    assert "✓ whole layer" in broken


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_button_of_a_head_says_what_is_painted_on_it(lang: str) -> None:
    for seen in (SEEN, PAIR):
        html, n = draw.render_overview(seen, 2, 3, lang), len(seen.trace.tokens)
        labels = [unescape(one) for one in re.findall(r'<button[^>]* aria-label="([^"]*)"', html)]
        assert len(labels) == LAYERS * HEADS == len(set(labels))
        ends = [n - 1] if seen is SEEN else [n // 2, n - 1]
        for label, weights in zip(labels, seen.attentions.reshape(-1, n, n), strict=True):
            on_cls, on_sep = (percent(float(weights[:, columns].sum(1).mean()), 0) for columns in ([0], ends))
            said_of = translate(lang, "inside.attention.cell", layer="@", head="@", cls=on_cls, sep=on_sep,
                                most=f"{weights.max():.2f}")  # fmt: skip
            assert label.endswith(said_of.rpartition("@")[2]), label


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_one_of_many_keys_can_be_read_in_one_element(lang: str) -> None:
    seen, head = head_in(seen_by(60))
    html = draw.render_numbers(seen, head, 7, View(), lang)
    found = re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)
    assert len(found) == 1
    first, *lines = unescape(found[0]).splitlines()
    assert "q·k" in first and "softmax" in first and len(lines) == 60
    for i, line in enumerate(lines):
        product, score, weight, position = line.split()[:4]
        assert (int(position), line.endswith(f"  {i} {seen.trace.tokens[i].piece}")) == (i, True)
        assert float(product) == pytest.approx(float(head.products[7, i]), abs=6e-4)
        assert float(score) == pytest.approx(float(head.scores[7, i]), abs=6e-4)
        assert float(weight) == pytest.approx(float(head.weights[7, i]), abs=6e-5)
    assert "<pre" not in draw.render_numbers(SEEN, HEAD, 1, View(), lang), "the table has them all"


def test_of_many_keys_the_strongest_are_listed_and_the_rest_added_up() -> None:
    seen, head = head_in(seen_by(60))
    rows = rows_of(draw.render_numbers(seen, head, 7, View(), "en"), 1)
    assert len(rows) == draw._BEST_KEYS + 1
    positions = [int(row[0].split()[0]) for row in rows[:-1]]
    assert positions == sorted(np.argsort(-head.weights[7], kind="stable")[: draw._BEST_KEYS])
    assert rows[-1][0] == f"the other {60 - draw._BEST_KEYS} keys"
    rest = [i for i in range(60) if i not in positions]
    assert float(rows[-1][3]) == pytest.approx(float(head.weights[7, rest].sum()), abs=6e-5)


def test_one_token_among_the_arcs_is_pressed() -> None:
    html = draw.render_arcs(SEEN, 4, "en")
    assert re.findall(r'data-token="(\d+)"', html) == [str(i) for i in range(9)]
    assert re.findall(r'data-token="(\d+)"[^>]* aria-pressed="true"', html) == ["4"]


def test_512_tokens_cost_fewer_than_700_elements() -> None:
    seen, head = head_in(seen_by(512))
    parts = {
        "arcs": draw.render_arcs(seen, 3, "en"),
        "numbers": draw.render_numbers(seen, head, 3, View(), "en"),
        "matrix": draw.render_matrix(seen, head, View(), "en"),
    }
    counts = {name: len(read(html).tags) for name, html in parts.items()}
    assert counts["arcs"] >= 512
    assert sum(counts.values()) < 700, counts


# --- a head switched off ------------------------------------------------------------------------------------


def test_a_silenced_head_shows_cosines_and_probabilities() -> None:
    html = draw.render_ablation(SEEN, CUT, "en")
    vectors, labels = rows_of(html, 0), rows_of(html, 1)
    assert [float(row[1]) for row in vectors] == pytest.approx(
        [cosine(vector, CUT.pooled[name]) for name, vector in SEEN.pooled.items()], abs=6e-5
    )
    after = soft(np.array(CUT.logits))
    assert labels == [
        ["b", percent(SEEN.probabilities[1]), percent(float(after[1]))],
        [HOSTILE, percent(SEEN.probabilities[0]), percent(float(after[0]))],
    ]
    assert "layer 2, head 3 switched off" in said(html)
    untrained = draw.render_ablation(replace(SEEN, head_trained=False), CUT, "en")
    assert untrained.count("<tbody>") == 1
    assert HOSTILE not in said(untrained), "labels that were never trained say nothing"
