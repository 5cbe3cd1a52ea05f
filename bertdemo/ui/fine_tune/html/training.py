"""A run while it trains: one large chart, the loss below it, held-out texts beside it, the log folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import size, thousands, translate
from bertdemo.runs.queue.line import NEXT, Place
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import error_state, facts, join, note, root, short, waiting_state
from bertdemo.ui.html.runs import message_words, state_words
from bertdemo.ui.html.scores.curves import loss_chart, metric_chart, pair_loss_chart

_LOG_LINES = 12
# Characters of a held-out text and of a label beside the chart.
_TEXT_CHARS = 110
_LABEL_CHARS = 28


@dataclass(frozen=True)
class WatchedText:
    """A held-out text with what was predicted for it, snapshot by snapshot."""

    text: str
    label: str
    predictions: tuple[tuple[str, bool | None], ...]
    """(prediction, whether it is right), the first one before training."""


def render_training(status: RunStatus | None, watched: Sequence[WatchedText], lang: str, place: Place = NEXT) -> str:
    """Draw the run; one that has ended is folded below its result."""
    if status is None:
        return root("", "bd-run")
    parts = [error_state(message_words(status.message, lang))] if status.message else []
    parts += [note(message_words(warning, lang)) for warning in status.warnings]
    if status.started and not status.stepless:
        parts.append(_charts(status, watched, lang, folded=status.ended))
    elif not status.ended:
        parts.append(
            waiting_state(translate(lang, "fine_tune.training.waiting", state=state_words(status, lang, place)))
        )
        parts.append(_figures(status, lang))
    parts.append(_log(status, lang))
    return root(f'<div data-run="{esc(status.run_id)}" data-state="{esc(status.state)}">{join(parts)}</div>', "bd-run")


def _charts(status: RunStatus, watched: Sequence[WatchedText], lang: str, *, folded: bool) -> str:
    side = f'<div class="bd-train-side">{_watched(watched, lang)}{_figures(status, lang)}</div>'
    curves = (pair_loss_chart,) if status.contrastive else (metric_chart, loss_chart)
    charts = join(curve(status, lang) for curve in curves)
    body = f'<div class="bd-train-view"><div>{charts}</div>{side}</div>'
    if not folded:
        return body
    title = esc(translate(lang, "fine_tune.training.curves"))
    return f'<details class="bd-curves" data-keep="curves"><summary>{title}</summary>{body}</details>'


def _watched(watched: Sequence[WatchedText], lang: str) -> str:
    if not watched:
        return ""
    title = esc(translate(lang, "fine_tune.training.watched"))
    return (
        f'<h3 class="bd-stage-title">{title}</h3><ol class="bd-watched">{join(_text(it, lang) for it in watched)}</ol>'
    )


def _text(watched: WatchedText, lang: str) -> str:
    predicted, right = watched.predictions[-1]
    changed = len(watched.predictions) > 1 and watched.predictions[-2][0] != predicted
    look = {True: "right", False: "wrong", None: ""}[right]
    sign = {True: "✓ ", False: "✗ ", None: ""}[right]
    said = translate(lang, "fine_tune.training.predicted", predicted=short(predicted, _LABEL_CHARS))
    marks = join(
        f'<i class="{"right" if ok else "wrong"}" title="{esc(short(words, _LABEL_CHARS))}"></i>'
        for words, ok in watched.predictions
        if ok is not None
    )
    label = translate(lang, "fine_tune.training.label", label=short(watched.label, _LABEL_CHARS))
    text = f'<q title="{esc(watched.text)}">{esc(short(watched.text, _TEXT_CHARS))}</q>'
    return (
        f'<li class="{look}{" changed" if changed else ""}">{text}<p><b>{sign}{esc(said)}</b>'
        f'<span>{esc(label)}</span></p><p class="marks" aria-hidden="true">{marks}</p></li>'
    )


def _figures(status: RunStatus, lang: str) -> str:
    started = status.started
    if started is None:
        return ""
    if status.stepless:
        items = [(f"{translate(lang, 'run.training_rows')} ", thousands(started.train_rows), "")]
    else:
        # NUL marks the place of the number, which is drawn in bold between the words of the translation.
        step = translate(lang, "run.step", step="\x00", steps=thousands(status.steps)).partition("\x00")
        items = [(step[0], thousands(status.step), step[2])]
    if status.state == "running" and status.rows_per_second:
        items.append((translate(lang, "run.rows_per_second", n=f"{status.rows_per_second:.0f}"), "", ""))
    if status.memory_bytes:
        items.append((f"{translate(lang, 'run.memory')} ", size(status.memory_bytes), ""))
    items.append(("", started.device_name, f" · {translate(lang, f'precision.{started.precision}')}"))
    return facts(items)


def _log(status: RunStatus, lang: str) -> str:
    if not status.log.strip():
        return ""
    lines = "\n".join(status.log.strip().splitlines()[-_LOG_LINES:])
    title = esc(translate(lang, "fine_tune.training.log"))
    body = f'<pre class="bd-log" tabindex="0">{esc(lines)}</pre>'
    return f'<details class="bd-log-box" data-keep="log"><summary>{title}</summary>{body}</details>'
