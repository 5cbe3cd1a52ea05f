"""The [CLS] vectors of held-out rows before and after training, on one plane; a file in the folder of a run."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bertdemo.processes import write_atomic

_LOG = logging.getLogger(__name__)
CLASS_MAP_FILE = "class_map.json"
# Rows on the map: at 380 pixels more points hide one another, and both passes over the texts stay within seconds.
MAP_ROWS = 120


@dataclass(frozen=True)
class MapPoint:
    """One held-out row: its number in the file, the beginning of its text, its label, and its point on the map."""

    row: int
    text: str
    label: str
    before: tuple[float, float]
    after: tuple[float, float]


@dataclass(frozen=True)
class RunMap:
    """The vectors of both models in the plane of the first two principal components of all of them together."""

    points: tuple[MapPoint, ...]
    # Shares of the variance along the two axes.
    explained: tuple[float, float]

    def write(self, folder: Path) -> None:
        """Write the map into the folder of a run, whole or not at all."""
        write_atomic(folder / CLASS_MAP_FILE, dumps(asdict(self), ensure_ascii=False, allow_nan=False))

    @classmethod
    def read(cls, folder: Path) -> RunMap | None:
        """Return the map of a run; None where it has none, or where the file cannot be read."""
        path = folder / CLASS_MAP_FILE
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _LOG.warning("unreadable map in %s: %s", path, error)
            return None
