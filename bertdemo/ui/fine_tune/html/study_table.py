"""The runs of a study as a table: what is special about each, its state, and its score with the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import has, percent, score, seconds, translate
from bertdemo.runs.status import RunStatus
from bertdemo.runs.studies.store import StudyView
from bertdemo.runs.studies.study import Kind, Study, Trial, TrialScore, Value, Variant
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join
from bertdemo.ui.html.runs import metric_word, state_words

# Width of a step of the common scale: intervals of a few hundred examples are 0.05 to 0.2 wide.
_STEP = 0.05
_COLUMNS = ("what", "score", "interval", "state", "time")


@dataclass(frozen=True)
class Names:
    """What a person calls things that are stored by their id."""

    checkpoints: Mapping[str, str]


@dataclass(frozen=True)
class _Scale:
    """The common scale of all intervals."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the place of a value in percent."""
        return 100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)


def render_rows(view: StudyView, live: RunStatus | None, names: Names, lang: str) -> str:
    """Draw the table in the order of the starts, of a search the newest first: it is never ordered by scores."""
    trials = [*view.progress.trials, *_waiting(view)]
    if view.study.searches:
        trials.reverse()
    scale = _scale([trial.score for trial in trials if trial.score])
    metric = next((trial.score.metric for trial in trials if trial.score), "")
    heads = {name: translate(lang, f"study.column.{name}") for name in _COLUMNS}
    heads["score"] = metric_word(metric, lang) if metric else heads["score"]
    ends = f'<span class="ends"><i>{scale.low:g}</i><i>{scale.high:g}</i></span>' if scale else ""
    head = join(
        f'<th class="{name}" scope="col">{esc(words)}{ends if name == "interval" else ""}</th>'
        for name, words in heads.items()
    )
    body = join(_row(trial, view.study, live, scale, names, lang) for trial in trials)
    return f'<table class="bd-study-table"><thead><tr>{head}<th></th></tr></thead><tbody>{body}</tbody></table>'


def _waiting(view: StudyView) -> list[Trial]:
    """Return the runs that are still to come, where it is known which."""
    done, variants = len(view.progress.trials), view.study.variants
    to_come = [] if view.progress.ended or view.stopping else list(enumerate(variants))[done:]
    return [Trial(number, "variant", variant) for number, variant in to_come]


def variant_words(trial: Trial, kind: Kind, names: Names, lang: str) -> str:
    """Return what a run has of its own: `Seed 43`, or the settings of a trial."""
    if trial.role == "defaults" or (trial.role == "trial" and trial.number == 0):
        return translate(lang, "study.defaults")
    words = settings_words(trial.variant, lang)
    checkpoint = trial.variant.checkpoint
    return names.checkpoints.get(checkpoint, checkpoint) if checkpoint else words


def settings_words(variant: Variant, lang: str) -> str:
    """Return settings in words, each with its value."""
    parts = [f"{field_word(name, lang)} {value_word(value, lang)}" for name, value in variant.settings.items()]
    return " · ".join(parts)


def field_word(name: str, lang: str) -> str:
    """Return the name of a setting for people."""
    return translate(lang, f"config.{name}") if has(f"config.{name}") else name


def value_word(value: Value, lang: str) -> str:
    """Return the value of a setting for people: a number with two digits, or the short name of a choice."""
    if isinstance(value, str):
        key = f"study.choice.{value}"
        return translate(lang, key) if has(key) else value
    return f"{value:.2g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def _row(trial: Trial, study: Study, live: RunStatus | None, scale: _Scale | None, names: Names, lang: str) -> str:
    running = live if live is not None and live.run_id == trial.run and not trial.over else None
    time = seconds(lang, trial.seconds) if trial.over and trial.seconds else ""
    words = score(lang, trial.score.value, trial.score.low, trial.score.high) if trial.score else "–"
    cells = {
        "what": _what(trial, study.kind, names, lang),
        "score": esc(words),
        "interval": _interval(trial.score, scale),
        "state": esc(_state(trial, running, lang)),
        "time": esc(time),
    }
    body = join(f'<td class="{name}">{cell}</td>' for name, cell in cells.items())
    body += f"<td>{_use(trial, study, lang)}</td>"
    return f'<tr data-trial="{trial.number}" data-state="{esc(trial.state)}">{body}</tr>'


def _what(trial: Trial, kind: Kind, names: Names, lang: str) -> str:
    """Draw what is special about a run, as a link to it."""
    role = translate(lang, f"study.role.{trial.role}", n=trial.number + 1) if kind == "search" else ""
    words = esc(variant_words(trial, kind, names, lang))
    name = f"<b>{esc(role)}</b> {words}" if role else f"<b>{words}</b>"
    if not trial.run or trial.state == "deleted":
        return name
    return f'<a href="?tab=runs&run={esc(trial.run)}&lang={esc(lang)}">{name}</a>'


def _state(trial: Trial, running: RunStatus | None, lang: str) -> str:
    if trial.state == "running" and running is not None:
        words = state_words(running, lang)
        return f"{words} · {percent(running.progress, 0)}" if running.state == "running" else words
    if trial.state == "failed" and trial.message and has(trial.message):
        return translate(lang, trial.message, **trial.values)
    return translate(lang, f"study.state.{trial.state}")


def _use(trial: Trial, study: Study, lang: str) -> str:
    """Draw the button that takes over the settings of a run; a seed is nothing to choose."""
    if study.kind == "seeds" or trial.score is None or trial.role == "defaults":
        return ""
    words = translate(lang, "study.use_row")
    data = f'data-use="{trial.number}" data-study="{esc(study.id)}"'
    return f'<button type="button" class="bd-link" {data}>{esc(words)}</button>'


def _scale(scores: Sequence[TrialScore]) -> _Scale | None:
    ends = [end for score in scores for end in (score.value, score.low, score.high) if end is not None]
    if not ends:
        return None
    step = _STEP if max(ends) <= 1 else 10 ** math.floor(math.log10(max(ends)))
    low, high = math.floor(min(ends) / step + 1e-9) * step, math.ceil(max(ends) / step - 1e-9) * step
    return _Scale(round(low, 4), round(high if high > low else low + step, 4))


def _interval(score: TrialScore | None, scale: _Scale | None) -> str:
    """Draw the score as a point on the common scale, with its interval as a line."""
    if score is None or scale is None:
        return '<span class="bd-interval"></span>'
    line = ""
    if score.low is not None and score.high is not None:
        left = scale.at(score.low)
        line = f'<i style="left:{left:.1f}%;width:{max(scale.at(score.high) - left, 0.5):.1f}%"></i>'
    return (
        f'<span class="bd-interval" aria-hidden="true">{line}<b style="left:{scale.at(score.value):.1f}%"></b></span>'
    )
