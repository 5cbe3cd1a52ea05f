"""What a study must pass before its folder is written: everything that would end it anyway is raised here."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bertdemo.checkpoints import Catalogue, CheckpointInfo
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.dataset.inner_split import inner
from bertdemo.dataset.prepared import PreparedDataset
from bertdemo.errors import BudgetOutOfBounds, NothingToCompare, SpaceEmpty, TooManyStudies
from bertdemo.run_config import RunConfig
from bertdemo.runs import recipes
from bertdemo.runs.admission import checked
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest, resolve_defaults
from bertdemo.runs.studies import space
from bertdemo.runs.studies.driver import StudyDriver
from bertdemo.runs.studies.ranges import Typed, edited
from bertdemo.runs.studies.store import StudyStore
from bertdemo.runs.studies.study import Dimension, Kind, Study, Variant
from bertdemo.settings import Limits

# Seeds of a study: the fewest that have a spread. Mosbach et al. 2021 (arXiv:2006.04884) and Dodge et al. 2020
# (arXiv:2002.06305) report how far the seeds of a fine-tuned BERT lie apart on small data.
SEEDS = 3
# Numbers of layers that are tried, spread evenly from 1 to all of them.
_MOST_LAYER_COUNTS = 6
# The longest search: a day. Where the time of one run is limited, a search has no more time than that.
_MOST_MINUTES = 24 * 60


@dataclass(frozen=True)
class StudyAdmission:
    """Checks what was asked for and creates a study of it."""

    store: StudyStore
    driver: StudyDriver
    registry: Registry
    catalogue: Catalogue
    datasets: DatasetCache
    limits: Limits

    def start(self, kind: Kind, request: RunRequest, owner: str, variants: Sequence[Variant]) -> str:
        """Create a study of these variants and return its id; the runs follow one after the other.

        Raises NothingToCompare, TooManyStudies, and what `Admission.start` raises for such a run.
        """
        if len(variants) < 2:
            raise NothingToCompare
        for checkpoint in {variant.checkpoint for variant in variants if variant.checkpoint}:
            self.catalogue.describe(checkpoint, owner)
        complete, _ = self._checked(request, owner)
        return self._created(complete, owner, kind=kind, variants=tuple(variants))

    def search(
        self, request: RunRequest, owner: str, fields: Sequence[str], minutes: object, typed: Typed | None = None
    ) -> str:
        """Create a search over these fields of RunConfig and return its id; raises as `start`.

        `typed` are the ranges that a person gave; raises as `ranges.edited`. Raises BudgetOutOfBounds for a budget
        that is no number or out of bounds, SpaceEmpty without a field.
        """
        seconds = self._budget(minutes)
        complete, prepared = self._checked(request, owner)
        inner(prepared).check_held_out()
        info = self.catalogue.describe(request.checkpoint, owner)
        most = {"batch_size": len(inner(prepared).parts["train"].rows), "layers": info.layers}
        chosen = tuple(
            edited(dimension, (typed or {}).get(dimension.field, ()), most)
            for dimension in self._offered(complete, prepared, info)
            if dimension.field in fields
        )
        if not chosen:
            raise SpaceEmpty
        return self._created(complete, owner, kind="search", space=chosen, budget_seconds=seconds)

    def offered(self, request: RunRequest, owner: str) -> tuple[Dimension, ...]:
        """Return what a search may vary for these data and this model."""
        prepared = checked(request, self.datasets, self.limits)
        return self._offered(request, prepared, self.catalogue.describe(request.checkpoint, owner))

    @property
    def most_minutes(self) -> int:
        """The longest budget."""
        return self.limits.run_seconds // 60 or _MOST_MINUTES

    def _budget(self, minutes: object) -> float:
        try:
            value = float(str(minutes).strip())
        except ValueError:
            value = math.nan
        if not 0 < value <= self.most_minutes:  # False for NaN
            raise BudgetOutOfBounds(value=str(minutes)[:20], low=0, high=self.most_minutes)
        return 60 * value

    def _checked(self, request: RunRequest, owner: str) -> tuple[RunRequest, PreparedDataset]:
        """Return the request with task and columns filled in, and its dataset."""
        self.driver.raise_if_dead()
        limit = self.limits.queued_runs
        if self.store.under_way(owner) >= limit:
            raise TooManyStudies(limit=limit)
        self.registry.check_queue(owner)
        prepared = checked(request, self.datasets, self.limits)
        complete = replace(request, task=prepared.task.id, columns=dict(prepared.columns))
        return complete, prepared

    def _offered(self, request: RunRequest, prepared: PreparedDataset, info: CheckpointInfo) -> tuple[Dimension, ...]:
        rows = len(inner(prepared).parts["train"].rows)
        return space.offered(_resolved(request.config, prepared, info, rows), prepared.task, info, rows)

    def _created(self, request: RunRequest, owner: str, **fields: object) -> str:
        def study_of(study_id: str, copied: RunRequest) -> Study:
            return Study(id=study_id, owner="", created=time.time(), request=copied, **fields)  # type: ignore[arg-type]

        study = self.store.create(request, owner, study_of)
        self.driver.wake()
        return study.id


def seed_variants(config: RunConfig) -> list[Variant]:
    """Return SEEDS runs that differ in their seed alone, beginning with the chosen one."""
    return [Variant({"seed": (config.seed + at) % 2**31}) for at in range(SEEDS)]


def layer_variants(layers: int) -> list[Variant]:
    """Return runs that keep the lowest n of all layers, from one to all of them."""
    count = min(layers, _MOST_LAYER_COUNTS)
    kept = sorted({round(1 + at * (layers - 1) / max(1, count - 1)) for at in range(count)})
    return [Variant({"layers": n}) for n in kept]


def checkpoint_variants(checkpoints: Sequence[str]) -> list[Variant]:
    """Return a run of each pretrained model."""
    return [Variant(checkpoint=checkpoint) for checkpoint in dict.fromkeys(checkpoints)]


def _resolved(config: RunConfig, prepared: PreparedDataset, info: CheckpointInfo, rows: int) -> RunConfig:
    """Return what a trial of so many rows would train with; the recipe is that of the whole training set.

    The length of the texts is not searched, so it is not looked up.
    """
    task, labels = prepared.task, max(1, len(prepared.labels))
    rows_per_label = len(prepared.parts["train"].rows) / labels
    return resolve_defaults(
        recipes.applied(config, task.can_freeze, rows_per_label, info.parameters),
        train_rows=rows,
        parameters=info.parameters,
        suggested_length=info.positions,
        labels=labels,
        step_multiplier=task.step_multiplier,
        can_probe=task.can_freeze,
        freezes_embeddings=task.freezes_embeddings,
    )
