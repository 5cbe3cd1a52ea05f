"""Runs on a ZeroGPU Space: a plain function that gets a GPU for seconds, called again until the run is over.

There, only a process that the package `spaces` forks for a decorated function has a GPU, for as long as it was asked
for; each visitor has some minutes a day. So a run trains in slices: each goes on from the resume checkpoint of the one
before, and between two of them the run waits in the queue like any other. Its folder is the same as anywhere.

What a visitor may use is known by the request that started the run, whose context is kept for all slices. Where the
quota is spent, a run of the bundled model goes on on the CPU, and any other ends with the reason.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from bertdemo.checkpoints import bundled
from bertdemo.device import Device, DeviceReport, cpu
from bertdemo.errors import GpuQuotaSpent, GpuSliceTooShort
from bertdemo.processes import is_held
from bertdemo.runs import events as ev
from bertdemo.runs.event_log import append_event
from bertdemo.runs.launchers.local import LocalLauncher
from bertdemo.runs.request import RunRecord
from bertdemo.runs.resume.checkpoints import newest_step
from bertdemo.settings import Settings

# Seconds of one slice that are trained: the half of what a visitor without an account has per day.
SLICE_SECONDS = 60
# Seconds more that are asked for: to open the model before, and to save, evaluate and publish after.
_AROUND_SECONDS = 30
# Memory of the GPU that a call gets.
_GPU_BYTES = 48 * 1000**3
# Words of the refusals of `spaces`, which raises them as an error of Gradio and not as one of its own.
_QUOTA_WORDS = ("quota", "gpu limit", "runs limit", "illegal duration")
# Seconds between two such events; a run that was launched and says nothing for 15 counts as interrupted.
_TELL_SECONDS = ev.START_GRACE / 3
_LOG = logging.getLogger(__name__)

Slice = Callable[[str, float], bool]
"""Trains the run in a folder for so many seconds; returns whether it is paused, and has more to do."""


class Decorate(Protocol):
    """`spaces.GPU`: gives a function a GPU for each call."""

    def __call__(self, *, duration: Callable[[str, float], int]) -> Callable[[Slice], Slice]:
        """Return what decorates a function; `duration` gets its arguments."""


def train_slice(folder: str, seconds: float) -> bool:
    """Train for so long, in the process that calls; return whether the run is paused."""
    from bertdemo.runs.worker.resume.slices import work_slice

    return work_slice(Path(folder), seconds)


def duration(folder: str, seconds: float) -> int:  # noqa: ARG001 - gets the arguments of `train_slice`
    """Return the seconds of GPU that a slice is asked for with."""
    return round(seconds) + _AROUND_SECONDS


def devices() -> DeviceReport:
    """Return what trains on such a Space. torch would show a GPU to this process that it cannot compute on."""
    gpu = Device("cuda:0", "cuda", "ZeroGPU", _GPU_BYTES, _GPU_BYTES, bfloat16=True, float16=True)
    return DeviceReport((gpu, cpu()))


class ZeroGpuLauncher:
    """See the module. Safe to call from several threads."""

    def __init__(self, settings: Settings, decorate: Decorate | None = None, seconds: float = SLICE_SECONDS) -> None:
        # Decorated here, before the server listens: a ZeroGPU Space without such a function does not start.
        self._slice = (decorate or _decorate())(duration=duration)(train_slice)
        self._seconds = seconds
        self._local = LocalLauncher(settings)
        self._contexts: dict[Path, contextvars.Context] = {}
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zerogpu")
        self._working: dict[Path, Future[int | None]] = {}
        self._guard = threading.Lock()

    def launch(self, folder: Path) -> bool:
        """Train a slice in a thread that acts for the visitor in whose context this is called first."""
        with self._guard:
            context = self._contexts.setdefault(folder, contextvars.copy_context())
            self._working[folder] = self._threads.submit(context.run, self._train, folder)
        return False

    def slot(self, device: str) -> str:
        """Return the device itself: one slice at a time has the GPU."""
        return device

    def is_warm(self) -> bool:
        """Return False: nothing waits."""
        return False

    def warm(self) -> None:
        """Prepare nothing."""

    def reap(self) -> list[tuple[Path, int]]:
        """Return the runs that have ended; those that are paused wait in the queue again."""
        with self._guard:
            done = {folder: future for folder, future in self._working.items() if future.done()}
            codes = {folder: future.result() for folder, future in done.items()}
            for folder, code in codes.items():
                del self._working[folder]
                if code is not None:
                    self._contexts.pop(folder, None)
        ended = [(folder, code) for folder, code in codes.items() if code is not None]
        return [*ended, *self._local.reap()]

    def close(self) -> None:
        """Let a slice that computes go on; nothing follows it."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._local.close()

    def _train(self, folder: Path) -> int | None:
        """Do one slice; return the exit code of an ended run, None for one that goes on."""
        before = newest_step(folder) or 0
        try:
            with _waiting(folder):
                paused = self._slice(str(folder), self._seconds)
        except Exception as error:
            return self._refused(folder, error)
        if not paused:
            return 0
        if (newest_step(folder) or 0) <= before:
            _append(folder, ev.Failed, **_failure(GpuSliceTooShort(seconds=round(self._seconds))))
            return 1
        _append(folder, ev.Queued, attempts=1, not_exact=True)
        return None

    def _refused(self, folder: Path, error: Exception) -> int | None:
        """Go on on the CPU where the quota is spent and the model is small enough, else end the run."""
        words = f"{getattr(error, 'title', '')} {error}".lower()  # an error of Gradio has a title
        if not any(word in words for word in _QUOTA_WORDS):
            _LOG.error("a slice of %s failed", folder.name, exc_info=error)
            return 1
        record = RunRecord.read(folder / "run.json")
        if record is None or record.request.checkpoint != bundled.ID:
            _append(folder, ev.Failed, **_failure(GpuQuotaSpent()))
            return 1
        _append(folder, ev.Warned, message="warning.gpu_quota_spent", values={})
        self._local.launch(folder)
        return None


@contextlib.contextmanager
def _waiting(folder: Path) -> Iterator[None]:
    """Say again and again that the run is about to start, until it does: the platform may let it wait for a GPU."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(timeout=_TELL_SECONDS):
            past = _past(folder)
            if is_held(folder / "lock") or not isinstance(past[-1], ev.Launched):
                return
            _append(folder, ev.Launched)

    thread = threading.Thread(target=tell, name="zerogpu-waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _failure(error: GpuQuotaSpent | GpuSliceTooShort) -> dict[str, Any]:
    return {"message": error.message_key, "values": dict(error.values)}


def _append(folder: Path, event: Callable[..., ev.RunEvent], *, attempts: int = 0, **fields: Any) -> None:
    """Append an event while no worker lives; `attempts` later than the newest one."""
    past = _past(folder)
    attempt = max(it.attempt for it in past) + attempts
    append_event(folder, event(seq=past[-1].seq + 1, attempt=attempt, at=time.time(), **fields))


def _past(folder: Path) -> list[ev.RunEvent]:
    return ev.parse((folder / "events.jsonl").read_text(encoding="utf-8"))


def _decorate() -> Decorate:
    """Return the decorator of the platform, which brings the package with it."""
    import spaces  # type: ignore[import-not-found]

    decorate: Decorate = spaces.GPU
    return decorate
