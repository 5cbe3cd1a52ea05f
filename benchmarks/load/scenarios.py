"""What is sent to a server, and what the issue wants of its answers: each scenario returns rows of a table."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load.process import Usage, Watch, watched
from benchmarks.load.requests import TEXT, About, fresh, mix
from benchmarks.load.visitors import Door, LoadVisitor, Sample, burst, poisson, some_at_once, timed
from benchmarks.row import Row

CLIENTS, EVERY = 20, 2.0
# A text at both limits of a public server for /embed: 200 of 10,000 characters.
LONG = ("The violin stayed in its case because it was out of tune. " * 180)[:10_000]


@dataclass(frozen=True)
class Site:
    """A running server, its process, and what its visitors ask about."""

    door: Door
    pid: int
    about: About

    def visitors(self, count: int, owner: str, network: int = 0) -> list[LoadVisitor]:
        """Return visitors from as many addresses."""
        return [LoadVisitor(self.door, f"10.{network}.{it // 250}.{it % 250 + 1}", owner) for it in range(count)]


async def closing(visitors: Sequence[LoadVisitor]) -> None:
    """Close the connections of all."""
    await asyncio.gather(*(visitor.close() for visitor in visitors))


async def open_model(site: Site, owner: str, seconds: float, where: str, p95: float) -> list[Row]:
    """20 clients, one request each every 2 s on average."""
    visitors = site.visitors(CLIENTS, owner)
    await poisson(visitors, mix(site.about), EVERY, min(10.0, seconds), seed=1)  # what is first is slow
    async with watched(site.pid) as watch:
        samples = await poisson(visitors, mix(site.about), EVERY, seconds)
    await closing(visitors)
    what = f"{CLIENTS} clients, one request each every {EVERY:.0f} s, {where}"
    return [_latency(what, samples, p95), _usage(what, watch)]


async def crowd(site: Site, owner: str, count: int = 100) -> list[Row]:
    """100 clients within half a second, then one at a time until answers take as long as before."""
    visitors, probe = site.visitors(count, owner, network=1), site.visitors(1, owner, network=2)
    before = [await _probe(probe[0]) for _ in range(20)]
    async with watched(site.pid) as watch:
        samples = await burst(visitors, mix(site.about), 0.5)
        ended = time.monotonic()
        normal = 3 * statistics.median(sample.seconds for sample in before)
        while (await _probe(probe[0])).seconds > normal and time.monotonic() < ended + 60:
            await asyncio.sleep(0.2)
        calm = time.monotonic() - ended
    await closing([*visitors, *probe])
    what = f"{count} clients within 0.5 s"
    busy = [sample for sample in samples if sample.error]
    answered = [sample for sample in samples if not sample.error]
    row = _latency(what, answered, 6.0)
    again = Row(f"{what}: answers normal again", f"after {calm:.1f} s", "≤ 10 s", calm <= 10)
    refused = Row(f"{what}: busy answers", f"{len(busy)}", "allowed", None)
    return [row, refused, again, _usage(what, watch)]


async def _probe(visitor: LoadVisitor) -> Sample:
    return await timed("probe", time.monotonic(), lambda: visitor.join("tokenize", TEXT, "", "bundled", 0, ""))


async def new_sessions(site: Site, count: int = 2_000) -> list[Row]:
    """2,000 session hashes that nobody has used before, half by the queue and half by /run."""
    (visitor,) = site.visitors(1, "")
    values = (TEXT, "", "bundled", 0, "")

    async def call(number: int) -> Sample:
        ask = visitor.join if number % 2 else visitor.run
        return await timed("session", time.monotonic(), lambda: ask("tokenize", *values, session=fresh()))

    await some_at_once(200, 4, call)  # what any 200 requests take is not what a session takes
    async with watched(site.pid) as watch:
        samples = await some_at_once(count, 4, call)
    await visitor.close()
    grown = (watch.end.rss - watch.start.rss) / 1e6
    what = f"{count:,} new sessions"
    errors = sum(bool(sample.error) for sample in samples)
    return [
        Row(f"{what}: memory", f"{grown:+.1f} MB, {errors} errors", "< 20 MB", grown < 20 and not errors),
        _usage(what, watch),
    ]


async def many_requests(site: Site, owner: str, count: int = 10_000) -> list[Row]:
    """10,000 mixed requests, each in a new session; the slope of the memory by least squares."""
    visitors = site.visitors(8, owner)
    asked = mix(site.about)
    looks: list[tuple[int, Usage]] = []
    import random

    import psutil

    dice, process = random.Random(0), psutil.Process(site.pid)

    async def call(number: int) -> Sample:
        kind, made = asked.draw(dice)
        if number % 100 == 0:
            looks.append((number, Usage.of(process)))
        return await timed(kind, time.monotonic(), lambda: made(visitors[number % len(visitors)]))

    await some_at_once(min(1_000, count), 8, call)
    looks.clear()
    async with watched(site.pid) as watch:
        samples = await some_at_once(count, 8, call)
    await closing(visitors)
    slope = statistics.linear_regression(
        [number / 1000 for number, _ in looks], [usage.rss / 1e6 for _, usage in looks]
    ).slope
    errors = sum(bool(sample.error) for sample in samples)
    what = f"{count:,} mixed requests"
    return [
        Row(f"{what}: memory per 1,000", f"{slope:+.2f} MB, {errors} errors", "< 1 MB", slope < 1 and not errors),
        _usage(what, watch),
    ]


async def stranger(site: Site, most: int = 200) -> list[Row]:
    """One stranger's two largest /embed, and another visitor's /embed of one text alone and beside them."""
    strangers = [LoadVisitor(site.door, "10.9.9.9") for _ in range(2)]
    (other,) = site.visitors(1, "", network=3)

    def one() -> Any:
        return other.join("embed", [TEXT], "bundled", "mean", "", session=fresh())

    async def twenty() -> list[float]:
        return [(await timed("embed", time.monotonic(), one)).seconds for _ in range(20)]

    await twenty()
    alone = _p95(await twenty())
    large = [
        asyncio.create_task(stranger.join("embed", [LONG] * most, "bundled", "mean", "")) for stranger in strangers
    ]
    await asyncio.sleep(2)
    beside = _p95(await twenty())
    going = sum(not task.done() for task in large)
    for task in large:
        task.cancel()
    await asyncio.gather(*large, return_exceptions=True)
    await closing([*strangers, other])
    told = (
        f"{1000 * beside:.0f} ms beside, {1000 * alone:.0f} ms alone: {beside / alone:.1f} times ({going} of 2 went on)"
    )
    return [
        Row("/embed of one text beside a stranger's two largest, p95 of 20", told, "≤ 3 times", beside <= 3 * alone)
    ]


async def inspections(site: Site, count: int = 16) -> list[Row]:
    """16 visitors inspect texts of more than 500 tokens at once."""
    visitors = site.visitors(count, "", network=4)
    async with watched(site.pid) as watch:
        samples = await asyncio.gather(
            *(
                timed(
                    "inspect",
                    time.monotonic(),
                    lambda it=visitor, n=n: it.join("inspect", f"{n} {LONG[:9_000]}", "", "bundled", 1, 1, ""),  # type: ignore[misc]
                )
                for n, visitor in enumerate(visitors)
            )
        )
        await asyncio.sleep(5)
    await closing(visitors)
    what = f"{count} inspections of 512 tokens at once"
    grown = (watch.peak - watch.start.rss) / 1e6
    errors = Counter(sample.error for sample in samples if sample.error)
    after = (watch.end.rss - watch.start.rss) / 1e6
    told = f"+{grown:.0f} MB at most, {after:+.0f} MB after; {sum(errors.values())} refused"
    return [Row(what, told, "at most 600 MB", grown <= 600)]


def _p95(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def _latency(what: str, samples: Sequence[Sample], limit: float) -> Row:
    seconds = sorted(sample.seconds for sample in samples)
    errors = Counter(sample.error for sample in samples if sample.error)
    if not seconds:
        return Row(what, f"no answer: {errors}", f"p95 ≤ {limit:g} s", False)
    p50, p95, p99 = (1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))] for share in (0.5, 0.95, 0.99))
    told = f"p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms ({len(seconds)}), {sum(errors.values())} errors"
    if errors:
        told += f": {', '.join(sorted(errors))[:200]}"
    return Row(what, told, f"0 errors, p95 ≤ {limit:g} s", p95 <= 1000 * limit and not errors)


def _usage(what: str, watch: Watch) -> Row:
    return Row(f"{what}: server at start, peak, end", watch.words, "flat", None)
