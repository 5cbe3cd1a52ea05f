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


def test_a_space_has_the_limits_of_a_public_server(visit: Visit, space: Server, tmp_path: Path) -> None:
    visitor = visit("en", space).open()
    visitor.page.fill("#tokens-text textarea", "a" * (PUBLIC_LIMITS.text_chars + 1))
    visitor.sees("#tokens-strip [role=alert]", "error.text_too_long", limit=thousands(PUBLIC_LIMITS.text_chars))
    large = tmp_path / "large.csv"
    large.write_bytes(b"text,label\n" + b"x" * (PUBLIC_LIMITS.file_bytes - 10))
    visitor.tab("train").give("#train-file", large)
    known = {"file": "large.csv", "limit": f"{thousands(PUBLIC_LIMITS.file_bytes)} B"}
    visitor.sees("#train-data-refused [role=alert]", "error.file_too_large", **known)
