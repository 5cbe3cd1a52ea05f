"""The environment is read once, and a child sees only what it is allowed to."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bertdemo import settings as settings_module
from bertdemo.errors import HomeNotWritable, PortWrong
from bertdemo.launching import Launching, Rank
from bertdemo.settings import MIB, PUBLIC_LIMITS, Limits, Settings, pin_gpu, stand_alone
from tests.runs.support import unchanged_environment

ROOT = Path(__file__).resolve().parents[1]


def test_a_laptop_serves_itself_alone_with_wide_limits(tmp_path: Path) -> None:
    settings = Settings.from_env({"BERTDEMO_HOME": str(tmp_path)})
    assert (settings.public, settings.server_name, settings.loopback) == (False, "127.0.0.1", True)
    assert settings.limits == Limits()
    assert settings.spare_worker


def test_a_space_is_public_and_has_the_public_limits(tmp_path: Path) -> None:
    settings = Settings.from_env({"BERTDEMO_HOME": str(tmp_path), "SPACE_ID": "a/b"})
    assert (settings.public, settings.server_name, settings.loopback) == (True, "0.0.0.0", False)  # noqa: S104
    assert settings.limits == PUBLIC_LIMITS
    assert settings.limits.run_seconds > 0


def test_a_server_that_others_can_reach_is_no_loopback_server(tmp_path: Path) -> None:
    env = {"BERTDEMO_HOME": str(tmp_path), "GRADIO_SERVER_NAME": "0.0.0.0"}  # noqa: S104
    assert not Settings.from_env(env).loopback


def test_variables_are_read(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            "BERTDEMO_HOME": str(tmp_path / "x" / ".." / "home"),
            "BERTDEMO_CHECKPOINTS": os.pathsep.join(["/a", "", "/b"]),
            "BERTDEMO_MAX_FILE_BYTES": str(7 * MIB),
            "BERTDEMO_SPARE_WORKER": "0",
            "GRADIO_SERVER_PORT": "7999",
            "HF_ENDPOINT": "http://localhost:1/",
            "HF_HOME": "/hf",
            "HF_HUB_OFFLINE": "yes",
        }
    )
    assert settings.home == (tmp_path / "home").resolve()
    assert settings.checkpoint_folders == (Path("/a"), Path("/b"))
    assert settings.limits == Limits(file_bytes=7 * MIB)
    assert not settings.spare_worker
    assert settings.server_port == 7999
    assert settings.hub_endpoint == "http://localhost:1"
    assert settings.hub_cache == Path("/hf/hub")
    assert settings.hub_offline


def test_several_processes_are_read(tmp_path: Path) -> None:
    env = {"BERTDEMO_HOME": str(tmp_path), "BERTDEMO_LAUNCHER": "torchrun", "BERTDEMO_PROCESSES": "4",
           "BERTDEMO_HOSTS": "2", "BERTDEMO_RENDEZVOUS": "10.0.0.1", "BERTDEMO_JOIN_SECONDS": "90",
           "BERTDEMO_RESTARTS": "0"}  # fmt: skip
    launching = Settings.from_env(env).launching
    assert launching == Launching("torchrun", 4, 2, "10.0.0.1", 90, 0)
    assert launching.endpoint("node1") == "10.0.0.1:29400"
    assert Launching().endpoint("node1") == "node1:29400"
    assert Launching(rendezvous="node2:1").endpoint("node1") == "node2:1"


def test_what_is_no_number_of_processes_is_the_default(tmp_path: Path) -> None:
    env = {"BERTDEMO_LAUNCHER": "slurm", "BERTDEMO_HOSTS": "0", "BERTDEMO_RESTARTS": "x"}
    assert Settings.from_env({"BERTDEMO_HOME": str(tmp_path), **env}).launching == Launching()


def test_a_process_that_torchrun_has_started_knows_its_rank(tmp_path: Path) -> None:
    env = {"BERTDEMO_HOME": str(tmp_path), "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
           "MASTER_ADDR": "node1", "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "1",
           "TORCHELASTIC_USE_AGENT_STORE": "True"}  # fmt: skip
    assert Settings.from_env(env).rank == Rank(3, 4, 1, 2, "node1", 29500, 1, agent_store=True)
    assert Settings.from_env({"BERTDEMO_HOME": str(tmp_path)}).rank is None


def test_a_process_that_stands_alone_is_taken_for_no_rank() -> None:
    with unchanged_environment():
        os.environ.update({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"})
        stand_alone()
        assert Settings.from_env().rank is None
        assert "LOCAL_RANK" not in os.environ


def test_the_home_is_outside_the_checkout_by_default() -> None:
    home = Settings.from_env({}).home
    assert home != ROOT
    assert ROOT not in home.parents


def test_a_child_gets_no_token_and_only_allowed_variables(tmp_path: Path) -> None:
    env = {
        "PATH": "/bin", "BERTDEMO_HOME": str(tmp_path), "HF_TOKEN": "hf_secret", "HUGGING_FACE_HUB_TOKEN": "hf_secret",
        "OPENAI_API_KEY": "sk", "GRADIO_SHARE": "1", "HF_ENDPOINT": "http://x", "SPACE_ID": "a/b",
    }  # fmt: skip
    child = Settings.from_env(env).worker_env()
    assert not [value for value in child.values() if value in {"hf_secret", "sk"}]
    assert not [name for name in child if "TOKEN" in name and name != "TOKENIZERS_PARALLELISM"]
    assert {"GRADIO_SHARE", "HF_ENDPOINT", "OPENAI_API_KEY"}.isdisjoint(child)
    assert (child["PATH"], child["HF_HUB_OFFLINE"], child["SPACE_ID"]) == ("/bin", "1", "a/b")


def test_a_child_reads_the_same_settings_but_for_the_hub(tmp_path: Path) -> None:
    env = {
        "PATH": "/bin", "BERTDEMO_HOME": str(tmp_path), "BERTDEMO_CHECKPOINTS": "/a", "BERTDEMO_MAX_FILE_BYTES": "123",
        "XDG_CACHE_HOME": "/cache", "SPACE_ID": "a/b",
    }  # fmt: skip
    server = Settings.from_env(env)
    child = Settings.from_env(server.worker_env())
    assert (child.home, child.limits, child.checkpoint_folders) == (
        server.home,
        server.limits,
        server.checkpoint_folders,
    )
    assert (child.hub_cache, child.public) == (Path("/cache/huggingface/hub"), True)
    assert child.hub_offline


def test_the_threads_of_torch_soon_sleep_while_they_wait_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    def waiting(**chosen: str) -> tuple[str | None, str | None]:
        env = Settings.from_env({"BERTDEMO_HOME": str(tmp_path), **chosen}).worker_env()
        return env.get("OMP_WAIT_POLICY"), env.get("GOMP_SPINCOUNT")

    assert waiting() == ("PASSIVE", "10000")
    assert waiting(OMP_WAIT_POLICY="ACTIVE") == ("ACTIVE", None)  # a count of ours would overrule it
    assert waiting(GOMP_SPINCOUNT="5") == ("PASSIVE", "5")
    server = Settings.from_env({"BERTDEMO_HOME": str(tmp_path)}).worker_env()
    assert waiting(**server) == ("PASSIVE", "10000")


def test_applying_makes_private_folders_and_tells_the_libraries(tmp_path: Path) -> None:
    settings = Settings.from_env({"BERTDEMO_HOME": str(tmp_path / "new" / "home")})
    with unchanged_environment():
        settings.apply()
        assert os.environ["HF_MODULES_CACHE"] == str(settings.modules)
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        assert os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] == "1"
    for folder in (settings.home, settings.runs, settings.trained, settings.uploads, settings.modules):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("visible", "device", "wanted"), [("", "cuda:1", "1"), ("4,6", "cuda:1", "6"), ("GPU-a,GPU-b", "cuda:0", "GPU-a")]
)
def test_a_worker_sees_only_the_gpu_it_was_given(
    visible: str, device: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert pin_gpu(device) == "cuda:0"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == wanted


def test_a_processor_needs_no_pinning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert pin_gpu("cpu") == "cpu"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize("value", ["0", "65536", "99999", "-1", "abc", "8e3", "７８６０", "7860.0"])
def test_a_port_that_is_none_is_refused_with_its_value(value: str, tmp_path: Path) -> None:
    with pytest.raises(PortWrong) as refused:
        Settings.from_env({"BERTDEMO_HOME": str(tmp_path), "GRADIO_SERVER_PORT": value})
    assert refused.value.values == {"value": value}


@pytest.mark.parametrize("value", ["1", " 7860 ", "65535"])
def test_a_port_is_read(value: str, tmp_path: Path) -> None:
    assert Settings.from_env({"BERTDEMO_HOME": str(tmp_path), "GRADIO_SERVER_PORT": value}).server_port == int(value)


def test_a_home_that_is_a_file_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HomeNotWritable) as refused:
            Settings.from_env({"BERTDEMO_HOME": str(home)}).apply()
        assert refused.value.values["path"] == str(home)
        assert refused.value.values["reason"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_a_start_that_cannot_work_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for env, said in (
            ({"BERTDEMO_HOME": str(tmp_path / "file")}, "BERTDEMO_HOME"),
            ({"GRADIO_SERVER_PORT": "99999"}, "65535"),
            ({"GRADIO_SERVER_PORT": port}, f"127.0.0.1:{port}"),
            ({"GRADIO_SERVER_PORT": "99999", "LC_ALL": "zh_CN.UTF-8"}, "65535"),
        ):
            kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            own = {"BERTDEMO_HOME": str(tmp_path / "home"), "BERTDEMO_SHIPPED_RUN": "0", "LC_ALL": "C.UTF-8"}
            ended = subprocess.run(
                [sys.executable, "app.py"], cwd=ROOT, env={**kept, **own, **env}, capture_output=True, check=False
            )
            words = ended.stderr.decode()
            assert (ended.returncode, words.count("\n")) == (1, 1), words
            assert said in words


def test_a_space_with_a_bucket_copies_its_runs_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, data = {"BERTDEMO_HOME": str(tmp_path / "home")}, tmp_path / "data"
    monkeypatch.setattr(settings_module, "_BUCKET", data)
    assert Settings.from_env({**home, "SPACE_ID": "a/b"}).backup is None
    data.mkdir()
    assert Settings.from_env({**home, "SPACE_ID": "a/b"}).backup == data / "bertdemo"
    assert Settings.from_env({**home, "SPACE_ID": "a/b", "BERTDEMO_BACKUP": "0"}).backup is None
    assert Settings.from_env(home).backup is None
    assert Settings.from_env({**home, "BERTDEMO_BACKUP": str(data)}).backup == data


def test_a_home_in_the_bucket_is_not_copied_into_itself(tmp_path: Path) -> None:
    for home, backup in (("data/home", "data"), ("data", "data"), ("data", "data/copies")):
        env = {"BERTDEMO_HOME": str(tmp_path / home), "BERTDEMO_BACKUP": str(tmp_path / backup)}
        assert Settings.from_env(env).backup is None


def test_a_space_with_a_read_only_home_keeps_its_runs_outside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tmp_path / "home" / ".local" / "share" / "bertdemo"
    monkeypatch.setattr(settings_module, "user_data_dir", lambda *_, **__: str(usual))
    assert Settings.from_env({"SPACE_ID": "a/b"}).home == usual
    monkeypatch.setattr(settings_module.os, "access", lambda path, mode: Path(path) != tmp_path)
    home = Settings.from_env({"SPACE_ID": "a/b"}).home
    assert home == Path("/var/tmp") / f"bertdemo-{os.getuid()}"
    assert Path(tempfile.gettempdir()) not in home.parents  # Gradio serves what a listener returns from there
    assert Settings.from_env({}).home == usual, "elsewhere the operator is told"
