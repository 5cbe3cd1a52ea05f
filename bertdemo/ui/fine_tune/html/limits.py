"""What this server takes of one visitor, where data are chosen: nobody should learn a limit by running into it."""

from __future__ import annotations

from bertdemo.i18n.translation import plural, size, translate
from bertdemo.settings import Limits
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import root


def render_limits(limits: Limits, lang: str) -> str:
    """Draw the limits of files and runs in one line."""
    parts = [
        translate(lang, "fine_tune.limits.file", size=size(limits.file_bytes)),
        plural(lang, "fine_tune.limits.rows", limits.rows),
        plural(lang, "fine_tune.limits.runs", limits.queued_runs),
    ]
    if limits.run_seconds:
        parts.append(plural(lang, "fine_tune.limits.minutes", limits.run_seconds // 60))
    words = translate(lang, "fine_tune.limits.all", limits=" · ".join(parts))
    return root(f'<p class="bd-caption">{esc(words)}</p>')
