"""Opening a folder as a BERT in float32, and writing one: concrete classes, safetensors, a cleaned config.

No Auto class, no code of a repository, no pickle. The folder is checked by `intake` each time, which costs a few
milliseconds; whether it is the right folder is the catalogue's business.
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

from bertdemo.checkpoints import encoder_decoder, folder_checks, mean_pooling_head
from bertdemo.checkpoints.head_detection import other_head
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

Head = Literal["none", "classification", "tokens", "span", "fill_mask", "new_fill_mask", "text_to_text"]
"""`tokens` labels every piece, `span` scores every piece as a start and an end; `new_fill_mask` makes a masked-word
head where the file has none, which `fill_mask` refuses; `text_to_text` is a second BERT that writes."""
HEAD_FILE = "head_at_start.safetensors"
_LOADING = threading.Lock()
"""transformers changes how torch makes tensors while it loads, and a seed is the process's: one load at a time."""
_MAY_BE_NEW = re.compile(r"(classifier|qa_outputs)\.(weight|bias)|(bert\.)?pooler\.dense\.(weight|bias)")
_NEW_MASK_HEAD = re.compile(
    r"cls\.predictions\.(bias|decoder\.(weight|bias)|transform\.(dense|LayerNorm)\.(weight|bias))"
)
_WITHOUT_POOLER = frozenset(
    {"BertForMaskedLM", "BertForTokenClassification", "BertForQuestionAnswering", "BertLMHeadModel"}
)
"""Classes that read every position, so that they have no place for a pooler that the file may bring."""
_BODY = re.compile(r"(bert\.)?(embeddings|encoder|pooler)\.")
_POOLER = re.compile(r"(bert\.)?pooler\.")


@dataclass(frozen=True)
class Opened:
    """A model in eval mode on the CPU, and what its file did not hold."""

    model: (
        BertModel
        | BertForSequenceClassification
        | BertForTokenClassification
        | BertForQuestionAnswering
        | BertForMaskedLM
        | EncoderDecoderModel
    )
    new_weights: tuple[str, ...]
    """Names of tensors that were initialized here; empty for a trained checkpoint."""
    unexpected: tuple[str, ...]
    """Names in the file that this class has no place for (the masked-word head, say)."""


