"""What the visitors ask for: the mix of requests, and the checkpoint and run that they ask about."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.load.visitors import LoadVisitor, Mix

TEXT = "The violin stayed in its case because it was embarrassingly out of tune."


@dataclass(frozen=True)
class About:
    """A fine-tuned checkpoint and a finished run that every visitor may see."""

    checkpoint: str
    run: str

    @classmethod
    async def read(cls, visitor: LoadVisitor) -> About:
        """Return the run that ships with the app, or the bundled model where there is none yet."""
        found = await visitor.join("checkpoints", visitor.owner, session=fresh())
        trained = next((it["id"] for it in found if it["task"]), "bundled")
        runs = await visitor.join("runs", visitor.owner, session=fresh())
        return cls(trained, runs[0]["run_id"] if runs else "")


def fresh() -> str:
    """Return a new session hash, as a page or a client makes one."""
    return secrets.token_hex(6)


def mix(about: About) -> Mix:
    """Return 60% tokenize, 30% predict, 10% status, each in a session of its own."""

    def asking(name: str, *values: Any) -> Callable[[LoadVisitor], Awaitable[Any]]:
        return lambda visitor: visitor.join(name, *values, visitor.owner, session=fresh())

    status = asking("run_status", about.run) if about.run else asking("runs")
    return Mix(
        [
            ("tokenize", 6, asking("tokenize", TEXT, "", "bundled", 0)),
            ("predict", 3, asking("predict", TEXT, "", about.checkpoint)),
            ("status", 1, status),
        ]
    )
