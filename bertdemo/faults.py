"""Faults on purpose, for the tests of what a run survives: a full or failing disk, a kill, a halt.

`fault(point)` stands in front of each write, sync, replacement, event, save and step of a run. It does nothing unless a
fault was armed, and only tests arm one: `Settings.fault` is read under pytest alone. There is one fault per process, in
this module: handing it through every function that writes would put the tests into all of their signatures.

A fault is `point:number:action`, where the point `any` counts all points together, and `point:number:action:on` also
happens at every later point. The number is that of the step where the point knows it, else how often it was passed.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass

ANY = "any"
_ERRORS = {"full": errno.ENOSPC, "io": errno.EIO}
# Long enough for another process to look meanwhile, short enough for a test.
_SLEEP_SECONDS = 0.2


@dataclass
class Fault:
    """One armed fault, and what became of it."""

    point: str
    number: int
    action: str
    lasting: bool = False
    passed: int = 0
    """How many of its points were reached."""
    fired: int = 0
    """How often it happened."""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `point:number:action` or `point:number:action:on`."""
        point, number, action, *rest = text.split(":")
        return cls(point, int(number), action, lasting=rest == ["on"])

    def reached(self, point: str, number: int | None) -> None:
        """Let the fault happen, if this is the moment."""
        if self.point not in {ANY, point}:
            return
        self.passed += 1
        at = self.passed if self.point == ANY or number is None else number
        if at == self.number or (self.lasting and at > self.number):
            self.fired += 1
            self.happen()

    def happen(self) -> None:
        """Do what the action says."""
        if self.action in _ERRORS:
            number = _ERRORS[self.action]
            raise OSError(number, os.strerror(number))
        if self.action == "sleep":
            time.sleep(_SLEEP_SECONDS)
        else:
            os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[self.action])


_armed: Fault | None = None


def arm(text: str) -> Fault | None:
    """Arm the fault of this process, or none for ""; return it."""
    global _armed  # noqa: PLW0603 - see the module
    _armed = Fault.parse(text) if text else None
    return _armed


def disarm() -> Fault | None:
    """Disarm the fault of this process, and return it."""
    before = _armed
    arm("")
    return before


def fault(point: str, number: int | None = None) -> None:
    """Let the armed fault happen, if this is its point; `number` is that of a step, where there is one."""
    if _armed is not None:
        _armed.reached(point, number)
