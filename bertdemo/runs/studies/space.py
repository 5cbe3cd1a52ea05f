"""What a search may vary: a literal list of fields of RunConfig, each with the range that it is searched in.

A range lies around the value that would be taken without a search, so that the default settings are the first trial.
What a checkpoint fixes (hidden size, heads) is no field of RunConfig, so it is never offered.
"""

from __future__ import annotations

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.run_config import TASK_FIELDS, FieldSpec, RunConfig, specs
from bertdemo.runs import recipes
from bertdemo.runs.studies.study import Dimension, Value
from bertdemo.tasks.base import Task

# Fields that are offered, in the order in which they usually matter.
FIELDS = ("learning_rate", "epochs", "batch_size", "layers", "pooling", "dropout", "method")
# The learning rates from a fifth to five times the default: for BERT the published choices of fine-tuning lie within
# a factor of 2.5 (Devlin et al. 2019: 2e-5 to 5e-5); a small model wants more.
_RATE_FACTOR = 5.0
# Half and twice the epochs; more than that costs the time of several trials.
_EPOCH_FACTOR = 2
_BATCHES = (8, 16, 32, 64)
# Up to three times the usual dropout of BERT, which is 0.1.
_MOST_DROPOUT, _USUAL_DROPOUT = 0.3, 0.1


def offered(config: RunConfig, task: Task, info: CheckpointInfo, train_rows: int) -> tuple[Dimension, ...]:
    """Return the dimensions that these data, this task and this model allow.

    `config` is what would be trained without a search, nothing left open; `train_rows` are those of a trial.
    """
    known = {spec.name: spec for spec in specs()}
    dimensions = (_dimension(known[name], config, task, info, train_rows) for name in FIELDS if name in known)
    return tuple(it for it in dimensions if it is not None)


def _dimension(
    spec: FieldSpec, config: RunConfig, task: Task, info: CheckpointInfo, train_rows: int
) -> Dimension | None:
    if spec.name not in config.used() or (spec.name in TASK_FIELDS and spec.name not in task.options):
        return None
    value = getattr(config, spec.name)
    match spec.name:
        case "learning_rate":
            low, high = max(spec.low, value / _RATE_FACTOR), min(spec.high, value * _RATE_FACTOR)
            return Dimension(spec.name, "log", value, low, high)
        case "epochs":
            high = min(int(spec.high), value * _EPOCH_FACTOR)
            return Dimension(spec.name, "int", value, max(1, value // _EPOCH_FACTOR), high)
        case "batch_size" if not config.frozen:  # a linear probe reads the batches only to embed them
            return _choice(spec.name, value, [size for size in _BATCHES if size <= train_rows])
        case "layers":
            return Dimension(spec.name, "int", value or info.layers, 1, info.layers) if info.layers > 1 else None
        case "dropout":
            usual = _USUAL_DROPOUT if value is None else value
            return Dimension(spec.name, "float", usual, 0.0, max(usual, _MOST_DROPOUT))
        case "method":
            methods = [recipe.sets["method"] for recipe in recipes.offered(task.can_freeze)]
            return _choice(spec.name, value, [str(method) for method in methods])
        case "pooling" if config.head_init != "probe":  # a head that starts as a linear probe reads the mean
            return _choice(spec.name, value, [choice for choice in spec.choices if choice != "auto"])
    return None


def _choice(name: str, value: Value, choices: list[int] | list[str]) -> Dimension | None:
    """Return a dimension of these choices and the default; None where there is nothing to choose."""
    every = tuple(dict.fromkeys([value, *choices]))
    ordered = tuple(sorted(every, key=lambda choice: (isinstance(choice, str), choice)))
    return Dimension(name, "choice", value, choices=ordered) if len(every) > 1 else None
