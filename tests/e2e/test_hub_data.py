"""A data set of the Hub in the page: looked at, one part fetched, examined and trained; or refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.server import Server
from tests.hub_double import HubDouble

ROWS = "".join(f"a {'good' if i % 2 else 'bad'} film {i},{'yes' if i % 2 else 'no'}\n" for i in range(80))
CSV = f"review,mood\n{ROWS}".encode()


@pytest.fixture(scope="module")
def hub() -> Iterator[HubDouble]:
    with HubDouble() as hub:
        hub.add_data("owner/films", {"data/train.csv": CSV, "data/test.csv": CSV[:200]})
        hub.add_data("owner/closed", {"train.csv": CSV})
        hub.fail("datasets/owner/closed", "gated")
        hub.add_data("owner/scripted", {"scripted.py": b"import os"})
        yield hub


@pytest.fixture(scope="module")
def online(hub: HubDouble, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("online")
    env = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(folder / "hub"), "no_proxy": "127.0.0.1"}
    server = Server(folder / "home", tiny, env)
    server.start()
    yield server
    server.close()


def test_a_part_of_a_data_set_is_fetched_and_trained(visit: Visit, online: Server, hub: HubDouble) -> None:
    visitor = visit("en", server=online).open("train")
    page = visitor.page
    page.click("#train-hub > button")
    page.fill("#train-hub-name textarea, #train-hub-name input", "owner/films")
    page.click("#train-hub-look")
    commit = hub.repositories["datasets/owner/films"].commit
    visitor.sees("#train-hub-told", "hub_data.found", name="owner/films", commit=commit[:8])
    assert "train (1 kB)" in page.locator("#train-hub-part input").input_value()
    page.click("#train-hub-fetch")
    visitor.has_data("films-train.csv")
    assert "80 rows · 2 labels · review → mood" in page.locator("#train-cards .bd-file").inner_text()
    visitor.tiny().set(epochs=1)
    run = visitor.start("finished")
    about = json.loads((online.home / "runs" / run / "run.json").read_text(encoding="utf-8"))
    assert about["request"]["origin"] == f"owner/films@{commit} default/train"


REFUSED = {
    "owner/closed": "hub_data_gated",
    "owner/none": "hub_data_not_found",
    "films": "hub_data_malformed",
    "owner/scripted": "hub_data_without_table",
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_cannot_be_fetched_is_said(visit: Visit, online: Server, lang: str) -> None:
    visitor = visit(lang, server=online).open("train")
    visitor.page.click("#train-hub > button")
    for name, key in REFUSED.items():
        visitor.page.fill("#train-hub-name textarea, #train-hub-name input", name)
        visitor.page.keyboard.press("Enter")
        visitor.sees("#train-hub-told [role=alert]", f"error.{key}", dataset=name)
        assert not visitor.page.locator("#train-hub-fetch").is_visible()
