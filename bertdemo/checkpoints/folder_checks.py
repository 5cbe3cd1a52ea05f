"""Whether a folder holds a BERT that can be trusted: a single one, or an encoder-decoder of two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertdemo.checkpoints import encoder_decoder, validation
from bertdemo.checkpoints.head_detection import with_labels
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.checkpoints.validation import Vetted
from bertdemo.errors import CheckpointBroken, TokensAddedTooMany
from bertdemo.hub.model_files import CONFIG_FILE, WEIGHTS_FILE


def check_folder(folder: Path, *, checkpoint: str | None = None) -> Vetted:
    """Check the config and the weights of `folder`, and that they fit each other.

    Raises HubNotBert for another architecture, CheckpointIncomplete, which names missing tensors of the encoder, and
    CheckpointBroken, which names the file at fault; `checkpoint` is the id in their messages (by default the folder's
    name).
    """
    name = checkpoint or folder.name
    raw = validation.read_config(folder / CONFIG_FILE, checkpoint=name)
    if raw.get("model_type") == encoder_decoder.MODEL_TYPE:
        return encoder_decoder.check(folder, raw, name)
    config = validation.clean_config(raw, checkpoint=name)
    weights = validation.check_weights(folder / WEIGHTS_FILE, checkpoint=name)
    validation.require_shapes(weights, validation.encoder_shapes(config), name)
    architecture = validation.architecture_of(raw)
    if not validation.mean_head_fits(config, weights, architecture):
        raise CheckpointBroken(checkpoint=name, file=WEIGHTS_FILE)
    return Vetted(with_labels(config, weights, architecture), weights, architecture)


class HubChecks:
    """The checks of a model from the Hub before and after its download; see `hub.models.ModelChecks`."""

    def config(self, path: Path, checkpoint: str) -> tuple[Mapping[str, Any], str]:
        """Return the checked config and the architecture that it names; CheckpointBroken, HubNotBert."""
        raw = validation.read_config(path, checkpoint=checkpoint)
        return validation.clean_config(raw, checkpoint=checkpoint), validation.architecture_of(raw)

    def tokenizer(self, folder: Path, checkpoint: str) -> None:
        """Raise CheckpointBroken where the tokenizer cannot be read, TokensAddedTooMany where it is too large."""
        try:
            SharedTokenizer.from_folder(folder)
        except CheckpointBroken as error:
            raise CheckpointBroken(checkpoint=checkpoint, file=error.values["file"]) from None
        except TokensAddedTooMany as error:
            raise TokensAddedTooMany(**{**error.values, "checkpoint": checkpoint}) from None

    def folder(self, folder: Path, checkpoint: str) -> None:
        """Raise what `check_folder` raises."""
        check_folder(folder, checkpoint=checkpoint)
