"""Gives queued runs to workers, one at a time per device, and finds them again after a restart of the server.

The dispatcher never waits for a run: it hands the folder to a worker and reads what the worker writes. One thread
does all of it. Where two servers share a home, the one that holds `server.lock` dispatches; the other takes over
when that one dies.
"""

from __future__ import annotations

import contextvars
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from filelock import FileLock, Timeout

from bertdemo.checkpoints import Catalogue
from bertdemo.errors import BertDemoError, BugInRun
from bertdemo.hub.progress import DownloadProgress
from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent, State
from bertdemo.runs.launchers import Launcher
from bertdemo.runs.liveness import process_files
from bertdemo.runs.liveness.stops import Stops, kill_worker
from bertdemo.runs.queue.line import Line, Place
from bertdemo.runs.registry import Registry, RunView
from bertdemo.runs.resume.requeue import requeue
from bertdemo.settings import Settings

_LOG = logging.getLogger(__name__)
# Seconds between two looks at the queue, and between two scans of all run folders for what other servers wrote.
_TICK = 0.1
_RESCAN = 2.0
# Seconds after which a worker that was asked to stop and has not is killed; a stop takes ten at most.
_STOP_GRACE = 60.0
# Drafts and half-deleted folders that nobody has touched for this many seconds belong to a server that died.
_STALE_SECONDS = 3600.0
# An interrupted run whose last event is older than this many seconds is not read again: no worker takes minutes to
# start.
_SLOW_SECONDS = 600.0
# Seconds between two events that report how far a download is.
_DOWNLOAD_REPORT_SECONDS = 1.0


class _NoLongerWanted(Exception):
    """A run was cancelled or deleted while its checkpoint was being downloaded."""


