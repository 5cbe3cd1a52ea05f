"""A worker that reports every step, where one of the app reports five in a second, and at the priority of the tests.

Two processes wait for each other at each step: at a lower priority, on a busy machine, a step takes a second.
"""

from __future__ import annotations

import sys

from bertdemo import processes
from bertdemo.runs.worker import training
from bertdemo.runs.worker.__main__ import main

if __name__ == "__main__":
    training.STEP_EVENT_SECONDS = 0.0
    processes.lower_priority = lambda: None
    sys.exit(main(sys.argv[1:]))
