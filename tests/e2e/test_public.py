"""On a Space visitors are kept apart and the limits are those of a public server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo.i18n.translation import thousands
from bertdemo.settings import PUBLIC_LIMITS
from tests.e2e.conftest import Visit
from tests.e2e.files import write_reviews
from tests.e2e.server import Server


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("space") / "home", tiny, {"SPACE_ID": "someone/bertdemo", "BERTDEMO_SPARE_WORKER": "0"}
    )
    server.start()
    yield server
    server.close()


def test_two_visitors_of_a_space_do_not_see_each_others_runs(visit: Visit, space: Server, tmp_path: Path) -> None:
    first = visit("en", space).open("train").tiny()
    first.upload(write_reviews(tmp_path / "zebra reviews.csv", 40))
    first.set(epochs=1)
    run = first.start("finished")
    first.tab("runs")
    first.page.locator(f"#runs-list [data-run='{run}']").wait_for()

    second = visit("zh", space).open("train", run=run)
    second.sees("#train-notice", "runs.lost")
    second.tab("runs").sees("#runs-list", "runs.empty")
    second.tab("predict")
    second.page.locator("#predict-about .bd-about").wait_for()
    second.page.click("#predict-checkpoint input")
    second.page.get_by_role("option").first.wait_for()
    assert not [name for name in second.page.get_by_role("option").all_inner_texts() if "zebra" in name]
    assert "zebra" not in second.page.content()

    first.open("runs", run=run)  # the same browser comes back and still owns it
    first.page.locator(f"#runs-title [data-opened='{run}']").wait_for()


def test_a_read_only_link_shows_a_run_to_another_visitor_until_it_is_withdrawn(
    visit: Visit, space: Server, tmp_path: Path
) -> None:
    first = visit("en", space).open("train").tiny()
    first.upload(write_reviews(tmp_path / "giraffe reviews.csv", 40))
    first.set(epochs=1)
    run = first.start("finished")
    first.open("runs", run=run)
    first.page.click("#runs-tab-share-button")
    first.page.click("#runs-make-link")
    field = "#runs-link-address textarea, #runs-link-address input"
    first.page.wait_for_function("place => document.querySelector(place)?.value.startsWith('http')", arg=field)
    address = first.page.input_value(field)
    assert f"run={run}~" in address and address.startswith(space.url)

    second = visit("zh", space)
    second.page.goto(address)
    second.ready()
    second.page.locator(f"#runs-title [data-opened='{run}']").wait_for()
    second.sees("#runs-title", "runs.linked_facts")
    second.page.locator("#runs-result .bd").first.wait_for()
    assert "giraffe" in second.page.locator("#runs-title").inner_text()
    for hidden in ("use", "inspect", "download", "edit", "delete", "resume", "stop"):
        assert not second.page.locator(f"#runs-{hidden}").is_visible()
    for tab in ("share", "compare"):
        second.page.locator(f"#runs-tab-{tab}-button").wait_for(state="hidden")

    first.page.click("#runs-withdraw-link")
    first.page.locator("#runs-withdraw-link").wait_for(state="hidden")
    second.reload().sees("#runs-title", "runs.lost")


def test_a_space_has_the_limits_of_a_public_server(visit: Visit, space: Server, tmp_path: Path) -> None:
    visitor = visit("en", space).open()
    visitor.page.fill("#tokens-text textarea", "a" * (PUBLIC_LIMITS.text_chars + 1))
    visitor.sees("#tokens-strip [role=alert]", "error.text_too_long", limit=thousands(PUBLIC_LIMITS.text_chars))
    large = tmp_path / "large.csv"
    large.write_bytes(b"text,label\n" + b"x" * (PUBLIC_LIMITS.file_bytes - 10))
    visitor.tab("train").give("#train-file", large)
    known = {"file": "large.csv", "limit": f"{thousands(PUBLIC_LIMITS.file_bytes)} B"}
    visitor.sees("#train-data-refused [role=alert]", "error.file_too_large", **known)
