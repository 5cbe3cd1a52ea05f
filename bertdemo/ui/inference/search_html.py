"""The results of a semantic search, beside those of a TF-IDF ranking."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.i18n.translation import plural, thousands, translate
from bertdemo.serving.search import Hit, SearchResult
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import around, bar, caption, heading, join, note, root, short, spans

# Characters of a document in the list.
_TEXT_CHARS = 300


def render_search(results: SearchResult, lang: str) -> str:
    """Draw both rankings side by side; in that by meaning, the sentence nearest to the query is marked."""
    about = [plural(lang, "search.documents", results.documents)]
    if results.again:
        about.append(plural(lang, "search.again", results.again))
    if results.cut:
        about.append(plural(lang, "search.cut", results.cut))
    marked = any(hit.sentence for hit in results.by_meaning)
    meaning = _side("by_meaning", results.by_meaning, lang, translate(lang, "search.marked") if marked else "")
    words = _side("by_words", [hit for hit in results.by_words if hit.score > 0], lang, "")
    sides = f'<div class="bd-two">{meaning}{words}</div>'
    return root(caption(" ".join(about)) + sides + note(translate(lang, "search.note")), "bd-search-result")


def _side(ranking: str, hits: Sequence[Hit], lang: str, remark: str) -> str:
    title = heading(translate(lang, f"search.{ranking}"))
    return f"<div>{title}{caption(remark) if remark else ''}{_list(hits, lang)}</div>"


def _list(hits: Sequence[Hit], lang: str) -> str:
    if not hits:
        return caption(translate(lang, "search.nothing"))
    return f'<ol class="bd-found-list">{join(_hit(hit, lang) for hit in hits)}</ol>'


def _hit(hit: Hit, lang: str) -> str:
    row = translate(lang, "search.row", n=thousands(hit.row))
    score = f'{bar(hit.score, label=row)}<b class="n">{hit.score:.3f}</b><span>{esc(row)}</span>'
    return f'<li><span class="rank">{hit.rank}</span>{_text(hit)}<span class="score">{score}</span></li>'


def _text(hit: Hit) -> str:
    if hit.sentence is None:
        return spans(short(hit.text, _TEXT_CHARS), [])
    start, end = hit.sentence
    # Of a sentence that is longer than the room only the beginning is marked and shown.
    end = min(end, start + _TEXT_CHARS)
    return spans(*around(hit.text, [(start, end, "", "")], (start, end), _TEXT_CHARS))
