"""The code of the steps that need a head: its prediction, one training step, and what training changed."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.anatomy.scripting import (
    TOKENIZER,
    SnippetRequest,
    classifier_lines,
    inputs_line,
    model_line,
    script,
    wrapped_inputs,
)
from bertdemo.checkpoints.head_detection import Problem

_MEAN_IMPORTS = [
    "from safetensors.torch import load_file",
    "from transformers import AutoTokenizer, BertModel",
    "from transformers.utils import cached_file",
]
_MEAN_HEAD = 'load_file(cached_file(name, "model.safetensors"))'
_MEAN_MODEL = 'model = BertModel.from_pretrained(name, dtype="float32", add_pooling_layer=False)'
_PRINT_PREDICTION: Mapping[Problem, tuple[str, ...]] = {
    "single_label_classification": (
        "probabilities = logits.softmax(-1)",
        "label = model.config.id2label[int(probabilities.argmax())]",
        "print(label, logits, probabilities)",
    ),
    "multi_label_classification": (
        "probabilities = logits.sigmoid()  # each label on its own: they need not sum to 1",
        "labels = [name for i, name in model.config.id2label.items() if probabilities[i] > 0.5]",
        "print(labels, logits, probabilities)",
    ),
    "regression": ("print(model.config.id2label, logits)  # raw numbers, no softmax",),
}


def head(request: SnippetRequest) -> str:
    """Return the code of the logits and the probabilities."""
    if request.mean:
        return script(
            request,
            _MEAN_IMPORTS,
            TOKENIZER,
            _MEAN_MODEL,
            f"head = {_MEAN_HEAD}  # BertForSequenceClassification would not load it",
            inputs_line(request),
            "mean = model(**inputs).last_hidden_state[0].mean(0)  # a single text has no padding to leave out",
            'logits = (head["linear.weight"] @ mean + head["linear.bias"]).detach()  # no [CLS], no pooler',
            "probabilities = logits.softmax(-1)",
            "label = model.config.id2label[int(probabilities.argmax())]",
            "print(label, logits, probabilities)",
        )
    imports = ["import torch"] if request.untrained else []
    return script(
        request,
        [*imports, "from transformers import AutoTokenizer, BertForSequenceClassification"],
        TOKENIZER,
        *classifier_lines(request),
        *([inputs_line(request)] if request.redrawn else wrapped_inputs(request)),
        "logits = model(**inputs).logits[0].detach()  # classifier(tanh(pooler)), not the raw [CLS]",
        *_PRINT_PREDICTION[request.problem],
    )


def training_step(request: SnippetRequest) -> str:
    """Return the code of the loss, the gradient norms, and the probabilities after one step."""
    if request.mean:
        return _mean_step(request)
    rate, answer, chance = repr(request.learning_rate), f"torch.tensor([{request.label}])", "softmax(-1)"
    if request.problem == "multi_label_classification":  # the binary cross-entropy wants one-hot targets
        answer, chance = f"torch.eye(model.config.num_labels)[[{request.label}]]", "sigmoid()"
    parts = "(model.bert.embeddings, *model.bert.encoder.layer, model.bert.pooler, model.classifier)"
    return script(
        request,
        ["import torch", "from transformers import AutoTokenizer, BertForSequenceClassification"],
        *classifier_lines(request),
        inputs_line(request, "AutoTokenizer.from_pretrained(name)"),
        f"loss = model(**inputs, labels={answer}).loss  # without labels= there is no loss and backward() fails",
        "loss.backward()",
        f"norms = [sum(w.grad.square().sum() for w in part.parameters()).sqrt().item() for part in {parts}]",
        f"torch.optim.AdamW(model.parameters(), lr={rate}, weight_decay=0.01).step()",
        *_print_step(f"model(**inputs).logits[0].{chance}.tolist()", request),
    )


def _print_step(after: str, request: SnippetRequest) -> list[str]:
    """Return the last lines of a training step: one less where a new head takes one more, for at most ten."""
    if request.redrawn:
        return [f"print(loss.item(), norms, after := {after})"]
    return [f"after = {after}", "print(loss.item(), norms, after)"]


def _mean_step(request: SnippetRequest) -> str:
    parts = "(*map(list, map(torch.nn.Module.parameters, (model.embeddings, *model.encoder.layer))), head)"
    answer = f"torch.tensor({request.label})"
    return script(
        request,
        ["import torch", *_MEAN_IMPORTS],
        _MEAN_MODEL,
        f'weight, bias = head = [{_MEAN_HEAD}[f"linear.{{w}}"].requires_grad_() for w in ("weight", "bias")]',
        inputs_line(request, "AutoTokenizer.from_pretrained(name)"),
        "logits = lambda: weight @ model(**inputs).last_hidden_state[0].mean(0) + bias",
        f"loss = torch.nn.functional.cross_entropy(logits(), {answer})  # -log p of the right label",
        "loss.backward()",
        f"norms = [sum(w.grad.square().sum() for w in part).sqrt().item() for part in {parts}]",
        f"torch.optim.AdamW([*model.parameters(), *head], lr={request.learning_rate!r}, weight_decay=0.01).step()",
        "print(loss.item(), norms, logits().softmax(-1).tolist())",
    )


def before_after(request: SnippetRequest) -> str:
    """Return the code of what training changed: attention, weights, and the probabilities where they compare."""
    cls = "BertForSequenceClassification" if request.started else "BertModel"
    body, extra = ("one.bert", ", ignore_mismatched_sizes=True") if request.started else ("one", "")
    load = model_line(cls, eager=True).removeprefix("model = ").replace("(name", "(path")
    if request.started:  # a head of the base may have another number of labels
        load = load.replace("(path", f"(path, num_labels={request.labels}{extra}")
    weights = f"attentions[{request.layer - 1}][0, {request.head - 1}]"
    start = 'models[0].load_state_dict(load_file(cached_file(name, "head_at_start.safetensors")), strict=False)'
    chances = "probabilities := [out.logits[0].softmax(-1).tolist() for out in (before, after)]"
    return script(
        request,
        [
            *(["from safetensors.torch import load_file"] if request.started else []),
            "from torch.nn.utils import parameters_to_vector as flat",
            f"from transformers import AutoTokenizer, {cls}",
            *(["from transformers.utils import cached_file"] if request.started else []),
        ],
        f"base = {request.base}",
        f"models = [{load} for path in (base, name)]",
        *([f"{start}  # the head before the first step"] if request.started else []),
        inputs_line(request, "AutoTokenizer.from_pretrained(name)", "models[0]"),
        "before, after = (model(**inputs, output_attentions=True) for model in models)",
        f"difference = (after.{weights} - before.{weights}).detach()",
        f"parts = [[flat(part.parameters()).double() for part in ({body}.embeddings, *{body}.encoder.layer)]"
        " for one in models]",
        "moved = [((new - old).norm() / old.norm()).item() for old, new in zip(*parts)]  # embeddings, then each layer",
        f"print(difference, moved{f', {chances}' if request.started else ''})",
    )
