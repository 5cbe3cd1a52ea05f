"""Small buttons that save a picture as SVG or PNG, or a table as CSV.

The script of the page (assets/saving.js) makes the picture in the browser; a table is written by the server, which
is told by `data-csv` which one.
"""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join

FORMATS = ("svg", "png")


def picture(name: str, drawing_html: str, lang: str) -> str:
    """Put a drawing into a figure that can be saved; `name` is that of the file. "" stays ""."""
    if not drawing_html:
        return ""
    buttons = join(_button(f'data-save="{kind}"', kind.upper(), lang) for kind in FORMATS)
    return (
        f'<figure class="bd-figure" data-picture="{esc(name)}"><div data-drawing>{drawing_html}</div>'
        f'<figcaption class="bd-save">{buttons}</figcaption></figure>'
    )


def csv_button(table: str, lang: str) -> str:
    """Draw the button that saves a table."""
    data = f'data-csv="{esc(table)}"'
    return f'<span class="bd-save">{_button(data, "CSV", lang)}</span>'


def _button(data: str, kind: str, lang: str) -> str:
    words = esc(translate(lang, "result.save", kind=kind))
    return f'<button type="button" {data} aria-label="{words}" title="{words}">{kind}</button>'
