"""The buttons that assets/inside.js answers by itself or passes on: examples, views of a head, link and classroom."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, root
from bertdemo.ui.inside.html.samples import examples

# The views of one head.
LOOKS = ("arcs", "matrix", "numbers")


def render_examples(lang: str) -> str:
    """Draw the examples."""
    buttons = join(
        f'<button type="button" data-example="{name}">{esc(translate(lang, f"inside.example.{name}"))}</button>'
        for name in examples()
    )
    label = esc(translate(lang, "inside.example.title"))
    return root(f'<div class="bd-examples" role="group" aria-label="{label}">{buttons}</div>')


def render_looks(lang: str) -> str:
    """Draw the switch between the views of one head."""
    buttons = join(
        f'<button type="button" data-look="{name}" aria-pressed="{"true" if name == LOOKS[0] else "false"}">'
        f"{esc(translate(lang, f'inside.look.{name}'))}</button>"
        for name in LOOKS
    )
    label = esc(translate(lang, "inside.look.title"))
    return root(f'<div class="bd-looks" role="group" aria-label="{label}">{buttons}</div>')


def render_buttons(lang: str) -> str:
    """Draw the buttons that copy the address and switch the classroom mode."""
    link, done, room = (translate(lang, f"inside.{name}") for name in ("link_copy", "link_copied", "classroom"))
    return root(
        f'<div class="bd-line-buttons"><button type="button" data-link data-done="{esc(done)}">{esc(link)}</button>'
        f'<button type="button" data-classroom aria-pressed="false" aria-keyshortcuts="F">{esc(room)}</button></div>'
    )
