"""The script of a run: alone on the same machine it gives the predictions of the run, row by row."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.errors import RunUnknown, ScriptMissing, TaskWithoutScript
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.worker.record import FILE, Record
from bertdemo.settings import Limits, Settings
from bertdemo.sharing.script.bundle import export_script
from bertdemo.sharing.script.measured import STOPPED, STOPPED_ON
from bertdemo.sharing.script.run import run_of
from bertdemo.sharing.script.task_code import CODE
from bertdemo.sharing.script.writer import MOST_LINES, script_text
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for, write_csv
from tests.runs.support import rows_of as labeled_rows
from tests.runs.test_every_task import request_of
from tests.sharing.repeating import linted, rows_of, run_alone, unpacked

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

# Everything that a script may have to repeat at once, so that its length is the longest.
EVERYTHING: Mapping[str, Any] = {
    "precision": "bfloat16", "head_init": "probe", "keep": "both", "max_length": 12, "class_weights": "balanced",
    "label_smoothing": 0.1, "early_stopping": 1, "layer_decay": 0.9, "frozen_layers": 1, "accumulation": 3,
    "gradient_checkpointing": True, "epochs": 4,
}  # fmt: skip
RUNS: Mapping[str, Mapping[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "everything": EVERYTHING,
    "lora": {"lora_rank": 4, "precision": "bfloat16", "learning_rate": 1e-2, "keep": "tail", "max_length": 10},
    "random_order": {"group_by_length": False, "embeddings": "train", "learning_rate": 3e-3, "seed": 7},
    "frozen": {"frozen_layers": 1, "epochs": 1, "dropout": 0.2},
    "frozen_and_kept": {"frozen_layers": 1, "epochs": 3, "precision": "bfloat16", "pooling": "mean"},
    "linear_probe": {"method": "regression", "layers": 1},
    "few_shot_whole": {"method": "contrastive", "batch_size": 128, "precision": "bfloat16", "dropout": 0.2},
    "mean_of_one_layer": {"layers": 1, "pooling": "mean", "dropout": 0.0, "learning_rate": 1e-3},
    "few_shot_drawn": {"method": "contrastive", "batch_size": 16},
}


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    """A file with three times as many rows of one label, of different lengths."""
    rows = [row for at, row in enumerate(labeled_rows(120)) if row[1] == "yes" or at % 3 == 0]
    return write_csv(tmp_path / "uneven.csv", rows)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A file of sentence pairs, of which some are too long."""
    texts = [text for text, _ in labeled_rows(60)]
    rows = [(text, texts[-at - 1], ("no", "yes")[at % 2]) for at, text in enumerate(texts)]
    return write_csv(tmp_path / "pairs.csv", rows, ("text", "pair", "label"))


def pair_request(data: Path, **config: Any) -> RunRequest:
    columns = {"text": "text", "pair": "pair", "label": "label"}
    return replace(request_for(data, config=config), task="pair", columns=columns)


def test_scripts_alone_give_the_predictions_of_their_runs_row_by_row(
    work: Work, uneven: Path, pairs: Path, registry: Registry, tiny: Path, tmp_path: Path
) -> None:
    requests = {name: request_for(uneven, config=config) for name, config in RUNS.items()}
    # One with a test set: then the predictions are of that.
    requests["test_file"] = request_for(uneven, test=str(pairs), test_name="pairs.csv")
    for keep in ("head", "tail", "both"):
        requests[f"pair_{keep}"] = pair_request(pairs, keep=keep, max_length=13)
    requests["multi_label"] = request_of("multi_label", epochs=2, learning_rate=1e-3, precision="bfloat16")
    runs = {name: work(request) for name, request in requests.items()}
    folders = {name: unpacked(run, registry, tiny, tmp_path / name) for name, run in runs.items()}
    run_alone(list(folders.values()))
    for name, run in runs.items():
        own, repeated = rows_of(run / "evaluation.jsonl"), rows_of(folders[name] / "predictions.jsonl")
        assert own.keys() == repeated.keys() and len(own) > 10, name
        for row, prediction in repeated.items():
            expected = {key: own[row][key] for key in prediction}
            if Record.read(run).kept_outputs:  # type: ignore[union-attr]
                expected["confidence"] = pytest.approx(expected["confidence"], abs=0.01)  # rounding of bfloat16
            assert prediction == expected, (name, row)
        text = (folders[name] / "train.py").read_text(encoding="utf-8")
        assert text.count("\n") <= MOST_LINES, name
    linted([folder / "train.py" for folder in folders.values()])


@pytest.fixture
def run(work: Work, data: Path) -> Path:
    """A run of 60 rows."""
    return work(request_for(data, name="my 'run'\n", config={"epochs": 1}))


