"""Token classification: a tag for each word, so that names of persons, places, drugs or goods are marked in a text.

The model is BertForTokenClassification: one linear layer reads every piece's last vector. A word's tag is taught to
its first piece alone and read off it again; the other pieces have the label -100, which the loss leaves out (Devlin
et al. 2019, 5.3). Tags are BIO: B- begins an entity, I- goes on with it, O is outside. Chinese is read by character.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.errors import ColumnsNotFound, OneClass, TooManyLabels, UnknownLabel
from bertdemo.run_config import Truncation
from bertdemo.tasks.base import EncodeOptions, Frozen, HeadOptions, HeldOut, Inputs, Task
from bertdemo.tasks.forward import IGNORED, batches, columns_of, forward
from bertdemo.tasks.label_lists import first_beyond
from bertdemo.tasks.results import BaselineScore, Degree, Judged, Mark, Prediction, Problem, Score
from bertdemo.tasks.roles import TAGS, TEXT, TOKENS, detect
from bertdemo.tasks.token_classification import validation as faults
from bertdemo.tasks.token_classification.bio import OUTSIDE, Sentence, Span, as_bio, entities, sentences, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedModel

    from bertdemo.checkpoints import Opened
    from bertdemo.checkpoints.tokenizers import SharedTokenizer
    from bertdemo.tables.table import Table

MINIMUM_ROWS = 4
FOLDS = 5
_CHUNK = 1000


@dataclass(frozen=True)
class Entity:
    """A marked part of a text: `start` and `end` are code points, `score` the least probability of its words."""

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
    """BIO, one a word."""
    view = "entities"

    @property
    def words(self) -> str:
        """The entities, as `text (label)`."""
        return "; ".join(f"{one.text} ({one.label})" for one in self.entities)

    @property
    def confidence(self) -> float | None:
        """Of the entity that is least sure; None where there is none."""
        return min((one.score for one in self.entities), default=None)

    def to_api(self) -> dict[str, Any]:
        """Return {entities: [{label, start, end, text, score}]}."""
        return {
            "entities": [
                {
                    "label": one.label, "start": one.start, "end": one.end, "text": one.text,
                    "score": round(one.score, 6),
                }
                for one in self.entities
            ]
        }  # fmt: skip


class TokenClassification(Task):
    """`tokens` are read, a tag a token is said."""

    id = "token_classification"
    roles = (TOKENS, TAGS)
    metrics = ("entity_f1",)
    categories = False

    def fits(self, table: Table) -> float:
        """Lists of tags, or lists of spans, are for nothing else."""
        try:
            self.columns(table)
        except ColumnsNotFound:
            return 0.0
        return 1.0

    def columns(self, table: Table) -> dict[str, str]:
        """Guess lists of words with lists of tags, else a text with lists of spans."""
        try:
            return detect(table, [TOKENS, TAGS])
        except ColumnsNotFound:
            spans = [name for name, cells in table.columns.items() if _spans(cells[:500])]
            if not spans:
                raise
            return {"tokens": detect(table, [TEXT])["text"], "tags": spans[0]}

    def check(self, table: Table, columns: Mapping[str, str], *, label_limit: int) -> None:
        """Raise where a column is missing, or nothing can be learned."""
        self.check_columns(table, columns)
        names = self.labels(table, columns)
        found = sentences(table, columns)
        faults.check_enough(table, found, MINIMUM_ROWS)
        if names == (OUTSIDE,):
            faults.check_known(table, found)
            raise OneClass(label=OUTSIDE, column=columns["tags"])
        if len(names) > label_limit:
            given = [{OUTSIDE, *one.tags} if isinstance(one, Sentence) else None for one in found]
            row = first_beyond(table.row_numbers, given, label_limit)
            raise TooManyLabels(labels=len(names), limit=label_limit, column=columns["tags"], row=row)

    def check_held_out(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> None:
        """Raise where a column is missing, a kind of entity is new, or no row can be used."""
        self.check_columns(table, columns)
        faults.check_enough(table, sentences(table, columns), 1)
        self.targets(table, columns, labels)

    def labels(self, table: Table, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Return O, then B- and I- of every kind that comes, by name."""
        kinds = {
            tag[2:] for one in sentences(table, columns) if isinstance(one, Sentence) for tag in one.tags
            if tag != OUTSIDE
        }  # fmt: skip
        return (OUTSIDE, *(f"{place}-{kind}" for kind in sorted(kinds) for place in "BI"))

    def targets(self, table: Table, columns: Mapping[str, str], labels: Sequence[str]) -> list[Sentence | None]:
        """Return each row's sentence with its tags; None where it cannot be used."""
        known = set(labels)
        found: list[Sentence | None] = []
        for number, one in zip(table.row_numbers, sentences(table, columns), strict=True):
            if isinstance(one, Sentence) and (new := next((tag for tag in one.tags if tag not in known), None)):
                shown = ", ".join(labels[:8]) + (" …" if len(labels) > 8 else "")
                raise UnknownLabel(label=new[:80], row=number, file=table.name, labels=shown)
            found.append(one if isinstance(one, Sentence) and one.words else None)
        return found

    def strata(self, targets: Sequence[Sentence], labels: Sequence[str]) -> list[str]:
        """Share out by each sentence's rarest kind of entity."""
        rows = Counter(kind for target in targets for kind in _kinds(target))
        return [min(_kinds(target), key=lambda kind: (rows[kind], kind), default="") for target in targets]

    def counts(self, targets: Sequence[Sentence], labels: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Count the entities of each kind."""
        found = Counter(kind for target in targets for kind, _, _ in entities(target.tags))
        return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def problems(self, table: Table, columns: Mapping[str, str]) -> list[Problem]:
        """Name rows that cannot be used by what is wrong with them, and tags that were put right."""
        return faults.problems(sentences(table, columns))

    def inputs(self, table: Table, columns: Mapping[str, str], rows: Sequence[int]) -> Inputs:
        """Return texts with their words; without tags the words are found in the text."""
        cells = table.columns[columns["tokens"]]
        tagged = table.columns[columns["tags"]] if columns.get("tags") in table.columns else None
        read = [_read(cells[row] or "", tagged[row] if tagged is not None else None) for row in rows]
        return Inputs([one.text for one in read], None, [one.words for one in read])

    def encode(
        self,
        table: Table,
        columns: Mapping[str, str],
        rows: Sequence[int],
        labels: Sequence[str],
        tokenizer: SharedTokenizer,
        options: EncodeOptions,
    ) -> Dataset:
        """Tokenize `rows`; `labels` has the tag's id at the first piece of each word, -100 elsewhere."""
        from datasets import Dataset

        ids = {label: at for at, label in enumerate(labels)}
        targets = self.targets(table, columns, labels)
        given = [targets[row] for row in rows]
        found: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
        found |= {"labels": [], "length": []}
        for start in range(0, len(rows), _CHUNK):
            options.stop()
            part = [one for one in given[start : start + _CHUNK] if one is not None]
            for one, encoding in zip(
                part, tokenizer.encode_batch([one.text for one in part], None, options.truncation), strict=True
            ):
                for name, values in columns_of(encoding).items():
                    found[name].append(values)
                at = first_pieces(encoding.offsets, encoding.sequence_ids, one.words)
                row = [IGNORED] * len(encoding.ids)
                for word, piece in at.items():
                    row[piece] = ids[one.tags[word]]
                found["labels"].append(row)
                found["length"].append(len(encoding.ids))
        return Dataset.from_dict({**found, "row": list(rows)})

    def model(self, folder: Path, options: HeadOptions) -> Opened:
        """Open BertForTokenClassification; its classifier is new unless the checkpoint has one for these tags."""
        from bertdemo.checkpoints.loading import open_model

        return open_model(folder, head="tokens", labels=options.labels, seed=options.seed)

    def score(self, logits: Any, references: Any, dataset: Dataset, held_out: HeldOut) -> dict[str, float]:
        """Return entity F1 of the words that were not cut off."""
        from bertdemo import metrics

        said, given = [], []
        for row, wanted in zip(logits.argmax(-1).tolist(), references.tolist(), strict=True):
            places = [at for at, label in enumerate(wanted) if label != IGNORED]
            said.append([held_out.labels[row[at]] for at in places])
            given.append([held_out.labels[wanted[at]] for at in places])
        return metrics.compute(self.metrics, **_counted(said, given))

    def intervals(
        self, said: Sequence[Entities], targets: Sequence[Sentence], labels: Sequence[str]
    ) -> dict[str, Score]:
        """Return entity F1 with a bootstrap interval over sentences."""
        return entity_scores([one.tags for one in said], [target.tags for target in targets])

    def judge(self, said: Entities, target: Sentence, labels: Sequence[str]) -> Judged:
        """A sentence is right where all its entities are."""
        given = tuple(
            Mark(kind, target.words[first][0], target.words[after - 1][1])
            for kind, first, after in entities(target.tags)
        )
        marks = tuple(Mark(one.label, one.start, one.end) for one in said.entities)
        words = [f"{target.text[mark.start : mark.end]} ({mark.label})" for mark in given]
        return Judged(
            "; ".join(words) or "–",
            said.words or "–",
            Degree("confidence", said.confidence or 0.0),
            given == marks,
            given,
            marks,
        )

    def guess(self, train: Sequence[Sentence], held_out: Sequence[Sentence]) -> float:
        """Saying O everywhere finds no entity."""
        return 0.0

    def predict(
        self,
        model: PreTrainedModel,
        tokenizer: SharedTokenizer,
        inputs: Inputs,
        truncation: Truncation,
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Entities]:
        """Return the entities of each text; a word beyond the maximum length is O."""
        id2label: Any = model.config.id2label
        names = [str(id2label[i]) for i in range(len(id2label))]
        words = inputs.words or [words_of(text) for text in inputs.texts]

        def entities_of(batch: dict[str, Any], indices: list[int]) -> list[Entities]:
            probabilities = model(**batch).logits.float().softmax(-1).cpu()  # (batch, n, tags)
            encodings = tokenizer.encode_batch([inputs.texts[i] for i in indices], None, truncation)
            return [
                decoded(inputs.texts[i], words[i], first_pieces(code.offsets, code.sequence_ids, words[i]), row, names)
                for i, row, code in zip(indices, probabilities, encodings, strict=True)
            ]

        read = batches(tokenizer, inputs.texts, None, truncation)
        return forward(entities_of, read, len(inputs.texts), device=model.device, progress=progress)

    def baseline_scores(
        self, table: Table, columns: Mapping[str, str], rows: Sequence[int], frozen: Frozen
    ) -> list[BaselineScore]:
        """Score a linear tagger: a regression on the frozen vector of each word's first piece, out of fold."""
        import numpy as np

        targets = self.targets(table, columns, self.labels(table, columns))
        given = [target for row in rows if (target := targets[row]) is not None]
        vectors = word_vectors(frozen, given)
        folds = np.random.default_rng(0).permutation(len(given)) % FOLDS
        said: list[tuple[str, ...]] = [()] * len(given)
        for fold in range(FOLDS):
            old, new = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            for at, tags in zip(new, linear_tagger(vectors, given, old, new), strict=True):
                said[int(at)] = tags
        scores = entity_scores(said, [one.tags for one in given])
        return [BaselineScore("linear_tagger", scores, len(given), FOLDS)]


def _kinds(target: Sentence) -> set[str]:
    return {tag[2:] for tag in target.tags if tag != OUTSIDE}


def _read(cell: str, tags: str | None) -> Sentence:
    """Return a row's words, with or without its tags."""
    from bertdemo.tasks.token_classification.bio import parsed

    found = parsed(cell, tags) if tags and tags.strip() else None
    if isinstance(found, Sentence):
        return found
    alone = parsed(cell, "[]") if not cell.lstrip().startswith("[") else parsed(cell, cell)
    return alone if isinstance(alone, Sentence) else Sentence(cell, words_of(cell), ())


def _spans(cells: Sequence[str | None]) -> bool:
    """Return whether cells are lists of {start, end, label}."""
    filled = [cell for cell in cells if cell and cell.strip() and cell.strip() != "[]"]
    keys = ('"start"', '"end"')
    return bool(filled) and all(cell.lstrip().startswith("[{") and all(key in cell for key in keys) for cell in filled)


def first_pieces(offsets: Sequence[Span], sequences: Sequence[int | None], words: Sequence[Span]) -> dict[int, int]:
    """Return word -> position of its first piece; a word of which no piece is left is not there.

    `offsets` and `sequences` are an encoding's; both pieces and words are in the order of the text.
    """
    found: dict[int, int] = {}
    word = 0
    for piece, ((start, end), sequence) in enumerate(zip(offsets, sequences, strict=True)):
        if sequence is None or end <= start:
            continue
        while word < len(words) and words[word][1] <= start:
            word += 1
        if word < len(words) and words[word][0] <= start and word not in found:
            found[word] = piece
    return found


def decoded(
    text: str, words: Sequence[Span], pieces: Mapping[int, int], probabilities: Any, names: Sequence[str]
) -> Entities:
    """Return the entities of one text; an I- without a beginning begins one."""
    best = probabilities.max(-1)
    said = [names[int(best.indices[pieces[word]])] if word in pieces else OUTSIDE for word in range(len(words))]
    tags, _ = as_bio(said)
    found = []
    for kind, first, after in entities(tags):
        start, end = words[first][0], words[after - 1][1]
        sure = min(float(best.values[pieces[word]]) for word in range(first, after))
        found.append(Entity(kind, start, end, text[start:end], sure))
    return Entities(tuple(found), tags)


def entity_scores(said: Sequence[Sequence[str]], given: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Return entity F1 of BIO tags with a bootstrap interval over sentences."""
    from bertdemo import metrics

    estimates = metrics.estimate(TokenClassification.metrics, **_counted(said, given))
    return {name: Score(*estimate) for name, estimate in estimates.items()}


def _counted(said: Sequence[Sequence[str]], given: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Return how many entities of each sentence are predicted rightly, predicted, and in the data."""
    pairs = [(set(entities(a)), set(entities(b))) for a, b in zip(said, given, strict=True)]
    return {
        "matched": [len(a & b) for a, b in pairs],
        "predicted": [len(a) for a, _ in pairs],
        "labeled": [len(b) for _, b in pairs],
    }


def word_vectors(frozen: Frozen, given: Sequence[Sentence]) -> list[Any]:
    """Return (words, width) frozen vectors of each sentence: those of the words' first pieces, 0 for a cut word."""
    import numpy as np

    found = []
    for one, (vectors, offsets) in zip(given, frozen.pieces([one.text for one in given]), strict=True):
        at = first_pieces(offsets, [0] * len(offsets), one.words)
        rows = np.zeros((len(one.words), vectors.shape[1]), dtype=np.float32)
        for word, piece in at.items():
            rows[word] = vectors[piece]
        found.append(rows)
    return found


def linear_tagger(vectors: Sequence[Any], given: Sequence[Sentence], old: Any, new: Any) -> list[tuple[str, ...]]:
    """Fit a logistic regression on the words of the sentences `old`; return BIO tags for those of `new`."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    tags = [tag for at in old for tag in given[int(at)].tags]
    with threadpool_limits(limits=1, user_api="blas"):
        model = LogisticRegression(max_iter=300).fit(np.concatenate([vectors[int(at)] for at in old]), tags)
        return [as_bio([str(tag) for tag in model.predict(vectors[int(at)])])[0] for at in new]
