"""The checkpoints that Inference offers: trained ones first, the newest first, then the others."""

from __future__ import annotations

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import translate
from bertdemo.services import Services
from bertdemo.ui.html.runs import when

# Order of the checkpoints in the list, by their source.
_ORDER = {"trained": 0, "bundled": 1, "local": 2, "hub": 3}


def checkpoint_choices(services: Services, key: str, lang: str) -> list[tuple[str, str]]:
    """Return the checkpoints that this owner can choose, as (words, id)."""
    infos = services.catalogue.list(services.owner(key))
    return [(_describe(info, lang), info.id) for info in sorted(infos, key=lambda info: _ORDER[info.source])]


def _describe(info: CheckpointInfo, lang: str) -> str:
    if info.source != "trained":
        return translate(lang, "checkpoint.choice" if info.ready else "checkpoint.choice_remote", name=info.name)
    metric = translate(lang, "predict.choice_unmeasured") if info.metric is None else f"{info.metric:.3f}"
    return translate(lang, "predict.choice_trained", name=info.name, metric=metric, when=when(info.created))
