"""What the checks share: the machine, the sizes that suit it, the two models, and worker processes."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.gpu.report import Result
from benchmarks.row import Row
from bertdemo import device as devices
from bertdemo import samples
from bertdemo.checkpoints import Catalogue
from bertdemo.dataset.dataset_cache import DatasetCache
from bertdemo.processes import Identity, kill_session
from bertdemo.run_config import RunConfig
from bertdemo.runs import admission
from bertdemo.runs import events as ev
from bertdemo.runs.launchers.local import LocalLauncher
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache

PACKED_MODEL = Path("model", "all-MiniLM-L6-v2")
RANDOM_MODEL = "random-bert-base"
_SEED = 7


@dataclass(frozen=True)
class Sizes:
    """How much is computed: enough to measure on a GPU, little enough for two cores."""

    squares: tuple[int, ...]
    """Sides of the matrices of the product."""
    batches: Mapping[str, int]
    """Rows per step by model. On two cores a step of 64 rows through BERT-base takes half a minute."""
    steps: int
    """Optimizer steps of the runs that are measured."""
    held_out: int
    """Validation rows of these runs."""
    epochs: int
    """Epochs of the run that is read from its folder to its end."""
    rows: int
    """Rows of the sample that this run trains on; 0 means all."""
    predicted: int
    """Rows that are predicted, in multiples of a batch."""
    shape: Mapping[str, int]
    """Of the random model; BERT-base unless the smallest slice runs."""


BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_SMALL = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
LENGTH = 128
SIZES = {
    "cuda": Sizes(
        squares=(2048, 4096, 8192), batches={"bundled": 64, "base": 64}, steps=200, held_out=64, epochs=8, rows=0,
        predicted=4096, shape=BASE,
    ),
    "cpu": Sizes(
        squares=(1024, 2048), batches={"bundled": 16, "base": 2}, steps=3, held_out=4, epochs=2, rows=48,
        predicted=16, shape=BASE,
    ),
    "smallest": Sizes(
        squares=(256,), batches={"bundled": 8, "base": 8}, steps=4, held_out=8, epochs=2, rows=60,
        predicted=16, shape=_SMALL,
    ),
}  # fmt: skip


class Bench:
    """One check's access to all of it. `add` hands a row to the report at once."""

    def __init__(self, home: Path, pack: Path | None, sizes: str, check: str, until: float) -> None:
        self.home, self.check, self.until = home, check, until
        self._pack = pack
        self._result_file = home / f"{check}.jsonl"
        self._sizes = sizes
        folders = [home / "models" / RANDOM_MODEL]
        if pack is not None and (pack / PACKED_MODEL).is_dir():
            folders.append(pack / PACKED_MODEL)
            self.bundled = f"local:{PACKED_MODEL.name}"
        else:
            self.bundled = "bundled"
        self.base = f"local:{RANDOM_MODEL}"
        self.settings = Settings.from_env(
            {
                **os.environ,
                "BERTDEMO_HOME": str(home / "app"),
                "BERTDEMO_CHECKPOINTS": os.pathsep.join(map(str, folders)),
                "BERTDEMO_SPARE_WORKER": "0",
            }
        )
        self.settings.apply()
        self.registry = Registry(self.settings)
        self.catalogue = Catalogue(self.settings)
        self._datasets = DatasetCache(TableCache(self.settings, trusted=samples.FOLDER))
        self._launcher = LocalLauncher(self.settings)

    @cached_property
    def device(self) -> devices.Device:
        """The device that `auto` chooses."""
        return devices.report().devices[0]

    @property
    def on_gpu(self) -> bool:
        """Whether there is a CUDA device."""
        return self.device.kind == "cuda"

    @cached_property
    def sizes(self) -> Sizes:
        """The sizes for this device."""
        return SIZES[self._sizes if self._sizes != "auto" else "cuda" if self.on_gpu else "cpu"]

    def add(self, what: str, result: str, wanted: str = "", held: bool | None = None, **figures: Any) -> None:
        """Report a row."""
        self._append(Result(self.check, Row(what, result, wanted, held), figures=figures))

    def skip(self, what: str, why: str) -> None:
        """Report what is not run here, and why."""
        self._append(Result.skipped(self.check, what, why))

    def _append(self, result: Result) -> None:
        with self._result_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result.to_json(), ensure_ascii=False) + "\n")

    @property
    def seconds_left(self) -> float:
        """Seconds until this check is killed."""
        return self.until - time.time()

    def note(self, name: str, value: Any) -> None:
        """Keep a value for a later check."""
        (self.home / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")

    def noted(self, name: str) -> Any:
        """Return a value of an earlier check; None where that check did not come so far."""
        path = self.home / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def folder_of(self, model: str) -> Path:
        """Return the folder of `bundled` or `base`; the random model is made here, once."""
        bundled = self.catalogue.folder(self.bundled, None)
        if model == "bundled":
            return bundled
        folder = self.home / "models" / RANDOM_MODEL
        if not folder.is_dir():
            _write_random(folder, bundled, self.sizes.shape)
        return folder

    def checkpoint(self, model: str) -> str:
        """Return the id of `bundled` or `base`."""
        self.folder_of(model)
        return self.bundled if model == "bundled" else self.base

    def sample(self, task: str = "classification") -> tuple[Path, str]:
        """Return the first sample of a task, or as many of its rows as suit this device, and the name of the file."""
        sample = next(sample for sample in samples.all_samples() if sample.task == task)
        rows = self.sizes.rows
        if not rows:
            return sample.path, sample.file
        lines = sample.path.read_text(encoding="utf-8").splitlines(keepends=True)
        head = lines[: sample.path.suffix == ".csv"]
        every = max(1, (len(lines) - len(head)) // rows)  # the rows may be sorted by label
        path = self.home / f"{sample.id}-{rows}{sample.path.suffix}"
        path.write_text("".join([*head, *lines[len(head) :: every][:rows]]), encoding="utf-8")
        return path, path.name

    def run_folder(
        self, data: tuple[Path, str], checkpoint: str, validation: Path | None = None, task: str = "classification",
        **config: Any,
    ) -> str:  # fmt: skip
        """Write a run folder as admission does; return the run id."""
        request = RunRequest(
            task=task,
            columns={},
            checkpoint=checkpoint,
            config=RunConfig.from_fields({"device": self.device.id, "method": "fine_tune", **config}),
            data=str(data[0]),
            data_name=data[1],
            validation=str(validation) if validation else None,
            validation_name=validation.name if validation else None,
        )
        prepared = admission.checked(request, self._datasets, self.settings.limits)
        return self.registry.create(replace(request, columns=dict(prepared.columns)), "", prepared)

    @contextmanager
    def worker(self, run: str) -> Iterator[Worker]:
        """Start `python -m bertdemo.runs.worker FOLDER`; it is killed where the block leaves it alive."""
        self._launcher.launch(self.registry.folder(run))
        worker = Worker(self, run, self._launcher)
        try:
            yield worker
        finally:
            worker.kill()

    def process(self, run: str) -> Identity | None:
        """Return which process the worker of a run says it is; None where it has not said so yet."""
        path = self.registry.folder(run) / "process.json"
        return Identity(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def kill(self, run: str) -> None:
        """Kill the worker of a run with SIGKILL, and wait for its end."""
        identity = self.process(run)
        if identity is None:
            return
        kill_session(identity)
        while identity.alive() and self.seconds_left > 0:
            time.sleep(0.02)


class Worker:
    """One worker process, seen through its run folder."""

    def __init__(self, bench: Bench, run: str, launcher: LocalLauncher) -> None:
        self._bench, self.run, self._launcher = bench, run, launcher
        self.folder = bench.registry.folder(run)
        self.exit_code: int | None = None

    @property
    def events(self) -> tuple[ev.RunEvent, ...]:
        """Every event so far."""
        return self._bench.registry.read(self.run, "").events

    def wait(self, seen: Callable[[Sequence[ev.RunEvent]], bool]) -> tuple[ev.RunEvent, ...]:
        """Return the events once `seen` says so or the process has ended; TimeoutError where neither comes in time."""
        while self._bench.seconds_left > 0:
            self._reap()
            events = self.events
            if seen(events) or self.exit_code is not None:
                return events
            time.sleep(0.02)
        raise TimeoutError(f"no end in sight after {len(self.events)} events: {self.log()}")

    def end(self) -> tuple[ev.RunEvent, ...]:
        """Wait for the end of the process; return all events."""
        return self.wait(lambda events: False)

    def kill(self) -> None:
        """Kill the process where it lives."""
        self._reap()
        if self.exit_code is None:
            self._bench.kill(self.run)

    def log(self) -> str:
        """Return the end of what the worker printed."""
        path = self.folder / "worker.log"
        return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.is_file() else ""

    def _reap(self) -> None:
        for folder, code in self._launcher.reap():
            if folder == self.folder:
                self.exit_code = code


def texts(tokenizer_folder: Path, count: int, words: int = LENGTH) -> list[tuple[str, str]]:
    """Return (text, label) rows of random words, each longer than `LENGTH` tokens, so that no position is padding."""
    vocabulary = (tokenizer_folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    plain = [word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 1]
    generator = random.Random(_SEED)
    return [(" ".join(generator.choices(plain, k=words)), ("no", "yes")[index % 2]) for index in range(count)]


def write_table(path: Path, rows: Sequence[tuple[str, str]]) -> tuple[Path, str]:
    """Write rows as a CSV file; return its path and its name."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *rows])
    return path, path.name


def describe(device: devices.Device) -> str:
    """Return one line about a device."""
    memory = f"{device.total_bytes / 2**30:.0f} GiB"
    bfloat16 = "bfloat16 in hardware" if device.bfloat16 else "no bfloat16 in hardware"
    return f"{device.name}, {device.cores} cores, {memory}, {bfloat16}" if device.kind == "cpu" else (
        f"{device.name} ({device.id}), {memory}, {bfloat16}"
    )  # fmt: skip


def as_figures(device: devices.Device) -> dict[str, Any]:
    """Return all that device.py knows of a device."""
    return asdict(device)


def _write_random(folder: Path, tokenizer_from: Path, shape: Mapping[str, int]) -> None:
    """Write a BERT of this shape with random weights and the vocabulary of the bundled model."""
    import torch
    from transformers import BertConfig, BertModel

    draft = folder.with_name(f".tmp-{folder.name}")
    words = len((tokenizer_from / "vocab.txt").read_text(encoding="utf-8").splitlines())
    torch.manual_seed(_SEED)
    BertModel(BertConfig(vocab_size=words, **shape)).save_pretrained(draft)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_from / name, draft / name)
    draft.replace(folder)
