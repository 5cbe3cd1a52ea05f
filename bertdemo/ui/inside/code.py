"""The few lines of code that give the numbers of a step, for the checkpoint and the text that are open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bertdemo.anatomy import snippets
from bertdemo.checkpoints import CheckpointInfo
from bertdemo.checkpoints.head_detection import has_classifier
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.services import Services
from bertdemo.serving.inspector import Question

if TYPE_CHECKING:
    from bertdemo.ui.inside.views import Asked


class Code:
    """Writes the code of each step."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, step: str, request: Asked) -> str:
        """Return the code of a step, "" where it has none."""
        info = self._info(request)
        if step == "what" or (step == "training_step" and info.problem == "regression"):
            return ""
        layer, head, token = request.chosen
        kept = self._kept(request.question, request.owner)
        return snippets.snippet(
            step, source_of(info), request.question.text, request.question.pair,
            untrained=not info.outputs, mean=info.mean_head, redrawn=has_classifier(info.other_head),
            problem=info.problem, layer=layer, head=head, token=token, label=request.label,
            learning_rate=request.rate, kept=kept, labels=len(info.outputs), **self._more(step, request, info),
        )  # fmt: skip

    def _more(self, step: str, request: Asked, info: CheckpointInfo) -> dict[str, object]:
        """Return what only some steps need: the base before training, the other sentences."""
        if step == "before_after":
            return self._started(info, request.owner)
        if step != "pooling":
            return {}
        texts = {"second": request.second, "unrelated": request.unrelated}
        more: dict[str, object] = {}
        for name, text in ((name, text) for name, text in texts.items() if text.strip()):
            question = replace(request.question, text=text, pair="")
            more |= {name: text, f"{name}_kept": self._kept(question, request.owner)}
        return more

    def keeps_encoder(self, info: CheckpointInfo, owner: str) -> bool:
        """Return whether a checkpoint is a linear probe on an encoder that was never trained further."""
        return info.mean_head and not (self._services.catalogue.folder(info.id, owner) / HEAD_FILE).is_file()

    def _started(self, info: CheckpointInfo, owner: str) -> dict[str, object]:
        """Return the base, and whether the head that training started with was kept."""
        catalogue = self._services.catalogue
        started = not info.mean_head and (catalogue.folder(info.id, owner) / HEAD_FILE).is_file()
        return {"base": source_of(catalogue.describe(info.base or "", owner)), "started": started}

    def _kept(self, question: Question, owner: str) -> tuple[tuple[int, int], ...]:
        """Return what is left of a text by a checkpoint that truncates by a rule of its own."""
        if self._services.catalogue.card(question.checkpoint, owner) is None:
            return ()
        return self._services.inspector.trace(question, owner).kept

    def _info(self, request: Asked) -> CheckpointInfo:
        return self._services.catalogue.describe(request.question.checkpoint, request.owner)


def source_of(info: CheckpointInfo) -> str:
    """Return what a person's own code would open: a Python expression."""
    if info.source == "bundled":
        return snippets.BUNDLED
    if info.source == "hub":
        return repr(info.id)
    return repr(f"path/to/{info.name}" if info.source == "local" else "path/to/the/unpacked/zip")
