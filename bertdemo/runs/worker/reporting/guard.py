"""Every end of a run reaches the page: the one place of a worker that catches everything."""

from __future__ import annotations

import contextlib
import secrets
import sys
import traceback
from collections.abc import Callable

from bertdemo.errors import BertDemoError, BugInRun


def guarded(
    work: Callable[[], None], report: Callable[[Exception], int], *, quiet: tuple[type[Exception], ...]
) -> int | None:
    """Do the work; return 0, what `report` returns for an error, or None where a `quiet` one ended it."""
    try:
        work()
    except quiet:
        return None
    except Exception as error:  # whatever it is, nobody else would tell the page
        return report(error)
    return 0


def told(error: Exception) -> BertDemoError:
    """Return the error as the page tells it; one of ours is logged, and told by the id that the log has it under."""
    if isinstance(error, BertDemoError):
        return error
    error_id = secrets.token_hex(4)
    with contextlib.suppress(OSError):  # the log may be on a full disk
        print(f"error {error_id}", file=sys.stderr)  # noqa: T201 - standard error is the log
        traceback.print_exception(error)
    return BugInRun(error_id=error_id)
