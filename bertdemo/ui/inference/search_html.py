"""The results of a semantic search, beside those of a TF-IDF ranking."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.i18n.translation import plural, thousands, translate
from bertdemo.serving.search import Hit, SearchResult
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, heading, join, note, root, short

# Characters of a document in the list.
_TEXT_CHARS = 300


def render_search(results: SearchResult, lang: str) -> str:
    """Draw both rankings side by side."""
    about = [plural(lang, "search.documents", results.documents)]
    if results.again:
        about.append(plural(lang, "search.again", results.again))
    if results.cut:
        about.append(plural(lang, "search.cut", results.cut))
    meaning = heading(translate(lang, "search.by_meaning")) + _list(results.by_meaning, lang)
    words = heading(translate(lang, "search.by_words")) + _list(
        [hit for hit in results.by_words if hit.score > 0], lang
    )
    sides = f'<div class="bd-two"><div>{meaning}</div><div>{words}</div></div>'
    return root(caption(" ".join(about)) + sides + note(translate(lang, "search.note")), "bd-search")


def _list(hits: Sequence[Hit], lang: str) -> str:
    if not hits:
        return caption(translate(lang, "search.nothing"))
    items = join(
        f'<li><b class="n">{hit.score:.3f}</b> <span dir="auto">{esc(short(hit.text, _TEXT_CHARS))}</span> '
        f"<small>{esc(translate(lang, 'search.row', n=thousands(hit.row)))}</small></li>"
        for hit in hits
    )
    return f'<ol class="bd-hits">{items}</ol>'
