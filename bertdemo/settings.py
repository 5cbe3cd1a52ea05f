"""Where the app runs and what it allows: the only module that reads the environment.

`Settings.from_env()` is called once, by `app.py` and by a training child; everything else is handed the
frozen result. `apply()` writes back the few variables that libraries read for themselves (where evaluate
puts modules it imports, where Gradio keeps uploads, no telemetry), and must run before those libraries
are imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from platformdirs import user_data_dir

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one visitor may ask for. Sizes in bytes, times in seconds, the rest are counts."""

    file_bytes: int = 500 * MIB
    """Largest file that a visitor may upload."""
    unpacked_bytes: int = 1024 * MIB
    """Largest size that a workbook, an archive or a table may have once unpacked."""
    unpacked_ratio: int = 100
    """So many times its own size may an archive unpack to."""
    archive_members: int = 1_000
    read_seconds: int = 120
    """Wall and processor time for reading one file."""
    read_memory_bytes: int = 3072 * MIB
    """Address space of the process that reads a file; it needs about 400 MiB before it begins."""
    concurrent_readings: int = 2
    """Files read at once, whoever uploaded them: each may take all of `read_memory_bytes` and a core."""
    rows: int = 2_000_000
    columns: int = 200
    cell_chars: int = 100_000
    text_chars: int = 20_000
    """Longest text in a text box, in code points."""
    embed_texts: int = 1_000
    """Texts in one call of /embed."""
    labels: int = 1_000
    """Different labels in one data set."""
    preview_rows: int = 8
    queued_runs: int = 20
    """Runs of one owner that may wait or train at once."""
    kept_runs: int = 500
    """Runs that one owner may keep."""
    run_seconds: int = 0
    """Wall time of one run; 0 means no limit."""
    concurrent_predictions: int = 2


PUBLIC_LIMITS = Limits(
    file_bytes=30 * MIB,
    unpacked_bytes=200 * MIB,
    read_seconds=60,
    read_memory_bytes=1536 * MIB,
    rows=50_000,
    text_chars=10_000,
    embed_texts=200,
    queued_runs=2,
    kept_runs=5,
    run_seconds=20 * 60,
)

# What a training child may see of the server's environment. Tokens are not among them.
_CHILD_KEEPS = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF",
    "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT",
    "BERTDEMO_HOME", "BERTDEMO_CHECKPOINTS", "BERTDEMO_MAX_FILE_BYTES", "SPACE_ID", "HF_HOME", "HF_HUB_CACHE",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Everything the app takes from outside, read once."""

    home: Path
    """Runs, trained checkpoints and uploads live here. Never the checkout."""
    public: bool = False
    """True on a Space: visitors are kept apart and the public limits hold."""
    server_name: str = "127.0.0.1"
    server_port: int | None = None
    checkpoint_folders: tuple[Path, ...] = ()
    """Local checkpoints that the operator offers (BERTDEMO_CHECKPOINTS, separated like PATH)."""
    hub_endpoint: str | None = None
    """Address of the Hub (HF_ENDPOINT); None means huggingface_hub's own."""
    hub_cache: Path | None = None
    hub_offline: bool = False
    limits: Limits = field(default_factory=Limits)
    spare_worker: bool = True
    """Keep one training process with its imports done, so that a run starts at once."""
    base_env: Mapping[str, str] = field(default_factory=dict)
    """The allow-listed part of the server's environment that children get."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the environment (`os.environ` when none is given)."""
        env = os.environ if env is None else env
        public = bool(env.get("SPACE_ID"))
        port = env.get("GRADIO_SERVER_PORT", "")
        home = Path(env.get("BERTDEMO_HOME") or user_data_dir("bertdemo", appauthor=False)).expanduser().resolve()
        folders = tuple(Path(part) for part in env.get("BERTDEMO_CHECKPOINTS", "").split(os.pathsep) if part)
        hub_home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
        return cls(
            home=home,
            public=public,
            server_name=env.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if public else "127.0.0.1"),  # noqa: S104 - a Space is reached from outside
            server_port=int(port) if port.isdigit() else None,
            checkpoint_folders=folders,
            hub_endpoint=env.get("HF_ENDPOINT", "").rstrip("/") or None,
            hub_cache=Path(env.get("HF_HUB_CACHE") or hub_home / "hub").expanduser(),
            hub_offline=env.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"},
            limits=_limits(env, PUBLIC_LIMITS if public else Limits()),
            spare_worker=env.get("BERTDEMO_SPARE_WORKER", "1") != "0",
            base_env={name: env[name] for name in _CHILD_KEEPS if name in env},
        )

    @property
    def runs(self) -> Path:
        """Folder of all run folders."""
        return self.home / "runs"

    @property
    def trained(self) -> Path:
        """Folder of all trained checkpoints."""
        return self.home / "checkpoints"

    @property
    def uploads(self) -> Path:
        """Where Gradio keeps uploaded and downloadable files for a while."""
        return self.home / "uploads"

    @property
    def modules(self) -> Path:
        """Private folder that evaluate copies our metric modules into and imports them from."""
        return self.home / "modules"

    @property
    def loopback(self) -> bool:
        """True where only this machine can reach the server; then there is one owner."""
        return not self.public and self.server_name in {"127.0.0.1", "localhost", "::1"}

    def apply(self) -> None:
        """Make the private folders and tell the libraries about them, before they are imported."""
        for folder in (self.home, self.runs, self.trained, self.uploads, self.modules):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.environ.update(self._library_env())

    def worker_env(self) -> dict[str, str]:
        """Return the whole environment of a child process: no token, no way to the Hub."""
        return {
            **self.base_env,
            **self._library_env(),
            **({"HF_HUB_CACHE": str(self.hub_cache)} if self.hub_cache else {}),
            "BERTDEMO_HOME": str(self.home),
            "HF_HUB_OFFLINE": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def _library_env(self) -> dict[str, str]:
        return {
            "HF_MODULES_CACHE": str(self.modules),
            "HF_METRICS_CACHE": str(self.modules / "metrics"),
            "GRADIO_TEMP_DIR": str(self.uploads),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }


def pin_gpu(device_id: str) -> str:
    """Let a child see the one GPU it was given; return its id from then on.

    Must run before CUDA is initialized. Without it Trainer spreads a batch over every GPU it sees.
    """
    if not device_id.startswith("cuda:"):
        return device_id
    visible = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part]
    index = int(device_id.removeprefix("cuda:"))
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
    return "cuda:0"


def _limits(env: Mapping[str, str], limits: Limits) -> Limits:
    """Let an operator narrow or widen the upload size (BERTDEMO_MAX_FILE_BYTES)."""
    size = env.get("BERTDEMO_MAX_FILE_BYTES", "")
    return replace(limits, file_bytes=int(size)) if size.isdigit() else limits
