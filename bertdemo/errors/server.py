"""The server cannot start, or has no capacity for a request now."""

from __future__ import annotations

from bertdemo.errors.base import BertDemoError, StartError


class ServerBusy(BertDemoError):
    """All slots for this kind of work stayed occupied until the wait timed out; `place` is that in line."""

    key, params = "server_busy", ("place", "seconds")


class DiskLow(BertDemoError):
    """Too little of the disk is free for another upload or another run; both values are percentages."""

    key, params = "disk_low", ("free", "least")


class StorageFull(BertDemoError):
    """No space is left for a file that a visitor uploads or asks for."""

    key = "storage_full"


class HomeNotWritable(StartError):
    """The folder that holds the runs cannot be made or written; `reason` is the operating system's."""

    key, params = "home_not_writable", ("path", "reason")


class PortWrong(StartError):
    """The port is not a whole number from 1 to 65535."""

    key, params = "port_wrong", ("value",)


class PortTaken(StartError):
    """Nothing can listen at this address: another program does, or this machine does not have it."""

    key, params = "port_taken", ("address",)
