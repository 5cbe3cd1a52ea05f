"""A search with Optuna: the next settings by TPE, early stopping by the median, what mattered by fANOVA.

Everything it knows is in Optuna's journal in the folder of the study, so that a server that was killed goes on where it
was. The samplers have no memory of their own: each draws from a seed and the number of its trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo.errors import SearchBroken
from bertdemo.runs.studies.study import Dimension, Trial, Value

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

JOURNAL = "journal.log"
_NAME = "search"
# Trials with a score below which no importance is told. Optuna's sampler draws its first ten trials at random; among
# fewer, one good trial makes all of its settings look important.
ENOUGH_TRIALS = 10
# Trials that are drawn at random before TPE takes over. Optuna's own default is ten, as many as a budget of a few
# minutes allows on a CPU, so that nothing would be learned from any of them.
_RANDOM_TRIALS = 4
# Trials with a score before one is stopped for being worse than the median of them after the same epoch.
_PRUNED_AFTER = 3
# Draws of settings that were tried before, after which the space is taken to be used up.
_MOST_REPEATS = 20
_SEED = 42


class OptunaSearch:
    """The search of one study; only one thread of one server may use it."""

    def __init__(self, folder: Path, space: Sequence[Dimension], *, lower_is_better: bool) -> None:
        self._journal = folder / JOURNAL
        self._space = tuple(space)
        self._direction = "minimize" if lower_is_better else "maximize"

    def ask(self, recorded: Sequence[Trial]) -> tuple[int, Mapping[str, Value]] | None:
        """Return the number and the settings of the next trial; the first one has the default settings.

        `recorded` are the trials that the study knows. One that the journal alone knows was asked for just before the
        server was killed: it has failed. None is returned where nothing new is left in the space.
        """
        known = {trial.asked for trial in recorded}
        tried = [dict(trial.variant.settings) for trial in recorded]
        for _ in range(_MOST_REPEATS):
            study = self._study()
            self._fail_unknown(study, known)
            if not tried:
                study.enqueue_trial({dimension.field: dimension.default for dimension in self._space})
            trial = study.ask(self._distributions())
            settings = {dimension.field: trial.params[dimension.field] for dimension in self._space}
            if settings not in tried:
                return trial.number, settings
            self.tell(trial.number, None)
        return None

    def should_prune(self, asked: int, values: Sequence[float]) -> bool:
        """Return whether a trial with these scores after its epochs is worse than the median of those before it."""
        import optuna

        study = self._study()
        frozen = _known(study, asked)
        if frozen.state.is_finished() or asked == 0:  # without the defaults there is nothing to compare with
            return False
        trial = optuna.trial.Trial(study, frozen._trial_id)
        for epoch in range(len(frozen.intermediate_values), len(values)):
            trial.report(values[epoch], epoch)
        return trial.should_prune()

    def tell(self, asked: int, score: float | None, *, pruned: bool = False) -> None:
        """Store how a trial ended, unless the journal knows it."""
        from optuna.trial import TrialState

        study = self._study()
        if _known(study, asked).state.is_finished():
            return
        failed = TrialState.PRUNED if pruned else TrialState.FAIL
        study.tell(asked, score, state=TrialState.COMPLETE if score is not None else failed)

    def importances(self) -> Mapping[str, float]:
        """Return each dimension's share of the variance of the scores; {} with fewer than ENOUGH_TRIALS scores."""
        import optuna

        study = self._study()
        complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        varied = {name for name in self._names() if len({repr(trial.params[name]) for trial in complete}) > 1}
        if len(complete) < ENOUGH_TRIALS or not varied or len({trial.value for trial in complete}) == 1:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=sorted(varied))
        return {name: float(share) for name, share in shares.items()}

    def _names(self) -> list[str]:
        return [dimension.field for dimension in self._space]

    def _study(self) -> optuna.Study:
        """Open the journal; the sampler's seed follows from the trials in it."""
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # the scores are in the study
        _cut_torn_line(self._journal)
        try:
            study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(self._journal), lock_obj=_own_lock())),
                study_name=_NAME,
                direction=self._direction,
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_PRUNED_AFTER),
            )
        except (ValueError, KeyError, TypeError, AssertionError) as damaged:  # whatever a wrong line leads to
            raise SearchBroken from damaged
        seed = _SEED + len(study.get_trials(deepcopy=False))
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=seed)
        return study

    def _fail_unknown(self, study: optuna.Study, known: set[int | None]) -> None:
        from optuna.trial import TrialState

        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in known:
                study.tell(trial.number, state=TrialState.FAIL)

    def _distributions(self) -> dict[str, BaseDistribution]:
        return {dimension.field: _distribution(dimension) for dimension in self._space}


def _known(study: optuna.Study, asked: int) -> optuna.trial.FrozenTrial:
    """Return a trial of the journal; SearchBroken where the journal has lost it."""
    trials = study.get_trials(deepcopy=False)
    if asked >= len(trials):
        raise SearchBroken
    return trials[asked]


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.kind == "choice":
        return CategoricalDistribution(list(dimension.choices))
    if dimension.kind == "int":
        return IntDistribution(int(dimension.low), int(dimension.high))
    return FloatDistribution(dimension.low, dimension.high, log=dimension.kind == "log")


def _cut_torn_line(journal: Path) -> None:
    """Remove the end of a line that was not written whole: the next line would be appended to it."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _own_lock() -> optuna.storages.journal._file.BaseJournalFileLock:
    """Return a lock that holds nothing: one thread writes the journal, and a lock file would survive a kill -9."""
    from optuna.storages.journal._file import BaseJournalFileLock

    class OnlyWriter(BaseJournalFileLock):
        """The thread that holds `studies.lock`."""

        def acquire(self) -> bool:
            """Do nothing."""
            return True

        def release(self) -> None:
            """Do nothing."""

    return OnlyWriter()
