"""The code of a script around Trainer, in the order of the script; `writer` chooses what a run needs.

Each block repeats one module of the worker, which says why it is done so: `optimization.batches` (Order),
`optimization.optimizer` (MasterAdamW, the learning rates), `optimization.weights` (LoRA), `training` (Run). Braces
around a lowercase word are filled in by `writer`.
"""

COLLATE = '''
def collate(rows):
    """Return the tensors of a batch, padded to its longest row."""
    inputs = [{name: row[name] for name in INPUTS} for row in rows]
    return {**tokenizer.pad(inputs, return_tensors="pt"), "labels": torch.tensor([row["labels"] for row in rows])}

'''
COLLATE_SEQUENCES = '''
def collate(rows):
    """Return the tensors of a batch, padded to its longest row; -100 is no label."""
{before}\
    inputs = [{name: row[name] for name in INPUTS} for row in rows]
    labels = torch.nn.utils.rnn.pad_sequence([torch.tensor(row["labels"]) for row in rows], True, -100)
    return {**tokenizer.pad(inputs, return_tensors="pt"), "labels": labels}

'''
LENGTHS = 'lengths = [row["length"] for row in train]\n'
ROWS = """
train = read("train.jsonl")
lengths = [row["length"] for row in train]
validation = sorted(read("validation.jsonl"), key=lambda row: row["length"])
"""
WEIGHTS = """\
counts = np.bincount([row["labels"] for row in train], minlength=len(LABELS)).tolist()
label_weights = [len(train) / (np.count_nonzero(counts) * count) if count else 0.0 for count in counts]
"""
MEAN_LINEAR = '''
class BertMeanLinear(BertPreTrainedModel):
    """A linear layer on the mean of the last layer over the tokens of a text, without padding."""

    def __init__(self, config):
        super().__init__(config)
        self.bert, self.linear = BertModel(config, False), torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, attention_mask, **inputs):
        hidden = self.bert(attention_mask=attention_mask, **inputs).last_hidden_state.float()
        mask, dtype = attention_mask.unsqueeze(-1).float(), self.linear.weight.dtype
        return SequenceClassifierOutput(logits=self.linear(((hidden * mask).sum(1) / mask.sum(1)).to(dtype)))

'''
HEAD = """\
model.load_state_dict(load_file("head_at_start.safetensors"), strict=False)  # the head as it started
"""
LORA = """\
torch.manual_seed(args.seed)
adapted = r".*\\.attention\\.self\\.(query|value)"
lora.LoraModel(model, LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules=adapted), "default")
for name, weight in model.named_parameters():
    weight.requires_grad = weight.requires_grad or any(part in name for part in HEAD)
"""
FREEZE = """\
for name, weight in model.named_parameters():
    weight.requires_grad &= {unless}not any(part in name for part in FROZEN)
"""
# bfloat16 rounds the weights that stay as they are too.
FROZEN_WEIGHTS = """\
frozen = {name: weight.detach().clone() for name, weight in model.named_parameters() if not weight.requires_grad}
"""
# Frozen layers run without dropout; Trainer puts the whole model into training mode before each step.
NO_DROPOUT = """\
[part.eval() for name, part in {model}.named_modules() if any(key in f"{name}." for key in FROZEN)]
"""
# The learning rate of a weight over that of the encoder: another one of the head, of each layer, or of both.
SHARE_OF_HEAD = """\
share = HEAD_FACTOR if any(part in name for part in HEAD) else {share}
"""
SHARE_BY_LAYER = """\
layer, top = name.partition("encoder.layer.")[2].partition(".")[0], {config}.num_hidden_layers
depth = int(layer) + 1 if layer else 0 if "embeddings." in name else top  # the embeddings are below all layers
"""
DECAY = "LAYER_DECAY ** (top - depth)"
MASTER_ADAMW = '''
copies = {weight: weight.detach().float().requires_grad_() for weight in model.parameters() if weight.requires_grad}

class MasterAdamW(torch.optim.AdamW):
    """AdamW on float32 copies: a small update of a weight in bfloat16 itself would round to nothing."""

    def step(self, closure=None):
        for weight, copy in copies.items():
            copy.grad = None if weight.grad is None else weight.grad.float()
        super().step(closure)
        for weight, copy in copies.items():
            weight.data.copy_(copy)

'''
GROUPS = """
groups = {}  # (learning rate, weight decay) -> weights; biases and LayerNorm have no weight decay
for name, weight in model.named_parameters():
    if weight.requires_grad:
{share}\
        rate, decay = args.learning_rate{times}, args.weight_decay if weight.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append({weight})
groups = [{"params": weights, "lr": rate, "weight_decay": decay} for (rate, decay), weights in groups.items()]
optimizer = {optimizer}(groups, fused=True)
"""
ORDER = '''
class Order(list):
    """The rows of an epoch: random by its number and the seed alone{grouped}."""

    def set_epoch(self, epoch):
{noted}\
        order = np.random.default_rng([args.seed, epoch]).permutation(len(train)).tolist()
'''
IN_GROUPS = """\
        size = args.train_batch_size * max(1, min(50, len(order) // (args.train_batch_size * 4)))
        parts = [sorted(order[at : at + size], key=lambda row: -lengths[row]) for at in range(0, len(order), size)]
        longest = max(range(len(parts)), key=lambda at: lengths[parts[at][0]])
        parts[0][0], parts[longest][0] = parts[longest][0], parts[0][0]  # the longest row of all comes first
        self[:] = [row for part in parts for row in part]

"""
UNGROUPED = """\
        self[:] = order

"""
SCORES = '''
def scores(prediction):
    """Return the metrics of an evaluation."""
{body}

'''
RUN = '''
class Run(Trainer):
    """Trainer with the order, the loss and the best weights of the run."""

    best, best_step, weights = (-np.inf, -np.inf), 0, {}

    def _get_train_sampler(self, train_dataset=None):
        return Order(range(len(train)))

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
{frozen}\
{loss}
        return (loss, {outputs}) if return_outputs else loss

    def evaluate(self, *arguments, **options):
        with torch.random.fork_rng():  # evaluating changes no random number of the training
            metrics = super().evaluate(*arguments, **options)
        score = ({sign}metrics["eval_{metric}"], -metrics["eval_loss"])
        if score > self.best:
            self.best, self.best_step = score, self.state.global_step
            self.weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}
'''
KEPT = "weight.detach().clone() for name, weight in model.named_parameters()"
KEPT_COPIES = "copies.get(own, own).detach().clone() for name, own in model.named_parameters()"
STOP_EARLY = """\
        epochs = (self.state.global_step - self.best_step) * args.num_train_epochs / self.state.max_steps
        self.control.should_training_stop |= round(epochs) >= PATIENCE
"""
TRAIN = """
trainer = Run(model, args, collate, train, validation, compute_metrics=scores, optimizers=(optimizer, None))
{divide}trainer.train()
model.float().load_state_dict({weights}, strict=False)
"""
DIVIDE = "trainer.model_accepts_loss_kwargs = False  # the loss of a part is divided by the number of parts\n"
MERGE_LORA = """\
for name, module in list(model.named_modules()):
    if isinstance(module, lora.Linear):
        module.merge()
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, module.get_base_layer())
"""
SAVE = """
with open("predictions.jsonl", "w", encoding="utf-8") as file:
    file.writelines(json.dumps(row, ensure_ascii=False) + "\\n" for row in sorted(predictions, key=lambda p: p["row"]))
"""
