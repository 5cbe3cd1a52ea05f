"""The three cards Data, Model, Train in one line, and the words of the bar at the bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bertdemo.dataset.split import SEED
from bertdemo.i18n.translation import estimated_seconds, percent, plural, seconds, thousands, translate
from bertdemo.run_config import RunConfig
from bertdemo.runs.queue.line import NEXT, Place
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import bar, error_state, join, root, short
from bertdemo.ui.html.runs import page_title, state_words, took_words

_NAME_CHARS = 40
_COLUMN_CHARS = 24


@dataclass(frozen=True)
class DataLine:
    """The data in one line."""

    name: str
    rows: int = 0
    labels: int = 0
    columns: tuple[str, ...] = ()
    sample: str = ""
    """Id of the sample that they are, which the address keeps."""


@dataclass(frozen=True)
class Cards:
    """What the three cards say; an empty card is still to be done."""

    data: DataLine | None = None
    model: str = ""
    train: str = ""
    """The state of the run in words."""
    stage: int = 0
    """Which card is open: 0 data, 1 model, 2 train."""


def render_cards(cards: Cards, lang: str) -> str:
    """Draw the cards in a row."""
    bodies = (_data(cards.data, lang), _words(cards.model), _words(cards.train))
    empty = ("fine_tune.card.no_data", "fine_tune.card.no_model", "fine_tune.card.no_run")
    names = ("train.data", "fine_tune.card.model", "fine_tune.card.train")
    body = join(
        _card(i, translate(lang, names[i]), bodies[i] or _soft(translate(lang, empty[i])), _look(i, cards, bodies[i]))
        for i in range(3)
    )
    sample = cards.data.sample if cards.data else ""
    return root(f'<ol class="bd-train-cards" data-of-sample="{esc(sample)}">{body}</ol>')


def render_plan(split: Mapping[str, int], config: RunConfig, estimate: float | None, seed: int, lang: str) -> str:
    """Say what Fine-tune will do: the sizes of the split, and the time where it is known."""
    parts = [split_words(split, lang, frozen=config.frozen or config.contrastive)]
    if seed != SEED:
        parts.append(translate(lang, "fine_tune.will.seed", seed=seed))
    if estimate is not None:
        parts.append(translate(lang, "fine_tune.about", time=estimated_seconds(lang, estimate)))
    return root(f'<p class="bd-plan">{esc(" · ".join(parts))}</p>')


def render_reason(words: str) -> str:
    """Say why the training cannot be started yet."""
    return root(f'<p class="bd-plan reason">{esc(words)}</p>')


def render_wrong_setting(message: str) -> str:
    """Say which setting is wrong."""
    return root(error_state(message))


def split_words(split: Mapping[str, int], lang: str, *, frozen: bool = False) -> str:
    """Return the sizes of the split (part -> rows) in words; `frozen` where no epoch is chosen."""
    parts = {name: thousands(split.get(name, 0)) for name in ("train", "validation", "test")}
    if frozen:
        held_out = parts["test"] if split.get("test") else parts["validation"]
        return translate(lang, "fine_tune.will.frozen", train=parts["train"], held_out=held_out)
    code = "three" if split.get("test") else "two"
    return translate(lang, f"fine_tune.will.{code}", **parts)


def render_progress(status: RunStatus | None, lang: str, place: Place = NEXT) -> str:
    """Draw the state of the run in words, and while it trains a bar with the percentage and the time left."""
    if status is None:
        return ""
    words = [state_words(status, lang, place)]
    if status.ended:
        if status.seconds:
            words.append(took_words(status, lang))
        return root(_state(status, words, "", lang))
    # No estimate from the first step alone.
    if status.seconds_left is not None and status.phase != "testing" and (status.step > 1 or status.stepless):
        words.append(translate(lang, "state.left", time=seconds(lang, max(1, round(status.seconds_left)))))
    share = (
        f'{bar(status.progress, "accent", translate(lang, "run.whole"))}<b class="n">{percent(status.progress, 0)}</b>'
    )
    return root(_state(status, words, f'<div class="bd-run-share">{share}</div>', lang))


def data_words(line: DataLine, lang: str) -> str:
    """Return rows, labels and columns in words."""
    parts = [plural(lang, "data.rows", line.rows)] if line.rows else []
    if line.labels:
        parts.append(plural(lang, "data.labels", line.labels))
    if line.columns:
        parts.append(" → ".join(short(name, _COLUMN_CHARS) for name in line.columns))
    return " · ".join(parts)


def _state(status: RunStatus, words: list[str], share_html: str, lang: str) -> str:
    text = esc(" · ".join(words))
    body = f'{share_html}<span role="status">{text}</span>'
    return f'<div class="bd-run-state" data-run-state="{esc(status.state)}" {page_title(status, lang)}>{body}</div>'


def _look(index: int, cards: Cards, body: str) -> str:
    if index == cards.stage:
        return "open"
    return "done" if body and index < cards.stage else "waiting"


def _card(index: int, name: str, body_html: str, look: str) -> str:
    here = ' aria-current="step"' if look == "open" else ""
    sign = "✓" if look == "done" else str(index + 1)
    return f'<li class="bd-train-card {look}"{here}><span class="no">{sign}</span><b>{esc(name)}</b>{body_html}</li>'


def _data(line: DataLine | None, lang: str) -> str:
    if line is None:
        return ""
    words = data_words(line, lang)
    name = esc(short(line.name, _NAME_CHARS))
    return f'<p class="bd-file" title="{esc(line.name)}"><b>{name}</b> <span>{esc(words)}</span></p>'


def _words(text: str) -> str:
    return f'<p class="bd-card-words" title="{esc(text)}">{esc(text)}</p>' if text else ""


def _soft(text: str) -> str:
    return f'<p class="bd-card-words soft">{esc(text)}</p>'
