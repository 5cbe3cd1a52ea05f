"""The process that reads one uploaded file: `python -m bertdemo.tables.sandbox_main JOB` (see `limited`).

It limits itself before it looks at the file, writes a Parquet file, and answers in one small JSON file.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from pathlib import Path

from bertdemo import processes
from bertdemo.errors import BertDemoError
from bertdemo.settings import Limits
from bertdemo.tables.parse_options import ParseOptions
from bertdemo.tables.table_files import convert

ANSWER = "answer.json"
OUT_OF_MEMORY = 3
"""Exit code."""


def main(arguments: list[str]) -> int:
    """Do the job that a file describes; return the exit code."""
    job = Path(arguments[0])
    told = json.loads(job.read_text(encoding="utf-8"))
    limits = Limits(**told["limits"])
    _limit(limits)
    processes.lower_priority()
    answer: dict[str, object] = {}
    try:
        convert(
            Path(told["path"]), told["name"], limits, ParseOptions.from_fields(told["options"]), Path(told["target"])
        )
    except BertDemoError as error:
        answer = {"error": error.message_key, "values": dict(error.values)}
    except MemoryError:
        return OUT_OF_MEMORY
    processes.write_atomic(job.with_name(ANSWER), json.dumps(answer))
    return 0


def _limit(limits: Limits) -> None:
    """Bound memory, processor time and what may be written; no core file. Where a system refuses, go on without."""
    wanted = {
        resource.RLIMIT_AS: (limits.read_memory_bytes, 0),
        # The signal at the first of two limits says what happened; the one at the second could mean anything.
        resource.RLIMIT_CPU: (limits.read_seconds, 5),
        resource.RLIMIT_FSIZE: (2 * limits.unpacked_bytes, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    for what, (most, more) in wanted.items():
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(what)[1]
            top = most + more if hard == resource.RLIM_INFINITY else min(most + more, hard)
            resource.setrlimit(what, (min(most, top), top))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
