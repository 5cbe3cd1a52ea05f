"""The code of a script whose encoder is not trained by Trainer: a linear probe, and contrastive tuning.

The blocks repeat `runs.worker.regression` (the probe), `runs.worker.few_shot` (the tuning) and
`runs.recipes.contrastive` (the batches).
"""

from __future__ import annotations

from collections.abc import Iterator

from bertdemo.analysis.baselines import ITERATIONS
from bertdemo.sharing.script.run import ScriptRun
from bertdemo.sharing.script.settings import model_options

_ENCODER = '''
train = read("train.jsonl")
encoder = BertModel.from_pretrained(
    BASE, {revision}{options}add_pooling_layer=False, dtype="float32"
){device}.eval()

def means(rows):
    """Return the mean vector of the last layer of each row, without padding."""
    inputs = [{name: row[name] for name in INPUTS} for row in rows]
    inputs = tokenizer.pad(inputs, return_tensors="pt"){device}
{hidden}
    mask = inputs["attention_mask"].unsqueeze(-1).float()
    return (hidden.float() * mask).sum(1) / mask.sum(1)

def batches(rows, size):
    """Yield the rows in batches of similar length."""
    for start in range(0, len(rows), 4096):
        part = sorted(rows[start : start + 4096], key=lambda row: row["length"])
        yield from (part[at : at + size] for at in range(0, len(part), size))

'''
_HIDDEN = "    hidden = encoder(**inputs).last_hidden_state"
_HIDDEN_CAST = """\
    with torch.autocast(encoder.device.type, torch.{precision}, enabled=encoder.training):
        hidden = encoder(**inputs).last_hidden_state"""
_DECK = '''
class Deck:
    """Items in random order, each once before any comes again."""

    def __init__(self, items, draw):
        self.items, self.draw, self.left = list(items), draw, []

    def take(self, count):
        taken, self.left = self.left[:count], self.left[count:]
        missing = min(count, len(self.items)) - len(taken)
        if missing > 0:
            fresh = self.draw.sample(self.items, len(self.items))
            further = [item for item in fresh if item not in taken][:missing]
            self.left = [item for item in fresh if item not in further]
            taken = taken + further
        return taken

by_label = {}
for row, label in enumerate(row["labels"] for row in train):
    by_label.setdefault(label, []).append(row)
draw = random.Random(SEED)
decks = {label: Deck(rows, draw) for label, rows in by_label.items()}
labels = Deck(decks, draw)
at_once = min(len(decks), max(2, BATCH_SIZE // 2))  # labels of a batch

'''
_DRAWN = """\
    rows = [row for label in labels.take(at_once) for row in decks[label].take(max(1, BATCH_SIZE // at_once))]
"""
_WHOLE = """\
    rows = list(range(len(train)))
"""
_SOFTMAX_LOSS = """\
    itself = torch.eye(len(rows), dtype=torch.bool, device=unit.device)
    same = (targets[:, None] == targets[None, :]) & ~itself
    likely = torch.log_softmax((unit @ unit.T / 0.1).masked_fill(itself, -torch.inf), dim=1).masked_fill(~same, 0.0)
    paired = same.any(1)  # a row that is alone with its label says nothing
    loss = -(likely.sum(1)[paired] / same.sum(1)[paired]).sum() / paired.sum().clamp(min=1)
"""
_PAIR_LOSS = """\
    same = (targets[:, None] == targets[None, :]).to(unit.dtype)  # the cosine that each pair is drawn towards
    first, second = torch.triu_indices(len(rows), len(rows), offset=1, device=unit.device)
    loss = ((unit @ unit.T - same)[first, second] ** 2).mean()
"""
_TUNE = """
weights = list(encoder.parameters())
decayed, others = [it for it in weights if it.ndim > 1], [it for it in weights if it.ndim <= 1]
groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE)
steps = -(-len(train) // BATCH_SIZE) * EPOCHS
rise = max(1.0, WARMUP * steps)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: min((at + 1) / rise, (steps - at) / steps))
torch.manual_seed(SEED)
encoder.train()
for step in range(steps):
{rows}\
    rows = sorted((train[row] for row in rows), key=lambda row: row["length"])  # read in parts of similar length
    vectors = torch.cat([means(rows[at : at + 16]) for at in range(0, len(rows), 16)])
    targets = torch.tensor([row["labels"] for row in rows], device=vectors.device)
    unit = torch.nn.functional.normalize(vectors, dim=1)
{loss}\
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    schedule.step()
    print(f"step {step + 1} of {steps}: loss {loss.item():.4f}")
encoder.eval()
"""
_FIT = """
with torch.inference_mode():
    for rows in batches(train, BATCH_SIZE):
        for row, vector in zip(rows, means(rows)):
            row["vector"] = vector.cpu().numpy()
vectors = np.stack([row["vector"] for row in train])
{directions}\
with threadpool_limits(limits=1, user_api="blas"):
    probe = LogisticRegression(C=1.0, max_iter={iterations}).fit(vectors, [row["label"] for row in train])
weight, bias = probe.coef_.astype(np.float32), probe.intercept_.astype(np.float32)
if len(weight) == 1:  # one row of weights for two labels: half of it for each side
    weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
head = torch.nn.Linear(weight.shape[1], len(LABELS)){device}.requires_grad_(False)
head.weight[:], head.bias[:] = 0.0, float(bias.min() - 30)  # a label without training rows is never predicted
at = [LABELS.index(label) for label in probe.classes_]
head.weight[at], head.bias[at] = torch.from_numpy(weight){device}, torch.from_numpy(bias){device}

predictions = []
for rows in batches(read("{part}.jsonl"), 32):
    with torch.inference_mode():
        probabilities = head(means(rows)).softmax(-1).tolist()
"""
_DIRECTIONS = """\
norms = np.linalg.norm(vectors, axis=1, keepdims=True)  # all vectors are fitted at their mean L2 norm
vectors = np.asarray(vectors / np.maximum(norms, np.finfo(np.float32).tiny) * norms.mean(), dtype=np.float32)
"""


def by_probe(run: ScriptRun) -> Iterator[str]:
    """Yield the blocks after those that read the rows."""
    device = "" if run.on_cpu else '.to("cuda")'
    cast = run.config.contrastive and run.record.precision != "float32"
    hidden = _HIDDEN_CAST.replace("{precision}", run.record.precision) if cast else _HIDDEN
    revision = "revision=COMMIT, " if run.record.base.commit else ""
    yield (
        _ENCODER.replace("{hidden}", hidden)
        .replace("{revision}", revision)
        .replace("{options}", model_options(run))
        .replace("{device}", device)
    )
    if run.config.contrastive:
        yield from _tuning(run)
    directions = _DIRECTIONS if run.config.contrastive else ""
    text = (
        _FIT.replace("{directions}", directions).replace("{device}", device).replace("{part}", run.record.evaluated_on)
    )
    yield text.replace("{iterations}", str(ITERATIONS))
    yield run.code.answers


def _tuning(run: ScriptRun) -> Iterator[str]:
    whole = run.train_rows <= (run.config.batch_size or 0)
    if not whole:
        yield _DECK
    text = _TUNE.replace("{rows}", _WHOLE if whole else _DRAWN)
    yield text.replace("{loss}", _PAIR_LOSS if whole else _SOFTMAX_LOSS)
