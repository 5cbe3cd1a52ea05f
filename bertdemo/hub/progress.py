"""How far a download is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is, in bytes over all its files."""

    done_bytes: int
    total_bytes: int
    file: str
    """The file that is coming in."""

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return min(1.0, max(0.0, self.done_bytes / self.total_bytes)) if self.total_bytes else 0.0


OnProgress = Callable[[DownloadProgress], None]
