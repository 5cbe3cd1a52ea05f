"""The page as a whole: header, tabs in their order, and how it is launched. Nothing is built at import."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import gradio as gr
from gradio.routes import App as GradioApp
from starlette.middleware import Middleware

from bertdemo.errors import PortTaken
from bertdemo.i18n.translation import DEFAULT, LANGUAGES, translate
from bertdemo.services import Services
from bertdemo.settings import MIB, Settings
from bertdemo.ui import hot_reload, theme
from bertdemo.ui.api.endpoints import build_api
from bertdemo.ui.body_limit import BodyLimit
from bertdemo.ui.client_address import ClientAddress
from bertdemo.ui.disk_guard import DiskGuard
from bertdemo.ui.fine_tune import callbacks as fine_tune
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.predictions import render_model
from bertdemo.ui.inference import callbacks as inference
from bertdemo.ui.inside import wiring as inside
from bertdemo.ui.localized import LocalizedComponents, UploadGuardBlocks, guarded
from bertdemo.ui.page import Page, wire
from bertdemo.ui.runs import wiring as runs
from bertdemo.ui.sessions import light_sessions
from bertdemo.ui.tokenization import callbacks as tokenization
from bertdemo.ui.unread_answers import dropping_unread
from bertdemo.ui.updates import QUIET, Updates

# Id in the address -> what draws the tab, in the order of the page.
TABS: dict[str, Callable[[Page], None]] = {
    "tokens": tokenization.build,
    "inside": inside.build,
    "train": fine_tune.build,
    "predict": inference.build,
    "runs": runs.build,
}
# Languages in their own names.
_NAMES = {"en": "English", "zh": "中文"}
_SECRET = "bertdemo"  # noqa: S105  (sent to every browser: it only keeps the stored value readable after a restart)


@dataclass(frozen=True)
class App:
    """A built page: what Gradio serves, and what its tabs got."""

    blocks: gr.Blocks
    page: Page


def build_app(settings: Settings, services: Services | None = None) -> App:
    """Build the page over these services, or over new ones where there are none."""
    services = services or Services.create(settings)  # tests bring their own
    words = LocalizedComponents()
    with UploadGuardBlocks(
        analytics_enabled=False,
        title=translate(DEFAULT, "common.title"),
        fill_width=True,
        delete_cache=(3600, 86400),  # every hour, delete uploads and results older than a day
    ) as blocks:
        build_api(services)  # first, so that no listener of the page takes a name of the API
        endpoints = list(blocks.children)
        remembered = gr.BrowserState("", storage_key="bertdemo-lang", secret=_SECRET)
        header = _header(words, services)
        # Gradio counts the index of a tab among all children of gr.Tabs, so nothing but tabs may be inside it.
        owner = gr.BrowserState("", storage_key="bertdemo-owner", secret=_SECRET)
        # A BrowserState never stores a falsy value, so that "no run" is a dictionary and not None.
        run = gr.BrowserState({"run": None}, storage_key="bertdemo-run", secret=_SECRET)
        checkpoint, opened, inspected = (gr.State("") for _ in range(3))
        clock = gr.Timer(1.0, active=True)  # in a tab it would not tick until that tab is opened
        with gr.Tabs(selected="tokens", elem_id="tabs") as tabs:
            page = Page(
                settings=settings,
                services=services,
                tab_ids=tuple(TABS),
                tabs=tabs,
                lang=header.lang,
                owner=owner,
                device=header.device,
                model=header.model,
                words=words,
                run=run,
                checkpoint=checkpoint,
                opened=opened,
                inspected=inspected,
                clock=clock,
            )
            opened_tabs = {name: _tab(page, name, build) for name, build in TABS.items()}
        _wire_tabs(page, opened_tabs)
        wire(page, blocks, remembered)
    # Gradio's page finds a component by walking the tree from its first child, a dozen times per key press, so the
    # hidden components of the endpoints go last.
    first = {id(child) for child in endpoints}
    blocks.children = [*(child for child in blocks.children if id(child) not in first), *endpoints]
    # 64 calls may wait and 8 of one listener run: inference is bounded by its own slots, not here.
    blocks.queue(max_size=64, default_concurrency_limit=8)
    return App(blocks, page)


def _wire_tabs(page: Page, tabs: Mapping[str, gr.Tab]) -> None:
    """Connect the listeners of a tab that opens, and let the header show its checkpoint."""

    def show_model(checkpoint: str, key: str, lang: str) -> Updates:
        return {page.model: render_model(page.catalogue.describe(checkpoint, page.services.owner(key)), lang)}

    # A checkpoint that cannot be described leaves the pill as it is: the tab itself shows the error.
    showing = guarded(show_model, on_error=lambda _: {page.model: gr.skip()})
    for name, hook in page.open_hooks.items():
        tabs[name].select(hook.fn, hook.inputs, hook.outputs, **QUIET)
    for name, checkpoint in page.model_choices.items():
        for event in (tabs[name].select, checkpoint.input):
            event(showing, [checkpoint, page.owner, page.lang], page.model, **QUIET)


def _tab(page: Page, name: str, build: Callable[[Page], None]) -> gr.Tab:
    tab = page.words.make(gr.Tab, {"label": f"tabs.{name}"}, id=name, elem_id=f"tab-{name}")
    with tab:
        build(page)
    # In the browser alone: the address changes without a request to the server.
    tab.select(None, None, None, js=f"() => window.bertdemo.tab('{name}')")
    return tab


def launch(app: App) -> str:
    """Start the server beside the caller's thread and return its address. Raises PortTaken."""
    settings = app.page.settings
    if settings.public:
        hot_reload.keep_out()
    try:
        _, address, _ = app.blocks.launch(**_launch_kwargs(settings), prevent_thread_lock=True)
    except OSError:
        asked = settings.server_port or "7860–7959"  # Gradio tries a hundred ports where none is given
        raise PortTaken(address=f"{settings.server_name}:{asked}") from None
    return address


