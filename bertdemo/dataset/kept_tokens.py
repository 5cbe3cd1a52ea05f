"""A tokenizer that caches the encoding of each text, so that a table is tokenized once per checkpoint.

The report needs the lengths, the worker the suggested length, the training rows, the tuning and the final evaluation:
all of them read the same texts. The tokens of a text are kept uncut and without special tokens; an encoding of a text
or a pair, cut to any length, is put together from them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from bertdemo.checkpoints.tokenizers import SharedTokenizer, well_formed
from bertdemo.checkpoints.truncation import Encoding, truncate
from bertdemo.faults import fault
from bertdemo.processes import write_atomic
from bertdemo.run_config import Truncation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Encoding as TokenizersEncoding

_TOKEN = np.dtype([("id", "<i4"), ("start", "<i4"), ("end", "<i4"), ("word", "<i4")])  # 16 bytes per token
_TEXT = np.dtype([("digest", "S16"), ("first", "<i8"), ("count", "<i4")])
FOLDER = "tokens"
"""Of a run folder."""
_TOKENS, _TEXTS = "tokens.bin", "texts.bin"


class KeptEncoding:
    """The encoding of one text or pair, special tokens included; its lists are built on first use."""

    def __init__(self, tokenizer: SharedTokenizer, texts: Sequence[NDArray[np.void]]) -> None:
        self._tokenizer = tokenizer
        self._texts = texts

    def __len__(self) -> int:
        return 1 + sum(len(tokens) + 1 for tokens in self._texts)  # [CLS], and a [SEP] after each text

    @cached_property
    def ids(self) -> list[int]:
        """Input IDs."""
        cls, sep = self._tokenizer.cls_id or 0, self._tokenizer.sep_id or 0
        return [cls, *(number for tokens in self._texts for number in (*tokens["id"].tolist(), sep))]

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens themselves."""
        return [self._tokenizer.token_of[number] for number in self.ids]

    @cached_property
    def type_ids(self) -> list[int]:
        """Segment of each token; [CLS] belongs to the first text, each [SEP] to the text before it."""
        return [0, *(segment for segment, tokens in enumerate(self._texts) for _ in range(len(tokens) + 1))]

    @cached_property
    def offsets(self) -> list[tuple[int, int]]:
        """Code points of the token's own text; (0, 0) for a special token."""
        spans = (zip(tokens["start"].tolist(), tokens["end"].tolist(), strict=True) for tokens in self._texts)
        return [(0, 0), *(span for own in spans for span in (*own, (0, 0)))]

    @cached_property
    def word_ids(self) -> list[int | None]:
        """Index of the pre-token within its text; None for a special token."""
        return [None, *(word for tokens in self._texts for word in (*tokens["word"].tolist(), None))]

    @cached_property
    def sequence_ids(self) -> list[int | None]:
        """0 for the first text, 1 for the pair, None for a special token."""
        texts = enumerate(self._texts)
        return [None, *(number for at, tokens in texts for number in (*[at] * len(tokens), None))]

    @cached_property
    def special_tokens_mask(self) -> list[int]:
        """1 for a special token that the template added."""
        return [int(number is None) for number in self.sequence_ids]

    @cached_property
    def attention_mask(self) -> list[int]:
        """1 everywhere: nothing is padded here."""
        return [1] * len(self)


