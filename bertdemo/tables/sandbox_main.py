"""The process that reads one uploaded file: `python -m bertdemo.tables.sandbox_main JOB` (see `sandbox`).

It limits itself before it opens the file, writes a Parquet file, and answers in one small JSON file.
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
# Exit code; the parent then finds no answer.
OUT_OF_MEMORY = 3


def main(arguments: list[str]) -> int:
    """Do the job that a file describes; return the exit code."""
    job_file = Path(arguments[0])
    job = json.loads(job_file.read_text(encoding="utf-8"))
    limits = Limits(**job["limits"])
    _limit(limits)
    processes.lower_priority()
    answer: dict[str, object] = {}
    try:
        convert(Path(job["path"]), job["name"], limits, ParseOptions.from_fields(job["options"]), Path(job["target"]))
    except BertDemoError as error:
        answer = {"error": error.message_key, "values": dict(error.values)}
    except MemoryError:
        return OUT_OF_MEMORY
    processes.write_atomic(job_file.with_name(ANSWER), json.dumps(answer))
    return 0


def _limit(limits: Limits) -> None:
    """Bound memory, processor time and bytes written; no core file. Where a system refuses, go on without."""
    # Resource -> (soft limit, what the hard limit adds to it).
    bounds = {
        resource.RLIMIT_AS: (limits.read_memory_bytes, 0),
        # SIGXCPU at the soft limit says what happened; SIGKILL at the hard one could mean anything.
        resource.RLIMIT_CPU: (limits.read_seconds, 5),
        # Of one file, such as the copy of an archive's member or the Parquet file.
        resource.RLIMIT_FSIZE: (2 * limits.unpacked_bytes, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, (soft, extra) in bounds.items():
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(kind)[1]
            top = soft + extra if hard == resource.RLIM_INFINITY else min(soft + extra, hard)
            resource.setrlimit(kind, (min(soft, top), top))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
