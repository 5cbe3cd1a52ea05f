"""A stand-in for the Hugging Face Hub on 127.0.0.1, scripted by tests; see `server`."""

from tests.hub_double.server import HubDouble

__all__ = ["HubDouble"]
