"""Settings out of bounds; `field` names the one at fault."""

from __future__ import annotations

from bertdemo.errors.base import ConfigError


class FieldUnknown(ConfigError):
    """No such setting."""

    key, params = "field_unknown", ("field", "fields")


class FieldNotNumber(ConfigError):
    """A setting that must be a number is not."""

    key, params = "field_not_number", ("field", "value")


class FieldOutOfBounds(ConfigError):
    """A setting beyond its bounds."""

    key, params = "field_out_of_bounds", ("field", "value", "low", "high")


class FieldNotChoice(ConfigError):
    """A setting that is none of the choices."""

    key, params = "field_not_choice", ("field", "value", "choices")


class DeviceGone(ConfigError):
    """The chosen device is not there."""

    key, params = "device_gone", ("device", "devices")


class LengthBeyondModel(ConfigError):
    """max_length and the checkpoint clash."""

    key, params = "length_beyond_model", ("length", "positions", "checkpoint")
