"""A run on two hosts: the launcher starts one, the shown command the other, and a killed process costs an attempt."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo.launching import Launching
from bertdemo.processes import is_held
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.distributed import torchrun
from tests.runs.distributed.namespaces import Host, two_hosts
from tests.runs.support import events_of, eventually, request_for, rows_of, write_csv

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sweep.WHOLE, reason="make sweep")]


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    try:
        made = two_hosts()
        pair = made.__enter__()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"two hosts need network namespaces: {error}")
    yield pair
    made.__exit__(None, None, None)


def test_two_hosts_train_one_run_and_go_on_after_a_process_of_one_was_killed(
    hosts: tuple[Host, Host], registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    first, second = hosts
    data = write_csv(tmp_path / "rows.csv", rows_of(100))
    run = registry.create(request_for(data, config={"batch_size": 4, "epochs": 3}), "")
    folder = registry.folder(run)
    launching = Launching("torchrun", 1, 2, f"{first.address}:29411", join_seconds=60, restarts=2)
    agent = torchrun.launched(registry, own_settings, run, launching, before=first.prefix,
                              GLOO_SOCKET_IFNAME=first.interface)  # fmt: skip
    other = torchrun.by_hand(folder, own_settings, launching, first.name, before=second.prefix,
                             GLOO_SOCKET_IFNAME=second.interface)  # fmt: skip
    lost = eventually(lambda: torchrun.rank(folder, 1), 120)
    eventually(lambda: torchrun.last_step(folder) > 21, 120)  # an epoch has 20 steps
    lost.kill()
    assert is_held(folder / "lock")
    assert torchrun.ended(agent, folder) == 0, (folder / "worker.log").read_text(encoding="utf-8")
    assert torchrun.ended(other, folder) == 0
    assert registry.read(run, "").state == "finished"
    (_, start), (attempt, step) = torchrun.attempts_of(folder)
    assert (start, attempt) == (0, 2)
    assert step >= 20
    assert events_of(folder, ev.Started)[0].device_name == "CPU × 2"
    assert not torchrun.processes_of(folder)
