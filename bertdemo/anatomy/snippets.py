"""Show the code: for each step of Inside BERT, the few lines of plain transformers that give the same numbers.

The tests run every one of them as it stands and hold what it computes against what the page shows.
"""

from __future__ import annotations

from collections.abc import Callable

from bertdemo.anatomy.scripting import (
    BUNDLED,
    LENGTH,
    OPTIONS,
    TOKENIZER,
    Asked,
    Runs,
    classifier_lines,
    inputs_line,
    literals,
    model_line,
    places,
    script,
    wrapped_inputs,
)

__all__ = ["BUNDLED", "STEPS", "snippet"]

STEPS = (
    "tokens",
    "specials",
    "embeddings",
    "attention",
    "layers",
    "pooling",
    "head",
    "fill_mask",
    "training_step",
    "before_after",
)
_MEAN_IMPORTS = [
    "from safetensors.torch import load_file",
    "from transformers import AutoTokenizer, BertModel",
    "from transformers.utils import cached_file",
]
_MEAN_HEAD = 'load_file(cached_file(name, "model.safetensors"))'
_MEAN_MODEL = 'model = BertModel.from_pretrained(name, dtype="float32", add_pooling_layer=False)'


def snippet(
    step: str,
    source: str,
    text: str,
    pair: str = "",
    *,
    layer: int = 1,
    head: int = 1,
    token: int = 1,
    second: str = "",
    label: int = 0,
    learning_rate: float = 5e-5,
    base: str = "",
    untrained: bool = False,
    redrawn: bool = False,
    mean: bool = False,
    kept: Runs = (),
    second_kept: Runs = (),
) -> str:
    """Return at most 10 lines of Python after the imports, ending with one that prints the step's numbers.

    `source` and `base` are Python expressions for a folder or an id on the Hub and go in as they are: write them
    with repr(), or pass BUNDLED. Texts go in as literals. `token` counts from 0 as positions do, `layer` from 1
    (in the step "layers" 0 stands for the embeddings), `head` from 1. `second` is what "pooling" compares with,
    `label` and `learning_rate` are those of "training_step", `base` that of "before_after". With
    `untrained`, "head" and "training_step" draw a new head for two labels, the same as the page does; the numbers
    of "fill_mask" are the page's where the checkpoint brings a head for masked words; with `redrawn` a head of
    another kind in the file gives way to the new one. With `mean` the head of both
    is a linear layer on the mean of all pieces, for which transformers has no class. `kept` are the positions that a
    checkpoint with a rule of its own for long texts left of this one, `second_kept` those of `second`; without them
    a long text loses its end beyond the model's positions. Raises ValueError for another
    step, and for "before_after" without a base.
    """
    if step not in STEPS:
        raise ValueError(f"no snippet for {step!r}")
    if step == "before_after" and not base:
        raise ValueError("before_after compares with a base")
    return _WRITERS[step](
        Asked(
            source, text, pair, int(layer), int(head), int(token), second, int(label), float(learning_rate), base,
            untrained, redrawn, mean, kept, second_kept,
        )
    )  # fmt: skip


def _tokens(asked: Asked) -> str:
    if asked.kept:
        return script(
            asked,
            ["from transformers import AutoTokenizer"],
            TOKENIZER,
            f"inputs = tokenizer({asked.texts}, split_special_tokens=True)",
            f"kept = {places(asked.kept)}  # what this checkpoint keeps of a text that is too long",
            'ids = [inputs["input_ids"][place] for place in kept]',
            "pieces = tokenizer.convert_ids_to_tokens(ids)",
            "print(pieces, ids)",
        )
    return script(
        asked,
        ["from transformers import AutoConfig, AutoTokenizer"],
        TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings  # by itself the tokenizer cuts nothing",
        "# split_special_tokens: a [SEP] in the text is text like any other",
        f"inputs = tokenizer({asked.texts},",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'ids = inputs["input_ids"]',
        "pieces = tokenizer.convert_ids_to_tokens(ids)",
        "print(pieces, ids)",
    )


def _specials(asked: Asked) -> str:
    if asked.kept:
        return script(
            asked,
            ["from transformers import AutoTokenizer"],
            TOKENIZER,
            f"inputs = tokenizer({asked.texts}, return_special_tokens_mask=True, split_special_tokens=True)",
            f"kept = {places(asked.kept)}  # what this checkpoint keeps of a text that is too long",
            'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
            'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
            "rows = [(pieces[place], segments[place], added[place]) for place in kept]",
            "print(rows)",
        )
    return script(
        asked,
        ["from transformers import AutoConfig, AutoTokenizer"],
        TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings",
        f"inputs = tokenizer({asked.texts}, return_special_tokens_mask=True,",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
        'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
        "rows = list(zip(pieces, segments, added))  # segments: all 0 for one text, 1 in the second of a pair",
        "print(rows)",
    )


