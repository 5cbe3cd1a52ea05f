"""All random generators that a training draws from: their state as plain values, and a block that leaves them alone.

`device` is the type of the device that trains (`cpu`, `cuda`, `mps`); a worker sees one device of its type.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any


def random_state(device: str) -> dict[str, Any]:
    """Return the state of the generators of torch, of the device, of NumPy and of Python."""
    import numpy as np
    import torch

    on_device = None if device == "cpu" else torch.get_device_module(device).get_rng_state()
    return {
        "torch": torch.get_rng_state(),
        "device": on_device,
        "numpy": np.random.get_state(),
        "python": random.getstate(),
    }


def restore_random_state(state: Mapping[str, Any], device: str) -> None:
    """Put all generators back; that of a device only where training goes on on a device of its type."""
    import numpy as np
    import torch

    torch.set_rng_state(state["torch"])
    if state["device"] is not None and device != "cpu":
        torch.get_device_module(device).set_rng_state(state["device"])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])


@contextlib.contextmanager
def random_state_kept(device: str) -> Iterator[None]:
    """Put all generators back at the end of the block: what evaluates or saves must not change what is trained."""
    before = random_state(device)
    try:
        yield
    finally:
        restore_random_state(before, device)
