"""The settings of a training run as a form made from RunConfig: one control a field, in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from bertdemo.device import Device, DeviceReport, precision_for
from bertdemo.i18n.translation import DEFAULT, size, translate
from bertdemo.run_config import FieldSpec, RunConfig, specs
from bertdemo.services import Services
from bertdemo.ui.html.predictions import describe
from bertdemo.ui.html.primitives import error_state, pill, root
from bertdemo.ui.localized import guarded
from bertdemo.ui.page import Page
from bertdemo.ui.updates import QUIET, keyed


@dataclass(frozen=True)
class SettingsForm:
    """The controls, and where what they come to is shown."""

    checkpoint: gr.Dropdown
    # RunConfig field -> component.
    controls: Mapping[str, Any]
    chosen: gr.HTML
    trouble: gr.HTML
    start: gr.Button

    @property
    def components(self) -> list[Any]:
        """The controls of RunConfig in the order of its fields."""
        return [self.controls[spec.name] for spec in specs()]

    @property
    def batch_size(self) -> Any:
        """The control that an out-of-memory sentence sets."""
        return self.controls["batch_size"]

    @staticmethod
    def values(fields: Sequence[Any]) -> dict[str, Any]:
        """Return {field: value} of what `components` sent."""
        return {spec.name: value for spec, value in zip(specs(), fields, strict=True)}

    @staticmethod
    def over(config: RunConfig, fields: Sequence[Any]) -> RunConfig:
        """Return the settings of an earlier run with what was changed in the form: all that is not at its default."""
        # A field at its default is one that nobody has touched since the page was loaded.
        form = RunConfig.from_fields(SettingsForm.values(fields))
        now = {spec.name: getattr(form, spec.name) for spec in specs()}
        return replace(config, **{spec.name: now[spec.name] for spec in specs() if now[spec.name] != spec.default})

    @staticmethod
    def for_regression(fields: Sequence[Any]) -> list[Any]:
        """Return what `components` sent, made the settings of a regression; what it has no use for is the default."""
        # "" is the default: a value that a linear probe does not read must not end the start with an error.
        used = RunConfig(method="regression").used()
        values = SettingsForm.values(fields)
        kept = {spec.name: values[spec.name] if spec.name in used else "" for spec in specs()}
        return list({**kept, "method": "regression"}.values())


def build_form(page: Page, services: Services) -> SettingsForm:
    """Draw the form: checkpoint, the basic settings, the others closed away, Start."""
    make = page.words.make

    def checkpoints(lang: str) -> list[tuple[str, str]]:
        return checkpoint_choices(services, services.owner("", optional=True), lang)

    checkpoint = make(
        gr.Dropdown,
        {"label": "train.checkpoint", "choices": checkpoints},
        value="bundled",
        allow_custom_value=True,
        elem_id="train-checkpoint",
    )
    about = make(
        gr.HTML,
        {"value": lambda lang: describe(services.catalogue.describe("bundled", ""), lang)},
        elem_id="train-about",
    )
    controls: dict[str, Any] = {}
    for spec in specs():
        if spec.basic:
            controls[spec.name] = _control(page, services, spec)
    with make(gr.Accordion, {"label": "train.all_settings"}, open=False, elem_id="train-all"):
        for spec in specs():
            if not spec.basic:
                controls[spec.name] = _control(page, services, spec)
    chosen = gr.HTML("", elem_id="train-chosen")
    start = make(gr.Button, {"value": "train.start"}, variant="primary", elem_id="train-start")
    trouble = gr.HTML("", elem_id="train-trouble")
    form = SettingsForm(checkpoint, controls, chosen, trouble, start)
    _wire(page, services, form, about)
    return form


def device_words(device: Device, lang: str) -> str:
    """Return a device as a person knows it: its name, free memory, and the precision it will train in."""
    precision = translate(lang, f"precision.{precision_for(device, 'auto')}")
    if device.kind == "cpu":
        return translate(lang, "device.cpu", cores=device.cores, precision=precision)
    return translate(lang, "device.gpu", name=device.name, free=size(device.free_bytes), precision=precision)


def device_choices(report: DeviceReport, lang: str) -> list[tuple[str, str]]:
    """Return the devices as choices, "choose for me" first."""
    best = translate(lang, "device.auto", device=device_words(report.devices[0], lang))
    return [(best, "auto"), *((device_words(device, lang), device.id) for device in report.devices)]


def device_info(report: DeviceReport, lang: str) -> str:
    """Say why no GPU was found, where none was."""
    return translate(lang, f"device.no_gpu.{report.no_gpu}") if report.no_gpu else translate(lang, "config.help.device")


def checkpoint_choices(services: Services, owner: str, lang: str) -> list[tuple[str, str]]:
    """Return every checkpoint of this owner that can be fine-tuned."""
    return [
        (translate(lang, "checkpoint.choice" if info.ready else "checkpoint.choice_remote", name=info.name), info.id)
        for info in services.catalogue.list(owner)
        if "fine_tune" in info.can
    ]


def _control(page: Page, services: Services, spec: FieldSpec) -> Any:
    # Devices and checkpoints change while the page is open, so their choices are functions of the language.
    words: dict[str, Any] = {"label": f"config.{spec.name}", "info": f"config.help.{spec.name}"}
    options: dict[str, Any] = {"elem_id": f"config-{spec.name}", "interactive": True}
    if spec.kind == "device":
        words["info"] = lambda lang: device_info(services.admission.devices, lang)
        words["choices"] = lambda lang: device_choices(services.admission.devices, lang)
        return page.words.make(gr.Dropdown, words, value=spec.default, **options)
    if spec.kind == "choice":
        words["choices"] = lambda lang: [(translate(lang, f"config.choice.{name}"), name) for name in spec.choices]
        return page.words.make(gr.Dropdown, words, value=spec.default, **options)
    if spec.kind == "flag":
        return page.words.make(gr.Checkbox, words, value=spec.default, **options)
    if spec.optional:  # a number box cannot be empty: it would show and send 0
        return page.words.make(gr.Textbox, {**words, "placeholder": "config.auto"}, value="", max_lines=1, **options)
    return page.words.make(
        gr.Number,
        words,
        value=spec.default,
        precision=0 if spec.kind == "int" else None,
        step=1 if spec.kind == "int" else 0.00001,
        **options,
    )


def _wire(page: Page, services: Services, form: SettingsForm, about: gr.HTML) -> None:
    """Keep the devices, the checkpoints and what the chosen one is up to date."""
    device = form.controls["device"]
    look, drawn_before = page.clock, gr.State((DEFAULT, ""))

    def find_devices(before: tuple[str, str], lang: str) -> tuple[Any, ...]:
        drawn_in, pill_before = before
        pill_now = _pill(services, lang)
        # A tick that was sent before the language changed may be answered after it: it has nothing to say then.
        if pill_now == pill_before or lang != drawn_in:
            return (gr.skip(),) * 4
        report = services.admission.devices
        update = gr.update(choices=device_choices(report, lang), info=device_info(report, lang))
        return gr.Timer(3.0), update, pill_now, (lang, pill_now)  # found: from now on only its state changes

    def tell(checkpoint: str, key: str, lang: str) -> str:
        return describe(services.catalogue.describe(checkpoint, services.owner(key)), lang)

    def list_checkpoints(visit: Any) -> Any:
        return gr.update(choices=checkpoint_choices(services, services.owner(visit.owner), visit.lang))

    def speak(lang: str, checkpoint: str, key: str) -> tuple[Any, ...]:
        choices = checkpoint_choices(services, services.owner(key, optional=True), lang)
        description = guarded(tell, on_error=_refused)(checkpoint, key, lang)
        pill_now = _pill(services, lang)
        return gr.update(choices=choices), description, pill_now, (lang, pill_now)

    look.tick(guarded(find_devices), [drawn_before, page.lang], [look, device, page.device, drawn_before], **QUIET)
    form.checkpoint.change(guarded(tell, on_error=_refused), [form.checkpoint, page.owner, page.lang], about, **QUIET)
    page.on_load(keyed(list_checkpoints, [form.checkpoint]), [], [form.checkpoint])
    page.tells_model("train", form.checkpoint)
    spoken = [form.checkpoint, about, page.device, drawn_before]
    page.on_language(keyed(speak, spoken), [form.checkpoint, page.owner], spoken)


def _pill(services: Services, lang: str) -> str:
    """Draw the device and its state, or that the server did not start; nothing until torch could be asked."""
    if error_id := services.admission.start_error:
        return root(pill(translate(lang, "device.failed", error_id=error_id)))
    if not services.admission.devices_known:
        return ""
    words = device_words(services.admission.devices.devices[0], lang)
    state = translate(lang, "device.training" if services.dispatcher.training() else "device.idle")
    return root(pill(f"{words} · {state}", alive=True))


def _refused(message: str) -> str:
    return root(error_state(message))
