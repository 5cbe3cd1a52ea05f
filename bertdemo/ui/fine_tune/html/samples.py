"""The samples as cards to click: the task of each, two of its rows, its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import estimated_seconds, plural, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, join, root, short

# Cards that are seen at once; the others open on a click.
_SHOWN = 6
# Characters of an example, so that two of them fit into a card.
_EXAMPLE_CHARS = 70
_LABEL_CHARS = 16


@dataclass(frozen=True)
class SampleCard:
    """One sample as it is offered."""

    id: str
    task: str
    rows: int
    labels: int
    """0 where the task has no labels."""
    examples: tuple[tuple[str, str], ...]
    """(text, label); the label is "" where it is no short word."""
    seconds: float | None = None
    """Estimated time of its training on this machine; None where that is not known."""


def render_samples(cards: Sequence[SampleCard], lang: str) -> str:
    """Draw the source and the cards, all but six folded; `data-sample` is what a press tells the page's script."""
    first, rest = join(_card(card, lang) for card in cards[:_SHOWN]), cards[_SHOWN:]
    folded = ""
    if rest:
        words = esc(plural(lang, "fine_tune.samples.all", len(cards)))
        body = join(_card(card, lang) for card in rest)
        folded = (
            f'<details class="bd-more-samples"><summary>{words}</summary><div class="bd-samples">{body}</div></details>'
        )
    title = esc(translate(lang, "fine_tune.samples.title"))
    source = caption(translate(lang, "fine_tune.samples.source"))
    return root(f'<h3 class="bd-stage-title">{title}</h3>{source}<div class="bd-samples">{first}</div>{folded}')


def _card(card: SampleCard, lang: str) -> str:
    size = [plural(lang, "data.rows", card.rows)]
    if card.labels:
        size.insert(0, plural(lang, "data.labels", card.labels))
    if card.seconds is not None:
        size.append(translate(lang, "fine_tune.about", time=estimated_seconds(lang, card.seconds)))
    examples = join(_example(text, label) for text, label in card.examples)
    return (
        f'<button type="button" class="bd-sample" data-sample="{esc(card.id)}">'
        f"<b>{esc(translate(lang, f'sample.{card.id}'))}</b>{examples}"
        f"<small>{esc(translate(lang, f'task.{card.task}'))} · {esc(' · '.join(size))}</small></button>"
    )


def _example(text: str, label: str) -> str:
    tag = f"<i>{esc(short(label, _LABEL_CHARS))}</i>" if label else ""
    return f'<span class="bd-sample-row"><q>{esc(short(text, _EXAMPLE_CHARS))}</q>{tag}</span>'
