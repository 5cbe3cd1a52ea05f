"""The read-only link of the open run: made, withdrawn, and what it lets others see."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import gradio as gr

from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import translate
from bertdemo.sharing.read_links import is_link
from bertdemo.ui.html.primitives import caption, heading, note, root
from bertdemo.ui.html.runs import when
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.updates import Updates


@dataclass(frozen=True)
class Links:
    """The listeners of the link; `opened` is the id of the open run, or the link that it was opened by."""

    callbacks: Callbacks

    def show(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `create`."""
        return self._drawn(opened, key, lang)

    def speak(self, lang: str, opened: str, key: str) -> Updates:
        """Outputs: the state, and the words of the button."""
        link, drawn = self.callbacks.parts.sharing.link, self._drawn(opened, key, lang)
        return {block: drawn[block] for block in (link.state, link.create) if block in drawn}

    def create(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: the box, the state, both buttons, and the address from its question mark on."""
        services = self.callbacks.page.services
        reference = services.read_links.create(opened, services.owner(key))
        query = "?" + urlencode({"tab": "runs", "run": reference})
        address = self.callbacks.parts.sharing.link.address
        return {**self._drawn(opened, key, lang), address: gr.update(value=query, visible=True)}

    def withdraw(self, opened: str, key: str, lang: str) -> Updates:
        """Outputs: those of `create`."""
        services = self.callbacks.page.services
        services.read_links.withdraw(opened, services.owner(key))
        return self._drawn(opened, key, lang)

    def refused(self, message: str) -> Updates:
        """Outputs: the state, with the reason in its place."""
        return {self.callbacks.parts.sharing.link.state: root(note(message))}

    def _drawn(self, opened: str, key: str, lang: str) -> Updates:
        """Return the updates of the link without its address; nobody shares an example, or a run with themselves."""
        link, services = self.callbacks.parts.sharing.link, self.callbacks.page.services
        nothing: Updates = {link.box: gr.update(visible=False), link.address: gr.update(value="", visible=False)}
        if not opened or is_link(opened) or services.settings.loopback:
            return nothing
        owner = services.owner(key)
        try:
            created = services.read_links.created(opened, owner)
            finished = services.registry.summary(opened, owner).state == "finished"
        except BertDemoError:  # deleted in another window, or an example
            return nothing
        return {
            **nothing,
            link.box: gr.update(visible=finished),
            link.state: _state(created, lang),
            link.create: gr.update(value=translate(lang, "runs.new_link" if created else "runs.make_link")),
            link.withdraw: gr.update(visible=created is not None),
        }


def _state(created: float | None, lang: str) -> str:
    """Draw what a link shows to others, and whether there is one."""
    there = translate(lang, "runs.link.there", time=when(created)) if created else ""
    return root(
        heading(translate(lang, "runs.link.title"))
        + caption(translate(lang, "runs.link.about"))
        + (note(there) if there else "")
    )
