"""Tasks that are learned by the loss of single tokens: masked language modeling and text to text."""

from __future__ import annotations

from collections.abc import Mapping

from bertdemo.checkpoints.tokenizers import well_formed
from bertdemo.sharing.script import blocks
from bertdemo.sharing.script.task_code.contract import DataRow, TaskCode


def _text_to_mask(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "index": row.index}


def _source_and_target(row: DataRow) -> Mapping[str, object]:
    return {"text": row.text, "label": well_formed(row.target)}


# All logits of an evaluation, one per token and word of the vocabulary, would fill the memory.
_OUTPUTS = '{"logits": token_losses(logits, labels)}'
_LOSSES = '''
def token_losses(logits, labels):
    """Return the sum of -log p of the labels of each row, and their number."""
    nats = cross_entropy(logits.float().transpose(1, 2), labels, reduction="none")
    return torch.stack([nats.sum(1), (labels != -100).sum(1).to(nats.dtype)], 1)

'''
_PERPLEXITY = """\
nats, tokens = prediction.predictions.astype(float).sum(0)
return {"perplexity": math.exp(min(50.0, nats / max(1.0, tokens)))}
"""

_MASK = '''
def mask(row):
    """Return the row with 15% of its tokens hidden, and these as labels; which ones is drawn by the key of the row."""
    key, ids = row.get("key") or (args.seed, Order.epoch, row["index"]), list(row["input_ids"])
    generator, labels = np.random.default_rng(key), [-100] * len(ids)
    positions = [at for at, token in enumerate(ids) if token in known]
    for at in generator.permutation(positions)[: max(1, round(0.15 * len(positions)))] if positions else []:
        labels[at], chance = ids[at], generator.random()
        if chance < 0.9:  # 80% become [MASK], 10% another token, the rest stays
            ids[at] = tokenizer.mask_token_id if chance < 0.8 else maskable[int(generator.integers(len(maskable)))]
    return {**row, "input_ids": ids, "labels": labels}

'''
_VOCABULARY = """
special = [token for token in tokenizer.get_vocab() if token[:1] == "[" and token[-1:] == "]"]
known = set(tokenizer.get_vocab().values()) - set(tokenizer.convert_tokens_to_ids(special))
maskable = sorted(known)  # what may be hidden, and may stand in place of another token

"""
_MASKED_LOSS = """\
logits = model(**inputs).logits
total = cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="sum")
loss = total / (labels != -100).sum().clamp(min=1)
"""
_MASKED_HELPERS = (
    """
for row in validation:
    row["key"] = (args.seed, 2**31 - 1, row["index"])  # the same tokens are hidden in each epoch

"""
    + _LOSSES
)
_MASKED_PREDICT = """\
for at, row in enumerate(held_out):
    row["key"] = (0, 2**31 - 1, at)
held_out.sort(key=lambda row: (row["key"][2] // 4096, row["length"]))
predictions = []
for at in range(0, len(held_out), 32):
    inputs = {name: tensor.to(args.device) for name, tensor in collate(held_out[at : at + 32]).items()}
    labels = inputs.pop("labels")
    with torch.inference_mode():
        losses = token_losses(model(**inputs).logits.float(), labels).cpu().tolist()
"""
_MASKED_ANSWERS = """\
    for row, (nats, count) in zip(held_out[at : at + 32], losses):
        perplexity = math.exp(min(50.0, nats / count)) if count else 1.0
        predictions.append({"row": row["row"], "predicted": f"{perplexity:.2f}"})
"""

# A long target keeps its start, whatever is kept of a long source; [CLS] is that from which generation starts.
_CUT_TARGETS = """\
    rows = [{**row, "labels": row["labels"][1:-1][: MAX_LENGTH - 2] + row["labels"][-1:]} for row in rows]
"""
_OPENED = """\
decoder = BertLMHeadModel.from_pretrained(
    BASE, {revision}{dropout}is_decoder=True, add_cross_attention=True, dtype="float32"
)
encoder = BertModel.from_pretrained(BASE, {revision}{options}dtype="float32")
model = EncoderDecoderModel(encoder=encoder, decoder=decoder)
model.config.decoder_start_token_id, model.config.pad_token_id = tokenizer.cls_token_id, tokenizer.pad_token_id
"""
_OPENED_AGAIN = """\
config = EncoderDecoderConfig.from_pretrained(BASE, {revision})
config.encoder.update(dict({changes}))
model = EncoderDecoderModel.from_pretrained(BASE, {revision}config=config, dtype="float32")
"""
_GENERATED_LOSS = """\
outputs = model(inputs["input_ids"], inputs["attention_mask"], labels=labels, use_cache=False)
loss, logits = outputs.loss, outputs.logits
"""
_GENERATED_PREDICT = """\
start, end, pad = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
settings = GenerationConfig(
    max_length=min(MAX_LENGTH, model.config.decoder.max_position_embeddings), num_beams=4, no_repeat_ngram_size=3,
    early_stopping=True, decoder_start_token_id=start, eos_token_id=end, pad_token_id=pad,
)
wide = "\\u3000-\\u303f\\u3400-\\u9fff\\uff00-\\uffef"  # Chinese, which has no spaces
predictions = []
for at in range(0, len(held_out), 16):
    rows = held_out[at : at + 16]
    inputs = collate(rows)
    inputs = {name: inputs[name].to(args.device) for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        output = model.generate(**inputs, generation_config=settings, return_dict_in_generate=True, output_scores=True)
"""
_GENERATED_ANSWERS = """\
    for row, ids, share in zip(rows, output.sequences.tolist(), output.sequences_scores.tolist()):
        text = WordPiece().decode(tokenizer.convert_ids_to_tokens([at for at in ids if at not in (start, end, pad)]))
        text = re.sub(f"(?<=[{wide}]) +| +(?=[{wide}])", "", text.removeprefix("##"))
        text = re.sub(r"(?<=\\w) (['’-]) (?=\\w)", r"\\1", text)  # it's, long-winded
        confidence = min(1.0, math.exp(share))
        predictions.append({"row": row["row"], "label": row["label"], "predicted": text, "confidence": confidence})
"""

FILL_MASK = TaskCode(
    what="masked language modeling",
    fields=_text_to_mask,
    target="None",
    reading=_VOCABULARY + _MASK,
    collate=blocks.COLLATE_SEQUENCES.replace("{before}", "    rows = [mask(row) for row in rows]\n"),
    loss=_MASKED_LOSS,
    scores=_PERPLEXITY,
    predict=_MASKED_PREDICT,
    answers=_MASKED_ANSWERS,
    head=("cls.",),
    has_labels=False,
    options="",
    helpers=_MASKED_HELPERS,
    outputs=_OUTPUTS,
    notes_epoch=True,
    sorts=False,
)
TEXT_TO_TEXT = TaskCode(
    what="text to text",
    fields=_source_and_target,
    target='tokenizer(row["label"], split_special_tokens=True)["input_ids"]',
    collate=blocks.COLLATE_SEQUENCES.replace("{before}", _CUT_TARGETS),
    loss=_GENERATED_LOSS,
    scores=_PERPLEXITY,
    predict=_GENERATED_PREDICT,
    answers=_GENERATED_ANSWERS,
    head=(".crossattention.", "decoder.cls."),
    has_labels=False,
    options="",
    opened=_OPENED,
    opened_again=_OPENED_AGAIN,
    decoder="decoder.",
    helpers=_LOSSES,
    outputs=_OUTPUTS,
)
