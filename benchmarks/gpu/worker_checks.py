"""Runs of the worker as the process that the app starts: to the end, stopped, out of memory; then every task."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.gpu.answers import apart
from benchmarks.gpu.bench import Bench, Worker, texts, write_table
from benchmarks.gpu.report import one_line
from bertdemo import device as devices
from bertdemo import samples, tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.i18n.translation import translate
from bertdemo.runs import events as ev
from bertdemo.serving.predictor import Predictor

# Memory of the GPU that the check leaves to a worker that needs several times as much.
_LEFT_ON_GPU = 3 * 2**29
# Address space that a worker may take after its start, on the CPU: less than its model and one batch.
_LEFT_ON_CPU = 256 * 2**20
# Largest difference between two numbers of an answer on the GPU and on the CPU, both in float32.
_APART = 0.02
# Seconds that a run of one task on its sample takes at most, its imports done.
_TASK_SECONDS = 25.0


def whole_run(bench: Bench) -> None:
    """Train the bundled model from a run folder to its end; read every event."""
    run = bench.run_folder(bench.sample(), bench.checkpoint("bundled"), epochs=bench.sizes.epochs)
    began = time.monotonic()
    with bench.worker(run) as worker:
        events = worker.end()
        code, log = worker.exit_code, worker.log()
    last = events[-1]
    figure = f"{last.kind}, exit code {code}, {len(events)} events, {time.monotonic() - began:.0f} s"
    if isinstance(last, ev.Finished):
        scores = ", ".join(f"{name} {score['value']:.3f}" for name, score in last.metrics.items())
        figure += f"; {scores} on {last.rows} rows"
        bench.note("trained", last.checkpoint)
    held = isinstance(last, ev.Finished) and code == 0 and _kinds(events) >= _KINDS
    bench.add("run of the worker, from its folder to its end", figure, "finished, exit code 0", held, log=log)
    _events(bench, events)


_KINDS = {"queued", "started", "step", "evaluated", "saved", "finished"}


def _kinds(events: Sequence[ev.RunEvent]) -> set[str]:
    return {event.kind for event in events}


def _events(bench: Bench, events: Sequence[ev.RunEvent]) -> None:
    """Report the numbers, progress, memory and precision of a whole run."""
    steps = [event for event in events if isinstance(event, ev.Step)]
    gaps = sum(after.seq != before.seq + 1 for before, after in itertools.pairwise(events))
    falls = sum(after.progress < before.progress for before, after in itertools.pairwise(steps))
    bench.add("its events", f"{gaps} gaps in their numbers", "no gap", gaps == 0 and events[0].seq == 1)
    shown = f"{len(steps)} steps reported, {falls} times lower than before"
    bench.add("its progress", shown, "never falls", bool(steps) and falls == 0)
    peak = max((step.memory_bytes for step in steps), default=0)
    bench.add("its memory", f"{peak / 2**30:.2f} GiB at most", "reported", peak > 0, peak_bytes=peak)
    started = next((event for event in events if isinstance(event, ev.Started)), None)
    # A worker sees its own GPU only, and calls it the first: the kind is compared, not the number.
    wanted = f"{bench.device.kind}, {devices.precision_for(bench.device, 'auto')}"
    shown = f"{started.device.split(':')[0]}, {started.precision}" if started else "not started"
    bench.add("its device and precision by `auto`", shown, wanted, shown == wanted)


def stopped_run(bench: Bench) -> None:
    """Leave the flag file of a Stop after the first evaluation; the weights so far are kept."""
    run = bench.run_folder(bench.sample(), bench.checkpoint("bundled"), epochs=50)
    with bench.worker(run) as worker:
        worker.wait(lambda events: sum(isinstance(event, ev.Evaluated) for event in events) >= 1)
        began = time.monotonic()
        bench.registry.ask_to_stop(run, "")
        last = worker.end()[-1]
    kept = isinstance(last, ev.Cancelled) and bool(last.checkpoint)
    figure = f"{last.kind} after {time.monotonic() - began:.1f} s, weights {'' if kept else 'not '}kept"
    bench.add("stop by the flag file", figure, "cancelled, weights kept", kept)


def memory_ran_out(bench: Bench) -> None:
    """Let a run need more memory than there is; its last event says what to lower."""
    data = write_table(bench.home / "long.csv", texts(bench.folder_of("bundled"), 300, words=520))
    model = "base" if bench.on_gpu else "bundled"
    with _gpu_filled(bench):
        run = bench.run_folder(data, bench.checkpoint(model), epochs=1, batch_size=256, max_length=512)
        with bench.worker(run) as worker:
            if not bench.on_gpu:
                worker.wait(lambda events: any(isinstance(event, ev.Started) for event in events))
                _limit(bench, worker)
            last, code = worker.end()[-1], worker.exit_code
            log = worker.log()
    advice = _sentence(last) if isinstance(last, ev.Failed) else f"{last.kind}, exit code {code}"
    held = isinstance(last, ev.Failed) and "memory" in last.message
    bench.add("more memory than there is", f"failed in words: “{advice}”", "what to lower", held, log=log)


def _sentence(event: ev.Failed) -> str:
    return one_line(translate("en", event.message, **event.values))


@contextlib.contextmanager
def _gpu_filled(bench: Bench) -> Iterator[None]:
    """Hold all memory of the GPU but a little, with one plain allocation; nothing where there is no GPU."""
    if not bench.on_gpu:
        yield
        return
    import torch

    free, _ = torch.cuda.mem_get_info(bench.device.id)
    filler = torch.empty(max(1, free - _LEFT_ON_GPU), dtype=torch.uint8, device=bench.device.id)
    try:
        yield
    finally:
        del filler
        torch.cuda.empty_cache()


def _limit(bench: Bench, worker: Worker) -> None:
    """Lower the address space of a live worker to a little more than it has."""
    import psutil

    identity = bench.process(worker.run)
    if identity is None:
        raise RuntimeError(f"a worker that has started has not said which process it is: {worker.log()}")
    process = psutil.Process(identity.pid)
    most = process.memory_info().vms + _LEFT_ON_CPU
    process.rlimit(psutil.RLIMIT_AS, (most, most))


def every_task(bench: Bench) -> None:
    """Train each task on its sample; on a GPU, compare one answer of what came out with the same answer on the CPU."""
    for task in dict.fromkeys(sample.task for sample in samples.all_samples()):
        if bench.seconds_left < _TASK_SECONDS:
            bench.skip(f"{task} trains", f"{bench.seconds_left:.0f} s left")
            continue
        try:
            _task(bench, task)
        except Exception as error:  # one task must not cost the rows of the others
            bench.add(f"{task} trains", f"failed: {one_line(repr(error))}", "finished", False)


def _task(bench: Bench, task: str) -> None:
    """Train one task for an epoch in this process, by the code of the worker."""
    from bertdemo.runs.worker.job import Job

    config = {"epochs": 1, "batch_size": 32, "max_length": 64}
    run = bench.run_folder(bench.sample(task), bench.checkpoint("bundled"), task=task, **config)
    limits = replace(bench.settings.limits, run_seconds=max(1, int(bench.seconds_left)))
    Job(bench.registry.folder(run), replace(bench.settings, limits=limits)).run()
    last = bench.registry.read(run, "").events[-1]
    if isinstance(last, ev.Cancelled):
        return bench.skip(f"{task} trains", "stopped, for the time of the check was over")
    if not isinstance(last, ev.Finished):
        return bench.add(f"{task} trains", last.kind, "finished", False)
    scores = ", ".join(f"{name} {score['value']:.3f}" for name, score in last.metrics.items())
    if not bench.on_gpu:
        return bench.add(f"{task} trains", f"finished; {scores}", "finished", True)
    far = apart(*(_answer(bench, task, last.checkpoint, place) for place in (bench.device.id, "cpu")))
    figure = f"finished; {scores}; one answer at most {far:.1g} apart from the CPU's"
    return bench.add(f"{task} trains", figure, f"finished, at most {_APART} apart", far <= _APART)


def _answer(bench: Bench, task: str, checkpoint: str, device: str) -> object:
    """Return the answer of a checkpoint to one text, as the API gives it."""
    predictor = Predictor(bench.settings, Catalogue(bench.settings), device=lambda: device)
    pair = "What was opened in spring?" if tasks.find(task).reads_pairs else ""
    text = "The museum in [MASK] was opened in spring." if task == "fill_mask" else "The museum was opened in spring."
    return predictor.predict(text, pair, checkpoint, "").output.to_api()
