"""The checkpoints that one can look into."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.services import Services

# Order of the checkpoints in the list, by their source.
_ORDER = {"trained": 0, "bundled": 1, "local": 2, "hub": 3}


def checkpoint_choices(services: Services, owner: str, lang: str) -> list[tuple[str, str]]:
    """Return this owner's checkpoints as (name, id), the trained ones first, newest first."""
    named = []
    for info in sorted(services.catalogue.list(owner), key=lambda info: _ORDER[info.source]):
        key = "checkpoint.choice" if info.ready else "checkpoint.choice_remote"
        key = "inside.choice_trained" if info.source == "trained" else key
        named.append((translate(lang, key, name=info.name), info.id))
    return named
