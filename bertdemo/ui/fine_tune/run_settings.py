"""The settings of a training run as a form made from RunConfig: one control a field, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import gradio as gr
from gradio.blocks import Block

from bertdemo import tasks
from bertdemo.device import Device, DeviceReport, precision_for
from bertdemo.i18n.translation import DEFAULT, size, translate
from bertdemo.run_config import GROUPS, TASK_FIELDS, FieldSpec, Group, RunConfig, specs
from bertdemo.services import Services
from bertdemo.ui.html.predictions import describe
from bertdemo.ui.html.primitives import error_state, heading, pill, root
from bertdemo.ui.localized import Source, guarded
from bertdemo.ui.page import Page, Visit
from bertdemo.ui.updates import QUIET, Updates

# How the state of the controls marks a field that the task does not read.
HIDDEN = "hidden"
# What a person most often changes, in one line; the other fields of RunConfig open below it.
_IN_LINE = ("method", "epochs", "max_length", "batch_size")


@dataclass(frozen=True)
class SettingsForm:
    """The controls of RunConfig, and the pretrained model."""

    checkpoint: gr.Dropdown
    about: gr.HTML
    recipe: gr.HTML
    controls: Mapping[str, gr.Textbox | gr.Number | gr.Dropdown | gr.Checkbox]
    """Field of RunConfig -> its control."""

    @property
    def components(self) -> list[Block]:
        """The controls in the order of the fields of RunConfig."""
        return [self.controls[spec.name] for spec in specs()]


def over(config: RunConfig, fields: Mapping[str, object]) -> RunConfig:
    """Return the settings of an earlier run with what was changed in the form: all that is not at its default."""
    # A field at its default has not been changed since the page was loaded.
    form = RunConfig.from_fields(fields)
    now = {spec.name: getattr(form, spec.name) for spec in specs()}
    return replace(config, **{spec.name: now[spec.name] for spec in specs() if now[spec.name] != spec.default})


def for_probe(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the form as the settings of a linear probe; fields that a probe does not use are at their default."""
    # "" is the default: a value that a linear probe does not read must not end the start with an error.
    used = RunConfig(method="regression").used()
    return {**{name: value if name in used else "" for name, value in fields.items()}, "method": "regression"}


def layout(page: Page) -> SettingsForm:
    """Draw the form: the model and three settings in one line, the others folded below it."""
    make, services = page.words.make, page.services

    def checkpoints(lang: str) -> list[tuple[str, str]]:
        return checkpoint_choices(services, services.owner("", optional=True), lang)

    controls: dict[str, gr.Textbox | gr.Number | gr.Dropdown | gr.Checkbox] = {}
    by_name = {spec.name: spec for spec in specs()}
    with gr.Row(elem_id="train-settings", equal_height=False):
        checkpoint = make(
            gr.Dropdown,
            {"label": "train.checkpoint", "choices": checkpoints},
            value="bundled",
            allow_custom_value=True,
            elem_id="train-checkpoint",
            scale=3,
            min_width=220,
        )
        for name in _IN_LINE:
            controls[name] = _control(page, by_name[name], info=False)
    recipe = gr.HTML("", elem_id="train-recipe")
    with make(gr.Accordion, {"label": "train.all_settings"}, open=False, elem_id="train-all"):
        about = make(
            gr.HTML,
            {"value": lambda lang: describe(services.catalogue.describe("bundled", ""), lang)},
            elem_id="train-about",
        )
        for group in GROUPS:
            controls |= _group(page, group)
    return SettingsForm(checkpoint, about, recipe, controls)


def _group(page: Page, group: Group) -> dict[str, gr.Textbox | gr.Number | gr.Dropdown | gr.Checkbox]:
    """Draw the settings of a group below its heading."""
    members = [spec for spec in specs() if spec.group == group and spec.name not in _IN_LINE]
    page.words.make(gr.HTML, {"value": lambda lang: root(heading(translate(lang, f"config.group.{group}")))})
    with gr.Row(elem_classes="bd-all-settings"):
        return {spec.name: _control(page, spec) for spec in members}


def unread_fields(task: str) -> frozenset[str]:
    """Return the fields of RunConfig that this task does not read; "" is no task yet, for which all are shown."""
    return frozenset(TASK_FIELDS) - tasks.find(task).options if task else frozenset()


def ghost_texts(config: RunConfig | None, task: str, lang: str) -> dict[str, str]:
    """Return field -> ghost text of every field that may be empty: what will be taken for these data.

    A field that only some tasks read has "" or HIDDEN.
    """
    unread = unread_fields(task)
    texts = {name: HIDDEN if name in unread else "" for name in TASK_FIELDS}
    for spec in specs():
        if spec.optional and spec.kind != "choice":  # a choice that is open shows "automatic" itself
            value = getattr(config, spec.name) if config is not None else None
            texts[spec.name] = translate(lang, "fine_tune.automatic")
            if value is not None:
                texts[spec.name] = translate(lang, "fine_tune.automatic_value", value=f"{value:g}")
    return texts


