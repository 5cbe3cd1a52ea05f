"""Where the app runs and what it allows: the only module that reads the environment.

`Settings.from_env()` is called once, by `app.py` and by a training child; everything else gets the frozen result.
`apply()` sets the few variables that libraries read themselves (where evaluate puts modules that it imports, where
Gradio keeps uploads, no telemetry), and must run before those libraries are imported.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from platformdirs import user_data_dir

from bertdemo.errors import HomeNotWritable, PortWrong
from bertdemo.launching import Launching, Rank

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits per visitor. Sizes in bytes, times in seconds, the rest are counts."""

    # Size of an uploaded file.
    file_bytes: int = 500 * MIB
    # Size of a workbook, an archive or a table after unpacking.
    unpacked_bytes: int = 1024 * MIB
    # Size of an archive after unpacking, relative to its own size: zip bombs have far more.
    unpacked_ratio: int = 100
    archive_members: int = 1_000
    # Wall time and processor time for reading one file.
    read_seconds: int = 120
    # Address space of the process that reads a file; it needs about 400 MiB before it starts to read.
    read_memory_bytes: int = 3072 * MIB
    # Files read at once, for all visitors: each may take all of `read_memory_bytes` and a core.
    concurrent_readings: int = 2
    # Of these, those of one network address, so that a stranger's files leave a place free.
    readings_per_address: int = 2
    rows: int = 2_000_000
    columns: int = 200
    cell_chars: int = 100_000
    # Length of a text in a text box, in code points.
    text_chars: int = 20_000
    # Texts in one call of /embed.
    embed_texts: int = 1_000
    # Distinct labels in one dataset.
    labels: int = 1_000
    preview_rows: int = 8
    # Runs of one owner that are queued or training.
    queued_runs: int = 20
    # Runs that are queued or training, of one network address and of all visitors together.
    queued_runs_per_address: int = 100
    queued_runs_total: int = 100
    # Stored runs of one owner.
    kept_runs: int = 500
    # Wall time of one run; 0 means no limit.
    run_seconds: int = 0
    # Share of the disk that must be free for another upload or run. A run of the bundled model writes 1 GB while it
    # trains: weights and optimizer three times, and the best weights.
    free_disk_share: float = 0.02
    # Predictions computed at once, for all visitors; further ones wait.
    concurrent_predictions: int = 2
    # Of these, those of one network address: the others find a place free, whatever it asks for.
    predictions_per_address: int = 2
    # Texts looked at in Inside BERT at once, for all visitors, and of one network address. One of 512 tokens takes
    # about 100 MB while it is computed and drawn; in a model of 12 layers and heads, twice as much.
    concurrent_inspections: int = 2
    inspections_per_address: int = 2


# On a Space strangers share a small machine: everything that takes memory, disk or time is tighter.
PUBLIC_LIMITS = Limits(
    file_bytes=30 * MIB,
    unpacked_bytes=200 * MIB,
    read_seconds=60,
    read_memory_bytes=1536 * MIB,
    readings_per_address=1,
    rows=50_000,
    text_chars=10_000,
    embed_texts=200,
    queued_runs=2,
    queued_runs_per_address=8,
    queued_runs_total=24,  # eight hours, if each takes all of its time
    kept_runs=5,
    run_seconds=20 * 60,
    predictions_per_address=1,
    inspections_per_address=1,
    free_disk_share=0.1,  # of the 50 GB of a Space: room for the runs that are under way
)

