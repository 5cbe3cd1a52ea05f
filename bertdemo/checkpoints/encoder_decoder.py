"""Two BERTs in one file, one that reads and one that writes: what transformers calls an EncoderDecoderModel.

The writer is a BERT whose attention looks back only, with a second attention in each layer that looks at what the
reader made of the source (Rothe, Narayan and Severyn 2020). Each half is held to the same rules as a BERT alone.
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
IDS = {"decoder_start_token_id": "[CLS]", "eos_token_id": "[SEP]", "pad_token_id": "[PAD]"}
"""Fields beside the two halves, and the pieces that they are the ids of."""
READER, WRITER = "encoder.", "decoder."
_CROSS = re.compile(
    r"encoder\.layer\.\d{1,2}\.crossattention\.(self\.(query|key|value)|output\.(dense|LayerNorm))\.(weight|bias)"
)
_SAYS = re.compile(r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))")
NEW_IN_WRITER = re.compile(rf"bert\.{_CROSS.pattern}|{_SAYS.pattern}")
NEW = re.compile(rf"decoder\.({NEW_IN_WRITER.pattern})|encoder\.pooler\.dense\.(weight|bias)")
"""Names of tensors that may be new in a pair that is made of one BERT."""


def check(folder: Path, raw: Mapping[str, Any], checkpoint: str) -> Vetted:
    """Check both halves of a folder; the facts that are returned are the reader's, the writer's config beside them.

    Raises what `folder_checks.check_folder` raises.
    """
    config, writer, ids = _configs(raw, checkpoint)
    weights = validation.check_weights(folder / WEIGHTS_FILE, checkpoint=checkpoint, plain=_plain)
    validation.require_shapes(weights, validation.encoder_shapes(config) | _writer_shapes(writer), checkpoint)
    return validation.Vetted(config, weights, ARCHITECTURE, validation.Writer(writer, ids))


def reader_part(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the half that reads, or the whole config of a BERT alone."""
    part = raw.get("encoder") if raw.get("model_type") == MODEL_TYPE else raw
    return part if isinstance(part, dict) else raw


def reader_state(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of the half that reads, named as a BertModel names them."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(READER)]  # noqa: SIM118 - it is no mapping
        return {name.removeprefix(READER): file.get_tensor(name) for name in names}


def _configs(raw: Mapping[str, Any], checkpoint: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Return both halves' clean configs and the ids; CheckpointBroken where they do not belong together."""
    writer = raw.get("decoder")
    if not isinstance(writer, dict) or not isinstance(raw.get("encoder"), dict):
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE)
    config = validation.clean_config(reader_part(raw), checkpoint=checkpoint)
    clean = validation.clean_config({**writer, "is_decoder": False}, checkpoint=checkpoint)
    alike = all(config[name] == clean[name] for name in ("hidden_size", "vocab_size"))
    ids = {name: raw.get(name) for name in IDS}
    known = all(type(value) is int and 0 <= value < config["vocab_size"] for value in ids.values())
    writes = writer.get("is_decoder") is True and writer.get("add_cross_attention") is True
    if not (alike and known and writes):
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE)
    return config, {**clean, "is_decoder": True, "add_cross_attention": True}, ids  # type: ignore[return-value]


def _plain(name: str) -> str:
    """Return the reader's names as a BERT's, the writer's with `decoder.` before them."""
    if name.startswith(READER):
        return validation.plain_name(name.removeprefix(READER))
    bare = name.removeprefix(WRITER)
    if bare == name:
        raise validation.Refused
    body = bare.removeprefix("bert.")
    return WRITER + (body if _CROSS.fullmatch(body) else validation.plain_name(bare))


def _writer_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name to shape of every tensor that the half that writes must have."""
    width, vocabulary = int(config["hidden_size"]), int(config["vocab_size"])
    shapes = dict(validation.encoder_shapes(config))
    parts = ("self.query", "self.key", "self.value", "output.dense")
    for layer in range(int(config["num_hidden_layers"])):
        at = f"encoder.layer.{layer}.crossattention."
        shapes |= {f"{at}{part}.weight": (width, width) for part in parts}
        shapes |= {f"{at}{part}.bias": (width,) for part in parts}
        shapes |= {f"{at}output.LayerNorm.{part}": (width,) for part in ("weight", "bias")}
    head = "cls.predictions."
    shapes |= {f"{head}bias": (vocabulary,), f"{head}transform.dense.weight": (width, width)}
    names = ("transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias")
    shapes |= {head + name: (width,) for name in names}
    return {WRITER + name: shape for name, shape in shapes.items()}
