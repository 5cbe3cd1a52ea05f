"""How far a script was from its run where it cannot repeat it: the figures that stand above such a script.

They are those of `python -m benchmarks.script_differences`, dated in docs/benchmarks.md; a test compares the two.
"""

from __future__ import annotations

# Of a run of the bundled model on the sample support_en that was stopped after half of its epochs.
STOPPED = "5 of 73 rows with another label, and a confidence that differs by up to 0.356 in the others"
STOPPED_ON = "2026-11-29"
