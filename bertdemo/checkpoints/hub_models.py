"""The BERTs of the Hub that we know before asking: a literal table, so that a list needs no network."""

from __future__ import annotations

from dataclasses import dataclass

from bertdemo.checkpoints.info import Capability, CheckpointInfo, Language, split_capabilities
from bertdemo.checkpoints.validation import parameters


@dataclass(frozen=True)
class KnownBert:
    """What cannot be told from the name. The inner width is always four times `width`, positions are 512."""

    layers: int
    width: int
    heads: int
    vocabulary: int
    language: Language
    cased: bool
    fill_mask: bool
    listed: bool
    """Offered in lists; the others can be typed."""


def _miniature(layers: int, width: int, *, listed: bool) -> KnownBert:
    # Turc et al. 2019. Whether their weights bring the masked-word head shows once they are here.
    return KnownBert(layers, width, width // 64, 30_522, "en", cased=False, fill_mask=False, listed=listed)


_LISTED_MINIATURES = {(2, 128), (4, 256), (4, 512), (8, 512)}

KNOWN: dict[str, KnownBert] = {
    "google-bert/bert-base-uncased": KnownBert(12, 768, 12, 30_522, "en", cased=False, fill_mask=True, listed=True),
    "google-bert/bert-base-cased": KnownBert(12, 768, 12, 28_996, "en", cased=True, fill_mask=True, listed=True),
    "google-bert/bert-base-chinese": KnownBert(12, 768, 12, 21_128, "zh", cased=False, fill_mask=True, listed=True),
    "google-bert/bert-base-multilingual-cased": KnownBert(
        12, 768, 12, 119_547, "multilingual", cased=True, fill_mask=True, listed=True
    ),
} | {
    f"google/bert_uncased_L-{layers}_H-{width}_A-{width // 64}": _miniature(
        layers, width, listed=(layers, width) in _LISTED_MINIATURES
    )
    for layers in (2, 4, 6, 8, 10, 12)
    for width in (128, 256, 512, 768)
}


def info(repo_id: str) -> CheckpointInfo:
    """Return the facts of a known BERT that is not here yet. KeyError where it is not in the table."""
    bert = KNOWN[repo_id]
    shape = {
        "vocab_size": bert.vocabulary,
        "hidden_size": bert.width,
        "num_hidden_layers": bert.layers,
        "num_attention_heads": bert.heads,
        "intermediate_size": 4 * bert.width,
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
        width=bert.width,
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
