"""Runs: everything that this visitor has trained, and one of them opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from bertdemo import tasks
from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import translate
from bertdemo.runs.evaluation import evaluate
from bertdemo.runs.events import ENDED
from bertdemo.runs.registry import RunView
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.tables.spreadsheet import write_csv
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import caption, error_state, root
from bertdemo.ui.html.run_list import render_list, render_request
from bertdemo.ui.html.runs import mistake_cells, render_result, render_run
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import keyed

# A click on a name in the table opens that run; the listener stays when the table is drawn again.
_OPEN_ON_CLICK = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-open]");
  if (button) trigger("select", { run: button.dataset.open });
});
"""
_LISTED, _OPENED = 2, 11


@dataclass(frozen=True)
class _State:
    """What the page remembers between listeners."""

    opened: gr.State
    asked: gr.State
    """Whether the person was asked if they are sure to delete."""
    seen: gr.State
    """What the timer has drawn of the opened run, so that it sends a large result once."""
    timer: gr.Timer


class _Callbacks:
    """The listeners of this tab, without the page."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._registry = services.registry

    def refresh(self, opened: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: opened, owner, lang. Outputs: table, timer (on while something goes on)."""
        owner = self._services.owner(key)
        views = [self._registry.summary(run, owner) for run in self._registry.ids(owner)]
        statuses = [status_of(view) for view in views]
        ahead = {view.run_id: self._services.supervisor.ahead(view) for view in views if view.state == "queued"}
        going = any(not status.ended for status in statuses)
        return render_list(statuses, ahead, opened, lang), gr.Timer(active=going)

    def tick(self, opened: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: opened, owner, lang. Outputs: table, timer, then those of `show`."""
        return (*self.refresh(opened, key, lang), *self.show(opened, key, lang))

    def watch(self, opened: str, seen: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: opened, seen, owner, lang. Outputs: seen, then those of `tick`; a run that has ended comes once."""
        run = self._found(self._registry.summary, opened, key)
        now = f"{opened}:{run.seq}:{lang}" if run and run.state in ENDED else ""
        shown = (gr.skip(),) * _OPENED if now and now == seen else self.show(opened, key, lang)
        return (now, *self.refresh(opened, key, lang), *shown)

    def arrive(self, visit: Visit) -> tuple[Any, ...]:
        """Inputs: the visit. Outputs: opened, then those of `tick`."""
        return (visit.run, *self.tick(visit.run, visit.owner, visit.lang))

    def choose(self, key: str, lang: str, event: gr.EventData) -> tuple[Any, ...]:
        """Inputs: owner, lang, the click. Outputs: opened, then those of `tick`."""
        run = str(getattr(event, "run", ""))
        return (run, *self.tick(run, key, lang))

    def show(self, run: str, key: str, lang: str) -> tuple[Any, ...]:
        """Outputs: the box, its title, result, data, curves, use, inspect, download, mistakes, stop, delete."""
        view = self._found(self._registry.read, run, key)
        if view is None:
            words = root(caption(translate(lang, "runs.choose")))
            return (gr.update(visible=False), words, "", "", "", *(gr.update(visible=False),) * 6)
        status = status_of(view)
        rows = self._registry.evaluation(run, self._services.owner(key)) if status.ended else []
        evaluation = evaluate(rows, status.started.labels) if rows and status.started else None
        usable = gr.update(visible=bool(status.checkpoint))
        return (
            gr.update(visible=True),
            root(f'<h2 class="bd-h" data-opened="{esc(run)}">{esc(status.name)}</h2>'),
            render_result(status, evaluation, lang),
            render_request(view.request, status, lang),
            render_run(status, lang, self._services.supervisor.ahead(view)),
            usable,
            usable,
            usable,
            gr.update(visible=bool(evaluation and evaluation.mistakes)),
            gr.update(visible=not status.ended, interactive=not status.stopping),
            gr.update(visible=status.ended or status.state == "queued", value=translate(lang, "runs.delete")),
        )

    def stop(self, run: str, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: opened, owner, lang. Outputs: those of `tick`."""
        self._services.supervisor.cancel(run, self._services.owner(key))
        return self.tick(run, key, lang)

    def delete(self, run: str, asked: bool, key: str, lang: str) -> tuple[Any, ...]:
        """Inputs: opened, whether it was asked before, owner, lang. Outputs: asked, opened, those of `tick`."""
        if not asked:
            skipped = (gr.skip(),) * (_LISTED + _OPENED - 1)
            return (True, gr.skip(), *skipped, gr.update(value=translate(lang, "runs.delete_sure")))
        self._services.supervisor.delete(run, self._services.owner(key))
        self._services.forget(run)
        return (False, "", *self.tick("", key, lang))

    def archive(self, run: str, key: str, lang: str) -> Any:  # noqa: ARG002 - for `guarded`
        """Inputs: opened, owner, lang. Outputs: the hidden download button, holding the zip."""
        return gr.DownloadButton(value=str(self._services.zip_of(run, key)))

    def mistakes(self, run: str, key: str, lang: str) -> Any:
        """Inputs: opened, owner, lang. Outputs: the hidden download button, holding all mistakes as CSV."""
        owner = self._services.owner(key)
        view = self._registry.read(run, owner)
        status = status_of(view)
        labels = status.started.labels if status.started else ()
        mistakes = evaluate(self._registry.evaluation(run, owner), labels).mistakes
        reads = [role.name for role in tasks.find(view.request.task).reads]
        target = self._services.new_result_folder() / f"{run}-mistakes.csv"
        write_csv(target, *mistake_cells(mistakes, reads, status.headline, lang))
        return gr.DownloadButton(value=str(target))

    def _found(self, read: Callable[[str, str], RunView], run: str, key: str) -> RunView | None:
        if not run:
            return None
        try:
            return read(run, self._services.owner(key))
        except BertDemoError:
            return None


def build(page: Page) -> None:
    """Draw the tab."""
    services = page.services
    calls, make = _Callbacks(services), page.words.make
    state = _State(gr.State(""), gr.State(False), gr.State(""), gr.Timer(2.0, active=False))
    listing = gr.HTML(render_list([], {}, "", "en"), js_on_load=_OPEN_ON_CLICK, elem_id="runs-list")
    trouble = gr.HTML("", elem_id="runs-trouble")
    title = make(gr.HTML, {"value": lambda lang: root(caption(translate(lang, "runs.choose")))}, elem_id="runs-title")
    with gr.Column(visible=False, elem_id="runs-opened") as box:
        with gr.Row(elem_classes="bd-actions"):
            use = make(gr.Button, {"value": "runs.use"}, variant="primary", elem_id="runs-use", min_width=110, scale=0)
            inspect = make(gr.Button, {"value": "runs.inspect"}, elem_id="runs-inspect", min_width=110, scale=0)
            download = make(gr.Button, {"value": "runs.download"}, elem_id="runs-download", min_width=110, scale=0)
            mistakes = make(gr.Button, {"value": "runs.mistakes"}, elem_id="runs-mistakes", min_width=110, scale=0)
            stop = make(gr.Button, {"value": "runs.stop"}, elem_id="runs-stop", min_width=110, scale=0)
            delete = make(gr.Button, {"value": "runs.delete"}, elem_id="runs-delete", min_width=110, scale=0)
        with gr.Tabs():
            with make(gr.Tab, {"label": "runs.tab.result"}, elem_id="runs-tab-result"):
                result = gr.HTML("", elem_id="runs-result")
            with make(gr.Tab, {"label": "runs.tab.data"}, elem_id="runs-tab-data"):
                data = gr.HTML("", elem_id="runs-data")
            with make(gr.Tab, {"label": "runs.tab.curves"}, elem_id="runs-tab-curves"):
                curves = gr.HTML("", elem_id="runs-curves")
    package = gr.DownloadButton("zip", visible="hidden", elem_id="runs-zip")
    shown = [box, title, result, data, curves, use, inspect, download, mistakes, stop, delete]
    _wire(page, calls, state, listing, trouble, package, shown)


def _wire(
    page: Page, calls: _Callbacks, state: _State, listing: gr.HTML, trouble: gr.HTML, package: Any, shown: list[Any]
) -> None:
    """Connect the list, the buttons of the opened run, and the timer that runs while something goes on."""
    opened, asked, listed = state.opened, state.asked, [listing, state.timer]
    use, inspect, download, mistakes, stop, delete = shown[-6:]
    who = [page.owner, page.lang]
    loud: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    quiet = {**loud, "queue": False}

    def refused(told: str) -> tuple[Any, ...]:
        return (root(error_state(told)), *(gr.skip(),) * (_LISTED + _OPENED))

    def refused_delete(told: str) -> tuple[Any, ...]:
        return (root(error_state(told)), False, *(gr.skip(),) * (1 + _LISTED + _OPENED))

    def stopping(run: str, key: str, lang: str) -> tuple[Any, ...]:
        return ("", *calls.stop(run, key, lang))

    def deleting(run: str, sure: bool, key: str, lang: str) -> tuple[Any, ...]:
        return ("", *calls.delete(run, sure, key, lang))

    def arriving(wanted: str, run: str, key: str, lang: str) -> tuple[Any, ...]:
        return ("", wanted or run, *calls.tick(wanted or run, key, lang))

    listing.select(guarded(calls.choose), who, [opened, *listed, *shown], **quiet)
    state.timer.tick(guarded(calls.watch), [opened, state.seen, *who], [state.seen, *listed, *shown], **quiet)
    stop.click(guarded(stopping, shown=refused), [opened, *who], [trouble, *listed, *shown], **quiet)
    delete.click(
        guarded(deleting, shown=refused_delete),
        [opened, asked, *who],
        [trouble, asked, opened, *listed, *shown],
        **quiet,
    )
    opened.change(lambda: False, None, asked, **quiet)
    use.click(lambda run: (gr.Tabs(selected="predict"), run), opened, [page.tabs, page.checkpoint], **quiet)
    inspect.click(lambda run: (gr.Tabs(selected="inside"), run), opened, [page.tabs, page.inspected], **quiet)
    for button, fn in ((download, calls.archive), (mistakes, calls.mistakes)):
        button.click(guarded(fn), [opened, *who], package, **loud).then(
            None, package, None, js="(file) => window.bertdemo.download(file)"
        )
    drawn = [*listed, *shown]
    arrived = [page.opened, opened, *drawn]
    page.on_open("runs", keyed(guarded(arriving), arrived), [page.opened, opened, *who], arrived)
    page.on_load(keyed(calls.arrive, [opened, *drawn]), [], [opened, *drawn])
    page.on_language(keyed(lambda lang, run, key: calls.tick(run, key, lang), drawn), [opened, page.owner], drawn)