def test_a_run_is_repeated_from_its_folder_alone(
    run: Path, registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    elsewhere = replace(own_settings, home=tmp_path / "elsewhere")
    shutil.copytree(run, elsewhere.runs / run.name)
    for name in ("encoded", "best", "worker.log", "split.json", "evaluation.jsonl"):
        path = elsewhere.runs / run.name / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    here = export_script(run.name, "", registry, Limits(), tmp_path / "here.zip")
    there = export_script(run.name, "", Registry(elsewhere), Limits(), tmp_path / "there.zip")
    assert here.read_bytes() == there.read_bytes()


def test_the_record_has_every_setting_resolved_and_the_versions(run: Path) -> None:
    record = Record.read(run)
    started = events_of(run, ev.Started)[0]
    assert record and record.config == started.config
    # Open means what the checkpoint has.
    assert {name for name, value in record.config.items() if value is None} == {"layers", "dropout"}
    assert (record.labels, record.precision, record.threads, record.metric) == (
        started.labels,
        "float32",
        1,
        "accuracy",
    )
    assert record.rows == {"train": 48, "validation": 12}
    assert {"torch", "transformers", "accelerate", "numpy"} <= record.versions.keys()
    text = (run / FILE).read_text(encoding="utf-8")
    assert json.loads(text)["base"]["id"] == "local:tiny"


def test_the_zip_names_no_owner_and_no_path_and_has_the_commands(
    run: Path, registry: Registry, own_settings: Settings, data: Path, tmp_path: Path
) -> None:
    import hashlib

    with zipfile.ZipFile(export_script(run.name, "", registry, Limits(), tmp_path / "out.zip")) as archive:
        assert set(archive.namelist()) == {
            "train.py", "README.md", "train.jsonl", "validation.jsonl", "head_at_start.safetensors",
        }  # fmt: skip
        secrets = [str(own_settings.home), str(data.parent), "/tmp/", hashlib.sha256(b"").hexdigest()]
        for name in archive.namelist():
            assert not [secret for secret in secrets if secret.encode() in archive.read(name)], name
        readme = archive.read("README.md").decode()
        rows = [json.loads(line) for line in archive.read("train.jsonl").splitlines()]
    assert "pip install torch==" in readme and "python train.py" in readme and "into the folder base/" in readme
    numbers = json.loads((run / "split.json").read_text(encoding="utf-8"))["train"]["rows"]
    assert [row["row"] for row in rows] == numbers and set(rows[0]) == {"row", "text", "label"}


def test_only_its_owner_gets_a_script_and_an_older_run_has_none(run: Path, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RunUnknown):
        export_script(run.name, "somebody else", registry, Limits(), tmp_path / "no.zip")
    assert not (tmp_path / "no.zip").exists()
    (run / FILE).unlink()
    with pytest.raises(ScriptMissing):
        run_of(registry, run.name, "")


def test_a_task_without_script_is_refused_by_its_name(run: Path, registry: Registry) -> None:
    record = Record.read(run)
    assert record and set(tasks.TASKS) - set(CODE) == {"question_answering"}
    replace(record, task="question_answering").write(run)
    with pytest.raises(TaskWithoutScript) as refused:
        run_of(registry, run.name, "")
    assert refused.value.values == {"task": "question_answering"}


def test_labels_are_values_and_never_code(run: Path, registry: Registry) -> None:
    labels = ("'); import os; ('", '"""', "{loss}", "a\nb", "\\", "是")
    named = run_of(registry, run.name, "")
    text = script_text(replace(named, record=replace(named.record, labels=labels)))
    line = next(line for line in text.splitlines() if line.startswith("LABELS"))
    values: dict[str, Any] = {}
    exec(line, values)  # noqa: S102 - it is what is tested
    assert tuple(values["LABELS"]) == labels
    compile(text, "train.py", "exec")
    many = script_text(replace(named, record=replace(named.record, labels=tuple(f"label {at}" for at in range(77)))))
    assert 'json.load(open("labels.json"' in many


def test_what_a_script_cannot_repeat_stands_above_it_with_the_measured_difference(
    run: Path, registry: Registry
) -> None:
    named = run_of(registry, run.name, "")
    assert "Not exactly" not in script_text(named)
    stopped = " ".join(script_text(replace(named, stopped_at=7)).split())
    assert "Not exactly: the run was stopped at step 7" in stopped
    assert f"was measured on {STOPPED_ON}: {STOPPED}." in stopped
    on_gpu = script_text(replace(named, record=replace(named.record, device="cuda")))
    assert "Not exactly: on a GPU" in on_gpu and "use_cpu" not in on_gpu


def test_the_difference_that_scripts_quote_is_in_the_benchmarks() -> None:
    _, *tables = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split("\n## ")
    assert [table for table in tables if table.startswith(STOPPED_ON) and STOPPED in table]
