"""A run that cannot be started, found or changed."""

from __future__ import annotations

from bertdemo.errors.base import RunError


class RunUnknown(RunError):
    """No run of that id for this owner."""

    key, params = "run_unknown", ("run",)


class RunAlive(RunError):
    """The run still trains: stop it before deleting it."""

    key, params = "run_alive", ("run",)


class TooManyRuns(RunError):
    """The owner has as many runs as are kept."""

    key, params = "too_many_runs", ("limit",)


class QueueFull(RunError):
    """The owner has as many waiting runs as allowed."""

    key, params = "queue_full", ("limit",)


class OutOfMemory(RunError):
    """Training ran out of memory; `smaller` is the batch size to try."""

    key, params = "out_of_memory", ("device", "batch_size", "smaller")


class OutOfMemoryAtOne(RunError):
    """Training ran out of memory at the smallest batch: what is left is `max_length`, or another device."""

    key, params = "out_of_memory_at_one", ("device", "max_length")


class OutOfMemoryEarly(RunError):
    """Memory ran out before the size of a batch was known."""

    key = "out_of_memory_early"


def memory_ran_out(device: str, batch_size: int, max_length: int) -> RunError:
    """Return the leaf that says what can still be made smaller; a `batch_size` of 0 is not known yet."""
    if not batch_size:
        return OutOfMemoryEarly()
    if batch_size == 1:
        return OutOfMemoryAtOne(device=device, max_length=max_length)
    return OutOfMemory(device=device, batch_size=batch_size, smaller=batch_size // 2)


class LossNotFinite(RunError):
    """The loss became NaN or infinite at `step`."""

    key, params = "loss_not_finite", ("step", "learning_rate")


class DiskFull(RunError):
    """No space left where the runs live."""

    key = "disk_full"


class RunTookTooLong(RunError):
    """The run reached the time limit of a public server."""

    key, params = "run_took_too_long", ("minutes",)


class BugInRun(RunError):
    """The worker met an error of ours; its traceback is in the run's log under `error_id`."""

    key, params = "bug_in_run", ("error_id",)
