"""Runs that are started, saved, killed, stopped, resumed and deleted in any order, beside a model of what must be so.

The dispatcher, the registry and all files are real; the worker is played by the test, which writes what a worker
writes. A server is replaced by a new one at any moment, while workers go on.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bertdemo.errors import BertDemoError
from bertdemo.processes import Identity, hold
from bertdemo.runs import events as ev
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.event_log import append_event
from bertdemo.runs.liveness.process_files import note_process
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume import checkpoints
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.faults.damaged import CONDITIONS
from tests.runs.support import FakeLauncher, StubCatalogue, request_for, rows_of, started, step, write_csv

_STEPS = 6


@dataclass
class Worker:
    """A worker that does what a test tells it to."""

    folder: Path
    attempt: int
    step: int
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _seq: int = 0

    @classmethod
    def began(cls, folder: Path) -> Worker:
        """Take the lock, and go on from the newest resume checkpoint that is whole."""
        events = ev.parse((folder / "events.jsonl").read_text(encoding="utf-8"))
        found = checkpoints.folders(folder)
        at = checkpoints.verify(found[0]).manifest.step if found else 0
        worker = cls(folder, max(event.attempt for event in events), at, _seq=events[-1].seq)
        worker.held.enter_context(hold(folder / "lock"))
        note_process(folder, Identity(999_999_999, 1.0))
        worker.write(started(), steps=_STEPS, resumed_from=at)
        return worker

    def write(self, event: ev.RunEvent, **more: Any) -> None:
        self._seq += 1
        own = {"seq": self._seq, "attempt": self.attempt, "at": time.time()}
        append_event(self.folder, type(event)(**{**vars(event), **own, **more}))

    def save(self) -> None:
        def weights(draft: Path) -> None:
            (draft / "model.safetensors").write_text(f"weights of step {self.step}")

        checkpoints.publish(self.folder, self.step, self.attempt, CONDITIONS, weights, evaluated=False)


@dataclass
class Model:
    """What must be so of one run."""

    state: str = "queued"
    step: int = 0
    saved: list[int] = field(default_factory=list)


class Runs(RuleBasedStateMachine):
    """See the module."""

    @initialize()
    def serve(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        home = Path(self.temporary.name) / "home"
        self.settings = Settings.from_env({"BERTDEMO_HOME": str(home)})
        self.settings.runs.mkdir(parents=True)
        self.data = write_csv(Path(self.temporary.name) / "a.csv", rows_of(4))
        self.models: dict[str, Model] = {}
        self.queue: list[str] = []
        self.worker: Worker | None = None
        self.dispatcher: Dispatcher | None = None
        self.new_server()

    def new_server(self) -> None:
        if self.dispatcher is not None:
            self.dispatcher.close()
        self.launcher = FakeLauncher()
        self.registry = Registry(self.settings)
        self.dispatcher = Dispatcher(self.settings, self.registry, StubCatalogue(), self.launcher)  # type: ignore[arg-type]
        assert self.dispatcher._take_lock()
        self.queue.sort(key=list(self.models).index)  # a new server finds them in the order in which they were made
        self.tick()

    def tick(self) -> None:
        """Let the server look; where it gives a run to a worker, that begins at once."""
        assert self.dispatcher is not None
        self.dispatcher._scanned = 0.0
        self.dispatcher._tick()
        self.dispatcher._tick()  # the first look may only have freed the device
        for folder in self.launcher.launched:
            assert self.worker is None and self.queue[0] == folder.name
            self.queue.pop(0)
            self.worker = Worker.began(folder)
            model = self.models[folder.name]
            model.state = "running"
            assert self.worker.step == (model.saved[-1] if model.saved else 0)
            model.step = self.worker.step
        self.launcher.launched.clear()

    def end(self, state: str, code: int | None = 0) -> None:
        """End the worker; a server that has started it learns of its exit code."""
        assert self.worker is not None
        run, folder = self.worker.folder.name, self.worker.folder
        self.worker.held.close()
        self.worker = None
        self.models[run].state = state
        if code is not None and run in self.registry.own_runs._launched:
            self.launcher.ended.append((folder, code))

    # --- what a visitor does ---

    @precondition(lambda self: len(self.models) < 4)
    @rule()
    def start(self) -> None:
        assert self.dispatcher is not None
        run = self.registry.create(request_for(self.data, checkpoint="bundled"), "")
        self.models[run] = Model()
        self.queue.append(run)
        self.dispatcher.enqueue(run)
        self.tick()

    @precondition(lambda self: self.models)
    @rule(which=st.data())
    def cancel(self, which: st.DataObject) -> None:
        assert self.dispatcher is not None
        run = which.draw(st.sampled_from(sorted(self.models)))
        self.dispatcher.cancel(run, "")
        if self.models[run].state == "queued":
            self.queue.remove(run)
            self.models[run].state = "cancelled"
        self.tick()

    @precondition(lambda self: self.models)
    @rule(which=st.data())
    def resume(self, which: st.DataObject) -> None:
        assert self.dispatcher is not None
        run = which.draw(st.sampled_from(sorted(self.models)))
        try:
            self.dispatcher.resume(run, "")
        except BertDemoError as error:
            assert error.key == {"finished": "run_finished"}.get(self.models[run].state, "run_goes_on")
            return
        assert self.models[run].state in {"cancelled", "interrupted", "failed"}
        self.models[run].state = "queued"
        self.queue.append(run)
        self.tick()

    @precondition(lambda self: self.models)
    @rule(which=st.data())
    def delete(self, which: st.DataObject) -> None:
        assert self.dispatcher is not None
        run = which.draw(st.sampled_from(sorted(self.models)))
        try:
            self.dispatcher.delete(run, "")
        except BertDemoError as error:
            assert error.key == "run_alive" and self.models[run].state == "running"
            return
        assert self.models.pop(run).state != "running"
        self.queue = [other for other in self.queue if other != run]
        self.tick()

    # --- what becomes of workers and servers ---

    @precondition(lambda self: self.worker is not None)
    @rule()
    def step(self) -> None:
        assert self.worker is not None
        run = self.worker.folder.name
        if (self.worker.folder / "cancel").exists():
            self.save()
            self.worker.write(ev.Cancelled(0, 1, 0.0, checkpoint="", evaluated=False, step=self.worker.step))
            self.end("cancelled")
        elif self.worker.step == _STEPS:
            result: dict[str, Any] = {"checkpoint": "", "metrics": {}, "evaluated_on": "", "rows": 0, "seconds": 1.0}
            self.worker.write(ev.Finished(0, 1, 0.0, **result))
            checkpoints.remove_all(self.worker.folder)
            self.models[run].saved.clear()
            self.end("finished")
        else:
            self.worker.step += 1
            self.models[run].step = self.worker.step
            self.worker.write(step(0), step=self.worker.step, steps=_STEPS)
        self.tick()

    @precondition(lambda self: self.worker is not None and self.worker.step > 0)
    @rule()
    def save(self) -> None:
        assert self.worker is not None
        self.worker.save()
        saved = self.models[self.worker.folder.name].saved
        if self.worker.step not in saved:
            saved.append(self.worker.step)

    @precondition(lambda self: self.worker is not None)
    @rule()
    def crash(self) -> None:
        self.end("interrupted", -9)
        self.tick()

    @precondition(lambda self: self.worker is not None)
    @rule()
    def fail(self) -> None:
        assert self.worker is not None
        self.worker.write(ev.Failed(0, 1, 0.0, message="error.disk_full"))
        self.end("failed", 1)
        self.tick()

    @precondition(lambda self: self.worker is not None)
    @rule()
    def crash_of_both(self) -> None:
        self.end("interrupted", None)
        self.new_server()

    @rule()
    def restart(self) -> None:
        self.new_server()

    # --- what must always be so ---

    @invariant()
    def each_run_is_as_the_model_says(self) -> None:
        if not hasattr(self, "models"):
            return
        assert sorted(self.registry.ids("")) == sorted(self.models)
        for run, model in self.models.items():
            for registry in (self.registry, Registry(self.settings)):
                view = registry.read(run, "")
                assert view.state == model.state, run
                if model.state in ev.ENDED:
                    assert view.resume_step == (max(model.saved) if model.saved else None)
            seqs = [event.seq for event in view.events]
            assert seqs == list(range(1, len(seqs) + 1))
            ends = [event.attempt for event in view.events if event.kind in {"finished", "cancelled", "failed"}]
            assert len(ends) == len(set(ends))  # at most one ending of each attempt

    @invariant()
    def one_run_trains_and_those_that_wait_are_known(self) -> None:
        if not hasattr(self, "models") or self.dispatcher is None:
            return
        assert [run for run, model in self.models.items() if model.state == "running"] == (
            [self.worker.folder.name] if self.worker else []
        )
        assert self.dispatcher._queue == self.queue
        assert not self.queue or self.worker is not None

    def teardown(self) -> None:
        if getattr(self, "worker", None) is not None:
            self.worker.held.close()  # type: ignore[union-attr]
        if getattr(self, "dispatcher", None) is not None:
            self.dispatcher.close()  # type: ignore[union-attr]
            self.temporary.cleanup()


TestRuns = Runs.TestCase
TestRuns.settings = settings(
    max_examples=400 if sweep.WHOLE else 12,
    stateful_step_count=40,
    deadline=None,
    derandomize=not sweep.WHOLE,
    # Each case makes files and locks: to find a shorter one takes minutes, and the steps of a long one tell enough.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