def open_model(
    folder: Path,
    *,
    head: Head,
    labels: Sequence[str] = (),
    seed: int | None = None,
    attention: str = "sdpa",
    dropout: float | None = None,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> Opened:
    """Load the encoder of `folder`, with a head over `labels` (of texts or pieces), for spans, masked words, or none.

    A head in the file is kept where its class is the one asked for and `labels` is empty or the same list, else a
    new one is made; with `seed` the new one is the same every time, and the caller's random state is left alone. A
    linear layer on the mean opens as `mean_linear`, and is never made new. Only `attention="eager"` gives attention
    weights. `dropout` replaces every dropout rate of the config, `extra` are further fields of it. Raises
    what `folder_checks.check_folder` raises, and CheckpointBroken where a tensor of the encoder is missing.
    """
    vetted = folder_checks.check_folder(folder)
    if head == "fill_mask" and not vetted.weights.has_mlm_head:
        raise MaskHeadMissing(checkpoint=folder.name)
    fields = _fields(vetted, head, labels, extra, dropout)
    with _LOADING, _seeded(seed):
        import transformers

        config = transformers.BertConfig(**fields)
        if head == "text_to_text":
            return _pair(vetted, folder, config, attention)
        source = _Source(folder, encoder_decoder.reader_state(folder) if vetted.writer else None)
        if head == "none":
            pooler = vetted.weights.has_pooler
            return _load(transformers.BertModel, source, config, attention, add_pooling_layer=pooler)
        if head in {"fill_mask", "new_fill_mask"}:
            return _load(transformers.BertForMaskedLM, source, config, attention, may_be_new=_NEW_MASK_HEAD)
        return _with_head(vetted, head, source, config, attention, own=not labels or tuple(labels) == _stored(vetted))


@dataclass(frozen=True)
class _Source:
    """Where tensors come from: a folder, or some of them that were read from it."""

    folder: Path
    state: dict[str, Tensor] | None = None


def _pair(vetted: Vetted, folder: Path, config: Any, attention: str) -> Opened:
    """Open the two BERTs of a file, or make two of one: the second gets a new attention to what the first has read."""
    import copy

    import transformers
    from transformers import EncoderDecoderConfig, EncoderDecoderModel

    both = EncoderDecoderConfig.from_encoder_decoder_configs
    if vetted.writer:
        kept: Any = both(config, transformers.BertConfig(**vetted.writer.config), **vetted.writer.ids)
        return _load(EncoderDecoderModel, _Source(folder), kept, attention, may_be_new=encoder_decoder.NEW)
    ids = _special_ids(folder)
    writes = copy.deepcopy(config)
    writes.is_decoder = writes.add_cross_attention = True
    reader = _load(transformers.BertModel, _Source(folder), config, attention)
    writer = _load(
        transformers.BertLMHeadModel, _Source(folder), writes, attention, may_be_new=encoder_decoder.NEW_IN_WRITER
    )
    model: Any = EncoderDecoderModel(config=both(config, writes, **ids), encoder=reader.model, decoder=writer.model)
    new = [
        f"{prefix}{name}" for prefix, one in ((encoder_decoder.READER, reader), (encoder_decoder.WRITER, writer))
        for name in one.new_weights
    ]  # fmt: skip
    return Opened(model.eval(), tuple(sorted(new)), ())


def _special_ids(folder: Path) -> dict[str, int]:
    """Return the ids that a writer begins and ends with, by their names in the config."""
    pieces = SharedTokenizer.from_folder(folder).vocabulary
    if missing := [piece for piece in encoder_decoder.IDS.values() if piece not in pieces]:
        raise CheckpointBroken(checkpoint=folder.name, file=f"tokenizer.json ({missing[0]})")
    return {name: pieces[piece] for name, piece in encoder_decoder.IDS.items()}


def _with_head(vetted: Vetted, head: Head, source: _Source, config: Any, attention: str, *, own: bool) -> Opened:
    """Open with a head over labels or spans; `own` says whether the file's labels are the ones that are asked for."""
    import transformers

    if head == "classification" and vetted.weights.has_mean_head and own:
        return _load(mean_pooling_head.model_class(), source, config, attention)
    cls = getattr(transformers, _CLASSES[head])
    opened = _load(cls, source, config, attention)
    # A classifier of texts and one of pieces have the same names and shapes, and mean different things.
    fits = vetted.architecture == cls.__name__
    if head == "classification":
        fits = not other_head(vetted.weights, vetted.architecture)
    if head == "span" or not vetted.weights.has_classifier or (own and fits):
        return opened
    return _with_new_head(opened)


def _stored(vetted: Vetted) -> tuple[str, ...]:
    return tuple(vetted.config.get("id2label", {}).values())


def _fields(
    vetted: Vetted, head: Head, labels: Sequence[str], extra: Mapping[str, object], dropout: float | None
) -> dict[str, Any]:
    """Return the fields of the config that is opened with."""
    fields = dict(vetted.config)
    if head != "classification" or labels:
        fields.pop("problem_type", None)  # it is the file's own head that was trained so
    if labels:
        fields["id2label"] = dict(enumerate(labels))
        fields["label2id"] = {label: index for index, label in enumerate(labels)}
    fields |= extra
    if dropout is not None:
        fields |= dict.fromkeys(("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"), dropout)
    return fields


_CLASSES: Mapping[Head, str] = {
    "classification": "BertForSequenceClassification",
    "tokens": "BertForTokenClassification",
    "span": "BertForQuestionAnswering",
}


def open_mean_linear(folder: Path, labels: Sequence[str], weight: Floats, bias: Floats) -> Any:
    """Put a fitted linear layer, (labels, d) and (labels,), on the mean of the encoder in `folder`.

    Raises what `open_model` raises, and ValueError where the layer does not fit.
    """
    encoder: Any = open_model(folder, head="none").model
    with _LOADING, _seeded(0):
        return mean_pooling_head.from_parts(encoder, tuple(labels), weight, bias)


def warm_up() -> None:
    """Import what the first opening would wait for; two threads that import transformers at once can both fail."""
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
    """Write the weights that are new in `opened` to head_at_start.safetensors, before training changes them."""
    from safetensors.torch import save_file

    draft = folder / f".tmp-{HEAD_FILE}"
    save_file({name: tensor for name, tensor in tensors_of(opened.model).items() if name in opened.new_weights}, draft)
    return draft.replace(folder / HEAD_FILE)


def tensors_of(model: Any) -> dict[str, Tensor]:
    """Return a model's tensors for a file, on the CPU: one that has two names (a tied weight) has the first alone."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in _untied(model).items()}


def restore_tensors(model: Any, tensors: Mapping[str, Tensor]) -> None:
    """Put what `tensors_of` returned back into the model; raises ValueError where one is missing or is not its own."""
    expected = set(_untied(model))
    if expected != set(tensors):
        raise ValueError(f"missing or unknown tensors: {sorted(expected ^ set(tensors))[:5]}")
    model.load_state_dict(tensors, strict=False)  # what is missing now is the second name of a tied weight


def _untied(model: Any) -> dict[str, Tensor]:
    seen: set[int] = set()
    found = {}
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in seen:
            found[name] = tensor
        seen.add(tensor.data_ptr())
    return found


def restore_head(opened: Opened, folder: Path) -> None:
    """Put the head that `save_head` wrote into `opened`; raises CheckpointBroken where it does not fit."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(folder / HEAD_FILE)
    except (OSError, SafetensorError):
        raise CheckpointBroken(checkpoint=folder.name, file=HEAD_FILE) from None
    state = opened.model.state_dict()
    for name, tensor in tensors.items():
        known = any(pattern.fullmatch(name) for pattern in (_MAY_BE_NEW, _NEW_MASK_HEAD, encoder_decoder.NEW))
        if not known or name not in state or state[name].shape != tensor.shape:
            raise CheckpointBroken(checkpoint=folder.name, file=HEAD_FILE)
    with torch.no_grad():
        opened.model.load_state_dict(tensors, strict=False)


def write(model: PreTrainedModel, tokenizer_from: Path, draft: Path) -> None:
    """Write config and weights of `model` to `draft`, with the tokenizer files of its base."""
    model.save_pretrained(draft)
    for name in TOKENIZER_FILES:
        if (tokenizer_from / name).is_file():
            shutil.copyfile(tokenizer_from / name, draft / name)


def _load(
    cls: Any, source: _Source, config: Any, attention: str, may_be_new: re.Pattern[str] = _MAY_BE_NEW, **options: object
) -> Opened:
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # or a new head prints a table of missing keys
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = source.folder
    if source.state is not None:
        options["state_dict"] = source.state
    model, info = cls.from_pretrained(
        None if source.state is not None else folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,
        weights_only=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        attn_implementation=attention,
        dtype=torch.float32,
        **options,
    )
    new = sorted({*info["missing_keys"], *(entry[0] for entry in info["mismatched_keys"])})
    if info["error_msgs"] or not all(may_be_new.fullmatch(name) for name in new):
        raise CheckpointBroken(checkpoint=folder.name, file=WEIGHTS_FILE)
    unexpected = tuple(sorted(info["unexpected_keys"]))
    foreign = [name for name in unexpected if not (cls.__name__ in _WITHOUT_POOLER and _POOLER.match(name))]
    if any(_BODY.match(name) and not name.endswith("_ids") for name in foreign):
        raise CheckpointBroken(checkpoint=folder.name, file=WEIGHTS_FILE)
    return Opened(model.eval(), tuple(new), unexpected)


def _with_new_head(opened: Opened) -> Opened:
    """Forget the classifier of the file: the same number of outputs does not make it a head for these labels."""
    import torch

    classifier: Any = opened.model.classifier
    with torch.no_grad():
        classifier.weight.normal_(0.0, opened.model.config.initializer_range)
        classifier.bias.zero_()
    new = sorted({*opened.new_weights, "classifier.weight", "classifier.bias"})
    return Opened(opened.model, tuple(new), opened.unexpected)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    import torch

    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        # Not manual_seed of the package: it would also reseed every GPU, which fork_rng(devices=[]) leaves as is.
        torch.default_generator.manual_seed(seed)
        yield
