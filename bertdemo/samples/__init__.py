"""The data sets that come with the app, written for it: small enough to train on a laptop in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One file of this folder; its name for people is the locale key `sample.<id>`."""

    id: str
    file: str
    language: str
    task: str
    text: str = ""
    """Name of the column with the texts, where there is one label for each."""
    label: str = ""
    """Name of the column with the labels."""
    labels: tuple[str, ...] = ()


FOLDER = Path(__file__).parent.resolve()

SAMPLES = (
    Sample(
        id="support_en",
        file="support_en.csv",
        language="en",
        task="classification",
        text="text",
        label="intent",
        labels=("account", "complaint", "delivery", "payment", "product_question", "return"),
    ),
    Sample(
        id="reviews_en",
        file="reviews_en.csv",
        language="en",
        task="classification",
        text="review",
        label="sentiment",
        labels=("negative", "positive"),
    ),
    Sample(
        id="reviews_zh",
        file="reviews_zh.csv",
        language="zh",
        task="classification",
        text="评论",
        label="情感",
        labels=("好评", "差评"),
    ),
    Sample(id="topics_en", file="topics_en.csv", language="en", task="multi_label"),
    Sample(id="pairs_en", file="pairs_en.csv", language="en", task="pair"),
    Sample(id="similarity_en", file="similarity_en.csv", language="en", task="similarity"),
    Sample(id="entities_en", file="entities_en.jsonl", language="en", task="token_classification"),
    Sample(id="questions_en", file="questions_en.jsonl", language="en", task="question_answering"),
    Sample(id="rewrite_en", file="rewrite_en.csv", language="en", task="text_to_text"),
    Sample(id="pairs_zh", file="pairs_zh.csv", language="zh", task="pair"),
    Sample(id="entities_zh", file="entities_zh.jsonl", language="zh", task="token_classification"),
    Sample(id="questions_zh", file="questions_zh.jsonl", language="zh", task="question_answering"),
)


def sample_path(id: str) -> Path:
    """Return the file of a sample; KeyError for an id that is not in SAMPLES."""
    return FOLDER / find(id).file


def find(id: str) -> Sample:
    """Return the sample of that id; KeyError for an id that is not in SAMPLES."""
    return {sample.id: sample for sample in SAMPLES}[id]


def offered(language: str, *, chinese_model: bool) -> tuple[Sample, ...]:
    """Return all samples, those in the reader's language first where a model that reads it is at hand.

    `chinese_model` says whether a checkpoint that reads Chinese is in the cache or can be fetched.
    """
    first = language if language != "zh" or chinese_model else "en"
    return tuple(sorted(SAMPLES, key=lambda sample: sample.language != first))
