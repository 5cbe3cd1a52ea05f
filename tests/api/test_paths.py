"""A caller who names a file of the server gets nothing of it, in no endpoint and no listener of the page.

The listeners are read from the running server's /config, so that a new one is tested without being named here.
"""

from __future__ import annotations

import csv
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bertdemo import samples
from tests import sweep
from tests.api.caller import Answer, Caller
from tests.api.conftest import Trained, review_rows, write_rows
from tests.e2e.server import ROOT, Server

CANARY = "canary-7f3a91"
META = {"_type": "gradio.FileData"}
REFUSAL = "No file was received"
ENDPOINTS = ["check_data", "start_run", "predict_file"]


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory, local: Server) -> Path:
    """A readable table that nobody uploaded; every cell holds the canary."""
    rows = [(f"{CANARY} {text}", f"{CANARY}-{label}") for text, label in review_rows(20)]
    return write_rows(tmp_path_factory.mktemp("secret") / "secret.csv", rows)


def attacks(path: str) -> list[Any]:
    """Return the ways to name a path in a file argument."""
    return [
        path,
        [path],
        {"path": path},
        {"path": path, "meta": META},
        {"path": path, "orig_name": "mine.csv", "size": 1, "is_stream": False, "meta": META},
        {"path": path, "is_stream": True, "meta": META},
        {"path": f"file://{path}", "meta": META},
        {"path": path, "url": f"file://{path}", "meta": META},
        {"url": f"file://{path}", "meta": META},
        {"path": f"/gradio_api/file={path}", "meta": META},
        {"path": "x.csv", "url": f"/gradio_api/file={path}", "meta": META},
        {"path": f"../../../../../../..{path}", "meta": META},
        [{"path": path, "meta": META}],
        {"value": {"path": path, "meta": META}, "path": path, "meta": META},
    ]


def refused(answer: Answer) -> None:
    """Nothing came of it, nothing of the file came back, and the caller was told in words."""
    assert CANARY not in answer.raw
    assert not answer.ok, answer.raw[:300]
    assert answer.error, answer.raw
    assert "Traceback" not in answer.raw


def file_listeners(caller: Caller) -> dict[str, tuple[int, list[Any], list[int]]]:
    """Return every listener that takes a file: name -> its index, harmless values, places of its files."""
    config = caller.http.get("/config").json()
    components = {item["id"]: item for item in config["components"]}
    found = {}
    for listener in config["dependencies"]:
        inputs = [components[number] for number in listener["inputs"]]
        places = [i for i, item in enumerate(inputs) if "FileData" in str(item.get("api_info"))]
        if places and listener["backend_fn"]:
            values = [item["props"].get("value") for item in inputs]
            found[f"{listener['api_name']}#{listener['id']}"] = (listener["id"], values, places)
    return found


def runs_of(server: Server) -> set[str]:
    return {folder.name for folder in (server.home / "runs").iterdir()}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_path_in_a_file_argument_is_refused(name: str, caller: Caller, local: Server, secret: Path) -> None:
    before = runs_of(local)
    for path in (secret, samples.sample_path("reviews_en"), ROOT / "README.md", local.home / "server.lock"):
        for attack in attacks(str(path)):
            answer = caller.call(name, file=attack)
            refused(answer)
            assert REFUSAL in answer.error
    assert runs_of(local) == before


def test_a_path_as_the_documents_of_a_search_is_refused(caller: Caller, secret: Path) -> None:
    for attack in attacks(str(secret)):
        refused(caller.call("search", query=CANARY[:6], file=attack))
        refused(caller.call("search", query=CANARY[:6], documents=attack if not isinstance(attack, list) else "x"))


@pytest.mark.parametrize("argument", ["validation_file", "test_file"])
def test_a_path_in_a_second_file_is_refused_and_no_run_is_made(
    argument: str, caller: Caller, local: Server, reviews: Path, secret: Path
) -> None:
    before = runs_of(local)
    file = caller.upload(reviews)
    for attack in attacks(str(secret)):
        refused(caller.call("start_run", file=file, checkpoint="local:tiny", **{argument: attack}))
    assert runs_of(local) == before


@pytest.mark.parametrize("name", ["check_data", "predict_file", "start_run"])
def test_a_path_inside_a_json_argument_is_refused(
    name: str, caller: Caller, local: Server, trained: Trained, secret: Path
) -> None:
    before = runs_of(local)
    file = caller.upload(trained.data)
    for argument in {"columns", "config"} & {item["parameter_name"] for item in caller.endpoints[name]}:
        for attack in attacks(str(secret)):
            for nested in (attack, {"text": "text", "label": attack}, {"epochs": [{"a": attack}]}):
                refused(caller.call(name, file=file, **{argument: nested}))
    assert runs_of(local) == before


