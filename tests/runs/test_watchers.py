"""What the watchers of a training report, and when; without a model."""

from __future__ import annotations

import math
from typing import Any

from bertdemo.runs.worker.optimization.watchers import Watchers
from bertdemo.tasks import find
from bertdemo.tasks.base import LossOptions


class Log:
    """Watchers, and the keys of what they have reported."""

    def __init__(self, **options: Any) -> None:
        self.reports: list[tuple[str, dict[str, Any]]] = []
        self.watchers = Watchers(lambda key, values: self.reports.append((key, dict(values))), **options)

    def epoch(self, share: float, *, loss: float = 0.5, train: float = 0.5, only: str = "", best_step: int = 9) -> None:
        self.watchers.on_loss(train)
        self.watchers.on_evaluation(share=share, loss=loss, only_label=only, best_step=best_step)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.reports]


def test_a_training_that_goes_well_is_not_commented() -> None:
    log = Log(chance=math.log(2), from_probe=True)
    for epoch, loss in enumerate((0.6, 0.5, 0.45, 0.46, 0.44), start=1):
        log.epoch(epoch / 5, loss=loss, train=loss)
    assert log.reports == []


def test_one_predicted_label_is_reported_once_and_not_in_the_first_epochs() -> None:
    log = Log()
    for epoch in range(1, 6):
        log.epoch(epoch / 5, only="yes")
        assert log.keys == ([] if epoch < 2 else ["warning.one_class"])
    assert log.reports[0][1] == {"label": "yes"}


def test_a_loss_that_stays_at_chance_is_reported_with_both_figures() -> None:
    log = Log(chance=math.log(4))
    log.epoch(0.2, train=1.4)
    log.epoch(0.4, train=1.39)
    assert log.reports == [("warning.loss_of_chance", {"loss": 1.39, "chance": 1.386})]
    fine = Log(chance=math.log(4))
    fine.epoch(1.0, train=1.3)
    assert fine.reports == []


def test_each_epoch_is_judged_by_its_own_losses() -> None:
    log = Log(chance=math.log(2))
    log.epoch(0.5, train=0.3)
    log.epoch(1.0, train=0.7)
    assert log.keys == ["warning.loss_of_chance"]


def test_a_validation_loss_that_rises_twice_well_above_the_lowest_is_overfitting() -> None:
    log = Log()
    for share, loss in ((0.2, 0.5), (0.4, 0.51)):
        log.epoch(share, loss=loss)
    assert log.reports == []
    log.epoch(0.6, loss=0.6)
    assert log.reports == [("warning.loss_rises", {"evaluations": 2})]
    small = Log()
    for share, loss in ((0.3, 0.5), (0.6, 0.505), (1.0, 0.51)):
        small.epoch(share, loss=loss)
    assert small.reports == []


def test_a_probe_that_is_not_beaten_in_two_epochs_is_reported_only_of_a_run_that_started_from_one() -> None:
    for from_probe, expected in ((True, ["warning.probe_not_beaten"]), (False, [])):
        log = Log(from_probe=from_probe)
        log.epoch(0.0, best_step=0)
        log.epoch(0.3, best_step=0)
        assert log.reports == []
        log.epoch(0.6, best_step=0)
        assert log.keys == expected


def test_the_loss_of_chance_is_ln_k_for_balanced_labels_and_lower_for_frequent_ones() -> None:
    task = find("classification")
    assert math.isclose(task.chance_loss([0, 1, 2, 3] * 5) or 0, math.log(4))
    uneven = task.chance_loss([0] * 9 + [1]) or 0
    assert math.isclose(uneven, -(0.9 * math.log(0.9) + 0.1 * math.log(0.1)))
    assert math.isclose(task.chance_loss([0] * 9 + [1], LossOptions((0.55, 5.0))) or 0, math.log(2))
    assert task.chance_loss([0, 1], LossOptions(smoothing=0.1)) is None
    assert find("similarity").chance_loss([0.5, 0.7]) is None
