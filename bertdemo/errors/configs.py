"""Settings that cannot be used; `field` names the one at fault."""

from __future__ import annotations

from bertdemo.errors.base import ConfigError


class FieldUnknown(ConfigError):
    """There is no setting of that name."""

    key, params = "field_unknown", ("field", "fields")


class FieldNotNumber(ConfigError):
    """A setting that must be a number is not one."""

    key, params = "field_not_number", ("field", "value")


class FieldOutOfBounds(ConfigError):
    """A setting beyond its bounds."""

    key, params = "field_out_of_bounds", ("field", "value", "low", "high")


class FieldNotChoice(ConfigError):
    """A setting that is not one of its choices."""

    key, params = "field_not_choice", ("field", "value", "choices")


class ProbeNotForTask(ConfigError):
    """A linear probe was asked for, as the method or as the first head, of a task whose probe is no checkpoint."""

    key, params = "probe_not_for_task", ("task",)


class ProbeReadsMean(ConfigError):
    """A linear probe was asked for as the first head together with the pooler, which it does not read."""

    key = "probe_reads_mean"


class OptionNotForTask(ConfigError):
    """A setting was changed that this task does not read."""

    key, params = "option_not_for_task", ("task", "field")


class DeviceGone(ConfigError):
    """The chosen device is not available."""

    key, params = "device_gone", ("device", "devices")


class DevicesPending(ConfigError):
    """The server has not looked for its devices yet: torch is still being imported."""

    key = "devices_pending"


class DevicesFailed(ConfigError):
    """Looking for devices failed; the traceback is in the server's log under `error_id`."""

    key, params = "devices_failed", ("error_id",)


class LayersBeyondModel(ConfigError):
    """More layers are to be kept than the checkpoint has."""

    key, params = "layers_beyond_model", ("layers", "most", "checkpoint")


class AllLayersFrozen(ConfigError):
    """All `layers` of the model are frozen in a task that adds no head, so nothing would train."""

    key, params = "all_layers_frozen", ("layers", "most")


class LengthBeyondModel(ConfigError):
    """`max_length` exceeds the positions of the checkpoint."""

    key, params = "length_beyond_model", ("length", "positions", "checkpoint")
