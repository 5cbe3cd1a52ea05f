"""The settings form is made from RunConfig, and names the device that will be used."""

from __future__ import annotations

import pytest

from bertdemo.device import Device, DeviceReport
from bertdemo.i18n.translation import LANGUAGES, has, translate
from bertdemo.run_config import TASK_FIELDS, RunConfig, specs
from bertdemo.services import Services
from bertdemo.settings import Settings
from bertdemo.ui.app import build_app
from bertdemo.ui.fine_tune.run_settings import (
    HIDDEN,
    device_choices,
    device_info,
    ghost_texts,
    placeholders,
    unread_fields,
)
from tests.ui.fine_tune.support import FIELDS, tab

GIB = 1024**3
CPU = Device("cpu", "cpu", "CPU", 16 * GIB, 8 * GIB, bfloat16=True, float16=False, cores=4)
GPU = Device("cuda:0", "cuda", "NVIDIA A10G", 24 * GIB, 20 * GIB, bfloat16=True, float16=True)
OLD_GPU = Device("cuda:1", "cuda", "Tesla T4", 16 * GIB, 15 * GIB, bfloat16=False, float16=True)
APPLE = Device("mps", "mps", "Apple GPU", 16 * GIB, 9 * GIB, bfloat16=False, float16=False)


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: spec.name)
def test_every_setting_has_a_label_and_a_sentence_in_both_languages(spec: object) -> None:
    name = getattr(spec, "name", "")
    assert has(f"config.{name}")
    assert has(f"config.help.{name}")
    for choice in getattr(spec, "choices", ()):
        assert has(f"config.choice.{choice}")


def test_the_form_has_one_control_for_each_setting_and_nothing_else(settings: Settings) -> None:
    app = build_app(settings, Services.create(settings))
    ids = {getattr(block, "elem_id", None) for block in app.blocks.blocks.values()}
    found = {name.removeprefix("config-") for name in ids if isinstance(name, str) and name.startswith("config-")}
    assert found == {spec.name for spec in specs()}


def test_what_the_form_sends_untouched_is_the_default_configuration() -> None:
    assert RunConfig.from_fields(FIELDS) == RunConfig()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_gpu_is_named_with_its_free_memory_and_precision(lang: str) -> None:
    choices = device_choices(DeviceReport((GPU, OLD_GPU, CPU)), lang)
    assert [value for _, value in choices] == ["auto", "cuda:0", "cuda:1", "cpu"]
    words = [name for name, _ in choices]
    assert "NVIDIA A10G" in words[0]
    assert "21.5 GB" in words[1]
    assert "bf16" in words[1]
    assert "fp16" in words[2]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_apple_gpu_trains_in_float32_and_is_offered_before_the_cpu(lang: str) -> None:
    choices = device_choices(DeviceReport((APPLE, CPU)), lang)
    assert [value for _, value in choices] == ["auto", "mps", "cpu"]
    assert "float32" in choices[1][0]


@pytest.mark.parametrize("reason", ["cpu_build", "no_driver", "hidden"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_machine_without_gpu_says_why(reason: str, lang: str) -> None:
    report = DeviceReport((CPU,), reason)
    assert device_info(report, lang) == translate(lang, f"device.no_gpu.{reason}")
    assert "4" in device_choices(report, lang)[0][0]


def test_only_a_ghost_text_that_changed_is_sent_because_an_update_takes_away_what_is_typed(settings: Settings) -> None:
    form = tab(Services.create(settings)).parts.data.form
    nothing = ghost_texts(None, "", "en")
    open_fields = {spec.name for spec in specs() if spec.optional and spec.kind != "choice"}
    assert set(nothing) == open_fields | set(TASK_FIELDS)
    assert set(placeholders(form, nothing, {})) == {form.controls[name] for name in open_fields}
    six = ghost_texts(RunConfig(epochs=6), "", "en")
    assert six["epochs"] == translate("en", "fine_tune.automatic_value", value="6")
    assert set(placeholders(form, six, nothing)) == {form.controls["epochs"]}
    assert placeholders(form, six, six) == {}


def test_a_setting_that_the_task_does_not_read_is_hidden_and_goes_back_to_its_default() -> None:
    texts = ghost_texts(None, "fill_mask", "en")
    assert {name for name, text in texts.items() if text == HIDDEN} == set(TASK_FIELDS)
    assert not unread_fields("classification")
    assert unread_fields("pair") == {"head_init", "pooling"}
