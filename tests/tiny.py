"""Tiny random BERT checkpoints, written as the real ones are: milliseconds instead of megabytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bertdemo.checkpoints.tokenizers import SPECIALS, build_wordpiece

Head = Literal["classification", "mlm", "tokens", "questions"]

_WORDS = (
    "the a an and or of to in is was it this that i you we they not no good bad great poor nice awful love hate "
    "film movie plot actor book phone bank card money paid late order help please thank very too much little day "
    "cat dog sat on mat paris france capital"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_MARKS = ".,!?'\"-:;()"
# Frequent characters, then those of shop reviews.
_HAN = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成"
    "事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者"
    "向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼"
    "体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至"
    "清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言"
    "差坏店房送包贵便宜满客票钱款退换货修慢错喜欢讨厌推荐质量态度味"
)


def tiny_vocabulary(*, chinese: bool = False) -> list[str]:
    """Return some 150 pieces of English, or some 600 with Han characters, ids in their order."""
    han = sorted(set(_HAN)) if chinese else []
    marks = [*_MARKS, *(["。", ",", "!", "?"] if chinese else [])]
    pieces = [*SPECIALS, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *marks, *_WORDS.split(), *han]
    return list(dict.fromkeys(pieces))


def build_tiny_checkpoint(
    folder: Path,
    *,
    layers: int = 2,
    width: int = 32,
    heads: int = 2,
    intermediate: int = 64,
    vocabulary: Sequence[str] | None = None,
    head: Head | None = None,
    labels: Sequence[str] = (),
    seed: int = 0,
    chinese: bool = False,
    **more: object,
) -> Path:
    """Write config, weights and tokenizer of a random BERT to `folder` (made when missing) and return it.

    `more` are fields of its config.
    """
    import torch
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertModel,
    )

    pieces = list(vocabulary) if vocabulary is not None else tiny_vocabulary(chinese=chinese)
    names = list(labels) or ["no", "yes"]
    options = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=128,
        **(options if head in {"classification", "tokens"} else {}),
        **more,
    )
    classes = {
        None: BertModel, "classification": BertForSequenceClassification, "mlm": BertForMaskedLM,
        "tokens": BertForTokenClassification, "questions": BertForQuestionAnswering,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classes[head](config).save_pretrained(folder)
    write_tokenizer(folder, pieces)
    return folder


def write_tokenizer(folder: Path, pieces: Sequence[str]) -> None:
    """Write vocab.txt, tokenizer.json and tokenizer_config.json for an uncased vocabulary."""
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    build_wordpiece(list(pieces)).save(str(folder / "tokenizer.json"))
    scalars = {"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(scalars), encoding="utf-8")


def keep_mean_head(base: Path, folder: Path, labels: Sequence[str], *, seed: int = 0) -> Path:
    """Write the encoder of `base` with a random linear layer on the mean, as a regression leaves it."""
    import numpy as np

    from bertdemo.checkpoints.loading import open_mean_linear, write

    generator = np.random.default_rng(seed)
    width = json.loads((base / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    weight, bias = (generator.standard_normal(shape).astype("float32") for shape in ((len(labels), width), len(labels)))
    write(open_mean_linear(base, labels, weight, bias).model, base, folder)
    return folder
