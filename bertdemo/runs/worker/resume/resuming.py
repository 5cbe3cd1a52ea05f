"""What an attempt goes on from: the newest whole resume checkpoint, if it was written under the same conditions."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from bertdemo.device import Device, precision_for
from bertdemo.errors import ResumeDiffers
from bertdemo.runs.events import Cancelled, Failed, Finished, Queued, RunEvent, Started
from bertdemo.runs.resume import checkpoints
from bertdemo.runs.resume.checkpoints import Conditions, ResumeCheckpoint, Torn
from bertdemo.runs.worker.encoding import data_hash
from bertdemo.runs.worker.result import Prepared

# Characters of a hash in a message for people, and so in a manifest: nobody forges their own data.
_HASH_CHARS = 12
_CPU_INFO = Path("/proc/cpuinfo")


def accepted(events: Sequence[RunEvent]) -> bool:
    """Return whether the newest attempt was asked to go on although the result will not be exact."""
    queued = [event for event in events if isinstance(event, Queued)]
    return bool(queued) and queued[-1].not_exact


def begun(events: Sequence[RunEvent]) -> bool:
    """Return whether a worker has begun or ended the newest attempt: then it belongs to no other worker."""
    newest = max((event.attempt for event in events), default=1)
    return any(
        event.attempt == newest and isinstance(event, Started | Finished | Cancelled | Failed) for event in events
    )


def conditions(prepared: Prepared, device: Device) -> Conditions:
    """Return the conditions of this attempt."""
    import torch

    settings = json.dumps(asdict(prepared.config), sort_keys=True)
    return Conditions(
        torch=version("torch"),
        transformers=version("transformers"),
        threads=str(torch.get_num_threads()),
        device=device.name,
        processor=_processor() if device.kind == "cpu" else "",
        data=data_hash(prepared)[:_HASH_CHARS],
        settings=hashlib.sha256(settings.encode()).hexdigest()[:_HASH_CHARS],
        precision=precision_for(device, prepared.config.precision),
    )


def choose(run: Path, now: Conditions, emit: Callable[..., None], *, exact: bool) -> ResumeCheckpoint | None:
    """Return the newest whole checkpoint, None where there is none; what is torn is skipped and named in a warning.

    Raises ResumeDiffers where the conditions are not as they were, unless the result need not be `exact`.
    """
    start = _newest_whole(run, emit)
    if start is None:
        emit("Warned", message="warning.resumed_from_start", values={})
        return None
    differences = start.manifest.conditions.differences(now)
    if differences and exact:
        raise ResumeDiffers(differences=differences)
    if differences:
        emit("Warned", message="warning.resumed_not_exactly", values={"differences": differences})
    return start


def _newest_whole(run: Path, emit: Callable[..., None]) -> ResumeCheckpoint | None:
    for folder in checkpoints.folders(run):
        try:
            return checkpoints.verify(folder)
        except Torn as torn:
            values = {"step": checkpoints.step_of(folder), "file": str(torn)}
            emit("Warned", message="warning.resume_checkpoint_torn", values=values)
            checkpoints.remove(folder)  # it would only hide the older one that is whole
    return None


def _processor() -> str:
    """Return the model of the processor: other ones have other instructions, which round differently."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
