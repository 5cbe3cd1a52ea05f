"""A page without tabs, for tests of what one tab's listeners answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from bertdemo.services import Services
from bertdemo.ui.localized import LocalizedComponents
from bertdemo.ui.page import Page


@contextmanager
def empty_page(services: Services) -> Iterator[Page]:
    """Give a page that is under construction, so that a tab can draw its layout in it."""
    with gr.Blocks(analytics_enabled=False):
        yield Page(
            settings=services.settings,
            services=services,
            tab_ids=(),
            tabs=gr.Tabs(),
            lang=gr.Radio(),
            owner=gr.BrowserState(""),
            device=gr.HTML(""),
            model=gr.HTML(""),
            words=LocalizedComponents(),
            run=gr.BrowserState({"run": None}),
            checkpoint=gr.State(""),
            opened=gr.State(""),
            inspected=gr.State(""),
            clock=gr.Timer(1.0),
        )
