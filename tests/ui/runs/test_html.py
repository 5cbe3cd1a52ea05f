"""The result of a run, the list and a comparison as drawings: what comes first, what is folded, what is told apart."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.evaluation import Evaluation, evaluate
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.runs import page_title
from bertdemo.ui.runs.html.compare import Side, conclusion, differing, render_compare, same_examples
from bertdemo.ui.runs.html.confused import draw_confused, pair_cells
from bertdemo.ui.runs.html.labels import label_cells
from bertdemo.ui.runs.html.listing import render_deleted, render_filter, render_list
from bertdemo.ui.runs.html.live import render_run
from bertdemo.ui.runs.html.matrix import draw_matrix
from bertdemo.ui.runs.html.recipe import ListedRun, names_apart, recipe_words, short_number
from bertdemo.ui.runs.html.result import render_result
from tests.ui.html.test_primitives import HOSTILE, read
from tests.ui.html.test_runs import OURS, REQUEST, common, finished, listed, rows, started, training, view
from tests.ui.runs.stored_runs import confused_rows, long_labels


def evaluation(count: int, examples: int = 600) -> Evaluation:
    labels = long_labels(count)
    return evaluate(confused_rows(labels, examples), labels)


def scored(value: float, half: float | None = 0.05, run: str = "20260101-aa") -> RunStatus:
    """A finished run with this accuracy."""
    ends = (None, None) if half is None else (value - half, value + half)
    metric = {"accuracy": {"value": value, "low": ends[0], "high": ends[1]}}
    end = ev.Finished(**common(20), checkpoint="", metrics=metric, evaluated_on="test", rows=20, seconds=5.0)
    return replace(status_of(view(started(), end, state="finished")), run_id=run, name=f"run {run}")


# --- the result ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_score_comes_first_then_pairs_then_matrix_then_labels_then_mistakes(lang: str) -> None:
    html = render_result(finished(), evaluate(rows(), (HOSTILE, "b")), lang)
    parts = ["bd-big", "bd-score-strip", "bd-verdict", "bd-pairs", "bd-confusion", "bd-labels", "bd-mistake-table"]
    places = [html.index(part) for part in parts]
    assert places == sorted(places)
    assert "0.900" in html and "[0.850, 0.940]" in html and "0.550" in html  # the majority class on the strip
    for table in ("pairs", "labels", "mistakes"):
        assert f'data-csv="{table}"' in html


@pytest.mark.parametrize("count", [2, 20, 21, 150])
def test_a_matrix_of_any_size_has_every_label_and_numbers_only_where_they_can_be_read(count: int) -> None:
    summed = evaluation(count)
    html = draw_matrix(summed.labels, summed.counts, "en")
    told = json.loads(re.search(r'data-labels="([^"]*)"', html)[1].replace("&quot;", '"'))  # type: ignore[index]
    assert told == list(summed.labels)
    assert html.count('class="count') == (count * count if count <= 20 else 0)
    assert html.count("h") < 3 * 600 + 40 * count * count  # one path per darkness, not an element per cell
    width = float(re.search(r'viewBox="0 0 (\d+)', html)[1])  # type: ignore[index]
    assert width <= 560


def test_a_pair_holds_its_texts_and_many_pairs_are_folded() -> None:
    summed = evaluation(150)
    html = draw_confused(summed, "en")
    shown, _, folded = html.partition("bd-all-pairs")
    assert shown.count('class="bd-confused"') == 7 and "bd-pairs tall" in shown
    assert translate("en", "result.all_pairs.other", n=len(summed.confusions)) in folded
    first = summed.confusions[0]
    texts = [it.text for it in summed.mistakes if (it.label, it.predicted) == (first.true, first.predicted)]
    details = shown.split("<details")[1]
    assert all(esc(text[:60]) in details for text in texts)
    assert len(pair_cells(summed, "en")[1]) == len(summed.confusions)


def test_the_ten_worst_labels_are_shown_and_all_can_be_sorted_and_filtered() -> None:
    summed = evaluation(150)
    html = render_result(finished(), summed, "en")
    table = html.partition('class="bd-labels"')[2].partition("</table>")[0]
    shown = re.findall(r'<tr><td title="([^"]*)"', table)
    worst = sorted(summed.per_label, key=lambda it: it.f1)[:10]
    assert len(shown) == 10 and table.count("<tr hidden>") == 140
    assert shown == [it.label for it in worst]
    assert "All 150 labels" in html and 'aria-sort="ascending"' in table
    header, cells = label_cells(summed, "en")
    assert header == ["label", "precision", "recall", "f1", "examples"] and len(cells) == 150


def test_a_run_without_a_score_says_why_in_its_place() -> None:
    failed = ev.Failed(**common(4), message="error.disk_full")
    words = read(render_result(status_of(view(started(), failed, state="failed")), None, "en")).words
    assert translate("en", "error.disk_full") in words
    nothing = ev.Cancelled(**common(4), checkpoint="", evaluated=False, step=0)
    stopped = status_of(view(started(), nothing, state="cancelled"))
    assert translate("en", "result.nothing_kept") in read(render_result(stopped, None, "en")).words
    assert translate("en", "result.none_yet") in read(render_result(training(), None, "en")).words


@pytest.mark.parametrize(("count", "shown", "chars"), [(120, 120, 800), (501, 500, 240)])
def test_all_mistakes_are_there_up_to_a_bound_which_is_said(count: int, shown: int, chars: int) -> None:
    wrong = [{"row": i, "text": "x" * 800, "label": "a", "predicted": "b", "confidence": 0.5} for i in range(count)]
    html = render_result(finished(), evaluate(wrong, ("a", "b")), "en")
    table = html.partition('class="bd-mistake-table"')[2]
    assert table.count("<tr>") == shown + 1
    assert ("x" * chars in table) == (chars == 800)
    assert ("Showing 500 of 501 mistakes" in read(html).words) == (count > shown)


def test_texts_in_place_of_labels_get_room() -> None:
    wrong = [{"row": 1, "text": "q", "pair": "a passage", "label": "a", "predicted": "b", "right": False,
              "confidence": 0.5, "given": [{"label": "", "start": 0, "end": 1}], "said": []}]  # fmt: skip
    html = render_result(finished(), evaluate(wrong, ()), "en")
    assert "bd-mistake-table of-texts" in html and "bd-confusion" not in html


# --- the list -----------------------------------------------------------------------------------------------


def test_a_recipe_names_the_method_and_only_what_differs() -> None:
    status = finished()
    assert recipe_words(RunConfig(), status, "en") == "fine-tuned, 2 epochs"
    changed = RunConfig(learning_rate=2e-5, batch_size=8, seed=7, group_by_length=False, precision="float32")
    words = "fine-tuned, 2 epochs, lr 2e-5, batch size 8, float32, group by length no, seed 7"
    assert recipe_words(changed, status, "en") == words
    probe = RunConfig(method="regression", learning_rate=2e-5)
    assert recipe_words(probe, status, "zh") == "线性探针"
    assert [short_number(value) for value in (2e-5, 1e-4, 0.001, 1.5e-5)] == ["2e-5", "0.0001", "0.001", "1.5e-5"]


def test_runs_of_one_name_are_told_apart_by_what_differs() -> None:
    def run(number: int, recipe: str, model: str = "bert", at: float = 1_700_000_000.0) -> ListedRun:
        status = replace(finished(), run_id=f"2026-{number:04d}", name="data.csv", created=at)
        return ListedRun(status, model, recipe)

    one, two = run(1, "fine-tuned, 2 epochs, lr 2e-5"), run(2, "fine-tuned, 2 epochs")
    three = run(3, "fine-tuned, 2 epochs", model="chinese")
    later = run(4, "fine-tuned, 2 epochs", at=1_700_090_000.0)
    other = replace(one, status=replace(one.status, name="other.csv", run_id="x"))
    names = names_apart([one, two, three, later, other], "en")
    assert len(set(names.values())) == 5
    assert names["x"] == "other.csv"
    assert names["2026-0001"] == "data.csv (lr 2e-5, bert)" and names["2026-0003"] == "data.csv (chinese)"
    twins = names_apart([two, run(5, "fine-tuned, 2 epochs")], "en")
    assert len(set(twins.values())) == 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_has_keys_to_sort_by_and_hostile_names_and_notes_stay_text(lang: str) -> None:
    html = render_list([listed(finished()), listed(training())], lang) + render_filter(lang)
    html += render_deleted(HOSTILE, HOSTILE, lang)
    assert set(read(html).tags) <= OURS
    assert '"0.900000"' in html and html.count('aria-sort="descending"') == 1
    assert "<img" not in html and "${" not in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_title_of_the_page_says_how_far_a_run_is_and_how_it_ended(lang: str) -> None:
    assert 'data-page-title="30% · bertdemo"' in page_title(training(), lang)
    assert translate(lang, "run.title_done") in page_title(finished(), lang)
    failed = status_of(view(started(), ev.Failed(**common(4), message="error.disk_full"), state="failed"))
    assert translate(lang, "state.failed") in page_title(failed, lang) and "data-ended" in page_title(failed, lang)


# --- two runs -----------------------------------------------------------------------------------------------


def side(status: RunStatus, **request: object) -> Side:
    return Side(status.name, status, replace(REQUEST, **request), rows())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "key", "name"),
    [
        (scored(0.9), scored(0.85, run="b"), "overlap", ""),
        (scored(0.9), scored(0.6, run="b"), "better", "run 20260101-aa"),
        (scored(0.5), scored(0.9, run="b"), "better", "run b"),
        (scored(0.9, None), scored(0.5, run="b"), "no_interval", ""),
        (scored(0.9), training(), "no_score", ""),
    ],
)
def test_runs_are_ranked_only_where_their_intervals_are_apart(
    first: RunStatus, second: RunStatus, key: str, name: str
) -> None:
    assert conclusion((side(first), side(second)), "en") == translate("en", f"runs.compare.{key}", name=name)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_what_differs_is_listed_and_both_scores_are_on_one_strip(lang: str) -> None:
    sides = (side(scored(0.9)), side(scored(0.8, run="b"), data_name="other.csv", split_seed=7))
    differences = differing(sides, lang)
    assert [name for name, *_ in differences] == [
        translate(lang, "runs.given.data"), translate(lang, "config.split_seed")
    ]  # fmt: skip
    html = render_compare(*sides, lang)
    assert html.count("bd-score-strip") == 1 and html.count('b class="') == 2
    assert set(read(html).tags) <= OURS
    same = render_compare(side(scored(0.9)), side(scored(0.8, run="b")), lang)
    assert translate(lang, "runs.compare.same") in read(same).words


def test_other_examples_are_said_and_another_task_is_refused() -> None:
    this = side(finished())
    other = replace(this, rows=[{**rows()[0], "text": "another"}])
    assert same_examples((this, this)) and not same_examples((this, other))
    assert translate("en", "runs.compare.other_examples") in read(render_compare(this, other, "en")).words
    entities = replace(this, status=replace(this.status, task="token_classification"))
    words = read(render_compare(this, entities, "en")).words
    assert "another task" in words and "bd-versus" not in render_compare(this, entities, "en")


def test_both_curves_are_in_one_chart() -> None:
    html = render_compare(side(training()), side(training()), "en")
    assert html.count('class="bd-plot') == 1 and html.count("<polyline") == 2


def test_every_picture_of_a_run_can_be_saved() -> None:
    drawn = render_result(finished(), evaluate(rows(), (HOSTILE, "b")), "en") + render_run(training(), "en")
    drawn += render_compare(side(scored(0.9)), side(scored(0.8, run="b")), "en")
    names = re.findall(r'data-picture="([^"]+)"', drawn)
    assert names == ["score", "confusion-matrix", "metric-curve", "loss-curve", "scores"]
    assert drawn.count('data-save="svg"') == drawn.count('data-save="png"') == len(names)
