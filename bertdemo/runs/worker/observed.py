"""What a person watches while a model learns: five held-out texts at each epoch, and [CLS] vectors before and after.

Both come from the run's own weights and the code that serves predictions. None of it takes part in training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy.compare import class_map
from bertdemo.runs.class_map import MAP_ROWS, MapPoint, RunMap
from bertdemo.runs.held_out import SHORT, varied
from bertdemo.runs.worker.result import Prepared
from bertdemo.tasks.base import Inputs
from bertdemo.tasks.forward import Batch, Inference

if TYPE_CHECKING:
    from pathlib import Path

    from bertdemo.anatomy.layers import Floats
    from bertdemo.dataset.prepared import Part

# Held-out texts whose predictions are shown at each epoch: as many as fit beside the chart without scrolling.
WATCHED_ROWS = 5
# Characters of a text that are shown.
SHOWN_TEXT = SHORT


class Observed:
    """The rows of one run that are watched, and what its model says of them."""

    def __init__(self, prepared: Prepared, emit: Callable[..., None]) -> None:
        self._prepared, self._emit = prepared, emit
        self._before: Floats | None = None
        self._rows = self._chosen() if prepared.task.judges_alone else []

    def before_training(self, model: Any) -> None:
        """Note what the model says and where it puts [CLS] before its first step."""
        self.predict(model, step=0, epoch=0.0)
        self._before = self.vectors(model)

    def write_map(self, model: Any, folder: Path) -> None:
        """Write the map of the vectors before training and of those of the trained model, where it was trained."""
        if self._before is not None:
            self.map(self._before, self.vectors(model)).write(folder)

    def predict(self, model: Any, step: int, epoch: float) -> None:
        """Emit Watched: the predictions for the watched rows as the model is now; epoch 0 is before training."""
        if not self._rows:
            return
        part, task, labels = self._prepared.parts["validation"], self._prepared.task, self._prepared.labels
        table, targets = part.table, self._prepared.targets("validation")
        inputs = task.inputs(table, self._prepared.request.columns, [part.rows[at] for at in self._rows])
        predictions = task.predict_held_out(self._inference(model), inputs)
        rows: list[dict[str, Any]] = []
        for index, (at, prediction) in enumerate(zip(self._rows, predictions, strict=True)):
            judged = task.judge(prediction, targets[at], labels)
            rows.append(
                {
                    "row": table.row_numbers[part.rows[at]],
                    "text": inputs.texts[index][:SHOWN_TEXT],
                    "pair": inputs.pair(index)[:SHOWN_TEXT],
                    "label": judged.label[:SHOWN_TEXT],
                    "predicted": judged.predicted[:SHOWN_TEXT],
                    "degree": asdict(judged.degree),
                    "right": judged.right,
                }
            )
        # Weights that are NaN end the run a little later, with their own error.
        if all(math.isfinite(row["degree"]["value"]) for row in rows):
            self._emit("Watched", step=step, epoch=epoch, rows=rows)

    def vectors(self, model: Any) -> Floats:
        """Return the last vector of [CLS] of each row of the map, (rows, hidden), by the model as it is now."""
        import numpy as np

        encoder = self._prepared.task.encoder(model)

        def first_vectors(batch: Batch, _: list[int]) -> Floats:
            vectors: Floats = encoder(**batch).last_hidden_state[:, 0].float().cpu().numpy()  # (batch, hidden)
            return vectors

        inputs = self._map_inputs()
        rows = self._inference(model).forward(first_vectors, inputs.texts, inputs.pairs)
        return np.asarray(rows, dtype=np.float32)

    def map(self, before: Floats, after: Floats) -> RunMap:
        """Return both sets of vectors on one plane."""
        part, inputs = self._map_part, self._map_inputs()
        targets = [self._prepared.targets(self._map_name)[at] for at in self._map_rows()]
        labels = self._prepared.task.strata(targets, self._prepared.labels)
        flat = class_map(before, after, labels)
        points = zip(self._map_rows(), inputs.texts, labels, flat.base, flat.tuned, strict=True)
        return RunMap(
            tuple(
                MapPoint(part.table.row_numbers[part.rows[at]], text[:SHOWN_TEXT], label, old, new)
                for at, text, label, old, new in points
            ),
            flat.explained,
        )

    @property
    def _map_name(self) -> str:
        return "test" if "test" in self._prepared.parts else "validation"

    @property
    def _map_part(self) -> Part:
        return self._prepared.parts[self._map_name]

    def _map_rows(self) -> Sequence[int]:
        """Return the indices of the rows of the map: evenly spread, so that sorted rows keep all their labels."""
        count = len(self._map_part.rows)
        return range(0, count, max(1, -(-count // MAP_ROWS)))

    def _map_inputs(self) -> Inputs:
        part = self._map_part
        rows = [part.rows[at] for at in self._map_rows()]
        return self._prepared.task.inputs(part.table, self._prepared.request.columns, rows)

    def _inference(self, model: Any) -> Inference:
        return Inference(model.eval(), self._prepared.tokenizer, self._prepared.config.truncation)

    def _chosen(self) -> list[int]:
        """Return the indices of the watched rows, in their order."""
        texts, targets = self._prepared.inputs("validation").texts, self._prepared.targets("validation")
        return sorted(varied(texts, self._prepared.task.strata(targets, self._prepared.labels), WATCHED_ROWS))
