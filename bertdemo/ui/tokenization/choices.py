"""The checkpoints that Tokenization offers, and the sentence and checkpoint that it opens with."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.checkpoints import CheckpointInfo
from bertdemo.i18n.translation import has, thousands, translate
from bertdemo.services import CHINESE, Services
from bertdemo.ui.page import SAMPLES

# Id of the checkpoint that ships with the app.
BUNDLED = "bundled"
# (text, checkpoint) as the page opens with them, by which it knows that nobody has changed one.
OPENINGS = {(SAMPLES["en"], BUNDLED), (SAMPLES["zh"], CHINESE)}

# (words, id of the checkpoint).
Choice = tuple[str, str]


@dataclass(frozen=True)
class CheckpointChoices:
    """The checkpoints to choose from; a visitor without an owner key may use those that belong to nobody."""

    services: Services

    def main(self, lang: str, key: str = "") -> list[Choice]:
        """Return every checkpoint, described."""
        owner = self.services.owner(key, optional=True)
        return [(_describe(info, lang), info.id) for info in self.services.catalogue.list(owner)]

    def compared(self, lang: str, key: str = "") -> list[Choice]:
        """Return the same with "no other" first."""
        return [(translate(lang, "tokens.compare_none"), ""), *self.main(lang, key)]

    def opening(self, lang: str) -> tuple[str, str]:
        """Return the language of the first sample, and the checkpoint that reads it."""
        return ("zh", CHINESE) if lang == "zh" and self.services.reads_chinese() else ("en", BUNDLED)


def _describe(info: CheckpointInfo, lang: str) -> str:
    key = f"checkpoint.language.{info.language}"
    language = translate(lang, key if has(key) else "checkpoint.language.unknown")
    choice = "tokens.choice" if info.ready else "tokens.choice_remote"
    return translate(lang, choice, name=info.name, language=language, vocabulary=thousands(info.vocabulary))
