"""A study in Fine-tune: its answer in a sentence, its runs, and of a search what mattered; its state in the bar."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.i18n.translation import estimated_seconds, percent, plural, seconds, translate
from bertdemo.runs.status import RunStatus
from bertdemo.runs.studies.budget import best_of
from bertdemo.runs.studies.findings import Answer, answer_of
from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import Dimension, Kind, TrialScore
from bertdemo.ui.fine_tune.html.parallel import render_parallel
from bertdemo.ui.fine_tune.html.study_table import Names, field_word, render_rows, value_word, variant_words
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import bar, bars, caption, heading, join, root
from bertdemo.ui.html.runs import metric_word, undo_notice


@dataclass(frozen=True)
class Facts:
    """What is not in the folder of the study."""

    names: Names
    live: RunStatus | None = None
    """The run under way."""
    live_seconds: float = 0.0
    """The time that it has taken."""
    model: str = ""
    """Name of the pretrained model."""
    width: int = 0
    """Hidden size and attention heads of the pretrained model; 0 where it is gone."""
    heads: int = 0
    enough_trials: int = 0
    """Trials with a score from which on importances are told."""


def render_study(view: StudyView, facts: Facts, lang: str) -> str:
    """Draw the study."""
    study, trials = view.study, view.progress.trials
    state = "ended" if view.progress.ended else "running"
    parts = [heading(title_of(view, lang), study.request.data_name), _answer(view, facts, lang)]
    if study.searches:
        parts.append(_mattered(view, facts, lang))
    if trials or study.variants:
        parts.append(render_rows(view, facts.live, facts.names, lang))
    parts.append(caption(translate(lang, f"study.about.{study.kind}")))
    return root(f'<div data-study="{esc(study.id)}" data-state="{state}">{join(parts)}</div>', "bd-study")


def title_of(view: StudyView, lang: str) -> str:
    """Return the question of a study."""
    return translate(lang, f"study.title.{view.study.kind}")


def render_study_bar(view: StudyView, facts: Facts, lang: str) -> str:
    """Draw the state of the study in words, and while it goes on how far it is."""
    words, share = state_of(view, facts, lang)
    drawn = ""
    if not view.progress.ended:
        label = translate(lang, "study.whole")
        drawn = f'<div class="bd-run-share">{bar(share, "accent", label)}<b class="n">{percent(share, 0)}</b></div>'
    return root(f'<div class="bd-run-state">{drawn}<span role="status">{esc(words)}</span></div>')


def render_plan(kind: Kind, runs: int, estimate: float | None, lang: str) -> str:
    """Say what a press on the button does, and how long that takes where it is known."""
    words = [translate(lang, f"study.will.{kind}", n=runs)]
    if estimate is not None:
        words.append(translate(lang, "fine_tune.about", time=estimated_seconds(lang, estimate)))
    return root(caption(" · ".join(words)))


def render_deleted(study: str, name: str, runs: int, lang: str) -> str:
    """Say what was deleted, with the button that restores all of it."""
    return undo_notice(plural(lang, "study.deleted", runs, name=name), study, lang)


def dimension_words(dimension: Dimension, lang: str) -> str:
    """Return a hyper-parameter with its range, or with its choices."""
    name = field_word(dimension.field, lang)
    if dimension.kind == "choice":
        return f"{name}: {', '.join(value_word(choice, lang) for choice in dimension.choices)}"
    low, high = (int(end) if dimension.kind == "int" else end for end in (dimension.low, dimension.high))
    return f"{name}: {value_word(low, lang)} … {value_word(high, lang)}"


def state_of(view: StudyView, facts: Facts, lang: str) -> tuple[str, float]:
    """Return the state in words, and the share that is done."""
    progress, study = view.progress, view.study
    over = sum(trial.over for trial in progress.trials)
    if progress.ended:
        return translate(lang, "study.stopped" if progress.stopped else "study.ended", n=over), 1.0
    if view.stopping:
        return translate(lang, "state.stopping"), 0.0
    if not study.searches:
        now, count = min(over + 1, len(study.variants)), len(study.variants)
        done = over + (facts.live.progress if facts.live else 0.0)
        return translate(lang, "study.run_of", n=now, runs=count), done / max(1, count)
    spent = progress.spent_seconds + facts.live_seconds
    words = {"spent": seconds(lang, spent), "budget": seconds(lang, study.budget_seconds)}
    role = progress.trials[-1].role if progress.trials else "trial"
    key = "study.trial_now" if role == "trial" else "study.last_runs"
    return translate(lang, key, n=len(progress.trials), **words), min(0.999, spent / study.budget_seconds)


def _answer(view: StudyView, facts: Facts, lang: str) -> str:
    answer = answer_of(view)
    words = translate(lang, "study.waiting") if answer is None else answer_words(answer, view, facts, lang)
    return f'<p class="bd-study-answer" role="status">{esc(words)}</p>'


def answer_words(answer: Answer, view: StudyView, facts: Facts, lang: str) -> str:
    """Return the answer as a sentence."""
    trials, kind = view.progress.trials, view.study.kind
    metric = next((trial.score.metric for trial in trials if trial.score), "")
    values: dict[str, object] = {"metric": metric_word(metric, lang)}
    values |= {name: value if isinstance(value, int) else f"{value:.3f}" for name, value in answer.numbers.items()}
    values |= {name: _score(it) for name, it in answer.scores.items()}
    for name, trial in answer.trials.items():
        layers = trial.variant.settings.get("layers")
        values[name] = variant_words(trial, kind, facts.names, lang) if layers is None else layers
    return translate(lang, f"study.answer.{answer.code}", **values)


def _score(score: TrialScore) -> str:
    ends = "" if score.low is None or score.high is None else f" [{score.low:.3f}, {score.high:.3f}]"
    return f"{score.value:.3f}{ends}"


def _mattered(view: StudyView, facts: Facts, lang: str) -> str:
    """Draw the importances and the parallel coordinates, and say what a checkpoint fixes."""
    trials = view.progress.of_role("trial")
    scored = [trial for trial in trials if trial.score]
    parallel = render_parallel(view.study.space, trials, best_of(trials), lang)
    fixed = ""
    if facts.width:
        fixed = caption(translate(lang, "study.fixed", width=facts.width, heads=facts.heads))
    left = _section("study.importances", _importances(view, facts, len(scored), lang) + fixed, lang)
    right = _section("study.parallel", parallel, lang) if parallel else ""
    return f'<div class="bd-study-why">{left}{right}</div>'


def _section(title: str, body_html: str, lang: str) -> str:
    return f"<section>{heading(translate(lang, title))}{body_html}</section>"


def _importances(view: StudyView, facts: Facts, scored: int, lang: str) -> str:
    shares = view.progress.importances
    if shares:
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        rows = bars([(field_word(name, lang), share, percent(share, 0)) for name, share in ordered])
        return f"{rows}{caption(translate(lang, 'study.importances_about'))}"
    key = "study.equal_scores" if scored >= facts.enough_trials else "study.too_few_trials"
    return caption(translate(lang, key, n=scored, needed=facts.enough_trials))
