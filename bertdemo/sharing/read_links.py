"""Read-only links: whoever has one sees a finished run and can change nothing, until it is withdrawn.

A link names a run and a secret of its own, `<run id>~<secret>`, so that it gives away neither the owner key nor any
other run. Of the secret the run folder has the hash alone, so a link is shown once, when it is made; a new one
replaces it. It goes with the run.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time

from bertdemo.errors import RunNotFinished, RunUnknown
from bertdemo.processes import write_atomic
from bertdemo.runs import deletion
from bertdemo.runs.registry import Registry

# Between the id of a run and the secret; no run id has one.
_MARK = "~"
_FILE, _SCHEMA = "link.json", 1


class ReadLinks:
    """Makes, checks and withdraws the link of a run: one file in its folder."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create(self, run_id: str, owner: str) -> str:
        """Return what names this run to anybody, `<run id>~<secret>`; an earlier link of the run works no longer.

        Raises RunUnknown as the registry, RunShipped for an example, which all can read, and RunNotFinished.
        """
        self._registry.check_own(run_id, owner)
        if self._registry.summary(run_id, owner).state != "finished":
            raise RunNotFinished(run=run_id)
        secret = secrets.token_urlsafe(32)
        record = {"schema": _SCHEMA, "sha256": _hashed(secret), "created": time.time()}
        write_atomic(self._registry.folder(run_id) / _FILE, json.dumps(record))
        return f"{run_id}{_MARK}{secret}"

    def withdraw(self, run_id: str, owner: str) -> None:
        """Let the link of a run work no longer. Raises RunUnknown."""
        self._registry.check_own(run_id, owner)
        (self._registry.folder(run_id) / _FILE).unlink(missing_ok=True)

    def created(self, run_id: str, owner: str) -> float | None:
        """Return when the link of this owner's run was made, in seconds since the epoch; None where it has none."""
        self._registry.check_own(run_id, owner)
        record = self._record(run_id)
        return float(record["created"]) if record else None

    def opened(self, link: str) -> str:
        """Return the id of the run that a link opens; raises RunUnknown, whatever is wrong with it."""
        run_id, _, secret = link.partition(_MARK)
        record = self._record(run_id)
        if record is None or not hmac.compare_digest(str(record["sha256"]), _hashed(secret)):
            raise RunUnknown(run=run_id[:80])
        return run_id

    def _record(self, run_id: str) -> dict[str, float | str] | None:
        """Return what is stored of a run's link; None where there is none, or the run was deleted."""
        folder = self._registry.folder(run_id)
        if deletion.is_hidden(folder):
            return None
        try:
            record = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            return {"sha256": str(record["sha256"]), "created": float(record["created"])}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


def is_link(run: str) -> bool:
    """Return whether this names a run by a read-only link, and not by its id."""
    return _MARK in run


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
