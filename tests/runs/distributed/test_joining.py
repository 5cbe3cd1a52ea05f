"""How processes find each other, with threads in place of processes and one store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bertdemo.errors import RanksMissing
from bertdemo.launching import Rank
from bertdemo.runs.worker.distributed.world import _check_in, is_lost


def rank(number: int, size: int = 3, restart: int = 0) -> Rank:
    return Rank(number, size, number, size, "node1", 29400, restart)


@pytest.fixture
def store() -> Any:
    from torch.distributed import HashStore  # type: ignore[attr-defined]

    return HashStore()


def check_in(store: Any, *ranks: Rank, seconds: float = 5.0) -> list[str]:
    with ThreadPoolExecutor(len(ranks)) as threads:
        return list(threads.map(lambda one: _check_in(store, one, seconds), ranks))


def test_all_of_a_start_get_one_name_and_those_of_the_next_start_another(store: Any) -> None:
    first = check_in(store, rank(0), rank(1), rank(2))
    # The hosts do not count restarts alike: only one of them saw that its process was lost.
    second = check_in(store, rank(2, restart=1), rank(0), rank(1, restart=1))
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]


def test_what_dead_processes_have_written_joins_nobody(store: Any) -> None:
    check_in(store, rank(0), rank(1), rank(2))
    with pytest.raises(RanksMissing) as missing:
        check_in(store, rank(0), rank(2), seconds=0.3)
    assert dict(missing.value.values) == {"joined": 2, "expected": 3, "address": "node1:29400", "seconds": 1}


def test_a_process_without_rank_0_waits_no_longer_than_it_may(store: Any) -> None:
    with pytest.raises(RanksMissing):
        check_in(store, rank(1), seconds=0.1)


def test_a_lost_process_is_told_from_a_bug() -> None:
    assert is_lost(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"))
    assert not is_lost(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_lost(KeyError("gloo"))
