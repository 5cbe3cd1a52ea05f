"""The stand-in for the Hub that the tests of checkpoints use too."""

from __future__ import annotations

from tests.checkpoints.conftest import catalogue, hub, online, tiny, tiny_classifier

__all__ = ["catalogue", "hub", "online", "tiny", "tiny_classifier"]
