"""Tokenization: a text as BERT reads it, at every keystroke. Needs a tokenizer only, no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import TextTooLong
from bertdemo.i18n.translation import DEFAULT, has, thousands, translate
from bertdemo.services import CHINESE, Services
from bertdemo.ui.html.predictions import render_model
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.html.tokens import render_compared, render_stages, render_strip, render_table
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import SAMPLES, Page, Visit
from bertdemo.ui.updates import keyed

_BUNDLED = "bundled"
_OPENINGS = {(SAMPLES["en"], _BUNDLED), (SAMPLES["zh"], CHINESE)}
"""Text and checkpoint as the page opens with them, before anybody has changed one."""


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
        strip = render_strip(first, lang)
        if lang == "zh" and (text, checkpoint) == (SAMPLES["en"], _BUNDLED) and not self.services.reads_chinese():
            strip += root(caption(translate(lang, "tokens.sample_english")))
        return strip, compared, render_stages(first, lang), render_table(first, lang)

    def choose(self, checkpoint: str, owner: str) -> Any:
        """Inputs: checkpoint, owner. Outputs: max_length, set to what the checkpoint can read."""
        positions = self.catalogue.describe(checkpoint, self._owner(owner)).positions
        return gr.update(maximum=positions, value=positions)

    def arrive(self, visit: Visit, text: str) -> tuple[Any, ...]:
        """Inputs: the visit, text. Outputs: text, checkpoint, compare, the pill, for this language and address."""
        infos = {info.id: info for info in self.catalogue.list(self._owner(visit.owner))}
        wanted, language = visit.checkpoint, "en"
        if wanted in infos:
            language = infos[wanted].language
        elif not self.catalogue.is_hub_id(wanted):
            language, wanted = self._opening(visit.lang)
        main, other = self._lists(visit.lang, visit.owner)
        sample = SAMPLES["zh" if language == "zh" else "en"]
        said = sample if text in SAMPLES.values() and text != sample else gr.skip()
        shown = visit.tab in {"", "tokens"} and wanted in infos
        pill = render_model(infos[wanted], visit.lang) if shown else gr.skip()
        return said, {**main, "value": wanted}, other, pill

    def offer(self, lang: str, text: str, checkpoint: str, compare: str, owner: str) -> tuple[Any, ...]:
        """Inputs: language, text, checkpoint, compare, owner. Outputs: text, checkpoint and compare.

        A sample that nobody has changed is changed for that of the language; what was typed or chosen stays.
        """
        main, other = self._lists(lang, owner)
        kept = (gr.skip(), {**main, "value": checkpoint}, {**other, "value": compare or ""})
        if (text, checkpoint) not in _OPENINGS:
            return kept
        language, wanted = self._opening(lang)
        return SAMPLES[language], {**main, "value": wanted}, kept[2]

    def _opening(self, lang: str) -> tuple[str, str]:
        """Return the language of the sample to begin with, and the checkpoint that reads it."""
        return ("zh", CHINESE) if lang == "zh" and self.services.reads_chinese() else ("en", _BUNDLED)

    def _lists(self, lang: str, owner: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the choices of checkpoint and compare, as updates."""
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
    drawn = guarded(calls.draw, shown=_refused)(SAMPLES["en"], "", _BUNDLED, "", 0, "", DEFAULT)

    text = make(
        gr.Textbox, {"label": "tokens.text", "placeholder": "tokens.text_placeholder"},
        value=SAMPLES["en"], lines=1, max_lines=8, container=False, elem_id="tokens-text", elem_classes="bd-write",
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
    offered: list[Block] = [text, checkpoint, compare]
    page.on_load(keyed(calls.arrive, [*offered, page.model]), [text], [*offered, page.model])
    page.on_language(keyed(calls.offer, offered), [text, checkpoint, compare, page.owner], offered)
    page.on_language(keyed(_spoken(calls), pictures), asked[:-1], pictures)


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
    def draw(
        lang: str, text: str, pair: str, checkpoint: str, compare: str, max_length: float | None, owner: str
    ) -> tuple[str, str, str, str]:
        return guarded(calls.draw, shown=_refused)(text, pair, checkpoint, compare, max_length, owner, lang=lang)

    return draw


def _refused(told: str) -> tuple[str, str, str, str]:
    return root(error_state(told)), "", "", ""


def _describe(info: Any, lang: str) -> str:
    known = f"checkpoint.language.{info.language}"
    language = translate(lang, known if has(known) else "checkpoint.language.unknown")
    key = "tokens.choice" if info.ready else "tokens.choice_remote"
    return translate(lang, key, name=info.name, language=language, vocabulary=thousands(info.vocabulary))
