"""The words beside the pictures of Inside BERT: what each shows and does not, short answers, where to read on."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.primitives import join, root

# The steps in their order; the last one has no number.
STEPS = (
    "tokens", "specials", "embeddings", "attention", "layers", "pooling", "head", "training_step", "before_after",
)  # fmt: skip

# Step -> the questions that are answered beside it.
ANSWERS = {
    "tokens": ("wordpiece", "uncased", "unknown"),
    "specials": ("segments", "mask"),
    "embeddings": ("positions", "pretraining_data"),
    "attention": ("scale", "sink", "heads"),
    "layers": ("residual", "best_layer"),
    "pooling": ("cls", "cosine"),
    "head": ("head_size", "pretraining", "generation"),
    "training_step": ("loss", "optimizer"),
    "before_after": ("which_weights", "hyperparameters"),
}

LINKS = {
    "devlin2019": "https://arxiv.org/abs/1810.04805",
    "vaswani2017": "https://arxiv.org/abs/1706.03762",
    "clark2019": "https://arxiv.org/abs/1906.04341",
    "reimers2019": "https://arxiv.org/abs/1908.10084",
    "jain2019": "https://arxiv.org/abs/1902.10186",
    "transformers": "https://huggingface.co/docs/transformers/model_doc/bert",
}
_LINKS_OF = {
    "tokens": ("devlin2019", "transformers"),
    "specials": ("devlin2019",),
    "embeddings": ("devlin2019",),
    "attention": ("vaswani2017", "clark2019", "jain2019"),
    "layers": ("devlin2019",),
    "pooling": ("reimers2019",),
    "head": ("devlin2019", "transformers"),
    "training_step": ("transformers",),
    "before_after": ("devlin2019",),
}


def step_title(step: str, lang: str) -> str:
    """Return a step's name with its number, for the bar that opens it."""
    number = STEPS.index(step) + 1
    title = translate(lang, f"inside.step.{step}.title")
    aside = translate(lang, f"inside.step.{step}.aside")
    return translate(
        lang, "inside.bar" if number < len(STEPS) else "inside.bar_last", n=number, title=title, aside=aside
    )


def render_captions(step: str, lang: str, *, kept: bool = False) -> str:
    """Say what the pictures of a step show and what they do not.

    `kept` is for before and after of a regression on an encoder that did not move.
    """
    ending = "_kept" if kept else ""
    shows, no = (translate(lang, f"inside.step.{step}.{part}{ending}") for part in ("shows", "not"))
    return root(f'<p class="bd-note"><span>{esc(shows)}</span> <span class="bd-not">{esc(no)}</span></p>')


def render_learn(step: str, lang: str) -> str:
    """Draw the questions of a step, closed, and the links for reading on."""
    answers = join(
        f'<details class="bd-learn" data-keep="learn-{esc(key)}"><summary>'
        f"{esc(translate(lang, f'inside.learn.{key}.q'))}</summary>"
        f"<p>{esc(translate(lang, f'inside.learn.{key}.a'))}</p></details>"
        for key in ANSWERS[step]
    )
    links = join(
        f'<a href="{LINKS[key]}" target="_blank" rel="noopener noreferrer">'
        f"{esc(translate(lang, f'inside.link.{key}'))}</a>"
        for key in _LINKS_OF[step]
    )
    read = esc(translate(lang, "inside.read"))
    return root(f'{answers}<p class="bd-read">{read} {links}</p>', "bd-beside")
