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
        "attention": draw.render_attention(SEEN, HEAD, View(), 1, lang),
        "attention of a pair": draw.render_attention(PAIR, PAIR_HEAD, View(hide_special=True, across=True), 1, lang),
        "side": draw.render_side(SEEN, HEAD, 1, View(), lang, HOSTILE),
        "side of nothing": draw.render_side(SEEN, HEAD, 0, HIDDEN, lang),
        "numbers": draw.render_numbers(SEEN, HEAD, 1, lang),
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
    html = draw.render_attention(seen, head, view, 1, "en")
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
        label = {"en": f"Layer {layer}, head {head}:", "zh": f"第 {layer} 层第 {head} 个头："}[lang]
        assert f'aria-label="{label}' in button
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
        words = said(draw.render_attention(PAIR, PAIR_HEAD, view, 1, lang))
        assert (hidden in words, across in words) == (view.hide_special, view.across)
    assert across not in said(draw.render_attention(SEEN, HEAD, View(across=True), 1, lang))


def test_a_stretched_scale_is_flagged_and_named_with_its_largest_weight() -> None:
    plain, stretched = (draw.render_attention(SEEN, HEAD, View(stretched=on), 1, "en") for on in (False, True))
    assert re.search(r'role="img" tabindex="0" aria-label="Attention of layer 2, head 3: 9 rows', plain)
    assert 'data-stretched="1"' in stretched
    assert "data-stretched" not in plain
    assert "Darkest = 1." in said(plain)
    assert f"Darkest = {HEAD.weights.max():.3f}." in said(stretched)
    assert (decoded(plain) == decoded(stretched)).all(), "only the colors change"
    hidden = draw.render_attention(SEEN, HEAD, View(hide_special=True, stretched=True), 1, "en")
    assert f"Darkest = {draw.shown_weights(SEEN, HEAD, HIDDEN).max():.3f}." in said(hidden)


# --- the numbers of one token -------------------------------------------------------------------------------


@pytest.mark.parametrize(("chosen", "view"), [(1, View()), (4, View()), (8, View()), (4, HIDDEN)])
def test_the_five_bars_are_the_largest_weights_in_order(chosen: int, view: View) -> None:
    weights = draw.shown_weights(SEEN, HEAD, view)[chosen]
    html = draw.render_side(SEEN, HEAD, chosen, view, "en")
    wanted = sorted(weights, reverse=True)[:5]
    assert re.findall(r'class="n">([^<]*)<', html) == [f"{weight:.3f}" for weight in wanted]
    shares = [float(share) for share in re.findall(r'aria-valuenow="([\d.]+)"', html)]
    assert shares == pytest.approx([100 * float(weight) for weight in wanted], abs=0.06)
    assert f"Layer 2, head 3: “{SEEN.trace.tokens[chosen].piece}” attends to" in unescape(said(html))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_row_with_nothing_left_says_so(lang: str) -> None:
    nothing = translate(lang, "inside.attention.nothing")
    assert nothing in said(ALL[lang]["side of nothing"])
    assert 'role="meter"' not in ALL[lang]["side of nothing"]
    assert nothing not in said(ALL[lang]["side"])


def test_an_empty_view_says_why_with_the_share_that_the_page_fills_in() -> None:
    one, pair = (
        unescape(re.search(r'data-none="([^"]*)"', html)[1])  # type: ignore[index]
        for html in (ALL["en"]["attention"], ALL["en"]["attention of a pair"])
    )
    assert "0.000" in one and "0.000" in pair and "second text" in pair and "second text" not in one


@pytest.mark.parametrize("n", [9, 32, 40])
def test_both_axes_of_the_matrix_have_the_names_of_the_tokens(n: int) -> None:
    seen, head = head_in(seen_by(n))
    html = draw.render_attention(seen, head, View(), 1, "en")
    for side in ("top", "left"):
        axis = re.search(rf'<div class="{side}"[^>]*>(.*?)</div>', html)
        assert axis
        names = [unescape(name) for name in re.findall(r"<span>(.*?)</span>", axis[1])]
        assert len(names) == n
        if n <= 32:
            assert all(names) and names[2] == seen.trace.tokens[2].piece
        else:
            assert [bool(name) for name in names] == [i % 10 == 0 for i in range(n)]


