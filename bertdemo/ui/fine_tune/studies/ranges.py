"""The ranges of a search: two ends, a list or choices for each hyper-parameter that is ticked.

A box that is left empty means the range that it shows as its ghost text, so that another default moves it along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from bertdemo.i18n.translation import translate
from bertdemo.runs.studies.ranges import LISTS, RANGES, Typed
from bertdemo.runs.studies.space import FIELDS
from bertdemo.runs.studies.study import Dimension
from bertdemo.ui.fine_tune.html.study_table import field_word, value_word
from bertdemo.ui.localized import Source
from bertdemo.ui.page import Page
from bertdemo.ui.updates import Updates

# A text box, or a group of ticks.
Box = Component


@dataclass(frozen=True)
class RangeBoxes:
    """The boxes of all fields that a search may vary."""

    row: gr.Row
    boxes: Mapping[str, Sequence[Box]]

    @property
    def inputs(self) -> list[Block]:
        """What a start reads."""
        return [box for boxes in self.boxes.values() for box in boxes]

    @property
    def drawn(self) -> list[Block]:
        """What other ticks change."""
        return [self.row, *self.inputs]

    def typed(self, values: Mapping[Block, object]) -> Typed:
        """Return what was typed or ticked, by field."""
        return {name: _typed([values.get(box) for box in boxes]) for name, boxes in self.boxes.items()}

    def offered(self, dimensions: Sequence[Dimension], ticked: Collection[str], lang: str) -> Updates:
        """Outputs: drawn: the boxes of the ticked fields, with the ranges that are taken where they stay empty."""
        by_field = {it.field: it for it in dimensions if it.field in ticked}
        updates: Updates = {self.row: gr.update(visible=bool(by_field))}
        for name, boxes in self.boxes.items():
            ghosts = _ghosts(by_field[name]) if name in by_field else ()
            for at, box in enumerate(boxes):
                if isinstance(box, gr.Textbox):
                    updates[box] = gr.update(visible=bool(ghosts), placeholder=ghosts[at] if ghosts else "")
                else:
                    updates[box] = _choices(by_field.get(name), lang)
        return updates


def layout(page: Page) -> RangeBoxes:
    """Draw the boxes; none is seen before its field is ticked."""
    boxes: dict[str, Sequence[Box]] = {}
    with gr.Row(visible=False, elem_classes="bd-study-ranges", elem_id="study-ranges", equal_height=False) as row:
        for name in FIELDS:
            parts = ("low", "high") if name in RANGES else ("list",) if name in LISTS else ("choices",)
            boxes[name] = [_box(page, name, part) for part in parts]
    return RangeBoxes(row, boxes)


def _box(page: Page, name: str, part: str) -> Box:
    def label(lang: str) -> str:
        return translate(lang, f"study.range.{part}", field=field_word(name, lang))

    words: dict[str, Source] = {"label": label}
    place = {"visible": False, "elem_id": f"study-{name}-{part}", "min_width": 130}
    if part == "choices":
        return page.words.make(gr.CheckboxGroup, words, choices=[], **place)
    return page.words.make(gr.Textbox, words, lines=1, max_lines=1, **place)


def _typed(values: Sequence[object]) -> Sequence[object]:
    """Return the texts of two ends or of a list; the ticks of a group are one value already."""
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _ghosts(dimension: Dimension) -> tuple[str, ...]:
    if dimension.field in RANGES:
        return f"{dimension.low:.3g}".replace("e-0", "e-"), f"{dimension.high:.3g}".replace("e-0", "e-")
    values = dimension.choices or range(int(dimension.low), int(dimension.high) + 1)
    return (", ".join(str(value) for value in values),)


def _choices(dimension: Dimension | None, lang: str) -> object:
    """Return the choices to tick; of two both are needed, so there is nothing to choose."""
    if dimension is None or len(dimension.choices) < 3:
        return gr.update(visible=False, choices=[], value=[])
    choices = [(value_word(choice, lang), str(choice)) for choice in dimension.choices]
    return gr.update(visible=True, choices=choices, value=[value for _, value in choices])
