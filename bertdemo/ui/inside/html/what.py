"""What BERT is, in a minute: the name, how it was trained, its six steps, and the model that ships with the app."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.glossary import Glossary
from bertdemo.ui.html.primitives import join, root

# The parts of the explanation, each a heading and a paragraph.
PARTS = ("name", "encoder", "directions", "pretraining", "fine_tuning", "bundled")
# The six steps from a text to a prediction, each opens the step of the same name.
PATH = ("tokens", "specials", "embeddings", "layers", "pooling", "head")


def render_what(lang: str) -> str:
    """Draw the explanation, and the six steps as buttons."""
    glossary = Glossary(lang)
    parts = join(
        f"<section><h3>{esc(translate(lang, f'inside.what.{name}.title'))}</h3>"
        f"<p>{glossary.mark(translate(lang, f'inside.what.{name}.text'))}</p></section>"
        for name in PARTS
    )
    path = join(
        f'<li><button type="button" data-step="{name}">{esc(translate(lang, f"inside.what.path.{name}"))}</button></li>'
        for name in PATH
    )
    return root(f'<div class="bd-what">{parts}</div><ol class="bd-path">{path}</ol>', "bd-in")