def placeholders(form: SettingsForm, texts: Mapping[str, str], before: Mapping[str, str]) -> Updates:
    """Return updates of the fields whose ghost text has changed, and of those that a task hides or shows.

    No others: an update that arrives while somebody types takes away what was typed. What is hidden goes back to its
    default, or it would still count.
    """
    changed = {name: text for name, text in texts.items() if before.get(name, "") != text}
    defaults = {spec.name: spec.default for spec in specs()}
    updates: Updates = {}
    for name, text in changed.items():
        shown = {"visible": True} if name in TASK_FIELDS else {"placeholder": text}
        updates[form.controls[name]] = gr.update(
            **({"visible": False, "value": defaults[name]} if text == HIDDEN else shown)
        )
    return updates


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


def choices_of(spec: FieldSpec, lang: str) -> list[tuple[str, str]]:
    """Return the choices of a field; "" leaves it open where that is allowed."""
    automatic = [(translate(lang, "config.choice.auto"), "")] if spec.optional else []
    return [*automatic, *((translate(lang, f"config.choice.{name}"), name) for name in spec.choices)]


def _control(page: Page, spec: FieldSpec, *, info: bool = True) -> gr.Textbox | gr.Number | gr.Dropdown | gr.Checkbox:
    """Draw the control of a field; those in the line have no sentence below them, All settings explains the rest."""
    # Devices change while the page is open, so their choices are functions of the language.
    words: dict[str, Source] = {"label": f"config.{spec.name}"}
    if info:
        words["info"] = f"config.help.{spec.name}"
    options: dict[str, object] = {
        "elem_id": f"config-{spec.name}",
        "interactive": True,
        "min_width": 260 if info else 200 if spec.kind == "choice" else 110,
    }
    admission = page.services.admission
    if spec.kind == "device":
        words["info"] = lambda lang: device_info(admission.devices, lang)
        words["choices"] = lambda lang: device_choices(admission.devices, lang)
        return page.words.make(gr.Dropdown, words, value=spec.default, **options)
    if spec.kind == "choice":
        words["choices"] = lambda lang: choices_of(spec, lang)
        return page.words.make(gr.Dropdown, words, value=spec.default or "", **options)
    if spec.kind == "flag":
        return page.words.make(gr.Checkbox, words, value=spec.default, **options)
    if spec.optional:  # a number box cannot be empty: it would show and send 0
        words["placeholder"] = "fine_tune.automatic"
        return page.words.make(gr.Textbox, words, value="", max_lines=1, lines=1, **options)
    step = 1 if spec.kind == "int" else 0.00001
    precision = 0 if spec.kind == "int" else None
    return page.words.make(gr.Number, words, value=spec.default, precision=precision, step=step, **options)


def wire(page: Page, form: SettingsForm) -> None:
    """Keep the devices, the checkpoints and what the chosen one is up to date."""
    services, device, clock = page.services, form.controls["device"], page.clock
    drawn_before = gr.State((DEFAULT, ""))

    def find_devices(before: tuple[str, str], lang: str) -> Updates:
        drawn_in, pill_before = before
        pill_now = _pill(services, lang)
        # A tick that was sent before the language changed may be answered after it: it has nothing to say then.
        if pill_now == pill_before or lang != drawn_in:
            return {drawn_before: gr.skip()}
        devices = services.admission.devices
        update = gr.update(choices=device_choices(devices, lang), info=device_info(devices, lang))
        # Found: from now on only its state changes.
        return {clock: gr.Timer(3.0), device: update, page.device: pill_now, drawn_before: (lang, pill_now)}

    def tell(checkpoint: str, key: str, lang: str) -> Updates:
        return {form.about: describe(services.catalogue.describe(checkpoint, services.owner(key)), lang)}

    def refused(message: str) -> Updates:
        return {form.about: root(error_state(message))}

    def list_checkpoints(visit: Visit) -> Updates:
        return {
            form.checkpoint: gr.update(choices=checkpoint_choices(services, services.owner(visit.owner), visit.lang))
        }

    def speak(lang: str, checkpoint: str, key: str) -> Updates:
        choices = checkpoint_choices(services, services.owner(key, optional=True), lang)
        pill_now = _pill(services, lang)
        drawn: Updates = {page.device: pill_now, drawn_before: (lang, pill_now)}
        described = guarded(tell, on_error=refused)(checkpoint, key, lang)
        return {form.checkpoint: gr.update(choices=choices), **described, **drawn}

    ticked = [clock, device, page.device, drawn_before]
    clock.tick(guarded(find_devices), [drawn_before, page.lang], ticked, **QUIET)
    told = [form.checkpoint, page.owner, page.lang]
    form.checkpoint.change(guarded(tell, on_error=refused), told, form.about, **QUIET)
    page.on_load(list_checkpoints, [], [form.checkpoint])
    page.tells_model("train", form.checkpoint)
    spoken = [form.checkpoint, form.about, page.device, drawn_before]
    page.on_language(speak, [form.checkpoint, page.owner], spoken)


def _pill(services: Services, lang: str) -> str:
    """Draw the device and its state, or that the server did not start; nothing until torch could be asked."""
    if error_id := services.admission.start_error:
        return root(pill(translate(lang, "device.failed", error_id=error_id)))
    if not services.admission.devices_known:
        return ""
    words = device_words(services.admission.devices.devices[0], lang)
    state = translate(lang, "device.training" if services.dispatcher.training() else "device.idle")
    return root(pill(f"{words} · {state}", alive=True))
