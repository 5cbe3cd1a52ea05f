"""How the processes of a run find each other and agree: a check-in with a deadline, then torch.distributed.

What is agreed here are a few numbers at a time, on the CPU (gloo). Gradients are DistributedDataParallel's affair.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bertdemo.errors import RanksMissing
from bertdemo.launching import Rank

# A process waits for another one so long: rank 0 may prepare a large table or evaluate alone meanwhile. One that dies
# is noticed at once, because its connections close.
_PATIENCE = timedelta(hours=2)
_POLL_SECONDS = 0.05
# What gloo, NCCL and the store say where another process has gone; none of them raises a class of its own.
_LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe", "socket")


@dataclass(frozen=True)
class World:
    """All processes of a run, as seen from one of them. Every method is called by all of them, in the same order."""

    number: int
    size: int
    group: Any = None
    """The connections for what is agreed; DistributedDataParallel has its own."""

    @property
    def first(self) -> bool:
        """Whether this is rank 0."""
        return self.number == 0

    def send(self, value: object) -> None:
        """Hand something to all others; rank 0 calls this, the others `receive`."""
        import torch.distributed as dist

        dist.broadcast_object_list([value], src=0, group=self.group)

    def receive(self) -> Any:
        """Return what rank 0 sends."""
        import torch.distributed as dist

        values: list[Any] = [None]
        dist.broadcast_object_list(values, src=0, group=self.group)
        return values[0]

    def gathered(self, value: Any) -> list[Any]:
        """Return the values of all processes, by rank."""
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self.group)
        return values

    def sums(self, *numbers: float) -> list[float]:
        """Return each number summed over all processes."""
        import torch
        import torch.distributed as dist

        total = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return [float(number) for number in total]

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        return self.sums(float(flag))[0] > 0

    def same_weights(self, tensors: Sequence[Any]) -> None:
        """Give every process the tensors of rank 0, in place."""
        import torch
        import torch.distributed as dist

        with torch.no_grad():
            for tensor in tensors:
                dist.broadcast(tensor, src=0, group=self.group)


def join(rank: Rank, seconds: float, *, gpus: bool) -> World:
    """Wait until all processes are there and connect them; raises RanksMissing after so many seconds."""
    import torch.distributed as dist
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]

    began, patience = time.monotonic(), timedelta(seconds=seconds)
    try:
        store = _store(rank, seconds)
        prefixed = PrefixStore(_check_in(store, rank, seconds), store)
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        dist.init_process_group(backend, store=prefixed, rank=rank.number, world_size=rank.size, timeout=patience)
        return World(rank.number, rank.size, dist.new_group(backend="gloo", timeout=_PATIENCE))
    except RuntimeError as error:  # those of torch.distributed are RuntimeErrors too
        if time.monotonic() - began < seconds:
            raise
        raise _missing(rank, 1, seconds) from error


def leave() -> None:
    """Close the connections to the others."""
    import torch.distributed as dist

    dist.destroy_process_group()


def is_lost(error: BaseException) -> bool:
    """Return whether an error means that another process of the run has gone."""
    import torch.distributed as dist

    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _LOST)


def _store(rank: Rank, seconds: float) -> Any:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    keeps = rank.number == 0 and not rank.agent_store
    patience = timedelta(seconds=seconds)
    return TCPStore(rank.host, rank.port, is_master=keeps, timeout=patience, wait_for_workers=False)


def _check_in(store: Any, rank: Rank, seconds: float) -> str:
    """Return the name of the group of processes that are all there now.

    After a restart the store still has what dead processes wrote, and the hosts do not count restarts alike. So each
    process shows a word that was never used, rank 0 answers it with the name of the new group, and counts who has read
    the answer.
    """
    return _gather(store, rank, seconds) if rank.number == 0 else _show_up(store, rank, seconds)


def _gather(store: Any, rank: Rank, seconds: float) -> str:
    """As rank 0: name the group, and wait until every other process has taken the name."""
    group = f"group/{store.add('groups', 1)}"
    missing, answered = set(range(1, rank.size)), set[str]()

    def all_there() -> bool:
        for number in sorted(missing):
            if store.check([f"word/{number}"]) and (word := store.get(f"word/{number}").decode()) not in answered:
                answered.add(word)
                store.set(f"answer/{word}", group)
            if store.check([f"{group}/taken/{number}"]):
                missing.discard(number)
        return not missing

    if not _eventually(all_there, seconds):
        raise _missing(rank, rank.size - len(missing), seconds)
    return group


def _show_up(store: Any, rank: Rank, seconds: float) -> str:
    """As any other process: take the name of the group from rank 0."""
    word = secrets.token_hex(8)
    store.set(f"word/{rank.number}", word)
    if not _eventually(lambda: store.check([f"answer/{word}"]), seconds):
        raise _missing(rank, 1, seconds)
    group: str = store.get(f"answer/{word}").decode()
    store.set(f"{group}/taken/{rank.number}", "1")
    return group


def _eventually(seen: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _missing(rank: Rank, joined: int, seconds: float) -> RanksMissing:
    return RanksMissing(
        joined=joined, expected=rank.size, address=f"{rank.host}:{rank.port}", seconds=max(1, round(seconds))
    )
