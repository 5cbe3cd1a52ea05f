"""The examples of Inference as chips to press."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, join, root, short
from bertdemo.ui.inference.examples import Offered

# Characters of a text on its chip: two lines at the width of the column.
_CHIP_CHARS = 90


def render_examples(offered: Offered, lang: str) -> str:
    """Draw one chip per example, under a line that says where they come from."""
    if not offered.examples:
        return ""
    key = "examples_held_out" if offered.held_out else "examples_english" if offered.foreign else "examples"
    words = translate(lang, f"predict.{key}")
    chips = join(
        f'<button type="button" class="bd-try" data-example="{at}" aria-pressed="false">'
        f"{esc(short(own.text, _CHIP_CHARS))}"
        f"{f'<small>{esc(short(own.pair, _CHIP_CHARS))}</small>' if own.pair else ''}</button>"
        for at, own in enumerate(offered.examples)
    )
    return root(f'{caption(words)}<div class="bd-tries">{chips}</div>')
