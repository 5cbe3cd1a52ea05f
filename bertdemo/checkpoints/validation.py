"""What makes a folder trustworthy: its config is rebuilt from known keys, its weights are checked by their header.

Nothing here loads a tensor or imports torch. Pickles (pytorch_model.bin, training_args.bin) are never opened by
anything in this package, so they are harmless; a sharded index is refused, because its file names would be followed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertdemo.checkpoints.head_detection import PROBLEMS
from bertdemo.checkpoints.mean_pooling_head import ARCHITECTURE as MEAN_LINEAR
from bertdemo.errors import CheckpointBroken, CheckpointIncomplete, HubNotBert, first_few
from bertdemo.hub.model_files import CONFIG_FILE, WEIGHTS_FILE

# As many as a dataset may have: see `Limits.labels`.
MAX_LABELS = 1_000
# Missing tensors that an error message lists.
_NAMED_MISSING = 5
# Far more than a config with 1,000 label names takes; a larger file would only cost memory.
_MAX_CONFIG_BYTES = 1024 * 1024
_MAX_HEADER_BYTES = 4 * 1024 * 1024  # 24 layers need 40 KB
# I64 is for the position ids in older files; quantized weights would need further libraries.
_DTYPES = frozenset({"F32", "F16", "BF16", "I64"})
# Plain functions only: `hidden_act` is looked up by name in transformers.
_ACTIVATIONS = frozenset({"gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh"})

# Inclusive bounds. BERT-large has 24 layers and a hidden size of 1024; twice that is allowed.
_INTEGERS = {
    "vocab_size": (5, 1_000_000),
    "hidden_size": (8, 2_048),
    "num_hidden_layers": (1, 48),
    "num_attention_heads": (1, 64),
    "intermediate_size": (8, 16_384),
    "max_position_embeddings": (8, 8_192),
    "type_vocab_size": (1, 16),
}
# BertConfig's own defaults, which older configs leave out.
_DEFAULT_INTEGERS = {"max_position_embeddings": 512, "type_vocab_size": 2}
# Inclusive bounds again; a dropout rate of 1 would zero everything.
_NUMBERS = {
    "hidden_dropout_prob": (0.0, 0.9),
    "attention_probs_dropout_prob": (0.0, 0.9),
    "classifier_dropout": (0.0, 0.9),
    "initializer_range": (1e-6, 1.0),
    "layer_norm_eps": (1e-15, 1e-3),
}

# Prefixes of the layers of a single BERT or an encoder, and of a decoder.
_LAYERS = ("encoder.", "decoder.encoder.")
# Every tensor that a BertModel may have, named without `bert.`.
_ENCODER_NAME = re.compile(
    r"embeddings\.((word|position|token_type)_embeddings\.weight|LayerNorm\.(weight|bias)|(position|token_type)_ids)"
    r"|encoder\.layer\.\d{1,2}\.(attention\.(self\.(query|key|value)|output\.(dense|LayerNorm))"
    r"|intermediate\.dense|output\.(dense|LayerNorm))\.(weight|bias)"
    r"|pooler\.dense\.(weight|bias)"
)
# The heads of transformers (masked LM, next sentence, classifier, question answering) and our `linear`.
_HEAD_NAME = re.compile(
    r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))"
    r"|cls\.seq_relationship\.(weight|bias)|classifier\.(weight|bias)|qa_outputs\.(weight|bias)|linear\.(weight|bias)"
)


@dataclass(frozen=True)
class WeightsFacts:
    """What the header of a model.safetensors tells."""

    parameters: int
    """Number of parameters of the encoder and the pooler, without position ids."""
    has_mlm_head: bool
    has_classifier: bool
    has_pooler: bool
    has_mean_head: bool
    """The linear layer of `mean_pooling_head`."""
    shapes: Mapping[str, tuple[int, ...]]
    """Name -> shape; names are without `bert.`, and LayerNorm's old gamma and beta are weight and bias."""


@dataclass(frozen=True)
class Decoder:
    """The decoder of an encoder-decoder."""

    config: Mapping[str, Any]
    """As `clean_config` returns it."""
    ids: Mapping[str, int]
    """The ids of [CLS], [SEP] and [PAD], which both halves share, by their names in the config."""


@dataclass(frozen=True)
class Vetted:
    """A folder that passed the checks: its clean config, its weights, and the class that its config names."""

    config: Mapping[str, Any]
    weights: WeightsFacts
    architecture: str
    decoder: Decoder | None = None
    """The decoder, in an encoder-decoder: config and weights are then those of the encoder."""


class Refused(ValueError):
    """The file fails a check."""


