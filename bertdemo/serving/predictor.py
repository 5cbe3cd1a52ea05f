"""Labels and vectors from a checkpoint, for one text or many.

The last few opened models are kept. A short text is computed on one thread, and so is everything while a training run
uses the CPU: two threads that share the cores with anything else need 500 ms where one needs 14.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue, loading
from bertdemo.checkpoints.loading import HEAD_FILE, open_mean_linear_at_start, open_model, restore_head
from bertdemo.checkpoints.mean_pooling_head import masked_mean
from bertdemo.errors import (
    ArgumentWrong,
    CheckpointError,
    HeadMissing,
    PairMissing,
    TextMissing,
    TextTooLong,
    TooManyTexts,
)
from bertdemo.run_config import Truncation
from bertdemo.settings import Settings
from bertdemo.slots import GiveWay, Slots, giving_way
from bertdemo.tasks.base import HeadOptions, Inputs, Task
from bertdemo.tasks.forward import Batch, Inference
from bertdemo.tasks.results import Prediction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bertdemo.checkpoints import CheckpointInfo

    Floats = NDArray[np.float32]

Pooling = Literal["cls", "mean", "max"]
POOLINGS: tuple[Pooling, ...] = ("cls", "mean", "max")
# Four BERTs of 110M parameters take about 1.8 GB in float32.
_KEPT_MODELS = 4
# A slot is given up between two batches where somebody waits, so that one text waits for a batch and not for a file.
# Who waits for longer than this would occupy one of the 40 threads that serve the page.
_WAIT_SECONDS = 30.0
# Characters of a request up to which it is computed on one thread. Beside other work (load 11 on two cores) a text of
# 12 tokens took 36 to 102 ms on one thread and 460 to 490 ms on two, which wait for each other in every layer; on an
# idle machine two threads save about 4 ms of 14. From here on the second thread is worth it.
_SHORT_CHARS = 1000
# Tokens in a batch on a CPU, so that whoever waits for a slot waits for two long texts or forty short ones, and not for
# 32 long ones: 512 tokens take the bundled model about 0.1 s on two quiet cores. More at once save nothing there, since
# one long text keeps both cores busy; a GPU is only busy with many, and through a batch in a moment.
_CPU_BATCH_TOKENS = 1024


@dataclass(frozen=True)
class Answer:
    """The prediction of a checkpoint for one text, and that of its head at step 0."""

    task: str
    checkpoint: str
    output: Prediction
    before: Prediction | None
    """Of the run's base with its head as it was before the first step; None where that is not stored."""
    max_length: int
    truncated: bool = False
    """Whether the model reads less than the whole text."""
    from_probe: bool = False
    """Whether the head at step 0 was a linear probe, and not random."""


@dataclass(frozen=True)
class _Opened:
    info: CheckpointInfo
    inference: Inference


