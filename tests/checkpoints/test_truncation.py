"""What stays of a text that is too long: the ids of a sequence made by hand, whatever the length and the choice."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertdemo.checkpoints import bundled, truncation
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.checkpoints.truncation import kept_positions
from bertdemo.run_config import KEEPS, Keep, Truncation
from bertdemo.tasks.forward import batches

LONG = "the violin stayed in its case because it was embarrassingly out of tune " * 9
TEXTS = [LONG, "short", "", "one two three four five six", LONG[:200]]


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.verified())


def chosen(pieces: list[int], room: int, keep: Keep) -> list[int]:
    """The reference, written another way: take from the start and from the end by turns, as the choice says."""
    start: list[int] = []
    end: list[int] = []
    left = list(pieces)
    while left and len(start) + len(end) < room:
        if keep == "tail" or (keep == "both" and len(start) > len(end)):
            end.insert(0, left.pop())
        else:
            start.append(left.pop(0))
    return start + end


def by_hand(tokenizer: SharedTokenizer, text: str, max_length: int, keep: Keep) -> list[int]:
    pieces = tokenizer.encode(text).ids[1:-1]
    assert tokenizer.cls_id is not None and tokenizer.sep_id is not None
    return [tokenizer.cls_id, *chosen(pieces, max_length - 2, keep), tokenizer.sep_id]


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("max_length", [2, 3, 4, 5, 8, 31, 32, 128, 512])
def test_the_ids_are_cls_the_chosen_pieces_and_sep(tokenizer: SharedTokenizer, max_length: int, keep: Keep) -> None:
    for text in TEXTS:
        encoding = tokenizer.encode(text, truncation=Truncation(max_length, keep))
        assert encoding.ids == by_hand(tokenizer, text, max_length, keep)
        assert len(encoding) <= max_length
        assert encoding.tokens[0] == "[CLS]" and encoding.tokens[-1] == "[SEP]"
    together = tokenizer.encode_batch(TEXTS, truncation=Truncation(max_length, keep))
    assert [one.ids for one in together] == [by_hand(tokenizer, text, max_length, keep) for text in TEXTS]


@given(first=st.integers(0, 30), second=st.integers(0, 30), room=st.integers(0, 40), keep=st.sampled_from(KEEPS))
def test_of_a_pair_each_text_has_the_room_that_it_had_and_keeps_its_own_ends(
    first: int, second: int, room: int, keep: Keep
) -> None:
    sequence = [None, *[0] * first, None, *[1] * second, None]
    head = kept_positions(sequence, room + 3)
    found = kept_positions(sequence, room + 3, keep)
    assert len(found) == len(head) == min(len(sequence), room + 3)
    assert [place for place in found if sequence[place] is None] == [0, first + 1, first + second + 2]
    for which, start, length in ((0, 1, first), (1, first + 2, second)):
        own = [place - start for place in found if sequence[place] == which]
        most = sum(sequence[place] == which for place in head)
        assert own == chosen(list(range(length)), most, keep)


def test_threads_that_cut_in_different_ways_do_not_meet(tokenizer: SharedTokenizer) -> None:
    wrong: list[Any] = []

    def work(keep: Keep, length: int) -> None:
        expected = by_hand(tokenizer, LONG, length, keep)
        wrong.extend(
            1 for _ in range(60) if tokenizer.encode(LONG, truncation=Truncation(length, keep)).ids != expected
        )

    threads = [threading.Thread(target=work, args=(keep, length)) for keep in KEEPS for length in (7, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("keep", KEEPS)
def test_batches_are_cut_as_single_texts_are(tokenizer: SharedTokenizer, keep: Keep) -> None:
    for indices, tensors in batches(tokenizer, TEXTS, None, Truncation(16, keep)):
        for index, ids, mask in zip(indices, tensors["input_ids"], tensors["attention_mask"], strict=True):
            assert ids[mask.bool()].tolist() == by_hand(tokenizer, TEXTS[index], 16, keep)


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("max_length", [3, 8, 31])
def test_the_lines_of_the_card_give_the_same_ids(
    tokenizer: SharedTokenizer, max_length: int, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundled.verified())
    found: dict[str, Any] = {}
    exec("\n".join(truncation.code(max_length, keep)), found)  # noqa: S102
    for text in TEXTS:
        assert found["encode"](text) == by_hand(tokenizer, text, max_length, keep), (keep, Path(os.curdir))
