"""Opening a folder as a BERT in float32, and writing one: concrete classes, safetensors, a cleaned config.

No Auto class, no code of a repository, no pickle. The folder is checked by `folder_checks` each time, which costs a few
milliseconds; whether it is the right folder is for the catalogue to decide. A model is opened as one of the classes of
transformers in `Architecture`, whatever the task.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from bertdemo import disk
from bertdemo.checkpoints import encoder_decoder, folder_checks, mean_pooling_head
from bertdemo.checkpoints.head_detection import LABELING, other_head
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.checkpoints.validation import Vetted
from bertdemo.errors import CheckpointBroken, MaskHeadMissing
from bertdemo.hub.model_files import TOKENIZER_FILES, WEIGHTS_FILE

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import (
        BertForMaskedLM,
        BertForQuestionAnswering,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertModel,
        EncoderDecoderModel,
        PreTrainedModel,
    )

    from bertdemo.checkpoints.mean_pooling_head import Floats

Architecture = Literal[
    "BertModel",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertForQuestionAnswering",
    "BertForMaskedLM",
    "EncoderDecoderModel",
]
HEAD_FILE = "head_at_start.safetensors"
# transformers changes how torch makes tensors while it loads, and a seed is the process's: one load at a time.
_LOADING = threading.Lock()
_NEW_HEAD = re.compile(r"(classifier|qa_outputs)\.(weight|bias)|(bert\.)?pooler\.dense\.(weight|bias)")
# The linear layer of `mean_pooling_head`.
_MEAN_HEAD = ("linear.bias", "linear.weight")
_NEW_MASK_HEAD = re.compile(
    r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))"
)
# Tensors that may be missing in the file and are then initialized here, for the classes where it is not `_NEW_HEAD`.
_MAY_BE_NEW = {
    "BertForMaskedLM": _NEW_MASK_HEAD,
    "BertLMHeadModel": encoder_decoder.NEW_IN_DECODER,
    "EncoderDecoderModel": encoder_decoder.NEW,
}
# Classes that read every token, so that they have no place for a pooler that the file may have.
_WITHOUT_POOLER = frozenset(
    {"BertForMaskedLM", "BertForTokenClassification", "BertForQuestionAnswering", "BertLMHeadModel"}
)
# Tensors of the encoder: an unknown one among them means that the file is of another model.
_BODY = re.compile(r"(bert\.)?(embeddings|encoder|pooler)\.")
_POOLER = re.compile(r"(bert\.)?pooler\.")


@dataclass(frozen=True)
class Opened:
    """A model in eval mode on the CPU, and how its tensors differ from those of its file."""

    model: (
        BertModel
        | BertForSequenceClassification
        | BertForTokenClassification
        | BertForQuestionAnswering
        | BertForMaskedLM
        | EncoderDecoderModel
    )
    new_weights: tuple[str, ...]
    """Names of tensors that were initialized here; () for a trained checkpoint."""
    unexpected: tuple[str, ...]
    """Names of tensors in the file that this class does not have (a masked-language-modeling head, say)."""


def open_model(
    folder: Path,
    architecture: Architecture = "BertModel",
    *,
    labels: Sequence[str] = (),
    seed: int | None = None,
    attention: str = "sdpa",
    dropout: float | None = None,
    layers: int | None = None,
    extra: Mapping[str, object] = MappingProxyType({}),
    new_head: bool = True,
) -> Opened:
    """Load `folder` as this class: its encoder, and the head of the file or a new one.

    The head of the file is kept where its class is `architecture` and `labels` is empty or the same list, else a new
    one is initialized; with `seed` that is the same every time, and the caller's random state does not change. A linear
    layer on the mean opens as `mean_pooling_head`, and is never new. Only `attention="eager"` returns attention
    weights. `dropout` replaces every dropout rate of the config, `extra` are further fields of it. Only the lowest
    `layers` of the encoder are kept. Without `new_head`, MaskHeadMissing is raised where the file has none. Raises what
    `folder_checks.check_folder` raises, and CheckpointBroken where a tensor of the encoder is missing.
    """
    vetted = folder_checks.check_folder(folder)
    if not new_head and not vetted.weights.has_mlm_head:
        raise MaskHeadMissing(checkpoint=folder.name)
    same_labels = not labels or tuple(labels) == tuple(vetted.config.get("id2label", {}).values())
    fields = _fields(vetted, architecture, labels, extra, dropout)
    with _LOADING, _seeded(seed):
        import transformers

        # A concrete class and a config built here: nothing of the file decides which code runs.
        config = transformers.BertConfig(**fields)
        if architecture == encoder_decoder.ARCHITECTURE:
            return kept_layers(_encoder_decoder(vetted, folder, config, attention), layers)
        source = _Source(folder, encoder_decoder.encoder_state(folder) if vetted.decoder else None)
        options = {"add_pooling_layer": vetted.weights.has_pooler} if architecture == "BertModel" else {}
        mean_head = architecture == LABELING and vetted.weights.has_mean_head and same_labels
        cls = mean_pooling_head.model_class() if mean_head else getattr(transformers, architecture)
        opened = kept_layers(_load(cls, source, config, attention, **options), layers)
        if not vetted.weights.has_classifier or not hasattr(opened.model, "classifier"):
            return opened
        return opened if same_labels and _has_own_head(vetted, architecture) else _with_new_head(opened)


@dataclass(frozen=True)
class _Source:
    """Where tensors come from: a folder, or some of them that were read from it."""

    folder: Path
    state: dict[str, Tensor] | None = None


def _encoder_decoder(vetted: Vetted, folder: Path, config: Any, attention: str) -> Opened:
    """Open the encoder-decoder of a file, or make one of a single BERT: its decoder gets a new cross-attention."""
    import copy

    import transformers
    from transformers import EncoderDecoderConfig, EncoderDecoderModel

    join = EncoderDecoderConfig.from_encoder_decoder_configs
    if vetted.decoder:
        joined: Any = join(config, transformers.BertConfig(**vetted.decoder.config), **vetted.decoder.ids)
        return _load(EncoderDecoderModel, _Source(folder), joined, attention)
    ids = _special_ids(folder)
    decoder_config = copy.deepcopy(config)
    decoder_config.is_decoder = decoder_config.add_cross_attention = True
    encoder = _load(transformers.BertModel, _Source(folder), config, attention)
    decoder = _load(transformers.BertLMHeadModel, _Source(folder), decoder_config, attention)
    model: Any = EncoderDecoderModel(
        config=join(config, decoder_config, **ids), encoder=encoder.model, decoder=decoder.model
    )
    new = [encoder_decoder.ENCODER + name for name in encoder.new_weights]
    new += [encoder_decoder.DECODER + name for name in decoder.new_weights]
    return Opened(model.eval(), tuple(sorted(new)), ())


def _special_ids(folder: Path) -> dict[str, int]:
    """Return the ids that generation starts, ends and pads with, by their names in the config."""
    vocabulary = SharedTokenizer.from_folder(folder).vocabulary
    if missing := [token for token in encoder_decoder.IDS.values() if token not in vocabulary]:
        raise CheckpointBroken(checkpoint=folder.name, file=f"tokenizer.json ({missing[0]})")
    return {name: vocabulary[token] for name, token in encoder_decoder.IDS.items()}


def _has_own_head(vetted: Vetted, architecture: Architecture) -> bool:
    """Return whether the classifier of the file is of this class.

    A classifier of texts and one of tokens have the same names and shapes, and mean different things.
    """
    if architecture == LABELING:
        return not other_head(vetted.weights, vetted.architecture)
    return vetted.architecture == architecture


def _fields(
    vetted: Vetted,
    architecture: Architecture,
    labels: Sequence[str],
    extra: Mapping[str, object],
    dropout: float | None,
) -> dict[str, Any]:
    """Return the fields of the config to open with."""
    fields = dict(vetted.config)
    if architecture != LABELING or labels:
        fields.pop("problem_type", None)  # that is how the head of the file was trained, not a new one
    if labels:
        fields["id2label"] = dict(enumerate(labels))
        fields["label2id"] = {label: index for index, label in enumerate(labels)}
    fields |= extra
    if dropout is not None:
        fields |= dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"), dropout)
    return fields


def kept_layers(opened: Opened, layers: int | None) -> Opened:
    """Leave out all but the lowest `layers` of the encoder, in place; None keeps them all."""
    if layers is not None:
        encoder: Any = getattr(opened.model, "encoder", None) if opened.model.config.is_encoder_decoder else None
        encoder = encoder or opened.model.base_model
        encoder.encoder.layer = encoder.encoder.layer[:layers]
        encoder.config.num_hidden_layers = len(encoder.encoder.layer)
    return opened


def open_new_mean_linear(
    folder: Path, labels: Sequence[str], *, seed: int, dropout: float | None = None, layers: int | None = None
) -> Opened:
    """Open the encoder in `folder` with a linear layer on its mean, initialized as BERT initializes a classifier.

    Raises what `open_model` raises.
    """
    import numpy as np

    config = folder_checks.check_folder(folder).config
    shape, deviation = (len(labels), config["hidden_size"]), config.get("initializer_range", 0.02)
    weight = np.random.default_rng(seed).normal(0.0, deviation, shape).astype(np.float32)
    return open_mean_linear(folder, labels, weight, np.zeros_like(weight[:, 0]), dropout=dropout, layers=layers)


def open_mean_linear(
    folder: Path,
    labels: Sequence[str],
    weight: Floats,
    bias: Floats,
    *,
    attention: str = "sdpa",
    dropout: float | None = None,
    layers: int | None = None,
) -> Opened:
    """Put a fitted linear layer, (labels, d) and (labels,), on the mean of the encoder in `folder`.

    Raises what `open_model` raises, and ValueError where the layer does not fit.
    """
    encoder: Any = open_model(folder, attention=attention, dropout=dropout, layers=layers).model
    with _LOADING, _seeded(0):
        return Opened(mean_pooling_head.from_parts(encoder, tuple(labels), weight, bias), _MEAN_HEAD, ())


def open_mean_linear_at_start(
    base: Path, trained: Path, labels: Sequence[str], *, attention: str = "sdpa", layers: int | None = None
) -> Opened:
    """Open the encoder in `base` with the linear layer on its mean that `save_head` wrote into `trained`.

    Raises CheckpointBroken where there is no such layer or it does not fit, and what `open_model` raises.
    """
    tensors = _head_at_start(trained)
    if set(tensors) != set(_MEAN_HEAD):
        raise CheckpointBroken(checkpoint=trained.name, file=HEAD_FILE)
    weight, bias = (tensors[f"linear.{name}"].float().numpy() for name in ("weight", "bias"))
    try:
        return open_mean_linear(base, labels, weight, bias, attention=attention, layers=layers)
    except ValueError:
        raise CheckpointBroken(checkpoint=trained.name, file=HEAD_FILE) from None


def warm_up() -> None:
    """Import the model classes ahead; two threads that import transformers at the same time can both fail."""
    with _LOADING:
        from transformers import (  # noqa: F401
            BertForMaskedLM,
            BertForQuestionAnswering,
            BertForSequenceClassification,
            BertForTokenClassification,
            BertLMHeadModel,
            BertModel,
            EncoderDecoderModel,
        )


def save_head(opened: Opened, folder: Path) -> Path:
    """Write the new weights of `opened` to head_at_start.safetensors, before training changes them."""
    draft = folder / f".tmp-{HEAD_FILE}"
    new = {name: tensor for name, tensor in tensors_of(opened.model).items() if name in opened.new_weights}
    disk.save_tensors(new, draft)
    return draft.replace(folder / HEAD_FILE)


def tensors_of(model: Any) -> dict[str, Tensor]:
    """Return a model's tensors for a file, on the CPU; a tied weight, which has two names, has its first name only."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in _untied(model).items()}


