"""What a server tells when it did not start completely: in its log, in the header, and to who starts a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo import device
from bertdemo.errors import DevicesFailed, DevicesPending
from bertdemo.i18n.translation import LANGUAGES, translate
from bertdemo.runs import admission
from bertdemo.runs.request import RunRequest
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.fine_tune.run_settings import _pill
from tests.runs.support import eventually, machine, request_for, rows_of, write_csv


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.apply()
    built = Services.create(settings)
    for quiet in ("launcher", "predictor", "dispatcher"):
        for name in ("warm", "warm_up", "begin"):
            if hasattr(getattr(built, quiet), name):
                monkeypatch.setattr(getattr(built, quiet), name, lambda: None)
    monkeypatch.setattr(Services, "look_for_chinese", lambda self: None)
    yield built
    built.close()


def _request(folder: Path, wanted: str) -> RunRequest:
    source = write_csv(folder / "reviews.csv", rows_of(60))
    return request_for(source, checkpoint="bundled", config={"device": wanted})


def _raise(error: Exception) -> Any:
    raise error


def test_a_device_report_that_fails_is_logged_shown_and_trains_nothing_on_the_cpu_unasked(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "report", lambda: _raise(RuntimeError("CUDA driver is broken")))
    with pytest.raises(RuntimeError):
        services.begin().result(timeout=60)
    error_id = eventually(lambda: services.admission.start_error)
    assert f"error {error_id}" in caplog.text and "CUDA driver is broken" in caplog.text
    for lang in LANGUAGES:
        assert translate(lang, "device.failed", error_id=error_id) in _pill(services, lang)
    monkeypatch.setattr(admission, "_DEVICES_SECONDS", 600.0)  # what is known to have failed is not waited for
    for wanted in ("auto", "cuda:0"):
        with pytest.raises(DevicesFailed) as caught:
            services.admission.start(_request(tmp_path, wanted), "")
        assert caught.value.values == {"error_id": error_id}
    assert services.registry.ids(None) == []
    run = services.admission.start(_request(tmp_path, "cpu"), "")  # asked for by name
    assert services.registry.read(run, "").request.config.device == "cpu"


def test_a_warm_up_that_fails_later_is_told_too_and_runs_still_start(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "report", lambda: machine("cuda:0"))
    monkeypatch.setattr(services.predictor, "warm_up", lambda: _raise(OSError("no weights")))
    with pytest.raises(OSError, match="no weights"):
        services.begin().result(timeout=60)
    error_id = eventually(lambda: services.admission.start_error)
    assert "no weights" in caplog.text
    assert error_id in _pill(services, "zh")
    run = services.admission.start(_request(tmp_path, "auto"), "")
    assert services.registry.read(run, "").request.config.device == "cuda:0"


def test_a_start_before_the_devices_are_known_says_so_and_does_not_take_the_cpu(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_DEVICES_SECONDS", 0.01)
    with pytest.raises(DevicesPending):
        services.admission.start(_request(tmp_path, "auto"), "")
    assert _pill(services, "en") == ""
    run = services.admission.start(_request(tmp_path, "cpu"), "")
    assert services.registry.read(run, "").request.config.device == "cpu"
