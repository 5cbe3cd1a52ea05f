"""How fast it is: the matrix product of the device, and what training and prediction reach of it.

The share counts the operations that the model needs, not those that are done: 6 for each weight of the encoder and
each token (2 forward, 4 backward), and those of the attention products. The word embeddings are looked up, not
multiplied, so they do not count. Prediction needs a third of it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.bench import LENGTH, Bench, texts, write_table
from bertdemo.runs import events as ev

# The bound for BERT-base on a GPU at batch 64 and length 128.
LEAST_SHARE = 0.3
_REPEATS, _PRODUCTS = 5, 10
# Steps that are not measured: kernels are chosen and memory is taken in them.
_WARM_GPU, _WARM_CPU = 20, 1
# The batch of the target.
_FULL_BATCH = 64
# Kernels that are named in the JSON report, the longest first.
_KERNELS = 12


def matrix_product(bench: Bench) -> None:
    """Measure the bfloat16 product of square matrices of random numbers; the best of several is the device's."""
    import torch

    rates: dict[int, float] = {}
    for side in bench.sizes.squares:
        left, right = (torch.randn(side, side, device=bench.device.id, dtype=torch.bfloat16) for _ in range(2))
        seconds = min(_timed(bench, lambda a=left, b=right: a @ b, _PRODUCTS) for _ in range(_REPEATS))
        rates[side] = 2 * side**3 / seconds
    best = max(rates.values())
    bench.note("product", best)
    figure = ", ".join(f"{side}: {rate / 1e12:.3g}" for side, rate in rates.items())
    bench.add("bfloat16 matrix product, TFLOP/s by side", figure, "", None, flops_per_second=rates)


def _timed(bench: Bench, work: Callable[[], object], times: int) -> float:
    """Return the seconds of one call, of several in a row that are waited for once."""
    work()
    _wait(bench)
    began = time.perf_counter()
    for _ in range(times):
        work()
    _wait(bench)
    return (time.perf_counter() - began) / times


def _wait(bench: Bench) -> None:
    """Wait for what the GPU was given; the CPU has done its work when a call returns."""
    if bench.on_gpu:
        import torch

        torch.cuda.synchronize()


def operations(shape: Any, rows: int, *, training: bool) -> float:
    """Return the floating-point operations that a BERT of this config needs for `rows` of `LENGTH` tokens."""
    hidden, layers, inner = shape.hidden_size, shape.num_hidden_layers, shape.intermediate_size
    weights = layers * (4 * hidden * hidden + 2 * hidden * inner)
    attention = layers * 2 * LENGTH * hidden  # queries with keys, then weights with values; per token
    return (3 if training else 1) * 2.0 * (weights + attention) * rows * LENGTH


def train_base(bench: Bench) -> None:
    """Train the random model of BERT-base's shape as a run does."""
    _train(bench, "base")


def train_bundled(bench: Bench) -> None:
    """Train the bundled model as a run does."""
    _train(bench, "bundled")


def _train(bench: Bench, model: str) -> None:
    """Measure a run of the worker in bfloat16 by the times of its Step events, evaluations left out."""
    batch = bench.sizes.batches[model]
    steps = bench.sizes.steps
    held = bench.sizes.held_out
    rows = texts(bench.folder_of("bundled"), batch * steps + held)
    data = write_table(bench.home / f"speed-{model}.csv", rows[held:])
    held_out, _ = write_table(bench.home / f"speed-{model}-validation.csv", rows[:held])
    run = bench.run_folder(
        data, bench.checkpoint(model), held_out, epochs=1, batch_size=batch, max_length=LENGTH, precision="bfloat16"
    )
    with bench.worker(run) as worker:
        events = worker.end()
    measured = [event for event in events if isinstance(event, ev.Step)]
    finished = isinstance(events[-1], ev.Finished)
    warm = _WARM_GPU if bench.on_gpu else _WARM_CPU
    measured = [step for step in measured if step.step >= warm]
    if not finished or len(measured) < 2:
        raise RuntimeError(f"the run ended with {events[-1]} after {len(measured)} measured steps: {worker.log()}")
    first, last = measured[0], measured[-1]
    per_second = batch * (last.step - first.step) / (last.at - first.at)
    peak = max(step.memory_bytes for step in measured)
    _report(bench, model, f"run of the worker, {last.step - first.step} steps", per_second, batch, peak)


