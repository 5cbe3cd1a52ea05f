"""What the boxes of Inference are called: after the roles of the task that reads them."""

from __future__ import annotations

from bertdemo.i18n.translation import has, translate
from bertdemo.tasks.base import Task
from bertdemo.tasks.roles import InputSlot


def box_label(task: Task | None, slot: InputSlot, lang: str) -> str:
    """Return the label of a text box: that of the role where the locales have one, else that of its slot."""
    roles = {role.slot: role.name for role in task.reads} if task else {}
    own = f"predict.{roles.get(slot, slot)}"
    return translate(lang, own if has(own) else f"predict.{slot}")
