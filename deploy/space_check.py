"""`make space-check`: the app as a Space runs it, walked through in a browser; a dated table in docs/space-check.md.

A copy of what git has, with the packages that a Space installs, runs as another user with a read-only home, at all
interfaces, behind a proxy with a root path, in the frame of another site, once without a bucket, once with one. It
walks from a sentence to a trained model, restarts the Space with its disk erased, and looks for what must be left.
`--port N` chooses another port than 7860; what does not hold is the exit code.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from deploy.checkout import ROOT, commit
from deploy.framed_visitor import STORES, FramedVisitor
from deploy.proxy import Framed, framed_app
from deploy.space_machine import SpaceMachine, free_port, space_python
from tests.e2e.visitor import options

_REPORT = ROOT / "docs" / "space-check.md"
_PREFIX = "/space"
_SAMPLE = "support_en"


@dataclass
class Check:
    """The steps of one walk and how they ended."""

    name: str
    rows: list[tuple[str, str]] = field(default_factory=list)

    def step(self, what: str, act: Callable[[], object]) -> bool:
        """Do one step; what it raises is its result, and later steps are left out."""
        if self.rows and self.rows[-1][1] != "held":
            return False
        try:
            act()
        except Exception as error:
            self.rows.append((what, " ".join(f"{type(error).__name__}: {error}".split())[:300].replace("|", "/")))
            return False
        self.rows.append((what, "held"))
        return True

    @property
    def held(self) -> bool:
        """Whether all steps held."""
        return all(result == "held" for _, result in self.rows)


def main(arguments: Sequence[str]) -> int:
    """Check both kinds of Space; return how many did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=7860)
    port = free_port(parser.parse_args(arguments).port)
    python = space_python()
    with tempfile.TemporaryDirectory(prefix="bertdemo-space-") as name, sync_playwright() as playwright:
        Path(name).chmod(0o755)
        checks = [_checked(playwright, python, port, Path(name), bucket=bucket) for bucket in (False, True)]
    _report(checks)
    return sum(not check.held for check in checks)


def _checked(playwright: Playwright, python: Path, port: int, folder: Path, *, bucket: bool) -> Check:
    check = Check("with a bucket at /data" if bucket else "without a bucket")
    place = folder / ("bucket" if bucket else "plain")
    machine = SpaceMachine(place, python, port, _PREFIX, place / "data" if bucket else None)
    with ExitStack() as open_now:
        open_now.callback(machine.close)
        open_now.callback(lambda: None if check.held else print(machine.said()))  # noqa: T201
        machine.erase()  # of a check that was ended
        framed = open_now.enter_context(framed_app(port, _PREFIX))
        browser, private = (_browser(playwright, *extra) for extra in ((STORES,), ()))
        for opened in (browser, private):
            open_now.callback(opened.close)
        check.step("a copy of what git has is laid out", machine.build)
        if check.step("the app starts as another user with a read-only home", machine.start):
            _walk(check, browser, framed, machine)
            if not bucket:
                _walk_unstored(check, private, framed)
    return check


def _walk(check: Check, browser: Browser, framed: Framed, machine: SpaceMachine) -> None:
    """Go from a sentence to a model of one's own, then restart the Space without its disk."""
    room = browser.new_context(**options())
    visitor = FramedVisitor(room.new_page(), framed)
    run: list[str] = []
    try:
        check.step("the page opens in an iframe, with a sentence in tokens", lambda: _tokens(visitor))
        check.step("a sample is chosen and trained to its end", lambda: run.append(_train(visitor)))
        check.step("the page says what a restart loses", lambda: _storage_words(visitor, "#train-kept", machine))
        check.step("the trained model is downloaded as a zip", lambda: _download(visitor))
        check.step("a text is predicted", lambda: _predict(visitor))
        check.step("the run is in Runs and opens", lambda: _runs(visitor, run[0], machine))
        check.step("nothing went wrong in the page", lambda: _nothing(visitor))
        if bucket := machine.backup:
            check.step("the run is copied to the bucket", lambda: _copied(bucket, run[0]))
        check.step("the Space restarts with its disk erased", lambda: _restart(machine))
        check.step("after the restart, the page opens again", lambda: visitor.open("runs"))
        if bucket:
            check.step("the run is back, with its model", lambda: _back(visitor, run[0]))
        else:
            check.step("the run is gone, as the page had said", lambda: _gone(visitor, run[0]))
    finally:
        if not check.held:
            print(visitor.page.url, visitor.trouble, visitor.page.inner_text("body")[:3000])  # noqa: T201
        room.close()


def _tokens(visitor: FramedVisitor) -> None:
    visitor.open()
    _is("violin" in visitor.chips(), "the sentence is not in tokens")
    visitor.page.fill("#tokens-text textarea", "cats sat")
    visitor.wait_chips(["cats", "sat"])


