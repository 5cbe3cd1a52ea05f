"""Progress of a download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class DownloadProgress:
    """Bytes downloaded, over all files of a download."""

    done_bytes: int
    total_bytes: int
    file: str
    """The file that is being downloaded."""

    @property
    def share(self) -> float:
        """The part that is done, from 0 to 1."""
        return min(1.0, max(0.0, self.done_bytes / self.total_bytes)) if self.total_bytes else 0.0


OnProgress = Callable[[DownloadProgress], None]
