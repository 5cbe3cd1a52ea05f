"""How a script reads the rows of a data file, and how the text of a row becomes tokens.

In the templates, `{texts}` is what the tokenizer reads of a row; `{start}` and `{end}` are the tokens, special ones
included, that are kept of either end of a text that is too long.
"""

from __future__ import annotations

from dataclasses import dataclass

READ = '''
def read(path):
    """Return the rows of a file with their tokens, in its order."""
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    for row in rows:
{encode}
{target}
    return rows

'''


@dataclass(frozen=True)
class Encoding:
    """The lines in `read` that give a row its tokens."""

    cut: str
    """Where the start or the end of a text that is too long is kept, whichever the tokenizer is set to."""
    both: str
    """Where both ends are kept."""
    functions_of_both: str = ""
    """What `both` calls."""


_ONE = """\
row.update(tokenizer({texts}, split_special_tokens=True, truncation=True, max_length=MAX_LENGTH))
"""
ONE = Encoding(
    cut=_ONE,
    both="""\
row.update(tokenizer({texts}, split_special_tokens=True))
if len(row["input_ids"]) > MAX_LENGTH:  # both ends of the text are kept
    row.update({name: row[name][:{start}] + row[name][-{end}:] for name in INPUTS})
""",
)
TOGETHER = Encoding(
    cut=_ONE,
    both="row.update(encode({texts}))\n",
    functions_of_both='''
def encode(*texts):
    """Return the tokens of two texts; of a text that is too long, both ends are kept."""
    parts = [tokenizer(text, split_special_tokens=True, add_special_tokens=False)["input_ids"] for text in texts]
    rooms, room = [len(part) for part in parts], MAX_LENGTH - 3
    if sum(rooms) > room:  # the longer one is shortened first
        short = min(*rooms, room // 2)
        rooms = [room - short, short] if rooms[0] > rooms[1] else [short, room - short]
    ids, types = [tokenizer.cls_token_id], [0]
    for at, (part, room) in enumerate(zip(parts, rooms)):
        kept = part[: room - room // 2] + part[len(part) - room // 2 :] if len(part) > room else part
        ids, types = ids + kept + [tokenizer.sep_token_id], types + [at] * (len(kept) + 1)
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": [1] * len(ids)}

''',
)
"""Two texts as one sequence."""
APART = Encoding(
    cut="""\
for prefix, text in (("", row["text"]), ("pair_", row["pair"])):
    tokens = tokenizer(text, split_special_tokens=True, truncation=True, max_length=MAX_LENGTH)
    row.update({prefix + name: tokens[name] for name in INPUTS})
""",
    both="""\
for prefix, text in (("", row["text"]), ("pair_", row["pair"])):
    for name, ids in tokenizer(text, split_special_tokens=True).items():  # both ends of a long text are kept
        row[prefix + name] = ids if len(ids) <= MAX_LENGTH else ids[:{start}] + ids[-{end}:]
""",
)
"""Two texts as two sequences; the names of the second one begin with `pair_`."""
WITH_OFFSETS = Encoding(
    cut="""\
tokens = tokenizer(
    {texts}, split_special_tokens=True, truncation=True, max_length=MAX_LENGTH, return_offsets_mapping=True
)
row.update(tokens)
""",
    both="""\
row.update(tokenizer({texts}, split_special_tokens=True, return_offsets_mapping=True))
if len(row["input_ids"]) > MAX_LENGTH:  # both ends of the text are kept
    row.update({name: row[name][:{start}] + row[name][-{end}:] for name in (*INPUTS, "offset_mapping")})
""",
)
"""One text, with the code points of each token."""
