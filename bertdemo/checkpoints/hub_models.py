"""Well-known BERTs on the Hub: a literal table, so that listing them needs no network."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.checkpoints.info import Capability, CheckpointInfo, Language, split_capabilities
from bertdemo.checkpoints.validation import parameters


@dataclass(frozen=True)
class KnownBert:
    """What the name does not tell. The intermediate size is always four times `hidden_size`, positions are 512."""

    layers: int
    hidden_size: int
    heads: int
    vocabulary: int
    language: Language
    cased: bool
    fill_mask: bool
    listed: bool
    """Whether it is in lists; the others can be typed."""


def _miniature(layers: int, hidden_size: int, *, listed: bool) -> KnownBert:
    # Turc et al. 2019: heads of size 64. Only the download shows whether a file has the masked-language-modeling head.
    return KnownBert(layers, hidden_size, hidden_size // 64, 30_522, "en", cased=False, fill_mask=False, listed=listed)


# Those that Google names: tiny, mini, small and medium. The other sizes can be typed.
_LISTED_MINIATURES = {(2, 128), (4, 256), (4, 512), (8, 512)}

KNOWN: dict[str, KnownBert] = {
    "google-bert/bert-base-uncased": KnownBert(12, 768, 12, 30_522, "en", cased=False, fill_mask=True, listed=True),
    "google-bert/bert-base-cased": KnownBert(12, 768, 12, 28_996, "en", cased=True, fill_mask=True, listed=True),
    "google-bert/bert-base-chinese": KnownBert(12, 768, 12, 21_128, "zh", cased=False, fill_mask=True, listed=True),
    "google-bert/bert-base-multilingual-cased": KnownBert(
        12, 768, 12, 119_547, "multilingual", cased=True, fill_mask=True, listed=True
    ),
} | {
    f"google/bert_uncased_L-{layers}_H-{size}_A-{size // 64}": _miniature(
        layers, size, listed=(layers, size) in _LISTED_MINIATURES
    )
    for layers in (2, 4, 6, 8, 10, 12)
    for size in (128, 256, 512, 768)
}


def info(repo_id: str) -> CheckpointInfo:
    """Return the facts of a known BERT, not downloaded yet. Raises KeyError where it is not in the table."""
    bert = KNOWN[repo_id]
    shape = {
        "vocab_size": bert.vocabulary,
        "hidden_size": bert.hidden_size,
        "num_hidden_layers": bert.layers,
        "num_attention_heads": bert.heads,
        "intermediate_size": 4 * bert.hidden_size,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }
    capabilities: set[Capability] = {"tokenize", "embed", "fine_tune"}
    if bert.fill_mask:
        capabilities.add("fill_mask")
    if bert.language != "en":
        capabilities.add("chinese")
    can, cannot = split_capabilities(capabilities)
    return CheckpointInfo(
        id=repo_id,
        name=repo_id.partition("/")[2],
        source="hub",
        task=None,
        labels=(),
        layers=bert.layers,
        width=bert.hidden_size,
        heads=bert.heads,
        parameters=parameters(shape),
        positions=512,
        vocabulary=bert.vocabulary,
        language=bert.language,
        can=can,
        cannot=cannot,
        cased=bert.cased,
        pooling="pooler",
        ready=False,
    )
