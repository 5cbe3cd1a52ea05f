"""Show the code: for each step of Inside BERT, the few lines of plain transformers that give the same numbers.

The tests run every snippet as it is and compare its numbers with those of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bertdemo.anatomy import head_snippets
from bertdemo.anatomy.scripting import (
    BUNDLED,
    LENGTH,
    OPTIONS,
    TOKENIZER,
    Runs,
    SnippetRequest,
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


def snippet(step: str, source: str, text: str, pair: str = "", **chosen: Any) -> str:
    """Return at most 10 lines of Python after the imports, ending with one that prints the step's numbers.

    `chosen` are the other fields of SnippetRequest, documented there. Texts are inserted as literals. Raises ValueError
    for an unknown step, for "before_after" without a base, and for "training_step" of a regression.
    """
    if step not in STEPS:
        raise ValueError(f"no snippet for {step!r}")
    request = SnippetRequest(source, text, pair, **chosen)
    if step == "training_step" and request.problem == "regression":
        raise ValueError("no training step of a regression")
    if step == "before_after" and not request.base:
        raise ValueError("before_after compares with a base")
    return _WRITERS[step](request.numbered())


def _tokens(request: SnippetRequest) -> str:
    if request.kept:
        return script(
            request,
            ["from transformers import AutoTokenizer"],
            TOKENIZER,
            f"inputs = tokenizer({request.texts}, split_special_tokens=True)",
            f"kept = {places(request.kept)}  # positions kept of an overlong text",
            'ids = [inputs["input_ids"][place] for place in kept]',
            "pieces = tokenizer.convert_ids_to_tokens(ids)",
            "print(pieces, ids)",
        )
    return script(
        request,
        ["from transformers import AutoConfig, AutoTokenizer"],
        TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings  # the tokenizer itself truncates nothing",
        "# split_special_tokens: a [SEP] in the text is text like any other",
        f"inputs = tokenizer({request.texts},",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'ids = inputs["input_ids"]',
        "pieces = tokenizer.convert_ids_to_tokens(ids)",
        "print(pieces, ids)",
    )


def _specials(request: SnippetRequest) -> str:
    if request.kept:
        return script(
            request,
            ["from transformers import AutoTokenizer"],
            TOKENIZER,
            f"inputs = tokenizer({request.texts}, return_special_tokens_mask=True, split_special_tokens=True)",
            f"kept = {places(request.kept)}  # positions kept of an overlong text",
            'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
            'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
            "rows = [(pieces[place], segments[place], added[place]) for place in kept]",
            "print(rows)",
        )
    return script(
        request,
        ["from transformers import AutoConfig, AutoTokenizer"],
        TOKENIZER,
        "longest = AutoConfig.from_pretrained(name).max_position_embeddings",
        f"inputs = tokenizer({request.texts}, return_special_tokens_mask=True,",
        "                   split_special_tokens=True, truncation=True, max_length=longest)",
        'pieces = tokenizer.convert_ids_to_tokens(inputs["input_ids"])',
        'segments, added = inputs["token_type_ids"], inputs["special_tokens_mask"]',
        "rows = list(zip(pieces, segments, added))  # segments: all 0 for one text, 1 in the second of a pair",
        "print(rows)",
    )


def _embeddings(request: SnippetRequest) -> str:
    return script(
        request,
        ["from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        *wrapped_inputs(request),
        'word = model.embeddings.word_embeddings(inputs["input_ids"])[0]',
        "position = model.embeddings.position_embeddings.weight[: len(word)]  # a learned table, not sinusoidal",
        'segment = model.embeddings.token_type_embeddings(inputs["token_type_ids"])[0]',
        "normed = model.embeddings.LayerNorm(word + position + segment).detach()  # added, not concatenated",
        f"print(normed[{request.token}])",
    )


def _attention(request: SnippetRequest) -> str:
    layer, head = request.layer - 1, request.head - 1
    return script(
        request,
        ["from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel", eager=True) + "  # the faster kernels return no weights",
        inputs_line(request),
        "out = model(**inputs, output_attentions=True, output_hidden_states=True)",
        f"weights = out.attentions[{layer}][0, {head}].detach()"
        f"  # layer {request.layer}, head {request.head}: from 0 here",
        f"read, block = out.hidden_states[{layer}][0], model.encoder.layer[{layer}].attention.self",
        "query, key = (part(read).unflatten(-1, (block.num_attention_heads, -1))"
        f"[:, {head}] for part in (block.query, block.key))",
        "scores = (query @ key.T / query.shape[-1] ** 0.5).detach()  # softmax turns each row into weights",
        f"print(scores[{request.token}], weights[{request.token}])",
    )


def _layers(request: SnippetRequest) -> str:
    return script(
        request,
        ["import torch", "from sklearn.decomposition import PCA", "from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        inputs_line(request),
        "hidden = torch.cat(model(**inputs, output_hidden_states=True).hidden_states).detach()  # embeddings, layers",
        f"path = torch.cosine_similarity(hidden[:, {request.token}], hidden[:1, {request.token}])",
        f'points = PCA(2, svd_solver="full").fit_transform(hidden[{request.layer}].double())',
        "print(path, points)",
    )


def _pooling(request: SnippetRequest) -> str:
    others = [(request.second, request.second_kept), (request.unrelated, request.unrelated_kept)]
    cut = bool(request.kept or request.second_kept or request.unrelated_kept)

    def call(texts: str, kept: Runs) -> str:
        if not cut:
            return f"pool({texts})"
        return f"pool({places(kept) if kept else 'slice(None)'}, {texts})"

    calls = [call(request.texts, request.kept), *(call(literals(text, ""), kept) for text, kept in others if text)]
    return script(
        request,
        ["import torch", "from transformers import AutoTokenizer, BertModel"],
        TOKENIZER,
        model_line("BertModel"),
        "",
        *(_POOL_CUT if cut else _POOL),
        "",
        *_compared(calls, bool(request.second), bool(request.unrelated)),
    )


_VECTORS = '    return {"cls": hidden[0], "pooler": pooler[0], "mean": hidden.mean(0), "max": hidden.max(0).values}'
_POOL = (
    "def pool(*texts):  # a single text: in a batch, leave padding out of mean and max",
    f"    inputs = tokenizer(*texts, {OPTIONS}, {LENGTH})",
    "    (hidden,), pooler = model(**inputs, return_dict=False)",
    _VECTORS,
)
_POOL_CUT = (
    "def pool(kept, *texts):  # kept: positions kept of an overlong text",
    '    inputs = tokenizer(*texts, split_special_tokens=True, return_tensors="pt")',
    "    (hidden,), pooler = model(**{key: ids[:, kept] for key, ids in inputs.items()}, return_dict=False)",
    _VECTORS,
)


def _compared(calls: Sequence[str], second: bool, unrelated: bool) -> tuple[str, ...]:
    """Return the lines that pool up to three texts, and compare the first with each of the others in every way."""
    cosine = "{way: torch.cosine_similarity(one[way], other[way], dim=0).item() for way in one}"
    if second and unrelated:
        return (
            f"one, two, three = {', '.join(calls)}",
            f"cosines, unrelated = ({cosine} for other in (two, three))",
            "print(cosines, unrelated)",
        )
    if second or unrelated:
        name = "cosines" if second else "unrelated"
        return (f"one, other = {', '.join(calls)}", f"{name} = {cosine}", f"print({name})")
    return (f"pooled = {calls[0]}", "print(pooled)")


def _fill_mask(request: SnippetRequest) -> str:
    return script(
        request,
        ["from transformers import AutoTokenizer, BertForMaskedLM"],
        TOKENIZER,
        model_line("BertForMaskedLM"),
        *wrapped_inputs(request),
        f'inputs["input_ids"][0, {request.token}] = tokenizer.mask_token_id',
        f"logits = model(**inputs).logits[0, {request.token}].detach()",
        "probabilities, ids = logits.softmax(-1).topk(5)",
        "pieces = tokenizer.convert_ids_to_tokens(ids.tolist())",
        "print(pieces, probabilities)",
    )


_WRITERS: dict[str, Callable[[SnippetRequest], str]] = {
    "tokens": _tokens,
    "specials": _specials,
    "embeddings": _embeddings,
    "attention": _attention,
    "layers": _layers,
    "pooling": _pooling,
    "head": head_snippets.head,
    "fill_mask": _fill_mask,
    "training_step": head_snippets.training_step,
    "before_after": head_snippets.before_after,
}
