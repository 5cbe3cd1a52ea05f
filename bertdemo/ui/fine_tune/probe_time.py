"""How long baselines and the search for label errors take, said before they are asked for."""

from __future__ import annotations

from bertdemo.analysis.baselines import MOST_ROWS
from bertdemo.analysis.embedding_cache import LENGTH
from bertdemo.i18n.translation import estimated_seconds, translate
from bertdemo.services import Services
from bertdemo.ui.fine_tune.choice import Choice

# Beside the embeddings: the model is loaded, TF-IDF and the probe are fitted in ten folds. For 300 rows of six labels
# that takes one to two seconds on two cores.
_FITTING_SECONDS = 2.0


def timed(words: str, choice: Choice, services: Services) -> str:
    """Return the label of a button with the time it takes, where the speed of this processor is known."""
    facts = choice.facts
    if facts is None:
        return words
    info = services.catalogue.describe(choice.checkpoint, services.owner(choice.key))
    rows = min(facts.rows, MOST_ROWS)
    embedding = services.estimates.embedding_seconds(facts.lengths, rows, min(LENGTH, info.positions), info)
    if embedding is None:
        return words
    time = estimated_seconds(choice.lang, _FITTING_SECONDS + embedding)
    return f"{words} · {translate(choice.lang, 'fine_tune.about', time=time)}"
