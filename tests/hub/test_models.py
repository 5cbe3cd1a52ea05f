"""Every answer that the Hub can give, over real HTTP from the stand-in."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.folder_checks import HubChecks
from bertdemo.errors import (
    CheckpointBroken,
    CheckpointIdMalformed,
    CheckpointIncomplete,
    HubCutOff,
    HubGated,
    HubNoSafetensors,
    HubNotBert,
    HubNotFound,
    HubNoTokenizer,
    HubTooLarge,
    HubUnreachable,
)
from bertdemo.hub import client
from bertdemo.hub.models import Hub
from bertdemo.hub.progress import DownloadProgress
from bertdemo.settings import Settings
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint

WEIGHTS = "model.safetensors"


def test_a_good_repository_is_fetched_and_reported_in_bytes(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    seen: list[DownloadProgress] = []
    folder = catalogue.folder("owner/tiny", "", seen.append)
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert folder.name == hub.repositories["owner/tiny"].commit
    done = [step.done_bytes for step in seen]
    assert done == sorted(done)
    assert seen[-1].done_bytes == seen[-1].total_bytes and seen[-1].share == 1.0
    before_weights = max(step.done_bytes for step in seen if step.file != WEIGHTS)
    assert any(before_weights < step.done_bytes for step in seen[:-1]), "the weights reported bytes of their own"
    assert len([step for step in seen if step.file == WEIGHTS]) >= 3


def test_many_chunks_make_many_reports(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    seen: list[DownloadProgress] = []
    catalogue.folder("owner/tiny", "", seen.append)
    assert len({step.done_bytes for step in seen if step.file == WEIGHTS}) > 5


def test_no_token_is_sent_even_where_one_is_configured(
    catalogue: Catalogue, hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    catalogue.folder("owner/tiny", "")
    assert hub.headers and not any("authorization" in headers for headers in hub.headers)


def test_only_the_six_files_are_fetched(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/more", tiny, pytorch_model_bin=b"pickle", modeling_py=b"code")
    folder = catalogue.folder("owner/more", "")
    assert {path.name for path in folder.iterdir()} == {
        "config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json", "vocab.txt",
    }  # fmt: skip
    assert hub.count("pytorch_model.bin") == hub.count("modeling_py") == 0


def test_a_repository_with_only_a_vocabulary_is_good(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/vocab", tiny, without=("tokenizer.json",))
    assert catalogue.describe("owner/vocab", "").ready is False
    catalogue.folder("owner/vocab", "")
    assert catalogue.tokenizer("owner/vocab", "").encode("the cat").tokens == ["[CLS]", "the", "cat", "[SEP]"]
    info = catalogue.describe("owner/vocab", "")
    assert (info.ready, info.cased, info.source) == (True, False, "hub")


def test_what_is_in_the_cache_is_used_without_a_request(catalogue: Catalogue, hub: HubDouble, online: Settings) -> None:
    folder = catalogue.folder("owner/tiny", "")
    hub.requests.clear()
    fresh = Catalogue(online)
    assert fresh.folder("owner/tiny", "") == folder
    assert fresh.describe("owner/tiny", "").ready
    fresh.tokenizer("owner/tiny", "")
    assert not hub.requests


def test_with_the_hub_gone_the_cache_still_works(catalogue: Catalogue, hub: HubDouble, online: Settings) -> None:
    folder = catalogue.folder("owner/tiny", "")
    hub.stop()
    for settings in (online, replace(online, hub_offline=True)):
        assert Catalogue(settings).folder("owner/tiny", "") == folder


def test_a_tokenizer_needs_no_weights(catalogue: Catalogue, hub: HubDouble) -> None:
    catalogue.tokenizer("owner/tiny", "")
    assert hub.count(WEIGHTS) == 0
    assert not catalogue.describe("owner/tiny", "").ready
    catalogue.folder("owner/tiny", "")
    assert catalogue.describe("owner/tiny", "").ready


def test_a_missing_repository_is_named_as_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(HubNotFound) as caught:
        catalogue.folder("owner/nothing", "")
    assert caught.value.values == {"checkpoint": "owner/nothing"}


def test_a_gated_repository_is_named_as_gated(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/gated", tiny)
    hub.fail("owner/gated", "gated")
    for call in (catalogue.describe, catalogue.folder):
        with pytest.raises(HubGated):
            call("owner/gated", "")
    assert hub.count(WEIGHTS) == 0


def test_gated_files_under_open_metadata_are_named_as_gated(
    catalogue: Catalogue, hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = client.Client.metadata

    def then_gated(self: client.Client, repo_id: str) -> object:
        info = metadata(self, repo_id)
        hub.fail(repo_id, "gated")
        return info

    monkeypatch.setattr(client.Client, "metadata", then_gated)
    with pytest.raises(HubGated):
        catalogue.folder("owner/tiny", "")


def test_another_architecture_is_refused_before_the_download(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/gpt2", tiny, config_json=b'{"model_type": "gpt2"}')
    with pytest.raises(HubNotBert) as caught:
        catalogue.folder("owner/gpt2", "")
    assert caught.value.values["model_type"] == "gpt2"
    assert hub.count(WEIGHTS) == 0


def test_a_repository_without_a_config_is_not_a_bert(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/bare", tiny, without=("config.json",))
    with pytest.raises(HubNotBert):
        catalogue.describe("owner/bare", "")


def test_a_repository_without_safetensors_is_named_as_such(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/pickle", tiny, without=(WEIGHTS,), pytorch_model_bin=b"pickle")
    with pytest.raises(HubNoSafetensors):
        catalogue.folder("owner/pickle", "")
    assert hub.count("pytorch_model.bin") == 0


def test_sharded_weights_count_as_no_safetensors(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    repository = hub.add("owner/shards", tiny, without=(WEIGHTS,))
    repository.files["model.safetensors.index.json"] = b"{}"
    with pytest.raises(HubNoSafetensors):
        catalogue.folder("owner/shards", "")


def test_a_repository_without_a_tokenizer_is_named_as_such(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/mute", tiny, without=("tokenizer.json", "vocab.txt"))
    with pytest.raises(HubNoTokenizer):
        catalogue.folder("owner/mute", "")


@pytest.mark.parametrize(("public", "limit"), [(False, "2.0 GiB"), (True, "1.0 GiB")])
def test_weights_above_the_limit_are_refused_before_the_download(
    online: Settings, hub: HubDouble, tiny: Path, public: bool, limit: str
) -> None:
    hub.add("owner/huge", tiny).sizes[WEIGHTS] = 5 * client.GIB
    with pytest.raises(HubTooLarge) as caught:
        Catalogue(replace(online, public=public)).folder("owner/huge", "")
    assert caught.value.values == {"checkpoint": "owner/huge", "size": "5.0 GiB", "limit": limit}
    assert hub.count(WEIGHTS) == 0


def test_a_download_that_breaks_off_once_is_resumed_where_it_stopped(
    catalogue: Catalogue, hub: HubDouble, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.fail("owner/tiny", "cut_off", times=1)
    seen: list[DownloadProgress] = []
    folder = catalogue.folder("owner/tiny", "", seen.append)
    assert (folder / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()
    assert [headers["range"] for headers in hub.headers if "range" in headers] == ["bytes=50000-"]
    assert seen[-1].done_bytes == seen[-1].total_bytes


def test_a_download_that_stays_broken_leaves_nothing_to_load(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.fail("owner/tiny", "cut_off", times=1, dead=True)
    with pytest.raises(HubCutOff):
        catalogue.folder("owner/tiny", "")
    assert not catalogue.describe("owner/tiny", "").ready
    assert not list(catalogue._hub.cache.rglob(WEIGHTS)) and not list(catalogue._hub.cache.rglob("*.incomplete"))
    hub.fail("owner/tiny", None)
    assert (catalogue.folder("owner/tiny", "") / WEIGHTS).read_bytes() == (tiny / WEIGHTS).read_bytes()


def test_bytes_that_differ_from_the_announced_hash_are_thrown_away(catalogue: Catalogue, hub: HubDouble) -> None:
    hub.fail("owner/tiny", "wrong_bytes")
    with pytest.raises(CheckpointBroken) as caught:
        catalogue.folder("owner/tiny", "")
    assert caught.value.values == {"checkpoint": "owner/tiny", "file": WEIGHTS}
    assert not catalogue.describe("owner/tiny", "").ready
    hub.fail("owner/tiny", None)
    assert catalogue.folder("owner/tiny", "").is_dir()


def test_weights_that_do_not_fit_the_config_never_count_as_ready(
    catalogue: Catalogue, hub: HubDouble, tiny: Path
) -> None:
    config = json.loads((tiny / "config.json").read_text())
    hub.add("owner/odd", tiny, config_json=json.dumps({**config, "num_hidden_layers": 3}).encode())
    with pytest.raises(CheckpointIncomplete):
        catalogue.folder("owner/odd", "")
    assert not catalogue.describe("owner/odd", "").ready


def test_a_tokenizer_that_cannot_be_read_is_found_first(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    hub.add("owner/garbled", tiny, tokenizer_json=b"{}")
    with pytest.raises(CheckpointBroken) as caught:
        catalogue.folder("owner/garbled", "")
    assert caught.value.values == {"checkpoint": "owner/garbled", "file": "tokenizer.json"}
    assert hub.count(WEIGHTS) == 0


def test_a_hostile_config_is_refused_or_stripped(catalogue: Catalogue, hub: HubDouble, tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    hub.add("owner/vast", tiny, config_json=json.dumps({**config, "hidden_size": 10**9}).encode())
    with pytest.raises(CheckpointBroken):
        catalogue.folder("owner/vast", "")
    hub.add("owner/code", tiny, config_json=json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}).encode())
    assert catalogue.folder("owner/code", "").is_dir()


def test_a_hub_that_answers_with_500_is_unreachable(catalogue: Catalogue, hub: HubDouble) -> None:
    hub.fail("owner/tiny", "error_500")
    with pytest.raises(HubUnreachable):
        catalogue.folder("owner/tiny", "")


def test_a_hub_that_stalls_is_unreachable_within_the_time_limit(
    catalogue: Catalogue, hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_ANSWER_SECONDS", 0.3)
    hub.fail("owner/tiny", "stalled")
    with pytest.raises(HubUnreachable):
        catalogue.describe("owner/tiny", "")


def test_a_closed_port_is_unreachable(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(HubUnreachable):
        Catalogue(replace(settings, hub_endpoint=f"http://127.0.0.1:{port}")).folder("owner/tiny", "")


def test_offline_asks_nobody(online: Settings, hub: HubDouble) -> None:
    with pytest.raises(HubUnreachable):
        Catalogue(replace(online, hub_offline=True)).folder("owner/tiny", "")
    assert not hub.requests


@pytest.mark.parametrize(
    "repo_id",
    [
        "http://169.254.169.254/latest", "file:///etc/passwd", "\\\\host\\share/x", "user@host/x", "a/..%2f", "../../x",
        "a/b/c", "-a/b", "a/-b", ".a/b", "a/b..c", "a/b.", "a/b.git", "a /b", "a/b\n", "/b", "a/", "ａ/ｂ",
        "a/" + "b" * 120,
    ],
)  # fmt: skip
def test_only_owner_slash_name_goes_to_the_hub(catalogue: Catalogue, hub: HubDouble, repo_id: str) -> None:
    with pytest.raises(CheckpointIdMalformed):
        Hub(Settings.from_env({}), HubChecks()).check_id(repo_id)
    with pytest.raises(CheckpointIdMalformed):
        catalogue.folder(repo_id, "")
    assert not hub.requests


def test_a_folder_of_that_name_in_the_working_directory_is_not_taken(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_tiny_checkpoint(tmp_path / "evil" / "twin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HubNotFound):
        catalogue.folder("evil/twin", "")


def test_a_link_out_of_the_cache_is_refused(catalogue: Catalogue, tiny: Path) -> None:
    folder = catalogue.folder("owner/tiny", "")
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(tiny / WEIGHTS)
    with pytest.raises(CheckpointBroken):
        catalogue.folder("owner/tiny", "")


def test_what_a_progress_listener_raises_ends_the_download(catalogue: Catalogue) -> None:
    class Stop(Exception):
        pass

    def stop(_: DownloadProgress) -> None:
        raise Stop

    with pytest.raises(Stop):
        catalogue.folder("owner/tiny", "", stop)


@pytest.mark.parametrize("call", ["describe", "tokenizer"])
def test_an_id_that_the_hub_refused_is_not_asked_for_again_within_a_minute(
    catalogue: Catalogue, hub: HubDouble, tiny: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("bertdemo.checkpoints.catalogue.time.monotonic", lambda: clock[0])
    for _ in range(5):
        with pytest.raises(HubNotFound):
            getattr(catalogue, call)("owner/mistyped", "")
    asked = hub.count("owner/mistyped")
    assert asked == 1
    hub.add("owner/mistyped", tiny)
    with pytest.raises(HubNotFound):
        getattr(catalogue, call)("owner/mistyped", "")
    assert hub.count("owner/mistyped") == asked
    clock[0] += 61
    assert getattr(catalogue, call)("owner/mistyped", "")


def test_a_hub_that_cannot_be_reached_is_not_asked_at_every_key_press(catalogue: Catalogue, hub: HubDouble) -> None:
    hub.fail("owner/tiny", "error_500", times=99)
    for _ in range(5):
        with pytest.raises(HubUnreachable):
            catalogue.tokenizer("owner/tiny", "")
    asked = hub.count("owner/tiny")
    with pytest.raises(HubUnreachable):
        catalogue.folder("owner/tiny", "")  # a download that somebody starts asks in any case
    assert hub.count("owner/tiny") == 2 * asked
