"""How a run was trained, in a few words, and what tells runs of one name apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.i18n.translation import plural, translate
from bertdemo.run_config import RunConfig, specs
from bertdemo.runs.queue.line import NEXT, Place
from bertdemo.runs.status import RunStatus
from bertdemo.ui.html.runs import when

# Settings that have words of their own in a recipe, or none: the method begins it, the device changes no score.
_OWN_WORDS = {"method", "epochs", "learning_rate", "device"}


@dataclass(frozen=True)
class ListedRun:
    """One run as the list shows it."""

    status: RunStatus
    model: str
    recipe: str
    place: Place = NEXT
    """Where it is in the queue."""


def recipe_words(config: RunConfig, status: RunStatus, lang: str) -> str:
    """Return the method and what differs from the defaults: `fine-tuned, 4 epochs, lr 2e-5`."""
    used = config.used()
    method = "probe" if config.frozen else "few_shot" if config.contrastive else "fine_tuned"
    parts = [translate(lang, f"runs.recipe.{method}")]
    epochs = status.epochs or config.epochs
    if epochs and not config.frozen:
        parts.append(plural(lang, "runs.recipe.epochs", epochs))
    if config.learning_rate is not None and "learning_rate" in used:
        parts.append(translate(lang, "runs.recipe.learning_rate", value=short_number(config.learning_rate)))
    changed = (spec for spec in specs() if spec.name in used and spec.name not in _OWN_WORDS)
    parts += [_setting(it.name, used[it.name], lang) for it in changed if used[it.name] not in (it.default, None)]
    return translate(lang, "runs.recipe.separator").join(parts)


def short_number(value: float) -> str:
    """Write a learning rate: 2e-05 -> `2e-5`, 0.001 -> `0.001`."""
    return f"{value:g}".replace("e-0", "e-")


def setting_value(name: str, value: object, lang: str) -> str:
    """Return the value of a setting in words; None is one that is chosen for the data."""
    if value is None:
        return translate(lang, "fine_tune.automatic")
    if isinstance(value, bool):
        return translate(lang, "common.yes" if value else "common.no")
    choice = f"config.choice.{value}"
    if next((spec.choices for spec in specs() if spec.name == name), ()):
        return translate(lang, choice)
    return short_number(value) if isinstance(value, float) else str(value)


def _setting(name: str, value: object, lang: str) -> str:
    label = translate(lang, f"config.{name}")
    if name == "precision":
        return str(value)
    lowered = label[:1].lower() + label[1:]
    return translate(lang, "runs.recipe.setting", name=lowered, value=setting_value(name, value, lang))


def names_apart(runs: Sequence[ListedRun], lang: str) -> dict[str, str]:
    """Return run id -> its name, with what tells it apart where another run has the same name."""
    names = Counter(run.status.name for run in runs)
    return {
        run.status.run_id: _told_apart(run, runs, lang) if names[run.status.name] > 1 else run.status.name
        for run in runs
    }


def _told_apart(run: ListedRun, runs: Sequence[ListedRun], lang: str) -> str:
    """Add recipe and model where they differ among the runs of this name, and the time where those are not enough."""
    alike = [other for other in runs if other.status.name == run.status.name]
    separator = translate(lang, "runs.recipe.separator")
    # Of the recipe only what not all of them have.
    shared = set.intersection(*(set(other.recipe.split(separator)) for other in alike))
    parts = [part for part in run.recipe.split(separator) if part not in shared]
    if len({other.model for other in alike}) > 1:
        parts.append(run.model)
    twins = [other for other in alike if (other.recipe, other.model) == (run.recipe, run.model)]
    if len(twins) > 1:
        parts.append(when(run.status.created))
    if sum(when(other.status.created) == when(run.status.created) for other in twins) > 1:
        parts.append(run.status.run_id[-4:])  # started in the same minute: the end of the id, which the address shows
    return translate(lang, "runs.recipe.told_apart", name=run.status.name, parts=separator.join(parts))
