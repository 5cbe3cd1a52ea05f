"""The script of a run: what it is, and its code."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.pictures import code
from bertdemo.ui.html.primitives import caption, root


def render_about(lang: str) -> str:
    """Draw what the script does, and what comes with it."""
    return root(caption(translate(lang, "runs.script.about")) + caption(translate(lang, "runs.script.zip")))


def render_script(text: str, lang: str) -> str:
    """Draw a script, with a button that copies it."""
    return root(code(text, translate(lang, "inside.copy")), "bd-script")