def _embeddings(asked: Asked) -> str:
    return script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        *wrapped_inputs(asked),
        'word = model.embeddings.word_embeddings(inputs["input_ids"])[0]',
        "position = model.embeddings.position_embeddings.weight[: len(word)]  # a learned table, not sine waves",
        'segment = model.embeddings.token_type_embeddings(inputs["token_type_ids"])[0]',
        "normed = model.embeddings.LayerNorm(word + position + segment).detach()  # added, not set side by side",
        f"print(normed[{asked.token}])",
    )


def _attention(asked: Asked) -> str:
    layer, head = asked.layer - 1, asked.head - 1
    return script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel", eager=True) + "  # the faster kernels return no weights",
        inputs_line(asked),
        "out = model(**inputs, output_attentions=True, output_hidden_states=True)",
        f"weights = out.attentions[{layer}][0, {head}].detach()  # layer {asked.layer}, head {asked.head}: from 0 here",
        f"read, block = out.hidden_states[{layer}][0], model.encoder.layer[{layer}].attention.self",
        "query, key = (part(read).unflatten(-1, (block.num_attention_heads, -1))"
        f"[:, {head}] for part in (block.query, block.key))",
        "scores = (query @ key.T / query.shape[-1] ** 0.5).detach()  # softmax makes weights of a row of these",
        f"print(scores[{asked.token}], weights[{asked.token}])",
    )


def _layers(asked: Asked) -> str:
    return script(
        asked,
        ["import torch", "from sklearn.decomposition import PCA", "from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        inputs_line(asked),
        "hidden = torch.cat(model(**inputs, output_hidden_states=True).hidden_states).detach()  # embeddings, layers",
        f"path = torch.cosine_similarity(hidden[:, {asked.token}], hidden[:1, {asked.token}])",
        f'points = PCA(2, svd_solver="full").fit_transform(hidden[{asked.layer}].double())',
        "print(path, points)",
    )


def _pooling(asked: Asked) -> str:
    if asked.kept or asked.second_kept:
        return _pooling_of_cut(asked)
    lines = [
        TOKENIZER,
        model_line("BertModel"),
        "",
        "def pool(*texts):  # one text alone: in a batch, padding has to be left out of mean and max",
        f"    inputs = tokenizer(*texts, {OPTIONS}, {LENGTH})",
        "    (hidden,), pooler = model(**inputs, return_dict=False)",
        '    return {"cls": hidden[0], "pooler": pooler[0], "mean": hidden.mean(0), "max": hidden.max(0).values}',
        "",
    ]
    if asked.second:
        formula = "(one[way] @ two[way] / one[way].norm() / two[way].norm()).item()"
        lines += [
            f"one, two = pool({asked.texts}), pool({literals(asked.second, '')})",
            f"cosines = {{way: {formula} for way in one}}",
            "print(cosines)",
        ]
    else:
        lines += [f"pooled = pool({asked.texts})", "print(pooled)"]
    return script(asked, ["from transformers import AutoTokenizer, BertModel"], *lines)


def _pooling_of_cut(asked: Asked) -> str:
    formula = "(one[way] @ two[way] / one[way].norm() / two[way].norm()).item()"
    first = f"{places(asked.kept) if asked.kept else 'slice(None)'}, {asked.texts}"
    second = f"{places(asked.second_kept) if asked.second_kept else 'slice(None)'}, {literals(asked.second, '')}"
    compared = [
        f"one, two = pool({first}), pool({second})",
        f"cosines = {{way: {formula} for way in one}}",
        "print(cosines)",
    ]
    return script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        "",
        "def pool(kept, *texts):  # kept: what this checkpoint keeps of a text that is too long",
        '    inputs = tokenizer(*texts, split_special_tokens=True, return_tensors="pt")',
        "    (hidden,), pooler = model(**{key: ids[:, kept] for key, ids in inputs.items()}, return_dict=False)",
        '    return {"cls": hidden[0], "pooler": pooler[0], "mean": hidden.mean(0), "max": hidden.max(0).values}',
        "",
        *(compared if asked.second else [f"pooled = pool({first})", "print(pooled)"]),
    )


def _head(asked: Asked) -> str:
    if asked.mean:
        return script(
            asked,
            _MEAN_IMPORTS,
            TOKENIZER,
            _MEAN_MODEL,
            f"head = {_MEAN_HEAD}  # BertForSequenceClassification would not read it",
            inputs_line(asked),
            "mean = model(**inputs).last_hidden_state[0].mean(0)  # one text alone: there is no padding to leave out",
            'logits = (head["linear.weight"] @ mean + head["linear.bias"]).detach()  # no [CLS], no pooler',
            "probabilities = logits.softmax(-1)",
            "label = model.config.id2label[int(probabilities.argmax())]",
            "print(label, logits, probabilities)",
        )
    imports = ["import torch"] if asked.untrained else []
    return script(
        asked,
        [*imports, "from transformers import AutoTokenizer, BertForSequenceClassification"],
        TOKENIZER,
        *classifier_lines(asked),
        *([inputs_line(asked)] if asked.redrawn else wrapped_inputs(asked)),
        "logits = model(**inputs).logits[0].detach()  # classifier(tanh(pooler)), not the raw [CLS]",
        "probabilities = logits.softmax(-1)",
        "label = model.config.id2label[int(probabilities.argmax())]",
        "print(label, logits, probabilities)",
    )


