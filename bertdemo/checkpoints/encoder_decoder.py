"""Two BERTs in one file, an encoder and a decoder: the EncoderDecoderModel of transformers.

The decoder is a BERT with causal attention, and with a cross-attention to the output of the encoder in each layer
(Rothe, Narayan and Severyn 2020). Each half is checked by the same rules as a single BERT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo.checkpoints import validation
from bertdemo.errors import CheckpointBroken
from bertdemo.hub.model_files import CONFIG_FILE, WEIGHTS_FILE

if TYPE_CHECKING:
    from torch import Tensor

    from bertdemo.checkpoints.validation import Vetted

MODEL_TYPE, ARCHITECTURE = "encoder-decoder", "EncoderDecoderModel"
# Fields of the config beside the two halves, and the tokens whose ids they are.
IDS = {"decoder_start_token_id": "[CLS]", "eos_token_id": "[SEP]", "pad_token_id": "[PAD]"}
# The prefixes of the tensors of the two halves.
ENCODER, DECODER = "encoder.", "decoder."
_CROSS_ATTENTION = re.compile(
    r"encoder\.layer\.\d{1,2}\.crossattention\.(self\.(query|key|value)|output\.(dense|LayerNorm))\.(weight|bias)"
)
_OUTPUT_LAYER = re.compile(
    r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))"
)
NEW_IN_DECODER = re.compile(rf"bert\.{_CROSS_ATTENTION.pattern}|{_OUTPUT_LAYER.pattern}")
# Names of tensors that may be new in an encoder-decoder that is made of a single BERT.
NEW = re.compile(rf"decoder\.({NEW_IN_DECODER.pattern})|encoder\.pooler\.dense\.(weight|bias)")


def check(folder: Path, raw: Mapping[str, Any], checkpoint: str) -> Vetted:
    """Check both halves of a folder; the returned facts are those of the encoder, with the config of the decoder.

    Raises what `folder_checks.check_folder` raises.
    """
    config, decoder, ids = _configs(raw, checkpoint)
    weights = validation.check_weights(folder / WEIGHTS_FILE, checkpoint=checkpoint, plain=_plain)
    validation.require_shapes(weights, validation.encoder_shapes(config) | _decoder_shapes(decoder), checkpoint)
    return validation.Vetted(config, weights, ARCHITECTURE, validation.Decoder(decoder, ids))


def encoder_config(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the encoder, or the whole config of a single BERT."""
    part = raw.get("encoder") if raw.get("model_type") == MODEL_TYPE else raw
    return part if isinstance(part, dict) else raw


def encoder_state(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of the encoder, named as in a BertModel."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(ENCODER)]  # noqa: SIM118 - not a mapping
        return {name.removeprefix(ENCODER): file.get_tensor(name) for name in names}


def _configs(raw: Mapping[str, Any], checkpoint: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Return the clean configs of both halves and the ids; CheckpointBroken where they do not belong together."""
    decoder = raw.get("decoder")
    if not isinstance(decoder, dict) or not isinstance(raw.get("encoder"), dict):
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE)
    config = validation.clean_config(encoder_config(raw), checkpoint=checkpoint)
    clean = validation.clean_config({**decoder, "is_decoder": False}, checkpoint=checkpoint)
    same_sizes = all(config[name] == clean[name] for name in ("hidden_size", "vocab_size"))
    ids = {name: raw.get(name) for name in IDS}
    known = all(type(value) is int and 0 <= value < config["vocab_size"] for value in ids.values())
    is_decoder = decoder.get("is_decoder") is True and decoder.get("add_cross_attention") is True
    if not (same_sizes and known and is_decoder):
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE)
    return config, {**clean, "is_decoder": True, "add_cross_attention": True}, ids  # type: ignore[return-value]


def _plain(name: str) -> str:
    """Return the name of a tensor as in a single BERT, with `decoder.` before it for the decoder."""
    if name.startswith(ENCODER):
        return validation.plain_name(name.removeprefix(ENCODER))
    bare = name.removeprefix(DECODER)
    if bare == name:
        raise validation.Refused
    body = bare.removeprefix("bert.")
    return DECODER + (body if _CROSS_ATTENTION.fullmatch(body) else validation.plain_name(bare))


def _decoder_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of every tensor that the decoder must have."""
    hidden, vocabulary = int(config["hidden_size"]), int(config["vocab_size"])
    shapes = dict(validation.encoder_shapes(config))
    parts = ("self.query", "self.key", "self.value", "output.dense")
    for layer in range(int(config["num_hidden_layers"])):
        at = f"encoder.layer.{layer}.crossattention."
        shapes |= {f"{at}{part}.weight": (hidden, hidden) for part in parts}
        shapes |= {f"{at}{part}.bias": (hidden,) for part in parts}
        shapes |= {f"{at}output.LayerNorm.{part}": (hidden,) for part in ("weight", "bias")}
    head = "cls.predictions."
    shapes |= {f"{head}bias": (vocabulary,), f"{head}transform.dense.weight": (hidden, hidden)}
    names = ("transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias")
    shapes |= {head + name: (hidden,) for name in names}
    return {DECODER + name: shape for name, shape in shapes.items()}
