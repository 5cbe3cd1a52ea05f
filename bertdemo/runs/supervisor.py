"""Starts runs, one at a time on each device, and finds them again after a restart of the server.

The supervisor never waits for a run: it writes a folder, later gives it to a worker, and reads. One thread does
all of it. Where two servers share a home, the one that holds `server.lock` dispatches; the other takes over when
that one dies.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from filelock import FileLock, Timeout

from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.device import Device, DeviceReport, cpu
from bertdemo.errors import BertDemoError, BugInRun, DevicesFailed, DevicesPending
from bertdemo.hub.progress import DownloadProgress
from bertdemo.processes import kill_session
from bertdemo.runs import admission
from bertdemo.runs import events as ev
from bertdemo.runs.events import State
from bertdemo.runs.launchers import Launcher
from bertdemo.runs.registry import Registry, RunView, note_exit, overdue
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings

_LOG = logging.getLogger(__name__)
_TICK = 0.1
_RESCAN = 2.0
_STOP_GRACE = 60.0
"""Seconds after which a worker that was asked to stop and has not is ended; a stop takes ten at most."""
_STALE_SECONDS = 3600.0
_SLOW_SECONDS = 600.0
"""An interrupted run whose last event is older than this is read no more: no worker takes minutes to start."""
_DEVICES_SECONDS = 10.0
"""How long a Start waits for torch to be imported (4 to 5 seconds on two cores) before it says that it waits."""


class _NoLongerWanted(Exception):
    """A run was cancelled or deleted while its checkpoint was being fetched."""


class Supervisor:
    """See the module. `devices` answers with the devices there are; until torch is there, with the CPU alone."""

    def __init__(
        self, settings: Settings, registry: Registry, catalogue: Catalogue, launcher: Launcher, datasets: DatasetCache
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._catalogue = catalogue
        self._launcher = launcher
        self._datasets = datasets
        self._devices = DeviceReport((cpu(),))
        self._devices_known = False
        self._looked = threading.Event()
        self._start_error = ""
        self._queue: list[str] = []
        self._running: dict[str, str] = {}  # device id to run id
        self._ended: set[str] = set()
        self._fetching: dict[str, Future[None]] = {}
        self._fetcher = ThreadPoolExecutor(max_workers=2, thread_name_prefix="fetch")
        self._guard = threading.Lock()  # what is in memory: never held while a disk is read or a process is made
        self._writing = threading.RLock()  # deciding about a run that waits, with the event that says so
        self._wake = threading.Event()
        self._closed = False
        self._lock = FileLock(settings.home / "server.lock", mode=0o600, thread_local=False)
        self._dispatcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="supervisor")
        self._dispatching: Future[None] | None = None
        self._scanned = 0.0

    def begin(self) -> None:
        """Look for runs of an earlier server and start dispatching."""
        self._dispatching = self._dispatcher.submit(self._loop)

    def close(self) -> None:
        """Stop dispatching; running workers go on."""
        self._closed = True
        self._wake.set()
        self._dispatcher.shutdown(wait=True)
        self._fetcher.shutdown(wait=False, cancel_futures=True)
        self._launcher.close()
        self._lock.release(force=True)

    def devices_found(self, report: DeviceReport) -> None:
        """Take note of the devices, once torch could be asked."""
        self._devices = report
        self._devices_known = True
        self._looked.set()

    def start_failed(self, error_id: str) -> None:
        """Take note that the server did not start completely; its log says why under this id."""
        self._start_error = error_id
        self._looked.set()

    @property
    def start_error(self) -> str:
        """The id under which the log says why the server did not start completely; "" where it did."""
        return self._start_error

    @property
    def devices_known(self) -> bool:
        """Whether torch has been asked, and has answered."""
        return self._devices_known

    @property
    def devices(self) -> DeviceReport:
        """The devices known so far."""
        return self._devices

    def start(self, request: RunRequest, owner: str) -> str:
        """Check the request, write its run folder and queue it; return the run id at once.

        Raises the DataError, TableError, ConfigError or CheckpointError that would end the run anyway.
        """
        if self._dispatching is not None and self._dispatching.done() and not self._closed:
            self._dispatching.result()  # the thread has died of an error: say so, rather than queue forever
        device = self._device(request.config.device)
        info = self._catalogue.describe(request.checkpoint, owner)
        prepared = admission.checked(request, self._datasets, self._settings.limits)
        config = replace(request.config, device=device.id)
        task, columns = prepared.task.id, dict(prepared.columns)
        complete = replace(request, task=task, columns=columns, config=config, checkpoint=info.id)
        run_id = self._registry.create(complete, owner, prepared)
        with self._guard:
            if self._dispatches and run_id not in self._queue:  # a look at the folders may have found it already
                self._queue.append(run_id)
        self._wake.set()
        return run_id

    def _device(self, wanted: str) -> Device:
        """Return the device to train on; the CPU stands in for no other, and needs no look at the others."""
        if wanted != "cpu" and not self._devices_known:
            self._looked.wait(timeout=_DEVICES_SECONDS)
        if wanted == "cpu" or self._devices_known:
            return self._devices.choose(wanted)
        raise DevicesFailed(error_id=self._start_error) if self._start_error else DevicesPending()

    def cancel(self, run_id: str, owner: str) -> State:
        """Ask a run to stop; one that has not started is cancelled at once."""
        self._registry.ask_to_stop(run_id, owner)
        if self._dispatches:
            self._cancel_queued(run_id)
        self._wake.set()
        return self._registry.summary(run_id, owner).state

    def delete(self, run_id: str, owner: str) -> None:
        """Delete a run and the checkpoint that it made; RunAlive while it trains."""
        if self._registry.summary(run_id, owner).state == "queued":
            self.cancel(run_id, owner)
        with self._writing:
            self._registry.delete(run_id, owner)
            self._drop(run_id)
        with self._guard:
            self._ended.discard(run_id)
        if self._catalogue.owns(run_id, owner):
            self._catalogue.delete(run_id, owner)

    def ahead(self, view: RunView) -> int:
        """Return how many runs must end before this one starts."""
        with self._guard:
            queue, running = list(self._queue), set(self._running)
        if view.run_id not in queue:
            return 0
        before = queue[: queue.index(view.run_id)]
        device = view.request.config.device
        return sum(self._device_of(run) == device for run in before) + (device in running)

    def training(self) -> bool:
        """Return whether any run is alive."""
        with self._guard:
            return bool(self._running)

    def training_on_cpu(self) -> bool:
        """Return whether a CPU run is alive, so that the page infers on one thread."""
        with self._guard:
            return "cpu" in self._running

    @property
    def _dispatches(self) -> bool:
        """Whether this server, of all that share the home, gives runs to workers."""
        return self._lock.is_locked

    def _loop(self) -> None:
        while not self._closed:
            try:
                if self._dispatches or self._take_lock():
                    self._tick()
                else:
                    self._watch()
            except (OSError, BertDemoError):  # a full disk, a folder deleted under our hands: the next tick looks again
                _LOG.exception("dispatching was disturbed")
            self._wake.wait(timeout=_TICK)
            self._wake.clear()

    def _take_lock(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        with self._guard:
            self._queue.clear()
            self._running.clear()
            self._scanned = 0.0
        self._registry.sweep(_STALE_SECONDS)
        return True

    def _tick(self) -> None:
        """Note what has ended, find what is new, give the next runs to workers."""
        for folder, code in self._launcher.reap():
            note_exit(folder, code)
        if self._scan_is_due():
            self._adopt()
        for device, run_id in list(self._running.items()):  # only this thread changes it
            if self._state(run_id) not in {"starting", "running"}:
                with self._guard:
                    del self._running[device]
                self._launcher.warm()
            elif hung := overdue(self._registry.folder(run_id), _STOP_GRACE):
                kill_session(hung)
        with self._guard:
            queue = list(self._queue)
        for run_id in queue:
            self._try_to_launch(run_id)

    def _watch(self) -> None:
        """Another server dispatches: only know what waits and trains, to tell the page."""
        if self._scan_is_due():
            waiting, alive = self._look(set())
            with self._guard:
                self._queue, self._running = waiting, alive

    def _scan_is_due(self) -> bool:
        """Return whether the folders must be looked at again, and take note that they are."""
        if self._scanned and time.monotonic() - self._scanned <= _RESCAN:
            return False
        self._scanned = time.monotonic()
        return True

    def _adopt(self) -> None:
        """Find runs that another server, or this one before a restart, has left waiting or training."""
        with self._guard:
            known = {*self._queue, *self._running.values()}
        waiting, alive = self._look(known)
        with self._guard:
            self._queue += [run_id for run_id in waiting if run_id not in self._queue]  # started meanwhile
            self._running.update(alive)

    def _look(self, known: set[str]) -> tuple[list[str], dict[str, str]]:
        """Return the runs that wait, the oldest first, and those that train by device; `known` ones are not read."""
        there = self._registry.ids(None)
        with self._guard:
            self._ended.intersection_update(there)
            known = known | self._ended
        waiting, alive, ended = list[str](), dict[str, str](), set[str]()
        for run_id in reversed(there):
            view = None if run_id in known else self._summary(run_id)
            if view is None:
                continue
            if view.state == "queued":
                waiting.append(run_id)
            elif view.state in {"starting", "running"}:
                alive[view.request.config.device] = run_id
            elif _is_over(view):
                ended.add(run_id)
        with self._guard:
            self._ended |= ended
        return waiting, alive

    def _try_to_launch(self, run_id: str) -> None:
        if self._state(run_id) != "queued":
            self._drop(run_id)
            return
        if (self._registry.folder(run_id) / "cancel").exists():
            self._cancel_queued(run_id)
            return
        device = self._device_of(run_id)
        if device in self._running:
            return
        try:
            if self._fetched(run_id):
                self._launch(run_id, device)
        except BertDemoError as error:
            self._fail(run_id, error)

    def _launch(self, run_id: str, device: str) -> None:
        warm = self._launcher.is_warm()
        with self._writing:
            if not self._drop(run_id):  # cancelled or deleted just now
                return
            with self._guard:
                self._running[device] = run_id
            self._append(run_id, "Launched", warm=warm)
        self._launcher.launch(self._registry.folder(run_id))

    def _fetched(self, run_id: str) -> bool:
        """Return whether the checkpoint is on this machine; look and fetch in a thread where the Hub may be asked."""
        checkpoint = self._registry.request(run_id, None).checkpoint
        if "/" not in checkpoint:
            return self._catalogue.describe(checkpoint, None).ready
        future = self._fetching.get(run_id)
        if future is None:
            future = self._fetching[run_id] = self._fetcher.submit(self._fetch, run_id, checkpoint)
            future.add_done_callback(lambda _: self._wake.set())
        if not future.done():
            return False
        error = future.exception()
        if error is None or isinstance(error, BertDemoError):
            if error is not None:
                raise error
            return True
        error_id = secrets.token_hex(4)
        _LOG.error("error %s while fetching", error_id, exc_info=error)
        raise BugInRun(error_id=error_id)

    def _fetch(self, run_id: str, checkpoint: str) -> None:
        """Bring the checkpoint here; runs in a thread of its own."""
        said = 0.0

        def say(progress: DownloadProgress) -> None:
            nonlocal said
            with self._writing:  # nobody else may append meanwhile, and nothing after a cancel
                if self._closed or run_id not in self._queue:
                    raise _NoLongerWanted
                if time.monotonic() - said > 1.0:
                    said = time.monotonic()
                    self._append(run_id, "Phase", name="fetching", progress=progress.share)

        self._catalogue.folder(checkpoint, None, say)

    def _cancel_queued(self, run_id: str) -> None:
        with self._writing:
            if self._state(run_id) == "queued" and self._drop(run_id):
                self._append(run_id, "Cancelled", checkpoint="", evaluated=False, step=0)

    def _fail(self, run_id: str, error: BertDemoError) -> None:
        with self._writing:
            if self._drop(run_id):
                self._append(run_id, "Failed", message=error.message_key, values=dict(error.values))

    def _append(self, run_id: str, kind: str, **fields: Any) -> None:
        seq, attempt = self._registry.next_event(run_id)
        event = getattr(ev, kind)(seq=seq, attempt=attempt, at=time.time(), **fields)
        self._registry.append(run_id, event)

    def _drop(self, run_id: str) -> bool:
        """Take a run out of the queue, and forget what was fetched for it; return whether it was there."""
        with self._guard:
            self._fetching.pop(run_id, None)
            waited = run_id in self._queue
            if waited:
                self._queue.remove(run_id)
            return waited

    def _state(self, run_id: str) -> State | None:
        view = self._summary(run_id)
        return view.state if view else None

    def _summary(self, run_id: str) -> RunView | None:
        try:
            return self._registry.summary(run_id, None)
        except BertDemoError:  # deleted just now
            return None

    def _device_of(self, run_id: str) -> str:
        try:
            return self._registry.request(run_id, None).config.device
        except BertDemoError:  # deleted just now
            return ""


def _is_over(view: RunView) -> bool:
    """Return whether nothing more can come of a run; of one that was launched lately, a slow worker may."""
    lately = bool(view.events) and time.time() - view.events[-1].at < _SLOW_SECONDS
    return view.state in {"finished", "cancelled", "failed"} or (view.state == "interrupted" and not lately)
