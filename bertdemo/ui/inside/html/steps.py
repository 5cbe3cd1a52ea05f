"""The steps of Inside BERT in their order, the caption of each picture, and the drawer below the stage."""

from __future__ import annotations

from bertdemo.i18n.translation import translate
from bertdemo.ui.html.escape import esc
from bertdemo.ui.html.glossary import Glossary
from bertdemo.ui.html.pictures import code
from bertdemo.ui.html.primitives import caption, join, root

STEPS = (
    "what", "tokens", "specials", "embeddings", "attention", "layers", "pooling", "head", "training_step",
    "before_after",
)  # fmt: skip
# The step that a visit begins with.
FIRST = "attention"

# Every picture that has a caption, in the order of the page.
CAPTIONS = (
    "map", "tokens", "word", "specials", "segments", "mask", "embeddings", "positions", "overview", "arcs", "matrix",
    "numbers", "ablation", "path", "layers", "pooling", "head", "number", "tags", "spans", "writes", "fill", "norms",
    "update", "class_map", "movement", "difference", "probabilities",
)  # fmt: skip

# Step -> the questions that are answered in its drawer.
ANSWERS = {
    "what": ("pretraining_data", "pretraining", "generation"),
    "tokens": ("wordpiece", "uncased", "unknown"),
    "specials": ("segments", "mask"),
    "embeddings": ("positions",),
    "attention": ("scale", "sink", "heads"),
    "layers": ("residual", "best_layer"),
    "pooling": ("cls", "cosine"),
    "head": ("head_size",),
    "training_step": ("training", "loss", "optimizer"),
    "before_after": ("which_weights",),
}

LINKS = {
    "devlin2019": "https://arxiv.org/abs/1810.04805",
    "vaswani2017": "https://arxiv.org/abs/1706.03762",
    "clark2019": "https://arxiv.org/abs/1906.04341",
    "reimers2019": "https://arxiv.org/abs/1908.10084",
    "jain2019": "https://arxiv.org/abs/1902.10186",
    "transformers": "https://huggingface.co/docs/transformers/model_doc/bert",
}
LINKS_OF = {
    "what": ("devlin2019", "vaswani2017"),
    "tokens": ("devlin2019", "transformers"),
    "specials": ("devlin2019",),
    "embeddings": ("devlin2019",),
    "attention": ("vaswani2017", "clark2019", "jain2019"),
    "layers": ("devlin2019",),
    "pooling": ("reimers2019",),
    "head": ("devlin2019", "transformers"),
    "training_step": ("devlin2019", "transformers"),
    "before_after": ("devlin2019",),
}


def title(step: str, lang: str) -> str:
    """Return the name of a step."""
    return translate(lang, f"inside.step.{step}")


def says(name: str, lang: str) -> str:
    """Draw the caption of one picture."""
    return caption(translate(lang, f"inside.caption.{name}"))


def render_drawer(step: str, script: str, lang: str, *, kept: bool = False) -> str:
    """Draw the row of buttons below a stage, each with its panel: limits, code, questions, reading.

    `script` is the code of the step, "" where it has none; `kept` is for before and after of a linear probe, whose
    encoder did not move.
    """
    limits = translate(lang, f"inside.not.{step}_kept" if kept else f"inside.not.{step}")
    panels = [("not", f"<p>{esc(limits)}</p>")]
    if script:
        panels.append(("code", code(script, translate(lang, "inside.copy"))))
    panels += [("questions", _answers(step, lang)), ("read", _links(step, lang))]
    return root(join(_panel(step, name, html, lang) for name, html in panels), "bd-drawer")


def _panel(step: str, name: str, html: str, lang: str) -> str:
    # One name for all of a stage: the browser closes the panel that was open.
    return (
        f'<details name="bd-drawer" data-keep="{esc(step)}-{name}"><summary>'
        f"{esc(translate(lang, f'inside.drawer.{name}'))}</summary><div>{html}</div></details>"
    )


def _answers(step: str, lang: str) -> str:
    prefix = "inside.what.learn" if step == "what" else "inside.learn"
    glossary = Glossary(lang)
    return join(
        f"<h3>{esc(translate(lang, f'{prefix}.{name}.q'))}</h3>"
        f"<p>{glossary.mark(translate(lang, f'{prefix}.{name}.a'))}</p>"
        for name in ANSWERS[step]
    )


def _links(step: str, lang: str) -> str:
    links = join(
        f'<a href="{LINKS[name]}" target="_blank" rel="noopener noreferrer">'
        f"{esc(translate(lang, f'inside.link.{name}'))}</a>"
        for name in LINKS_OF[step]
    )
    return f'<p class="bd-read">{links}</p>'
