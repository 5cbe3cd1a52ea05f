"""What a model of the Hub has to pass before and after its download; handed to `hub.models.Hub`, which is below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bertdemo.checkpoints import validation
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import CheckpointBroken


class HubChecks:
    """The checks of `checkpoints.validation`, in the form that the Hub asks for (`hub.models.ModelChecks`)."""

    def config(self, path: Path, checkpoint: str) -> tuple[dict[str, Any], str]:
        """Return the checked config and the architecture that it names; CheckpointBroken, HubNotBert."""
        raw = validation.read_config(path, checkpoint=checkpoint)
        return validation.clean_config(raw, checkpoint=checkpoint), validation.architecture_of(raw)

    def tokenizer(self, folder: Path, checkpoint: str) -> None:
        """Raise CheckpointBroken for a tokenizer that cannot be read."""
        try:
            SharedTokenizer.from_folder(folder)
        except CheckpointBroken as error:
            raise CheckpointBroken(checkpoint=checkpoint, file=error.values["file"]) from None

    def folder(self, folder: Path, checkpoint: str) -> None:
        """Raise what `validation.check_folder` raises."""
        validation.check_folder(folder, checkpoint=checkpoint)
