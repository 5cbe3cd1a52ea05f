"""The top of a script: what it is, what it cannot repeat, and every setting of the run as a plain value."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from bertdemo.runs.worker.optimization.batches import evaluation_batch
from bertdemo.sharing.script.measured import STOPPED, STOPPED_ON
from bertdemo.sharing.script.run import ScriptRun

_WIDTH = 120
# Stands for a space where a line must not be broken.
_SPACE = "\0"
LABELS_FILE = "labels.json"
_STOPPED = (
    "Of a run of the sample support_en that was stopped after half of its epochs, the difference was measured on "
    f"{STOPPED_ON}: {STOPPED}."
)


def heading(run: ScriptRun) -> str:
    """Return the docstring of the script."""
    first = f"Repeats one training run: {run.code.what}. README.md has the commands."
    same = (
        "On the same processor, with the same versions and threads, predictions.jsonl has the predictions of the run, "
        "row by row."
    )
    notes = [f"Not exactly: {note}" for note in differences(run)]
    paragraphs = [textwrap.fill(text, _WIDTH) for text in (same, *notes)]
    return '"""' + "\n\n".join([first, *paragraphs]) + '\n"""'


def differences(run: ScriptRun) -> list[str]:
    """Return what the script does not repeat of this run, one sentence each; [] where it repeats everything."""
    notes = []
    if run.stopped_at:
        notes.append(f"the run was stopped at step {run.stopped_at}; the script takes all steps. {_STOPPED}")
    if not run.on_cpu:
        notes.append(
            "on a GPU, two runs of the same code differ in the last digits, and so does this script; "
            "how far has not been measured."
        )
    if run.record.kept_outputs:  # both were measured, see docs/decisions/0019
        notes.append(
            "what leaves the frozen layers was computed once, which may round differently (a tiny model: the same)."
        )
    return notes


def constants(run: ScriptRun) -> str:
    """Return the lines that set the values."""
    return "\n".join([*_values(run), *_arguments(run), *_tokenizer(run)]) + "\n"


def _values(run: ScriptRun) -> Iterator[str]:
    config, base = run.config, run.record.base
    yield f"BASE = {_source(run)}  # {_base_note(run)}"
    if base.commit:
        yield f"COMMIT = {base.commit!r}"
    if run.code.has_labels:
        yield _labels(run)
    yield 'INPUTS = ("input_ids", "token_type_ids", "attention_mask")  # what BERT reads of a row'
    yield f"MAX_LENGTH = {config.max_length}  # tokens of a row, special tokens included"
    yield f"torch.set_num_threads({run.record.threads})  # sums are rounded differently on another number of threads"
    if not run.by_trainer:
        yield from _without_trainer(run)
    if run.by_trainer and (run.has_own_rate or config.lora_rank):
        yield f"HEAD = {_tuple(run.head)}  # parts of the names of its weights"
    if run.by_trainer and run.has_own_rate:
        yield f"HEAD_FACTOR = {config.head_learning_rate_factor!r}  # times the learning rate of the encoder"
    if config.layers:
        yield f"LAYERS = {config.layers}  # the lowest ones; those above are left out"
    if _has_dropout(run):
        rates = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
        yield f"DROPOUT = dict.fromkeys({_tuple(rates)}, {config.dropout!r})"
    if config.layer_decay < 1:
        yield f"LAYER_DECAY = {config.layer_decay!r}  # learning rate of each layer over that of the layer above"
    if run.frozen:
        layers = f'*(f"encoder.layer.{{at}}." for at in range({config.frozen_layers}))' if config.frozen_layers else ""
        names = f'("embeddings.", {layers})' if layers else '("embeddings.",)'
        yield f"FROZEN = {names}  # in the names of weights that stay as they are"
    if config.lora_rank:
        yield f"LORA_RANK = {config.lora_rank}"
    if config.label_smoothing:
        yield f"SMOOTHING = {config.label_smoothing!r}  # share of the target probability that all labels get"
    if config.early_stopping:
        yield f"PATIENCE = {config.early_stopping}  # epochs without a better score after which training ends"


def _without_trainer(run: ScriptRun) -> Iterator[str]:
    """Yield the settings of a linear probe, or of contrastive tuning."""
    config = run.config
    yield f"BATCH_SIZE = {config.batch_size}"
    if config.contrastive:
        yield f"EPOCHS = {config.epochs}"
        yield f"SEED = {config.seed}"
        yield f"LEARNING_RATE = {config.learning_rate!r}"
        yield f"WARMUP = {config.warmup!r}  # a share of all steps"
        yield f"WEIGHT_DECAY = {config.weight_decay!r}"


def model_options(run: ScriptRun) -> str:
    """Return the arguments of `from_pretrained` that change the model of the checkpoint, each with a comma after it."""
    layers = "num_hidden_layers=LAYERS, " if run.config.layers else ""
    return layers + ("**DROPOUT, " if _has_dropout(run) else "")


def _has_dropout(run: ScriptRun) -> bool:
    """Return whether the run has a dropout of its own; a linear probe reads an encoder that does not train."""
    return run.config.dropout is not None and run.config.method != "regression"


def _source(run: ScriptRun) -> str:
    base = run.record.base
    if base.source == "bundled":
        return "get_model_path()"
    return repr(base.id) if base.source == "hub" else '"base"'


def _base_note(run: ScriptRun) -> str:
    base = run.record.base
    name = repr(base.name) if base.source in {"local", "trained"} else base.name
    return f"{name}; SHA-256 of its weights: {base.sha256[:16]}..."


def _labels(run: ScriptRun) -> str:
    """Return the line that sets the labels: all of them where they fit, else they are in a file."""
    line = f"LABELS = {list(run.record.labels)!r}"
    return line if len(line) <= _WIDTH else f'LABELS = json.load(open("{LABELS_FILE}", encoding="utf-8"))'


def _tuple(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(f'"{name}"' for name in names) + ("," if len(names) == 1 else "") + ")"


def _arguments(run: ScriptRun) -> Iterator[str]:
    """Yield TrainingArguments: every value of this run that can change its result."""
    if not run.by_trainer:
        return
    values = {"eval_strategy": "epoch", "save_strategy": "no", "remove_unused_columns": False}
    values |= _learning(run) | _batches(run)
    words = [f"{name}={_literal(value)},".replace(" ", _SPACE) for name, value in values.items()]
    yield "args = TrainingArguments("
    yield textwrap.fill(" ".join(words), _WIDTH, initial_indent="    ", subsequent_indent="    ").replace(_SPACE, " ")
    yield ")"


def _batches(run: ScriptRun) -> dict[str, object]:
    """Return the arguments that say how rows are computed."""
    config = run.config
    values: dict[str, object] = {
        "per_device_train_batch_size": config.rows_per_pass,
        "per_device_eval_batch_size": evaluation_batch(config.rows_per_pass),
        "seed": config.seed,
    }
    if run.on_cpu:
        values["use_cpu"] = True
    if run.mean or run.code.names_labels:  # Trainer does not find the name in the class
        values["label_names"] = ["labels"]
    if config.passes_per_step > 1:
        values["gradient_accumulation_steps"] = config.passes_per_step
    if run.record.precision != "float32" and not run.in_bfloat16:
        values["bf16" if run.record.precision == "bfloat16" else "fp16"] = True
    if config.head_init == "probe":
        values["eval_on_start"] = True
    if config.gradient_checkpointing:
        values["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
        values["gradient_checkpointing"] = True
    return values


def _learning(run: ScriptRun) -> dict[str, object]:
    """Return the arguments that say how the weights change."""
    config = run.config
    return {
        "num_train_epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "warmup_steps": config.warmup,
        "lr_scheduler_type": "linear",
        "weight_decay": config.weight_decay,
        "max_grad_norm": 1.0,
    }


def _literal(value: object) -> str:
    """Return a value of ours as code, in the quotes of the script."""
    return repr(value).replace("'", '"')


def _tokenizer(run: ScriptRun) -> Iterator[str]:
    revision = ", revision=COMMIT" if run.record.base.commit else ""
    side = ', truncation_side="left"' if run.config.keep == "tail" else ""
    yield f"tokenizer = AutoTokenizer.from_pretrained(BASE{revision}{side})"
