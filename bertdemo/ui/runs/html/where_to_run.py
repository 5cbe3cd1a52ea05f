"""Where a run trains, and the commands that start it in several processes: by hand, and as a job of SLURM."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.launching import Launching
from bertdemo.runs.launchers.commands import Where, by_hand, slurm
from bertdemo.ui.html.pictures import code, more
from bertdemo.ui.html.primitives import caption, join, note, root


def render_where_to_run(where: Where, launching: Launching, lang: str, *, finished: bool) -> str:
    """Draw the folded section; a run that has `finished` is not trained again."""
    parts = [note(_now(launching, lang))]
    for kind, command in (("by_hand", by_hand(where, launching)), ("slurm", slurm(where, launching))):
        parts += [caption(translate(lang, f"runs.where.{kind}")), code(command, translate(lang, "inside.copy"))]
    parts.append(note(translate(lang, "runs.where.finished" if finished else "runs.where.storage")))
    return root(more(translate(lang, "runs.where.title"), join(parts), "where"), "bd-where-to-run")


def _now(launching: Launching, lang: str) -> str:
    """Return how runs are started now, and what changes it."""
    if launching.launcher == "local":
        return translate(lang, "runs.where.local")
    if launching.hosts > 1:
        return translate(lang, "runs.where.hosts", hosts=launching.hosts)
    if launching.processes > 1:
        return translate(lang, "runs.where.processes", processes=launching.processes)
    return translate(lang, "runs.where.each_gpu")