class Predictor:
    """See the module. `training_on_cpu` returns whether a run shares the cores, `device` where to compute."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        *,
        training_on_cpu: Callable[[], bool] = lambda: False,
        device: Callable[[], str] = lambda: "cpu",
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._training_on_cpu = training_on_cpu
        self._device = device
        self._models: OrderedDict[tuple[str, str], _Opened] = OrderedDict()
        self._guard = threading.Lock()
        limits = settings.limits
        self._slots = Slots(limits.concurrent_predictions, _WAIT_SECONDS, limits.predictions_per_address)

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot."""
        return self._slots.waiting

    def warm_up(self) -> None:
        """Import what the first prediction would wait for."""
        import sklearn.metrics  # noqa: F401

        loading.warm_up()

    def predict(self, text: str, pair: str, checkpoint: str, owner: str) -> Answer:
        """Return the prediction for one text.

        Raises HeadMissing where the checkpoint has no trained head, TextMissing, TextTooLong, PairMissing, ServerBusy.
        """
        self._check_text(text)
        self._check_text(pair, required=False)
        with self.inference_slot(short=len(text) + len(pair) <= _SHORT_CHARS):
            opened = self._opened(checkpoint, owner, "head")
            task = _task_of(opened.info)
            if task.reads_pairs and not pair.strip():
                raise PairMissing
            inputs = Inputs([text], [pair] if pair else None)
            output = task.predict(opened.inference, inputs)[0]
            truncated = task.truncated(opened.inference, inputs)[0]
            before = None
            if self._has_before(checkpoint, owner):
                start = self._opened(checkpoint, owner, "before").inference
                before = task.predict(replace(start, truncation=opened.inference.truncation), inputs)[0]
        most = opened.inference.truncation.max_length
        return Answer(task.id, opened.info.id, output, before, most, truncated, opened.info.mean_head)

    def predict_many(
        self,
        inputs: Inputs,
        checkpoint: str,
        owner: str,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Prediction]:
        """Return one prediction per text, in their order. Raises HeadMissing and ServerBusy."""
        with self.inference_slot() as give_way:
            opened = self._opened(checkpoint, owner, "head")
            task = _task_of(opened.info)
            return task.predict(replace(opened.inference, progress=giving_way(progress, give_way)), inputs)

    def truncated(self, inputs: Inputs, checkpoint: str, owner: str) -> list[bool]:
        """Return whether the model reads less than the whole of each row. Raises HeadMissing."""
        opened = self._opened(checkpoint, owner, "head")
        return _task_of(opened.info).truncated(opened.inference, inputs)

    def embed(self, texts: Sequence[str], checkpoint: str, pooling: str, owner: str) -> list[list[float]]:
        """Return one vector of the hidden size per text, not normalized.

        `cls` is the last layer's first vector, `mean` and `max` are taken over all tokens except padding. Raises
        TooManyTexts, ArgumentWrong, TextTooLong, ServerBusy.
        """
        limit = self._settings.limits.embed_texts
        if len(texts) > limit:
            raise TooManyTexts(count=len(texts), limit=limit)
        if pooling not in POOLINGS:
            raise ArgumentWrong(name="pooling", expected=", ".join(POOLINGS))
        for text in texts:  # an empty text has a vector too: that of [CLS] and [SEP]
            self._check_text(text, required=False)
        with self.inference_slot(short=sum(map(len, texts)) <= _SHORT_CHARS) as give_way:
            opened = self._opened(checkpoint, owner, "encoder").inference
            inference = replace(opened, progress=giving_way(opened.progress, give_way))

            def vectors_of(batch: Batch, _: list[int]) -> list[list[float]]:
                hidden = inference.model(**batch).last_hidden_state  # (batch, tokens, hidden)
                vectors: list[list[float]] = pooled(hidden, batch["attention_mask"], pooling).float().cpu().tolist()
                return vectors  # (batch, hidden)

            return inference.forward(vectors_of, texts)

    def unit_vectors(
        self, texts: Sequence[str], checkpoint: str, owner: str, progress: Callable[[float], None] = lambda share: None
    ) -> Floats:
        """Return (texts, hidden) mean-pooled vectors of L2 norm 1, float32, for comparing many texts."""
        from bertdemo.tasks.bi_encoder import unit_vectors

        with self.inference_slot() as give_way:
            opened = self._opened(checkpoint, owner, "encoder")
            return unit_vectors(replace(opened.inference, progress=giving_way(progress, give_way)), texts)

    def count_truncated(self, texts: Sequence[str], checkpoint: str, owner: str) -> int:
        """Return how many texts have more tokens than the checkpoint reads at once, so that they are truncated."""
        inference = self._opened(checkpoint, owner, "encoder").inference
        most = inference.truncation.max_length
        # Tokenizing is only needed for texts that can be too long at all.
        long = [text for text in texts if len(text) > most - 2]  # a token has at least one character
        return sum(len(inference.tokenizer.encode(text).ids) > most for text in long)

    def similarity(self, first: str, second: str, checkpoint: str, owner: str, pooling: str = "mean") -> float:
        """Return the cosine of the vectors of two texts, -1 to 1; 0 where one of them is zero."""
        self._check_text(first)
        self._check_text(second)
        a, b = self.embed([first, second], checkpoint, pooling, owner)
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        norms = sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
        return float(dot / norms) if norms else 0.0

    def forget(self, checkpoint: str) -> None:
        """Drop the opened models of a checkpoint that was deleted."""
        with self._guard:
            for key in [key for key in self._models if key[0] == checkpoint]:
                del self._models[key]

    def _opened(self, checkpoint: str, owner: str, kind: Literal["head", "before", "encoder"]) -> _Opened:
        info = self._catalogue.describe(checkpoint, owner)  # the owner is checked at every use
        task = None if kind == "encoder" else _task_of(info)
        with self._guard:
            if (info.id, kind) in self._models:
                self._models.move_to_end((info.id, kind))
                return self._models[info.id, kind]
        folder = self._catalogue.folder(info.id, owner)
        card = self._catalogue.card(info.id, owner)
        model: Any
        if task is None:
            model = open_model(folder).model
        elif kind == "before":
            model = self._at_start(info, task, folder, owner)
        else:
            model = task.model(folder, HeadOptions(labels=info.labels, seed=0)).model
        truncation = card.truncation(info.positions) if card else Truncation(info.positions)
        if kind == "encoder":  # of as much of a text as the model can read, whatever its head was trained on
            truncation = replace(truncation, max_length=info.positions)
        tokenizer = self._catalogue.tokenizer(info.id, owner)
        device = self._device()
        most = _CPU_BATCH_TOKENS if device == "cpu" else None
        ready = _Opened(info, Inference(model.to(device), tokenizer, truncation, batch_tokens=most))
        with self._guard:
            self._models[info.id, kind] = ready
            while len(self._models) > _KEPT_MODELS:
                self._models.popitem(last=False)
        return ready

    def _at_start(self, info: CheckpointInfo, task: Task, folder: Path, owner: str) -> Any:
        """Return the base with the head that training started with."""
        base = self._catalogue.folder(info.base or "", owner)
        if info.mean_head:
            return open_mean_linear_at_start(base, folder, info.labels, layers=info.layers).model
        opened = task.model(base, HeadOptions(labels=info.labels, seed=0, layers=info.layers))
        restore_head(opened, folder)
        return opened.model

    def _has_before(self, checkpoint: str, owner: str) -> bool:
        """Return whether the head at step 0 is stored and the base is on this machine."""
        info = self._catalogue.describe(checkpoint, owner)
        folder = self._catalogue.folder(checkpoint, owner)
        if not info.base or not (folder / HEAD_FILE).exists():
            return False
        try:
            return self._catalogue.describe(info.base, owner).ready
        except CheckpointError:  # deleted, or no longer on the Hub: the trained one needs it for nothing else
            return False

    def _check_text(self, text: str, *, required: bool = True) -> None:
        if not isinstance(text, str):
            raise ArgumentWrong(name="text", expected="text")
        if required and not text.strip():
            raise TextMissing
        if len(text) > self._settings.limits.text_chars:
            raise TextTooLong(chars=len(text), limit=self._settings.limits.text_chars)

    @contextmanager
    def inference_slot(self, *, short: bool = False) -> Iterator[GiveWay]:
        """Hold one of the slots for computing, on one thread if it is `short` or a training uses the CPU.

        Gives the function to call between two batches; see `Slots.hold`. Raises ServerBusy where no slot becomes free
        in time.
        """
        import torch

        from bertdemo.device import compute_threads

        def set_threads() -> None:
            torch.set_num_threads(1 if short or self._training_on_cpu() else compute_threads())

        with self._slots.hold() as give_way:
            set_threads()

            def let_go() -> None:
                give_way()
                set_threads()  # whoever had the slot meanwhile may have set another number

            yield let_go


def _task_of(info: CheckpointInfo) -> Task:
    """Return the task of a checkpoint's head; HeadMissing where it has none."""
    task = tasks.for_checkpoint(info)
    if task is None:
        raise HeadMissing(checkpoint=info.name)
    return task


def pooled(hidden: Any, mask: Any, pooling: str) -> Any:
    """Pool (batch, tokens, hidden) vectors to (batch, hidden), without padding by the (batch, tokens) mask."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "mean":
        return masked_mean(hidden, mask)
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).max(1).values
