"""All runs on disk: one private folder each, which the server writes before a worker lives and only reads afterwards.

    <home>/runs/<run id>/
        run.json         who owns it, when it was made, its RunRequest
        data/            copies of the uploaded files, and the tables that were made of them
        dataset.json     which rows of these tables train, validate and test (dataset/stored.py)
        events.jsonl     what happened (runs/events.py); only the worker appends while it lives
        lock             held by the worker as long as it lives
        agent, writer    held by torchrun and by rank 0 of several processes (worker/distributed)
        cancel           present once somebody asked to stop
        process.json, exit.json, killed     the process that works on it, and how that ended (runs/liveness)
        heartbeat.json   that the worker lives, and what it does; written by the worker (runs/liveness)
        notes.json       the name and the note that a person gave it (runs/notes.py)
        link.json        the hash of its read-only link (sharing/read_links.py)
        deleted          present for the seconds in which a deletion can be undone (runs/deletion.py)
        worker.log       the worker's output
        config.json      every setting and version of it, resolved (runs/worker/record.py), written by the worker
        split.json, evaluation.jsonl, best/, encoded/, resume/     written by the worker too

Another owner's run is answered exactly like one that does not exist.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bertdemo.checkpoints.info import may_read, owner_sha256
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset import kept_tokens, stored
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.errors import QueueFull, RunAlive, RunShipped, RunUnknown, TooManyRuns
from bertdemo.faults import fault
from bertdemo.processes import is_held, write_atomic
from bertdemo.runs import deletion
from bertdemo.runs import events as ev
from bertdemo.runs.class_map import RunMap
from bertdemo.runs.evaluation import EvaluatedRow, read_rows
from bertdemo.runs.event_log import EventLog, append_event, ends_of
from bertdemo.runs.events import RunEvent, State
from bertdemo.runs.housekeeping import belongings
from bertdemo.runs.housekeeping.belongings import uploads_of
from bertdemo.runs.housekeeping.room import check_room
from bertdemo.runs.liveness.heartbeat import Pulses
from bertdemo.runs.liveness.own_runs import OwnRuns
from bertdemo.runs.liveness.process_files import was_killed
from bertdemo.runs.notes import RunNotes
from bertdemo.runs.request import RunRecord, RunRequest
from bertdemo.runs.resume.checkpoints import newest_step
from bertdemo.settings import Settings

_ID = re.compile(r"^[a-z0-9-]{1,64}$")
# Bytes at the end of worker.log that a page gets; it shows four lines of them.
_LOG_TAIL = 4096
# Runs whose events are kept in memory, 9 MB for an hour of Steps; more than train at a time on one machine.
_WATCHED = 8
# Prefixes of folders that are being made or removed; no run id begins with a dot.
_DRAFT, _TRASH = ".tmp-", ".trash-"
# Requests of runs that are kept parsed: four times what one owner may keep.
_CACHED_REQUESTS = 2_000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunView:
    """One run as a page or an API call sees it: its request, its events, and the state derived from them."""

    run_id: str
    name: str
    # Seconds since the epoch.
    created: float
    request: RunRequest
    state: State
    # A stop was asked for and the worker has not ended yet.
    stopping: bool
    exit_code: int | None
    # All events of all attempts, by seq; in the summary of a run that has ended, the first and the last ones.
    events: tuple[RunEvent, ...]
    # The newest event's number; 0 where there is none.
    seq: int
    # The newest lines of the worker's output; empty in a summary.
    log: str
    # What a person has written about it.
    note: str = ""
    # The step that an ended run would be resumed from; None where it would start again.
    resume_step: int | None = None
    # Whether it came with the app: all may read it, nobody may change it.
    shipped: bool = False
    # For how long its worker has not answered; 0.0 where it answers, or not long enough to say so.
    silent_seconds: float = 0.0
    # Whether the app has killed its worker, which did not stop when it was asked to.
    killed: bool = False


class Registry:
    """The run folders under `settings.runs`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.own_runs = OwnRuns()
        self._pulses = Pulses()
        self._logs: dict[str, EventLog] = {}
        self._records: dict[str, RunRecord] = {}
        self._guard = threading.Lock()
        self._creating = threading.Lock()

    def create(
        self,
        request: RunRequest,
        owner: str,
        prepared: PreparedDataset | None = None,
        tokenizer: SharedTokenizer | None = None,
    ) -> str:
        """Write a run folder with copies of the files in it, and its Queued event; return the run id.

        `prepared` is the dataset that is made of those files: the worker reads and divides none again. What
        `tokenizer` has kept of its texts goes with it.
        Raises TooManyRuns or QueueFull where the owner has as many runs as are kept, or may wait and train, and
        DiskLow where the disk has no room for another run.
        """
        check_room(self._settings)
        self._check_quotas(owner)  # before large files are copied
        run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(8)
        draft = self._settings.runs / f"{_DRAFT}{run_id}"
        self._settings.runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.mkdir(mode=0o700)
        try:
            self._fill(draft, run_id, request, owner)
            if prepared is not None:
                stored.save(prepared, draft)
            if isinstance(tokenizer, kept_tokens.KeptTokenizer):
                tokenizer.save(draft / kept_tokens.FOLDER)
            with self._creating:  # of two at the limit, the second counts the first
                self._check_quotas(owner)
                fault("replace")
                draft.replace(self.folder(run_id))  # whole, its first event included, or not at all
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # only where it was not moved
        return run_id

    def _check_quotas(self, owner: str) -> None:
        """Raise TooManyRuns or QueueFull where the owner may have no further run."""
        limit = self._settings.limits.kept_runs
        if sum(not self._known(run_id, owner).shipped for run_id in self.ids(owner)) >= limit:
            raise TooManyRuns(limit=limit)
        self.check_queue(owner)

    def check_queue(self, owner: str) -> None:
        """Raise QueueFull where no further run of this owner may wait or train."""
        limit = self._settings.limits.queued_runs
        if sum(self._goes_on(run_id, owner) for run_id in self.ids(owner)) >= limit:
            raise QueueFull(limit=limit)

    def _goes_on(self, run_id: str, owner: str) -> bool:
        try:
            return self.summary(run_id, owner).state not in ev.ENDED
        except RunUnknown:  # deleted just now
            return False

    def _fill(self, draft: Path, run_id: str, request: RunRequest, owner: str) -> None:
        (draft / "data").mkdir(mode=0o700)
        copied = replace(
            request,
            data=_copy(request.data, draft, "train"),
            validation=_copy(request.validation, draft, "validation") if request.validation else None,
            test=_copy(request.test, draft, "test") if request.test else None,
        )
        record = {"schema": 1, "id": run_id, "owner": owner_sha256(owner), "created": time.time()}
        record["uploads"] = uploads_of(self._settings, (request.data, request.validation, request.test))
        write_atomic(draft / "run.json", json.dumps({**record, "request": json.loads(copied.to_json())}))
        append_event(draft, ev.Queued(seq=1, attempt=1, at=time.time()))

    def folder(self, run_id: str) -> Path:
        """Return where a run lives; RunUnknown for anything that is not a run id."""
        if not _ID.fullmatch(run_id):
            raise RunUnknown(run=run_id[:80])
        return self._settings.runs / run_id

    def ids(self, owner: str | None) -> list[str]:
        """Return the owner's runs, newest first; with None those of everybody (for the dispatcher)."""
        names = (folder.name for folder in self._folders() if _ID.fullmatch(folder.name))
        dated = [(record.created, name) for name in names if (record := self._shown(name, owner))]
        return [run_id for _, run_id in sorted(dated, reverse=True)]

    def read(self, run_id: str, owner: str | None) -> RunView:
        """Return a run; RunUnknown where there is none of that id for this owner."""
        return self._view(run_id, owner, whole=True)

    def summary(self, run_id: str, owner: str | None) -> RunView:
        """Return what a list of runs needs: of one that has ended, only the first and the last events are read."""
        return self._view(run_id, owner, whole=False)

    def owner_of(self, run_id: str) -> str:
        """Return the hash of the owner's key; "" for a run that is gone."""
        record = self._record(run_id, None)
        return record.owner if record else ""

    def request(self, run_id: str, owner: str | None) -> RunRequest:
        """Return the request of a run; RunUnknown as `read`."""
        return self._known(run_id, owner).request

    def _view(self, run_id: str, owner: str | None, *, whole: bool) -> RunView:
        folder = self.folder(run_id)
        record = self._known(run_id, owner)
        held = is_held(folder / "lock")  # before the events: so what a worker wrote before it let go is read
        # Of a run that goes on, its ends do not tell the state: then all events are read after all.
        ends = None if whole else ends_of(folder / "events.jsonl", held)
        events = self._log(run_id).read() if ends is None else ends
        state, exit_code = self.own_runs.state(folder, events, lock_held=held)
        if state in ev.ENDED:
            self._forget_events(run_id)
        notes = RunNotes.read(folder)
        return RunView(
            run_id=run_id,
            name=notes.name or record.request.name or record.request.data_name,
            created=record.created,
            request=record.request,
            state=state,
            stopping=state not in ev.ENDED and (folder / "cancel").exists(),
            exit_code=exit_code,
            events=events,
            seq=events[-1].seq if events else 0,
            log=_tail(folder / "worker.log") if whole else "",
            note=notes.note,
            resume_step=newest_step(folder) if state in ev.ENDED else None,
            shipped=record.shipped,
            silent_seconds=self._pulses.silent_seconds(folder, events) if state == "running" else 0.0,
            killed=state == "interrupted" and was_killed(folder),
        )

    def append(self, run_id: str, event: RunEvent) -> None:
        """Append one event in one write. Only the worker may, except before it has started and after it is dead."""
        append_event(self.folder(run_id), event)

    def next_event(self, run_id: str) -> tuple[int, int]:
        """Return (seq, attempt) for the dispatcher's next event."""
        events = self.summary(run_id, None).events
        return (events[-1].seq + 1, max(event.attempt for event in events)) if events else (1, 1)

    def check_own(self, run_id: str, owner: str | None) -> None:
        """Raise RunUnknown as `read`, and RunShipped for a run that nobody may change."""
        if self._known(run_id, owner).shipped:
            raise RunShipped

    def ask_to_stop(self, run_id: str, owner: str | None) -> None:
        """Leave the flag that the worker looks for at every step."""
        self.check_own(run_id, owner)
        (self.folder(run_id) / "cancel").touch(mode=0o600)

    def annotate(self, run_id: str, owner: str, notes: RunNotes) -> None:
        """Store the name and the note of a run."""
        self.check_own(run_id, owner)
        notes.write(self.folder(run_id))

    def hide(self, run_id: str, owner: str) -> None:
        """Hide a run from everybody until it is restored or removed; RunAlive while it trains."""
        self._not_alive(run_id, owner)
        deletion.hide(self.folder(run_id))

    def restore(self, run_id: str, owner: str) -> None:
        """Show a hidden run again; RunUnknown where there is none of that id, or its time is over."""
        folder = self.folder(run_id)
        if self._record(run_id, owner) is None or not deletion.restore(folder):
            raise RunUnknown(run=run_id[:80])

    def due(self) -> list[str]:
        """Return the hidden runs that are to be removed."""
        return [it.name for it in self._folders() if _ID.fullmatch(it.name) and deletion.is_due(it)]

    def _not_alive(self, run_id: str, owner: str | None) -> RunView:
        self.check_own(run_id, owner)
        view = self.summary(run_id, owner)
        if view.state in {"running", "starting"}:
            raise RunAlive(run=view.name)
        return view

    def delete(self, run_id: str, owner: str | None) -> RunView:
        """Delete a run, its exports and its uploads; RunAlive while it trains. Returns what it was."""
        view, record = self._not_alive(run_id, owner), self._known(run_id, owner)
        trash = self._settings.runs / f"{_TRASH}{secrets.token_hex(8)}"
        try:
            self.folder(run_id).replace(trash)  # gone at once for every reader, even where removing it takes a while
        except FileNotFoundError:
            raise RunUnknown(run=run_id[:80]) from None
        shutil.rmtree(trash, ignore_errors=True)
        self._forget(run_id)
        left = [other for name in self.ids(None) if (other := self._record(name, None))]
        shared = {upload for other in left for upload in other.uploads}
        belongings.remove(self._settings, run_id, [upload for upload in record.uploads if upload not in shared])
        return view

    def sweep(self, older_than: float) -> None:
        """Remove drafts and half-deleted folders that nobody touched for `older_than` seconds."""
        for folder in self._folders():
            if folder.name.startswith((_DRAFT, _TRASH)) and time.time() - folder.stat().st_mtime > older_than:
                shutil.rmtree(folder, ignore_errors=True)

    def evaluation(self, run_id: str, owner: str | None) -> list[EvaluatedRow]:
        """Return the evaluated rows with their predictions, [] where nothing was evaluated; RunUnknown as `read`."""
        task = self._known(run_id, owner).request.task
        return read_rows(self.folder(run_id) / "evaluation.jsonl", task)

    def class_map(self, run_id: str, owner: str) -> RunMap | None:
        """Return the [CLS] vectors before and after training, None where the run has none; RunUnknown as `read`."""
        self._known(run_id, owner)
        return RunMap.read(self.folder(run_id))

    def _log(self, run_id: str) -> EventLog:
        """Return the event log of a run, the newest of the few that are kept."""
        path = self.folder(run_id) / "events.jsonl"
        with self._guard:
            log = self._logs[run_id] = self._logs.pop(run_id, EventLog(path))
            for oldest in list(self._logs)[:-_WATCHED]:
                del self._logs[oldest]
        return log

    def _folders(self) -> list[Path]:
        return list(self._settings.runs.iterdir()) if self._settings.runs.is_dir() else []

    def _known(self, run_id: str, owner: str | None) -> RunRecord:
        record = self._shown(run_id, owner)
        if record is None:
            raise RunUnknown(run=run_id[:80])
        return record

    def _shown(self, run_id: str, owner: str | None) -> RunRecord | None:
        """Return the record of a run, None for one that is hidden; the dispatcher (no owner) sees hidden ones too."""
        hidden = owner is not None and deletion.is_hidden(self.folder(run_id))
        return None if hidden else self._record(run_id, owner)

    def _record(self, run_id: str, owner: str | None) -> RunRecord | None:
        """Return the content of run.json, which never changes; None for a run that is gone or somebody else's."""
        with self._guard:
            record = self._records.get(run_id)
        path = self.folder(run_id) / "run.json"
        if record is None:
            record = RunRecord.read(path)
            if record is not None:
                with self._guard:
                    self._records[run_id] = record
                    if len(self._records) > _CACHED_REQUESTS:
                        del self._records[next(iter(self._records))]
        elif not path.exists():
            self._forget(run_id)
            return None
        return record if record is None or may_read(record.owner, owner) else None

    def _forget_events(self, run_id: str) -> None:
        with self._guard:
            self._logs.pop(run_id, None)

    def _forget(self, run_id: str) -> None:
        with self._guard:
            self._logs.pop(run_id, None)
            self._records.pop(run_id, None)


def _copy(source: str, draft: Path, role: str) -> str:
    """Copy an upload under a name of ours; only the ending is the visitor's, and only letters and digits of it."""
    ending = re.sub(r"[^a-z0-9]", "", Path(source).suffix.lower())[:8]
    target = draft / "data" / f"{role}.{ending}"
    shutil.copyfile(source, target)
    return f"data/{target.name}"


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LOG_TAIL))
            return file.read().decode("utf-8", errors="replace")
    except OSError:  # not there yet, or a folder in its place
        return ""