@pytest.mark.parametrize("chosen", [0, 1, 8])
def test_the_formula_has_the_numbers_of_this_query(chosen: int) -> None:
    html = draw.render_numbers(SEEN, HEAD, chosen, "en")
    rows = rows_of(html, 0)
    assert len(rows) == 9
    for i, (name, product, score, weight) in enumerate(rows):
        assert name == f"{i} {SEEN.trace.tokens[i].piece}"
        q_k = float(HEAD.query[chosen] @ HEAD.key[i])
        assert float(product) == pytest.approx(q_k, abs=6e-4)
        assert float(score) == pytest.approx(q_k / math.sqrt(D_K), abs=6e-4)
        assert float(weight) == pytest.approx(float(HEAD.weights[chosen, i]), abs=6e-5)
    scores = np.array([float(row[2]) for row in rows])
    assert soft(scores) == pytest.approx([float(row[3]) for row in rows], abs=1e-3), "softmax of what stands there"


def test_the_softmax_is_written_out_with_the_rows_own_denominator() -> None:
    words = said(draw.render_numbers(SEEN, HEAD, 4, "en"))
    assert f"d_k = {WIDTH} / {HEADS} = {D_K}, √d_k = {math.sqrt(D_K):.3f}" in words
    best = int(HEAD.weights[4].argmax())
    product, score, weight = (float(numbers[4, best]) for numbers in (HEAD.products, HEAD.scores, HEAD.weights))
    total = float(np.exp(HEAD.scores[4].astype(float)).sum())
    assert f"s = q·k / √d_k = {product:.3f} / {math.sqrt(D_K):.3f} = {score:.3f}" in words
    assert f"Z = Σ_k exp(s_k) = {total:.3f}" in words
    assert f"weight_j = exp(s_j) / Z = {math.exp(score):.3f} / {total:.3f} = {weight:.4f}" in words
    assert f"Z = Σ_k exp(s_k) = {total:.3f}" not in said(draw.render_numbers(SEEN, HEAD, 5, "en")), "one Z per row"
    wider = draw.render_numbers(replace(SEEN, width=768, heads=12), HEAD, 4, "en")
    assert "768 / 12 = 64, √d_k = 8.000" in said(wider)


def test_the_strips_carry_query_key_value_and_context() -> None:
    html = draw.render_numbers(SEEN, HEAD, 4, "en")
    sent = [np.frombuffer(zlib.decompress(base64.b64decode(z)), "<f4") for z in re.findall(r'data-z="([^"]+)"', html)]
    best = int(HEAD.weights[4].argmax())
    wanted = (HEAD.query[4], HEAD.key[best], HEAD.value[best], HEAD.context[4])
    assert len(sent) == 4 and all(np.array_equal(a, b) for a, b in zip(sent, wanted, strict=True))


def test_the_check_is_ticked_only_where_it_held_and_names_the_larger_difference() -> None:
    assert "✓ recomputed from Q, K, V: differs by 1e-6" in said(ALL["en"]["side"])
    broken = said(draw.render_side(SEEN, replace(HEAD, difference=0.002), 4, View(), "en"))
    assert "✗ recomputed from Q, K, V: differs by 2e-3" in broken


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
    html = draw.render_numbers(seen, head, 7, lang)
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
    assert "<pre" not in draw.render_numbers(SEEN, HEAD, 1, lang), "the table has them all"


def test_of_many_keys_the_strongest_are_listed_and_the_rest_added_up() -> None:
    seen, head = head_in(seen_by(60))
    rows = rows_of(draw.render_numbers(seen, head, 7, "en"), 0)
    assert len(rows) == draw._BEST_KEYS + 1
    positions = [int(row[0].split()[0]) for row in rows[:-1]]
    assert positions == sorted(np.argsort(-head.weights[7], kind="stable")[: draw._BEST_KEYS])
    assert rows[-1][0] == f"{60 - draw._BEST_KEYS} other keys"
    rest = [i for i in range(60) if i not in positions]
    assert float(rows[-1][3]) == pytest.approx(float(head.weights[7, rest].sum()), abs=6e-5)


def test_one_token_among_the_arcs_is_pressed() -> None:
    html = draw.render_attention(SEEN, HEAD, View(), 4, "en")
    assert re.findall(r'data-token="(\d+)"', html) == [str(i) for i in range(9)]
    assert re.findall(r'data-token="(\d+)"[^>]* aria-pressed="true"', html) == ["4"]


def test_512_tokens_cost_few_elements_each() -> None:
    seen, head = head_in(seen_by(512))
    parts = (draw.render_attention(seen, head, View(), 3, "en"), draw.render_numbers(seen, head, 3, "en"))
    assert sum(len(read(html).tags) for html in parts) < 3.5 * 512, "a button, and a name on each axis"


# --- an ablated head ------------------------------------------------------------------------------------


def test_an_ablated_head_shows_cosines_and_probabilities() -> None:
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
    assert "Layer 2, head 3 ablated" in said(html)
    untrained = draw.render_ablation(replace(SEEN, head_trained=False), CUT, "en")
    assert untrained.count("<tbody>") == 1
    assert HOSTILE not in said(untrained), "labels that were never trained say nothing"
