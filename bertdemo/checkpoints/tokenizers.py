"""The WordPiece tokenizer of a checkpoint, shared by every thread of the server.

The pipeline of a tokenizer.json is not used as it is: its vocabulary and its scalars are read, checked and put into a
pipeline that this module builds. So a file from the Hub cannot bring its own pipeline, and the padding and truncation
that some files contain cannot leak into the next caller's encoding.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bertdemo.checkpoints.truncation import Encoding, truncate
from bertdemo.errors import CheckpointBroken, TokensAddedTooMany
from bertdemo.run_config import Truncation

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNK, CLS, SEP, PAD, MASK = "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"
SPECIALS = (PAD, UNK, CLS, SEP, MASK)
# The limit of Google's BERT: a longer word is [UNK].
_MAX_WORD_CHARS = 100
# The options of an added token, all booleans.
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
# Tokens that a tokenizer.json may add to its vocabulary; 10,000 are read in 0.3 s. Published BERT checkpoints add a few
# hundred at most, and the Hub limits the file only to 32 MiB, which is 300,000 of them.
MOST_ADDED = 10_000


@dataclass(frozen=True)
class RawStages:
    """Normalized text and pre-tokens as (normalized text, start, end); offsets are code points of the original."""

    normalized: str
    pre_tokens: tuple[tuple[str, int, int], ...]


def well_formed(text: str) -> str:
    """Replace unpaired surrogates, which neither tokenizers nor UTF-8 can represent, by U+FFFD of the same length."""
    return text if text.isascii() else "".join("�" if "\ud800" <= c <= "\udfff" else c for c in text)


def build_wordpiece(
    vocab: Mapping[str, int] | Sequence[str],
    *,
    lowercase: bool = True,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    clean_text: bool = True,
) -> Tokenizer:
    """Return BERT's pipeline over `vocab` (token -> id, or tokens in the order of their ids).

    `strip_accents=None` means "as `lowercase`". Special tokens are registered where the vocabulary has them; [CLS] and
    [SEP] are added to a text only where it has both.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = dict(vocab) if isinstance(vocab, Mapping) else {token: index for index, token in enumerate(vocab)}
    model = models.WordPiece(
        ids, unk_token=UNK, max_input_chars_per_word=_MAX_WORD_CHARS, continuing_subword_prefix="##"
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=clean_text,
        handle_chinese_chars=tokenize_chinese_chars,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    if CLS in ids and SEP in ids:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{CLS}:0 $A:0 {SEP}:0",
            pair=f"{CLS}:0 $A:0 {SEP}:0 $B:1 {SEP}:1",
            special_tokens=[(CLS, ids[CLS]), (SEP, ids[SEP])],
        )
    tokenizer.add_special_tokens([token for token in SPECIALS if token in ids])
    return tokenizer


class SharedTokenizer:
    """One tokenizer for all threads: truncation is a caller's argument and never its state.

    A typed "[SEP]" or "[MASK]" is plain text, unless `specials_in_text=True`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        # The bundled tokenizer.json has both, and they would apply to every caller.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._lock = Lock()
        self.vocabulary: Mapping[str, int] = MappingProxyType(tokenizer.get_vocab(with_added_tokens=True))
        """Token -> id, with the added tokens."""

    @classmethod
    def from_folder(cls, folder: Path) -> SharedTokenizer:
        """Read tokenizer.json, or else vocab.txt and three scalars of tokenizer_config.json.

        Raises CheckpointBroken, which names the file that is missing, malformed or not BERT's WordPiece, and
        TokensAddedTooMany.
        """
        name = "tokenizer.json" if (folder / "tokenizer.json").is_file() else "vocab.txt"
        try:
            tokenizer = _from_json(folder / name) if name == "tokenizer.json" else _from_vocab(folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise CheckpointBroken(checkpoint=folder.name, file=name) from None
        return cls(tokenizer)

    @property
    def unk_id(self) -> int:
        """Id of [UNK], which every vocabulary of WordPiece has."""
        return self.vocabulary[UNK]

    @property
    def pad_id(self) -> int:
        """Id of [PAD]; 0 where the vocabulary lacks it, which is harmless because padding is masked."""
        return self.vocabulary.get(PAD, 0)

    @property
    def cls_id(self) -> int | None:
        """Id of [CLS]; like the next two, None where the vocabulary lacks it."""
        return self.vocabulary.get(CLS)

    @property
    def sep_id(self) -> int | None:
        """Id of [SEP]."""
        return self.vocabulary.get(SEP)

    @property
    def mask_id(self) -> int | None:
        """Id of [MASK]."""
        return self.vocabulary.get(MASK)

    @cached_property
    def token_of(self) -> Mapping[int, str]:
        """Input ID to token."""
        return {number: token for token, number in self.vocabulary.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `backend_json`: tokenizers of equal digests make the same tokens."""
        return hashlib.sha256(self.backend_json().encode("utf-8")).hexdigest()

    @property
    def lowercase(self) -> bool | None:
        """Whether text is lowercased; None where the normalizer does not say."""
        return getattr(self._tokenizer.normalizer, "lowercase", None)

    @property
    def normalizer_keys(self) -> tuple[str, ...]:
        """What the normalizer does, in its order: some of clean_text, chinese_chars, strip_accents, lowercase."""
        normalizer: Any = self._tokenizer.normalizer
        accents = normalizer.lowercase if normalizer.strip_accents is None else normalizer.strip_accents
        active = {
            "clean_text": normalizer.clean_text,
            "chinese_chars": normalizer.handle_chinese_chars,
            "strip_accents": accents,
            "lowercase": normalizer.lowercase,
        }
        return tuple(key for key, on in active.items() if on)

    def encode(
        self,
        text: str,
        pair: str | None = None,
        truncation: Truncation | None = None,
        *,
        specials_in_text: bool = False,
    ) -> Encoding:
        """Return the encoding of one text or pair, truncated by `truncation` (longest first), never padded.

        See `truncation.kept_positions`.
        """
        pairs = None if pair is None else [pair]
        return self.encode_batch([text], pairs, truncation, specials_in_text=specials_in_text)[0]

    def encode_batch(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        truncation: Truncation | None = None,
        *,
        specials_in_text: bool = False,
    ) -> list[Encoding]:
        """Return one encoding per text (and pair), in their order; see `encode`."""
        firsts = [well_formed(text) for text in texts]
        inputs: list[Any] = list(firsts)
        if pairs is not None:
            inputs = list(zip(firsts, (well_formed(pair) for pair in pairs), strict=True))
        # The flag is the tokenizer's state, so no other thread may encode in between.
        with self._lock:
            self._tokenizer.encode_special_tokens = not specials_in_text
            encodings = self._tokenizer.encode_batch(inputs)
        return [truncate(encoding, truncation) for encoding in encodings]

    def stages(self, text: str) -> RawStages:
        """Return the outputs of the normalizer and of the pre-tokenizer for `text`."""
        from tokenizers import PreTokenizedString

        normalizer: Any = self._tokenizer.normalizer
        pre_tokenizer: Any = self._tokenizer.pre_tokenizer
        source = well_formed(text)
        with self._lock:
            normalized = normalizer.normalize_str(source)
            # pre_tokenize_str would give offsets into the normalized text; this object keeps those of the original.
            work = PreTokenizedString(source)
            work.normalize(normalizer.normalize)
            pre_tokenizer.pre_tokenize(work)
            splits = work.get_splits(offset_referential="original", offset_type="char")
        return RawStages(normalized, tuple((word, start, end) for word, (start, end), _ in splits))

    def backend_json(self) -> str:
        """Return the text of a tokenizer.json, without padding or truncation."""
        with self._lock:
            return self._tokenizer.to_str(pretty=True)


