"""The Dockerfile, carried out step by step without a container engine: what it copies, what it runs, what it starts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.other_user import common_python

ROOT = Path(__file__).resolve().parents[2]
# Where the packages of this Python are.
PACKAGES = Path(pytest.__file__).resolve().parents[1]
# As the other tests that start a server: after so many seconds what must happen is taken not to happen.
HANG = 120.0


@dataclass(frozen=True)
class Step:
    """One instruction of the Dockerfile."""

    word: str
    rest: str


def steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [Step(*line.split(" ", 1)) for line in lines.splitlines() if line.strip()]


def of(word: str) -> list[str]:
    return [step.rest for step in steps() if step.word == word]


@pytest.fixture
def machine() -> Iterator[Path]:
    """An empty folder in place of a container's root, which another user can read."""
    with tempfile.TemporaryDirectory(prefix="bertdemo-container-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def inside(machine: Path, text: str) -> str:
    """Put the paths of the container below the folder."""
    return re.sub(r"(?<![\w.])/(data|app)\b", rf"{machine}/\1", text)


def lay_out(machine: Path) -> Path:
    """Do what COPY and RUN do, but for what needs the network; return the folder that the app starts in."""
    app = Path(inside(machine, of("WORKDIR")[0]))
    app.mkdir()
    for step in steps():
        if step.word == "COPY":
            *sources, target = step.rest.split()
            for source in sources:
                place = app / target / (source if target == "./" else "")
                (shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile)(ROOT / source, place)
        elif step.word == "RUN" and not re.search(r"\b(pip|apt-get)\b", step.rest):
            command = inside(machine, step.rest).replace("python ", f"{shlex.quote(sys.executable)} ")
            subprocess.run(["/bin/sh", "-c", command], cwd=app, check=True)
    return app


def test_what_is_copied_is_what_the_app_needs_and_nothing_else(machine: Path) -> None:
    app = lay_out(machine)
    names = {path.name for path in app.iterdir() if path.name != "__pycache__"}
    assert names == {"app.py", "bertdemo", "requirements.txt", "requirements.lock"}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored and {line[1:] for line in ignored if line.startswith("!")} == names


def test_the_container_is_that_of_the_readme() -> None:
    assert of("FROM") == ["python:3.11-slim"]
    assert of("ARG") == ["DEVICE=cpu"]
    user = of("USER")[0].split(":")
    assert all(part.isdigit() and int(part) >= 1000 for part in user), "no user with rights"
    assert of("EXPOSE") == ["7860"] and of("VOLUME") == ["/data"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "--build-arg DEVICE=cuda" in readme and "-v bertdemo:/data" in readme


def test_what_is_installed_is_pinned_by_the_lock() -> None:
    installs = [step for step in of("RUN") if "pip install" in step]
    assert len(installs) == 1 and installs[0].endswith("-r requirements.txt -c requirements.lock")


def others_can_read(folder: Path) -> bool:
    """Return whether every user can open what is in a folder, such as the packages that the app imports."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0 or common_python() is None, reason="only root can start it as another user")
@pytest.mark.skipif(not others_can_read(PACKAGES), reason="these packages lie in a folder that is private to its user")
def test_the_command_starts_the_app_as_the_user_without_rights(machine: Path) -> None:
    app = lay_out(machine)
    uid = int(of("USER")[0].split(":")[0])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = dict(pair.split("=", 1) for pair in shlex.split(inside(machine, of("ENV")[0])))
    env |= {"GRADIO_SERVER_PORT": str(port), "BERTDEMO_SPARE_WORKER": "0", "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PACKAGES)}  # fmt: skip
    program, *arguments = json.loads(of("CMD")[0])
    assert program == "python"
    log = machine / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(common_python()), *arguments], cwd=app, env=env, stdout=output, stderr=output, user=uid, group=uid,
            extra_groups=[], start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + HANG
        while True:
            assert server.poll() is None and time.monotonic() < end, log.read_text(encoding="utf-8")
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer,
            ):
                assert answer.status == 200
                break
            time.sleep(0.1)
        home = Path(env["BERTDEMO_HOME"])
        assert {path.stat().st_uid for path in home.rglob("*")} == {uid}
        assert not [path for path in app.rglob("*") if path.stat().st_uid == uid], "the app does not write to itself"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
