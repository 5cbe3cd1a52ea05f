"""The tokens of a text: what the tab draws (Request), and the drawings."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.errors import TextTooLong
from bertdemo.i18n.translation import thousands, translate
from bertdemo.services import Services
from bertdemo.ui.html.primitives import caption, root
from bertdemo.ui.html.tokens import render_compared, render_stages, render_strip, render_table
from bertdemo.ui.page import SAMPLES
from bertdemo.ui.tokenization.choices import BUNDLED


@dataclass(frozen=True)
class Request:
    """What to draw; `owner` is the key of the owner whose checkpoints may be used."""

    text: str
    pair: str = ""
    checkpoint: str = BUNDLED
    compare: str = ""
    max_length: int = 0
    owner: str = ""


@dataclass(frozen=True)
class Drawings:
    """The HTML of each picture."""

    strip: str
    compared: str
    stages: str
    table: str


def draw(services: Services, request: Request, lang: str) -> Drawings:
    """Draw the tokens of a text, and those of a second tokenizer to compare with. Raises TextTooLong."""
    tokens = _trace(services, request, request.checkpoint)
    compared = ""
    if request.compare:
        other = _trace(services, request, request.compare)
        name = services.catalogue.describe(request.compare, services.owner(request.owner, optional=True)).name
        compared = render_compared(other, name, lang)
    strip = render_strip(tokens, lang)
    opening = (request.text, request.checkpoint) == (SAMPLES["en"], BUNDLED)
    if lang == "zh" and opening and not services.reads_chinese():
        strip += root(caption(translate(lang, "tokens.sample_english")))
    return Drawings(strip, compared, render_stages(tokens, lang), render_table(tokens, lang))


def _trace(services: Services, request: Request, checkpoint: str) -> TokenTrace:
    limit = services.settings.limits.text_chars
    longest = max(len(request.text), len(request.pair))
    if longest > limit:
        raise TextTooLong(chars=thousands(longest), limit=thousands(limit))
    owner = services.owner(request.owner, optional=True)
    return trace(
        services.catalogue.tokenizer(checkpoint, owner),
        request.text,
        request.pair,
        checkpoint=checkpoint,
        max_length=request.max_length,
        positions=services.catalogue.describe(checkpoint, owner).positions,
    )
