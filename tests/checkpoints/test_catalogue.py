"""What is listed, who may see it, and how a trained checkpoint appears and goes."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bertdemo import tasks
from bertdemo.checkpoints import Card, Catalogue, CheckpointInfo, bundled, hub_models
from bertdemo.checkpoints.info import CAPABILITIES, owner_sha256
from bertdemo.errors import CheckpointBroken, CheckpointIdMalformed, CheckpointUnknown
from bertdemo.processes import file_sha256
from bertdemo.settings import Settings
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint

ANNA, BEN = "anna" * 8, "ben" * 10


def make_card(checkpoint: str, owner: str, **changes: object) -> Card:
    card = Card(
        id=checkpoint, owner=owner_sha256(owner), name="Reviews", task="classification",
        labels=("bad", "good"), columns={"text": "review", "label": "stars"}, base="bundled",
        base_sha256=bundled.SHA256, base_commit=None, data_name="评论.csv", data_sha256="0" * 64, rows=40,
        config={"epochs": 3, "device": "cpu"}, metrics={"macro_f1": {"value": 0.8, "low": 0.7, "high": 0.9}},
        evaluated_on="validation", versions={"torch": "2.13.0"}, created=100.0, run="r1", language="en", pooling=None,
        max_length=64, evaluated=True,
    )  # fmt: skip
    return replace(card, **changes)  # type: ignore[arg-type]


@pytest.fixture
def trained(catalogue: Catalogue, tiny_classifier: Path) -> Catalogue:
    for checkpoint, owner, created in (("a1", ANNA, 100.0), ("a2", ANNA, 200.0), ("b1", BEN, 300.0)):
        save(catalogue, tiny_classifier, make_card(checkpoint, owner, created=created))
    return catalogue


def save(catalogue: Catalogue, source: Path, card: Card) -> None:
    draft = catalogue.new_draft()
    shutil.copytree(source, draft, dirs_exist_ok=True)
    catalogue.save(draft, card)


def ids(infos: list[CheckpointInfo]) -> list[str]:
    return [info.id for info in infos]


def test_the_list_has_the_bundled_one_then_known_berts(settings: Settings) -> None:
    infos = Catalogue(settings).list("")
    assert ids(infos) == [
        "bundled", "google-bert/bert-base-uncased", "google-bert/bert-base-cased", "google-bert/bert-base-chinese",
        "google-bert/bert-base-multilingual-cased", "google/bert_uncased_L-2_H-128_A-2",
        "google/bert_uncased_L-4_H-256_A-4", "google/bert_uncased_L-4_H-512_A-8", "google/bert_uncased_L-8_H-512_A-8",
    ]  # fmt: skip
    assert [info.ready for info in infos] == [True] + [False] * 8
    assert all({*info.can, *info.cannot} == set(CAPABILITIES) and not {*info.can} & {*info.cannot} for info in infos)


def test_the_parameters_of_known_berts_are_the_published_ones() -> None:
    millions = {name: round(hub_models.info(name).parameters / 1e6, 1) for name in hub_models.KNOWN}
    assert len(millions) == 28
    assert millions["google-bert/bert-base-uncased"] == 109.5
    assert millions["google-bert/bert-base-chinese"] == 102.3
    assert millions["google/bert_uncased_L-2_H-128_A-2"] == 4.4
    assert millions["google/bert_uncased_L-4_H-256_A-4"] == 11.2
    assert millions["google/bert_uncased_L-8_H-512_A-8"] == 41.4


def test_a_known_bert_is_described_without_a_request(catalogue: Catalogue, hub: HubDouble) -> None:
    info = catalogue.describe("google-bert/bert-base-chinese", "")
    assert (info.language, info.ready) == ("zh", False) and "chinese" in info.can
    assert not hub.requests


def test_an_unlisted_miniature_can_be_typed(catalogue: Catalogue) -> None:
    assert catalogue.describe("google/bert_uncased_L-12_H-128_A-2", "").layers == 12


def test_an_operators_folder_is_listed_with_what_its_files_say(settings: Settings, tmp_path: Path) -> None:
    chinese = build_tiny_checkpoint(tmp_path / "zh", chinese=True, head="mlm")
    labeled = build_tiny_checkpoint(tmp_path / "labeled", head="classification", labels=("x", "y", "z"))
    broken = tmp_path / "broken"
    broken.mkdir()
    catalogue = Catalogue(replace(settings, checkpoint_folders=(chinese, labeled, broken)))
    infos = {info.id: info for info in catalogue.list("") if info.source == "local"}
    assert list(infos) == ["local:labeled", "local:zh"]
    assert infos["local:zh"].language == "zh" and {"chinese", "fill_mask"} <= set(infos["local:zh"].can)
    assert infos["local:labeled"].labels == ("x", "y", "z")
    assert tasks.for_checkpoint(infos["local:labeled"]) is tasks.find("classification")
    assert catalogue.folder("local:zh", "") == chinese
    with pytest.raises(CheckpointBroken):
        catalogue.describe("local:broken", "")


def test_each_owner_lists_only_their_own_newest_first(trained: Catalogue) -> None:
    assert ids(trained.list(ANNA))[1:3] == ["a2", "a1"]
    assert ids(trained.list(BEN))[1] == "b1"
    assert ids(trained.list(""))[1].startswith("google")


def test_another_name_is_seen_at_once_and_nobody_else_can_give_it(trained: Catalogue) -> None:
    before = trained.card("a1", ANNA)
    assert before is not None
    trained.rename("a1", ANNA, "新名字 & <b>")
    after = trained.card("a1", ANNA)
    assert after == replace(before, name="新名字 & <b>")
    assert trained.describe("a1", ANNA).name == "新名字 & <b>"
    with pytest.raises(CheckpointUnknown):
        trained.rename("a1", BEN, "mine now")
    assert trained.card("a1", ANNA) == after


@pytest.mark.parametrize("call", ["describe", "folder", "tokenizer", "card", "delete", "origin"])
def test_another_owners_checkpoint_is_answered_like_an_unknown_one(trained: Catalogue, call: str) -> None:
    answers = []
    for checkpoint in ("b1", "no"):
        with pytest.raises(CheckpointUnknown) as caught:
            getattr(trained, call)(checkpoint, ANNA)
        answers.append({**caught.value.values, "checkpoint": None})
    assert answers[0] == answers[1]
    assert trained.owns("b1", BEN) and not trained.owns("b1", ANNA) and not trained.owns("no", ANNA)


@pytest.mark.parametrize("checkpoint", ["..", "../b1", ".tmp-x", "A1", "a" * 65, "", "b1\0", "b1/../b1", "local:../x"])
def test_an_id_cannot_leave_the_folder(trained: Catalogue, checkpoint: str) -> None:
    with pytest.raises((CheckpointUnknown, CheckpointIdMalformed)):
        trained.describe(checkpoint, BEN)


def test_a_trained_checkpoint_is_described_by_its_card(trained: Catalogue) -> None:
    info = trained.describe("a1", ANNA)
    assert (info.name, info.task, info.labels) == ("Reviews", "classification", ("bad", "good"))
    assert (info.base, info.run, info.metric, info.created) == ("bundled", "r1", 0.8, 100.0)
    assert info.source == "trained" and info.ready and "labels" in info.can and info.cased is False


def test_a_card_comes_back_as_it_was_saved(trained: Catalogue) -> None:
    card = make_card("a1", ANNA)
    assert trained.card("a1", ANNA) == card
    assert trained.card("bundled", ANNA) is None
    assert ANNA not in (trained.folder("a1", ANNA) / "card.json").read_text()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1}', '{"schema": []}', '{"schema": 1, "labels": null}']
)
def test_a_card_of_no_known_schema_is_broken(text: str) -> None:
    with pytest.raises(CheckpointBroken):
        Card.from_json(text, checkpoint="x")


def test_a_card_comes_back_as_it_was_and_an_older_one_without_its_later_fields() -> None:
    card = make_card("a1", "")
    raw = json.loads(card.to_json())
    assert Card.from_json(card.to_json(), checkpoint="a1") == card
    older = {name: value for name, value in raw.items() if name not in {"cleaning", "relabel"}}
    assert Card.from_json(json.dumps(older), checkpoint="a1") == card
    named = {**older, "mends": ["drop_missing"], "relabels": {"4": "good"}}
    read = Card.from_json(json.dumps(named), checkpoint="a1")
    assert (read.cleaning, read.relabel) == (("drop_missing",), {"4": "good"})


@pytest.mark.parametrize(
    "change",
    [{"labels": "good"}, {"labels": [1]}, {"columns": ["text"]}, {"metrics": {"f1": 0.5}}, {"rows": "many"},
     {"language": "xx"}, {"config": None}, {"max_length": None}],
)  # fmt: skip
def test_a_card_with_a_value_of_another_type_is_broken(change: dict[str, object]) -> None:
    raw = json.loads(make_card("a1", "").to_json())
    with pytest.raises(CheckpointBroken):
        Card.from_json(json.dumps({**raw, **change}), checkpoint="x")


def test_every_field_of_a_card_is_saved() -> None:
    card = make_card("a1", "")
    assert set(json.loads(card.to_json())) == {"schema", *asdict(card)}


def test_saving_leaves_no_draft_and_deleting_leaves_nothing(trained: Catalogue, online: Settings) -> None:
    trained.delete("a1", ANNA)
    with pytest.raises(CheckpointUnknown):
        trained.folder("a1", ANNA)
    assert {path.name for path in online.trained.iterdir()} == {"a2", "b1"}


def test_a_draft_is_never_listed(trained: Catalogue, tiny_classifier: Path) -> None:
    draft = trained.new_draft()
    shutil.copytree(tiny_classifier, draft, dirs_exist_ok=True)
    (draft / "card.json").write_text(make_card(draft.name, ANNA).to_json())
    assert draft.name not in ids(trained.list(ANNA))


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizers"])
def test_an_incomplete_draft_is_not_published(catalogue: Catalogue, tiny_classifier: Path, missing: str) -> None:
    draft = catalogue.new_draft()
    shutil.copytree(tiny_classifier, draft, dirs_exist_ok=True)
    for name in ("tokenizer.json", "vocab.txt") if missing == "tokenizers" else (missing,):
        (draft / name).unlink()
    with pytest.raises(CheckpointBroken):
        catalogue.save(draft, make_card("a1", ANNA))
    with pytest.raises(CheckpointUnknown):
        catalogue.folder("a1", ANNA)


def test_a_crash_before_the_last_step_publishes_nothing(
    catalogue: Catalogue, tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(catalogue, tiny_classifier, make_card("a1", ANNA))
    monkeypatch.undo()
    assert not catalogue.owns("a1", ANNA)


def test_the_same_run_may_save_again_and_another_may_not(trained: Catalogue, tiny_classifier: Path) -> None:
    save(trained, tiny_classifier, make_card("a1", ANNA, name="Again"))
    assert trained.describe("a1", ANNA).name == "Again"
    for card in (make_card("a1", ANNA, run="r2"), make_card("a1", BEN)):
        with pytest.raises(FileExistsError):
            save(trained, tiny_classifier, card)
    assert trained.describe("a1", ANNA).name == "Again"


@pytest.mark.parametrize("checkpoint", ["bundled", "A", "../x", ".tmp-1", ""])
def test_a_card_needs_an_id_of_its_own(catalogue: Catalogue, tiny_classifier: Path, checkpoint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(checkpoint)}$"):
        save(catalogue, tiny_classifier, make_card(checkpoint, ANNA))


def test_an_unreadable_card_hides_its_checkpoint(trained: Catalogue, online: Settings) -> None:
    (online.trained / "a1" / "card.json").write_text("{")
    assert "a1" not in ids(trained.list(ANNA))
    with pytest.raises(CheckpointUnknown):
        trained.describe("a1", ANNA)


def test_damaged_weights_are_left_out_of_the_list_and_refused(trained: Catalogue, online: Settings) -> None:
    weights = online.trained / "a1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    assert "a1" not in ids(trained.list(ANNA))
    with pytest.raises(CheckpointBroken):
        trained.folder("a1", ANNA)


def test_a_vocabulary_larger_than_the_model_is_refused(settings: Settings, tmp_path: Path, tiny: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "copy")
    (folder / "tokenizer.json").unlink()
    with (folder / "vocab.txt").open("a") as file:
        file.write("extra\n")
    with pytest.raises(CheckpointBroken) as caught:
        Catalogue(replace(settings, checkpoint_folders=(folder,))).tokenizer("local:copy", "")
    assert caught.value.values == {"checkpoint": "local:copy", "file": "vocab.txt"}


def test_a_tokenizer_is_shared_until_its_file_changes(trained: Catalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: trained.tokenizer("a1", ANNA), range(16)))
    assert trained.tokenizer("a1", ANNA) is trained.tokenizer("a1", ANNA)
    assert trained.tokenizer("bundled", "") is trained.tokenizer("bundled", ANNA)


def test_a_trained_checkpoint_has_the_hash_of_its_weights_as_origin(trained: Catalogue) -> None:
    folder = trained.folder("a1", ANNA)
    assert trained.origin("a1", ANNA) == (file_sha256(folder / "model.safetensors"), None)


def test_a_hub_checkpoint_remembers_its_commit(catalogue: Catalogue, hub: HubDouble) -> None:
    catalogue.folder("owner/tiny", "")
    assert catalogue.origin("owner/tiny", "")[1] == hub.repositories["owner/tiny"].commit


def test_a_worker_reaches_the_checkpoint_that_its_owner_was_given(trained: Catalogue) -> None:
    assert trained.describe("b1", None).run == "r1"
    with pytest.raises(CheckpointUnknown):
        trained.describe("no", None)


def test_a_hub_id_that_is_not_here_is_asked_for_once_and_not_at_every_key_press(
    catalogue: Catalogue, hub: HubDouble
) -> None:
    first = catalogue.describe("owner/tiny", "")
    asked = len(hub.requests)
    assert asked
    assert [catalogue.describe("owner/tiny", "") for _ in range(3)] == [first] * 3
    assert len(hub.requests) == asked


def test_a_card_is_parsed_once_and_ownership_asks_for_one_card(
    trained: Catalogue, online: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    real = Card.from_json
    monkeypatch.setattr(
        Card, "from_json", lambda text, *, checkpoint: (parsed.append(checkpoint), real(text, checkpoint=checkpoint))[1]
    )
    for folder in online.trained.iterdir():
        (folder / "card.json").touch()
    assert trained.owns("a1", ANNA) and parsed == ["a1"]
    first = trained.list(ANNA)
    assert sorted(parsed) == ["a1", "a2", "b1"]
    assert trained.list(ANNA) == first and len(parsed) == 3
    (online.trained / "a1" / "card.json").touch()
    assert trained.list(ANNA) == first and len(parsed) == 4


def test_the_checks_of_folders_that_are_remembered_are_bounded(
    trained: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertdemo.checkpoints.catalogue._KEPT_VETTED", 1)
    for checkpoint in ("a1", "a2", "a1"):
        assert trained.describe(checkpoint, ANNA).id == checkpoint
        assert len(trained._vetted) <= 1
