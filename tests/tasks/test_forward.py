"""How texts are cut into batches: each once, few tokens at a time, and little of them padding."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bertdemo.run_config import Truncation
from bertdemo.tasks import forward
from bertdemo.tasks.forward import batches


class Tokenizer:
    """One token per word; remembers how much it was given at once."""

    pad_id = 0

    def __init__(self) -> None:
        self.given: list[list[str]] = []

    def encode_batch(self, texts: list[str], pairs: list[str] | None, truncation: Truncation) -> list[Any]:
        self.given.append(texts)
        ids = [[1] * min(len(text.split()), truncation.max_length) for text in texts]
        return [SimpleNamespace(ids=row, attention_mask=row, type_ids=row) for row in ids]


def cut(texts: list[str], **options: Any) -> Iterator[tuple[list[int], tuple[int, int]]]:
    for indices, tensors in batches(cast(Any, Tokenizer()), texts, None, Truncation(64), **options):
        yield indices, tuple(tensors["input_ids"].shape)


TEXTS = ["a " * (1 + 37 * number % 60) for number in range(200)]


@pytest.mark.parametrize("tokens", [None, 1, 64, 65, 640])
@pytest.mark.parametrize("size", [1, 32])
def test_every_text_comes_once_and_a_batch_has_few_texts_and_tokens(tokens: int | None, size: int) -> None:
    found = list(cut(TEXTS, batch_size=size, batch_tokens=tokens))
    assert sorted(index for indices, _ in found for index in indices) == list(range(200))
    for indices, (rows, longest) in found:
        assert rows == len(indices) <= size
        assert tokens is None or rows == 1 or rows * longest <= tokens


def test_a_batch_is_as_full_as_its_limits_allow() -> None:
    shapes = [shape for _, shape in cut(["a " * 10] * 100, batch_tokens=100)]
    assert shapes == [(10, 10)] * 10
    assert [shape for _, shape in cut(["a " * 100] * 3, batch_tokens=100)] == [(1, 64)] * 3
    assert not list(cut([]))


def test_few_characters_are_tokenized_at_once() -> None:
    tokenizer = Tokenizer()
    texts = ["a " * 15_000] * 10 + ["b " * 100_000] + ["c"] * 5_000
    found = list(batches(cast(Any, tokenizer), texts, None, Truncation(64)))
    assert [text for given in tokenizer.given for text in given] == texts
    assert sorted(index for indices, _ in found for index in indices) == list(range(len(texts)))
    for given in tokenizer.given:
        assert len(given) <= 4096
        assert len(given) == 1 or sum(map(len, given)) <= forward._SORTED_CHARS