@dataclass(frozen=True)
class _Header:
    """The language control, and the pills of checkpoint and device."""

    lang: gr.Radio
    model: gr.HTML
    device: gr.HTML


def _header(words: LocalizedComponents, services: Services) -> _Header:
    """Draw the line above the tabs."""
    with gr.Row(elem_id="header"):
        words.make(gr.HTML, {"value": _wordmark}, elem_id="wordmark", min_width=0)
        lang = words.make(
            gr.Radio,
            {"label": "header.language"},
            choices=[(_NAMES[code], code) for code in LANGUAGES],
            value=DEFAULT,
            show_label=False,
            container=False,
            elem_id="language",
            min_width=0,
            interactive=True,
        )
        bundled = services.catalogue.describe("bundled", "")
        model = words.make(gr.HTML, {"value": lambda lang: render_model(bundled, lang)}, elem_id="model", min_width=0)
        device = gr.HTML("", elem_id="device", min_width=0)
    return _Header(lang, model, device)


def _wordmark(lang: str) -> str:
    return (
        '<div class="bd bd-header"><span class="bd-wordmark">bert<b>demo</b></span>'
        f'<span class="bd-tagline">{esc(translate(lang, "header.tagline"))}</span></div>'
    )


def _launch_kwargs(settings: Settings) -> dict[str, Any]:
    limits = settings.limits
    # A multipart upload is a little larger than its file; any other body is a text or settings.
    limit = Middleware(BodyLimit, upload_bytes=limits.file_bytes + 2 * MIB, other_bytes=4 * MIB)
    address = Middleware(ClientAddress, trusted_proxies=settings.trusted_proxies)
    # Off: what keeps or shows data of one visitor to another (history, monitoring), opens the server to others (share,
    # MCP), or shows internals (show_error). Server-side rendering needs Node.
    return {
        "server_name": settings.server_name,
        "server_port": settings.server_port,
        "theme": theme.theme(),
        "css": theme.css(),
        "head": _head(),
        "footer_links": ["api", "settings"],
        "app_kwargs": {
            "middleware": [limit, address, Middleware(DiskGuard, settings=settings)],
            "lifespan": _lifespan,
        },
        "max_file_size": limits.file_bytes + MIB,
        "share": False,
        "show_error": False,
        "run_history": False,
        "ssr_mode": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "pwa": False,
        "mcp_server": False,
        "quiet": True,
    }


@contextlib.asynccontextmanager
async def _lifespan(app: GradioApp) -> AsyncIterator[None]:
    """Bound what the server keeps of its visitors, from before the first request."""
    async with light_sessions(app), dropping_unread(app):
        yield


def _head() -> str:
    assets = files("bertdemo.ui").joinpath("assets")
    names = ("page", "inside", "fine_tune", "inference", "runs", "saving")
    script = "".join(assets.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in names)
    titles = json.dumps({lang: translate(lang, "common.title") for lang in LANGUAGES})
    unstored = json.dumps(
        {
            lang: {"told": translate(lang, "page.unstored"), "open": translate(lang, "page.own_tab")}
            for lang in LANGUAGES
        }
    )
    words = f"Object.assign(window.bertdemo, {{ titles: {titles}, unstored: {unstored} }});"
    return f"<style>{theme.frame()}</style><script>{script}{words}</script>"
