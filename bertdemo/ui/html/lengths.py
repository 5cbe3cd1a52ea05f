"""The lengths of the texts in tokens as one strip, with the length that is suggested and what it truncates."""

from __future__ import annotations

from bertdemo.analysis.report import LengthSummary
from bertdemo.i18n.translation import percent, thousands, translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import bars, caption, histogram, table


def render_lengths(lengths: LengthSummary, lang: str) -> str:
    """Draw the histogram with the suggested length; the quantiles and what each length truncates are folded below."""
    if not lengths.measured:
        return ""
    quantiles = {name: thousands(getattr(lengths, name)) for name in ("p50", "p95", "longest")}
    about = translate(lang, "data.lengths.about", **quantiles)
    mark = translate(lang, "data.lengths.suggested", n=thousands(lengths.suggested))
    # The sentence about hollow bars only where there is one.
    over = any(end > lengths.suggested and count for end, count in lengths.histogram)
    cut = bars((_at(length, lengths.suggested, lang), share, percent(share)) for length, share in lengths.cut)
    folded = (
        caption(about)
        + (caption(translate(lang, "data.lengths.hollow")) if over else "")
        + caption(translate(lang, "data.lengths.cut"))
        + cut
        + _numbers(lengths, lang)
    )
    title = esc(translate(lang, "data.lengths.title"))
    strip = histogram(lengths.histogram, about, lengths.suggested, mark, ("0", thousands(lengths.histogram[-1][0])))
    return f'{strip}<details class="bd-length-numbers"><summary>{title}</summary>{folded}</details>'


def _at(length: int, suggested: int, lang: str) -> str:
    if length == suggested:
        return translate(lang, "data.lengths.at_suggested", n=thousands(length))
    return thousands(length)


def _numbers(lengths: LengthSummary, lang: str) -> str:
    """Draw the bars as a table: for a screen reader, and for whoever wants the exact numbers."""
    headers = [translate(lang, f"data.lengths.{name}") for name in ("range", "count")]
    width = lengths.histogram[0][0]  # all ranges are equally wide, and the first one begins at 1
    rows = [(f"{thousands(end - width + 1)}–{thousands(end)}", thousands(count)) for end, count in lengths.histogram]
    return table(headers, rows, numeric=(0, 1))
