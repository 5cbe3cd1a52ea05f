"""What makes a folder trustworthy: its config is rebuilt from known keys, its weights are checked by their header.

Nothing here loads a tensor or imports torch. Pickles (pytorch_model.bin, training_args.bin) are never opened by
anything in this package, so their being there does no harm; a sharded index is refused, because its file names
would be followed.
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
from bertdemo.errors import CheckpointBroken, CheckpointIncomplete, HubNotBert
from bertdemo.hub.model_files import CONFIG_FILE, WEIGHTS_FILE

MAX_LABELS = 1_000
_NAMED_MISSING = 5
_MAX_CONFIG_BYTES = 1024 * 1024
_MAX_HEADER_BYTES = 4 * 1024 * 1024  # 24 layers need 40 KB
_DTYPES = frozenset({"F32", "F16", "BF16", "I64"})
_ACTIVATIONS = frozenset({"gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh"})

# Inclusive bounds. BERT-large has 24 layers and a width of 1024; twice that is room enough.
_INTEGERS = {
    "vocab_size": (5, 1_000_000),
    "hidden_size": (8, 2_048),
    "num_hidden_layers": (1, 48),
    "num_attention_heads": (1, 64),
    "intermediate_size": (8, 16_384),
    "max_position_embeddings": (8, 8_192),
    "type_vocab_size": (1, 16),
}
_DEFAULT_INTEGERS = {"max_position_embeddings": 512, "type_vocab_size": 2}
_NUMBERS = {
    "hidden_dropout_prob": (0.0, 0.9),
    "attention_probs_dropout_prob": (0.0, 0.9),
    "classifier_dropout": (0.0, 0.9),
    "initializer_range": (1e-6, 1.0),
    "layer_norm_eps": (1e-15, 1e-3),
}

_LAYERS = ("encoder.", "decoder.encoder.")
_ENCODER_NAME = re.compile(
    r"embeddings\.((word|position|token_type)_embeddings\.weight|LayerNorm\.(weight|bias)|(position|token_type)_ids)"
    r"|encoder\.layer\.\d{1,2}\.(attention\.(self\.(query|key|value)|output\.(dense|LayerNorm))"
    r"|intermediate\.dense|output\.(dense|LayerNorm))\.(weight|bias)"
    r"|pooler\.dense\.(weight|bias)"
)
_HEAD_NAME = re.compile(
    r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))"
    r"|cls\.seq_relationship\.(weight|bias)|classifier\.(weight|bias)|qa_outputs\.(weight|bias)|linear\.(weight|bias)"
)


@dataclass(frozen=True)
class WeightsFacts:
    """What the header of a model.safetensors says."""

    parameters: int
    """Numbers in the encoder and the pooler, position ids not counted."""
    has_mlm_head: bool
    has_classifier: bool
    has_pooler: bool
    has_mean_head: bool
    """The linear layer of `mean_linear`."""
    shapes: Mapping[str, tuple[int, ...]]
    """Name without `bert.`, LayerNorm's old gamma and beta read as weight and bias, to shape."""


@dataclass(frozen=True)
class Writer:
    """The half that writes, of two BERTs in one file."""

    config: Mapping[str, Any]
    """Clean."""
    ids: Mapping[str, int]
    """What both halves share: the ids of [CLS], [SEP] and [PAD], by their names in the config."""


@dataclass(frozen=True)
class Vetted:
    """A folder that passed: its clean config, what its weights hold, and the class that its config names."""

    config: Mapping[str, Any]
    weights: WeightsFacts
    architecture: str
    writer: Writer | None = None
    """The half that writes, where two BERTs are one file: config and weights are then those of the one that reads."""


class Refused(ValueError):
    """The file under the check is not what it should be."""


def require_shapes(weights: WeightsFacts, expected: Mapping[str, tuple[int, ...]], checkpoint: str) -> None:
    """Require every tensor that is expected, in its shape, and no further one in the layers of a half."""
    if missing := [key for key in expected if key not in weights.shapes]:
        shown = ", ".join(missing[:_NAMED_MISSING]) + (" …" if len(missing) > _NAMED_MISSING else "")
        raise CheckpointIncomplete(checkpoint=checkpoint, count=len(missing), missing=shown)
    wrong = any(weights.shapes.get(key) != shape for key, shape in expected.items())
    if wrong or any(key.startswith(_LAYERS) and key not in expected for key in weights.shapes):
        raise CheckpointBroken(checkpoint=checkpoint, file=WEIGHTS_FILE)


def read_config(path: Path, *, checkpoint: str) -> dict[str, Any]:
    """Return the JSON object of a config.json; CheckpointBroken where it is none."""
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


