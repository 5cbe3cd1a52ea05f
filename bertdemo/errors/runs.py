"""A run that cannot be started, found or changed."""

from __future__ import annotations

from bertdemo.errors.base import RunError


class RunUnknown(RunError):
    """No run of that id for this owner."""

    key, params = "run_unknown", ("run",)


class RunAlive(RunError):
    """The run is still training: it must be stopped before it is deleted."""

    key, params = "run_alive", ("run",)


class RunNotFinished(RunError):
    """Only the result of a finished run can be shown to others."""

    key, params = "run_not_finished", ("run",)


class RunShipped(RunError):
    """The run came with the app: it cannot be stopped, renamed or deleted."""

    key = "run_shipped"


class RunGoesOn(RunError):
    """The run waits or trains already: there is nothing to resume."""

    key, params = "run_goes_on", ("run",)


class RunFinished(RunError):
    """The run is complete: there is nothing to resume."""

    key, params = "run_finished", ("run",)


class ResumeDiffers(RunError):
    """The run would be resumed under other conditions, so that its result would not be exact."""

    key, params = "resume_differs", ("differences",)


class ScriptMissing(RunError):
    """The run was made before runs kept everything that a script needs."""

    key, params = "script_missing", ("run",)


class TaskWithoutScript(RunError):
    """No script can be written for runs of this task."""

    key, params = "task_without_script", ("task",)


class RunNameTooLong(RunError):
    """The name that a person gave a run is longer than the limit."""

    key, params = "run_name_too_long", ("chars", "limit")


class RunNoteTooLong(RunError):
    """The note of a run is longer than the limit."""

    key, params = "run_note_too_long", ("chars", "limit")


class TooManyRuns(RunError):
    """The owner has reached the limit of stored runs."""

    key, params = "too_many_runs", ("limit",)


class QueueFull(RunError):
    """The owner has reached the limit of queued runs."""

    key, params = "queue_full", ("limit",)


class ServerQueueFull(RunError):
    """As many runs wait and train, of all visitors together, as the server takes; `wait_seconds` 0 is not known."""

    key, params = "server_queue_full", ("waiting", "wait_seconds")


class AddressQueueFull(RunError):
    """As many runs wait and train as one network address may have; `wait_seconds` 0 is not known."""

    key, params = "address_queue_full", ("waiting", "wait_seconds")


class GpuQuotaSpent(RunError):
    """On a ZeroGPU Space: the visitor has no GPU time left for today."""

    key = "gpu_quota_spent"


class GpuSliceTooShort(RunError):
    """On a ZeroGPU Space: a call of the GPU ended before one step was saved."""

    key, params = "gpu_slice_too_short", ("seconds",)


class OutOfMemory(RunError):
    """Training ran out of memory; `smaller` is the batch size to try."""

    key, params = "out_of_memory", ("device", "batch_size", "smaller")


class OutOfMemoryAtOne(RunError):
    """Training ran out of memory at batch size 1: only a smaller `max_length` or another device can help."""

    key, params = "out_of_memory_at_one", ("device", "max_length")


class OutOfMemoryEarly(RunError):
    """Memory ran out before the batch size was known."""

    key = "out_of_memory_early"


def memory_ran_out(device: str, batch_size: int, max_length: int) -> RunError:
    """Return the error that names what can still be reduced; `batch_size` is 0 where it is not known yet."""
    if not batch_size:
        return OutOfMemoryEarly()
    if batch_size == 1:
        return OutOfMemoryAtOne(device=device, max_length=max_length)
    return OutOfMemory(device=device, batch_size=batch_size, smaller=batch_size // 2)


class LossNotFinite(RunError):
    """The loss became NaN or infinite at `step`."""

    key, params = "loss_not_finite", ("step", "learning_rate")


class DiskFull(RunError):
    """No space is left on the disk of the run folders."""

    key = "disk_full"


class DiskFailed(RunError):
    """The disk of the run folders could not be written or read; `reason` is the operating system's."""

    key, params = "disk_failed", ("reason",)


class RunTookTooLong(RunError):
    """The run reached the time limit of a public server."""

    key, params = "run_took_too_long", ("minutes",)


class BugInRun(RunError):
    """A bug in the worker; its traceback is in the log of the run under `error_id`."""

    key, params = "bug_in_run", ("error_id",)


class RanksMissing(RunError):
    """Some of the processes of a run did not join in time."""

    key, params = "ranks_missing", ("joined", "expected", "address", "seconds")


class HostsMissing(RunError):
    """Some of the hosts of a run did not join in time."""

    key, params = "hosts_missing", ("joined", "expected", "address", "seconds")
