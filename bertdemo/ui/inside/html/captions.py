"""The two sentences under each picture of Inside BERT: what it shows, and what it does not."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc

# Every picture that stands for itself, in the order of the page.
NAMES = (
    "tokens", "word", "specials", "segments", "mask", "embeddings", "positions", "overview", "arcs", "matrix",
    "numbers", "ablation", "path", "map", "pooling", "head", "number", "fill", "norms", "update", "probabilities",
    "movement", "difference", "class_map",
)  # fmt: skip


def says(name: str, lang: str) -> str:
    """Draw the two sentences of one picture."""
    shows, no = (translate(lang, f"inside.picture.{name}.{part}") for part in ("shows", "not"))
    return f'<p class="bd-caption bd-says"><span>{esc(shows)}</span> <span class="bd-not">{esc(no)}</span></p>'
