"""Text to text: rewriting or summarizing with a BERT encoder-decoder.

BERT is an encoder: each token attends to those before and after it, so it cannot generate from left to right. Two of
them can: the second one, the decoder, attends only to the tokens before, and by a new cross-attention to what the
encoder made of the source (Rothe, Narayan and Severyn 2020). The cross-attention starts at random, and so does the
output layer where the checkpoint has none; a few hundred rows teach a pattern, not a language. This is what BERT can
do of generation, and copying the source is the baseline that it has to beat.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.run_config import Truncation
from bertdemo.tasks.base import PLAIN, EncodeOptions, Frozen, Inputs, LabeledTable, LossOptions
from bertdemo.tasks.forward import Batch, Inference, encoded, token_losses
from bertdemo.tasks.reading import names
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Prediction, Problem, Score, scores_with_intervals
from bertdemo.tasks.roles import SOURCE, TARGET, two_texts
from bertdemo.tasks.without_labels import TaskWithoutLabels

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

BEAMS = 4
# Each text of a batch takes four beams, so a batch is half of the usual size.
_BATCH = 16
# No three tokens are generated twice; a small model would otherwise repeat them until the maximum length.
_NO_REPEAT = 3
# Cells of a column that are read to recognize targets.
_SAMPLED_CELLS = 2000
# A space beside a Chinese character or punctuation mark, which the decoder puts between tokens.
_GAP = re.compile("(?<=[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]) +| +(?=[\u3000-\u303f\u3400-\u9fff\uff00-\uffef])")
# Punctuation inside a word, which the tokenizer makes a word of its own: it's, long-winded.
_INSIDE = re.compile(r"(?<=\w) (['’-]) (?=\w)")


@dataclass(frozen=True)
class GeneratedText(Prediction):
    """The generated text."""

    text: str
    score: float
    """The geometric mean of the probabilities of its tokens."""
    view = "text"

    @property
    def cell(self) -> str:
        """The text."""
        return self.text

    @property
    def confidence(self) -> float:
        """The mean probability of its tokens."""
        return self.score

    def to_api(self) -> dict[str, object]:
        """Return {text, score}."""
        return {"text": self.text, "score": round(self.score, 6)}


class TextToText(TaskWithoutLabels):
    """Input: `source`. Output: a text like `target`."""

    id = "text_to_text"
    roles = (SOURCE, TARGET)
    architecture = "EncoderDecoderModel"
    metrics = ("rouge_l",)
    chosen_by = "perplexity"
    lower_is_better = True

    def encoder(self, model: Any) -> Any:
        """Return the BertModel that reads the source."""
        return model.encoder

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Look for columns named source and target, or one named summary, with prose that hardly repeats."""
        cells = [cell for cell in table.columns[columns["target"]][:_SAMPLED_CELLS] if cell]
        # Ten characters or fewer on average, or values that repeat, are rather labels.
        is_prose = len(set(cells)) > 0.5 * len(cells) and sum(map(len, cells)) > 10 * len(cells)
        languages = all(names.folded(column) in names.LANGUAGES for column in columns.values())
        if not is_prose or not (TARGET.is_about(columns["target"]) or languages):
            return 0.0
        return 0.7 if SOURCE.is_about(columns["source"]) else 0.4

    def columns(self, table: Table) -> dict[str, str]:
        """Guess the columns from their names and content."""
        columns = super().columns(table)
        if all(names.folded(column) in names.LANGUAGES for column in columns.values()):  # in the order of the file
            source, target = sorted(columns.values(), key=list(table.columns).index)
            return {"source": source, "target": target}
        return columns

    def possible_columns(self, table: Table) -> Mapping[str, str]:
        """Return two columns of prose, the first of the file as the source."""
        texts = two_texts(table)
        return dict(zip(("source", "target"), texts, strict=True)) if texts else {}

    def columns_by_slot(self, columns: Mapping[str, str]) -> dict[str, str]:
        """Return the source alone: a target is a text, so what the report checks of labels does not apply to it."""
        return {slot: name for slot, name in super().columns_by_slot(columns).items() if slot != "label"}

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[str | None]:
        """Return the target text of each row, None where one of the two texts is missing."""
        cells = zip(table.columns[columns["source"]], table.columns[columns["target"]], strict=True)
        return [target if _filled(source) and _filled(target) else None for source, target in cells]

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Count rows without a target, and rows whose target is their source."""
        cells = list(zip(table.columns[columns["source"]], table.columns[columns["target"]], strict=True))
        rows_by_code = {
            "target_missing": [row for row, (a, b) in enumerate(cells) if _filled(a) and not _filled(b)],
            "target_same": [row for row, (a, b) in enumerate(cells) if _filled(a) and a == b],
        }
        return [Problem.at_rows("warn", code, rows) for code, rows in rows_by_code.items() if rows]

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize both texts; `labels` are the ids of the target without [CLS], from which generation starts."""
        targets = self.targets(source.table, source.columns, source.labels)
        # A target always keeps its start, whatever is kept of a long source.
        encodings = tokenizer.encode_batch(
            [targets[row] or "" for row in rows], None, Truncation(options.truncation.max_length)
        )
        inputs = self.inputs(source.table, source.columns, rows)
        return encoded(inputs, rows, tokenizer, options, labels=[encoding.ids[1:] for encoding in encodings])

    def is_head(self, parameter: str) -> bool:
        """Return whether it belongs to the cross-attention or to the output layer."""
        return ".crossattention." in parameter or parameter.startswith("decoder.cls.")

    def loss(self, model: Any, inputs: Mapping[str, Any], options: LossOptions = PLAIN) -> tuple[Any, Any]:
        """Return the mean of -log p of the target tokens, given the source and the tokens before, and `logits`."""
        names = ("input_ids", "attention_mask", "labels")
        outputs = model(**{name: inputs[name] for name in names}, use_cache=False)
        return outputs.loss, {"logits": outputs.logits}  # (batch, target tokens, vocabulary)

    def reduce(self, logits: Any, labels: Any) -> Any:
        """Return (batch, 2): the sum of -log p over the target tokens, and their number."""
        return token_losses(logits, labels)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return the perplexity of the targets: the effective number of equally likely tokens at each position."""
        from bertdemo import metrics

        return metrics.compute([self.chosen_by], nats=logits[:, 0], tokens=logits[:, 1])

    def intervals(
        self, predictions: Sequence[GeneratedText], targets: Sequence[str], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return ROUGE-L with a bootstrap interval over texts."""
        return _rouge_scores([prediction.text for prediction in predictions], targets)

    def judge(self, prediction: GeneratedText, target: str, labels: Sequence[str]) -> Judged:
        """A text is right where it equals the target except for case and punctuation; few are."""
        from bertdemo.metrics.rouge import rouge_l

        right = rouge_l(prediction.text, target) == 1.0
        return Judged(target, prediction.text, Degree("confidence", prediction.score), right)

    def predict(self, inference: Inference, inputs: Inputs) -> list[GeneratedText]:
        """Generate a text for each source: the best of four beams."""
        tokenizer, model = inference.tokenizer, inference.model
        positions = int(model.config.decoder.max_position_embeddings)
        config = _generation_config(tokenizer, min(inference.truncation.max_length, positions))
        tokens = {token_id: token for token, token_id in tokenizer.vocabulary.items()}
        # Generation starts with [CLS], ends with [SEP] and is padded; none of them is part of the text.
        special = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id}

        def generate(batch: Batch, _: list[int]) -> list[GeneratedText]:
            source = {name: batch[name] for name in ("input_ids", "attention_mask")}
            output = model.generate(**source, generation_config=config)  # sequences: (batch, target tokens)
            return [
                # min: rounding may leave a mean log probability a little above 0
                GeneratedText(_text_of([tokens[i] for i in ids if i not in special]), min(1.0, math.exp(mean_log_p)))
                for ids, mean_log_p in zip(output.sequences.tolist(), output.sequences_scores.tolist(), strict=True)
            ]

        return inference.forward(generate, inputs.texts, batch_size=_BATCH)

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score the source itself: a generated text that is worth its training has to be closer to the target."""
        targets = self.targets(table, columns, ())
        texts = self.inputs(table, columns, rows).texts
        return [BaselineScore("copied", _rouge_scores(texts, [targets[row] or "" for row in rows]), len(rows), 0)]


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def _generation_config(tokenizer: SharedTokenizer, max_length: int) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_length=max_length,
        num_beams=BEAMS,
        do_sample=False,
        early_stopping=True,
        no_repeat_ngram_size=_NO_REPEAT,
        decoder_start_token_id=tokenizer.cls_id,
        eos_token_id=tokenizer.sep_id,
        pad_token_id=tokenizer.pad_id,
        return_dict_in_generate=True,
        output_scores=True,
    )


def _text_of(tokens: Sequence[str]) -> str:
    """Return WordPiece tokens as a text: `##` continues a word, punctuation follows it, Chinese has no spaces."""
    from tokenizers.decoders import WordPiece

    text = WordPiece(prefix="##", cleanup=True).decode(list(tokens)).removeprefix("##")
    return _INSIDE.sub(r"\1", _GAP.sub("", text))


def _rouge_scores(texts: Sequence[str], targets: Sequence[str]) -> dict[str, Score]:
    from bertdemo.metrics.rouge import rouge_l

    overlaps = [rouge_l(text, target) for text, target in zip(texts, targets, strict=True)]
    return scores_with_intervals(TextToText.metrics, overlaps=overlaps)
