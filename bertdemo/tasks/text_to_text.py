"""Text to text: rewriting or summarizing, by a BERT that reads and a BERT that writes.

BERT was made to read: each piece sees those before and those after it, so it cannot write from left to right. Two of
them can: the second one sees what stands before, and through a new attention what the first one has read (Rothe,
Narayan and Severyn 2020). That attention starts at random, and so does the layer that chooses pieces where the
checkpoint has none; a few hundred rows teach a pattern, not a language. This is what BERT can do of generation, and
copying the source is the baseline that it has to beat.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, Frozen, HeadOptions, HeldOut, Inputs
from bertdemo.tasks.forward import batches, encoded, forward, piece_costs
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Prediction, Problem, Score
from bertdemo.tasks.roles import SOURCE, TARGET, detect
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

BEAMS = 4
_BATCH = 16
_NO_REPEAT = 3
"""No three pieces come twice in a text that is written; a small model would say them forever."""
_GAP = re.compile("(?<=[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]) +| +(?=[\u3000-\u303f\u3400-\u9fff\uff00-\uffef])")
"""A space beside a Chinese character or mark, which pieces are joined with."""


@dataclass(frozen=True)
class Written(Prediction):
    """What was written."""

    text: str
    score: float
    """The geometric mean of its pieces' probabilities."""
    view = "text"

    @property
    def words(self) -> str:
        """The text."""
        return self.text

    @property
    def confidence(self) -> float:
        """How sure each piece was, on average."""
        return self.score

    def to_api(self) -> dict[str, Any]:
        """Return {text, score}."""
        return {"text": self.text, "score": round(self.score, 6)}


