"""Whether the worker of a run lives, answers, and how it ended: small files beside the events."""