def _train(visitor: FramedVisitor) -> str:
    visitor.tab("train")
    visitor.page.locator("#train-start").wait_for()
    visitor.sample(_SAMPLE)
    visitor.set(epochs=1, max_length=16)
    run = visitor.start()
    visitor.state(run, "finished")
    visitor.page.locator("#train-outcome .bd-score-strip").wait_for()
    return run


def _storage_words(visitor: FramedVisitor, place: str, machine: SpaceMachine) -> None:
    visitor.sees(place, "storage.copied" if machine.backup else "storage.erased")


def _download(visitor: FramedVisitor) -> None:
    with visitor.page.expect_download() as coming:
        visitor.page.click("#train-download")
    with zipfile.ZipFile(coming.value.path()) as archive:
        names = {Path(name).name for name in archive.namelist()}
    _is({"model.safetensors", "config.json", "tokenizer.json"} <= names, f"the zip holds {sorted(names)}")


def _predict(visitor: FramedVisitor) -> None:
    visitor.page.click("#train-try")
    visitor.page.locator("#predict-text").wait_for()
    visitor.infers_with(_SAMPLE)
    visitor.ask("my card was stolen")
    visitor.page.locator("#predict-answer .bd-two").wait_for()


def _runs(visitor: FramedVisitor, run: str, machine: SpaceMachine) -> None:
    visitor.tab("runs")
    _storage_words(visitor, "#runs-kept", machine)
    visitor.page.click(f"#runs-list [data-open='{run}']")
    visitor.page.locator(f"#runs-title [data-opened='{run}']").wait_for()
    visitor.sees("#runs-result", "metric.macro_f1_interval")


def _nothing(visitor: FramedVisitor) -> None:
    visitor.untouched()
    _is(not visitor.bad(), "; ".join(visitor.bad()[:3]))


def _copied(bucket: Path, run: str) -> None:
    """The copies follow within seconds; wait for those of the run and of its checkpoint."""
    wanted = [bucket / kind / run / "manifest.json" for kind in ("checkpoints", "runs")]
    end = time.monotonic() + 60
    while not all(path.exists() for path in wanted) or b"evaluation.jsonl" not in wanted[1].read_bytes():
        _is(time.monotonic() < end, "no copy after a minute")
        time.sleep(0.2)


def _restart(machine: SpaceMachine) -> None:
    machine.stop()
    machine.erase()
    machine.start()


def _gone(visitor: FramedVisitor, run: str) -> None:
    visitor.page.locator("#runs-list .bd-runs").first.wait_for()
    _is(not visitor.page.locator(f"#runs-list [data-run='{run}']").count(), "a run is listed that is not there")


def _back(visitor: FramedVisitor, run: str) -> None:
    page = visitor.page
    page.locator(f"#runs-list [data-run='{run}'][data-state=finished]").wait_for()
    page.click(f"#runs-list [data-open='{run}']")
    visitor.sees("#runs-result", "metric.macro_f1_interval")
    page.click("#runs-use")
    visitor.infers_with(_SAMPLE)
    visitor.ask("where is my parcel")
    page.locator("#predict-answer .bd-two").wait_for()


def _walk_unstored(check: Check, browser: Browser, framed: Framed) -> None:
    """The same page in a private window, in which nothing is stored: it works for the visit, and says what is lost."""
    room = browser.new_context(**options())
    visitor = FramedVisitor(room.new_page(), framed)

    def works() -> None:
        _tokens(visitor)
        visitor.sees("#bd-unstored", "page.unstored")
        run = _train(visitor)
        visitor.tab("runs").page.locator(f"#runs-list [data-run='{run}']").wait_for()

    check.step("in a private window, it trains for the visit and says what is lost", works)
    check.step("nothing went wrong in that page", lambda: _nothing(visitor))
    room.close()


def _browser(playwright: Playwright, *extra: str) -> Browser:
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", *extra])


def _is(held: bool, otherwise: str) -> None:
    if not held:
        raise RuntimeError(otherwise)


def _report(checks: Sequence[Check]) -> None:
    """Add a dated table, the newest first."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    lines = [f"## {today}, commit {commit()}", "", "| Space | step | result |", "| --- | --- | --- |"]
    lines += [f"| {check.name} | {what} | {result} |" for check in checks for what, result in check.rows]
    head, _, before = (_REPORT.read_text(encoding="utf-8") if _REPORT.exists() else "").partition("\n## ")
    text = "\n".join([head.rstrip(), "", *lines, ""])
    _REPORT.write_text(text + (f"\n## {before}" if before else ""), encoding="utf-8")
    print("\n".join(lines[2:]))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
