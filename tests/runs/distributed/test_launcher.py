"""The launcher that starts torchrun, behind the dispatcher: a run that processes cannot share is done by rank 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo.device import DeviceReport, cpu
from bertdemo.runs import events as ev
from bertdemo.runs.launchers.choice import launcher_of
from bertdemo.runs.launchers.local import LocalLauncher
from bertdemo.runs.launchers.torchrun import TorchrunLauncher, where
from bertdemo.services import Services
from bertdemo.settings import Settings
from tests.runs.support import events_of, eventually, request_for, settings_with


@pytest.fixture
def own_settings(home: Path, tiny: Path) -> Settings:
    return settings_with(home, tiny, BERTDEMO_LAUNCHER="torchrun", BERTDEMO_PROCESSES="2", BERTDEMO_RESTARTS="0")


@pytest.fixture
def services(own_settings: Settings) -> Iterator[Services]:
    services = Services.create(own_settings)
    services.admission.devices_found(DeviceReport((cpu(),)))
    services.dispatcher.begin()
    yield services
    services.close()


def test_the_settings_choose_the_launcher(home: Path, own_settings: Settings) -> None:
    assert isinstance(launcher_of(own_settings), TorchrunLauncher)
    assert isinstance(launcher_of(Settings.from_env({"BERTDEMO_HOME": str(home)})), LocalLauncher)


def test_runs_on_the_gpus_of_a_host_take_turns_and_so_do_runs_on_several_hosts(
    home: Path, own_settings: Settings
) -> None:
    launcher = launcher_of(own_settings)
    assert launcher.slot("cuda:0") == launcher.slot("cuda:1") != launcher.slot("cpu")
    several = launcher_of(Settings.from_env({"BERTDEMO_HOME": str(home), "BERTDEMO_LAUNCHER": "torchrun",
                                             "BERTDEMO_HOSTS": "2"}))  # fmt: skip
    assert several.slot("cuda:0") == several.slot("cpu")


def test_the_command_for_other_hosts_names_what_they_need_and_no_more(own_settings: Settings) -> None:
    env = where(own_settings, own_settings.runs / "x").env
    assert env["BERTDEMO_HOME"] == str(own_settings.home)
    assert "PYTHONPATH" in env
    assert not {"PATH", "HOME", "HF_TOKEN"} & set(env)


@pytest.mark.slow
def test_a_linear_probe_is_fitted_by_rank_0_alone(services: Services, data: Path) -> None:
    config = {"method": "regression", "epochs": None, "learning_rate": None}
    run = services.admission.start(request_for(data, config=config), "")
    folder = services.registry.folder(run)
    eventually(lambda: services.registry.read(run, "").state in ev.ENDED)
    assert services.registry.read(run, "").state == "finished", (folder / "worker.log").read_text(encoding="utf-8")
    assert events_of(folder, ev.Started)[0].device_name == "CPU"
    assert eventually(lambda: services.registry.read(run, "").exit_code is not None)
    assert services.registry.read(run, "").exit_code == 0
    eventually(lambda: not services.dispatcher.training())
    assert services.predictor.predict("good film", "", run, "").checkpoint == run
    lines = (folder / "worker.log").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if "Error" in line], lines
