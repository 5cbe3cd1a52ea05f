"""Two "hosts" of one machine: network namespaces with names and addresses of their own, joined by one cable."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HOSTS = Path("/etc/netns")


@dataclass(frozen=True)
class Host:
    """One namespace."""

    name: str
    address: str
    interface: str

    @property
    def prefix(self) -> list[str]:
        """Return what comes before a command to run it on this host."""
        enter = ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c"]
        return [*enter, f'hostname {self.name}; exec "$@"', "sh"]


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts that reach each other; raises OSError or CalledProcessError where that is not allowed."""
    if os.geteuid() or not shutil.which("ip") or not shutil.which("unshare"):
        raise OSError("no root, iproute2 or util-linux")
    tag = f"bd{os.getpid() % 100_000}"
    first, second = Host(f"{tag}a", "10.213.7.1", f"{tag}v0"), Host(f"{tag}b", "10.213.7.2", f"{tag}v1")
    try:
        for host in (first, second):
            _ip("netns", "add", host.name)
            (_HOSTS / host.name).mkdir(parents=True)
            lines = ["127.0.0.1 localhost", *(f"{one.address} {one.name}" for one in (first, second))]
            (_HOSTS / host.name / "hosts").write_text("\n".join(lines) + "\n", encoding="ascii")
        _ip("link", "add", first.interface, "netns", first.name, "type", "veth",
            "peer", "name", second.interface, "netns", second.name)  # fmt: skip
        for host in (first, second):
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", host.interface)
            for interface in ("lo", host.interface):
                _ip("-n", host.name, "link", "set", interface, "up")
        yield first, second
    finally:
        for host in (first, second):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", host.name)
            shutil.rmtree(_HOSTS / host.name, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["/usr/bin/env", "ip", *arguments], check=True, capture_output=True)
