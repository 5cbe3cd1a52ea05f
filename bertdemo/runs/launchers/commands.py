"""The commands that start a run in several processes: for the launcher, for a person, and for SLURM.

A run folder is all that they need; it lies on storage that all hosts share. Every part is quoted for a shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bertdemo.launching import Launching

# What torchrun runs as each process.
_MODULE = "bertdemo.runs.worker"
# Left to our own handler: SIGTERM stops the run as the Stop button does.
_SIGNALS = "SIGINT,SIGHUP,SIGQUIT"
# SLURM ends a job that asks for no time after a site's default, often one hour.
_SLURM_HOURS = 4


@dataclass(frozen=True)
class Where:
    """The run, and what a host needs to start it."""

    run: Path
    """Its folder; the name is the id of the run."""
    python: str
    """The interpreter, at the same path on every host."""
    env: Mapping[str, str]
    """Variables that the processes need."""
    host: str
    """The name of the host of the server, where no other rendezvous is set."""


def torchrun_arguments(run: Path, launching: Launching, host: str) -> list[str]:
    """Return the arguments of torchrun on each host, the run's worker included."""
    processes = f"--nproc-per-node={launching.processes or 'auto'}"
    restarts = f"--max-restarts={launching.restarts}"
    return [processes, restarts, *_rendezvous(run, launching, host), "-m", _MODULE, str(run)]


def agent_arguments(run: Path, launching: Launching, host: str) -> list[str]:
    """Return what the launcher gives to the process that holds the lock of the run around torchrun."""
    return [str(run), f"--signals-to-handle={_SIGNALS}", *torchrun_arguments(run, launching, host)]


def by_hand(where: Where, launching: Launching) -> str:
    """Return the lines that a person runs on each host."""
    return "\n".join([*_exports(where.env), _command(where, torchrun_arguments(where.run, launching, where.host))])


def slurm(where: Where, launching: Launching) -> str:
    """Return a batch script: one torchrun per node, which meet on the first node of the job."""
    port = launching.endpoint(where.host).rpartition(":")[2]
    meeting = replace(launching, rendezvous=f"$HEAD:{port}")
    command = _command(where, torchrun_arguments(where.run, meeting, where.host))
    met_at = f"--rdzv-endpoint={meeting.rendezvous}"
    lines = [
        "#!/bin/bash",
        f"#SBATCH --job-name={where.run.name}",
        f"#SBATCH --nodes={launching.hosts}",
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --gpus-per-node={launching.processes or 1}",
        f"#SBATCH --time={_SLURM_HOURS:02d}:00:00",
        *_exports(where.env),
        *(['HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'] if launching.hosts > 1 else []),
        "srun " + command.replace(shlex.quote(met_at), f'"{met_at}"'),  # the one argument that the shell fills in
    ]
    return "\n".join(lines)


def _rendezvous(run: Path, launching: Launching, host: str) -> list[str]:
    """Return how the processes find each other; on one host torchrun takes any free port."""
    if launching.hosts == 1:
        return ["--standalone"]
    return [
        f"--nnodes={launching.hosts}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={launching.endpoint(host)}",
        f"--rdzv-id={run.name}",
        f"--rdzv-conf=join_timeout={launching.join_seconds}",
    ]


def _command(where: Where, arguments: Sequence[str]) -> str:
    """Return the command, an argument per line."""
    options, worker = arguments[:-3], arguments[-3:]
    lines = [shlex.join([where.python, "-m", "torch.distributed.run"]), *map(shlex.quote, options), shlex.join(worker)]
    return " \\\n  ".join(lines)


def _exports(env: Mapping[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