def _report(bench: Bench, model: str, how: str, per_second: float, batch: int, peak: int = 0) -> None:
    """Report rows per second and the share of the product; the share is a target for BERT-base on a GPU only."""
    need = operations(_config(bench, model), 1, training=True)
    share, shown = _share(bench, per_second * need)
    what = f"{_NAMES[model]}, training in bfloat16, batch {batch}, length {LENGTH}: {how}"
    memory = f", {peak / 2**30:.1f} GiB" if peak else ""
    target = bench.on_gpu and model == "base" and peak > 0
    bench.add(
        what,
        f"{_rate(per_second)}, {shown}{memory}",
        f"≥ {LEAST_SHARE} of the product" if target else "",
        (share >= LEAST_SHARE) if target else None,
        rows_per_second=per_second,
        share=share,
        flops_per_row=need,
        peak_bytes=peak,
    )


_NAMES = {"bundled": "bundled model", "base": "random model, shape of BERT-base"}


def _share(bench: Bench, flops_per_second: float) -> tuple[float, str]:
    """Return the share of the measured product, and its words; 0 where the product was not measured."""
    product = bench.noted("product")
    if not product:
        return 0.0, "product not measured"
    share = flops_per_second / product
    return share, f"{share:.2f} of the product"


def _rate(per_second: float) -> str:
    """Return rows per second with two digits at least."""
    return f"{per_second:,.0f} examples/s" if per_second >= 10 else f"{per_second:.2g} examples/s"


def _config(bench: Bench, model: str) -> Any:
    from transformers import BertConfig

    return BertConfig.from_pretrained(bench.folder_of(model))