def require_shapes(weights: WeightsFacts, expected: Mapping[str, tuple[int, ...]], checkpoint: str) -> None:
    """Require every expected tensor in its shape, and no other tensor in the layers.

    Raises CheckpointIncomplete where tensors are missing, CheckpointBroken otherwise.
    """
    if missing := [key for key in expected if key not in weights.shapes]:
        names = first_few(missing, _NAMED_MISSING)
        raise CheckpointIncomplete(checkpoint=checkpoint, count=len(missing), missing=names)
    wrong = any(weights.shapes.get(key) != shape for key, shape in expected.items())
    if wrong or any(key.startswith(_LAYERS) and key not in expected for key in weights.shapes):
        raise CheckpointBroken(checkpoint=checkpoint, file=WEIGHTS_FILE)


def read_config(path: Path, *, checkpoint: str) -> Mapping[str, Any]:
    """Return the JSON object of a config.json; CheckpointBroken where the file is not one."""
    try:
        _require_inside(path)
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise Refused
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise Refused
    except (OSError, ValueError, RecursionError):
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE) from None
    return raw


def architecture_of(raw: Mapping[str, Any]) -> str:
    """Return the class that a config names, e.g. `BertForMaskedLM`; "" where it names none."""
    names = raw.get("architectures")
    first = names[0] if isinstance(names, list) and names else ""
    return first if isinstance(first, str) and re.fullmatch(r"Bert\w{1,60}", first) else ""


def clean_config(raw: Mapping[str, Any], *, checkpoint: str = "") -> Mapping[str, Any]:
    """Return a config with known keys of BertConfig only, each checked; everything else is dropped.

    So `auto_map`, quantization, an attention implementation, a dtype or a path never reach transformers. Raises
    HubNotBert where model_type is not bert, CheckpointBroken where a value is out of bounds.
    """
    model_type = raw.get("model_type")
    if model_type != "bert":
        raise HubNotBert(checkpoint=checkpoint, model_type=str(model_type or "?")[:60])
    try:
        clean: dict[str, Any] = {key: _integer(raw, key) for key in _INTEGERS}
        if clean["hidden_size"] % clean["num_attention_heads"]:
            raise Refused
        if raw.get("position_embedding_type", "absolute") != "absolute" or raw.get("is_decoder", False) is not False:
            raise Refused
        activation = raw.get("hidden_act", "gelu")
        if not isinstance(activation, str) or activation not in _ACTIVATIONS:
            raise Refused
        clean["hidden_act"] = activation
        clean |= {key: _number(raw[key], *bounds) for key, bounds in _NUMBERS.items() if raw.get(key) is not None}
        padding = raw.get("pad_token_id")
        if isinstance(padding, int) and 0 <= padding < clean["vocab_size"]:
            clean["pad_token_id"] = int(padding)
        clean |= _labels(raw)
        clean |= _tuned_fields(raw, len(clean.get("id2label", {})))
        clean |= _problem(raw, len(clean.get("id2label", {})))
    except Refused:
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE) from None
    return clean


def check_weights(path: Path, *, checkpoint: str = "", plain: Callable[[str], str] | None = None) -> WeightsFacts:
    """Check the header of a model.safetensors against the file and against what a BERT may hold.

    `plain` maps the names of its tensors, by default `plain_name`. Raises CheckpointBroken for a file that is not
    regular or outside its folder (or its Hub cache), a truncated or foreign header, a dtype that is not supported, and
    offsets that leave gaps or do not end with the file.
    """
    if (index := path.with_name(f"{path.name}.index.json")).exists():
        raise CheckpointBroken(checkpoint=checkpoint, file=index.name)
    from safetensors import SafetensorError

    try:
        _require_inside(path)
        tensors = _shapes(path)
        named = plain or plain_name
        shapes = {named(name): shape for name, shape in tensors.items()}
        if len(shapes) != len(tensors):
            raise Refused  # one tensor under two names, e.g. with and without `bert.`
    except (OSError, ValueError, SafetensorError):
        raise CheckpointBroken(checkpoint=checkpoint, file=path.name) from None
    body = {name: shape for name, shape in shapes.items() if _ENCODER_NAME.fullmatch(name)}
    return WeightsFacts(
        parameters=sum(math.prod(shape) for name, shape in body.items() if not name.endswith("_ids")),
        has_mlm_head="cls.predictions.transform.dense.weight" in shapes,
        has_classifier="classifier.weight" in shapes,
        has_pooler="pooler.dense.weight" in shapes,
        has_mean_head="linear.weight" in shapes or "linear.bias" in shapes,
        shapes=shapes,
    )


def mean_head_fits(config: Mapping[str, Any], weights: WeightsFacts, architecture: str) -> bool:
    """Return whether config and file agree on a linear layer over the mean, or on its absence.

    With two heads in one file it would be unclear which of them is meant; a `linear` of another class is unknown.
    """
    if architecture != MEAN_LINEAR:
        return not weights.has_mean_head
    count = len(config.get("id2label", {}))
    fits = {"linear.weight": (count, int(config["hidden_size"])), "linear.bias": (count,)}
    alone = not (weights.has_classifier or weights.has_pooler)
    return count > 1 and alone and all(weights.shapes.get(name) == shape for name, shape in fits.items())


