"""What is watched of a run comes from its own weights: the predictions of each epoch, and the map of [CLS] vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bertdemo import tasks
from bertdemo.anatomy.compare import class_map
from bertdemo.checkpoints import Catalogue
from bertdemo.runs import events as ev
from bertdemo.runs.class_map import CLASS_MAP_FILE, MAP_ROWS, MapPoint, RunMap
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.runs.worker.observed import WATCHED_ROWS
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tasks.base import Inputs
from tests.runs.conftest import Work
from tests.runs.support import events_of
from tests.runs.test_every_task import SAMPLES, request_of

pytestmark = pytest.mark.slow
# Both sides compute in float32, in batches of other sizes.
TOLERANCE = 2e-4
POSITIONS = 128
"""Of the tiny checkpoint: training cuts no text there, as `/embed` does not."""


def _distances(points: Sequence[tuple[float, float]]) -> np.ndarray:
    array = np.asarray(points)
    return np.linalg.norm(array[:, None] - array[None, :], axis=-1)


def test_the_last_watched_predictions_are_those_of_the_checkpoint(
    work: Work, registry: Registry, own_settings: Settings
) -> None:
    folder = work(request_of("classification", max_length=POSITIONS))
    watched = status_of(registry.read(folder.name, "")).watched
    assert [event.epoch for event in watched] == [0.0, 1.0]
    assert [[row.row for row in event.rows] for event in watched] == [[row.row for row in watched[0].rows]] * 2
    assert len(watched[0].rows) == WATCHED_ROWS
    assert len({row.label for row in watched[0].rows}) == WATCHED_ROWS  # the sample has six labels
    predictor = Predictor(own_settings, Catalogue(own_settings))
    texts = [row.text for row in watched[1].rows]
    for row, prediction in zip(watched[1].rows, predictor.predict_many(Inputs(texts), folder.name, ""), strict=True):
        best = prediction.labels[0]
        assert row.predicted == best.label
        assert math.isclose(float(row.degree["value"]), best.score, abs_tol=TOLERANCE)


def test_the_map_is_that_of_the_vectors_that_embed_returns(
    work: Work, registry: Registry, own_settings: Settings
) -> None:
    folder = work(request_of("classification", max_length=POSITIONS))
    drawn = registry.class_map(folder.name, "")
    assert drawn is not None
    assert 10 < len(drawn.points) <= MAP_ROWS
    predictor = Predictor(own_settings, Catalogue(own_settings))
    whole = {row["row"]: str(row["text"]) for row in registry.evaluation(folder.name, "")}
    texts = [whole[point.row] for point in drawn.points]
    assert all(text.startswith(point.text) for text, point in zip(texts, drawn.points, strict=True))
    base, tuned = (
        np.asarray(predictor.embed(texts, checkpoint, "cls", ""), dtype=np.float32)
        for checkpoint in ("local:tiny", folder.name)
    )
    expected = class_map(base, tuned, [point.label for point in drawn.points])
    before, after = [point.before for point in drawn.points], [point.after for point in drawn.points]
    for ours, theirs in ((before, expected.base), (after, expected.tuned)):
        np.testing.assert_allclose(_distances(ours), _distances(theirs), atol=TOLERANCE)
    assert len({point.label for point in drawn.points}) == WATCHED_ROWS + 1  # the sample has six labels


@pytest.mark.parametrize("task", [task for task in SAMPLES if task != "classification"])
def test_every_task_has_a_map_and_is_watched_where_a_row_can_be_judged_alone(
    task: str, work: Work, registry: Registry
) -> None:
    folder = work(request_of(task))
    assert registry.class_map(folder.name, "") is not None
    watched = events_of(folder, ev.Watched)
    assert len(watched) == (2 if tasks.find(task).judges_alone else 0)


def test_a_torn_map_is_no_map(tmp_path: Path) -> None:
    whole = RunMap((MapPoint(2, "a", "b", (0.0, 0.5), (1.0, 0.25)),), (0.5, 0.25))
    whole.write(tmp_path)
    assert RunMap.read(tmp_path) == whole
    text = (tmp_path / CLASS_MAP_FILE).read_text(encoding="utf-8")
    (tmp_path / CLASS_MAP_FILE).write_text(text[: len(text) // 2], encoding="utf-8")
    assert RunMap.read(tmp_path) is None
    assert RunMap.read(tmp_path / "nothing") is None