class Dispatcher:
    """See the module. `begin` starts its thread; until then it only answers."""

    def __init__(self, settings: Settings, registry: Registry, catalogue: Catalogue, launcher: Launcher) -> None:
        self._registry = registry
        registry.own_runs.reaped_by(launcher.reap)
        self._catalogue = catalogue
        self._launcher = launcher
        self._queue: list[str] = []  # in the order of their coming; `_line` knows whose turn it is
        self._line = Line(settings.limits, registry)
        self._running: dict[str, str] = {}  # the launcher's slot to run id
        self._stops = Stops()
        self._ended: dict[str, int] = {}  # run id to the size of its events file, which grows where it is resumed
        self._downloads: dict[str, Future[None]] = {}
        self._downloader = ThreadPoolExecutor(max_workers=2, thread_name_prefix="download")
        self._guard = threading.Lock()  # what is in memory: never held while a disk is read or a process is made
        self._writing = threading.RLock()  # deciding about a run that waits, with the event that says so
        self._wake = threading.Event()
        self._closed = False
        self._contexts: dict[str, contextvars.Context] = {}  # run id to that of the request that has queued it
        self._lock = FileLock(settings.home / "server.lock", mode=0o600, thread_local=False)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dispatch")
        self._dispatching: Future[None] | None = None
        self._scanned = 0.0
        self._on_end: Callable[[str], None] = lambda run_id: None

    def on_end(self, forget: Callable[[str], None]) -> None:
        """Call `forget` with each run that ends: a resumed one replaces the checkpoint that it had kept."""
        self._on_end = forget

    def begin(self) -> None:
        """Look for runs of an earlier server and start dispatching."""
        self._dispatching = self._thread.submit(self._loop)

    def close(self) -> None:
        """Stop dispatching; running workers go on."""
        self._closed = True
        self._wake.set()
        self._thread.shutdown(wait=True)
        self._downloader.shutdown(wait=False, cancel_futures=True)
        self._launcher.close()
        self._lock.release(force=True)

    def raise_if_dead(self) -> None:
        """Raise the error that ended the dispatching thread, where one did: nothing queued would ever start."""
        if self._dispatching is not None and self._dispatching.done() and not self._closed:
            self._dispatching.result()

    def place(self) -> AbstractContextManager[None]:
        """Keep a place for the run that the block writes and queues; raises ServerQueueFull and AddressQueueFull."""
        return self._line.place(self._under_way)

    def _under_way(self) -> set[str]:
        with self._guard:
            return {*self._queue, *self._running.values()}

    def enqueue(self, run_id: str) -> None:
        """Queue a run whose folder was just written, without waiting for the next scan to find it."""
        self._line.came(run_id)
        with self._guard:
            if self._dispatches and run_id not in self._queue:  # a scan may have found it already
                self._queue.append(run_id)
            if self._dispatches:
                self._contexts[run_id] = contextvars.copy_context()
        self._wake.set()

    def cancel(self, run_id: str, owner: str | None) -> State:
        """Ask a run to stop; one that has not started is cancelled at once, one that does not respond is killed."""
        silent = self._registry.summary(run_id, owner).silent_seconds
        self._registry.ask_to_stop(run_id, owner)
        if silent:
            kill_worker(self._registry.folder(run_id))
        if self._dispatches:
            self._cancel_queued(run_id)
        self._wake.set()
        return self._registry.summary(run_id, owner).state

    def resume(self, run_id: str, owner: str, *, not_exact: bool = False) -> State:
        """Queue an ended run again, to go on from its newest resume checkpoint; raises as `requeue`."""
        self.raise_if_dead()
        with self.place():
            with self._writing:
                requeue(self._registry, run_id, owner, not_exact=not_exact)
            self.enqueue(run_id)
        return self._registry.summary(run_id, owner).state

    def hide(self, run_id: str, owner: str) -> None:
        """Hide a run, which is removed in ten seconds unless it is restored; RunAlive while it trains.

        One that waits is cancelled, and restored as a cancelled one.
        """
        if self._registry.summary(run_id, owner).state == "queued":
            self.cancel(run_id, owner)
        self._registry.hide(run_id, owner)

    def delete(self, run_id: str, owner: str | None) -> None:
        """Delete a run and the checkpoint that it made; RunAlive while it trains."""
        if self._registry.summary(run_id, owner).state == "queued":
            self.cancel(run_id, owner)
        with self._writing:
            self._registry.delete(run_id, owner)
            self._drop(run_id)
        with self._guard:
            self._ended.pop(run_id, None)
        if self._catalogue.owns(run_id, owner):
            self._catalogue.delete(run_id, owner)

    def place_of(self, view: RunView) -> Place:
        """Return how many runs must end before this one starts, and how long that takes."""
        with self._guard:
            queue, running = list(self._queue), dict(self._running)
        return self._line.place_of(view, queue, running, self._launcher.slot)

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
            except (OSError, BertDemoError):  # a full disk, a folder deleted meanwhile: the next tick looks again
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
        self._registry.own_runs.look()
        if self._scan_is_due():
            self._adopt()
            self._remove_deleted()
        for device, run_id in list(self._running.items()):  # only this thread changes it
            if self._state(run_id) not in {"starting", "running"}:
                with self._guard:
                    del self._running[device]
                self._line.ended(run_id)
                self._stops.ended(run_id)
                self._on_end(run_id)
                self._launcher.warm()
            elif self._stops.ignored(folder := self._registry.folder(run_id), _STOP_GRACE):
                kill_worker(folder)
        with self._guard:
            queue = list(self._queue)
        for run_id in self._line.in_turn(queue):
            self._try_to_launch(run_id)

    def _remove_deleted(self) -> None:
        """Remove the runs whose deletion can no longer be undone."""
        for run_id in self._registry.due():
            try:
                self.delete(run_id, None)
            except BertDemoError as error:  # gone meanwhile, or its run.json cannot be read
                _LOG.warning("run %s was not removed: %s", run_id, error)

    def _watch(self) -> None:
        """Another server dispatches: only know what waits and trains, for the page to show."""
        if self._scan_is_due():
            waiting, alive = self._scan(set())
            with self._guard:
                ended = set(self._running.values()) - set(alive.values())
                self._queue, self._running = waiting, alive
            for run_id in ended:
                self._on_end(run_id)

    def _scan_is_due(self) -> bool:
        """Return whether the folders must be looked at again, and take note that they are."""
        if self._scanned and time.monotonic() - self._scanned <= _RESCAN:
            return False
        self._scanned = time.monotonic()
        return True

    def _adopt(self) -> None:
        """Find runs that another server, or this one before a restart, has left waiting or training."""
        known = self._under_way()
        waiting, alive = self._scan(known)
        with self._guard:
            self._queue += [run_id for run_id in waiting if run_id not in self._queue]  # started meanwhile
            self._running.update(alive)

    def _scan(self, known: set[str]) -> tuple[list[str], dict[str, str]]:
        """Return the runs that wait, the oldest first, and those that train by device; `known` ones are not read."""
        run_ids = self._registry.ids(None)
        with self._guard:
            before = {run_id: size for run_id, size in self._ended.items() if run_id in run_ids}
        before = {run_id: size for run_id, size in before.items() if self._log_size(run_id) == size}
        known = known | set(before)
        waiting, alive, ended = list[str](), dict[str, str](), before
        for run_id in reversed(run_ids):
            view = None if run_id in known else self._summary(run_id)
            if view is None:
                continue
            if view.state == "queued":
                waiting.append(run_id)
            elif view.state in {"starting", "running"}:
                alive[self._launcher.slot(view.request.config.device)] = run_id
            elif _is_over(view):
                ended[run_id] = self._log_size(run_id)
        with self._guard:
            self._ended = ended
        return waiting, alive

    def _log_size(self, run_id: str) -> int:
        try:
            return (self._registry.folder(run_id) / "events.jsonl").stat().st_size
        except FileNotFoundError:  # deleted just now
            return 0

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
            if self._checkpoint_is_here(run_id):
                self._launch(run_id, device)
        except BertDemoError as error:
            self._fail(run_id, error)

    def _launch(self, run_id: str, device: str) -> None:
        warm = self._launcher.is_warm()
        # A launcher may act for the visitor, whom a platform knows by the context of the request alone.
        context = self._contexts.get(run_id) or contextvars.copy_context()
        with self._writing:
            if not self._drop(run_id):  # cancelled or deleted just now
                return
            with self._guard:
                self._running[device] = run_id
            process_files.forget(self._registry.folder(run_id))
            self._append(run_id, ev.Launched, warm=warm)
        self._line.started(run_id)
        context.run(self._launcher.launch, self._registry.folder(run_id))
        self._registry.own_runs.launched(run_id)

    def _checkpoint_is_here(self, run_id: str) -> bool:
        """Return whether the checkpoint is on this machine; one of the Hub is downloaded in another thread.

        Raises the BertDemoError that ended the download.
        """
        checkpoint = self._registry.request(run_id, None).checkpoint
        if "/" not in checkpoint:
            return self._catalogue.describe(checkpoint, None).ready
        future = self._downloads.get(run_id)
        if future is None:
            future = self._downloads[run_id] = self._downloader.submit(self._download, run_id, checkpoint)
            future.add_done_callback(lambda _: self._wake.set())
        if not future.done():
            return False
        error = future.exception()
        if error is None or isinstance(error, BertDemoError):
            if error is not None:
                raise error
            return True
        error_id = secrets.token_hex(4)
        _LOG.error("error %s while downloading", error_id, exc_info=error)
        raise BugInRun(error_id=error_id)

    def _download(self, run_id: str, checkpoint: str) -> None:
        """Download the checkpoint; runs in a thread of its own."""
        reported = 0.0

        def report(progress: DownloadProgress) -> None:
            nonlocal reported
            with self._writing:  # nobody else may append meanwhile, and nothing after a cancel
                if self._closed or run_id not in self._queue:
                    raise _NoLongerWanted
                if time.monotonic() - reported > _DOWNLOAD_REPORT_SECONDS:
                    reported = time.monotonic()
                    self._append(run_id, ev.Phase, name="fetching", progress=progress.share)

        self._catalogue.folder(checkpoint, None, report)

    def _cancel_queued(self, run_id: str) -> None:
        with self._writing:
            if self._state(run_id) == "queued" and self._drop(run_id):
                self._append(run_id, ev.Cancelled, checkpoint="", evaluated=False, step=0)

    def _fail(self, run_id: str, error: BertDemoError) -> None:
        with self._writing:
            if self._drop(run_id):
                self._append(run_id, ev.Failed, message=error.message_key, values=dict(error.values))

    def _append(self, run_id: str, event: Callable[..., RunEvent], **fields: object) -> None:
        seq, attempt = self._registry.next_event(run_id)
        self._registry.append(run_id, event(seq=seq, attempt=attempt, at=time.time(), **fields))

    def _drop(self, run_id: str) -> bool:
        """Take a run out of the queue, and forget its download; return whether it was there."""
        with self._guard:
            self._downloads.pop(run_id, None)
            self._contexts.pop(run_id, None)
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
            return self._launcher.slot(self._registry.request(run_id, None).config.device)
        except BertDemoError:  # deleted just now
            return ""


def _is_over(view: RunView) -> bool:
    """Return whether nothing more can come of a run; one that was launched lately may have a slow worker."""
    lately = bool(view.events) and time.time() - view.events[-1].at < _SLOW_SECONDS
    return view.state in {"finished", "cancelled", "failed"} or (view.state == "interrupted" and not lately)
