"""Plain HTTP to a running server, as any program can send it: no client library between a test and the wire."""

from __future__ import annotations

import json
import secrets
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.server import HANG

ENDED = {"finished", "cancelled", "failed"}


@dataclass(frozen=True)
class Answer:
    """What came back. `raw` is every byte of it, for the tests that look for what must not be there."""

    status: int
    raw: str
    value: Any = None
    """The first output of a call that went well."""
    error: str | None = None
    """The sentence of a call that was refused; "" where Gradio sent none."""

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.error is None


class Caller:
    """One program that calls one server; `owner` goes into every call that takes one and is not given it."""

    def __init__(self, url: str, owner: str = "") -> None:
        self.http = httpx.Client(base_url=url, timeout=HANG, trust_env=False)
        weakref.finalize(self, self.http.close)  # an open socket that is collected is a warning, in any test
        self.owner = owner
        self.endpoints: dict[str, list[dict[str, Any]]] = {
            name.removeprefix("/"): found["parameters"]
            for name, found in self.http.get("/gradio_api/info").json()["named_endpoints"].items()
        }

    def call(self, name: str, **given: Any) -> Answer:
        """Call an endpoint with the arguments that are given and the published default of every other one."""
        return self.post(name, self.arguments(name, given))

    def arguments(self, name: str, given: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the endpoint."""
        values = {
            parameter["parameter_name"]: self.owner
            if parameter["parameter_name"] == "owner"
            else parameter.get("parameter_default")
            for parameter in self.endpoints[name]
        }
        assert set(given) <= set(values)
        return list({**values, **given}.values())

    def post(self, name: str, data: Sequence[Any]) -> Answer:
        """Send the values as they are to /gradio_api/call/NAME and read the event stream."""
        content = json.dumps({"data": list(data)}, ensure_ascii=True).encode()
        begun = self.http.post(
            f"/gradio_api/call/{name}", content=content, headers={"content-type": "application/json"}
        )
        if begun.status_code != 200:
            return Answer(begun.status_code, begun.text, error=begun.text)
        stream = self.http.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}").text
        kind, told = "", None
        for line in stream.splitlines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind in {"complete", "error"}:
                told = json.loads(line.removeprefix("data: "))
                break
        if kind == "complete":
            return Answer(200, stream, value=told[0])
        return Answer(200, stream, error=_sentence(told))

    def run(self, fn_index: int, data: Sequence[Any], **event: Any) -> Answer:
        """Send the values to one listener, whatever its visibility, without the queue, as if `event` had happened."""
        body = {"data": list(data), "fn_index": fn_index, "session_hash": secrets.token_hex(6), "event_data": event}
        done = self.http.post("/gradio_api/run/predict", json=body)
        if done.status_code != 200:
            return Answer(done.status_code, done.text, error=done.text)
        return Answer(200, done.text, value=done.json()["data"])

    def join(self, fn_index: int, data: Sequence[Any]) -> Answer:
        """Send the values to one listener through the queue, as the page does."""
        session = secrets.token_hex(6)
        body = {"data": list(data), "fn_index": fn_index, "session_hash": session}
        begun = self.http.post("/gradio_api/queue/join", json=body)
        if begun.status_code != 200:
            return Answer(begun.status_code, begun.text, error=begun.text)
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            read = []
            for line in stream.iter_lines():
                read.append(line)
                if not line.startswith("data: "):
                    continue
                told = json.loads(line.removeprefix("data: "))
                if told["msg"] in {"process_completed", "close_stream", "unexpected_error"}:
                    output = told.get("output") or {}
                    if told["msg"] == "process_completed" and told["success"]:
                        return Answer(200, "\n".join(read), value=output.get("data"))
                    return Answer(200, "\n".join(read), error=_sentence(output))
        return Answer(200, "\n".join(read), error="")

    def upload(self, path: Path) -> dict[str, Any]:
        """Upload a file and return what a `file` argument takes."""
        with path.open("rb") as file:
            done = self.http.post("/gradio_api/upload", files={"files": (path.name, file)})
        done.raise_for_status()
        return {"path": done.json()[0], "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}

    def fetch(self, file: Mapping[str, Any]) -> bytes:
        """Return the bytes of a file that an endpoint gave."""
        done = self.http.get(f"/gradio_api/file={file['path']}")
        done.raise_for_status()
        return done.content

    def wait(self, run_id: str, *states: str) -> list[dict[str, Any]]:
        """Ask for a run's status until it is in one of the states (any end, where none is named); return all answers.

        On a busy machine a worker that is slow to start is called interrupted until it speaks.
        """
        seen = []
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            answer = self.call("run_status", run_id=run_id)
            assert answer.ok, answer.raw
            seen.append(answer.value)
            state = answer.value["state"]
            if state in (set(states) or ENDED):
                return seen
            assert state not in ENDED, answer.value
            time.sleep(0.2)
        raise AssertionError(f"still {seen[-1]}")


def _sentence(told: Any) -> str:
    found = told.get("error") if isinstance(told, dict) else told
    return found if isinstance(found, str) else ""
