"""The README in the zip of a checkpoint that no class of transformers loads: what it is, and the code that loads it.

It is for whoever unpacks the zip, so it is in both languages, whatever the language of the page.
"""

from __future__ import annotations

from bertdemo.checkpoints import Card

# In the card of the zip.
NOTE = "Do not load this checkpoint with BertForSequenceClassification; README.md has the code that loads it."

TEXT = """\
# BERT with a linear layer on the mean of its vectors

BERT reads a text, the last layer's vectors of all its tokens are averaged (without padding), and a linear layer turns
the mean into {labels} logits. There is no pooler and no classifier on [CLS]. **Do not load it with
`BertForSequenceClassification`**: that loads the encoder and adds a random head, without an error. The encoder and the
linear layer (`linear.weight`, `linear.bias`) are in one `model.safetensors`; this code loads both:

文本经过 BERT 后，对最后一层全部词元的向量取平均（不含填充），再由一个线性层得到 {labels} 个 logit。没有池化层，
也没有接在 [CLS] 上的分类头。**请不要用 `BertForSequenceClassification` 加载**：它只会加载编码器，再加一个随机的
分类头，而且不报错。编码器和线性层（`linear.weight`、`linear.bias`）都在 `model.safetensors` 里，加载代码如下：

```python
{code}```

Base model: {base}. Trained on {rows} rows. Maximum length: {max_length} tokens.

基础模型：{base}。训练数据：{rows} 行。最大长度：{max_length} 个词元。
"""

_CODE = """\
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertModel

name = "."  # the folder with this file
texts = ["The violin stayed in its case.", "Nobody played it."]
tokenizer = AutoTokenizer.from_pretrained(name)
model = BertModel.from_pretrained(name, dtype="float32", add_pooling_layer=False)
head = load_file(f"{{name}}/model.safetensors")
inputs = tokenizer(texts, padding=True, truncation=True, max_length={max_length},
                   split_special_tokens=True, return_tensors="pt")
hidden, mask = model(**inputs).last_hidden_state, inputs["attention_mask"].unsqueeze(-1)
mean = (hidden * mask).sum(1) / mask.sum(1)
logits = (mean @ head["linear.weight"].T + head["linear.bias"]).detach()
print([model.config.id2label[best] for best in logits.argmax(-1).tolist()], logits.softmax(-1))
"""


def mean_linear_readme(card: Card) -> str:
    """Return the README of a checkpoint whose head is a linear layer on the mean; it has no text of a visitor."""
    code = _CODE.format(max_length=card.max_length)
    values = {"labels": len(card.labels), "base": card.base, "rows": card.rows, "max_length": card.max_length}
    return TEXT.format(code=code, **values)
