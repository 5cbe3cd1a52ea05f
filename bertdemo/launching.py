"""Where runs train, as the environment says: in one process or several, and which of several this process is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# The port that torchrun's rendezvous has by default.
_RENDEZVOUS_PORT = 29400


@dataclass(frozen=True)
class Launching:
    """Where runs train: in one process, or in several that torchrun starts on one host or on several."""

    launcher: Literal["local", "torchrun", "zerogpu"] = "local"
    """`zerogpu` on a Space with that hardware, where a GPU is lent to a call for seconds."""
    processes: int = 0
    """On each host; 0 is one per GPU, or where there is none one per core."""
    hosts: int = 1
    rendezvous: str = ""
    """`host:port` at which the hosts meet; "" is this host. Only read where there are several."""
    join_seconds: int = 600
    """How long the hosts, and then the processes, wait for each other."""
    restarts: int = 3
    """How often torchrun starts all processes again after one was lost."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Launching:
        """Read the environment; what is no whole number is as good as absent."""

        def count(name: str, default: int, least: int) -> int:
            text = env.get(name, "")
            return max(least, int(text)) if text.isdigit() else default

        return cls(
            launcher=_launcher(env),
            processes=count("BERTDEMO_PROCESSES", cls.processes, 0),
            hosts=count("BERTDEMO_HOSTS", cls.hosts, 1),
            rendezvous=env.get("BERTDEMO_RENDEZVOUS", ""),
            join_seconds=count("BERTDEMO_JOIN_SECONDS", cls.join_seconds, 1),
            restarts=count("BERTDEMO_RESTARTS", cls.restarts, 0),
        )

    def endpoint(self, host: str) -> str:
        """Return the address at which the hosts meet; `host` is the name of this one."""
        address = self.rendezvous or host
        return address if ":" in address else f"{address}:{_RENDEZVOUS_PORT}"


@dataclass(frozen=True)
class Rank:
    """What torchrun says of this process: its number among all processes of the run, and where they meet."""

    number: int
    size: int
    """How many processes there are, on all hosts together."""
    local: int
    """Its number among those of this host."""
    local_size: int
    host: str
    port: int
    restart: int = 0
    """How often torchrun has started the processes again."""
    agent_store: bool = False
    """Whether torchrun keeps the store at this address; otherwise rank 0 does."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Rank | None:
        """Read the environment; None for a process that torchrun has not started."""
        if "RANK" not in env or "WORLD_SIZE" not in env:
            return None
        return cls(
            number=int(env["RANK"]),
            size=int(env["WORLD_SIZE"]),
            local=int(env.get("LOCAL_RANK", "0")),
            local_size=int(env.get("LOCAL_WORLD_SIZE", "1")),
            host=env.get("MASTER_ADDR", "127.0.0.1"),
            port=int(env.get("MASTER_PORT", "29500")),
            restart=int(env.get("TORCHELASTIC_RESTART_COUNT", "0")),
            agent_store=env.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        )


def _launcher(env: Mapping[str, str]) -> Literal["local", "torchrun", "zerogpu"]:
    """Return what the operator has chosen, else what the hardware of a Space asks for (SPACES_ZERO_GPU)."""
    chosen = env.get("BERTDEMO_LAUNCHER", "")
    if chosen == "torchrun":
        return "torchrun"
    zero_gpu = env.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}
    return "zerogpu" if zero_gpu and env.get("SPACE_ID") and not chosen else "local"