def predict(bench: Bench) -> None:
    """Predict with both models, their weights in bfloat16, and compare the labels with those of float32."""
    import torch

    for model in ("bundled", "base"):
        rows = bench.sizes.predicted
        batch = _batch(bench, model, min(rows, bench.sizes.batches[model]))
        network = _network(bench, model).eval()
        with torch.inference_mode():
            full = network(**batch).logits.argmax(-1)
            network.to(torch.bfloat16)
            same = int((network(**batch).logits.argmax(-1) == full).sum())
            times = max(1, rows // len(full))
            seconds = _timed(bench, lambda run=network, given=batch: run(**given), times)
        per_second = len(full) / seconds
        share, shown = _share(bench, per_second * operations(network.config, 1, training=False))
        what = f"{_NAMES[model]}, prediction in bfloat16, batch {len(full)}, length {LENGTH}"
        figure = f"{_rate(per_second)}, {shown}; {same} of {len(full)} labels as in float32"
        bench.add(what, figure, "", None, rows_per_second=per_second, share=share, same=same)


def plain_loop(bench: Bench) -> None:
    """Train in a plain loop: what Trainer and the events cost."""
    per_second = _loop(bench, compiled=False)
    bench.note("plain_loop", per_second)
    _report(bench, "base", "plain loop", per_second, bench.sizes.batches["base"])
    _batches(bench)
    if bench.on_gpu:
        _kernels(bench)
    else:
        bench.skip("how long the GPU is busy in that loop", "needs a GPU")


def _batches(bench: Bench) -> None:
    """Report how long a run takes to make one batch: a GPU waits for it, for a run makes none ahead."""
    from datasets import Dataset

    from bertdemo.tasks.forward import Collator

    rows = _FULL_BATCH * _PRODUCTS
    columns = {name: [[1] * LENGTH] * rows for name in ("input_ids", "attention_mask", "token_type_ids")}
    dataset = Dataset.from_dict({**columns, "labels": [0] * rows, "length": [LENGTH] * rows, "row": list(range(rows))})
    collate, times = Collator(0), []
    for first in range(0, rows, _FULL_BATCH):
        began = time.perf_counter()
        collate(dataset.__getitems__(list(range(first, first + _FULL_BATCH))))
        times.append(time.perf_counter() - began)
    seconds = statistics.median(times)
    what = f"batch of {_FULL_BATCH} rows of {LENGTH} tokens, made from the encoded rows of a run"
    bench.add(what, f"{1e3 * seconds:.1f} ms", "", None, seconds=seconds)


def compiled_loop(bench: Bench) -> None:
    """Train in the same loop with torch.compile: whether it would pay."""
    what = "torch.compile in the plain loop"
    eager = bench.noted("plain_loop")
    if eager is None:
        return bench.skip(what, "the plain loop was not measured")
    fast = _loop(bench, compiled=True)
    verdict = "pays" if fast > 1.1 * eager else "does not pay"
    figure = f"{_rate(fast)}, {fast / eager:.2f} times the plain loop: {verdict}; a run does not use it"
    return bench.add(what, figure, "", None, rows_per_second=fast)


def _loop(bench: Bench, *, compiled: bool) -> float:
    """Return the rows per second of training steps on one batch, by the median step."""
    step = _stepper(bench, compiled=compiled)
    for _ in range(_WARM_GPU if bench.on_gpu else _WARM_CPU):
        step()
    times = [_timed_step(bench, step) for _ in range(50 if bench.on_gpu else 3)]
    return bench.sizes.batches["base"] / statistics.median(times)


def _timed_step(bench: Bench, step: Callable[[], None]) -> float:
    _wait(bench)
    began = time.perf_counter()
    step()
    _wait(bench)
    return time.perf_counter() - began


def _stepper(bench: Bench, *, compiled: bool) -> Callable[[], None]:
    """Return one training step under autocast, with the optimizer of a run."""
    import torch

    network = _network(bench, "base").train()
    batch = _batch(bench, "base", bench.sizes.batches["base"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
    forward = torch.compile(network) if compiled else network
    kind = bench.device.kind

    def step() -> None:
        with torch.autocast(kind, dtype=torch.bfloat16):
            loss = forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def _kernels(bench: Bench) -> None:
    """Report which share of a step the GPU is busy, and its longest kernels: below 1, it waits for Python."""
    from torch.profiler import ProfilerActivity, profile

    step = _stepper(bench, compiled=False)
    for _ in range(_WARM_GPU):
        step()
    steps = 5
    wall = statistics.median(_timed_step(bench, step) for _ in range(steps))
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(steps):
            step()
        _wait(bench)
    kernels = [(entry.key[:80], entry.self_device_time_total / 1e6 / steps) for entry in profiler.key_averages()]
    longest = sorted(kernels, key=lambda kernel: -kernel[1])[:_KERNELS]
    busy = sum(seconds for _, seconds in kernels)
    figure = f"kernels {1e3 * busy:.1f} ms of a step of {1e3 * wall:.1f} ms"
    bench.add("how long the GPU is busy in that loop", figure, "", None, kernels=dict(longest))


def _network(bench: Bench, model: str) -> Any:
    """Return a classifier with two labels on the device, in float32."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    folder: Path = bench.folder_of(model)
    network = BertForSequenceClassification.from_pretrained(folder, num_labels=2, dtype=torch.float32)
    return network.to(bench.device.id)


def _batch(bench: Bench, model: str, rows: int) -> dict[str, Any]:
    """Return tensors of random rows without padding, labels included."""
    import torch

    words = _config(bench, model).vocab_size
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1000 if words > 2000 else 5, words, (rows, LENGTH), generator=generator)
    labels: Sequence[int] = [row % 2 for row in range(rows)]
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": torch.tensor(labels)}
    return {name: tensor.to(bench.device.id) for name, tensor in batch.items()}
