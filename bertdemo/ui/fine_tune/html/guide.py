"""How hyper-parameters are chosen, and which task is for what: short answers beside the controls."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.tasks import TASKS
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, join, root

# In the order in which they are asked.
_TOPICS = (
    "max_length", "learning_rate", "batch_size", "epochs", "warmup", "weight_decay", "head", "best_epoch", "test",
    "automatic",
)  # fmt: skip


def render_guide(lang: str) -> str:
    """Draw one answer for each hyper-parameter."""
    rows = join(
        f"<div><dt>{esc(translate(lang, f'fine_tune.guide.{topic}.name'))}</dt>"
        f"<dd>{esc(translate(lang, f'fine_tune.guide.{topic}.text'))}</dd></div>"
        for topic in _TOPICS
    )
    return root(f'<dl class="bd-guide">{rows}</dl>')


def render_task(task: str, lang: str) -> str:
    """Draw one sentence about a task and an example row."""
    if task not in TASKS:
        return ""
    what = translate(lang, f"fine_tune.task.{task}.what")
    example = translate(lang, f"fine_tune.task.{task}.example")
    return root(f'{caption(what)}<p class="bd-task-row">{esc(example)}</p>')


def render_tasks(lang: str) -> str:
    """Draw every task with its sentence and its example row."""
    rows = join(
        f"<div><dt>{esc(translate(lang, f'task.{task}'))}</dt><dd>{esc(translate(lang, f'fine_tune.task.{task}.what'))}"
        f'<span class="bd-task-row">{esc(translate(lang, f"fine_tune.task.{task}.example"))}</span></dd></div>'
        for task in TASKS
    )
    return root(f'<dl class="bd-guide">{rows}</dl>')
