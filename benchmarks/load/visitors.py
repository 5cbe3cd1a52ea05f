"""Visitors of a running server, each with an address, an owner key and a session of its own, on one event loop.

They send what the page and the clients of Gradio send: `POST /queue/join`, then the event stream of the session, or
`POST /run` where a listener is not in the queue.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

# Whoever has no answer after this many seconds counts as an error.
_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """One request: of which kind, when it was due, how long its answer took from then, and what went wrong."""

    kind: str
    due: float
    seconds: float
    error: str = ""


@dataclass
class Door:
    """A server as its visitors know it: its address, and the number of each endpoint."""

    url: str
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def of(cls, url: str) -> Door:
        """Read the endpoints from the description of the page."""
        async with httpx.AsyncClient(base_url=url, timeout=_SECONDS, trust_env=False) as http:
            config = (await http.get("/config")).json()
        return cls(url, {it["api_name"]: it["id"] for it in config["dependencies"] if isinstance(it["api_name"], str)})


class LoadVisitor:
    """One visitor; `address` is what the proxy in front of the server would tell."""

    def __init__(self, door: Door, address: str, owner: str = "") -> None:
        self.owner, self.session = owner, secrets.token_hex(6)
        self._door = door
        # One connection for the stream and one for what is sent meanwhile, as a browser has.
        limits = httpx.Limits(max_connections=4, max_keepalive_connections=2)
        headers = {"x-forwarded-for": address}
        self.http = httpx.AsyncClient(
            base_url=door.url, headers=headers, timeout=_SECONDS, limits=limits, trust_env=False
        )

    async def close(self) -> None:
        """Close its connections."""
        await self.http.aclose()

    async def join(self, name: str, *values: Any, session: str = "") -> Any:
        """Call an endpoint through the queue; raises RuntimeError with what the server said instead of an answer."""
        session = session or self.session
        body = {"data": list(values), "fn_index": self._door.numbers[name], "session_hash": session}
        begun = await self.http.post("/gradio_api/queue/join", json=body)
        if begun.status_code != 200:
            raise RuntimeError(f"{begun.status_code} {begun.text[:200]}")
        event = begun.json()["event_id"]
        params = {"session_hash": session}
        async with self.http.stream("GET", "/gradio_api/queue/data", params=params) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    if told["msg"] == "process_completed" and told["event_id"] == event:
                        return _value(told)
                    if told["msg"] == "unexpected_error":
                        raise RuntimeError(f"unexpected: {told.get('message')}")
        raise RuntimeError("the stream ended without an answer")

    async def run(self, name: str, *values: Any, session: str = "") -> Any:
        """Call an endpoint without the queue."""
        body = {"data": list(values), "session_hash": session or self.session}
        answer = await self.http.post(f"/gradio_api/run/{name}", json=body)
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code} {answer.text[:200]}")
        return answer.json()["data"][0]


def _value(told: dict[str, Any]) -> Any:
    output = told.get("output") or {}
    if not told["success"]:
        raise RuntimeError(str(output.get("error")))
    return output["data"][0]


async def timed(kind: str, due: float, call: Callable[[], Awaitable[Any]]) -> Sample:
    """Make a call, and take its time from when it was due: a client that is late has waited too."""
    try:
        await asyncio.wait_for(call(), _SECONDS)
    except (RuntimeError, httpx.HTTPError, TimeoutError, OSError) as error:
        return Sample(kind, due, time.monotonic() - due, str(error) or type(error).__name__)
    return Sample(kind, due, time.monotonic() - due)


@dataclass(frozen=True)
class Mix:
    """What a visitor asks for, and how often of ten times."""

    calls: Sequence[tuple[str, int, Callable[[LoadVisitor], Awaitable[Any]]]]

    def draw(self, dice: random.Random) -> tuple[str, Callable[[LoadVisitor], Awaitable[Any]]]:
        """Return one kind of request and its call."""
        kind, _, call = dice.choices(self.calls, [weight for _, weight, _ in self.calls])[0]
        return kind, call


async def poisson(
    visitors: Sequence[LoadVisitor], mix: Mix, every: float, seconds: float, seed: int = 0
) -> list[Sample]:
    """Let each visitor ask every so many seconds on average, whether the answer before has come or not."""
    begun = time.monotonic()

    async def visit(number: int, visitor: LoadVisitor) -> list[Sample]:
        dice, due, asked = random.Random(f"{seed} {number}"), begun, list[asyncio.Task[Sample]]()
        while (due := due + dice.expovariate(1 / every)) < begun + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            kind, call = mix.draw(dice)
            # Each in a session of its own: two streams of one session would take each other's events.
            asked.append(asyncio.create_task(timed(kind, due, lambda call=call: call(visitor))))  # type: ignore[misc]
        return list(await asyncio.gather(*asked))

    answers = await asyncio.gather(*(visit(number, visitor) for number, visitor in enumerate(visitors)))
    return [sample for samples in answers for sample in samples]


async def burst(visitors: Sequence[LoadVisitor], mix: Mix, within: float, seed: int = 0) -> list[Sample]:
    """Let every visitor ask once, all within so many seconds."""
    dice, begun = random.Random(seed), time.monotonic()

    async def visit(visitor: LoadVisitor, due: float, kind: str, call: Callable[[LoadVisitor], Any]) -> Sample:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        return await timed(kind, due, lambda: call(visitor))

    asked = [visit(visitor, begun + dice.uniform(0, within), *mix.draw(dice)) for visitor in visitors]
    return list(await asyncio.gather(*asked))


async def some_at_once(count: int, at_once: int, call: Callable[[int], Awaitable[Sample]]) -> list[Sample]:
    """Make so many calls, so many of them at once."""
    places = asyncio.Semaphore(at_once)

    async def one(number: int) -> Sample:
        async with places:
            return await call(number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))
