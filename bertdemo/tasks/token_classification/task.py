"""Named-entity recognition (token classification): one tag per word, so that names are found in a text.

The model is BertForTokenClassification: one linear layer reads the last vector of every token. The tag of a word is
learned at its first token alone and predicted there; the other tokens have the label -100, which the loss ignores
(Devlin et al. 2019, 5.3). Tags are BIO: B- begins an entity, I- continues it, O is outside. Chinese is read by
character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound, OneClass, TooManyLabels
from bertdemo.tables.annotations.printed_lists import printed_list
from bertdemo.tasks.base import (
    FOLDS,
    MINIMUM_ROWS,
    EncodeOptions,
    Frozen,
    Inputs,
    LabeledTable,
    Task,
    unknown_label,
)
from bertdemo.tasks.forward import IGNORED, Batch, Inference, encoded
from bertdemo.tasks.label_lists import first_beyond
from bertdemo.tasks.results import (
    Annotation,
    BaselineScore,
    Degree,
    Judged,
    Prediction,
    Problem,
    Score,
    scores_with_intervals,
)
from bertdemo.tasks.roles import TAGS, TEXT, TOKENS, detect
from bertdemo.tasks.token_classification import validation
from bertdemo.tasks.token_classification.bio import (
    OUTSIDE,
    Sentence,
    Span,
    as_bio,
    entities,
    parsed,
    sentences,
    spans_in_cell,
    style_of,
    words_of,
)

if TYPE_CHECKING:
    from datasets import Dataset

    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.checkpoints.truncation import Encoding
    from bertdemo.tables.table import Table

# Cells of a column that are read to recognize lists of spans.
_SAMPLED_CELLS = 500


@dataclass(frozen=True)
class Entity:
    """An entity in a text: `start` and `end` are code points, `score` the least probability of its words."""

    label: str
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True)
class Entities(Prediction):
    """The entities of one text, in its order."""

    entities: tuple[Entity, ...]
    tags: tuple[str, ...]
    """One BIO tag per word."""
    view = "entities"

    @property
    def cell(self) -> str:
        """The entities, as `text (label)`."""
        return "; ".join(f"{entity.text} ({entity.label})" for entity in self.entities)

    @property
    def confidence(self) -> float | None:
        """The probability of the least certain entity; None where there is no entity."""
        return min((entity.score for entity in self.entities), default=None)

    @property
    def counted(self) -> tuple[str, ...]:
        """The label of each entity."""
        return tuple(entity.label for entity in self.entities)

    def to_api(self) -> dict[str, object]:
        """Return {entities: [{label, start, end, text, score}]}."""
        return {"entities": [{**asdict(entity), "score": round(entity.score, 6)} for entity in self.entities]}


class TokenClassification(Task):
    """Input: `tokens`. Output: one tag per token."""

    id = "token_classification"
    roles = (TOKENS, TAGS)
    architecture = "BertForTokenClassification"
    metrics = ("entity_f1",)
    categories = False

    def likelihood(self, table: Table, columns: Mapping[str, str]) -> float:
        """Return 1: lists of tags, or lists of spans, are used for nothing else."""
        return 1.0

    def columns(self, table: Table) -> dict[str, str]:
        """Guess lists of words with lists of tags, else a text with lists of spans."""
        try:
            return detect(table, [TOKENS, TAGS])
        except ColumnsNotFound:
            spans = [name for name, cells in table.columns.items() if _are_spans(cells[:_SAMPLED_CELLS])]
            if not spans:
                raise
            return {"tokens": _text_of_spans(table, spans), "tags": spans[0]}

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or nothing can be learned."""
        self.check_columns(table, columns)
        names = self.labels(table, columns)
        rows = sentences(table, columns)
        validation.check_enough(table, rows, MINIMUM_ROWS)
        if names == (OUTSIDE,):  # no entity in the whole table, or tags of an unknown scheme
            validation.check_known(table, rows, columns["tags"])
            raise OneClass(label=OUTSIDE, column=columns["tags"])
        if len(names) > label_limit:
            tag_sets = [{OUTSIDE, *row.tags} if isinstance(row, Sentence) else None for row in rows]
            number = first_beyond(table.row_numbers, tag_sets, label_limit)
            raise TooManyLabels(labels=len(names), limit=label_limit, column=columns["tags"], row=number)

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, an entity type is new, or no row can be used."""
        self.check_columns(table, columns)
        validation.check_enough(table, sentences(table, columns), 1)
        self.targets(table, columns, labels)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return O, then B- and I- of every entity type, sorted by name."""
        rows = [row for row in sentences(table, columns) if isinstance(row, Sentence)]
        kinds = {kind for row in rows for kind in _kinds(row)}
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(kinds) for prefix in "BI"))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[Sentence | None]:
        """Return each row's sentence with its tags; None where it cannot be used."""
        known = set(labels)
        targets: list[Sentence | None] = []
        for number, row in zip(table.row_numbers, sentences(table, columns), strict=True):
            sentence = row if isinstance(row, Sentence) else None
            if sentence and (new := next((tag for tag in sentence.tags if tag not in known), None)):
                raise unknown_label(new, number, table, labels)
            targets.append(sentence if sentence and sentence.words else None)
        return targets

    def strata(self, targets: Sequence[Sentence], labels: Sequence[str]) -> list[str]:
        """Stratify by each sentence's rarest entity type."""
        rows = Counter(kind for target in targets for kind in _kinds(target))
        return [min(_kinds(target), key=lambda kind: (rows[kind], kind), default="") for target in targets]

    def counts(self, targets: Sequence[Sentence], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Count the entities of each type."""
        counts = Counter(kind for target in targets for kind, _, _ in entities(target.tags))
        return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Return findings about unusable rows and corrected tags."""
        return validation.problems(table, sentences(table, columns), columns["tags"], style_of(table, columns))

    def inputs(self, table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> Inputs:
        """Return texts with their words; where the data define no words, they are found in the text."""
        cells = table.columns[columns["tokens"]]
        tags = table.columns[columns["tags"]] if columns.get("tags") in table.columns else None
        read = [_read(cells[row] or "", tags[row] if tags is not None else None) for row in rows]
        return Inputs([sentence.text for sentence in read], None, [sentence.words for sentence in read])

    def encode(
        self, source: LabeledTable, rows: Sequence[int], tokenizer: SharedTokenizer, options: EncodeOptions
    ) -> Dataset:
        """Tokenize `rows`; `labels` has the tag's id at the first token of each word, -100 elsewhere."""
        ids = {label: at for at, label in enumerate(source.labels)}
        targets = self.targets(source.table, source.columns, source.labels)
        used = [target for row in rows if (target := targets[row]) is not None]

        def token_labels(index: int, encoding: Encoding) -> list[int]:
            tokens = first_tokens(encoding.offsets, encoding.sequence_ids, used[index].words)
            labels = [IGNORED] * len(encoding.ids)
            for word, token in tokens.items():
                labels[token] = ids[used[index].tags[word]]
            return labels

        inputs = Inputs([sentence.text for sentence in used])
        return encoded(inputs, rows, tokenizer, options, token_labels)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: LabeledTable) -> dict[str, float]:
        """Return entity F1 of the words that were not truncated."""
        from bertdemo import metrics

        predicted, true = [], []
        # logits: (rows, tokens, tags); references: (rows, tokens)
        for row, labels in zip(logits.argmax(-1).tolist(), references.tolist(), strict=True):
            words = [token for token, label in enumerate(labels) if label != IGNORED]
            predicted.append([held_out.labels[row[token]] for token in words])
            true.append([held_out.labels[labels[token]] for token in words])
        return metrics.compute(self.metrics, **_entity_counts(predicted, true))

    def intervals(
        self, predictions: Sequence[Entities], targets: Sequence[Sentence], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return entity F1 with a bootstrap interval over sentences."""
        return entity_scores([prediction.tags for prediction in predictions], [target.tags for target in targets])

    def judge(self, prediction: Entities, target: Sentence, labels: Sequence[str]) -> Judged:
        """A sentence is right where all its entities are."""
        true = tuple(
            Annotation(kind, target.words[first][0], target.words[after - 1][1])
            for kind, first, after in entities(target.tags)
        )
        predicted = tuple(Annotation(entity.label, entity.start, entity.end) for entity in prediction.entities)
        texts = [f"{target.text[entity.start : entity.end]} ({entity.label})" for entity in true]
        degree = Degree("confidence", prediction.confidence or 0.0)
        return Judged("; ".join(texts) or "–", prediction.cell or "–", degree, true == predicted, true, predicted)

    def trivial_baseline(self, train: Sequence[Sentence], held_out: Sequence[Sentence]) -> float:
        """Return 0: predicting O everywhere finds no entity."""
        return 0.0

    def predict(self, inference: Inference, inputs: Inputs) -> list[Entities]:
        """Return the entities of each text; a word beyond the maximum length is O."""
        labels = inference.labels
        words = inputs.words or [words_of(text) for text in inputs.texts]

        def entities_of(batch: Batch, indices: list[int]) -> list[Entities]:
            probabilities = inference.model(**batch).logits.float().softmax(-1).cpu()  # (batch, tokens, tags)
            texts = [inputs.texts[i] for i in indices]
            encodings = inference.tokenizer.encode_batch(texts, None, inference.truncation)
            return [
                decoded(text, words[i], first_tokens(encoding.offsets, encoding.sequence_ids, words[i]), row, labels)
                for text, i, row, encoding in zip(texts, indices, probabilities, encodings, strict=True)
            ]

        return inference.forward(entities_of, inputs.texts)

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score a linear probe on the frozen vector of each word's first token, out of fold."""
        import numpy as np

        targets = self.targets(table, columns, self.labels(table, columns))
        used = [target for row in rows if (target := targets[row]) is not None]
        vectors = word_vectors(frozen, used)
        folds = np.random.default_rng(0).permutation(len(used)) % FOLDS
        predicted: list[tuple[str, ...]] = [()] * len(used)
        for fold in range(FOLDS):
            train, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            for at, tags in zip(held, linear_tagger(vectors, used, train, held), strict=True):
                predicted[int(at)] = tags
        scores = entity_scores(predicted, [target.tags for target in used])
        return [BaselineScore("linear_tagger", scores, len(used), FOLDS)]


def _kinds(target: Sentence) -> set[str]:
    """Return the entity types in a sentence."""
    return {tag[2:] for tag in target.tags if tag != OUTSIDE}


def _read(cell: str, tags: str | None) -> Sentence:
    """Return the words of a row, with or without its tags; always a sentence, also for a cell that cannot be parsed."""
    row = parsed(cell, tags) if tags and tags.strip() else None
    if not isinstance(row, Sentence):
        # A list of words is parsed with itself as tags, which has the right length; a text with no spans.
        row = parsed(cell, "[]" if printed_list(cell) is None else cell)
    return row if isinstance(row, Sentence) else Sentence(cell, words_of(cell), ())


def _are_spans(cells: Sequence[str | None]) -> bool:
    """Return whether cells are lists of spans, as any tool writes them, and not all of them are empty."""
    filled = [cell for cell in cells if cell and cell.strip()]
    spans = [spans_in_cell(cell) for cell in filled]
    return None not in spans and any(spans)


def _text_of_spans(table: Table, spans: Sequence[str]) -> str:
    """Guess the column that spans are in: text, or lists of words where the spans count words."""
    others = replace(table, columns={name: cells for name, cells in table.columns.items() if name not in spans})
    try:
        return detect(others, [TEXT])["text"]
    except ColumnsNotFound:
        return detect(others, [TOKENS])["tokens"]


def first_tokens(offsets: Sequence[Span], sequences: Sequence[int | None], words: Sequence[Span]) -> dict[int, int]:
    """Return word -> position of its first token; a word that was truncated away is missing.

    `offsets` and `sequences` are those of an encoding; both tokens and words are in the order of the text.
    """
    positions: dict[int, int] = {}
    word = 0
    for position, ((start, end), sequence) in enumerate(zip(offsets, sequences, strict=True)):
        if sequence is None or end <= start:  # a special token, or one of no characters
            continue
        # Both are sorted, so one pass is enough: skip the words that end before this token.
        while word < len(words) and words[word][1] <= start:
            word += 1
        if word < len(words) and words[word][0] <= start and word not in positions:
            positions[word] = position
    return positions


def decoded(
    text: str, words: Sequence[Span], tokens: Mapping[int, int], probabilities: Any, labels: Sequence[str]
) -> Entities:
    """Return the entities of one text of (tokens, tags) probabilities; an I- without a beginning begins one."""
    best = probabilities.max(-1)  # values and indices: (tokens,)
    names = [labels[int(best.indices[tokens[word]])] if word in tokens else OUTSIDE for word in range(len(words))]
    tags, _ = as_bio(names)  # the model predicts token by token, so an I- may follow an O
    predicted = []
    for kind, first, after in entities(tags):
        start, end = words[first][0], words[after - 1][1]
        score = min(float(best.values[tokens[word]]) for word in range(first, after))
        predicted.append(Entity(kind, start, end, text[start:end], score))
    return Entities(tuple(predicted), tags)


def entity_scores(predicted: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Return entity F1 of BIO tags with a bootstrap interval over sentences."""
    return scores_with_intervals(TokenClassification.metrics, **_entity_counts(predicted, true))


def _entity_counts(predicted: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Return per sentence how many entities are correctly predicted, predicted, and in the data."""
    pairs = [(set(entities(a)), set(entities(b))) for a, b in zip(predicted, true, strict=True)]
    return {
        "matched": [len(a & b) for a, b in pairs],
        "predicted": [len(a) for a, _ in pairs],
        "labeled": [len(b) for _, b in pairs],
    }


def word_vectors(frozen: Frozen, rows: Sequence[Sentence]) -> list[Any]:
    """Return per sentence the (words, hidden) frozen vectors of the words' first tokens, 0 for a truncated word."""
    import numpy as np

    by_sentence = []
    for row, (vectors, offsets) in zip(rows, frozen.token_vectors([row.text for row in rows]), strict=True):
        tokens = first_tokens(offsets, [0] * len(offsets), row.words)
        of_words = np.zeros((len(row.words), vectors.shape[1]), dtype=np.float32)
        of_words[list(tokens)] = vectors[list(tokens.values())]
        by_sentence.append(of_words)
    return by_sentence


def linear_tagger(vectors: Sequence[Any], rows: Sequence[Sentence], train: Any, held_out: Any) -> list[tuple[str, ...]]:
    """Fit a logistic regression on the words of the sentences `train`; return BIO tags for those of `held_out`."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    tags = [tag for at in train for tag in rows[int(at)].tags]
    # One BLAS thread: the products are small, and the server computes other things beside them.
    with threadpool_limits(limits=1, user_api="blas"):
        model = LogisticRegression(max_iter=300).fit(np.concatenate([vectors[int(at)] for at in train]), tags)
        return [as_bio([str(tag) for tag in model.predict(vectors[int(at)])])[0] for at in held_out]