def _fill_mask(asked: Asked) -> str:
    return script(
        asked,
        ["from transformers import AutoTokenizer, BertForMaskedLM"],
        TOKENIZER,
        model_line("BertForMaskedLM"),
        *wrapped_inputs(asked),
        f'inputs["input_ids"][0, {asked.token}] = tokenizer.mask_token_id',
        f"logits = model(**inputs).logits[0, {asked.token}].detach()",
        "probabilities, ids = logits.softmax(-1).topk(5)",
        "pieces = tokenizer.convert_ids_to_tokens(ids.tolist())",
        "print(pieces, probabilities)",
    )


def _training_step(asked: Asked) -> str:
    if asked.mean:
        return _mean_step(asked)
    rate, answer = repr(asked.learning_rate), f"torch.tensor([{asked.label}])"
    parts = "(model.bert.embeddings, *model.bert.encoder.layer, model.bert.pooler, model.classifier)"
    return script(
        asked,
        ["import torch", "from transformers import AutoTokenizer, BertForSequenceClassification"],
        *classifier_lines(asked),
        inputs_line(asked, "AutoTokenizer.from_pretrained(name)"),
        f"loss = model(**inputs, labels={answer}).loss  # without labels= there is no loss and backward() fails",
        "loss.backward()",
        f"norms = [sum(w.grad.square().sum() for w in part.parameters()).sqrt().item() for part in {parts}]",
        f"torch.optim.AdamW(model.parameters(), lr={rate}, weight_decay=0.01).step()",
        *_told("model(**inputs).logits[0].softmax(-1).tolist()", asked),
    )


def _told(after: str, asked: Asked) -> list[str]:
    """The last lines of a training step; one is saved where drawing the head takes one more."""
    if asked.redrawn:
        return [f"print(loss.item(), norms, after := {after})"]
    return [f"after = {after}", "print(loss.item(), norms, after)"]


def _mean_step(asked: Asked) -> str:
    parts = "(*map(list, map(torch.nn.Module.parameters, (model.embeddings, *model.encoder.layer))), head)"
    answer = f"torch.tensor({asked.label})"
    return script(
        asked,
        ["import torch", *_MEAN_IMPORTS],
        _MEAN_MODEL,
        f'weight, bias = head = [{_MEAN_HEAD}[f"linear.{{w}}"].requires_grad_() for w in ("weight", "bias")]',
        inputs_line(asked, "AutoTokenizer.from_pretrained(name)"),
        "said = lambda: weight @ model(**inputs).last_hidden_state[0].mean(0) + bias",
        f"loss = torch.nn.functional.cross_entropy(said(), {answer})  # -log p of the right label",
        "loss.backward()",
        f"norms = [sum(w.grad.square().sum() for w in part).sqrt().item() for part in {parts}]",
        f"torch.optim.AdamW([*model.parameters(), *head], lr={asked.learning_rate!r}, weight_decay=0.01).step()",
        "print(loss.item(), norms, said().softmax(-1).tolist())",
    )


def _before_after(asked: Asked) -> str:
    load = model_line("BertModel", eager=True).removeprefix("model = ").replace("name", "one")
    weights = f"model(**inputs, output_attentions=True).attentions[{asked.layer - 1}][0, {asked.head - 1}]"
    parts = "(model.embeddings, *model.encoder.layer)"
    return script(
        asked,
        ["import torch", "from transformers import AutoTokenizer, BertModel"],
        f"base = {asked.base}",
        f"models = [{load} for one in (base, name)]",
        inputs_line(asked, "AutoTokenizer.from_pretrained(name)", "models[0]"),
        f"before, after = ({weights} for model in models)",
        "difference = (after - before).detach()",
        "flat = [[torch.cat([w.detach().flatten() for w in part.parameters()]).double()"
        f" for part in {parts}] for model in models]",
        "moved = [((new - old).norm() / old.norm()).item() for old, new in zip(*flat)]  # embeddings, then each layer",
        "print(difference, moved)",
    )


_WRITERS: dict[str, Callable[[Asked], str]] = {
    "tokens": _tokens,
    "specials": _specials,
    "embeddings": _embeddings,
    "attention": _attention,
    "layers": _layers,
    "pooling": _pooling,
    "head": _head,
    "fill_mask": _fill_mask,
    "training_step": _training_step,
    "before_after": _before_after,
}
