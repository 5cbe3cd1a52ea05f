"""The lengths and the findings as they are drawn: in words too, escaped, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bertdemo.analysis.report import Example, Finding, LengthSummary, Report
from bertdemo.i18n.translation import LANGUAGES, catalogue
from bertdemo.tables.table import Table
from bertdemo.tasks.roles import LABEL, TEXT, Choice, explain
from bertdemo.ui.html.dataset import OfferedStep, reasons, render_checks, render_labels
from bertdemo.ui.html.lengths import render_lengths
from bertdemo.ui.html.primitives import histogram

ROLES = (TEXT, LABEL)

HOSTILE = "<img src=x onerror=window.__x=1>"
LENGTHS = LengthSummary(
    p50=12, p95=30, p99=40, longest=70, histogram=((8, 5), (16, 80), (24, 0), (32, 10), (40, 4), (72, 1)),
    suggested=40, cut_at_suggested=0.01, measured=100, cut=((32, 0.05), (40, 0.01), (64, 0.01), (128, 0.0)),
)  # fmt: skip
QUOTED = Example(HOSTILE + "x" * 400, (5, 9), (HOSTILE, "b"))
FINDING = Finding("warn", "conflicting_labels", {"texts": 1, "rows": 2}, (5, 9), (QUOTED,))
TABLE = Table(
    "t.csv",
    {"what": tuple(f"this is what they say, number {i}" for i in range(40)), "kind": ("a", "b") * 20},
    tuple(range(2, 42)),
)


def report(*findings: Finding) -> Report:
    return Report("classification", {"text": "what", "label": "kind"}, 100, 100, (("a", 60), ("b", 40)), findings,
                  LENGTHS, ("a", 0.6), {"train": 80, "validation": 20, "test": 0}, {})  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_picture_of_the_lengths_is_also_a_sentence_and_a_table(lang: str) -> None:
    drawn = render_lengths(LENGTHS, lang)
    label = re.search(r'role="img" aria-label="([^"]+)"', drawn)
    assert label and all(number in label[1] for number in ("12", "30", "70"))
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", drawn)
    assert cells[:4] == ["1–8", "5", "9–16", "80"] and len(cells) == 2 * len(LENGTHS.histogram)
    assert re.findall(r'class="n">([\d.]+%)<', drawn) == ["5.0%", "1.0%", "1.0%", "0%"]
    names = re.findall(r'class="name">([^<]*)<', drawn)
    assert [name for name in names if not name.isdigit()] == [names[1]] and "40" in names[1]


def test_only_bars_beyond_the_mark_are_hollow_and_a_single_text_can_be_seen() -> None:
    drawn = histogram(LENGTHS.histogram, "words", 40, "here", ("0", "72"))
    assert re.findall(r'<i class="(\w+)" style="height:([\d.]+)%"', drawn) == [
        ("fits", "6.2"), ("fits", "100.0"), ("fits", "0.0"), ("fits", "12.5"), ("fits", "5.0"), ("over", "2.0"),
    ]  # fmt: skip
    assert 'style="left:55.6%"' in drawn
    assert HOSTILE not in histogram(((8, 1),), HOSTILE, 8, HOSTILE, (HOSTILE, HOSTILE))


def test_nothing_measured_draws_nothing() -> None:
    assert render_lengths(LengthSummary(0, 0, 0, 0, (), 16, 0.0, 0), "en") == ""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_finding_names_its_rows_and_quotes_its_texts_cut_and_escaped(lang: str) -> None:
    drawn = render_checks(report(FINDING), (), (), (), lang)
    assert "<img" not in drawn and "&lt;img" in drawn and "x" * 200 not in drawn
    assert re.search(r"<summary>[^<]*5, 9", drawn) and drawn.count("<q>") == 1 and "data-step" not in drawn
    many = Finding("warn", "text_missing", {"count": 30, "column": "what"}, tuple(range(2, 22)))
    assert "2, 3, 4, 5, 6, 7, 8, 9 …" in render_checks(report(many), (), (), (), lang)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_warning_has_its_own_fix_on_its_line_and_what_passed_is_folded(lang: str) -> None:
    passed = Finding("pass", "no_missing", {"rows": 100})
    steps = (OfferedStep("drop_conflicts", 2, chosen=False), OfferedStep("drop_rare", 1, chosen=False))
    drawn = render_checks(report(FINDING, passed), (), steps, (), lang)
    first, second = re.findall(r'<div class="bd-check-line warn">.*?</button></span></div>', drawn)
    assert 'data-step="drop_conflicts"' in first and 'data-step="drop_rare"' in second
    assert "<summary>✓ 1 " in drawn and drawn.index("<summary>✓") > drawn.index("drop_rare")


def test_the_most_frequent_label_has_the_full_bar_and_many_labels_have_a_search() -> None:
    drawn = render_labels(report(), "en")
    assert re.findall(r'aria-valuenow="([\d.]+)"', drawn) == ["100.0", "66.7"] and "bd-search" not in drawn
    many = replace(report(), labels=tuple((f"{HOSTILE}{i} " + "x" * 200, 3) for i in range(150)))
    drawn = render_labels(many, "zh")
    assert drawn.count("data-label=") == 150 and "bd-search" in drawn and "<img" not in drawn


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_guessed_column_says_why_and_a_corrected_one_says_nothing(lang: str) -> None:
    guessed = {choice.role: choice.column for choice in explain(TABLE, ROLES)}
    why = reasons(TABLE, ROLES, guessed, lang)
    assert set(why) == {"text", "label"} and "what" in why["text"] and "2" in why["label"]
    assert set(reasons(TABLE, ROLES, {"text": "what", "label": "what"}, lang)) == {"text"}
    assert reasons(TABLE, ROLES, {"text": "kind", "label": "what"}, lang) == {}
    assert reasons(Table("t", {"a": (None,)}, (2,)), ROLES, {"text": "a", "label": "a"}, lang) == {}


def test_every_reason_has_its_sentence() -> None:
    assert Choice._fields == ("role", "column", "reason", "values")
    reasons_known = {key.removeprefix("reason.") for key in catalogue("en") if key.startswith("reason.")}
    assert {choice.reason for choice in explain(TABLE, ROLES)} <= reasons_known
