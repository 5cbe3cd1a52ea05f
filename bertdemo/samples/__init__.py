"""The data sets that come with the app, written for it: small enough to train on a laptop in minutes.

A sample is a file of this folder and nothing else. Its name says what it is: position in the list, task, id with the
language, ending, as in `05.pair.pairs_en.csv`. Its name for people is the locale key `sample.<id>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.resolve()
# A file with another name, such as this one, is no sample.
_NAME = re.compile(r"\d+\.(?P<task>\w+)\.(?P<id>\w+_(?P<language>[a-z]+))\.\w+")


@dataclass(frozen=True)
class Sample:
    """One file of this folder."""

    id: str
    path: Path
    language: str
    task: str

    @property
    def file(self) -> str:
        """The file name that people see."""
        return f"{self.id}{self.path.suffix}"


@cache
def all_samples() -> tuple[Sample, ...]:
    """Return the samples in the order of their file names."""
    matches = [(path, _NAME.fullmatch(path.name)) for path in sorted(FOLDER.iterdir())]
    return tuple(Sample(match["id"], path, match["language"], match["task"]) for path, match in matches if match)


def find(id: str) -> Sample:
    """Return the sample with that id; KeyError for an unknown one."""
    return {sample.id: sample for sample in all_samples()}[id]


def sample_path(id: str) -> Path:
    """Return the file of a sample; KeyError for an unknown id."""
    return find(id).path


def offered(language: str, *, chinese_model: bool) -> tuple[Sample, ...]:
    """Return all samples, those in the reader's language first if there is a model for it.

    `chinese_model` says whether a checkpoint that reads Chinese is in the cache or can be downloaded.
    """
    first = language if language != "zh" or chinese_model else "en"
    return tuple(sorted(all_samples(), key=lambda sample: sample.language != first))
