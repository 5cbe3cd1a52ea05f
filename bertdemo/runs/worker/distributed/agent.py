"""torchrun with the lock of a run around it: `python -m bertdemo.runs.worker.distributed.agent FOLDER ARGUMENTS`.

The run is alive as long as this process, also while torchrun starts its processes again. SIGTERM stops the run as the
Stop button does. Hosts that do not join in time end the run, with a sentence that says how many did.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout

from bertdemo import processes
from bertdemo.errors import HostsMissing
from bertdemo.launching import Launching
from bertdemo.runs.liveness.process_files import note_process
from bertdemo.runs.worker.distributed import attempts
from bertdemo.runs.worker.distributed.rank_main import AGENT, WRITER
from bertdemo.settings import Settings

_LOOK_SECONDS = 0.5


def main(arguments: Sequence[str]) -> int:
    """Run torchrun with these arguments for a run folder; return the exit code."""
    folder = Path(arguments[0])
    try:
        with processes.hold(folder / "lock"), processes.hold(folder / AGENT):
            note_process(folder, processes.Identity.of())
            return _supervise(folder, arguments[1:], Settings.from_env())
    except Timeout:  # another worker has the run
        return 0


def _supervise(folder: Path, arguments: Sequence[str], settings: Settings) -> int:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous.api import RendezvousError
    from torch.distributed.run import parse_args, run

    options: Any = parse_args(list(arguments))  # type: ignore[no-untyped-call]
    hosts = Hosts(folder, options.rdzv_endpoint, options.rdzv_id, int(str(options.nnodes).split(":")[0]))
    signal.signal(signal.SIGTERM, lambda *_: (folder / "cancel").touch(mode=0o600))
    if hosts.expected > 1:
        hosts.watch()
    try:
        run(options)  # type: ignore[no-untyped-call]
    except ChildFailedError:
        error = attempts.take_error(folder)
        if error is not None:
            _fail(folder, error)
        return 1
    except RendezvousError:
        _fail(folder, hosts.missing(settings.launching))
        return 1
    return 0


def _fail(folder: Path, error: Any) -> None:
    """End the run; no other process writes any more."""
    with processes.hold(folder / WRITER):
        attempts.fail(folder, error)


@dataclass
class Hosts:
    """The hosts that have joined, read from the store of torchrun's rendezvous."""

    run: Path
    endpoint: str
    name: str
    expected: int
    joined: int = 1
    _began: float = field(default_factory=time.monotonic)

    def watch(self) -> None:
        """Count the hosts in the background until all are there; end the run where it is stopped before."""
        threading.Thread(target=self._count, name="hosts", daemon=True).start()

    def missing(self, launching: Launching) -> HostsMissing:
        """Return the error that says how many have joined."""
        return HostsMissing(
            joined=self.joined, expected=self.expected, address=self.endpoint, seconds=launching.join_seconds
        )

    def _count(self) -> None:
        store = None
        while self.joined < self.expected:
            time.sleep(_LOOK_SECONDS)
            if (self.run / "cancel").exists():
                attempts.cancel(self.run)
                os._exit(0)
            store = store or self._connected()
            if store is not None:
                self.joined = max(self.joined, self._hosts_in(store))

    def _connected(self) -> Any:
        from datetime import timedelta

        from torch.distributed import DistError, TCPStore  # type: ignore[attr-defined]

        host, _, port = self.endpoint.rpartition(":")
        try:
            return TCPStore(host, int(port), is_master=False, timeout=timedelta(seconds=5), wait_for_workers=False)
        except DistError:
            return None

    def _hosts_in(self, store: Any) -> int:
        """Return the hosts in the state that torchrun keeps: its own format, so one that is not understood counts 1."""
        try:
            state: Any = pickle.loads(b64decode(store.get(f"torch.rendezvous.{self.name}")))  # noqa: S301 - as torchrun reads it
            return len(state.participants) + len(state.wait_list)
        except (pickle.UnpicklingError, AttributeError, ImportError, ValueError, EOFError, RuntimeError):
            return 1  # another version of torch, or the store has gone: the sentence counts this host alone


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
