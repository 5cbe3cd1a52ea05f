"""What takes an hour: `make bench-long`, run once per change of a recipe, adds its table to docs/benchmarks.md."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.accuracy import classification, goemotions_rows, train_to_end, write
from benchmarks.row import DATA, Row, skipped
from bertdemo.checkpoints import bundled
from bertdemo.device import cpu, precision_for
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services

PADDED_LENGTH, PADDED_EPOCHS, BATCH = 128, 3, 32
FOLDS, FOLD_SEED = 5, 0
# Of the plain script for sentence pairs; the best one on its own folds counts.
RATES, SCRIPT_EPOCHS = (2e-5, 5e-5, 1e-4, 3e-4), 5
NO_DATA = "no labeled data beside the checkout"
Texts = Sequence[tuple[str, ...]]


def padded_goemotions(services: Services) -> Row:
    """Time to quality on the two classes of goemotions: the first 512 rows of each class."""
    if not (DATA / "goemotions").is_dir():
        return skipped(_words("goemotions, two classes"), "≥ 12 times sooner", NO_DATA)
    train, validation = goemotions_rows()
    return _time_to_quality(services, "goemotions, two classes", train, validation, 12)


def padded_banking77(services: Services) -> Row:
    """Time to quality on banking77: all training rows, its test set as the validation set. Takes over an hour."""
    if not (DATA / "banking77").is_dir():
        return skipped(_words("banking77"), "≥ 40 times sooner", NO_DATA)
    train, validation = (_read(DATA / "banking77" / f"{name}.csv", "text", "category") for name in ("train", "test"))
    return _time_to_quality(services, "banking77", train, validation, 40)


def _words(data: str) -> str:
    return (
        f"{data}: seconds until the validation accuracy of Trainer padded to {PADDED_LENGTH} in float32 after "
        f"{PADDED_EPOCHS} epochs is reached, linear probe included"
    )


def _time_to_quality(services: Services, data: str, train: Texts, validation: Texts, times: float) -> Row:
    """Train the padded default to its end, then a linear probe and a run with the defaults until they are as good."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, rows in (("train", train), ("validation", validation)):
            write(folder / f"{file}.csv", ("text", "label"), rows)
        target, padded = _padded_default(train, validation)
        ours = _reached(services, folder, target)
    what, wanted = _words(data), f"≥ {times:g} times sooner"
    if ours is None:
        return Row(what, f"accuracy {target:.4f} after {padded:.0f} s is never reached", wanted, False)
    ratio = padded / ours.seconds
    shown = f"{ratio:.1f} times sooner ({target:.4f} after {padded:.0f} s; {ours.score:.4f} after {ours.seconds:.1f} s"
    return Row(what, f"{shown}, by {ours.how})", wanted, ratio >= times)


@dataclass(frozen=True)
class _Reached:
    how: str
    score: float
    seconds: float


def _reached(services: Services, folder: Path, target: float) -> _Reached | None:
    """Return what reached the target first, a linear probe or the run after it, with the seconds since its start."""
    began = time.monotonic()
    probe = _run(services, folder, RunConfig(method="regression"))
    spent = time.monotonic() - began
    score = float(probe.metrics["accuracy"]["value"] or 0.0)
    if score >= target:
        return _Reached("the linear probe", score, spent)
    status = _run(services, folder, RunConfig())
    events = services.registry.read(status.run_id, "").events
    started = next(event.at for event in events if isinstance(event, ev.Launched))
    for event in events:
        if isinstance(event, ev.Evaluated) and event.metrics["accuracy"] >= target:
            how = f"epoch {event.epoch:.0f} of the run, {spent:.1f} s of the linear probe included"
            return _Reached(how, event.metrics["accuracy"], spent + event.at - started)
    return None


def _run(services: Services, folder: Path, config: RunConfig) -> Any:
    return train_to_end(services, classification(folder / "train.csv", folder / "validation.csv", config))


def _padded_default(train: Texts, validation: Texts) -> tuple[float, float]:
    """Return the validation accuracy after the last epoch of Trainer's defaults, and the seconds until it is known."""
    began = time.monotonic()
    accuracy = plain_script(train, validation, padded=True, epochs=PADDED_EPOCHS)
    return accuracy, time.monotonic() - began