def clean_config(raw: Mapping[str, Any], *, checkpoint: str = "") -> dict[str, Any]:
    """Return a config with BertConfig's known keys only, each checked; everything unknown is dropped.

    So `auto_map`, quantisation, an attention implementation, a dtype or a path never reach transformers.
    Raises HubNotBert where model_type is not bert, CheckpointBroken where a value is out of bounds.
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
        clean |= _chosen(raw, len(clean.get("id2label", {})))
        clean |= _problem(raw, len(clean.get("id2label", {})))
    except Refused:
        raise CheckpointBroken(checkpoint=checkpoint, file=CONFIG_FILE) from None
    return clean


def check_weights(path: Path, *, checkpoint: str = "", plain: Callable[[str], str] | None = None) -> WeightsFacts:
    """Check the header of a model.safetensors against the file and against what a BERT may hold.

    `plain` names its tensors, `plain_name` unless told otherwise.
    Raises CheckpointBroken: not a regular file, outside its own folder (or its Hub cache), a torn or foreign
    header, a dtype that we do not load, offsets that leave gaps or do not end with the file.
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
    """Return whether config and file agree on a linear layer over the mean, or on there being none.

    Two heads in one file would leave open which of them is meant; a `linear` of another class is not ours to read.
    """
    if architecture != MEAN_LINEAR:
        return not weights.has_mean_head
    count = len(config.get("id2label", {}))
    fits = {"linear.weight": (count, int(config["hidden_size"])), "linear.bias": (count,)}
    alone = not (weights.has_classifier or weights.has_pooler)
    return count > 1 and alone and all(weights.shapes.get(name) == shape for name, shape in fits.items())


def encoder_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name to shape of every tensor that BertModel has without its pooler, named without `bert.`."""
    width, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (int(config["vocab_size"]), width),
        "embeddings.position_embeddings.weight": (int(config["max_position_embeddings"]), width),
        "embeddings.token_type_embeddings.weight": (int(config["type_vocab_size"]), width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    square, norm = (width, width), ("attention.output.LayerNorm", "output.LayerNorm")
    parts: dict[str, tuple[int, ...]] = {f"attention.self.{part}": square for part in ("query", "key", "value")}
    parts |= {"attention.output.dense": square, "intermediate.dense": (inner, width), "output.dense": (width, inner)}
    for layer in range(int(config["num_hidden_layers"])):
        for part, shape in parts.items():
            shapes[f"encoder.layer.{layer}.{part}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{part}.bias"] = shape[:1]
        for part in norm:
            shapes[f"encoder.layer.{layer}.{part}.weight"] = shapes[f"encoder.layer.{layer}.{part}.bias"] = (width,)
    return shapes


def parameters(config: Mapping[str, Any], *, pooler: bool = True) -> int:
    """Return how many numbers an encoder of this config holds, with its pooler unless told otherwise."""
    width = int(config["hidden_size"])
    return sum(math.prod(shape) for shape in encoder_shapes(config).values()) + (width * width + width) * pooler


def _integer(raw: Mapping[str, Any], key: str) -> int:
    value, (low, high) = raw.get(key, _DEFAULT_INTEGERS.get(key)), _INTEGERS[key]
    if type(value) is not int or not low <= value <= high:
        raise Refused
    return value


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused
    return float(value)


def _chosen(raw: Mapping[str, Any], labels: int) -> dict[str, Any]:
    """Return what our tasks choose after training and keep in the config, numbers alone."""
    found: dict[str, Any] = {}
    if raw.get("thresholds") is not None:
        if not isinstance(raw["thresholds"], list) or len(raw["thresholds"]) != labels:
            raise Refused
        found["thresholds"] = [_number(value, 0.0, 1.0) for value in raw["thresholds"]]
    if raw.get("score_range") is not None:
        if not isinstance(raw["score_range"], list) or len(raw["score_range"]) != 2:
            raise Refused
        found["score_range"] = [_number(value, -1e9, 1e9) for value in raw["score_range"]]
    if raw.get("null_threshold") is not None:
        found["null_threshold"] = _number(raw["null_threshold"], -1e6, 1e6)
    return found


def _labels(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return id2label and label2id for ids 0..n-1, or nothing where the config names no labels."""
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
    """Return how the head was trained, where the config says it in one of three words."""
    named = raw.get("problem_type")
    # To choose from a single label is no choice, and transformers refuses a config that says so.
    sane = named in PROBLEMS and not (named == "single_label_classification" and outputs == 1)
    return {"problem_type": named} if sane else {}


def _require_inside(path: Path) -> None:
    """Refuse what is no regular file, or a link that leaves the checkpoint's folder.

    A snapshot of the Hub is made of links into the cache (to `blobs` of the repository or of the whole cache), so
    for such a folder the border is the cache: <cache>/models--owner--name/snapshots/<commit>.
    """
    folder = path.parent
    snapshot = folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--")
    border = folder.parents[2] if snapshot else folder
    target = path.resolve(strict=True)
    if not target.is_file() or not target.is_relative_to(border.resolve()):
        raise Refused


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name to shape of the tensors, as the library reads them that loads them; nothing is loaded."""
    from safetensors import safe_open

    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > _MAX_HEADER_BYTES:  # safetensors reads up to 100 MB
            raise Refused
    with safe_open(path, framework="np") as weights:
        tensors = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118  no dict
        if any(tensor.get_dtype() not in _DTYPES or len(tensor.get_shape()) > 4 for tensor in tensors.values()):
            raise Refused
        return {name: tuple(tensor.get_shape()) for name, tensor in tensors.items()}


def plain_name(name: str) -> str:
    """Return a tensor's name without `bert.`, as it is called today; Refused where a BERT has no such tensor."""
    plain = name.removeprefix("bert.")
    # The oldest checkpoints, bert-base-uncased among them, say gamma and beta; transformers renames them too.
    plain = plain.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    if not (_ENCODER_NAME.fullmatch(plain) or _HEAD_NAME.fullmatch(plain)):
        raise Refused
    return plain
