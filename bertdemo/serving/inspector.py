"""What Inside BERT shows, from any checkpoint that an owner can see: opened for inspection, asked once, remembered.

A model is opened with eager attention and in float32 on the CPU, whatever inference uses elsewhere: only so are its
weights there to be looked at. One thread at a time works with one model, because a head is silenced by a hook.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bertdemo.anatomy import compare, fill_mask, label_head, layers, pooling, training_step, wordpiece
from bertdemo.anatomy.compare import ClassMap
from bertdemo.anatomy.fill_mask import Filling
from bertdemo.anatomy.layers import Ablation, HeadTrace, LayerTrace
from bertdemo.anatomy.pooling import PoolingComparison
from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.anatomy.training_step import TrainingStep
from bertdemo.anatomy.wordpiece import Matching
from bertdemo.checkpoints import Catalogue, CheckpointInfo, sentence_transformers
from bertdemo.checkpoints.loading import HEAD_FILE, open_model, restore_head
from bertdemo.errors import ArgumentWrong, BaseMissing, CheckpointError, MaskHeadMissing, TextMissing, TextTooLong
from bertdemo.run_config import Truncation
from bertdemo.serving.predictor import Predictor
from bertdemo.tasks.forward import batches, forward

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

UNTRAINED = label_head.UNTRAINED
SEED = 0
MAP_ROWS = 300
_KEPT_MODELS = 3
_KEPT_BYTES = 256 * 1024 * 1024

Kind = Literal["head", "before", "mask"]


@dataclass(frozen=True)
class Question:
    """One sentence (or two) and the checkpoint that reads it."""

    text: str
    pair: str = ""
    checkpoint: str = "bundled"


@dataclass(frozen=True)
class BeforeAfter:
    """A trained checkpoint held against what it started from."""

    base: str
    before: LayerTrace
    after: LayerTrace
    movement: tuple[tuple[str, float], ...]
    """(part, how far its weights moved, relative to their norm)."""
    class_map: ClassMap | None
    """[CLS] of held-out rows in both; None where none are stored, or where the encoder did not move."""
    same_base: bool = True
    """Whether the weights under the base's name are those that the training started from."""

    @property
    def moved(self) -> bool:
        """Whether any weight of the encoder is another one than in the base."""
        return any(share > 0 for _, share in self.movement)

    @property
    def same_kind(self) -> bool:
        """Whether both have a head of one kind, so that what they say can be compared."""
        return self.before.head_reads == self.after.head_reads


@dataclass(frozen=True)
class _Open:
    model: Any
    new_weights: tuple[str, ...]
    busy: threading.Lock = field(default_factory=threading.Lock)


