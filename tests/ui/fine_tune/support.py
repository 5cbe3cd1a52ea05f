"""The Fine-tune tab on a page of its own, and what its listeners show for a choice, by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bertdemo.run_config import specs
from bertdemo.services import Services
from bertdemo.ui.fine_tune.choice import Choice
from bertdemo.ui.fine_tune.dataset_callbacks import DataCallbacks
from bertdemo.ui.fine_tune.dataset_state import Picked, Source
from bertdemo.ui.fine_tune.layout import Components, layout
from bertdemo.ui.fine_tune.run_callbacks import RunCallbacks
from tests.ui.pages import empty_page

FIELDS = {spec.name: "" if spec.optional else spec.default for spec in specs()}
"""What the controls of an untouched form hold."""


@dataclass(frozen=True)
class Tab:
    """The parts of the tab and its listeners."""

    parts: Components
    data: DataCallbacks
    runs: RunCallbacks


def tab(services: Services) -> Tab:
    """Draw the tab."""
    with empty_page(services) as page:
        parts = layout(page)
    data = DataCallbacks(page, parts)
    return Tab(parts, data, RunCallbacks(page, parts, data))


def choice(**chosen: Any) -> Choice:
    """What a visitor has chosen who has touched nothing but this."""
    fields = {**FIELDS, **chosen.pop("fields", {})}
    nothing = Choice("empty", None, None, None, None, None, None, "bundled", fields, {}, "", "", "en")
    return replace(nothing, **chosen)


def shown(calls: DataCallbacks, source: Source, picked: Picked | None = None, lang: str = "en") -> dict[str, Any]:
    """What the stage of the data shows of a source."""
    beside = dict(source.held_out)
    held_out = {"validation": beside.get("validation"), "test": beside.get("test"), "split_seed": source.split_seed}
    updates = calls.show(choice(lang=lang, **held_out), source, picked)
    parts, data = calls.parts, calls.parts.data
    facts = updates[parts.state.facts]
    return {
        "found": vars(facts) if facts else None,
        "report": str(updates[data.refused]) + str(updates[data.report]),
        "preview": updates[data.preview],
        "picked": updates[parts.state.picked],
        "task": updates[data.task],
        **{slot: updates[box] for slot, box in data.slots.items()},
        "pretrain": updates[data.pretrain],
        "reading": updates[data.reading],
        "plan": updates[parts.bar.plan],
        "start": updates[parts.bar.start],
        "stage": updates[parts.state.stage],
        "cards": updates[parts.cards],
    }
