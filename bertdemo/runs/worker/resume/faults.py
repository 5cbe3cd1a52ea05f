"""One fault at a chosen moment, for the tests of what a run survives; outside of tests `Settings.fault` is empty."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`point:number:action`: at that point, the step or the count of that number, be killed or find the disk full."""

    point: str = ""
    number: int = 0
    action: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read the text; "" is no fault."""
        if not text:
            return cls()
        point, number, action = text.split(":")
        return cls(point, int(number), action)

    def at(self, point: str, number: int) -> None:
        """Do it, if this is the moment."""
        if (point, number) != (self.point, self.number):
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
