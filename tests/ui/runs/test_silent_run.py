"""A run whose worker does not respond says so in both tabs, with a button that forces the stop, until it responds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdemo.i18n.translation import translate
from bertdemo.processes import hold
from bertdemo.runs.liveness.heartbeat import Pulses
from bertdemo.runs.registry import Registry
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.api.endpoints import Endpoints
from bertdemo.ui.runs.callbacks import Callbacks
from bertdemo.ui.runs.layout import layout
from tests.runs.liveness.test_heartbeat import Clock, beat
from tests.runs.support import created, rows_of, started, write_csv
from tests.ui.fine_tune.support import tab
from tests.ui.pages import empty_page


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


@pytest.fixture
def clock(services: Services) -> Clock:
    clock = Clock()
    services.registry._pulses = Pulses(clock)
    return clock


@pytest.fixture
def run(services: Services, tmp_path: Path) -> Iterator[str]:
    """A run that trains as far as its lock and its events tell."""
    registry: Registry = services.registry
    run = created(registry, write_csv(tmp_path / "a.csv", rows_of(12)), checkpoint="bundled")
    registry.append(run, started(seq=2))
    with hold(registry.folder(run) / "lock"):
        yield run


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_tabs_offer_to_force_the_stop_and_no_longer_once_it_responds(
    services: Services, run: str, clock: Clock, lang: str
) -> None:
    folder, fine_tune = services.registry.folder(run), tab(services)
    with empty_page(services) as page:
        runs = Callbacks(page, layout(page))
    usual = {"fine_tune": translate(lang, "train.stop"), "runs": translate(lang, "runs.stop")}
    force = dict.fromkeys(usual, translate(lang, "run.force_stop"))

    def stops() -> dict[str, str]:
        shown, drawn = runs.show(run, "", lang), fine_tune.runs.drawn(run, "", "", lang)
        buttons = {"fine_tune": drawn[fine_tune.parts.bar.stop], "runs": shown[runs.parts.actions.stop]}
        assert all(button["interactive"] for button in buttons.values())
        silent = buttons["runs"]["value"] == force["runs"]
        words = translate(lang, "state.not_responding")
        assert (words in str(shown[runs.parts.title])) == silent
        assert (words in str(drawn[fine_tune.parts.bar.progress])) == silent
        assert (translate(lang, "run.not_responding", seconds=60) in str(drawn[fine_tune.parts.run.panel])) == silent
        return {name: button["value"] for name, button in buttons.items()}

    beat(folder, 1, phase="saving")
    assert stops() == usual
    clock.now += 65
    assert stops() == force
    answer = Endpoints(services).run_status(run)
    assert answer["state"] == "running"
    assert answer["message"] == translate("en", "run.not_responding", seconds=60)
    beat(folder, 2, phase="saving")
    assert stops() == usual
    assert Endpoints(services).run_status(run)["message"] is None


def test_a_stop_that_was_pressed_can_be_forced_when_the_worker_does_not_respond(
    services: Services, run: str, clock: Clock
) -> None:
    folder, fine_tune = services.registry.folder(run), tab(services)
    stop = fine_tune.parts.bar.stop
    beat(folder, 1, phase="saving")
    services.registry.ask_to_stop(run, "")
    assert not fine_tune.runs.drawn(run, "", "", "en")[stop]["interactive"]
    clock.now += 65
    assert fine_tune.runs.drawn(run, "", "", "en")[stop]["interactive"]
