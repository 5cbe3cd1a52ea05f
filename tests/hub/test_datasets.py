"""Data sets of the Hub, over real HTTP from the stand-in: every answer that it can give, and the files as tables."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.errors import (
    HubDataBroken,
    HubDataCutOff,
    HubDataGated,
    HubDataMalformed,
    HubDataNotFound,
    HubDataPartUnknown,
    HubDataTooLarge,
    HubDataUnreachable,
    HubDataWithoutTable,
    ShardsDiffer,
)
from bertdemo.hub import datasets
from bertdemo.hub.datasets import HubData
from bertdemo.hub.progress import DownloadProgress
from bertdemo.settings import Settings
from bertdemo.tables import table_files
from tests.hub_double import HubDouble

CSV = b"text,label\ngood film,yes\nbad film,no\n"
CARD = b"""---
license: mit
configs:
- config_name: plain
  data_files:
  - split: train
    path: "plain/part-*"
  - split: validation
    path: ["plain/dev.csv"]
- config_name: short
  data_files: short.csv
---
# Reviews
"""


def parquet(rows: int, first: int = 0, names: tuple[str, ...] = ()) -> bytes:
    """A file of texts and labels; with `names` the labels are numbers that stand for them, as `datasets` writes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels: list[object] = [i % 2 for i in range(rows)] if names else ["yes", "no"] * (rows // 2)
    table = pa.table({"text": [f"film number {first + i}" for i in range(rows)], "label": labels})
    if names:
        features = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


@pytest.fixture
def hub() -> Iterator[HubDouble]:
    with HubDouble() as hub:
        yield hub


@pytest.fixture
def data(settings: Settings, hub: HubDouble) -> HubData:
    return HubData(replace(settings, hub_endpoint=hub.url))


def parts(data: HubData, name: str) -> dict[str, list[str]]:
    return {part.id: [file.name for file in part.files] for part in data.look(name).parts}


def test_parts_are_named_by_files_and_folders_where_the_card_says_nothing(data: HubData, hub: HubDouble) -> None:
    shards = ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    names = [f"data/{shard}.parquet" for shard in shards]
    hub.add_data("owner/films", dict.fromkeys((*names, ".hidden/train.csv", "dataset_infos.json", "films.py"), CSV))
    assert parts(data, "owner/films") == {"default/train": names[:2], "default/test": [names[2]]}
    hub.add_data("owner/langs", dict.fromkeys(("en/train.csv", "en/dev.csv", "zh/train.csv", "README.md"), CSV))
    assert parts(data, "owner/langs") == {
        "en/train": ["en/train.csv"], "zh/train": ["zh/train.csv"], "en/validation": ["en/dev.csv"]
    }  # fmt: skip


def test_the_card_names_configurations_and_parts(data: HubData, hub: HubDouble) -> None:
    files = {
        "README.md": CARD,
        **dict.fromkeys(("plain/part-1.csv", "plain/part-2.csv", "plain/dev.csv", "short.csv"), CSV),
    }
    hub.add_data("owner/carded", files)
    assert parts(data, "owner/carded") == {
        "plain/train": ["plain/part-1.csv", "plain/part-2.csv"],
        "short/train": ["short.csv"],
        "plain/validation": ["plain/dev.csv"],
    }


@pytest.mark.parametrize(
    "card",
    [b"no front matter", b"---\n: [\n---\n", b"---\nconfigs: 3\n---\n",
     b"---\nconfigs:\n- 4\n- data_files: {a: b}\n---\n",
     b"\xff\xfe", b"---\n- a\n---\n"],
)  # fmt: skip
def test_a_card_that_says_nothing_of_use_leaves_it_to_the_names(data: HubData, hub: HubDouble, card: bytes) -> None:
    hub.add_data("owner/odd", {"README.md": card, "train.csv": CSV})
    assert parts(data, "owner/odd") == {"default/train": ["train.csv"]}


def test_the_same_rows_in_two_formats_are_taken_once(data: HubData, hub: HubDouble) -> None:
    hub.add_data("owner/twice", {"train.csv": CSV, "train.parquet": parquet(4), "test.json": b"[]"})
    assert parts(data, "owner/twice") == {"default/train": ["train.parquet"], "default/test": ["test.json"]}


def test_one_file_is_fetched_by_commit_and_read(
    data: HubData, hub: HubDouble, tmp_path: Path, settings: Settings
) -> None:
    names = ("negative", "positive")
    repository = hub.add_data("owner/films", {"data/train.parquet": parquet(6, names=names), "data/test.csv": CSV})
    found, seen = data.look("owner/films"), list[DownloadProgress]()
    assert found.commit == repository.commit
    path, name = data.fetch(found, "default/train", tmp_path, seen.append)
    assert name == "films-train.parquet" and seen[-1].share == 1.0
    assert any(f"/resolve/{found.commit}/" in asked for _, asked in hub.requests)
    table = table_files.read(path, name, settings.limits)
    assert table.columns["label"] == ("negative", "positive") * 3  # the names, not the numbers


def test_several_files_of_a_part_are_one_table_in_their_order(
    data: HubData, hub: HubDouble, tmp_path: Path, settings: Settings
) -> None:
    files = {f"data/train-0000{i}-of-00003.parquet": parquet(4, 4 * i) for i in range(3)}
    hub.add_data("owner/films", files)
    path, name = data.fetch(data.look("owner/films"), "default/train", tmp_path)
    table = table_files.read(path, name, settings.limits)
    assert name == "films-train.zip"
    assert table.columns["text"] == tuple(f"film number {i}" for i in range(12))
    assert table.row_numbers == tuple(range(1, 13))
    assert [(note.code, note.values["shards"]) for note in table.notes] == [("archive_shards", 3)]


def test_files_of_a_part_with_other_columns_are_refused(
    data: HubData, hub: HubDouble, tmp_path: Path, settings: Settings
) -> None:
    hub.add_data("owner/films", {"train-00000-of-00002.csv": CSV, "train-00001-of-00002.csv": b"a,b,c\n1 x,2,3\n"})
    path, name = data.fetch(data.look("owner/films"), "default/train", tmp_path)
    with pytest.raises(ShardsDiffer) as told:
        table_files.read(path, name, settings.limits)
    assert told.value.values["columns"] == "a, b, c" and told.value.values["expected"] == "text, label"


@pytest.mark.parametrize(
    ("how", "error"), [("not_found", HubDataNotFound), ("gated", HubDataGated), ("error_500", HubDataUnreachable)]
)  # fmt: skip
def test_what_the_hub_refuses_is_said(data: HubData, hub: HubDouble, how: str, error: type[Exception]) -> None:
    hub.add_data("owner/films", {"train.csv": CSV})
    hub.fail("datasets/owner/films", how)  # type: ignore[arg-type]
    with pytest.raises(error):
        data.look("owner/films")


def test_a_model_is_no_data_set_and_a_script_is_never_looked_at(data: HubData, hub: HubDouble) -> None:
    with pytest.raises(HubDataNotFound):
        data.look("owner/films")
    hub.add_data("owner/scripted", {"scripted.py": b"import os", "README.md": b"# hi", "rows.csv.gz": b"x"})
    with pytest.raises(HubDataWithoutTable) as told:
        data.look("owner/scripted")
    assert "scripted.py" in str(told.value.values["files"])
    assert hub.count(".py") == 0


def test_a_broken_download_a_false_size_and_a_false_part_are_said(
    data: HubData, hub: HubDouble, tmp_path: Path, settings: Settings
) -> None:
    hub.add_data("owner/films", {"train.csv": CSV * 5000})
    found = data.look("owner/films")
    with pytest.raises(HubDataPartUnknown) as told:
        data.fetch(found, "default/test", tmp_path)
    assert told.value.values["parts"] == "default/train"
    hub.fail("datasets/owner/films", "cut_off", times=1, dead=True)
    with pytest.raises(HubDataCutOff):
        data.fetch(found, "default/train", tmp_path)
    hub.fail("datasets/owner/films", None)
    hub.repositories["datasets/owner/films"].files["train.csv"] = (CSV * 5000).replace(b"good", b"fine")
    with pytest.raises((HubDataBroken, HubDataCutOff)):
        data.fetch(found, "default/train", tmp_path)
    small = HubData(replace(settings, hub_endpoint=hub.url, limits=replace(settings.limits, file_bytes=1000)))
    with pytest.raises(HubDataTooLarge):
        small.fetch(found, "default/train", tmp_path)
    assert not list(tmp_path.glob("*.csv"))


@pytest.mark.parametrize("name", ["imdb", "../../etc", "a/b/c", "http://host/x", "", "a b/c"])
def test_only_owner_slash_name_goes_to_the_hub(data: HubData, hub: HubDouble, name: str) -> None:
    with pytest.raises(HubDataMalformed):
        data.look(name)
    assert not hub.requests


def test_an_offline_server_says_so(settings: Settings) -> None:
    with pytest.raises(HubDataUnreachable):
        HubData(replace(settings, hub_offline=True)).look("owner/films")


def test_a_pattern_of_a_card_cannot_leave_the_repository() -> None:
    card = {"configs": [{"data_files": ["../../etc/passwd", "/etc/*", "train.csv"]}]}
    assert datasets.from_card(card, ["train.csv"]) == {"train.csv": ("default", "train")}


class Unspeakable(dict[str, str]):
    """Stands for what references in YAML can grow to: it must not be written out."""

    def __str__(self) -> str:
        raise AssertionError("written out")

    __repr__ = __str__


def test_what_is_no_short_text_in_a_card_is_passed_over() -> None:
    odd = Unspeakable(other="a.csv")
    files: list[object] = [
        odd, 7, "x" * 501, {"path": odd}, {"split": odd, "path": "a.csv"}, {"split": "s" * 101, "path": "a.csv"},
        {"split": "test", "path": [odd, None, "b.csv"]}, {"split": None, "path": "c.csv"},
    ]  # fmt: skip
    configs = [odd, {"config_name": odd, "data_files": "a.csv"}, {"config_name": "n" * 101, "data_files": "a.csv"},
               {"config_name": "good", "data_files": files}]  # fmt: skip
    found = datasets.from_card({"configs": configs}, ["a.csv", "b.csv", "c.csv"])
    assert found == {"b.csv": ("good", "test"), "c.csv": ("good", "train")}
    assert datasets.from_card({"configs": [{"data_files": ["a.csv"] * 5_000}] * 5_000}, ["a.csv"]) == {
        "a.csv": ("default", "train")
    }


@pytest.mark.parametrize(
    "metadata",
    [
        b"a: [", b"- 1", b"a: !!timestamp x", b"a: !!bool x", b'a: !!int ""', b"a: 2024-13-45", b"a: *x",
        b"a: " + b"[" * 3_000, b"a: \x00", b"a: \xff", b"? [a]\n: 1",
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_read_says_nothing(metadata: bytes, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_bytes(b"---\n" + metadata + b"\n---\n# Reviews\n")
    assert datasets._metadata(card) == {}


def test_a_fault_of_ours_is_not_taken_for_a_card_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.metadata_load", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        datasets._metadata(tmp_path / "README.md")
