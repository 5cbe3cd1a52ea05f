"""A deleted run can be restored for ten seconds: until then a flag in its folder hides it from everybody.

The dispatcher removes what has been flagged for longer, whether the page that asked for it is still open or not. What
was flagged when the server stopped is removed after its next start. No run can be restored any more when its removal
begins, so none comes back half removed.
"""

from __future__ import annotations

import time
from pathlib import Path

UNDO_SECONDS = 10.0
# Two seconds later than the last undo: a write on a slow disk, and the clocks of two servers on one home.
_REMOVED_AFTER = 12.0
_FLAG = "deleted"


def hide(folder: Path) -> None:
    """Flag a run; the time of the flag is when it was deleted."""
    (folder / _FLAG).touch(mode=0o600)


def is_hidden(folder: Path) -> bool:
    """Return whether a run is flagged."""
    return (folder / _FLAG).exists()


def restore(folder: Path) -> bool:
    """Take the flag off; False where there is none, or it is older than UNDO_SECONDS."""
    age = _age(folder)
    if age is None or age > UNDO_SECONDS:
        return False
    (folder / _FLAG).unlink(missing_ok=True)
    return True


def is_due(folder: Path) -> bool:
    """Return whether a run has been flagged long enough to be removed."""
    age = _age(folder)
    return age is not None and age > _REMOVED_AFTER


def _age(folder: Path) -> float | None:
    try:
        return time.time() - (folder / _FLAG).stat().st_mtime
    except FileNotFoundError:
        return None