def qnli(services: Services) -> Row:
    """Train on four fifths of the sentence pairs and score the last fifth, five times, beside a plain script."""
    what = f"qnli, sentence pairs, {FOLDS} folds of 1,500 rows, mean accuracy"
    wanted = f"at least that of a plain script, {SCRIPT_EPOCHS} epochs, its best learning rate of {len(RATES)}"
    if not (DATA / "qnli").is_dir():
        return skipped(what, wanted, NO_DATA)
    rows = _read(DATA / "qnli" / "dev_1500.csv", "question", "sentence", "label")
    folds = _folds([row[-1] for row in rows])
    ours = [_fold(services, rows, held_out) for held_out in folds]
    print("ours", _mean(ours), flush=True)  # noqa: T201 - the script takes an hour more
    script: dict[float, list[float]] = {}
    for rate in RATES:
        script[rate] = [_script_fold(rows, held_out, rate) for held_out in folds]
        print(f"script, {rate:g}", _mean(script[rate]), flush=True)  # noqa: T201
    best = max(script, key=lambda rate: statistics.mean(script[rate]))
    return Row(
        what,
        f"{_mean(ours)}; script {_mean(script[best])} at {best:g}",
        wanted,
        statistics.mean(ours) >= statistics.mean(script[best]),
    )


def _folds(labels: Sequence[str]) -> list[set[int]]:
    """Return the held-out positions of each fold."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=FOLD_SEED)
    return [set(held_out.tolist()) for _, held_out in folds.split(labels, labels)]


def _parts(rows: Texts, held_out: set[int]) -> tuple[Texts, Texts]:
    train = [row for at, row in enumerate(rows) if at not in held_out]
    return train, [row for at, row in enumerate(rows) if at in held_out]


def _fold(services: Services, rows: Texts, held_out: set[int]) -> float:
    """Return the accuracy of a run with the defaults on the fold, which is its test set: it chooses nothing."""
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / f"{part}.csv" for part in ("train", "test")]
        for file, part in zip(files, _parts(rows, held_out), strict=True):
            write(file, ("question", "sentence", "label"), part)
        status = train_to_end(services, replace(_pairs(files[0]), test=str(files[1]), test_name="test.csv"))
        return float(status.metrics["accuracy"]["value"] or 0.0)


def _pairs(train: Path) -> RunRequest:
    return RunRequest(
        task="pair",
        columns={"text": "question", "pair": "sentence", "label": "label"},
        checkpoint="bundled",
        config=RunConfig(),
        data=str(train),
        data_name=train.name,
    )


def _script_fold(rows: Texts, held_out: set[int], rate: float) -> float:
    return plain_script(*_parts(rows, held_out), learning_rate=rate, epochs=SCRIPT_EPOCHS, warmup_steps=0.1, **_fast())


def _fast() -> Mapping[str, Any]:
    """Return flags that change the time of Trainer and hardly its accuracy."""
    here = cpu()
    by_length = {"train_sampling_strategy": "group_by_length", "length_column_name": "length"}
    return {**by_length, "bf16": precision_for(here, "auto") == "bfloat16"}


def plain_script(train: Texts, validation: Texts, *, epochs: int, padded: bool = False, **flags: Any) -> float:
    """Return the validation accuracy after the last epoch of a plain script on transformers and the bundled model.

    Each row is (text, label) or (text, second text, label). With `padded` every row has PADDED_LENGTH tokens.
    """
    from transformers import AutoTokenizer, BertForSequenceClassification, DataCollatorWithPadding, Trainer

    folder = bundled.folder()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    labels = sorted({row[-1] for row in train})
    model = BertForSequenceClassification.from_pretrained(folder, num_labels=len(labels), dtype="float32")
    trainer = Trainer(
        model=model,
        args=_arguments(epochs, **flags),
        train_dataset=_encoded(train, tokenizer, labels, padded=padded),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    trainer.train()
    prediction = trainer.predict(_encoded(validation, tokenizer, labels, padded=padded))
    return float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())


def _arguments(epochs: int, **flags: Any) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=2 * BATCH,
        num_train_epochs=epochs,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        **flags,
    )


def _encoded(rows: Texts, tokenizer: Any, labels: Sequence[str], *, padded: bool) -> Any:
    from datasets import Dataset

    texts = [list(column) for column in zip(*rows, strict=True)][:-1]
    columns = dict(
        tokenizer(*texts, truncation=True, max_length=PADDED_LENGTH, padding="max_length" if padded else False)
    )
    columns["labels"] = [labels.index(row[-1]) for row in rows]
    columns["length"] = [len(ids) for ids in columns["input_ids"]]
    return Dataset.from_dict(columns)


def _read(path: Path, *columns: str) -> Texts:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row[column] for column in columns) for row in csv.DictReader(file)]


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"