def test_every_other_argument_of_every_endpoint_refuses_or_ignores_a_path(caller: Caller, secret: Path) -> None:
    for name, parameters in caller.endpoints.items():
        for parameter in parameters:
            for attack in (str(secret), {"path": str(secret), "meta": META}):
                answer = caller.call(name, **{parameter["parameter_name"]: attack})
                assert CANARY not in answer.raw, (name, parameter["parameter_name"], attack)


def test_the_listeners_that_take_a_file_are_found(caller: Caller) -> None:
    found = file_listeners(caller)
    names = {name.partition("#")[0] for name in found}
    assert set(ENDPOINTS) < names  # and some of the page's own
    assert sum(len(places) for _, _, places in found.values()) >= len(found) >= 7


def test_no_listener_of_the_page_reads_a_path(caller: Caller, local: Server, secret: Path) -> None:
    before, turn = runs_of(local), 0
    for index, values, places in file_listeners(caller).values():
        for place in places:
            # All refuse in one place, so a slice takes three attacks on each file of each listener, in turn.
            for number, attack in enumerate(sweep.cases(attacks(str(secret)), turn, 3)):
                data = [attack if i == place else value for i, value in enumerate(values)]
                refused(caller.run(index, data))
                if number % 3 == 0:  # the queue is slower and takes the same way from there on
                    refused(caller.join(index, data))
            turn += 1
    assert turn >= len(attacks("")) and runs_of(local) == before


def test_the_same_listeners_of_a_space_refuse_too(space: Server, secret: Path) -> None:
    caller = Caller(space.url)
    before = runs_of(space)
    for index, values, places in file_listeners(caller).values():
        for attack in (str(secret), {"path": str(secret), "meta": META}):
            refused(caller.run(index, [attack if i in places else value for i, value in enumerate(values)]))
    assert runs_of(space) == before


def test_no_file_of_the_server_is_served(caller: Caller, local: Server, trained: Trained, secret: Path) -> None:
    inside = [
        local.home / "server.lock",
        *(local.home / "runs").glob("*/*.json"),
        *(local.home / "runs").glob("*/data/*"),
    ]
    assert len(inside) > 2
    for path in [secret, ROOT / "README.md", ROOT / "bertdemo" / "settings.py", *inside]:
        for address in (f"/gradio_api/file={path}", f"/gradio_api/file/{path}", f"/file={path}"):
            answer = caller.http.get(address)
            assert answer.status_code in {403, 404}, address
            assert CANARY not in answer.text


def test_what_was_uploaded_is_taken_under_its_own_name(caller: Caller, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "mine.csv", [(f"{CANARY} {text}", label) for text, label in review_rows(8)])
    file = caller.upload(path)
    answer = caller.call("check_data", file={**file, "orig_name": "../../etc/passwd", "url": "file:///etc/passwd"})
    assert answer.ok
    assert answer.value["rows"] == 8


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine that notes who asks it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"text,label\na,b\n")

        def log_message(self, *_: object) -> None:
            """Keep the test output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_the_server_fetches_no_address(caller: Caller, listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    for address in (f"{url}/x.csv", "http://169.254.169.254/latest/x.csv", "ftp://example.org/x.csv"):
        for attack in (
            address,
            {"path": address, "meta": META},
            {"path": "x.csv", "url": address, "meta": META},
            {"path": address, "url": address, "is_stream": True, "meta": META},
        ):
            answer = caller.call("check_data", file=attack)
            refused(answer)
            assert REFUSAL in answer.error
    for index, values, places in file_listeners(caller).values():
        data = [{"path": f"{url}/x.csv", "meta": META} if i in places else value for i, value in enumerate(values)]
        refused(caller.run(index, data))
    columns = {"text": {"path": f"{url}/x.csv", "meta": META}}
    refused(caller.post("check_data", [None, "", columns, ""]))
    refused(caller.post("tokenize", [{"path": f"{url}/x.csv", "meta": META}, "", "bundled", 0, ""]))
    for route in ("/gradio_api/file=", "/gradio_api/proxy="):
        assert caller.http.get(f"{route}{url}/x.csv").status_code in {400, 403, 404}
    assert asked == []


def test_an_answer_is_the_callers_own_rows(caller: Caller, trained: Trained) -> None:
    given = caller.call("predict_file", file=caller.upload(trained.data), checkpoint=trained.run_id)
    rows = list(csv.DictReader(caller.fetch(given.value).decode("utf-8-sig").splitlines()))
    assert [row["text"] for row in rows] == [text for text, _ in review_rows(len(rows))]
