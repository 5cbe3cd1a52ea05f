"""Tokenization: a text as BERT reads it, at every keystroke. Needs a tokenizer only, no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import TextTooLong
from bertdemo.ui.i18n import DEFAULT, has, thousands, translate
from bertdemo.ui.page import SAMPLES, Page, Visit
from bertdemo.ui.render.primitives import error_state, root
from bertdemo.ui.render.tokens import render_compared, render_stages, render_strip, render_table
from bertdemo.ui.services import Services
from bertdemo.ui.widgets import guarded

SAMPLE = SAMPLES["en"]
_BUNDLED = "bundled"


@dataclass(frozen=True)
class _Callbacks:
    """The listeners of this tab, without the page."""

    services: Services

    @property
    def catalogue(self) -> Catalogue:
        """The checkpoints."""
        return self.services.catalogue

    def draw(
        self, text: str, pair: str, checkpoint: str, compare: str, max_length: float | None, owner: str, lang: str
    ) -> tuple[str, str, str, str]:
        """Inputs: text, pair, checkpoint, compare, max_length, owner, lang. Outputs: strip, compared, stages, table."""
        first = self._trace(text, pair, checkpoint, max_length, owner)
        compared = ""
        if compare:
            other = self._trace(text, pair, compare, max_length, owner)
            name = self.catalogue.describe(compare, self._owner(owner)).name
            compared = render_compared(other, name, lang)
        return render_strip(first, lang), compared, render_stages(first, lang), render_table(first, lang)

    def choose(self, checkpoint: str, owner: str) -> Any:
        """Inputs: checkpoint, owner. Outputs: max_length, set to what the checkpoint can read."""
        positions = self.catalogue.describe(checkpoint, self._owner(owner)).positions
        return gr.update(maximum=positions, value=positions)

    def arrive(self, visit: Visit) -> tuple[Any, Any]:
        """Inputs: the visit. Outputs: checkpoint and compare, with what this owner may choose."""
        main, other = self.offer(visit.lang, visit.owner)
        known = visit.checkpoint in {value for _, value in main["choices"]}
        if known or self.catalogue.is_hub_id(visit.checkpoint):
            main["value"] = visit.checkpoint
        return main, other

    def offer(self, lang: str, owner: str) -> tuple[Any, Any]:
        """Inputs: language, owner. Outputs: checkpoint and compare, with what this owner may choose."""
        choices = self.choices(lang, owner)
        none = (translate(lang, "tokens.compare_none"), "")
        return gr.update(choices=choices), gr.update(choices=[none, *choices])

    def choices(self, lang: str, owner: str = "") -> list[tuple[str, str]]:
        """Return every checkpoint with what it is, as choices of a dropdown."""
        return [(_describe(info, lang), info.id) for info in self.catalogue.list(self._owner(owner))]

    def compare_choices(self, lang: str) -> list[tuple[str, str]]:
        """Return the same with "no other" first."""
        return [(translate(lang, "tokens.compare_none"), ""), *self.choices(lang)]

    def _owner(self, key: str) -> str:
        """Return whose checkpoints may be used; who has no key yet may use those of nobody."""
        return self.services.owner(key, optional=True)

    def _trace(self, text: str, pair: str, checkpoint: str, max_length: float | None, owner: str) -> TokenTrace:
        text, pair = text or "", pair or ""  # a box that was never drawn sends None
        limit = self.services.settings.limits.text_chars
        longest = max(len(text), len(pair))
        if longest > limit:
            raise TextTooLong(chars=thousands(longest), limit=thousands(limit))
        mine = self._owner(owner)
        info = self.catalogue.describe(checkpoint, mine)
        return trace(
            self.catalogue.tokenizer(checkpoint, mine), text, pair,
            checkpoint=checkpoint, max_length=max(int(max_length or 0), 0), positions=info.positions,
        )  # fmt: skip


def build(page: Page) -> None:
    """Draw the tab."""
    calls = _Callbacks(page.services)
    make = page.words.make
    drawn = guarded(calls.draw, shown=_refused)(SAMPLE, "", _BUNDLED, "", 0, "", DEFAULT)

    text = make(
        gr.Textbox, {"label": "tokens.text", "placeholder": "tokens.text_placeholder"},
        value=SAMPLE, lines=1, max_lines=8, container=False, elem_id="tokens-text", elem_classes="bd-write",
    )  # fmt: skip
    pair = make(
        gr.Textbox, {"label": "tokens.pair", "placeholder": "tokens.pair_placeholder"},
        lines=1, max_lines=8, container=False, visible=False, elem_id="tokens-pair", elem_classes="bd-write",
    )  # fmt: skip
    strip = gr.HTML(drawn[0], elem_id="tokens-strip")
    checkpoint, compare, max_length, add = _controls(page, calls)
    compared = gr.HTML(drawn[1], elem_id="tokens-compared")
    stages = gr.HTML(drawn[2], elem_id="tokens-stages")
    with make(gr.Accordion, {"label": "tokens.table"}, open=False, elem_id="tokens-table-box"):
        table = gr.HTML(drawn[3], elem_id="tokens-table")
    if "train" in page.tab_ids:
        go = make(gr.Button, {"value": "tokens.train"}, variant="primary", elem_id="tokens-train", scale=0)
        page.goes_to(go, "train")

    asked = [text, pair, checkpoint, compare, max_length, page.owner, page.lang]
    pictures = [strip, compared, stages, table]
    for box in (text, pair, checkpoint, compare, max_length):
        box.change(
            guarded(calls.draw, shown=_refused), asked, pictures,
            queue=False, trigger_mode="always_last", show_progress="hidden", api_visibility="private",
        )  # fmt: skip
    checkpoint.input(
        guarded(calls.choose, shown=lambda _: gr.skip()), [checkpoint, page.owner], max_length,
        queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    add.click(
        lambda: (gr.update(visible=True), gr.update(visible=False)), None, [pair, add],
        queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    checkpoint.input(None, checkpoint, None, js="(it) => window.bertdemo.address('checkpoint', it || '')")
    page.tells_model("tokens", checkpoint)
    page.on_load(calls.arrive, [], [checkpoint, compare])
    page.on_language(calls.offer, [page.owner], [checkpoint, compare])
    page.on_language(_spoken(calls), asked[:-1], pictures)


def _controls(page: Page, calls: _Callbacks) -> tuple[gr.Dropdown, gr.Dropdown, gr.Number, gr.Button]:
    make = page.words.make
    with gr.Row(elem_classes="bd-controls"):
        checkpoint = make(
            gr.Dropdown, {"label": "tokens.checkpoint", "choices": calls.choices},
            value=_BUNDLED, allow_custom_value=True, elem_id="tokens-checkpoint", scale=3, min_width=220,
        )  # fmt: skip
        compare = make(
            gr.Dropdown, {"label": "tokens.compare", "choices": calls.compare_choices},
            value="", allow_custom_value=True, elem_id="tokens-compare", scale=3, min_width=220,
        )  # fmt: skip
        max_length = make(
            gr.Number, {"label": "tokens.max_length"},
            value=512, minimum=2, maximum=512, precision=0, elem_id="tokens-length", scale=1, min_width=120,
        )  # fmt: skip
        add = make(
            gr.Button, {"value": "tokens.add_pair"}, size="md", elem_id="tokens-add-pair", scale=0, min_width=180
        )
    return checkpoint, compare, max_length, add


def _spoken(calls: _Callbacks) -> Any:
    def draw(lang: str, *values: Any) -> Any:
        return guarded(calls.draw, shown=_refused)(*values, lang=lang)

    return draw


def _refused(told: str) -> tuple[str, str, str, str]:
    return root(error_state(told)), "", "", ""


def _describe(info: Any, lang: str) -> str:
    known = f"checkpoint.language.{info.language}"
    language = translate(lang, known if has(known) else "checkpoint.language.unknown")
    key = "tokens.choice" if info.ready else "tokens.choice_remote"
    return translate(lang, key, name=info.name, language=language, vocabulary=thousands(info.vocabulary))