def _from_json(path: Path) -> Tokenizer:
    """Rebuild the pipeline of a tokenizer.json; ValueError where it is not BERT's."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    model, normalizer = raw["model"], raw["normalizer"]
    # The oldest files do not name the model's type.
    if model.get("type", "WordPiece") != "WordPiece" or model.get("continuing_subword_prefix", "##") != "##":
        raise ValueError("model")
    if model.get("unk_token", UNK) != UNK or model.get("max_input_chars_per_word", 100) != _MAX_WORD_CHARS:
        raise ValueError("model")
    if normalizer["type"] != "BertNormalizer" or raw["pre_tokenizer"]["type"] != "BertPreTokenizer":
        raise ValueError("pipeline")
    if raw["post_processor"]["type"] not in {"TemplateProcessing", "BertProcessing"}:
        raise ValueError("post_processor")
    tokenizer = build_wordpiece(
        _checked(model["vocab"]),
        lowercase=_flag(normalizer["lowercase"]),
        strip_accents=None if normalizer["strip_accents"] is None else _flag(normalizer["strip_accents"]),
        tokenize_chinese_chars=_flag(normalizer["handle_chinese_chars"]),
        clean_text=_flag(normalizer["clean_text"]),
    )
    added = raw.get("added_tokens") or []
    if len(added) > MOST_ADDED:
        raise TokensAddedTooMany(checkpoint=path.parent.name, count=len(added), limit=MOST_ADDED)
    _add_tokens(tokenizer, added)
    return tokenizer


def _add_tokens(tokenizer: Tokenizer, added: Sequence[Mapping[str, Any]]) -> None:
    from tokenizers import AddedToken

    def is_special(entry: Mapping[str, Any]) -> bool:
        return _flag(entry.get("special", False))

    added = sorted(added, key=lambda entry: int(entry["id"]))
    # Each call builds the search for all added tokens anew, so those of one kind that follow each other share a call.
    for special, entries in itertools.groupby(added, key=is_special):
        tokens = [
            AddedToken(entry["content"], special=special, **{flag: _flag(entry.get(flag, False)) for flag in _FLAGS})
            for entry in entries
        ]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(tokens)
    if any(tokenizer.token_to_id(entry["content"]) != entry["id"] for entry in added):
        raise ValueError("added_tokens")


def _from_vocab(folder: Path) -> Tokenizer:
    """Build from vocab.txt, one token per line, and the flags of the normalizer in tokenizer_config.json."""
    with (folder / "vocab.txt").open(encoding="utf-8") as file:
        vocab = {line.rstrip("\n"): index for index, line in enumerate(file)}
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    accents = config.get("strip_accents")
    return build_wordpiece(
        _checked(vocab),
        lowercase=_flag(config.get("do_lower_case", True)),
        strip_accents=None if accents is None else _flag(accents),
        tokenize_chinese_chars=_flag(config.get("tokenize_chinese_chars", True)),
    )


def _checked(vocab: Mapping[Any, Any]) -> dict[str, int]:
    """Return the vocabulary; ValueError where it is not token -> distinct id, or lacks a token that BERT needs."""
    ids = dict(vocab)
    if not all(isinstance(token, str) and type(index) is int and index >= 0 for token, index in ids.items()):
        raise ValueError("vocab")
    if len(set(ids.values())) != len(ids) or not {UNK, CLS, SEP} <= ids.keys():
        raise ValueError("vocab")
    return ids


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("flag")
    return value
