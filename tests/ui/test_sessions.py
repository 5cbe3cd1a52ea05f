"""What a session costs and keeps, by Gradio's own routes, without a browser."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from starlette.testclient import TestClient

from bertdemo.ui import sessions
from bertdemo.ui.sessions import Session, Sessions, light_sessions


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A page with a value of its own in each session, and a dropdown whose choices an update changes."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        text, kept = gr.Textbox(), gr.State("")
        choice = gr.Dropdown(["a"], interactive=True)
        out = gr.Textbox()
        text.change(lambda value: value.upper(), text, out, api_name="say", queue=False)
        text.change(lambda value: value, text, kept, api_name="keep", queue=False)
        text.change(lambda kept: kept, kept, out, api_name="tell", queue=False)
        text.change(lambda value: gr.update(choices=["a", value]), text, choice, api_name="offer", queue=False)
        text.change(lambda value: value, choice, out, api_name="choose", queue=False)
        text.change(lambda value: gr.update(label=value), text, out, api_name="name", queue=False)
    app = App.create_app(blocks, app_kwargs={"lifespan": light_sessions})
    with TestClient(app) as client:
        yield client


def holder(client: TestClient) -> Sessions:
    found = client.app.state_holder  # type: ignore[attr-defined]
    assert isinstance(found, Sessions)
    return found


def run(client: TestClient, name: str, session: str, *values: Any) -> Any:
    answer = client.post(f"/gradio_api/run/{name}", json={"data": list(values), "session_hash": session})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


def test_a_session_that_keeps_nothing_is_gone_after_its_request(client: TestClient) -> None:
    for number in range(50):
        assert run(client, "say", f"new{number}", "yes") == "YES"
    gc.collect()
    assert not holder(client).session_data
    assert not holder(client)._in_use


def test_what_a_visitor_types_and_is_answered_is_not_kept(client: TestClient) -> None:
    run(client, "keep", "anna", "kept")
    run(client, "say", "anna", "typed")
    session = holder(client).session_data["anna"]
    assert list(session.components) == [] and session.config_values == {}
    assert list(session.state_data.values()) == ["kept"]


def test_each_session_has_its_own_values_while_others_come(client: TestClient) -> None:
    run(client, "keep", "anna", "anna's")
    run(client, "keep", "ben", "ben's")
    for number in range(100):
        run(client, "say", f"new{number}", "yes")
    assert run(client, "tell", "anna", None) == "anna's"
    assert run(client, "tell", "ben", None) == "ben's"
    assert run(client, "tell", "carl", None) == ""
    assert set(holder(client).session_data) == {"anna", "ben"}


def test_a_component_that_an_update_changed_is_that_of_its_session_alone(client: TestClient) -> None:
    run(client, "offer", "anna", "b")
    assert run(client, "choose", "anna", "b") == "b"
    refused = client.post("/gradio_api/run/choose", json={"data": ["b"], "session_hash": "ben"})
    assert refused.status_code == 500


def test_sessions_with_the_same_changes_share_their_components(client: TestClient) -> None:
    for name in ("anna", "ben"):
        run(client, "name", name, "same")
    run(client, "name", "carl", "another")
    (anna, ben, carl) = (
        next(iter(holder(client).session_data[name].blocks_config.blocks.maps[0].values()))  # type: ignore[attr-defined]
        for name in ("anna", "ben", "carl")
    )
    assert anna is ben is not carl


def test_a_session_that_is_in_use_twice_is_one(client: TestClient) -> None:
    first = holder(client)["anna"]
    assert holder(client)["anna"] is first
    key = next(key for key, block in first.blocks_config.blocks.items() if isinstance(block, gr.State))
    first[key] = "kept late"
    del first
    assert holder(client)["anna"][key] == "kept late"


def test_the_longest_unused_sessions_go_first_where_there_are_too_many(client: TestClient) -> None:
    holder(client).capacity = 2
    for name in ("anna", "ben"):
        run(client, "keep", name, name)
    run(client, "tell", "anna", None)
    run(client, "keep", "carl", "carl")
    assert set(holder(client).session_data) == {"anna", "carl"}


def test_a_page_that_was_closed_keeps_its_values_for_a_while(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(client, "keep", "anna", "kept")
    run(client, "keep", "ben", "kept")
    sessions_now = holder(client)
    sessions_now.session_data["anna"].is_closed = True
    sessions_now.delete_all_expired_state()
    assert set(sessions_now.session_data) == {"anna", "ben"}
    monkeypatch.setattr(sessions, "_SECONDS_WHEN_CLOSED", -1)
    sessions_now.delete_all_expired_state()
    assert set(sessions_now.session_data) == {"ben"}


def test_a_deep_link_tells_nothing_of_a_session(client: TestClient) -> None:
    run(client, "keep", "anna", "kept")
    run(client, "offer", "anna", "secret")
    link = client.get("/gradio_api/deep_link", params={"session_hash": "anna"}).json()
    folder = client.app.uploaded_file_dir  # type: ignore[attr-defined]
    with open(f"{folder}/deep_links/{link}/state.json", encoding="utf-8") as file:  # noqa: PTH123
        assert file.read() == "[]"


def test_gradio_has_the_sessions_that_ours_replace() -> None:
    # Where this fails, read the new ones and see whether bertdemo/ui/sessions.py still keeps what they must.
    assert {name for name in vars(StateHolder) if not name.startswith("__")} == {
        "set_blocks", "update", "delete_all_expired_state", "delete_state",
    }  # fmt: skip
    assert {name for name in vars(SessionState) if not name.startswith("__")} == {
        "get", "_update_config", "_update_value_in_config", "components", "state_components",
    }  # fmt: skip
    assigned = {
        line.split("=")[0].split(":")[0].strip().removeprefix("self.")
        for line in inspect.getsource(SessionState.__init__).splitlines()
        if line.strip().startswith("self.")
    }
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox()
    session = Session(blocks, sessions.SharedComponents(), lambda session: None)
    assert all(hasattr(session, name) for name in assigned) and len(assigned) == 6
    theirs = SessionState(blocks)
    assert set(vars(theirs.blocks_config)) == set(vars(session.blocks_config))
    assert dict(theirs.blocks_config.blocks) == dict(session.blocks_config.blocks)
