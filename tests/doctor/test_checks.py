"""Each check says what is wrong where something is, in both languages, and what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bertdemo import device
from bertdemo.device import Device, DeviceReport
from bertdemo.doctor import checks
from bertdemo.doctor.checks import GIB, Finding, examine
from bertdemo.i18n.translation import LANGUAGES, catalogue
from bertdemo.settings import PUBLIC_LIMITS, Settings
from tests.hub_double import HubDouble
from tests.tiny import build_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[2]
CPU = device.cpu()
NO_GPU = DeviceReport((CPU,), "no_driver")


@pytest.fixture
def offline(settings: Settings) -> Settings:
    return replace(settings, hub_offline=True)


def test_a_sound_machine_passes_every_check(offline: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "cpu", lambda: replace(CPU, free_bytes=8 * GIB))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    before = set(offline.home.iterdir())
    findings = examine(offline, NO_GPU, serving=True)
    assert {(it.key, it.level) for it in findings if it.level != "pass"} <= {
        ("disk.warn", "warn"),
        ("writing.warn", "warn"),
    }
    assert len(findings) == 9
    assert set(offline.home.iterdir()) == before, "nothing is left behind"


def test_every_finding_has_its_sentence_in_both_languages(offline: Settings) -> None:
    for finding in examine(offline, NO_GPU):
        for lang in LANGUAGES:
            words = finding.words(lang)
            assert words and "{" not in words


def test_every_sentence_of_the_locales_belongs_to_a_finding() -> None:
    keys = {key.removeprefix("doctor.") for key in catalogue("en") if key.startswith("doctor.")}
    source = (ROOT / "bertdemo" / "doctor" / "checks.py").read_text(encoding="utf-8")
    levels = {
        f"{name}.{level}" for name in ("disk", "writing", "memory", "locks") for level in ("pass", "warn", "fail")
    }
    levels |= {f"level.{level}" for level in ("pass", "warn", "fail")}
    assert {key for key in keys - levels - {"title", "run"} if f'"{key}"' not in source} == set()


@pytest.mark.parametrize(("free", "level"), [(6 * GIB, "pass"), (2 * GIB, "warn"), (GIB // 2, "fail")])
def test_little_disk_is_told_by_degree(free: int, level: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert checks.disk(home).level == level


@pytest.mark.parametrize(("free", "level"), [(5 * GIB, "pass"), (3 * GIB, "warn"), (GIB, "fail")])
def test_little_memory_is_told_by_degree(free: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "cpu", lambda: replace(CPU, free_bytes=free))
    assert checks.memory().level == level


def test_a_folder_that_cannot_be_written_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(checks.processes, "write_atomic", refuse)
    finding = checks.writing(home)
    assert finding.level == "fail" and "Read-only file system" in finding.words("en")


def test_locks_that_hold_nothing_fail(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.locks(home).level == "pass"
    monkeypatch.setattr(checks.processes, "is_held", lambda path: False)
    assert checks.locks(home).level == "fail"
    assert list(home.iterdir()) == []


def test_the_hub_is_asked_for_what_it_surely_has(settings: Settings, tmp_path: Path) -> None:
    tiny = build_tiny_checkpoint(tmp_path / "tiny")
    with HubDouble() as hub:
        at = replace(settings, hub_endpoint=hub.url)
        assert checks.hub(at).key == "hub.unreachable"
        hub.add("google-bert/bert-base-uncased", tiny)
        assert checks.hub(at).key == "hub.reached"
    gone = checks.hub(at)
    assert (gone.level, gone.key) == ("warn", "hub.unreachable") and hub.url in gone.words("en")
    assert checks.hub(replace(at, hub_offline=True)).key == "hub.offline"


def test_a_gpu_is_named_and_its_absence_explained() -> None:
    gpu = Device("cuda:0", "cuda", "H200", 140 * GIB, GIB, bfloat16=True, float16=True)
    assert "H200" in checks.gpu(DeviceReport((gpu, CPU))).words("en")
    assert "driver" in checks.gpu(NO_GPU).words("en")


@pytest.mark.parametrize(("public", "level"), [(False, "pass"), (True, "warn")])
def test_a_token_is_noticed_and_never_shown(
    settings: Settings, public: bool, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_secret")
    finding = checks.token(replace(settings, public=public))
    assert finding.level == level
    assert "hf_secret" not in repr(finding) + finding.words("en") + finding.words("zh")


def test_the_limits_are_those_that_hold(settings: Settings) -> None:
    assert checks.limits(settings).key == "limits.untimed"
    assert "20 min" in checks.limits(replace(settings, limits=PUBLIC_LIMITS)).words("en")


def test_a_port_that_is_taken_fails_where_it_was_chosen(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = replace(settings, server_port=taken.getsockname()[1])
        assert checks.port(at).level == "fail"
    assert checks.port(at).level == "pass"


def _doctor(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bertdemo.doctor"], cwd=ROOT, env={"HF_HUB_OFFLINE": "1", **env}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_make_doctor_prints_a_line_per_check(tmp_path: Path) -> None:
    done = _doctor({"BERTDEMO_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "HF_TOKEN": "hf_secret"})
    lines = done.stdout.splitlines()
    assert len(lines) == 10 and {line.split()[0] for line in lines} <= {"ok", "warn", "fail"}, done.stdout + done.stderr
    assert done.returncode == int(any(line.startswith("fail") for line in lines))
    assert "hf_secret" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_one_line_and_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = _doctor({"BERTDEMO_HOME": str(tmp_path / "file"), "HOME": str(tmp_path)})
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert "BERTDEMO_HOME" in done.stdout


def test_a_finding_without_a_reason_needs_none() -> None:
    assert Finding("pass", "locks.pass").words("en") == catalogue("en")["doctor.locks.pass"]
