"""The commands that start a run in several processes, as a shell reads them."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from bertdemo.launching import Launching
from bertdemo.runs.launchers.commands import Where, agent_arguments, by_hand, slurm, torchrun_arguments

RUN = Path("/shared/home of all/runs/20261129-abc")
WHERE = Where(RUN, "/opt/a b/bin/python", {"BERTDEMO_HOME": "/shared/home of all", "PYTHONPATH": "/opt/app"}, "node1")
TWO_HOSTS = Launching("torchrun", processes=4, hosts=2, rendezvous="10.0.0.1:4000", join_seconds=90, restarts=5)


def test_on_one_host_torchrun_takes_any_free_port() -> None:
    arguments = torchrun_arguments(RUN, Launching("torchrun", processes=2), "node1")
    assert arguments == [
        "--nproc-per-node=2", "--max-restarts=3", "--standalone", "-m", "bertdemo.runs.worker", str(RUN),
    ]  # fmt: skip
    assert torchrun_arguments(RUN, Launching("torchrun"), "node1")[0] == "--nproc-per-node=auto"


def test_several_hosts_meet_at_one_address_under_the_id_of_the_run() -> None:
    assert torchrun_arguments(RUN, TWO_HOSTS, "node1") == [
        "--nproc-per-node=4", "--max-restarts=5", "--nnodes=2", "--rdzv-backend=c10d",
        "--rdzv-endpoint=10.0.0.1:4000", "--rdzv-id=20261129-abc", "--rdzv-conf=join_timeout=90",
        "-m", "bertdemo.runs.worker", str(RUN),
    ]  # fmt: skip
    unset = torchrun_arguments(RUN, Launching("torchrun", hosts=2), "node1")
    assert "--rdzv-endpoint=node1:29400" in unset


def test_the_agent_gets_the_folder_and_keeps_sigterm_for_itself() -> None:
    folder, signals, *arguments = agent_arguments(RUN, TWO_HOSTS, "node1")
    assert folder == str(RUN)
    assert "SIGTERM" not in signals
    assert arguments == torchrun_arguments(RUN, TWO_HOSTS, "node1")


def test_torchrun_understands_the_arguments() -> None:
    from torch.distributed.run import parse_args

    for launching in (Launching("torchrun", processes=2), TWO_HOSTS):
        _, *arguments = agent_arguments(RUN, launching, "node1")
        options = parse_args(arguments)
        assert (options.training_script, options.training_script_args) == ("bertdemo.runs.worker", [str(RUN)])
        assert options.module


def test_the_lines_for_a_person_are_quoted() -> None:
    first, second, *command = by_hand(WHERE, TWO_HOSTS).splitlines()
    assert [first, second] == ["export BERTDEMO_HOME='/shared/home of all'", "export PYTHONPATH=/opt/app"]
    assert all(line.endswith(" \\") for line in command[:-1])
    words = shlex.split("\n".join(command).replace("\\\n", ""))
    assert words[:3] == ["/opt/a b/bin/python", "-m", "torch.distributed.run"]
    assert words[3:] == torchrun_arguments(RUN, TWO_HOSTS, "node1")


def test_the_batch_script_is_valid_and_meets_on_the_first_node_of_the_job(tmp_path: Path) -> None:
    script = slurm(WHERE, TWO_HOSTS)
    assert script.startswith("#!/bin/bash\n#SBATCH --job-name=20261129-abc\n#SBATCH --nodes=2\n")
    fake = 'scontrol() { printf "gpu7\\ngpu8\\n"; }\nsrun() { printf "%s\\n" "$@"; }\nSLURM_JOB_NODELIST="gpu[7-8]"\n'
    (tmp_path / "job.sh").write_text(fake + script, encoding="utf-8")
    words = subprocess.run(["/bin/bash", str(tmp_path / "job.sh")], capture_output=True, text=True, check=True).stdout
    lines = words.splitlines()
    assert lines[:3] == ["/opt/a b/bin/python", "-m", "torch.distributed.run"]
    assert "--rdzv-endpoint=gpu7:4000" in lines
    assert '"--rdzv-endpoint=$HEAD:4000"' in script
    assert lines[-1] == str(RUN)


def test_a_batch_script_for_one_node_says_so() -> None:
    script = slurm(WHERE, Launching("torchrun", processes=8))
    assert "#SBATCH --nodes=1\n" in script
    assert "--standalone" in script
    assert "HEAD" not in script
    assert "#SBATCH --gpus-per-node=8" in script
