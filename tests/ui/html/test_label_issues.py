"""Suspect labels as a person reads them: which rows of which part, what stands there, what was done."""

from __future__ import annotations

import re

import pytest

from bertdemo.analysis.label_issue_search import Listed, Looked
from bertdemo.analysis.label_issues import LabelIssue
from bertdemo.i18n.translation import LANGUAGES, plural, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.request import RunRequest
from bertdemo.ui.fine_tune.dataset_state import Picked, Source
from bertdemo.ui.fine_tune.label_issues_panel import Seen
from bertdemo.ui.html.label_issues import SHOWN, relabel_words, render_relabels, render_suspects
from bertdemo.ui.runs.html.inputs import render_request
from tests.ui.html.test_primitives import HOSTILE, read
from tests.ui.html.test_runs import OURS, finished


def listed(n: int, text: str = "a text", given: str = "yes", suggested: str = "no") -> tuple[Listed, ...]:
    return tuple(Listed(2 + i, f"{text} {i}", LabelIssue(i, given, suggested, 0.01 + i / 1000, 0.97)) for i in range(n))


def looked(n: int, rows: int = 480, usable: int = 480, rare: tuple[int, int] = (0, 0)) -> Looked:
    return Looked(listed(n), rows, usable, *rare, "a model")


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.replace("&nbsp;", " ")).split())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_row_is_a_named_box_with_both_labels_and_how_probable_they_are(lang: str) -> None:
    found = looked(3)
    html = render_suspects(found, found.found, lang)
    assert re.findall(r'<label><input type="checkbox" data-row="(\d+)">', html) == ["2", "3", "4"]
    said = words(html)
    assert plural(lang, "suspects.found", 3, rows="480") in said and "yes 1% → no 97%" in said
    assert f"{translate(lang, 'suspects.row', n='4')} a text 2" in said
    assert "data-count" in html and translate(lang, "suspects.sampled", rows="480", usable="480") not in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_worst_stand_first_and_the_next_follow_when_these_are_dealt_with(lang: str) -> None:
    found = looked(SHOWN + 20)
    html = render_suspects(found, found.found, lang)
    assert re.findall(r'data-row="(\d+)"', html) == [str(2 + i) for i in range(SHOWN)]
    assert translate(lang, "suspects.worst", shown=SHOWN, n=SHOWN + 20) in words(html)
    later = render_suspects(found, found.found[30:], lang)
    assert re.findall(r'data-row="(\d+)"', later) == [str(32 + i) for i in range(40)]
    assert translate(lang, "suspects.all_done") in words(render_suspects(found, (), lang))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_found_a_sample_and_what_was_passed_over_are_said(lang: str) -> None:
    nothing = words(render_suspects(looked(0), (), lang))
    assert plural(lang, "suspects.none", 480) in nothing and "checkbox" not in nothing
    part = words(render_suspects(looked(1, rows=5_004, usable=1_000_000, rare=(2, 7)), listed(1), lang))
    assert translate(lang, "suspects.sampled", rows="5,004", usable="1,000,000") in part
    assert plural(lang, "suspects.rare", 2, rows=plural(lang, "data.rows", 7)) in part
    assert translate(lang, "suspects.too_few") in words(render_suspects(looked(0, rows=0), (), lang))


def test_what_was_done_is_said_in_words_here_and_in_the_run() -> None:
    relabel = {str(row): "a" if row < 14 else "" for row in range(2, 17)}
    assert relabel_words(relabel, "en") == "12 labels changed, 3 rows left out"
    assert relabel_words({"2": ""}, "en") == "1 row left out"
    assert relabel_words(relabel, "zh") == "已更改 12 个标签，已去掉 3 行"
    assert "Rows: 2, 3, 4" in words(render_relabels(relabel, "en")) and render_relabels({}, "en") == ""
    request = RunRequest("classification", {}, "bundled", RunConfig(), "x.csv", "x.csv", relabel=relabel)
    assert "12 labels changed, 3 rows left out" in words(render_request(request, finished(), "en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_text_stays_text(lang: str) -> None:
    bad = Looked(listed(2, HOSTILE, HOSTILE, HOSTILE), 480, 480, 0, 0, HOSTILE)
    html = render_suspects(bad, bad.found, lang)
    seen = read(html)
    assert set(seen.tags) <= OURS | {"label", "input", "s"}
    assert not [attribute for attribute in seen.attributes if attribute.startswith("on") or attribute == "src"]
    assert "${" not in html and "{{" not in html and "`" not in html


PICKED = Picked("classification", "text", "", "label")


def test_a_list_holds_for_its_data_whatever_is_done_about_single_rows() -> None:
    source = Source("/x.csv", "x.csv", cleaning=("drop_missing",)).relabeled({"9": "no"})
    seen = Seen(looked(3), source, PICKED, "bundled")
    about = (PICKED, "bundled")
    done = source.relabeled({"9": "no", "2": "no", "3": ""})
    assert seen.holds(source, *about) and seen.holds(done, *about)
    assert [one.number for one in seen.left(source)] == [2, 3, 4] and [one.number for one in seen.left(done)] == [4]
    others = [None, Source("/y.csv", "x.csv"), Source("/x.csv", "x.csv"), source.relabeled({})]
    assert not any(seen.holds(other, *about) for other in others)
    assert not seen.holds(source, Picked("classification", "text", "", "text"), "bundled")
    assert not seen.holds(source, PICKED, "other")
