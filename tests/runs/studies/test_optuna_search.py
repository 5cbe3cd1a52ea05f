"""Optuna's journal: the same trials after a kill, torn lines, repeated settings, and when importances are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertdemo.errors import SearchBroken
from bertdemo.runs.studies.optuna_search import ENOUGH_TRIALS, JOURNAL, OptunaSearch
from bertdemo.runs.studies.study import Dimension, Trial, Variant

RATE = Dimension("learning_rate", "log", 1e-4, 2e-5, 5e-4)
EPOCHS = Dimension("epochs", "int", 3, 1, 6)
BATCH = Dimension("batch_size", "choice", 16, choices=(8, 16, 32))
SPACE = (RATE, EPOCHS, BATCH)


def search_in(folder: Path, space: tuple[Dimension, ...] = SPACE) -> OptunaSearch:
    return OptunaSearch(folder, space, lower_is_better=False)


def asked(search: OptunaSearch, recorded: list[Trial]) -> Trial:
    """Ask for a trial and record it."""
    answer = search.ask(recorded)
    assert answer
    number, settings = answer
    recorded.append(Trial(len(recorded), "trial", Variant(dict(settings)), asked=number, state="finished"))
    return recorded[-1]


def score(trial: Trial) -> float:
    return 0.9 - abs(float(trial.variant.settings["learning_rate"] or 0) - 2e-4) * 1000


def test_the_first_trial_has_the_defaults_and_each_process_goes_on_as_one_that_was_never_killed(
    tmp_path: Path,
) -> None:
    settings = []
    for name, every_time in (("one", False), ("killed", True)):
        folder = tmp_path / name
        folder.mkdir()
        search, recorded = search_in(folder), list[Trial]()
        for _ in range(6):
            search = search_in(folder) if every_time else search
            trial = asked(search, recorded)
            assert trial.asked is not None
            search.tell(trial.asked, score(trial))
            search.tell(trial.asked, 0.0)  # told again after a kill: the first answer holds
        settings.append([dict(trial.variant.settings) for trial in recorded])
    assert settings[0][0] == {"learning_rate": 1e-4, "epochs": 3, "batch_size": 16}
    assert settings[0] == settings[1]
    assert len({str(one) for one in settings[0]}) == 6
    assert all(2e-5 <= float(one["learning_rate"] or 0) <= 5e-4 and one["batch_size"] in (8, 16, 32)
               for one in settings[0])  # fmt: skip


def test_a_trial_that_was_asked_for_but_not_recorded_fails_and_the_defaults_still_come_first(tmp_path: Path) -> None:
    search_in(tmp_path).ask([])  # killed before the answer was stored
    recorded: list[Trial] = []
    trial = asked(search_in(tmp_path), recorded)
    assert (trial.asked, dict(trial.variant.settings)["learning_rate"]) == (1, 1e-4)


def test_a_torn_line_at_the_end_of_the_journal_is_cut_off(tmp_path: Path) -> None:
    recorded: list[Trial] = []
    trial = asked(search_in(tmp_path), recorded)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"half a li')
    search = search_in(tmp_path)
    assert trial.asked is not None
    search.tell(trial.asked, 0.5)
    asked(search, recorded)
    assert b"half" not in (tmp_path / JOURNAL).read_bytes()


def test_a_damaged_journal_is_a_broken_search_and_nothing_worse(tmp_path: Path) -> None:
    asked(search_in(tmp_path), [])
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    for damaged in (b"{}\n", b"nonsense\n"):
        (tmp_path / JOURNAL).write_bytes(b"".join([lines[0], damaged, *lines[1:]]))
        with pytest.raises(SearchBroken):
            search_in(tmp_path).ask([])
    (tmp_path / JOURNAL).unlink()
    for lost in (lambda: search_in(tmp_path).tell(0, 0.5), lambda: search_in(tmp_path).should_prune(0, [0.5])):
        with pytest.raises(SearchBroken):
            lost()


def test_settings_that_were_tried_are_not_tried_again_and_a_small_space_is_used_up(tmp_path: Path) -> None:
    search, recorded = search_in(tmp_path, (Dimension("layers", "int", 2, 1, 2),)), list[Trial]()
    for value in (0.5, 0.6):
        trial = asked(search, recorded)
        assert trial.asked is not None
        search.tell(trial.asked, value)
    assert [trial.variant.settings["layers"] for trial in recorded] == [2, 1]
    assert search.ask(recorded) is None


def test_a_trial_below_the_median_is_pruned_once_three_have_a_score(tmp_path: Path) -> None:
    search, recorded = search_in(tmp_path), list[Trial]()
    for value in (0.7, 0.8, 0.9):
        trial = asked(search, recorded)
        assert trial.asked is not None
        assert not search.should_prune(trial.asked, [value - 0.1])
        assert not search.should_prune(trial.asked, [value - 0.1, value])
        search.tell(trial.asked, value)
    trial = asked(search, recorded)
    assert trial.asked is not None
    assert search.should_prune(trial.asked, [0.2]) and search.should_prune(trial.asked, [0.2])
    search.tell(trial.asked, None, pruned=True)
    assert not search.should_prune(trial.asked, [0.2])  # it has ended


def test_what_mattered_is_told_from_ten_scores_on(tmp_path: Path) -> None:
    search, recorded = search_in(tmp_path), list[Trial]()
    for number in range(ENOUGH_TRIALS):
        assert search.importances() == {}
        trial = asked(search, recorded)
        assert trial.asked is not None
        search.tell(trial.asked, score(trial))
        assert number == trial.asked
    shares = search.importances()
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.__getitem__) == "learning_rate"


def test_equal_scores_have_no_cause(tmp_path: Path) -> None:
    search, recorded = search_in(tmp_path), list[Trial]()
    for _ in range(ENOUGH_TRIALS):
        trial = asked(search, recorded)
        assert trial.asked is not None
        search.tell(trial.asked, 0.5)
    assert search.importances() == {}
