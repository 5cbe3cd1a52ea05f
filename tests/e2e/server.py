"""The real server as a child process, with a home of its own and a tiny checkpoint to train."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
HANG = float(os.environ.get("BERTDEMO_E2E_HANG", "90"))
"""Seconds after which something that must happen is taken not to happen; the machine may be very busy."""


class Server:
    """`python app.py` on a free port. It can be killed and started again on the same port and home.

    `app` is another script that starts the app, such as one that makes a part of it slow.
    """

    def __init__(
        self, home: Path, tiny: Path, extra: Mapping[str, str] | None = None, app: str | Path = "app.py"
    ) -> None:
        self.home, self._app = home, str(app)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home.parent / f"{home.name}.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self._env = {
            **kept,
            "BERTDEMO_HOME": str(home),
            "BERTDEMO_CHECKPOINTS": str(tiny),
            "BERTDEMO_SHIPPED_RUN": "0",  # most visits begin with nothing trained
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_HUB_OFFLINE": "1",
            "NO_PROXY": "127.0.0.1",
            **(extra or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, self._app], cwd=ROOT, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.said()}")
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url, timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"the server does not answer:\n{self.said()}")

    @property
    def pid(self) -> int:
        """The process of the server itself."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash would (signal 9); its workers live on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> int:
        """End it as a machine that shuts down does (SIGTERM); return its exit code."""
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("it does not run")
        process.terminate()
        return process.wait(timeout=HANG)

    def close(self) -> None:
        """End it and every worker of its home."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        for worker in self.workers():
            with contextlib.suppress(psutil.Error):
                worker.kill()

    def workers(self) -> list[psutil.Process]:
        """Return the training processes and spares of this home, whichever server started them."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if "bertdemo.runs.worker" in line and any(part.startswith(f"{self.home}/") for part in line):
                found.append(process)
        return found

    def worker_of(self, run: str) -> psutil.Process:
        """Return the process that trains a run: it works in that run's folder."""
        folder = str(self.home / "runs" / run)
        return next(process for process in self.workers() if process.cwd() == folder)

    def training(self) -> list[psutil.Process]:
        """Return the processes that train a run, without the spares."""
        runs = self.home / "runs"
        return [process for process in self.workers() if runs in Path(process.cwd()).parents]

    def said(self) -> str:
        """Return the end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:] if self.log.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
