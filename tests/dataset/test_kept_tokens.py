"""What is put together from kept tokens is what the tokenizer itself gives; no text is tokenized twice."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.checkpoints.truncation import Encoding, TruncatedEncoding
from bertdemo.dataset import kept_tokens
from bertdemo.dataset.kept_tokens import KeptTokenizer
from bertdemo.run_config import Keep, Truncation

TEXTS = [
    "", " ", "A plain sentence.", "unaffordable tokenization", "我喜欢这部电影", "naïve café e\u0301",
    "\ud800 broken", "🙂🙃 👩\u200d👧", "[SEP] and [MASK] are plain text", "ｆｕｌｌ width", "tab\tand\nline",
    "\x00\u200bcontrol", "word " * 700, "A plain sentence.",
]  # fmt: skip
FIELDS = tuple(TruncatedEncoding.__dataclass_fields__)


@pytest.fixture(scope="module")
def plain() -> SharedTokenizer:
    return SharedTokenizer.from_folder(bundled.folder())


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text went through the tokenizer itself."""
    counted: Counter[str] = Counter()
    real = SharedTokenizer.encode_batch

    def counting(own: SharedTokenizer, texts: Sequence[str], *arguments: object, **named: object) -> list[Encoding]:
        counted.update(texts)
        return real(own, texts, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(SharedTokenizer, "encode_batch", counting)
    return counted


def fields(encoding: Encoding) -> dict[str, object]:
    return {name: getattr(encoding, name) for name in FIELDS}


def new(plain: SharedTokenizer) -> KeptTokenizer:
    return KeptTokenizer(plain, tempfile.TemporaryFile(buffering=0))


@pytest.mark.parametrize("pairs", [None, list(reversed(TEXTS))])
def test_every_encoding_is_that_of_the_tokenizer(plain: SharedTokenizer, pairs: list[str] | None) -> None:
    kept = new(plain)
    lengths = [None, *(Truncation(length, keep) for length in (5, 8, 33, 512) for keep in get_args(Keep))]
    for _ in range(2):  # tokenized now, then read from the file
        for truncation in lengths:
            wanted = plain.encode_batch(TEXTS, pairs, truncation)
            made = kept.encode_batch(TEXTS, pairs, truncation)
            assert list(map(fields, made)) == list(map(fields, wanted))
            assert list(map(len, made)) == list(map(len, wanted))
    assert fields(kept.encode("a b", "c")) == fields(plain.encode("a b", "c"))
    assert kept.encode("x [MASK]", specials_in_text=True).ids == plain.encode("x [MASK]", specials_in_text=True).ids


def test_each_text_is_tokenized_once_in_any_company(plain: SharedTokenizer, tokenized: Counter[str]) -> None:
    kept = new(plain)
    kept.encode_batch(TEXTS)
    kept.encode_batch(TEXTS, list(reversed(TEXTS)), Truncation(16))
    kept.encode(TEXTS[2], TEXTS[3], Truncation(8, "tail"))
    assert tokenized == Counter(set(TEXTS))


def test_tokens_are_taken_up_from_a_folder(plain: SharedTokenizer, tokenized: Counter[str], tmp_path: Path) -> None:
    kept = new(plain)
    kept.encode_batch(TEXTS[:6])
    kept.save(tmp_path / "run")
    second = KeptTokenizer.open(plain, tmp_path / "run")
    again = list(map(fields, second.encode_batch(TEXTS)))
    second.save(tmp_path / "run")
    third = KeptTokenizer.open(plain, tmp_path / "run")
    assert list(map(fields, third.encode_batch(TEXTS))) == again
    assert tokenized == Counter(set(TEXTS))
    assert (tmp_path / "run" / "tokens.bin").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["index gone", "index cut", "index of another", "tokens cut", "tokens gone", "half"])
def test_what_is_torn_is_tokenized_again(
    damage: str, plain: SharedTokenizer, tokenized: Counter[str], tmp_path: Path
) -> None:
    first = KeptTokenizer.open(plain, tmp_path)
    wanted = list(map(fields, first.encode_batch(TEXTS)))
    first.save(tmp_path)
    index, tokens = tmp_path / "texts.bin", tmp_path / "tokens.bin"
    content, body = index.read_bytes(), tokens.read_bytes()
    {"index gone": index.unlink, "tokens gone": tokens.unlink,
     "index cut": lambda: index.write_bytes(content[:-5]), "tokens cut": lambda: tokens.write_bytes(body[:-5]),
     "index of another": lambda: index.write_bytes(content.swapcase()),
     "half": lambda: tokens.write_bytes(body + b"1234567")}[damage]()  # fmt: skip
    tokenized.clear()
    again = KeptTokenizer.open(plain, tmp_path)
    assert list(map(fields, again.encode_batch([*TEXTS, "one more"])))[: len(TEXTS)] == wanted
    assert set(tokenized) == ({"one more"} if damage == "half" else {*TEXTS, "one more"})


def test_a_full_disk_costs_a_second_tokenization_and_nothing_else(
    plain: SharedTokenizer, tokenized: Counter[str]
) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        kept = KeptTokenizer(plain, full)
        for _ in range(2):
            assert [code.ids for code in kept.encode_batch(["one", "two"])] == [
                code.ids for code in plain.encode_batch(["one", "two"])
            ]
    assert tokenized == {"one": 4, "two": 4}  # twice by each


def test_threads_share_it(plain: SharedTokenizer, tokenized: Counter[str]) -> None:
    kept, draw = new(plain), random.Random(2)
    texts = [f"text {number} of them" for number in range(60)]
    wanted = {text: encoding.ids for text, encoding in zip(texts, plain.encode_batch(texts), strict=True)}
    tokenized.clear()
    asked = [draw.sample(texts, 20) for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        for part, encodings in zip(asked, pool.map(kept.encode_batch, asked), strict=True):
            assert [encoding.ids for encoding in encodings] == [wanted[text] for text in part]
    assert set(tokenized.values()) == {1}


def test_nothing_is_kept_of_another_tokenizer(plain: SharedTokenizer, tmp_path: Path) -> None:
    kept_tokens.KeptTokenizer.open(plain, tmp_path).encode_batch(TEXTS)
    other = SharedTokenizer.from_folder(bundled.folder())
    other._tokenizer.add_tokens(["qqq"])
    fresh = SharedTokenizer(other._tokenizer)
    assert fresh.digest != plain.digest
