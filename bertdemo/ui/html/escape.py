"""The one place where text from outside becomes HTML."""

from __future__ import annotations

import html

# Beyond the five of HTML: gr.HTML hands its value to a template, where these could open an expression.
_TEMPLATE = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;", "\\": "&#92;"})
# Control characters but tab, line feed and carriage return, which HTML does not allow.
_CONTROL = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}


def esc(text: object) -> str:
    """Return the text escaped for an element or a quoted attribute, so that it is shown exactly as it is."""
    return html.escape(str(text).translate(_CONTROL), quote=True).translate(_TEMPLATE)
