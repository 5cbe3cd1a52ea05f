"""Open pages with a table loaded, idle while others come: each must still have its table."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from benchmarks.load.process import watched
from benchmarks.load.scenarios import Site, closing, new_sessions
from benchmarks.load.visitors import LoadVisitor
from benchmarks.row import Row

_PAGES, _IDLE_SECONDS = 100, 600.0


class OpenPage:
    """A page as its browser has it: what each component held when it was built, and one session."""

    def __init__(self, visitor: LoadVisitor, config: dict[str, Any], number: int) -> None:
        self._visitor, self._config, self._number = visitor, config, number
        self._values = {it["id"]: it["props"].get("value") for it in config["components"]}

    async def load(self, lang: str) -> None:
        """Do what a page does when it opens."""
        (listener,) = (it for it in self._config["dependencies"] if any(event == "load" for _, event in it["targets"]))
        await self._run(listener, {"language": lang})

    async def drop_table(self) -> str:
        """Upload a table of its own and let the page read it; return what the page shows of it."""
        name = f"table-{self._number}-{secrets.token_hex(4)}.csv"
        rows = "".join(
            f"the film number {it} of {self._number} was {'good' if it % 2 else 'bad'},{it % 2}\n" for it in range(40)
        )
        sent = await self._visitor.http.post(
            "/gradio_api/upload", files={"files": (name, f"text,label\n{rows}".encode())}
        )
        file = {"path": sent.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        await self._run(self._listener("train-file", "upload"), {"train-file": file})
        return name

    async def shown(self) -> str:
        """Return everything that the page draws of its data once more, from what the server has kept."""
        return str(await self._run(self._listener("train-back", "click"), {}))

    def _id(self, element: str) -> int:
        return next(int(it["id"]) for it in self._config["components"] if it["props"].get("elem_id") == element)

    def _listener(self, element: str, event: str) -> dict[str, Any]:
        target = [self._id(element), event]
        return next(it for it in self._config["dependencies"] if target in it["targets"] and it["backend_fn"])

    async def _run(self, listener: dict[str, Any], given: dict[str, Any]) -> list[Any]:
        values = {**self._values, **{self._id(element): value for element, value in given.items()}}
        body = {
            "data": [values.get(block) for block in listener["inputs"]],
            "fn_index": listener["id"],
            "session_hash": self._visitor.session,
        }
        answer = await self._visitor.http.post("/gradio_api/run/predict", json=body)
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code} {answer.text[:300]}")
        data = list(answer.json()["data"])
        for block, value in zip(listener["outputs"], data, strict=True):  # as the browser keeps them
            if not isinstance(value, dict) or value.get("__type__") != "update":
                self._values[block] = value
            elif "value" in value:
                self._values[block] = value["value"]
        return data


async def idle_pages(site: Site, owner: str, pages: int = _PAGES, idle: float = _IDLE_SECONDS) -> list[Row]:
    """Open 100 pages with a table each, send 2,000 new sessions, wait ten minutes, and look for the tables."""
    visitors = site.visitors(pages, owner, network=5)
    config = (await visitors[0].http.get("/config")).json()
    opened = [OpenPage(visitor, config, number) for number, visitor in enumerate(visitors)]
    async with watched(site.pid) as opening:
        for number, page in enumerate(opened):
            await page.load("zh" if number % 2 else "en")
        names = [await page.drop_table() for page in opened]
    begun = time.monotonic()
    rows = await new_sessions(site)
    await asyncio.sleep(max(0.0, begun + idle - time.monotonic()))
    shown = [await page.shown() for page in opened]
    kept = sum(name in drawn for name, drawn in zip(names, shown, strict=True))
    await closing(visitors)
    each = (opening.end.rss - opening.start.rss) / pages / 1e3
    return [
        *rows,
        Row(f"{pages} pages opened with a table: memory of each", f"{each:.0f} kB", "", None),
        Row(
            f"of these, after {idle:.0f} s beside them, still with their table",
            f"{kept} of {pages}",
            "all",
            kept == pages,
        ),
    ]