def restore_tensors(model: Any, tensors: Mapping[str, Tensor]) -> None:
    """Load what `tensors_of` returned into the model; raises ValueError where one is missing or unknown."""
    expected = set(_untied(model))
    if expected != set(tensors):
        raise ValueError(f"missing or unknown tensors: {sorted(expected ^ set(tensors))[:5]}")
    model.load_state_dict(tensors, strict=False)  # only the second names of tied weights are missing


def _untied(model: Any) -> dict[str, Tensor]:
    """Return the tensors of a model by name, each once."""
    by_address: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in model.state_dict().items():
        by_address.setdefault(tensor.data_ptr(), (name, tensor))
    return dict(by_address.values())


def restore_head(opened: Opened, folder: Path) -> None:
    """Load the head that `save_head` wrote into `opened`; raises CheckpointBroken where it does not fit."""
    import torch

    tensors = _head_at_start(folder)
    state = opened.model.state_dict()
    for name, tensor in tensors.items():
        known = any(pattern.fullmatch(name) for pattern in (_NEW_HEAD, _NEW_MASK_HEAD, encoder_decoder.NEW))
        if not known or name not in state or state[name].shape != tensor.shape:
            raise CheckpointBroken(checkpoint=folder.name, file=HEAD_FILE)
    with torch.no_grad():
        opened.model.load_state_dict(tensors, strict=False)


