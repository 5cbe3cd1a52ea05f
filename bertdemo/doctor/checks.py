"""The checks. Each returns one Finding, and none raises for what it looks for."""

from __future__ import annotations

import secrets
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bertdemo import processes
from bertdemo.checkpoints import Catalogue
from bertdemo.device import DeviceReport, cpu, report
from bertdemo.doctor.floors import FLOORS, below_floor
from bertdemo.i18n.translation import size, thousands, translate
from bertdemo.settings import MIB, Settings

Level = Literal["pass", "warn", "fail"]
GIB = 1024 * MIB
# A run of BERT-base keeps two resume checkpoints of 1.3 GB and one trained model; below the first number none ends.
_LEAST_DISK, _GOOD_DISK = GIB, 5 * GIB
# The server and one worker of the bundled model took 2.1 GB together; BERT-base trains in about 4 GB.
_LEAST_MEMORY, _GOOD_MEMORY = 2 * GIB, 4 * GIB
# Every checkpoint waits for the disk several times: from here on that is felt.
_SLOW_SYNC_MS = 500.0
# Bytes that are written to time the disk.
_SYNCED_BYTES = MIB
# A model that the Hub has had for years.
_KNOWN_MODEL = "google-bert/bert-base-uncased"


@dataclass(frozen=True)
class Finding:
    """What one check found; the sentence is `doctor.<key>`, and says what to do where something is wrong."""

    level: Level
    key: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)

    def words(self, lang: str) -> str:
        """Return the sentence."""
        values = dict(self.values)
        if "reason_key" in values:
            values["reason"] = translate(lang, str(values.pop("reason_key")))
        return translate(lang, f"doctor.{self.key}", **values)


def examine(settings: Settings, devices: DeviceReport | None = None, *, serving: bool = False) -> list[Finding]:
    """Do all checks in their order; `devices` where they are known, `serving` where this process has the port."""
    checks: list[Callable[[], Finding]] = [
        versions,
        lambda: disk(settings.home),
        lambda: writing(settings.home),
        lambda: locks(settings.home),
        memory,
        lambda: gpu(devices or report()),
        lambda: hub(settings),
        lambda: token(settings),
        lambda: limits(settings),
    ]
    if not serving:
        checks.append(lambda: port(settings))
    return [check() for check in checks]


def versions() -> Finding:
    """Compare the installed packages with the floors."""
    below = below_floor()
    if not below:
        return Finding("pass", "versions.held", {"n": len(FLOORS)})
    names = ", ".join(f"{name} {version or '–'} (≥ {FLOORS[name].version})" for name, version in below.items())
    return Finding("fail", "versions.below", {"packages": names})


def disk(home: Path) -> Finding:
    """Look at the free space where runs are kept."""
    free = shutil.disk_usage(home).free
    level: Level = "pass" if free >= _GOOD_DISK else "warn" if free >= _LEAST_DISK else "fail"
    values = {"free": size(free), "wanted": size(_GOOD_DISK), "path": str(home)}
    return Finding(level, f"disk.{level}", values)


def writing(home: Path) -> Finding:
    """Write a file beside, sync it, and rename it, as everything that must not be torn is written."""
    path = home / f"doctor-{secrets.token_hex(6)}"
    began = time.perf_counter()
    try:
        for content in (b"before", secrets.token_bytes(_SYNCED_BYTES)):
            processes.write_atomic(path, content)
        whole = path.read_bytes() == content
    except OSError as error:
        return Finding("fail", "writing.fail", {"path": str(home), "reason": error.strerror or str(error)})
    finally:
        path.unlink(missing_ok=True)
    took = 1000 * (time.perf_counter() - began)
    level: Level = "fail" if not whole else "warn" if took > _SLOW_SYNC_MS else "pass"
    values = {"time": f"{thousands(max(1, round(took)))} ms", "path": str(home), "reason": "?"}
    return Finding(level, f"writing.{level}", values)


def locks(home: Path) -> Finding:
    """Hold a lock and ask whether it is held, which is how a run is known to be alive."""
    path = home / f"doctor-{secrets.token_hex(6)}.lock"
    try:
        with processes.hold(path):
            held = processes.is_held(path)
        works = held and not processes.is_held(path)
    except (OSError, NotImplementedError):
        works = False
    finally:
        path.unlink(missing_ok=True)
    return Finding("pass", "locks.pass") if works else Finding("fail", "locks.fail", {"path": str(home)})


def memory() -> Finding:
    """Look at the free memory, within the limit of a container."""
    here = cpu()
    level: Level = "pass" if here.free_bytes >= _GOOD_MEMORY else "warn" if here.free_bytes >= _LEAST_MEMORY else "fail"
    return Finding(level, f"memory.{level}", {"free": size(here.free_bytes), "total": size(here.total_bytes)})


def gpu(devices: DeviceReport) -> Finding:
    """Name the GPUs, or why there is none; training works without one."""
    names = ", ".join(f"{it.name} ({size(it.total_bytes)})" for it in devices.devices if it.kind != "cpu")
    if names:
        return Finding("pass", "gpu.found", {"names": names})
    return Finding("pass", "gpu.none", {"reason_key": f"device.no_gpu.{devices.no_gpu}"})


def hub(settings: Settings) -> Finding:
    """Ask the Hub for a model that it surely has."""
    if settings.hub_offline:
        return Finding("pass", "hub.offline")
    if Catalogue(settings).can_fetch(_KNOWN_MODEL):
        return Finding("pass", "hub.reached")
    return Finding("warn", "hub.unreachable", {"address": settings.hub_endpoint or "https://huggingface.co"})


def token(settings: Settings) -> Finding:
    """Say whether huggingface_hub would find a token; its value goes nowhere."""
    from huggingface_hub import get_token

    if get_token() is None:
        return Finding("pass", "token.none")
    return Finding("warn", "token.public") if not settings.loopback else Finding("pass", "token.local")


def limits(settings: Settings) -> Finding:
    """Say which limits hold."""
    allowed = settings.limits
    values: dict[str, str | int | float] = {
        "file": size(allowed.file_bytes),
        "rows": thousands(allowed.rows),
        "queued": allowed.queued_runs,
        "minutes": allowed.run_seconds // 60,
    }
    return Finding("pass", "limits.timed" if allowed.run_seconds else "limits.untimed", values)


def port(settings: Settings) -> Finding:
    """Try to listen where the server will."""
    wanted = settings.server_port or 7860
    address = f"{settings.server_name}:{wanted}"
    family = socket.AF_INET6 if ":" in settings.server_name else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.server_name, wanted))
        except OSError:
            # Without GRADIO_SERVER_PORT, Gradio takes the next free port.
            return Finding("fail" if settings.server_port else "warn", "port.taken", {"address": address})
    return Finding("pass", "port.free", {"address": address})
