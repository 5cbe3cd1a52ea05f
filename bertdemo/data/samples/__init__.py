"""The data sets that come with the app, written for it: small enough to train on a laptop in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One CSV file of this folder; its name for people is the locale key `sample.<id>`."""

    id: str
    file: str
    language: str
    task: str
    text: str
    """Name of the column with the texts."""
    label: str
    """Name of the column with the labels."""
    labels: tuple[str, ...]


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