def _head_at_start(folder: Path) -> dict[str, Tensor]:
    """Return what `save_head` wrote; raises CheckpointBroken where it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(folder / HEAD_FILE)
    except (OSError, SafetensorError):
        raise CheckpointBroken(checkpoint=folder.name, file=HEAD_FILE) from None
    return tensors


def write(model: PreTrainedModel, tokenizer_from: Path, draft: Path) -> None:
    """Write config and weights of `model` to `draft`, with copies of the tokenizer files of its base, byte for byte."""
    with disk.writing_tensors():
        model.save_pretrained(draft)
    for name in TOKENIZER_FILES:
        if (tokenizer_from / name).is_file():
            shutil.copyfile(tokenizer_from / name, draft / name)


def _load(cls: Any, source: _Source, config: Any, attention: str, **options: object) -> Opened:
    """Load a model; CheckpointBroken where tensors of the body are missing, unknown, or of another shape."""
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # else a new head prints a table of missing keys
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if source.state is not None:
        options["state_dict"] = source.state
    model, info = cls.from_pretrained(
        None if source.state is not None else source.folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,  # a pickle could run code
        weights_only=True,
        ignore_mismatched_sizes=True,  # a head with another number of labels is replaced, and reported below
        output_loading_info=True,
        attn_implementation=attention,
        dtype=torch.float32,  # whatever the dtype of the file
        **options,
    )
    broken = CheckpointBroken(checkpoint=source.folder.name, file=WEIGHTS_FILE)
    may_be_new = _MAY_BE_NEW.get(cls.__name__, _NEW_HEAD)
    new = sorted({*info["missing_keys"], *(entry[0] for entry in info["mismatched_keys"])})
    if info["error_msgs"] or not all(may_be_new.fullmatch(name) for name in new):
        raise broken
    unexpected = tuple(sorted(info["unexpected_keys"]))
    foreign = [name for name in unexpected if not (cls.__name__ in _WITHOUT_POOLER and _POOLER.match(name))]
    if any(_BODY.match(name) and not name.endswith("_ids") for name in foreign):
        raise broken
    return Opened(model.eval(), tuple(new), unexpected)


def _with_new_head(opened: Opened) -> Opened:
    """Replace the classifier of the file: the same number of outputs does not make it a head for these labels."""
    import torch

    classifier: Any = opened.model.classifier
    with torch.no_grad():
        classifier.weight.normal_(0.0, opened.model.config.initializer_range)
        classifier.bias.zero_()
    new = sorted({*opened.new_weights, "classifier.weight", "classifier.bias"})
    return Opened(opened.model, tuple(new), opened.unexpected)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Seed torch on the CPU inside the block, and leave the random state as it was."""
    import torch

    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed: it would also seed every GPU, which fork_rng(devices=[]) does not restore.
        torch.default_generator.manual_seed(seed)
        yield
