"""The steps of a study: what happens next, whatever happened before, and after a kill at any point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bertdemo.errors import QueueFull, TooManyRuns
from tests.runs.studies.fakes import SECONDS, FakeRuns, FakeSearch, Played, searching, study_with


def test_the_runs_of_a_study_follow_one_another_and_each_leaves_its_score() -> None:
    played = Played(study_with())
    for number, score in enumerate((0.7, 0.8, 0.9)):
        played.settled()
        assert played.runs.did[-1] == f"start r{number}" and played.states[-1] == "running"
        played.runs.end(f"r{number}", "finished", score)
    progress = played.settled()
    assert progress.ended and not progress.stopped and played.states == ["finished"] * 3
    scores = [trial.score for trial in progress.trials if trial.score]
    assert [(score.value, score.rows) for score in scores] == [(0.7, 9), (0.8, 9), (0.9, 9)]
    assert progress.spent_seconds == 3 * SECONDS


def test_a_server_that_is_killed_after_any_step_starts_no_run_twice_and_tells_no_score_twice() -> None:
    played = Played(searching(100), search=FakeSearch(most=3))
    score = 0.5
    for _ in range(200):
        played.step(killed=True)
        played.step()
        trial = played.progress.current
        if trial and trial.run and played.runs.views[trial.run].state == "running":
            played.runs.end(trial.run, "finished", score := score + 0.1)
    assert played.progress.ended
    starts = [line for line in played.runs.did if line.startswith("start")]
    assert starts == ["start r0", "start r1", "start r2", "start r3", "start r4"]
    assert [trial.role for trial in played.progress.trials] == ["trial"] * 3 + ["defaults", "best"]
    assert played.search and played.search.told == {0: 0.6, 1: pytest.approx(0.7), 2: pytest.approx(0.8)}


def test_a_stop_cancels_the_run_and_starts_no_other() -> None:
    played = Played(study_with())
    played.settled()
    played.settled(stop=True)
    assert played.runs.did == ["start r0", "stop r0"] and not played.progress.ended
    played.runs.end("r0", "cancelled")
    progress = played.settled(stop=True)
    assert progress.ended and progress.stopped and played.states == ["stopped"]


def test_a_stop_before_the_run_was_created_ends_the_study() -> None:
    played = Played(study_with())
    played.step()
    assert played.states == ["planned"]
    assert played.settled(stop=True).stopped and played.runs.did == []


def test_an_interrupted_run_is_resumed_once_and_fails_the_second_time() -> None:
    played = Played(study_with())
    played.settled()
    played.runs.end("r0", "interrupted")
    played.step()
    assert played.runs.did[-1] == "resume r0" and played.states == ["running"]
    played.runs.end("r0", "interrupted")
    played.settled()
    assert played.states[0] == "failed" and played.progress.trials[0].message.startswith("run.interrupted")
    assert played.runs.did[-1] == "start r1"


def test_a_run_that_failed_was_stopped_or_deleted_has_no_score_and_the_next_one_starts() -> None:
    played = Played(study_with())
    played.settled()
    played.runs.end("r0", "failed")
    played.settled()
    played.runs.end("r1", "cancelled")
    played.settled()
    del played.runs.views["r2"]
    progress = played.settled()
    assert played.states == ["failed", "stopped", "deleted"] and progress.ended
    assert not any(trial.score for trial in progress.trials)
    assert progress.trials[0].message == "error.disk_full"


def test_a_full_queue_is_waited_for() -> None:
    played = Played(study_with(), runs=FakeRuns(refuse=QueueFull(limit=2)))
    played.settled()
    assert played.states == ["planned"]
    played.runs.refuse = None
    played.settled()
    assert played.states == ["running"]


def test_a_run_beyond_the_quota_fails_and_a_search_deletes_its_oldest_trial_for_it() -> None:
    played = Played(study_with(), runs=FakeRuns(refuse=TooManyRuns(limit=5)))
    assert played.settled().ended and played.states == ["failed"] * 3
    search = Played(searching(1000), search=FakeSearch(most=3))
    search.settled()
    search.runs.end("r0", "finished", 0.5)
    search.runs.refuse = TooManyRuns(limit=1)
    search.settled()
    assert search.runs.did[-2:] == ["remove r0", "start r1"] and search.progress.trials[0].run == ""
    search.runs.refuse = TooManyRuns(limit=1)
    search.runs.end("r1", "failed")
    search.settled()
    assert search.progress.trials[1].run == "" and search.states[2] == "running"


def test_a_search_refused_at_its_first_run_says_why() -> None:
    played = Played(searching(100), runs=FakeRuns(refuse=TooManyRuns(limit=5)), search=FakeSearch())
    progress = played.settled()
    assert progress.ended and progress.note == "study.note.refused"
    assert progress.trials[0].message == "error.too_many_runs" and progress.trials[0].values == {"limit": 5}


def test_a_trial_below_the_others_is_pruned_and_its_resume_checkpoints_are_removed() -> None:
    played = Played(searching(1000), search=FakeSearch(bad=0.6))
    played.settled()
    played.runs.end("r0", "finished", 0.7)
    played.settled()
    played.runs.evaluate("r1", 0.5)
    played.settled()
    assert played.states == ["finished", "pruning"] and played.runs.did[-1] == "stop r1"
    played.runs.end("r1", "cancelled")
    played.settled()
    assert played.states[1] == "pruned" and "settle r1" in played.runs.did
    assert played.search and played.search.told == {0: 0.7, 1: None} and played.search.pruned == {1}


def test_the_budget_keeps_time_for_the_two_last_runs() -> None:
    played = Played(searching(60.0), search=FakeSearch())
    while not played.settled().ended:
        trial = played.progress.current
        assert trial
        played.runs.end(trial.run, "finished", 0.5 + 0.1 * trial.number)
    # After two trials 20 s are spent; a third one (10 s) and the last two (25 s) fit into 60 s, a fourth one does not.
    assert [trial.role for trial in played.progress.trials] == ["trial"] * 3 + ["defaults", "best"]
    defaults, best = played.progress.trials[-2:]
    assert defaults.variant.settings == {} and best.variant.settings == {"learning_rate": pytest.approx(3e-4)}


def test_a_trial_that_takes_the_time_of_the_last_runs_is_pruned() -> None:
    played = Played(searching(60.0), search=FakeSearch())
    played.settled()
    played.runs.end("r0", "finished", 0.5)
    played.settled(now=16.0)
    assert played.states[-1] == "running"
    # 10 s are spent; the defaults take 12.5 s on the whole training set, and this trial a quarter more than now.
    played.settled(now=17.0)
    assert played.states[-1] == "pruning"


def test_a_long_trial_that_is_not_the_best_does_not_use_up_the_budget_of_others() -> None:
    played = Played(searching(100.0), search=FakeSearch())
    for score, seconds in ((0.8, 10.0), (0.5, 30.0)):
        played.settled()
        trial = played.progress.current
        assert trial
        played.runs.end(trial.run, "finished", score, seconds)
    played.settled()  # 40 s are spent, and 25 s are kept for the last runs: another trial of 10 s fits
    assert [trial.role for trial in played.progress.trials] == ["trial"] * 3


def test_a_search_whose_first_trial_has_no_score_ends_and_one_that_found_nothing_runs_the_defaults_alone() -> None:
    played = Played(searching(60.0), search=FakeSearch())
    played.settled()
    played.runs.end("r0", "failed")
    assert played.settled().note == "study.note.no_trial"
    nothing = Played(searching(60.0), search=FakeSearch(most=2))
    for score in (0.9, 0.5, 0.9):
        nothing.settled()
        trial = nothing.progress.current
        assert trial
        nothing.runs.end(trial.run, "finished", score)
    assert nothing.settled().ended
    assert [trial.role for trial in nothing.progress.trials] == ["trial", "trial", "defaults"]


def test_a_budget_for_one_trial_alone_says_so() -> None:
    played = Played(searching(15.0), search=FakeSearch())
    played.settled()
    played.runs.end("r0", "finished", 0.5)
    progress = played.settled()
    assert progress.ended and progress.note == "study.note.one_trial" and len(progress.trials) == 1


def test_epochs_that_another_metric_chooses_are_no_reason_to_prune() -> None:
    played = Played(searching(1000), search=FakeSearch(bad=0.6))
    played.settled()
    played.runs.evaluate("r0", 0.1)
    other = replace(played.runs.views["r0"].request, task="search")
    played.runs.views["r0"] = replace(played.runs.views["r0"], request=other)
    played.settled()
    assert played.states == ["running"]
