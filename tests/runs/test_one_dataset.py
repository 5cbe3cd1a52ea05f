"""The page, the API, the run and its result name the same rows, and all of them read the rows once."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.dataset import cleaning, fingerprints, prepared
from bertdemo.dataset.kept_tokens import KeptTokenizer
from bertdemo.device import DeviceReport, cpu
from bertdemo.runs import admission
from bertdemo.runs.registry import Registry
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.tables.table import Table
from bertdemo.ui.api.arguments import request_of
from bertdemo.ui.api.endpoints import Endpoints
from bertdemo.ui.fine_tune.dataset_state import ChosenData, Picked, Source
from tests.runs.conftest import Work
from tests.runs.support import request_for, write_csv

pytestmark = pytest.mark.slow
PICKED = Picked("classification", "text", "", "label")


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """400 rows over 150 texts of 2 to 20 copies each."""
    draw = random.Random(5)
    copies = [2] * 150
    while sum(copies) < 400:
        text = draw.randrange(150)
        copies[text] = min(20, copies[text] + draw.randint(1, min(18, 400 - sum(copies))))
    rows = [(f"the film {text} is {('bad', 'good')[text % 2]}", ("no", "yes")[text % 2])
            for text, count in enumerate(copies) for _ in range(count)]  # fmt: skip
    draw.shuffle(rows)
    return write_csv(tmp_path / "repeated.csv", rows)


def test_report_api_run_and_result_name_the_same_rows(
    repeated: Path, own_settings: Settings, registry: Registry, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    read = fingerprints.fingerprint_rows

    def counting(table: Table, *arguments: Any) -> Any:
        passes.append(table.rows)
        return read(table, *arguments)

    monkeypatch.setattr(cleaning, "fingerprint_rows", counting)
    monkeypatch.setattr(prepared, "fingerprint_rows", counting)
    tokenized: Counter[str] = Counter()
    encode = SharedTokenizer.encode_batch

    def tokenizing(own: SharedTokenizer, texts: Sequence[str], *arguments: Any, **named: Any) -> Any:
        tokenized.update(texts)
        return encode(own, texts, *arguments, **named)

    monkeypatch.setattr(SharedTokenizer, "encode_batch", tokenizing)
    services = Services.create(own_settings)
    shown = ChosenData(services).view(Source(str(repeated), repeated.name), PICKED, "local:tiny", "", "en").facts
    endpoints = Endpoints(services)
    checked = endpoints._prepared(request_of(str(repeated), "classification", {"text": "text", "label": "label"}, None))
    request = replace(request_for(repeated), task="classification", columns={"text": "text", "label": "label"})
    admitted = admission.checked(request, services.datasets, own_settings.limits)
    assert admitted is checked
    rows = {name: part.numbers for name, part in admitted.parts.items()}
    assert shown is not None and shown.split == {name: len(numbers) for name, numbers in rows.items()}
    assert abs(len(rows["validation"]) - 80) <= 12 and not rows["test"]
    kept = services.datasets.tokenizer(admitted, services.catalogue.tokenizer(request.checkpoint, ""))
    monkeypatch.setattr(
        registry, "create", lambda asked, owner: Registry.create(registry, asked, owner, admitted, kept)
    )
    folder = work(request)
    stored = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    assert {name: part["rows"] for name, part in stored.items()} == rows
    lines = (folder / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["row"] for line in lines) == rows["validation"]
    assert passes == [400]
    assert len(tokenized) == 150 and set(tokenized.values()) == {1}  # each text, from the upload to the result
    assert not (folder / "tokens").exists()


def test_start_hands_the_tokens_of_the_report_to_the_run(repeated: Path, own_settings: Settings) -> None:
    services = Services.create(own_settings)
    services.admission.devices_found(DeviceReport((cpu(),)))
    columns = {"text": "text", "label": "label"}
    Endpoints(services).check_data(str(repeated), "classification", columns)
    request = replace(request_for(repeated, checkpoint="bundled"), task="classification", columns=columns)
    folder = services.registry.folder(services.admission.start(request, ""))
    kept = KeptTokenizer.open(services.catalogue.tokenizer("bundled", ""), folder / "tokens")
    assert len(kept._spans) == 150
    services.close()


def test_a_folder_without_a_stored_dataset_trains_on_the_same_rows(repeated: Path, work: Work) -> None:
    folder = work(request_for(repeated))
    assert not (folder / "dataset.json").exists()
    kept = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    assert abs(len(kept["validation"]["rows"]) - 80) <= 12
