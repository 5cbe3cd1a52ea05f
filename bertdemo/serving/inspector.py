"""What Inside BERT shows, for any checkpoint that an owner can see: opened for inspection, computed once, cached.

A model is opened with eager attention and in float32 on the CPU, whatever inference uses: other kernels return no
attention weights. One thread at a time works with a model, because a head is ablated by a hook.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bertdemo.anatomy import compare, fill_mask, label_head, layers, own_head, pooling, training_step, wordpiece
from bertdemo.anatomy.compare import ClassMap
from bertdemo.anatomy.fill_mask import Filling
from bertdemo.anatomy.layers import Ablation, HeadTrace, LayerTrace
from bertdemo.anatomy.own_head import Generated, TokenScores
from bertdemo.anatomy.pooling import PoolingComparison
from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.anatomy.training_step import TrainingStep
from bertdemo.anatomy.wordpiece import Matching
from bertdemo.checkpoints import Catalogue, CheckpointInfo, sentence_transformers
from bertdemo.checkpoints.loading import HEAD_FILE, Architecture, open_mean_linear_at_start, open_model, restore_head
from bertdemo.errors import ArgumentWrong, BaseMissing, CheckpointError, MaskHeadMissing, TextMissing, TextTooLong
from bertdemo.run_config import Truncation
from bertdemo.serving.predictor import Predictor
from bertdemo.tasks.forward import Batch, Inference

if TYPE_CHECKING:
    from bertdemo.anatomy.layers import Floats

UNTRAINED = label_head.UNTRAINED
# Of the head that is initialized for a checkpoint without one: the same at every visit.
SEED = 0
# Held-out rows on the map of [CLS] vectors; each is computed by two models while somebody waits.
MAP_ROWS = 300
# A checkpoint, its state before training, and its masked-language-modeling head.
_KEPT_MODELS = 3
# All attention weights of 128 tokens in 12 layers of 12 heads take 9 MB.
_KEPT_BYTES = 256 * 1024 * 1024

Kind = Literal["head", "before", "mask", "own"]
# Classes of heads of another kind that are read here.
_OWN: Mapping[str, Architecture] = {
    "BertForTokenClassification": "BertForTokenClassification",
    "BertForQuestionAnswering": "BertForQuestionAnswering",
    "EncoderDecoderModel": "EncoderDecoderModel",
}


@dataclass(frozen=True)
class Question:
    """A text (or two) and the checkpoint that reads it."""

    text: str
    pair: str = ""
    checkpoint: str = "bundled"


@dataclass(frozen=True)
class BeforeAfter:
    """A trained checkpoint beside its base."""

    base: str
    before: LayerTrace
    after: LayerTrace
    movement: tuple[tuple[str, float], ...]
    """(part, distance that its weights moved, relative to their norm)."""
    class_map: ClassMap | None
    """[CLS] vectors of held-out rows in both; None where no rows are stored, or the encoder did not move."""
    same_base: bool = True
    """Whether the weights under the base's name are still those that training started from."""

    @property
    def moved(self) -> bool:
        """Whether any weight of the encoder differs from the base."""
        return any(share > 0 for _, share in self.movement)

    @property
    def same_kind(self) -> bool:
        """Whether both have a head of the same kind, so that their predictions can be compared."""
        return self.before.head_reads == self.after.head_reads


@dataclass(frozen=True)
class _Opened:
    model: Any
    new_weights: tuple[str, ...]
    busy: threading.Lock = field(default_factory=threading.Lock)


