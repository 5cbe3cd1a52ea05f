"""Workers as child processes of this machine, with one spare that has its imports done.

Importing torch, transformers and datasets takes 4 to 5 seconds; the spare has done it before a person presses
Start. It is used once. Its standard input is a pipe: when the server dies, the pipe ends and so does the spare.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import psutil

from bertdemo import processes
from bertdemo.runs.launchers import Children
from bertdemo.settings import Settings

# What `python -m` runs as a worker.
_MODULE = "bertdemo.runs.worker"
# Bytes of free memory without which no spare is kept: an idle one holds half a gigabyte.
_SPARE_NEEDS_FREE = 3 * 1024**3
# Folder that contains the package, for the PYTHONPATH of a worker.
PACKAGE_PARENT = Path(__file__).resolve().parents[3]


class LocalLauncher:
    """See the module. Safe to call from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spare: subprocess.Popen[bytes] | None = None
        self._children = Children()
        self._guard = threading.Lock()

    def launch(self, folder: Path) -> bool:
        """Give the folder to the spare, ready or still importing, or to a new process."""
        with self._guard:
            spare, self._spare = self._spare, None
            if spare is not None and spare.poll() is None and self._hand_over(spare, folder):
                self._children.add(folder, spare)
                return True
            process = processes.spawn(
                _MODULE, [str(folder)], env=self._env(), cwd=folder, log=folder / "worker.log", piped=False
            )
            self._children.add(folder, process)
            return False

    def slot(self, device: str) -> str:
        """Return the device itself."""
        return device

    def warm(self) -> None:
        """Start a spare where there is none and memory allows one."""
        with self._guard:
            wanted = self._settings.spare_worker and psutil.virtual_memory().available > _SPARE_NEEDS_FREE
            if not wanted or (self._spare is not None and self._spare.poll() is None):
                return
            home = self._settings.home
            self.ready_file.unlink(missing_ok=True)
            if self._spare is not None and self._spare.stdin is not None:
                self._spare.stdin.close()
            self._spare = processes.spawn(
                _MODULE,
                ["--spare", str(self.ready_file)],
                env=self._env(),
                cwd=home,
                log=home / "spare.log",
                piped=True,
            )

    @property
    def ready_file(self) -> Path:
        """Holds the spare's pid once its imports are done."""
        return self._settings.home / "spare.ready"

    def is_warm(self) -> bool:
        """Return whether the spare waits with everything imported."""
        with self._guard:
            spare = self._spare
        if spare is None or spare.poll() is not None:
            return False
        try:
            return self.ready_file.read_text(encoding="ascii").strip() == str(spare.pid)
        except FileNotFoundError:
            return False

    def reap(self) -> list[tuple[Path, int]]:
        """Collect workers that have ended, so that none stays a zombie."""
        return self._children.reap()

    def close(self) -> None:
        """End the spare by closing its pipe."""
        with self._guard:
            spare, self._spare = self._spare, None
        if spare is not None and spare.stdin is not None:
            spare.stdin.close()
            try:
                spare.wait(timeout=3)
            except subprocess.TimeoutExpired:
                spare.kill()  # it holds nothing that could be lost
                spare.wait()

    @staticmethod
    def _hand_over(spare: subprocess.Popen[bytes], folder: Path) -> bool:
        if spare.stdin is None:
            return False
        try:
            with spare.stdin as pipe:  # it reads this one line
                pipe.write(f"{folder}\n".encode())
        except (BrokenPipeError, ValueError):
            return False
        return True

    def _env(self) -> dict[str, str]:
        return child_env(self._settings)


def child_env(settings: Settings) -> dict[str, str]:
    """Return a worker's whole environment; it finds the package wherever the server found it."""
    env = settings.worker_env()
    path = env.get("PYTHONPATH", "")
    return {**env, "PYTHONPATH": f"{PACKAGE_PARENT}:{path}" if path else str(PACKAGE_PARENT)}