class TextToText(TaskWithoutLabels):
    """`source` is read, `target` is what should be written."""

    id = "text_to_text"
    roles = (SOURCE, TARGET)
    metrics = ("rouge_l",)
    chosen_by = "perplexity"
    lower_is_better = True

    def fits(self, table: Table) -> float:
        """Look for two columns of writing that are called source and target, or one that is called a summary."""
        try:
            columns = self.columns(table)
        except ColumnsNotFound:
            return 0.0
        if not TARGET.named(columns["target"]):
            return 0.0
        cells = [cell for cell in table.columns[columns["target"]][:2000] if cell]
        different = len(set(cells)) > 0.5 * len(cells) and sum(map(len, cells)) > 10 * len(cells)
        return (0.7 if SOURCE.named(columns["source"]) else 0.4) if different else 0.0

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns from their names and content."""
        return detect(table, [SOURCE, TARGET])

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return the source alone: a target is a text, so what is said of labels does not hold for it."""
        return {place: name for place, name in super().columns_by_slot(columns).items() if place != "label"}

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[str | None]:
        """Return what should be written of each row, None where one of the two texts is missing."""
        cells = zip(table.columns[columns["source"]], table.columns[columns["target"]], strict=True)
        return [wanted if _filled(source) and _filled(wanted) else None for source, wanted in cells]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Count rows without a target, and rows whose target is their source."""
        found = []
        cells = list(zip(table.columns[columns["source"]], table.columns[columns["target"]], strict=True))
        missing = [row for row, (source, wanted) in enumerate(cells) if _filled(source) and not _filled(wanted)]
        same = [row for row, (source, wanted) in enumerate(cells) if _filled(source) and source == wanted]
        for code, rows in (("target_missing", missing), ("target_same", same)):
            if rows:
                found.append(Problem("warn", code, {"count": len(rows)}, tuple(rows[:20])))
        return found

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize both texts; `labels` are the target's ids without [CLS], which is where writing begins."""
        targets = self.targets(table, columns, labels)
        wanted = [
            encoding.ids[1:]
            for encoding in tokenizer.encode_batch(
                [targets[row] or "" for row in rows], None, Truncation(options.truncation.max_length)
            )
        ]
        return encoded(self.inputs(table, columns, rows), rows, tokenizer, options, labels=wanted)

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open the two BERTs of a file, or make two of the one that is in it."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(folder, head="text_to_text", seed=options.seed)

    def is_head(self, parameter: str) -> bool:
        """The attention to what was read, and the layer that chooses pieces."""
        return ".crossattention." in parameter or parameter.startswith("decoder.cls.")

    def loss(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return -log p of each piece of the target, given the source and the pieces before it, and `logits`."""
        names = ("input_ids", "attention_mask", "labels")
        outputs = model(**{name: inputs[name] for name in names}, use_cache=False)
        return outputs.loss, {"logits": outputs.logits}

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return (batch, 2): the sum of -log p over the target's pieces, and how many there are."""
        return piece_costs(logits, labels)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return the perplexity of the targets: among so many pieces the model hesitates at each place."""
        from bertdemo import metrics

        return metrics.compute([self.chosen_by], nats=logits[:, 0], tokens=logits[:, 1])

    def intervals(self, said: Sequence[Written], targets: Sequence[str], labels: Sequence[str]) -> dict[str, Score]:
        """Return ROUGE-L with a bootstrap interval over texts."""
        return _scored([one.text for one in said], targets)

    def judge(self, said: Written, target: str, labels: Sequence[str]) -> Judged:
        """A text is right where it is the target, marks and case aside; few are."""
        from bertdemo.metrics.rouge import rouge_l

        return Judged(target, said.text, Degree("confidence", said.score), rouge_l(said.text, target) == 1.0)

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Written]:
        """Write a text for each source: the best of four beams."""
        how = _how(tokenizer, min(truncation.max_length, int(_writer(model).max_position_embeddings)))
        names = {index: piece for piece, index in tokenizer.vocabulary.items()}
        special = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id}
        generate: Any = model.generate

        def write(batch: dict[str, Any], _: list[int]) -> list[Written]:
            source = {name: batch[name] for name in ("input_ids", "attention_mask")}
            written = generate(**source, generation_config=how)
            pairs = zip(written.sequences.tolist(), written.sequences_scores.tolist(), strict=True)
            return [
                Written(_joined([names[index] for index in ids if index not in special]), min(1.0, math.exp(log_p)))
                for ids, log_p in pairs
            ]

        read = batches(tokenizer, inputs.texts, None, truncation, batch_size=_BATCH)
        return forward(write, read, len(inputs.texts), device=model.device, progress=progress)

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score the source itself: a rewriting that is worth its training has to be nearer to the target."""
        targets = self.targets(table, columns, ())
        texts = self.inputs(table, columns, rows).texts
        return [BaselineScore("copied", _scored(texts, [targets[row] or "" for row in rows]), len(rows), 0)]


_INSIDE = re.compile(r"(?<=\w) (['’-]) (?=\w)")
"""A mark inside a word, which the tokenizer takes for a word of its own: it's, long-winded."""


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def _writer(model: Any) -> Any:
    return model.config.decoder


def _how(tokenizer: SharedTokenizer, longest: int) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_length=longest, num_beams=BEAMS, do_sample=False, early_stopping=True, no_repeat_ngram_size=_NO_REPEAT,
        decoder_start_token_id=tokenizer.cls_id, eos_token_id=tokenizer.sep_id, pad_token_id=tokenizer.pad_id,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip


def _joined(pieces: Sequence[str]) -> str:
    """Return word pieces as a text: `##` goes on with the word, marks follow a word, Chinese has no spaces."""
    from tokenizers.decoders import WordPiece

    text = WordPiece(prefix="##", cleanup=True).decode(list(pieces)).removeprefix("##")
    return _INSIDE.sub(r"\1", _GAP.sub("", text))


def _scored(said: Sequence[str], targets: Sequence[str]) -> dict[str, Score]:
    from bertdemo import metrics
    from bertdemo.metrics.rouge import rouge_l

    overlaps = [rouge_l(one, wanted) for one, wanted in zip(said, targets, strict=True)]
    return {"rouge_l": Score(*metrics.estimate(TextToText.metrics, overlaps=overlaps)["rouge_l"])}
