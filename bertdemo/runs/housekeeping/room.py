"""Whether there is room on the disk for another upload or another run."""

from __future__ import annotations

from bertdemo import disk
from bertdemo.errors import DiskLow
from bertdemo.settings import Settings


def check_room(settings: Settings) -> None:
    """Raise DiskLow where less of the disk of the home is free than the limits ask for."""
    free, least = disk.free_share(settings.home), settings.limits.free_disk_share
    if free < least:
        raise DiskLow(free=f"{100 * free:.1f}%", least=f"{100 * least:g}%")
