"""What a link shows in Fine-tune, and the times that stand on its buttons before they are pressed."""

from __future__ import annotations

import pytest

from bertdemo.device import cpu, precision_for
from bertdemo.runs.estimate import Speeds
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.fine_tune.dataset_state import Source
from bertdemo.ui.page import Visit
from tests.ui.fine_tune.support import choice, tab


@pytest.fixture
def services(settings: Settings) -> Services:
    settings.apply()
    return Services.create(settings)


def _visit(sample: str, run: str = "", lang: str = "en") -> Visit:
    return Visit(lang, "train", run, "", "", sample=sample)


def test_a_link_to_a_sample_shows_it_before_the_run_that_is_remembered(services: Services) -> None:
    page = tab(services)
    updates = page.data.arrive(_visit("entities_zh", lang="zh"))
    source = updates[page.parts.state.source]
    assert isinstance(source, Source) and source.sample == "entities_zh"
    assert 'data-of-sample="entities_zh"' in str(updates[page.parts.cards])
    assert updates[page.parts.state.stage] == "data"
    remembered = {"run": "20260101-000000-0123456789abcdef"}
    assert page.runs.arrive(_visit("entities_zh"), remembered)[page.runs.page.run] == {"run": None}


def test_an_unknown_sample_is_said_and_a_run_in_the_address_goes_before_a_sample(services: Services) -> None:
    page = tab(services)
    told = page.data.arrive(_visit("<img src=x>"))
    assert "This sample does not exist" in str(told[page.parts.empty.refused])
    assert page.parts.state.source not in told
    assert page.parts.state.source not in page.data.arrive(_visit("support_en", run="20260101-000000-gone"))


def test_the_buttons_of_baselines_and_label_errors_say_how_long_a_press_takes(services: Services) -> None:
    page = tab(services)
    sample = page.data.arrive(_visit("support_en"))
    state, data = page.parts.state, page.parts.data
    picked = {"source": sample[state.source], "picked": sample[state.picked], "facts": sample[state.facts]}
    assert sample[data.baselines.go] == "Evaluate"  # the speed is not known yet
    Speeds(services.settings.home).note("CPU", precision_for(cpu(), "auto"), 8e9)
    lengths = sample[state.facts].lengths  # type: ignore[attr-defined]
    embedding = services.estimates.embedding_seconds(lengths, 367, 128, services.catalogue.describe("bundled", ""))
    assert embedding is not None and 8 < embedding < 12  # 367 rows of about 20 tokens, times 10.6 million parameters
    time = round(embedding + 2)
    assert page.data.arrive(_visit("support_en"))[data.baselines.go] == f"Evaluate · about {time} s"
    assert page.data.arrive(_visit("support_en", lang="zh"))[data.issues.go] == f"查找 · 约 {time} 秒"
    assert page.data.speak(choice(**picked, lang="zh"))[data.baselines.go] == f"开始评估 · 约 {time} 秒"
