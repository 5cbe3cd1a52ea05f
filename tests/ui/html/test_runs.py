"""Drawings of data, runs and predictions: whatever a visitor named stays text, and figures are those of the events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertdemo.analysis.report import Finding, LengthSummary, Report
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.evaluation import Mistake, evaluate
from bertdemo.runs.registry import RunView
from bertdemo.runs.request import RunRequest, resolve_defaults
from bertdemo.runs.status import RunStatus, status_of
from bertdemo.tables.table import Table
from bertdemo.tables.table_files import Note
from bertdemo.tasks.results import Annotation, Degree, Labels, LabelScore
from bertdemo.ui.fine_tune.html import bar, class_map, result, samples
from bertdemo.ui.fine_tune.html import training as training_picture
from bertdemo.ui.html import dataset as data_picture
from bertdemo.ui.html import mistakes
from bertdemo.ui.html import predictions as prediction_picture
from bertdemo.ui.html.escape import esc
from bertdemo.ui.runs.html.inputs import render_request
from bertdemo.ui.runs.html.listing import render_list
from bertdemo.ui.runs.html.live import render_run
from bertdemo.ui.runs.html.recipe import ListedRun
from bertdemo.ui.runs.html.result import render_result
from tests.ui.html.test_primitives import HOSTILE, read

OURS = {
    "div", "span", "p", "b", "i", "em", "h2", "small", "table", "thead", "tbody", "tr", "th", "td", "svg", "title",
    "line", "text", "g", "polyline", "circle", "pre", "ul", "li", "q", "dl", "dt", "dd", "button", "details", "summary",
    "h3", "ol", "section", "path", "wbr", "del", "ins", "figure", "figcaption", "rect", "output", "input",
}  # fmt: skip
REQUEST = RunRequest(
    task="classification", columns={"text": HOSTILE, "label": HOSTILE}, checkpoint=HOSTILE, config=RunConfig(),
    data="data/train.csv", data_name=HOSTILE, validation="data/v.csv", validation_name=HOSTILE, name=HOSTILE,
)  # fmt: skip
METRICS = {name: {"value": 0.9, "low": 0.85, "high": 0.94} for name in ("accuracy", "macro_f1")}


def common(seq: int) -> dict[str, float | int]:
    return {"seq": seq, "attempt": 1, "at": 1_700_000_000.0}


def started() -> ev.Started:
    return ev.Started(
        **common(2), steps=20, epochs=2, train_rows=80, validation_rows=20, test_rows=0, labels=(HOSTILE, "b"),
        majority=0.55, device="cpu", device_name=HOSTILE, precision="bfloat16",
        config={"epochs": 2, "learning_rate": 1e-4, "group_by_length": True, "precision": "auto"},
    )  # fmt: skip


def step(seq: int, number: int) -> ev.Step:
    return ev.Step(
        **common(seq), step=number, steps=20, epoch=number / 10, loss=1.0 / number, learning_rate=1e-4, grad_norm=1.0,
        progress=number / 20, seconds_left=30.0, rows_per_second=80.0, memory_bytes=10**9,
    )  # fmt: skip


def view(*events: ev.RunEvent, state: ev.State = "running", log: str = HOSTILE) -> RunView:
    return RunView(
        run_id="20260101-aa", name=HOSTILE, created=1_700_000_000.0, request=REQUEST, state=state, stopping=False,
        exit_code=None, events=events, seq=len(events), log=log,
    )  # fmt: skip


def training() -> RunStatus:
    evaluated = ev.Evaluated(**common(9), step=10, epoch=1.0, loss=0.4, metrics={"accuracy": 0.8}, best=True)
    warned = ev.Warned(**common(10), message="error.unknown_label", values=dict.fromkeys(
        ("label", "row", "file", "labels"), HOSTILE))  # fmt: skip
    return status_of(view(ev.Queued(**common(1)), started(), *(step(2 + i, i) for i in range(1, 7)), evaluated, warned))


def finished() -> RunStatus:
    end = ev.Finished(
        **common(20), checkpoint="20260101-aa", metrics=METRICS, evaluated_on="validation", rows=20, seconds=65.0
    )
    return status_of(view(started(), step(3, 20), end, state="finished"))


def listed(status: RunStatus) -> ListedRun:
    return ListedRun(replace(status, note=HOSTILE), HOSTILE, HOSTILE)


def rows() -> list[dict[str, object]]:
    wrong = {"row": 7, "text": HOSTILE, "label": HOSTILE, "predicted": "b", "confidence": 0.97}
    return [wrong, {**wrong, "row": 8, "predicted": HOSTILE}]


def table() -> Table:
    return Table(HOSTILE, {HOSTILE: (HOSTILE, None), f"{HOSTILE} 2": ("a", HOSTILE)}, (2, 3))


def report() -> Report:
    lengths = LengthSummary(5, 9, 10, 11, ((8, 1), (16, 1)), 16, 0.0, 2)
    findings = (Finding("warn", "imbalance", {"label": HOSTILE, "share": 0.9}), Finding("pass", "no_duplicates", {}))
    return Report(
        task="classification", columns={"text": HOSTILE, "label": HOSTILE}, rows=2, usable_rows=2,
        labels=((HOSTILE, 1), ("b", 1)), findings=findings, lengths=lengths, majority=(HOSTILE, 0.5),
        split={"train": 1, "validation": 1, "test": 0}, suggested_columns={},
    )  # fmt: skip


def info() -> CheckpointInfo:
    return CheckpointInfo(
        id="x", name=HOSTILE, source="trained", task="classification", labels=(HOSTILE,), layers=6, width=384, heads=12,
        parameters=22_713_216, positions=512, vocabulary=30522, language="en", can=("tokenize", "labels"),
        cannot=("fill_mask",), cased=False, pooling="pooler", ready=True, base="bundled", run="x", created=0.0,
        metric=0.9,
    )  # fmt: skip


SAMPLE = samples.SampleCard("support_en", "classification", 367, 6, ((HOSTILE, HOSTILE), ("b", "")), 60.0)


def watched() -> tuple[training_picture.WatchedText, ...]:
    return (training_picture.WatchedText(HOSTILE, HOSTILE, ((HOSTILE, False), ("b", True))),)


def dots() -> list[class_map.MapDot]:
    return [
        class_map.MapDot(HOSTILE, HOSTILE, (0.0, 1.0), (2.0, 3.0)),
        class_map.MapDot("b", "b", (1.0, 1.0), (0.0, 0.0)),
    ]


def pictures(lang: str) -> dict[str, str]:
    said = Labels((LabelScore(HOSTILE, 0.8), LabelScore("b", 0.2)))
    failed = ev.Failed(**common(4), message="error.bug_in_run", values={"error_id": HOSTILE})
    config = resolve_defaults(RunConfig(), train_rows=80, parameters=10**7, suggested_length=16)
    note = Note("sheet", {"sheet": HOSTILE, "sheets": HOSTILE})
    return {
        "run": render_run(training(), lang),
        "failed": render_run(status_of(view(started(), failed, state="failed")), lang),
        "outcome": result.render_outcome(finished(), lang),
        "more": result.render_more(finished(), evaluate(rows(), (HOSTILE, "b")), lang),
        "training": training_picture.render_training(training(), watched(), lang),
        "map": class_map.render_map(dots(), (0.5, 0.2), lang),
        "cards": bar.render_cards(bar.Cards(bar.DataLine(HOSTILE, 3, 2, (HOSTILE, "b")), HOSTILE, HOSTILE, 2), lang),
        "progress": bar.render_progress(training(), lang),
        "samples": samples.render_samples([SAMPLE] * 8, lang),
        "result": render_result(finished(), evaluate(rows(), (HOSTILE, "b")), lang),
        "list": render_list([listed(finished()), listed(training())], lang),
        "request": render_request(REQUEST, finished(), lang),
        "labels": data_picture.render_labels(report(), lang),
        "checks": data_picture.render_checks(report(), (note,), (), (), lang),
        "preview": data_picture.render_preview(table(), 8, report(), [HOSTILE], lang),
        "label rows": data_picture.render_label_rows(HOSTILE, [(2, HOSTILE)], 3, lang),
        "plan": bar.render_plan(report().split, config, 40.0, 7, lang),
        "prediction": prediction_picture.render_prediction(said, said, HOSTILE, lang),
        "vector": prediction_picture.render_vector([0.1] * 16, 0.5, lang),
        "about": prediction_picture.describe(info(), lang),
        "pill": prediction_picture.render_model(info(), lang),
    }


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", list(pictures("en")))
def test_hostile_text_stays_text(name: str, lang: str) -> None:
    html = pictures(lang)[name]
    seen = read(html)
    assert set(seen.tags) <= OURS
    assert not [attribute for attribute in seen.attributes if attribute.startswith("on") or attribute == "src"]
    assert "${" not in html
    assert "{{" not in html
    assert "`" not in html


def test_a_run_is_told_in_words_with_its_step_and_its_time() -> None:
    words = read(render_run(training(), "en")).words
    assert "Epoch 1 of 2" in words
    assert "Step 6 of 20" in words
    assert "Examples/s: 80" in words
    assert "30 s left" in words
    assert "majority class 0.550" in words


def test_the_headline_carries_its_interval_and_says_which_rows_were_measured() -> None:
    words = read(result.render_outcome(finished(), "en")).words
    assert "0.900" in words and "[0.850, 0.940]" in words
    assert "Evaluated on 20 examples: validation set" in words


def test_the_full_result_shows_macro_f1_each_label_and_the_mistakes() -> None:
    words = read(render_result(finished(), evaluate(rows(), (HOSTILE, "b")), "en")).words
    assert "Macro-F1" in words
    assert "97.0%" in words
    assert "Recall" in words


def test_a_stop_before_the_first_evaluation_is_said() -> None:
    end = ev.Cancelled(**common(4), checkpoint="20260101-aa", evaluated=False, step=3)
    words = read(result.render_outcome(status_of(view(started(), end, state="cancelled")), "en")).words
    assert "never evaluated" in words


def test_before_training_is_called_untrained_with_its_chance_level() -> None:
    said = Labels((LabelScore("a", 0.8), LabelScore("b", 0.2)))
    words = read(prediction_picture.render_prediction(said, said, "mine", "en")).words
    assert "untrained head" in words
    assert "50.0%" in words


def test_an_empty_list_says_what_will_stand_there() -> None:
    assert "newest first" in read(render_list([], "en")).words


def test_the_label_column_of_a_report_shows_a_share_as_percent() -> None:
    assert "90.0%" in read(data_picture.render_checks(report(), (), (), (), "en")).words
    assert "90.0%" in read(data_picture.render_checks(replace(report(), rows=3), (), (), (), "zh")).words


# --- a run without steps: the regression on a frozen encoder ------------------------------------------------


def regression(*events: ev.RunEvent, state: ev.State = "running") -> RunStatus:
    config = RunConfig(method="regression", max_length=16, batch_size=16).used()
    return status_of(view(replace(started(), steps=0, epochs=0, config=config), *events, state=state))


def phase(name: str, share: float, at: float = 10.0) -> ev.Phase:
    return ev.Phase(seq=5, attempt=1, at=1_700_000_000.0 + at, name=name, progress=share)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["", "embedding", "fitting", "testing", "saving"])
def test_a_run_without_steps_is_followed_by_its_phases(name: str, lang: str) -> None:
    status = regression(*([phase(name, 0.25)] if name else []))
    html = render_run(status, lang)
    assert set(read(html).tags) <= OURS
    words = read(html).words
    assert translate(lang, "run.testing" if name == "testing" else f"state.{name or 'embedding'}") in words
    assert translate(lang, "run.this_epoch") not in words and "0 of 0" not in words and "NaN" not in html
    assert "bd-plot" not in html
    assert not name or translate(lang, f"run.phase.{name}") in words
    assert read(render_list([listed(status)], lang)).words


def test_its_progress_is_the_share_of_rows_that_were_read() -> None:
    assert regression().progress == 0
    embedding = regression(phase("embedding", 0.5))
    assert embedding.progress == pytest.approx(40 / 100)
    assert embedding.seconds_left == pytest.approx(10 * 0.6 / 0.4)
    assert "15 s left" in read(render_run(embedding, "en")).words
    shares = [
        regression(phase(name, share)).progress
        for name, share in (("embedding", 0.1), ("embedding", 1.0), ("fitting", 0.0), ("testing", 0.5), ("saving", 0.0))
    ]
    assert shares == sorted(shares) and shares[-1] < 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_result_says_that_nothing_was_chosen_and_the_encoder_is_the_bases(lang: str) -> None:
    end = ev.Finished(
        **common(20), checkpoint="20260101-aa", metrics=METRICS, evaluated_on="validation", rows=20, seconds=6.0
    )
    status = regression(end, state="finished")
    assert status.progress == 1
    words = read(result.render_outcome(status, lang)).words
    assert translate(lang, "result.on_held_out") in words and translate(lang, "result.frozen") in words
    assert translate(lang, "result.on_validation") not in words
    assert (
        translate(lang, "metric.macro_f1") in read(render_result(status, evaluate(rows(), (HOSTILE, "b")), lang)).words
    )
    given = read(render_request(REQUEST, status, lang)).words
    assert translate(lang, "config.choice.regression") in given
    assert translate(lang, "config.learning_rate") not in given


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_stop_is_told_as_what_it_was(lang: str) -> None:
    nothing = ev.Cancelled(**common(4), checkpoint="", evaluated=False, step=0)
    early = regression(nothing, state="cancelled")
    assert translate(lang, "result.nothing_fitted") in read(result.render_outcome(early, lang)).words
    late = regression(replace(nothing, checkpoint="20260101-aa"), state="cancelled")
    for html in (result.render_outcome(late, lang), render_result(late, None, lang)):
        assert translate(lang, "result.not_measured") in read(html).words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_chosen_split_seed_stands_with_what_will_happen_and_a_probe_has_no_validation(lang: str) -> None:
    config = resolve_defaults(RunConfig(), train_rows=80, parameters=10**7, suggested_length=16)
    split = {"train": 80, "validation": 20, "test": 0}
    assert "42" not in read(bar.render_plan(split, config, None, 42, lang)).words
    assert "123457" in read(bar.render_plan(split, config, None, 123_457, lang)).words
    words = read(bar.render_plan(split, replace(config, method="regression"), None, 42, lang)).words
    assert translate(lang, "fine_tune.will.frozen", train="80", held_out="20") in words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_mistake_of_a_task_that_marks_is_shown_as_marked_text(lang: str) -> None:
    said, given = (Annotation(HOSTILE, 0, 4),), (Annotation("LOC", 5, 9),)
    told = mistakes.mistake_list(
        [Mistake(3, "Anna Bonn <b>", "Bonn (LOC)", "Anna", Degree("confidence", 0.9), "", given, said)], lang
    )
    assert f"<mark>Anna<small>{esc(HOSTILE)}</small></mark> Bonn &lt;b&gt;" in told and 'dir="auto"' in told
    asked = mistakes.mistake_list(
        [Mistake(3, "Who?", "Bonn", "Anna", Degree("confidence", 0.9), "Anna Bonn", (), (Annotation("", 0, 4),))], lang
    )
    assert "<q>Who?</q>" in asked and "<mark>Anna</mark> Bonn" in asked
    both = mistakes.mistake_list([Mistake(3, "one", "a", "b", Degree("confidence", 0.9), "two")], lang)
    assert "<q>one</q><q>two</q>" in both


def test_a_finished_run_says_beside_its_time_what_was_predicted_and_a_stopped_one_does_not() -> None:
    status = finished()
    assert status.started is not None
    predicted = replace(status, started=replace(status.started, predicted_seconds=61.0))
    for it, words in ((predicted, "took 1 min 05 s, predicted 1 min 01 s"), (status, "took 1 min 05 s")):
        assert f"· {words}</span>" in bar.render_progress(it, "en")
        assert f"{words}</span>" in render_run(it, "en")
    assert "predicted" not in bar.render_progress(replace(predicted, state="cancelled"), "en")