def encoder_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of every tensor of BertModel without its pooler, named without `bert.`."""
    hidden, intermediate = int(config["hidden_size"]), int(config["intermediate_size"])
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (int(config["vocab_size"]), hidden),
        "embeddings.position_embeddings.weight": (int(config["max_position_embeddings"]), hidden),
        "embeddings.token_type_embeddings.weight": (int(config["type_vocab_size"]), hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    square, norm = (hidden, hidden), ("attention.output.LayerNorm", "output.LayerNorm")
    parts: dict[str, tuple[int, ...]] = {f"attention.self.{part}": square for part in ("query", "key", "value")}
    parts |= {"attention.output.dense": square, "intermediate.dense": (intermediate, hidden)}
    parts["output.dense"] = (hidden, intermediate)
    for layer in range(int(config["num_hidden_layers"])):
        for part, shape in parts.items():
            shapes[f"encoder.layer.{layer}.{part}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{part}.bias"] = shape[:1]
        for part in norm:
            shapes[f"encoder.layer.{layer}.{part}.weight"] = shapes[f"encoder.layer.{layer}.{part}.bias"] = (hidden,)
    return shapes


def parameters(config: Mapping[str, Any], *, pooler: bool = True) -> int:
    """Return the number of parameters of an encoder of this config, by default with its pooler."""
    hidden = int(config["hidden_size"])
    return sum(math.prod(shape) for shape in encoder_shapes(config).values()) + (hidden * hidden + hidden) * pooler


def _integer(raw: Mapping[str, Any], key: str) -> int:
    value, (low, high) = raw.get(key, _DEFAULT_INTEGERS.get(key)), _INTEGERS[key]
    if type(value) is not int or not low <= value <= high:
        raise Refused
    return value


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused
    return float(value)


def _tuned_fields(raw: Mapping[str, Any], labels: int) -> dict[str, Any]:
    """Return the fields that are tuned after training and kept in the config, checked: numbers only.

    They are properties of a file, which is checked whatever task it is used for.
    """
    fields: dict[str, Any] = {}
    if raw.get("thresholds") is not None:
        if not isinstance(raw["thresholds"], list) or len(raw["thresholds"]) != labels:
            raise Refused
        fields["thresholds"] = [_number(value, 0.0, 1.0) for value in raw["thresholds"]]
    if raw.get("score_range") is not None:
        if not isinstance(raw["score_range"], list) or len(raw["score_range"]) != 2:
            raise Refused
        fields["score_range"] = [_number(value, -1e9, 1e9) for value in raw["score_range"]]
    if raw.get("null_threshold") is not None:
        fields["null_threshold"] = _number(raw["null_threshold"], -1e6, 1e6)
    return fields


def _labels(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return id2label and label2id for ids 0..n-1, or {} where the config names no labels."""
    by_id = raw.get("id2label")
    if by_id is None:
        return {}
    if not isinstance(by_id, dict) or not 1 <= len(by_id) <= MAX_LABELS:
        raise Refused
    names = [by_id.get(str(index), by_id.get(index)) for index in range(len(by_id))]
    if not all(isinstance(name, str) and len(name) <= 1_000 for name in names):
        raise Refused
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def _problem(raw: Mapping[str, Any], outputs: int) -> dict[str, Any]:
    """Return how the head was trained, where the config has one of the three values of transformers."""
    named = raw.get("problem_type")
    # A single label is no choice, and transformers refuses such a config.
    sane = named in PROBLEMS and not (named == "single_label_classification" and outputs == 1)
    return {"problem_type": named} if sane else {}


def _require_inside(path: Path) -> None:
    """Refuse what is not a regular file, or a link out of the checkpoint's folder.

    A snapshot of the Hub consists of links into the cache (to `blobs` of the repository or of the whole cache), so for
    such a folder, <cache>/models--owner--name/snapshots/<commit>, the links may go anywhere in the cache.
    """
    folder = path.parent
    snapshot = folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--")
    allowed = folder.parents[2] if snapshot else folder
    target = path.resolve(strict=True)
    if not target.is_file() or not target.is_relative_to(allowed.resolve()):
        raise Refused


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of the tensors, as read by the library that also loads them; nothing is loaded."""
    from safetensors import safe_open

    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > _MAX_HEADER_BYTES:  # safetensors reads up to 100 MB
            raise Refused
    with safe_open(path, framework="np") as weights:
        tensors = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118 - not a dict
        if any(tensor.get_dtype() not in _DTYPES or len(tensor.get_shape()) > 4 for tensor in tensors.values()):
            raise Refused
        return {name: tuple(tensor.get_shape()) for name, tensor in tensors.items()}


def plain_name(name: str) -> str:
    """Return a tensor's name without `bert.`, as it is today; Refused where a BERT has no such tensor."""
    plain = name.removeprefix("bert.")
    # The oldest checkpoints, bert-base-uncased among them, have gamma and beta; transformers renames them too.
    plain = plain.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    if not (_ENCODER_NAME.fullmatch(plain) or _HEAD_NAME.fullmatch(plain)):
        raise Refused
    return plain
