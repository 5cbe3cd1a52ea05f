"""The services of the page and the API, built once: checkpoints, runs, predictions, and owners."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bertdemo import device, samples
from bertdemo.analysis.baseline_cache import Baselines
from bertdemo.analysis.embedding_cache import Embeddings
from bertdemo.analysis.label_issue_search import LabelIssueSearch
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.errors import OwnerUnknown
from bertdemo.runs import shipped
from bertdemo.runs.admission import Admission
from bertdemo.runs.backup.backup import Backup
from bertdemo.runs.dispatch import Dispatcher
from bertdemo.runs.estimate import Estimates
from bertdemo.runs.housekeeping import belongings
from bertdemo.runs.housekeeping.sweeper import Sweeper
from bertdemo.runs.launchers import Launcher, zerogpu
from bertdemo.runs.launchers.choice import launcher_of
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.runs.studies.admission import StudyAdmission
from bertdemo.runs.studies.deletion import StudyDeletion
from bertdemo.runs.studies.driver import StudyDriver
from bertdemo.runs.studies.store import StudyStore
from bertdemo.serving.inspector import Inspector
from bertdemo.serving.predictor import Predictor
from bertdemo.serving.search import Searcher
from bertdemo.settings import Settings
from bertdemo.sharing.read_links import ReadLinks, is_link
from bertdemo.slots import Slots
from bertdemo.tables.table_cache import TableCache

CHINESE = "google-bert/bert-base-chinese"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")  # as made by new_owner: 32 random bytes
_LOG = logging.getLogger(__name__)
_NOBODY = "nobody"  # not in the form of a key, so it owns nothing
# Who waits for longer than this to look into a model would occupy one of the 40 threads that serve the page.
_INSPECTION_SECONDS = 30.0


@dataclass(frozen=True)
class Services:
    """See the module."""

    settings: Settings
    catalogue: Catalogue
    table_cache: TableCache
    datasets: DatasetCache
    registry: Registry
    launcher: Launcher
    dispatcher: Dispatcher
    admission: Admission
    predictor: Predictor
    inspector: Inspector
    inspections: Slots
    """The places for inspecting a text; held until it is drawn, for its tensors live as long."""
    baselines: Baselines
    label_issues: LabelIssueSearch
    searcher: Searcher
    estimates: Estimates
    studies: StudyAdmission
    study_deletion: StudyDeletion
    read_links: ReadLinks
    sweeper: Sweeper
    backup: Backup
    _chinese: threading.Event
    """Set once the Hub has confirmed that it has the Chinese model."""

    @classmethod
    def create(cls, settings: Settings) -> Services:
        """Build all services; nothing starts and nothing heavy is imported."""
        catalogue, registry = Catalogue(settings), Registry(settings)
        launcher = launcher_of(settings)
        table_cache = TableCache(settings, trusted=samples.FOLDER)
        datasets = DatasetCache(table_cache)
        dispatcher = Dispatcher(settings, registry, catalogue, launcher)
        admission = Admission(registry, catalogue, datasets, dispatcher, settings.limits)
        store = StudyStore(settings)
        driver = StudyDriver(settings, store, registry, admission, dispatcher)
        predictor = Predictor(
            settings,
            catalogue,
            training_on_cpu=dispatcher.training_on_cpu,
            # Where a GPU is only lent to a training, this process computes on the CPU.
            device=lambda: "cpu" if settings.launching.launcher == "zerogpu" else admission.devices.devices[0].id,
        )
        inspector = Inspector(catalogue, predictor, text_chars=settings.limits.text_chars)
        limits = settings.limits
        inspections = Slots(limits.concurrent_inspections, _INSPECTION_SECONDS, limits.inspections_per_address)
        embeddings = Embeddings(catalogue)
        baselines = Baselines(catalogue, predictor.inference_slot, embeddings)
        label_issues = LabelIssueSearch(catalogue, predictor.inference_slot, embeddings)
        services = cls(
            settings,
            catalogue,
            table_cache,
            datasets,
            registry,
            launcher,
            dispatcher,
            admission,
            predictor,
            inspector,
            inspections,
            baselines,
            label_issues,
            Searcher(predictor),
            Estimates(settings.home),
            StudyAdmission(store, driver, registry, catalogue, datasets, settings.limits),
            StudyDeletion(store, registry, dispatcher),
            ReadLinks(registry),
            Sweeper(settings),
            Backup(settings),
            threading.Event(),
        )
        dispatcher.on_end(services.forget)
        return services

    def begin(self) -> Future[None]:
        """Find earlier runs, then import torch and start the spare worker in the background."""
        self.backup.bring_back()  # before the dispatcher, which looks for what an earlier server has left
        self.backup.begin()
        self.dispatcher.begin()
        self.sweeper.begin()
        # Not awaited: importing torch takes seconds, and the page does not need it to appear.
        warm = ThreadPoolExecutor(max_workers=1, thread_name_prefix="warm").submit(self._warm_up)
        warm.add_done_callback(self._warmed)
        return warm

    def close(self) -> None:
        """Release everything; running trainings continue."""
        self.sweeper.close()
        self.studies.driver.close()
        self.dispatcher.close()
        self.backup.close()

    def owner(self, key: str, *, optional: bool = False) -> str:
        """Return the owner that a request acts for: the only one of a loopback server, else the holder of `key`.

        Where the key is `optional`, a request without one owns nothing. Raises OwnerUnknown for a malformed key.
        """
        if self.settings.loopback:
            return ""
        if optional and not key:
            return _NOBODY
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise OwnerUnknown
        return key

    def known_owner(self, key: object) -> str:
        """Return the key that a browser stored, or a new one where it has no valid key."""
        if self.settings.loopback:
            return ""
        return key if isinstance(key, str) and _KEY.fullmatch(key) else self.new_owner()

    def new_owner(self) -> str:
        """Return a new owner key."""
        return secrets.token_urlsafe(32)

    def reader(self, run: str, key: str) -> tuple[str, str | None]:
        """Return (run id, owner) to read a run with; `run` is an id of this visitor's, or a read-only link.

        With a link the owner is None, who may read all. Raises OwnerUnknown, and RunUnknown for a link that is none.
        """
        return (self.read_links.opened(run), None) if is_link(run) else (run, self.owner(key))

    def reads_chinese(self) -> bool:
        """Return whether bert-base-chinese is on this machine, or the Hub has confirmed that it has it."""
        return self._chinese.is_set() or self.catalogue.describe(CHINESE, "").ready

    def look_for_chinese(self) -> None:
        """Ask the Hub once whether it has the Chinese model."""
        if self.catalogue.can_fetch(CHINESE):
            self._chinese.set()

    def forget(self, checkpoint: str) -> None:
        """Drop a checkpoint that was deleted or replaced from every cache."""
        self.predictor.forget(checkpoint)
        self.inspector.forget(checkpoint)
        self.searcher.forget(checkpoint)

    @contextlib.contextmanager
    def result_file(self, name: str, run: str = "") -> Iterator[Path]:
        """Give the path of a file that a visitor downloads, in a folder of its own; none is left where this fails.

        It goes after a day, and with `run` where it was made of one.
        """
        folder = belongings.new_result_folder(self.settings, run)
        written = False
        try:
            yield folder / name
            written = True
        finally:
            if not written:
                shutil.rmtree(folder, ignore_errors=True)

    def zip_of(self, run: str, key: str) -> Path:
        """Write the checkpoint of this visitor's run as a zip to download."""
        from bertdemo.sharing.archive import export_zip

        owner = self.owner(key)
        checkpoint = status_of(self.registry.read(run, owner)).checkpoint
        with self.result_file(f"bertdemo-{run}.zip", run) as target:
            return export_zip(checkpoint, owner, self.catalogue, target)

    def script_of(self, run: str, key: str) -> str:
        """Return the script that repeats this visitor's run; raises ScriptMissing and TaskWithoutScript."""
        from bertdemo.sharing.script.run import run_of
        from bertdemo.sharing.script.writer import script_text

        return script_text(run_of(self.registry, run, self.owner(key)))

    def script_zip_of(self, run: str, key: str) -> Path:
        """Write the script of this visitor's run, with the rows that it reads, as a zip to download."""
        from bertdemo.sharing.script.bundle import export_script

        with self.result_file(f"bertdemo-script-{run}.zip", run) as target:
            return export_script(run, self.owner(key), self.registry, self.settings.limits, target)

    def _warm_up(self) -> None:
        self.admission.devices_found(
            zerogpu.devices() if self.settings.launching.launcher == "zerogpu" else device.report()
        )
        self.launcher.warm()
        self.studies.driver.begin()
        self.predictor.warm_up()
        if self.settings.shipped_run:
            shipped.install(self.settings, self.catalogue)
        self.look_for_chinese()

    def _warmed(self, warm: Future[None]) -> None:
        """Where the warm-up failed, log why and let the page and every start of a run know."""
        error = warm.exception()
        if error is not None:
            error_id = secrets.token_hex(4)
            _LOG.error("error %s while starting", error_id, exc_info=error)
            self.admission.start_failed(error_id)
