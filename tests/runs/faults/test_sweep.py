"""The k-th operation of a run fails, for every k: nothing is torn, and the resumed run ends with the same weights."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest

from bertdemo import faults
from bertdemo.runs.registry import Registry
from bertdemo.runs.resume.requeue import requeue
from bertdemo.settings import Settings
from tests import sweep
from tests.runs.faults.driver import MODES, Driver
from tests.runs.resuming import Resumed
from tests.runs.support import events_of, eventually, request_for
from tests.runs.test_resume import worker

pytestmark = pytest.mark.slow

# Operations of each mode that `make test` fails.
_SLICE = 3
# All of them are one test for each third, which takes two or three minutes.
_PARTS = 3
_CONFIG = {"method": "fine_tune", "batch_size": 8, "max_length": 16}


@pytest.fixture
def driver(runs: Resumed, short: Path) -> Driver:
    return Driver.of(runs, request_for(short, config=_CONFIG))


@pytest.mark.parametrize("part", range(_PARTS) if sweep.WHOLE else [0])
@pytest.mark.parametrize("mode", MODES)
def test_whichever_operation_fails_the_run_ends_and_is_resumed_to_the_same_weights(
    mode: str, part: int, driver: Driver
) -> None:
    if sweep.WHOLE:
        for k in itertools.count(1 + part, _PARTS):
            if not driver.fail(k, mode):
                break
        assert 0 < k - driver.operations() <= _PARTS
    else:
        count = driver.operations()
        assert count > 60
        for k in sweep.cases(range(1, count + 1), MODES.index(mode) * 7, _SLICE):
            assert driver.fail(k, mode)
        assert not driver.fail(count + 1, mode)


def test_a_run_that_only_sleeps_at_an_operation_is_untouched(driver: Driver) -> None:
    assert driver.fail(20, "sleep")


def test_a_run_that_cannot_be_written_is_not_there(registry: Registry, short: Path) -> None:
    registry._settings.runs.mkdir(exist_ok=True)
    failed = 0
    for action in ("full", "io"):
        for k in itertools.count(1):
            fault = faults.arm(f"any:{k}:{action}")
            try:
                run_id = registry.create(request_for(short), "")
            except OSError:
                failed += 1
                assert list(registry._settings.runs.iterdir()) == []
            finally:
                faults.arm("")
            if fault is not None and not fault.fired:
                registry.delete(run_id, "")
                break
    assert failed >= 10


@pytest.mark.parametrize("k", sweep.cases([15, 30, 45, 60], 1, 2))
def test_a_real_worker_is_killed_at_an_operation_and_resumed(
    k: int, driver: Driver, own_settings: Settings, tiny: Path
) -> None:
    runs = driver.runs
    folder = runs.registry.folder(runs.registry.create(driver.request, ""))
    assert worker(folder, own_settings, tiny, f"any:{k}:kill").wait(120) == -signal.SIGKILL
    driver.check(folder, f"operation {k}, killed", tidy=False)
    runs.again(folder)
    assert runs.outcome(folder).weights == driver.expected.weights
    assert driver.leftovers() == []


def test_a_worker_that_is_halted_goes_on_as_if_nothing_had_been(
    runs: Resumed, short: Path, own_settings: Settings, tiny: Path
) -> None:
    request = request_for(short, config=_CONFIG)
    expected = runs.outcome(runs.started(request))
    folder = runs.registry.folder(runs.registry.create(request, ""))
    process = worker(folder, own_settings, tiny, "step:3:stop")
    try:
        eventually(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
        assert runs.registry.read(folder.name, "").state == "running"
        process.send_signal(signal.SIGCONT)
        assert process.wait(120) == 0
    finally:
        process.kill()
    assert runs.outcome(folder).weights == expected.weights
    assert len(events_of(folder)) > 6
    with pytest.raises(Exception, match="run_finished"):
        requeue(runs.registry, folder.name, "")