class Inspector:
    """See the module. Every call checks that the owner may see the checkpoint."""

    def __init__(self, catalogue: Catalogue, predictor: Predictor, *, text_chars: int) -> None:
        self._catalogue = catalogue
        self._inference_slot = predictor.inference_slot
        self._text_chars = text_chars
        self._models: OrderedDict[tuple[str, Kind], _Open] = OrderedDict()
        self._seen: OrderedDict[tuple[Question, Kind], LayerTrace] = OrderedDict()
        self._guard = threading.Lock()

    def look(self, question: Question, owner: str) -> LayerTrace:
        """Return what one forward pass leaves behind; TextMissing, TextTooLong, or what the catalogue raises."""
        return self._look(question, owner, "head")

    def head(self, question: Question, owner: str, layer: int, head: int) -> HeadTrace:
        """Return one head in full; ArgumentWrong for a layer or a head that is not there."""
        seen = self.look(question, owner)
        _within("layer", layer, seen.layers)
        _within("head", head, seen.heads)
        with self._using(question.checkpoint, owner, "head") as opened:
            return layers.head_of(opened.model, seen, layer, head)

    def without_head(self, question: Question, owner: str, layer: int, head: int) -> Ablation:
        """Return what the model says with one head silenced."""
        seen = self.look(question, owner)
        _within("layer", layer, seen.layers)
        _within("head", head, seen.heads)
        with self._using(question.checkpoint, owner, "head") as opened:
            return layers.without_head(opened.model, seen.trace, layer, head)

    def matching(self, question: Question, owner: str, position: int) -> Matching | None:
        """Return WordPiece's attempts for the word of one token; None for a token that BERT added.

        Raises ArgumentWrong for a position that the text does not have.
        """
        seen = self.look(question, owner)
        _within("position", position, len(seen.trace.tokens) - 1, first=0)
        token = seen.trace.tokens[position]
        if token.sequence is None or token.word is None:
            return None
        word = seen.trace.stages[token.sequence].pre_tokens[token.word].text
        return wordpiece.attempts(word, self._catalogue.tokenizer(question.checkpoint, owner).vocabulary)

    def position_table(self, checkpoint: str, owner: str) -> Floats:
        """Return the learned table of positions, (positions, d)."""
        with self._using(checkpoint, owner, "head") as opened:
            table: Floats = opened.model.bert.embeddings.position_embeddings.weight.detach().numpy()
            return table

    def pooling(self, question: Question, owner: str, second: str, unrelated: str) -> PoolingComparison:
        """Pool the question's text beside two others; an empty one is left out."""
        info = self._catalogue.describe(question.checkpoint, owner)
        others = [
            self.look(Question(text, "", question.checkpoint), owner) if text.strip() else None
            for text in (second, unrelated)
        ]
        return pooling.compare(self.look(question, owner), others[0], others[1], self._trained_with(info, owner))

    def _trained_with(self, info: CheckpointInfo, owner: str) -> str | None:
        """Return the way to pool that this checkpoint was trained with; None where nothing says so."""
        if info.mean_head or info.source in {"bundled", "trained"}:
            return info.pooling
        # transformers' head on a whole text reads the pooler; other tools say it in a file of their own.
        return "pooler" if info.outputs else sentence_transformers.read(self._catalogue.folder(info.id, owner))

    def fill(self, question: Question, owner: str, position: int) -> Filling:
        """Hide one token and return what the model would put there; MaskHeadMissing where it has no such head."""
        info = self._catalogue.describe(question.checkpoint, owner)
        tokenizer = self._catalogue.tokenizer(question.checkpoint, owner)
        if "fill_mask" not in info.can or tokenizer.mask_id is None:
            raise MaskHeadMissing(checkpoint=info.name)
        seen = self.look(question, owner)
        _within("position", position, len(seen.trace.tokens) - 1, first=0)
        names = {index: piece for piece, index in tokenizer.vocabulary.items()}
        with self._using(question.checkpoint, owner, "mask") as opened:
            inputs = layers.inputs_of(seen.trace)
            return fill_mask.fill(opened.model, inputs, position, names, tokenizer.mask_id)

    def training_step(self, question: Question, owner: str, label: int, learning_rate: float) -> TrainingStep:
        """Take one optimizer step on a copy of the model; the one in use stays as it is."""
        seen = self.look(question, owner)
        _within("label", label, len(seen.labels) - 1, first=0)
        with self._using(question.checkpoint, owner, "head") as opened:
            return training_step.training_step(opened.model, layers.inputs_of(seen.trace), label, learning_rate)

    def before_after(
        self,
        question: Question,
        owner: str,
        rows: Sequence[Mapping[str, object]] = (),
        progress: Callable[[float], None] = lambda share: None,
    ) -> BeforeAfter:
        """Hold a trained checkpoint against its base; `rows` are held-out rows with `text` and `label`.

        Raises BaseMissing for a checkpoint that was not trained here, or whose base is gone.
        """
        base = self._base_of(question.checkpoint, owner)
        before, after = self._look(question, owner, "before"), self.look(question, owner)
        movement = self._movement(question.checkpoint, owner)
        same = self._is_base_of(base, question.checkpoint, owner)
        found = BeforeAfter(base.name, before, after, movement, None, same)
        if not found.moved:  # a head on a frozen encoder: all rows would lie where they lay
            return found
        kept = rows[:: max(1, -(-len(rows) // MAP_ROWS))]  # evenly, so that sorted rows keep all their labels
        texts = [str(row["text"]) for row in kept]
        old = self._first_vectors(texts, question.checkpoint, owner, "before", lambda share: progress(share / 2))
        new = self._first_vectors(texts, question.checkpoint, owner, "head", lambda share: progress(0.5 + share / 2))
        labels = [str(row["label"]) for row in kept]
        return replace(found, class_map=compare.class_map(old, new, labels) if texts else None)

    def forget(self, checkpoint: str) -> None:
        """Let go of a checkpoint that was deleted."""
        with self._guard:
            for key in [key for key in self._models if key[0] == checkpoint]:
                del self._models[key]
            for seen in [seen for seen in self._seen if seen[0].checkpoint == checkpoint]:
                del self._seen[seen]

    def _look(self, question: Question, owner: str, kind: Kind) -> LayerTrace:
        if not question.text.strip():
            raise TextMissing
        longest = max(len(question.text), len(question.pair))
        if longest > self._text_chars:
            raise TextTooLong(chars=longest, limit=self._text_chars)
        self._catalogue.describe(question.checkpoint, owner)  # the owner is checked at every use
        with self._guard:
            if (question, kind) in self._seen:
                self._seen.move_to_end((question, kind))
                return self._seen[question, kind]
        tokens = self.trace(question, owner)
        with self._using(question.checkpoint, owner, kind) as opened:
            seen = layers.look(opened.model, tokens, opened.new_weights)
        with self._guard:
            self._seen[question, kind] = seen
            while len(self._seen) > 1 and sum(one.nbytes for one in self._seen.values()) > _KEPT_BYTES:
                self._seen.popitem(last=False)
        return seen

    def trace(self, question: Question, owner: str) -> TokenTrace:
        """Return the sequence that the checkpoint reads: a trained one cuts a text as it did in training."""
        info = self._catalogue.describe(question.checkpoint, owner)
        tokenizer = self._catalogue.tokenizer(question.checkpoint, owner)
        card = self._catalogue.card(question.checkpoint, owner)
        return trace(
            tokenizer, question.text, question.pair, checkpoint=info.id, positions=info.positions,
            max_length=card.max_length if card else 0, keep=card.keep if card else "head",
        )  # fmt: skip

    @contextmanager
    def _using(self, checkpoint: str, owner: str, kind: Kind) -> Iterator[_Open]:
        """Hold a model for one thread, inside the server's lane for computing."""
        opened = self._opened(self._catalogue.describe(checkpoint, owner), owner, kind)
        with self._inference_slot(), opened.busy:
            yield opened

    def _opened(self, info: CheckpointInfo, owner: str, kind: Kind) -> _Open:
        key = (info.id, kind)
        with self._guard:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
        folder = self._catalogue.folder(info.id, owner)
        if kind == "mask":
            opened = open_model(folder, "BertForMaskedLM", new_head=False, attention="eager")
        else:
            start = self._catalogue.folder(info.base or "", owner) if kind == "before" else folder
            own: tuple[str, ...] = info.labels if kind == "before" else ()  # none asked for: those of the file
            labels = own if info.outputs else UNTRAINED
            other = kind == "before" and info.problem != "single_label_classification"
            extra = {"problem_type": info.problem} if other else {}
            opened = open_model(
                start, "BertForSequenceClassification", labels=labels, seed=SEED, attention="eager", extra=extra
            )
            if kind == "before" and info.outputs and (folder / HEAD_FILE).exists():
                restore_head(opened, folder)
        ready = _Open(opened.model, opened.new_weights)
        with self._guard:
            ready = self._models.setdefault(key, ready)
            while len(self._models) > _KEPT_MODELS:
                self._models.popitem(last=False)
        return ready

    def _movement(self, checkpoint: str, owner: str) -> tuple[tuple[str, float], ...]:
        info = self._catalogue.describe(checkpoint, owner)
        old, new = self._opened(info, owner, "before"), self._opened(info, owner, "head")
        with self._inference_slot():
            return compare.movement(old.model.bert, new.model.bert)

    def _base_of(self, checkpoint: str, owner: str) -> CheckpointInfo:
        info = self._catalogue.describe(checkpoint, owner)
        if not info.base:
            raise BaseMissing(checkpoint=info.name)
        try:
            base = self._catalogue.describe(info.base, owner)
        except CheckpointError:
            raise BaseMissing(checkpoint=info.name) from None
        same_shape = _shape(base) == _shape(info)  # else another model took its name
        if not base.ready or not same_shape:  # it was in the cache of the Hub once; to fetch it is not asked for here
            raise BaseMissing(checkpoint=info.name)
        return base

    def _is_base_of(self, base: CheckpointInfo, checkpoint: str, owner: str) -> bool:
        """Compare what lies under the base's name now with what the card remembers of it.

        The same weights are the same base, whatever the commit: a new one may have changed a README.
        """
        card = self._catalogue.card(checkpoint, owner)
        return card is None or self._catalogue.origin(base.id, owner)[0] == card.base_sha256

    def _first_vectors(
        self, texts: Sequence[str], checkpoint: str, owner: str, kind: Kind, progress: Callable[[float], None]
    ) -> Floats:
        """Return [CLS] after the last layer of every text, (rows, d)."""
        import numpy as np

        info = self._catalogue.describe(checkpoint, owner)
        card = self._catalogue.card(checkpoint, owner)
        truncation = card.truncation(info.positions) if card else Truncation(info.positions)
        tokenizer = self._catalogue.tokenizer(checkpoint, owner)
        read = batches(tokenizer, texts, None, truncation)
        with self._using(checkpoint, owner, kind) as opened:
            rows = forward(
                lambda batch, _: opened.model.bert(**batch).last_hidden_state[:, 0].numpy(), read, len(texts),
                progress=progress,
            )  # fmt: skip
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), info.width)


def _shape(info: CheckpointInfo) -> tuple[int, ...]:
    return info.layers, info.width, info.heads, info.vocabulary, info.positions


def _within(name: str, value: object, most: int, *, first: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= most:
        raise ArgumentWrong(name=name, expected=f"{first} to {most}")
