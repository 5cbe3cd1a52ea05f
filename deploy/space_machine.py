"""A machine as a Space is one: its Python and packages, its user, its home, its environment, and nothing else.

The packages are those of requirements.txt and what the builder of a Gradio Space adds; the virtual environment is kept
in build/ until one of them changes. The user may write what a Space lets it write: the checkout and its cache, not the
home folder around them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from deploy.checkout import ROOT, export
from deploy.other_user import common_python

# The user id of a Space's container is 1000; here any that is not ours, so that no file is written by privilege.
_NOBODY = 65534
# Seconds after which a server that does not answer is taken to hang; two busy cores import gradio in twenty.
_HANG = 180.0
_KEPT = ("PATH", "LANG", "SSL_CERT_FILE")


@dataclass
class SpaceMachine:
    """One Space with its disk; `root_path` is where the proxy in front of it shows it."""

    folder: Path
    python: Path
    port: int
    root_path: str = ""
    backup: Path | None = None
    """The folder that stands for a mounted bucket; None where none is mounted."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def checkout(self) -> Path:
        """The repository, as a Space has it."""
        return self.folder / "home" / "app"

    @property
    def log(self) -> Path:
        """The output of the server."""
        return self.folder / "server.log"

    @property
    def data(self) -> Path:
        """Where the app keeps its runs: the home is read-only."""
        return Path("/var/tmp") / f"bertdemo-{self._uid}"  # noqa: S108 - as bertdemo.settings chooses it

    def build(self) -> None:
        """Make the home folder: a copy of what git has, a cache that can be written, and the rest read-only."""
        self.folder.mkdir(parents=True, mode=0o755)
        export(self.checkout)
        home = self.checkout.parent
        (home / ".cache").mkdir()
        if self.backup is not None:
            self.backup.mkdir()
        for folder in (self.checkout, home / ".cache", *([self.backup] if self.backup else [])):
            self._give(folder)
        home.chmod(0o555)

    def start(self) -> None:
        """Run the app and wait until it answers. Raises RuntimeError with the end of its output."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.python), "app.py"], cwd=self.checkout, env=self.environment(), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True, **self._user(),
            )  # fmt: skip
        end = time.monotonic() + _HANG
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.said()}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10):
                return
            time.sleep(0.2)
        raise RuntimeError(f"the server does not answer:\n{self.said()}")

    def stop(self) -> None:
        """End it as a Space that restarts does: SIGTERM, and SIGKILL for what is left of it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process = None
        for worker in self._workers():
            with contextlib.suppress(psutil.Error):
                worker.kill()

    def erase(self) -> None:
        """Lose the disk of the container, as a restart does."""
        shutil.rmtree(self.data, ignore_errors=True)

    def close(self) -> None:
        """End it, and remove everything."""
        self.stop()
        self.erase()
        (self.folder / "home").chmod(0o755)
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self) -> str:
        """Return the end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:] if self.log.exists() else ""

    def environment(self) -> dict[str, str]:
        """Return the variables that a Space sets, and no others of ours."""
        home = self.checkout.parent
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "HOME": str(home),
            "PYTHONPATH": str(self.checkout),
            "PYTHONUNBUFFERED": "1",
            "SYSTEM": "spaces",
            "SPACE_ID": "someone/bertdemo",
            "SPACE_HOST": "someone-bertdemo.hf.space",
            "SPACE_AUTHOR_NAME": "someone",
            "SPACE_REPO_NAME": "bertdemo",
            "SPACE_TITLE": "bertdemo",
            "CPU_CORES": "2",
            "MEMORY": "16Gi",
            "ACCELERATOR": "none",
            "GRADIO_ALLOW_FLAGGING": "never",
            "GRADIO_NUM_PORTS": "1",
            "GRADIO_SERVER_NAME": "0.0.0.0",  # noqa: S104
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_THEME": "huggingface",
            "GRADIO_ROOT_PATH": self.root_path,
            "BERTDEMO_BACKUP": str(self.backup) if self.backup else "0",
        }

    @property
    def _uid(self) -> int:
        return _NOBODY if _other_user() else os.getuid()

    def _user(self) -> dict[str, object]:
        return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if _other_user() else {}

    def _give(self, folder: Path) -> None:
        """Let the user of the Space own a folder with all that is in it."""
        for path in (folder, *folder.rglob("*")) if _other_user() else ():
            os.chown(path, _NOBODY, _NOBODY)

    def _workers(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if "bertdemo.runs.worker" in line and any(part.startswith(f"{self.data}/") for part in line):
                found.append(process)
        return found


def _other_user() -> bool:
    """Return whether the app can run as another user: then no file is written by privilege."""
    return os.getuid() == 0 and common_python() is not None


def free_port(wanted: int = 7860) -> int:
    """Return the wanted port, or a free one where another program has it."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("0.0.0.0", port))  # noqa: S104
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")


def packages() -> list[str]:
    """Return what the builder of a Gradio Space installs in the same command as requirements.txt."""
    front = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    return [f"gradio[oauth,mcp]=={front['sdk_version']}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]


def space_python(folder: Path = ROOT / "build" / "space-venv") -> Path:
    """Return the Python of a virtual environment with what a Space installs. Raises CalledProcessError."""
    requirements = ROOT / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + repr(packages()).encode()).hexdigest()
    stamp, python = folder / "installed", folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        base = common_python() or Path(sys.executable)
        subprocess.run([str(base), "-m", "venv", "--without-pip", str(folder)], check=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "--disable-pip-version-check",
            "install",
            "--quiet",
        ]
        subprocess.run([*pip, "-r", str(requirements), *packages()], check=True)
        stamp.write_text(wanted, encoding="ascii")
    return python
