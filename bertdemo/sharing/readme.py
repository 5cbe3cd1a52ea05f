"""The README in the zip of a checkpoint that plain transformers does not load: what it is, and the code that loads it.

It is for whoever unpacks the zip, so it is in both languages, whatever the language of the page.
"""

from __future__ import annotations

from bertdemo.checkpoints import Card

# In the card of the zip.
NOTE = "Plain BertForSequenceClassification does not load this checkpoint; README.md has the few lines that do."

_TEXT = """\
# BERT with a linear layer on the mean of its vectors

A text goes through BERT, the last layer's vectors of all its tokens are averaged (padding left out), and one linear
layer turns that mean into {labels} logits. There is no pooler and no classifier on [CLS]. **Plain
`BertForSequenceClassification` does not load it**: it would take the encoder and put a random head on top. Encoder and
linear layer (`linear.weight`, `linear.bias`) lie in one `model.safetensors`; these lines read both:

文本经过 BERT，最后一层所有词元的向量取平均（不计填充），再由一个线性层得到 {labels} 个 logit，没有池化层，
也没有接在 [CLS] 上的分类头。**普通的 `BertForSequenceClassification` 加载不了它**：那样得到的是编码器加一个随机的
分类头。编码器和线性层都在 `model.safetensors` 里，用下面几行代码读取：

```python
{code}```

Base: {base}. Trained on {rows} rows. At most {max_length} tokens of a text are read.
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
    return _TEXT.format(code=code, **values)