class Inspector:
    """See the module. Every call checks that the owner may see the checkpoint."""

    def __init__(self, catalogue: Catalogue, predictor: Predictor, *, text_chars: int) -> None:
        self._catalogue = catalogue
        self._inference_slot = predictor.inference_slot
        self._text_chars = text_chars
        self._models: OrderedDict[tuple[str, Kind], _Opened] = OrderedDict()
        self._traces: OrderedDict[tuple[Question, Kind], LayerTrace] = OrderedDict()
        self._guard = threading.Lock()

    def look(self, question: Question, owner: str) -> LayerTrace:
        """Return everything that one forward pass computes.

        Raises TextMissing, TextTooLong, and what the catalogue raises.
        """
        return self._look(question, owner, "head")

    def head(self, question: Question, owner: str, layer: int, head: int) -> HeadTrace:
        """Return one head in full; ArgumentWrong for a layer or a head that does not exist."""
        traced = self._look_at_head(question, owner, layer, head)
        with self._using(question.checkpoint, owner, "head") as opened:
            return layers.head_of(opened.model, traced, layer, head)

    def without_head(self, question: Question, owner: str, layer: int, head: int) -> Ablation:
        """Return what the model computes with one head ablated (its output is zero)."""
        traced = self._look_at_head(question, owner, layer, head)
        with self._using(question.checkpoint, owner, "head") as opened:
            return layers.without_head(opened.model, traced.trace, layer, head)

    def matching(self, question: Question, owner: str, position: int) -> Matching | None:
        """Return WordPiece's attempts for the word of one token; None for a special token.

        Raises ArgumentWrong for a position that the text does not have.
        """
        traced = self.look(question, owner)
        _within("position", position, len(traced.trace.tokens) - 1, first=0)
        token = traced.trace.tokens[position]
        if token.sequence is None or token.word is None:
            return None
        word = traced.trace.stages[token.sequence].pre_tokens[token.word].text
        return wordpiece.attempts(word, self._catalogue.tokenizer(question.checkpoint, owner).vocabulary)

    def position_table(self, checkpoint: str, owner: str) -> Floats:
        """Return the learned position embeddings, (positions, hidden)."""
        with self._using(checkpoint, owner, "head") as opened:
            table: Floats = opened.model.bert.embeddings.position_embeddings.weight.detach().numpy()
            return table

    def pooling(self, question: Question, owner: str, second: str, unrelated: str) -> PoolingComparison:
        """Pool the question's text and up to two others; an empty one is left out."""
        info = self._catalogue.describe(question.checkpoint, owner)
        others = [
            self.look(Question(text, "", question.checkpoint), owner) if text.strip() else None
            for text in (second, unrelated)
        ]
        return pooling.compare(self.look(question, owner), others[0], others[1], self._trained_with(info, owner))

    def _trained_with(self, info: CheckpointInfo, owner: str) -> str | None:
        """Return the pooling that this checkpoint was trained with; None where its files do not tell."""
        if info.mean_head or info.source in {"bundled", "trained"}:
            return info.pooling
        # The head of transformers on a whole text reads the pooler; Sentence-Transformers writes a file about it.
        return "pooler" if info.outputs else sentence_transformers.read(self._catalogue.folder(info.id, owner))

    def fill(self, question: Question, owner: str, position: int) -> Filling:
        """Mask one token and return the predictions for it; MaskHeadMissing where the checkpoint has no such head."""
        info = self._catalogue.describe(question.checkpoint, owner)
        tokenizer = self._catalogue.tokenizer(question.checkpoint, owner)
        if "fill_mask" not in info.can or tokenizer.mask_id is None:
            raise MaskHeadMissing(checkpoint=info.name)
        traced = self.look(question, owner)
        _within("position", position, len(traced.trace.tokens) - 1, first=0)
        tokens = {token_id: token for token, token_id in tokenizer.vocabulary.items()}
        with self._using(question.checkpoint, owner, "mask") as opened:
            inputs = layers.inputs_of(traced.trace)
            return fill_mask.fill(opened.model, inputs, position, tokens, tokenizer.mask_id)

    def training_step(
        self, question: Question, owner: str, label: int, learning_rate: float, steps: int = 1
    ) -> TrainingStep:
        """Take optimizer steps on a copy of the model; the model itself does not change."""
        traced = self.look(question, owner)
        _within("label", label, len(traced.labels) - 1, first=0)
        with self._using(question.checkpoint, owner, "head") as opened:
            inputs = layers.inputs_of(traced.trace)
            return training_step.training_step(opened.model, inputs, label, learning_rate, steps=steps)

    def token_scores(self, question: Question, owner: str) -> TokenScores:
        """Return what a head that reads every token gives: tags, or the start and the end of an answer."""
        traced = self.look(question, owner)
        with self._using(question.checkpoint, owner, "own") as opened:
            return own_head.token_scores(opened.model, layers.inputs_of(traced.trace))

    def generate(self, question: Question, owner: str) -> tuple[Generated, tuple[str, ...]]:
        """Return what a decoder generates from the text, and its tokens."""
        traced = self.look(question, owner)
        names = {number: token for token, number in self._vocabulary(question.checkpoint, owner).items()}
        with self._using(question.checkpoint, owner, "own") as opened:
            generated = own_head.generate(opened.model, layers.inputs_of(traced.trace))
        return generated, tuple(names.get(number, f"[{number}]") for number in generated.ids)

    def _vocabulary(self, checkpoint: str, owner: str) -> Mapping[str, int]:
        return self._catalogue.tokenizer(checkpoint, owner).vocabulary

    def before_after(
        self,
        question: Question,
        owner: str,
        rows: Sequence[Mapping[str, object]] = (),
        progress: Callable[[float], None] = lambda share: None,
    ) -> BeforeAfter:
        """Compare a trained checkpoint with its base; `rows` are held-out rows with `text` and `label`.

        Raises BaseMissing for a checkpoint that was not trained here, or whose base is gone.
        """
        base = self._base_of(question.checkpoint, owner)
        before, after = self._look(question, owner, "before"), self.look(question, owner)
        movement = self._movement(question.checkpoint, owner)
        same = self._is_base_of(base, question.checkpoint, owner)
        comparison = BeforeAfter(base.name, before, after, movement, None, same)
        if not comparison.moved:  # a linear probe: the vectors of both are the same
            return comparison
        sample = rows[:: max(1, -(-len(rows) // MAP_ROWS))]  # evenly, so that sorted rows keep all their labels
        texts = [str(row["text"]) for row in sample]
        old = self._first_vectors(texts, question.checkpoint, owner, "before", lambda share: progress(share / 2))
        new = self._first_vectors(texts, question.checkpoint, owner, "head", lambda share: progress(0.5 + share / 2))
        labels = [str(row["label"]) for row in sample]
        return replace(comparison, class_map=compare.class_map(old, new, labels) if texts else None)

    def forget(self, checkpoint: str) -> None:
        """Drop the opened models and the traces of a checkpoint that was deleted."""
        with self._guard:
            for model_key in [key for key in self._models if key[0] == checkpoint]:
                del self._models[model_key]
            for trace_key in [key for key in self._traces if key[0].checkpoint == checkpoint]:
                del self._traces[trace_key]

    def _look_at_head(self, question: Question, owner: str, layer: int, head: int) -> LayerTrace:
        traced = self.look(question, owner)
        _within("layer", layer, traced.layers)
        _within("head", head, traced.heads)
        return traced

    def _look(self, question: Question, owner: str, kind: Kind) -> LayerTrace:
        if not question.text.strip():
            raise TextMissing
        longest = max(len(question.text), len(question.pair))
        if longest > self._text_chars:
            raise TextTooLong(chars=longest, limit=self._text_chars)
        self._catalogue.describe(question.checkpoint, owner)  # the owner is checked at every use
        with self._guard:
            if (question, kind) in self._traces:
                self._traces.move_to_end((question, kind))
                return self._traces[question, kind]
        tokens = self.trace(question, owner)
        with self._using(question.checkpoint, owner, kind) as opened:
            traced = layers.look(opened.model, tokens, opened.new_weights)
        with self._guard:
            self._traces[question, kind] = traced
            while len(self._traces) > 1 and sum(kept.nbytes for kept in self._traces.values()) > _KEPT_BYTES:
                self._traces.popitem(last=False)
        return traced

    def trace(self, question: Question, owner: str) -> TokenTrace:
        """Return the sequence that the checkpoint reads: a trained one truncates a text as in training."""
        info = self._catalogue.describe(question.checkpoint, owner)
        tokenizer = self._catalogue.tokenizer(question.checkpoint, owner)
        card = self._catalogue.card(question.checkpoint, owner)
        return trace(
            tokenizer,
            question.text,
            question.pair,
            checkpoint=info.id,
            positions=info.positions,
            max_length=card.max_length if card else 0,
            keep=card.keep if card else "head",
        )

    @contextmanager
    def _using(self, checkpoint: str, owner: str, kind: Kind) -> Iterator[_Opened]:
        """Hold a model for one thread, inside one of the server's slots for computing."""
        opened = self._opened(self._catalogue.describe(checkpoint, owner), owner, kind)
        with self._inference_slot(), opened.busy:
            yield opened

    def _opened(self, info: CheckpointInfo, owner: str, kind: Kind) -> _Opened:
        key = (info.id, kind)
        with self._guard:
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
        folder = self._catalogue.folder(info.id, owner)
        if kind == "mask":
            opened = open_model(folder, "BertForMaskedLM", new_head=False, attention="eager")
        elif kind == "own":
            opened = open_model(folder, _OWN[info.other_head], attention="eager")
        elif kind == "before" and info.mean_head and (folder / HEAD_FILE).exists():
            base = self._catalogue.folder(info.base or "", owner)
            opened = open_mean_linear_at_start(base, folder, info.labels, attention="eager", layers=info.layers)
        else:
            start = self._catalogue.folder(info.base or "", owner) if kind == "before" else folder
            # Without labels the head of the file is kept; the base needs those of the trained checkpoint.
            head_labels: tuple[str, ...] = info.labels if kind == "before" else ()
            labels = head_labels if info.outputs else UNTRAINED
            other_problem = kind == "before" and info.problem != "single_label_classification"
            extra = {"problem_type": info.problem} if other_problem else {}
            opened = open_model(
                start,
                "BertForSequenceClassification",
                labels=labels,
                seed=SEED,
                attention="eager",
                layers=info.layers,
                extra=extra,
            )
            if kind == "before" and info.outputs and (folder / HEAD_FILE).exists():
                restore_head(opened, folder)
        ready = _Opened(opened.model, opened.new_weights)
        with self._guard:
            # Another thread may have opened it too: the lock of a model must be that of all its users.
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
        same_shape = _shape(base) == _shape(info)  # else another model has its name now
        if not base.ready or not same_shape:  # it is no longer in the cache of the Hub: a download takes too long here
            raise BaseMissing(checkpoint=info.name)
        return base

    def _is_base_of(self, base: CheckpointInfo, checkpoint: str, owner: str) -> bool:
        """Return whether the weights under the base's name are those in the card.

        The same weights are the same base, whatever the commit: a new one may have changed the README only.
        """
        card = self._catalogue.card(checkpoint, owner)
        return card is None or self._catalogue.origin(base.id, owner)[0] == card.base_sha256

    def _first_vectors(
        self, texts: Sequence[str], checkpoint: str, owner: str, kind: Kind, progress: Callable[[float], None]
    ) -> Floats:
        """Return the last vector of [CLS] of every text, (rows, hidden)."""
        import numpy as np

        info = self._catalogue.describe(checkpoint, owner)
        card = self._catalogue.card(checkpoint, owner)
        truncation = card.truncation(info.positions) if card else Truncation(info.positions)
        tokenizer = self._catalogue.tokenizer(checkpoint, owner)
        with self._using(checkpoint, owner, kind) as opened:

            def first_vectors(batch: Batch, _: list[int]) -> Floats:
                vectors: Floats = opened.model.bert(**batch).last_hidden_state[:, 0].numpy()  # (batch, hidden)
                return vectors

            rows = Inference(opened.model, tokenizer, truncation, progress).forward(first_vectors, texts)
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), info.width)


def _shape(info: CheckpointInfo) -> tuple[int, ...]:
    return info.layers, info.width, info.heads, info.vocabulary, info.positions


def _within(name: str, value: object, most: int, *, first: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= most:
        raise ArgumentWrong(name=name, expected=f"{first} to {most}")
