"""An export needs a run, so the fixtures of runs serve here too."""

from tests.runs.conftest import data, environment, own_settings, registry, tiny, work

__all__ = ["data", "environment", "own_settings", "registry", "tiny", "work"]