# The variables of the server's environment that a training child gets. Tokens are not among them.
_SYSTEM = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_GPU = ("CUDA_VISIBLE_DEVICES", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF")
_PYTHON = ("VIRTUAL_ENV", "PYTHONPATH", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
_OWN = (
    "BERTDEMO_HOME", "BERTDEMO_CHECKPOINTS", "BERTDEMO_MAX_FILE_BYTES", "BERTDEMO_JOIN_SECONDS", "BERTDEMO_TRACKIO",
    "SPACE_ID", "SPACES_ZERO_GPU", "HF_HOME", "HF_HUB_CACHE",
)  # fmt: skip
# Through which network the processes of one run speak to each other.
_NETWORK = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "NCCL_IB_DISABLE", "NCCL_P2P_DISABLE", "NCCL_DEBUG")
_CHILD_KEEPS = (*_SYSTEM, *_GPU, *_PYTHON, *_OWN, *_NETWORK)
# Where a Space has the bucket that its owner has mounted, and where it can write if its home is read-only.
_BUCKET, _SPACE_HOME = Path("/data"), Path("/var/tmp")  # noqa: S108 - the folder below it is private to this user
# The variables with a secret that a forked process inherits from the server of a Space.
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET")
# What torchrun tells each process that it starts.
_RANK = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
# Looks of a waiting thread of libgomp before it sleeps: some ten microseconds, less than the scheduler's shortest turn.
_SPINS = "10000"


@dataclass(frozen=True)
class Settings:
    """All configuration from the environment, read once."""

    home: Path
    """Folder of runs, trained checkpoints and uploads. Never the checkout."""
    public: bool = False
    """True on a Space: visitors are separated and the public limits apply."""
    server_name: str = "127.0.0.1"
    server_port: int | None = None
    checkpoint_folders: tuple[Path, ...] = ()
    """Local checkpoints that the operator offers (BERTDEMO_CHECKPOINTS, separated like PATH)."""
    hub_endpoint: str | None = None
    """Address of the Hub (HF_ENDPOINT); None means huggingface_hub's own."""
    hub_cache: Path | None = None
    hub_offline: bool = False
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: int = 0
    """How many proxies in front of the server tell the client's address in X-Forwarded-For (BERTDEMO_TRUSTED_PROXIES).
    1 on a Space, which is behind that of Hugging Face; 0 means that no such header is believed."""
    shipped_run: bool = True
    """Whether the run that ships with the app is shown (BERTDEMO_SHIPPED_RUN=0 leaves it out)."""
    spare_worker: bool = True
    """Whether to keep one training process with its imports done, so that a run starts at once."""
    trackio: bool = False
    """Whether runs are logged to trackio too (BERTDEMO_TRACKIO=1), which must be installed then."""
    base_env: Mapping[str, str] = field(default_factory=dict)
    """The allow-listed part of the server's environment that children get."""
    launching: Launching = field(default_factory=Launching)
    rank: Rank | None = None
    """Which of several processes of a run this is; None for a process of its own."""
    backup: Path | None = None
    """Folder that outlives this machine, such as the bucket of a Space, to which runs are copied; None for none
    (BERTDEMO_BACKUP; on a Space the folder /data, where it is mounted)."""
    fault: str = ""
    """The fault that a test provokes (BERTDEMO_FAULT, read under pytest only): see bertdemo/faults.py."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the environment (`os.environ` when none is given). Raises PortWrong."""
        env = os.environ if env is None else env
        public = bool(env.get("SPACE_ID"))
        home = _home(env, public)
        folders = tuple(Path(part) for part in env.get("BERTDEMO_CHECKPOINTS", "").split(os.pathsep) if part)
        hub_home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
        return cls(
            home=home,
            public=public,
            server_name=env.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if public else "127.0.0.1"),  # noqa: S104 - a Space is reached from outside
            server_port=_port(env.get("GRADIO_SERVER_PORT", "").strip()),
            checkpoint_folders=folders,
            hub_endpoint=env.get("HF_ENDPOINT", "").rstrip("/") or None,
            hub_cache=Path(env.get("HF_HUB_CACHE") or hub_home / "hub").expanduser(),
            hub_offline=env.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"},
            limits=_limits(env, PUBLIC_LIMITS if public else Limits()),
            trusted_proxies=_count(env.get("BERTDEMO_TRUSTED_PROXIES", ""), int(public)),
            shipped_run=env.get("BERTDEMO_SHIPPED_RUN", "1") != "0",
            spare_worker=env.get("BERTDEMO_SPARE_WORKER", "1") != "0",
            trackio=env.get("BERTDEMO_TRACKIO", "0") not in {"", "0"},
            base_env={name: env[name] for name in _CHILD_KEEPS if name in env},
            launching=Launching.from_env(env),
            rank=Rank.from_env(env),
            backup=_backup(env, home, public),
            fault=env.get("BERTDEMO_FAULT", "") if "PYTEST_CURRENT_TEST" in env else "",
        )

    @property
    def runs(self) -> Path:
        """Folder of all run folders."""
        return self.home / "runs"

    @property
    def studies(self) -> Path:
        """Folder of all studies: several runs of one question."""
        return self.home / "studies"

    @property
    def trained(self) -> Path:
        """Folder of all trained checkpoints."""
        return self.home / "checkpoints"

    @property
    def tracked(self) -> Path:
        """Private folder that trackio writes to."""
        return self.home / "trackio"

    @property
    def uploads(self) -> Path:
        """Folder where Gradio keeps uploaded and downloadable files for a while."""
        return self.home / "uploads"

    @property
    def modules(self) -> Path:
        """Private folder that evaluate copies our metric modules into and imports them from."""
        return self.home / "modules"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server, so that there is one owner."""
        return not self.public and self.server_name in {"127.0.0.1", "localhost", "::1"}

    def apply(self) -> None:
        """Create the private folders and set the variables of the libraries, before these are imported.

        Raises HomeNotWritable.
        """
        try:
            for folder in (self.home, self.runs, self.trained, self.uploads, self.modules):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self.home):
                pass
        except OSError as error:
            raise HomeNotWritable(path=str(self.home), reason=error.strerror or str(error)) from None
        os.environ.update(self._library_env())

    def worker_env(self) -> dict[str, str]:
        """Return the whole environment of a child process: without tokens, and offline."""
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
            "TRACKIO_DIR": str(self.tracked),
            "GRADIO_ANALYTICS_ENABLED": "False",
            # For its page of monitoring, which is off, Gradio would keep the last 10,000 events, 12 MB, and put all of
            # them into a table after each one.
            "GRADIO_ANALYTICS_MAX_EVENTS": "1",
            "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
            # The threads of torch soon sleep while they wait for each other. Where they spin for long, one that the
            # scheduler has put aside holds up all others: beside other work a training was four times slower. Where
            # they sleep at once, waking them takes a sixth of a step on quiet cores (docs/benchmarks.md).
            "OMP_WAIT_POLICY": self.base_env.get("OMP_WAIT_POLICY", "PASSIVE"),
            **({} if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(self.base_env) else {"GOMP_SPINCOUNT": _SPINS}),
        }


def _count(value: str, default: int) -> int:
    """Return a whole number; what is none is as good as absent."""
    return int(value) if value.isascii() and value.isdigit() else default


def _home(env: Mapping[str, str], public: bool) -> Path:
    """Return the operator's folder, else the user's data folder; on a Space whose home is read-only, one in /var/tmp.

    Not in the folder of temporary files: Gradio serves what a listener returns from there.
    """
    if given := env.get("BERTDEMO_HOME"):
        return Path(given).expanduser().resolve()
    usual = Path(user_data_dir("bertdemo", appauthor=False)).expanduser().resolve()
    return usual if not public or _writable(usual) else _SPACE_HOME / f"bertdemo-{os.getuid()}"


def _backup(env: Mapping[str, str], home: Path, public: bool) -> Path | None:
    """Return the folder for copies of the runs; none where it was switched off, or holds the home itself."""
    given = env.get("BERTDEMO_BACKUP", "")
    if not given:
        given = str(_BUCKET / "bertdemo") if public and _BUCKET.is_dir() and _writable(_BUCKET) else "0"
    folder = None if given == "0" else Path(given).expanduser().resolve()
    return None if folder is None or home.is_relative_to(folder) or folder.is_relative_to(home) else folder


def _writable(folder: Path) -> bool:
    """Return whether a folder, or the nearest one above it that exists, can be written."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _port(value: str) -> int | None:
    """Return the port, None where none is given."""
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65_535):
        raise PortWrong(value=value)
    return int(value)


def drop_tokens() -> None:
    """Take every access token out of the environment of this process: it trains on what visitors have sent."""
    for name in _TOKENS:
        os.environ.pop(name, None)


def stand_alone() -> None:
    """Make this process train by itself, although torchrun has started others beside it.

    accelerate would otherwise wait for the others.
    """
    for name in _RANK:
        os.environ.pop(name, None)


def pin_gpu(device_id: str) -> str:
    """Make only the chosen GPU visible to this child; return its id from then on.

    Must run before CUDA is initialized. Otherwise Trainer spreads each batch over all visible GPUs.
    """
    if not device_id.startswith("cuda:"):
        return device_id
    visible = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part]
    index = int(device_id.removeprefix("cuda:"))
    os.environ["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
    return "cuda:0"


def _limits(env: Mapping[str, str], limits: Limits) -> Limits:
    """Return the limits with the operator's upload size (BERTDEMO_MAX_FILE_BYTES), if there is one."""
    size = env.get("BERTDEMO_MAX_FILE_BYTES", "")
    return replace(limits, file_bytes=int(size)) if size.isdigit() else limits