class KeptTokenizer(SharedTokenizer):
    """The same encodings as of the tokenizer that it is made of; each text is tokenized once. For many threads.

    The tokens lie in a file, 16 bytes each, beside an index in memory of about 270 bytes per text.
    """

    def __init__(self, tokenizer: SharedTokenizer, file: IO[bytes]) -> None:
        """`file` is open to read and write without a buffer; it is closed with this object."""
        self.__dict__.update(tokenizer.__dict__)  # the same vocabulary, pipeline and lock
        self._file = file
        self._count = file.seek(0, 2) // _TOKEN.itemsize
        self._spans: dict[bytes, tuple[int, int]] = {}
        self._keeping = threading.Lock()
        weakref.finalize(self, file.close)

    @classmethod
    def open(cls, tokenizer: SharedTokenizer, folder: Path) -> KeptTokenizer:
        """Take up what `save` left in `folder` for this tokenizer; begin anew where there is nothing, or a part."""
        mark, tokens = tokenizer.digest.encode(), folder / _TOKENS
        folder.mkdir(exist_ok=True, mode=0o700)
        known, size = np.empty(0, _TEXT), 0
        try:
            content = (folder / _TEXTS).read_bytes()
            if content.startswith(mark):
                known = np.frombuffer(content, _TEXT, offset=len(mark))
                size = int(known["count"].sum()) * _TOKEN.itemsize
            if size > tokens.stat().st_size:
                raise ValueError(size)
        except (OSError, ValueError):  # not there, or not whole
            known, size = np.empty(0, _TEXT), 0
        tokens.touch(mode=0o600)
        os.truncate(tokens, size)  # what a killed writer had begun goes
        kept = cls(tokenizer, tokens.open("r+b", buffering=0))
        spans = zip(known["first"].tolist(), known["count"].tolist(), strict=True)
        kept._spans = dict(zip(known["digest"].tolist(), spans, strict=True))
        return kept

    def save(self, folder: Path) -> None:
        """Write the tokens into a folder, for `open`; the index comes last, whole or not at all."""
        folder.mkdir(exist_ok=True, mode=0o700)
        fault("write")
        with self._keeping:
            known = np.array([(text, *span) for text, span in self._spans.items()], _TEXT)
            if Path(str(self._file.name)) != folder / _TOKENS:
                (folder / _TOKENS).touch(mode=0o600)
                self._file.seek(0)
                with (folder / _TOKENS).open("wb") as copy:
                    shutil.copyfileobj(self._file, copy, 2**20)
        write_atomic(folder / _TEXTS, self.digest.encode() + known.tobytes())

    def encode_batch(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        truncation: Truncation | None = None,
        *,
        specials_in_text: bool = False,
    ) -> list[Encoding]:
        """See SharedTokenizer. What is read as special tokens inside a text is not kept."""
        if specials_in_text:
            return super().encode_batch(texts, pairs, truncation, specials_in_text=True)
        firsts = self._tokens_of(texts)
        rows = zip(firsts) if pairs is None else zip(firsts, self._tokens_of(pairs), strict=True)
        # A KeptEncoding has what is read of a tokenizers.Encoding, and no more.
        return [truncate(cast("TokenizersEncoding", KeptEncoding(self, row)), truncation) for row in rows]

    def _tokens_of(self, texts: Sequence[str]) -> list[NDArray[np.void]]:
        """Return the tokens of each text, without special tokens; only new texts are tokenized."""
        digests = [_digest(text) for text in texts]
        with self._keeping:
            new = {key: text for key, text in zip(digests, texts, strict=True) if key not in self._spans}
            fresh = dict(zip(new, map(_content, super().encode_batch(list(new.values()))), strict=True)) if new else {}
            self._keep(fresh)
            return [fresh[key] if key in fresh else self._read(*self._spans[key]) for key in digests]

    def _keep(self, fresh: Mapping[bytes, NDArray[np.void]]) -> None:
        """Append the tokens of new texts; on a full disk they are not kept, and are tokenized again next time."""
        content = b"".join(tokens.tobytes() for tokens in fresh.values())
        self._file.seek(self._count * _TOKEN.itemsize)
        try:
            if self._file.write(content) < len(content):
                return
        except OSError:
            return
        for key, tokens in fresh.items():
            self._spans[key] = (self._count, len(tokens))
            self._count += len(tokens)

    def _read(self, first: int, count: int) -> NDArray[np.void]:
        self._file.seek(first * _TOKEN.itemsize)
        return np.frombuffer(self._file.read(count * _TOKEN.itemsize), _TOKEN)


def _digest(text: str) -> bytes:
    """Return 15 bytes of a hash of the text and a final 1, because numpy drops zeros at the end."""
    return hashlib.blake2b(well_formed(text).encode("utf-8"), digest_size=15).digest() + b"\1"


def _content(encoding: Encoding) -> NDArray[np.void]:
    """Return the tokens between the special ones."""
    tokens = np.empty(len(encoding) - 2, _TOKEN)
    tokens["id"], tokens["word"] = encoding.ids[1:-1], encoding.word_ids[1:-1]
    spans = np.asarray(encoding.offsets[1:-1], dtype=np.int32).reshape(-1, 2)
    tokens["start"], tokens["end"] = spans[:, 0], spans[:, 1]
    return tokens
