"""The greedy longest match: every attempt in order, and the pieces of the real tokenizer in the end."""

from __future__ import annotations

import random

import pytest
from tokenizers import models

from bertdemo import samples
from bertdemo.anatomy.tokens import trace
from bertdemo.anatomy.wordpiece import Attempt, attempts
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer

VOCABULARY = {"[UNK]", "un", "una", "##ffa", "##ffable", "##ble", "play", "##ing", "##in", "##g", "x", "##x", "我"}
LETTERS = "abcdefghijklmnopqrstuvwxyzäßé0123456789我爱😀й"


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.folder())


def sample_texts() -> list[str]:
    return [line for sample in samples.all_samples() for line in sample.path.read_text(encoding="utf-8").splitlines()]


def generated() -> list[str]:
    rng = random.Random(3)
    return ["".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 18))) for _ in range(600)]


def test_every_attempt_is_listed_longest_first() -> None:
    matching = attempts("unaffab", VOCABULARY | {"##b"})
    assert matching.attempts == (
        Attempt(0, "unaffab", False),
        Attempt(0, "unaffa", False),
        Attempt(0, "unaff", False),
        Attempt(0, "unaf", False),
        Attempt(0, "una", True),
        Attempt(3, "##ffab", False),
        Attempt(3, "##ffa", True),
        Attempt(6, "##b", True),
    )
    assert matching.pieces == ("una", "##ffa", "##b") and matching.word == "unaffab"


def test_the_longest_match_wins_even_where_a_shorter_one_would_lead_further() -> None:
    assert attempts("unaffable", VOCABULARY).pieces == ("una", "##ffable")
    matching = attempts("abc", {"ab", "a", "##bc"})
    assert matching.pieces == ("[UNK]",)
    assert [attempt.piece for attempt in matching.attempts] == ["abc", "ab", "##c"]


def test_a_piece_inside_a_word_needs_its_marks() -> None:
    assert attempts("playing", VOCABULARY).pieces == ("play", "##ing")
    assert attempts("ing", VOCABULARY).pieces == ("[UNK]",)
    assert attempts("playplay", VOCABULARY).pieces == ("[UNK]",)


def test_a_dead_end_makes_the_whole_word_unknown() -> None:
    matching = attempts("playq", VOCABULARY, unknown="<?>")
    assert matching.pieces == ("<?>",)
    assert matching.attempts[-2:] == (Attempt(0, "play", True), Attempt(4, "##q", False))


def test_a_word_over_the_limit_is_unknown_without_any_attempt() -> None:
    assert attempts("x" * 100, VOCABULARY).pieces == ("x", *["##x"] * 99)
    over = attempts("x" * 101, VOCABULARY)
    assert (over.attempts, over.pieces) == ((), ("[UNK]",))
    assert attempts("xxxx", VOCABULARY, longest=3).attempts == ()


def test_an_empty_word_has_no_pieces() -> None:
    assert (attempts("", VOCABULARY).attempts, attempts("", VOCABULARY).pieces) == ((), ())


def test_each_word_of_the_samples_is_split_as_the_tokenizer_splits_it(tokenizer: SharedTokenizer) -> None:
    words = {}
    for text in sample_texts():
        for word in trace(tokenizer, text).stages[0].pre_tokens:
            words[word.text] = word.pieces
    assert len(words) > 2000
    for word, pieces in words.items():
        assert attempts(word, tokenizer.vocabulary).pieces == pieces, word


def test_each_made_up_word_is_split_as_the_library_splits_it(tokenizer: SharedTokenizer) -> None:
    library = models.WordPiece(dict(tokenizer.vocabulary), unk_token="[UNK]", max_input_chars_per_word=100)
    words = [*generated(), *("q" * 99, "q" * 100, "q" * 101, "我" * 101, "##ing", "[sep]", "[SEP]", "a##b")]
    found = {word: attempts(word, tokenizer.vocabulary).pieces for word in words}
    assert found == {word: tuple(piece.value for piece in library.tokenize(word)) for word in words}
    assert {len(pieces) for pieces in found.values()} >= {1, 2, 3, 4, 5} and ("[UNK]",) in found.values()
