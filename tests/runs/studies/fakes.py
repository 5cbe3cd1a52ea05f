"""Runs and a search that a test plays itself, and a study that is killed after any step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bertdemo.errors import BertDemoError
from bertdemo.runs import events as ev
from bertdemo.runs.events import RunEvent, State
from bertdemo.runs.registry import RunView
from bertdemo.runs.studies.advance import advance
from bertdemo.runs.studies.study import Progress, Study, Trial, Value, Variant
from tests.runs.support import request_for, started

SECONDS = 10.0
"""What each finished run takes."""


def study_with(**more: Any) -> Study:
    fields = {"variants": (Variant({"seed": 1}), Variant({"seed": 2}), Variant({"seed": 3})), "kind": "seeds", **more}
    return Study(id="s", owner="", created=1.0, request=request_for(Path("reviews.csv")), **fields)


def searching(budget: float) -> Study:
    return study_with(kind="search", variants=(), budget_seconds=budget)


@dataclass
class FakeRuns:
    """Runs by id, in the state that the test gives them."""

    views: dict[str, RunView] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    refuse: BertDemoError | None = None

    def find(self, study: Study, number: int) -> str:
        return self.numbers.get(number, "")

    def start(self, study: Study, trial: Trial) -> str:
        if self.refuse:
            raise self.refuse
        run = f"r{trial.number}"
        self.did.append(f"start {run}")
        self.numbers[trial.number] = run
        self.views[run] = view_of(run, ev.Launched(seq=1, attempt=1, at=0.0), started(2))
        return run

    def view(self, run: str) -> RunView | None:
        return self.views.get(run)

    def stop(self, run: str) -> None:
        self.did.append(f"stop {run}")
        self.views[run] = replace(self.views[run], stopping=True)

    def resume(self, run: str) -> None:
        self.did.append(f"resume {run}")
        again = ev.Launched(seq=9, attempt=2, at=20.0)
        self.views[run] = replace(self.views[run], state="running", events=(*self.views[run].events, again))

    def settle(self, run: str) -> None:
        self.did.append(f"settle {run}")

    def remove(self, run: str) -> None:
        self.did.append(f"remove {run}")
        self.refuse = None

    # --- what a test lets happen ---

    def evaluate(self, run: str, *scores: float) -> None:
        events = [
            ev.Evaluated(seq=3 + at, attempt=1, at=1.0, step=at, epoch=at + 1.0, loss=1.0, metrics={"accuracy": score},
                         best=True)
            for at, score in enumerate(scores)
        ]  # fmt: skip
        self.views[run] = replace(self.views[run], events=(*self.views[run].events, *events))

    def end(self, run: str, state: State, score: float = 0.0, seconds: float = SECONDS) -> None:
        view = self.views[run]
        attempt = max(event.attempt for event in view.events)
        common: dict[str, Any] = {"seq": 20, "attempt": attempt, "at": seconds}
        metrics = {"accuracy": {"value": score, "low": score - 0.05, "high": score + 0.05}}
        ends: dict[str, RunEvent] = {
            "finished": ev.Finished(
                **common, checkpoint="", metrics=metrics, evaluated_on="validation", rows=9, seconds=seconds
            ),
            "cancelled": ev.Cancelled(**common, checkpoint="", evaluated=False, step=1),
            "failed": ev.Failed(**common, message="error.disk_full"),
        }
        events = (*view.events, ends[state]) if state in ends else view.events
        self.views[run] = replace(view, state=state, events=events)


def view_of(run: str, *events: RunEvent) -> RunView:
    request = request_for(Path("reviews.csv"))
    return RunView(run, run, 0.0, request, "running", stopping=False, exit_code=None, events=events, seq=9, log="")


@dataclass
class FakeSearch:
    """Asks for learning rates in turn; knows what it was told."""

    told: dict[int, float | None] = field(default_factory=dict)
    pruned: set[int] = field(default_factory=set)
    bad: float = 0.0
    """Trials whose newest score is below this are pruned."""
    most: int = 99

    def ask(self, recorded: Sequence[Trial]) -> tuple[int, Mapping[str, Value]] | None:
        return None if len(recorded) == self.most else (len(recorded), {"learning_rate": 1e-4 * (1 + len(recorded))})

    def should_prune(self, asked: int, values: Sequence[float]) -> bool:
        return values[-1] < self.bad

    def tell(self, asked: int, score: float | None, *, pruned: bool = False) -> None:
        self.told.setdefault(asked, score)
        if pruned:
            self.pruned.add(asked)

    def importances(self) -> Mapping[str, float]:
        return {}


@dataclass
class Played:
    """A study with its fakes; each step is read back from the JSON that would be on disk."""

    study: Study
    runs: FakeRuns = field(default_factory=FakeRuns)
    search: FakeSearch | None = None
    progress: Progress = field(default_factory=Progress)

    def step(self, *, stop: bool = False, now: float = 0.0, killed: bool = False) -> Progress:
        """Do one step; with `killed` the server dies before it stores the progress."""
        after = advance(self.study, self.progress, self.runs, self.search, stop=stop, now=now)
        if not killed:
            self.progress = Progress.from_json(after.to_json())
        return self.progress

    def settled(self, *, stop: bool = False, now: float = 0.0) -> Progress:
        """Do steps until nothing changes."""
        before = None
        while before != self.progress or self._acted():
            before = self.progress
            self.step(stop=stop, now=now)
        return self.progress

    def _acted(self) -> bool:
        count = len(self.runs.did)
        new = count != getattr(self, "_count", 0)
        self._count = count
        return new

    @property
    def states(self) -> list[str]:
        return [trial.state for trial in self.progress.trials]
