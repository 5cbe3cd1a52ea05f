"""What Inference offers to try: held-out rows of a trained checkpoint, sentences of ours for any other."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo import tasks
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.errors import BertDemoError
from bertdemo.i18n.translation import DEFAULT, translate
from bertdemo.runs.held_out import EXAMPLES, examples
from bertdemo.services import Services


@dataclass(frozen=True)
class Example:
    """One or two texts to try; `truth` is the true answer, None where nobody knows one."""

    text: str
    pair: str
    truth: str | None = None


@dataclass(frozen=True)
class Offered:
    """The examples of one checkpoint, and whether they are rows that it never learned from."""

    examples: tuple[Example, ...] = ()
    held_out: bool = False
    # Whether they are not in the language of the page, because the checkpoint does not read it.
    foreign: bool = False

    def index(self, text: str, pair: str) -> int | None:
        """Return which example these texts are, None where they are none of them."""
        return next((at for at, own in enumerate(self.examples) if (own.text, own.pair) == (text, pair)), None)

    def truth(self, text: str, pair: str) -> str | None:
        """Return the true answer for these texts, None where it is not known."""
        at = self.index(text, pair)
        return None if at is None else self.examples[at].truth


NO_EXAMPLES = Offered()


def offered(services: Services, info: CheckpointInfo, owner: str, lang: str) -> Offered:
    """Return what to try with a checkpoint."""
    task = tasks.for_checkpoint(info)
    if task is None:
        # To a vocabulary without Chinese characters every Chinese sentence is [UNK].
        foreign = lang != DEFAULT and "chinese" not in info.can
        return Offered(_authored(DEFAULT if foreign else lang), foreign=foreign)
    if info.run is None:
        return NO_EXAMPLES
    try:
        rows = services.registry.evaluation(info.run, owner)
    except BertDemoError:  # the run was deleted, or is another owner's
        return NO_EXAMPLES
    return Offered(tuple(Example(row.text, row.pair, row.truth) for row in examples(rows, task)), held_out=True)


def _authored(lang: str) -> tuple[Example, ...]:
    """Return pairs of sentences: the same in other words, other things in the same words, nothing in common."""
    return tuple(
        Example(translate(lang, f"predict.example.{n}.text"), translate(lang, f"predict.example.{n}.pair"))
        for n in range(1, EXAMPLES + 1)
    )
