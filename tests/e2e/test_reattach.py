"""A page only looks at a run: reloads, other browsers, a dead server and a dead worker change what it says, no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import Server
from tests.e2e.visitor import Visitor, template

SAYS_MS = 3_000 * 10
"""What must be said within 3 seconds, on a machine that may be ten times as slow."""


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    """A server that the tests of this file kill and start again."""
    server = Server(tmp_path_factory.mktemp("fragile") / "home", tiny)
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_run_left(fragile: Server) -> Iterator[None]:
    """End what a failed test left in training: the next run would wait for it, and fail without a fault of its own."""
    yield
    for worker in fragile.training():
        worker.kill()
        worker.wait()


def _long_run(visitor: Visitor, folder: Path, rows: int = 400, batch: int = 2) -> str:
    """Start a run that lasts minutes, and wait for its first steps."""
    visitor.open("train").tiny()
    visitor.upload(write_reviews(folder / "long.csv", rows))
    visitor.set(epochs=50, batch_size=batch)
    run = visitor.start()
    _moves(visitor, run)
    return run


def _step(visitor: Visitor) -> int:
    words = visitor.sees("#train-panel .bd-facts", "run.step")
    return int(re.sub(r"\D", "", re.search(r"\d[\d,]*", words)[0]))  # type: ignore[index]


def _moves(visitor: Visitor, run: str) -> None:
    """Wait until the page shows a later step of this run."""
    visitor.state(run, "running")
    visitor.page.wait_for_function("() => document.querySelector('#train-panel .bd-facts b')")
    before = visitor.page.locator("#train-panel .bd-facts").inner_text()
    visitor.page.wait_for_function(
        "before => (document.querySelector('#train-panel .bd-facts') || {}).innerText !== before", arg=before
    )


def _stop(visitor: Visitor, run: str) -> None:
    visitor.page.click("#train-stop")
    visitor.state(run, "cancelled")


def _nothing_runs(visitor: Visitor) -> None:
    """Assert that no tab says that something is going on."""
    for name in ("train", "runs", "predict", "tokens"):
        visitor.tab(name)
        if name == "runs":
            if visitor.page.locator("#runs-back").is_visible():
                visitor.page.click("#runs-back")
            visitor.page.locator("#runs-list [data-run]").first.wait_for()
        for state in ("running", "starting", "queued"):
            visitor.page.locator(f"[data-state={state}]").first.wait_for(state="detached", timeout=SAYS_MS)
    visitor.tab("train")
    assert not visitor.page.locator("#train-stop").is_visible()


def test_a_reload_a_second_tab_and_another_browser_show_the_same_run_and_can_stop_it(
    visit: Visit, fragile: Server, tmp_path: Path
) -> None:
    first = visit("en", fragile)
    run = _long_run(first, tmp_path)
    first.reload()
    _moves(first, run)
    second = Visitor(first.page.context.new_page(), fragile.url).open("train")
    _moves(second, run)
    other = visit("zh", fragile).open("train", run=run)
    _moves(other, run)
    _stop(other, run)
    for visitor in (first, second):
        visitor.state(run, "cancelled")
        visitor.sees("#train-progress", "state.cancelled")


def test_a_killed_server_does_not_end_the_run_and_the_next_one_follows_and_stops_it(
    visit: Visit, fragile: Server, tmp_path: Path
) -> None:
    visitor = visit("en", fragile, shaky=True)
    run = _long_run(visitor, tmp_path)
    worker = fragile.worker_of(run)
    visitor.mark()
    fragile.kill()
    assert worker.is_running()
    fragile.start()
    visitor.reloaded()  # by itself: nobody presses anything, and the address and the browser remember the run
    _moves(visitor, run)
    other = visit("en", fragile).open("train", run=run)
    _moves(other, run)
    assert fragile.worker_of(run).pid == worker.pid
    _stop(other, run)
    visitor.state(run, "cancelled")


def test_a_killed_worker_is_told_with_its_reason_and_nothing_claims_to_run(
    visit: Visit, fragile: Server, tmp_path: Path
) -> None:
    visitor = visit("en", fragile)
    run = _long_run(visitor, tmp_path)
    watcher = visit("zh", fragile).open("runs", run=run)
    fragile.worker_of(run).kill()
    visitor.page.locator("#train-panel [data-state=interrupted]").wait_for(timeout=SAYS_MS)
    visitor.sees("#train-progress", "state.interrupted")
    visitor.sees("#train-panel [role=alert]", "run.interrupted_by_signal", signal=9)
    watcher.page.locator("#runs-title").filter(has_text=watcher.say("state.interrupted")).wait_for(timeout=SAYS_MS)
    for page in (visitor, watcher):
        _nothing_runs(page)
    resumed = visitor.page.locator("#train-resume")
    resumed.filter(has_text=template("en", "run.resume_start")).or_(
        resumed.filter(has_text=template("en", "run.resume"))  # where this machine is slow, it had saved already
    ).click()
    _moves(visitor, run)
    _stop(visitor, run)
    resumed.filter(has_text=template("en", "run.resume")).wait_for()
    watcher.open("runs", run=run).page.locator("#runs-resume").filter(has_text=template("zh", "run.resume")).click()
    visitor.state(run, "running")
    _stop(visitor, run)


def test_stopping_keeps_the_best_weights_and_measures_them(visit: Visit, fragile: Server, tmp_path: Path) -> None:
    visitor = visit("en", fragile)
    run = _long_run(visitor, tmp_path, rows=60, batch=8)
    visitor.page.locator("#train-panel .ring").wait_for()  # so one epoch has been evaluated
    _stop(visitor, run)
    visitor.sees("#train-progress", "state.cancelled")
    visitor.sees("#train-outcome", "result.on_validation")
    assert visitor.page.locator("#train-try").is_visible()


def test_stopping_before_the_first_evaluation_says_that_nothing_was_measured(
    visit: Visit, fragile: Server, tmp_path: Path
) -> None:
    visitor = visit("en", fragile)
    run = _long_run(visitor, tmp_path, rows=1400, batch=1)
    _stop(visitor, run)
    visitor.sees("#train-outcome", "result.not_evaluated")
    visitor.speak("zh")
    visitor.sees("#train-outcome", "result.not_evaluated")
    visitor.page.click("#train-try")
    visitor.infers_with(visitor.say("predict.choice_unmeasured"))
    visitor.ask("good film")
    visitor.page.locator("#predict-answer .bd-two").wait_for()
