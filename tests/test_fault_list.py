"""Every fault of docs/faults.md has a test that exists, or says why it has none."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def rows() -> dict[int, tuple[str, str]]:
    """Return number -> what happens, and the tests."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return {int(number): (happens, tests) for number, _, happens, tests in ROW.findall(text)}


def test_all_52_faults_are_listed_in_order() -> None:
    assert list(rows()) == list(range(1, 53))


def test_every_named_test_exists_and_every_fault_without_one_says_why() -> None:
    wrong = []
    for number, (happens, tests) in rows().items():
        named = NAMED.findall(tests)
        if not named and "no test" not in happens:
            wrong.append(f"{number}: no test and no reason")
        for path, test in named:
            file = ROOT / path
            if not file.is_file() or (test and f"def {test}(" not in file.read_text(encoding="utf-8")):
                wrong.append(f"{number}: {path}::{test}")
    assert not wrong, "\n".join(wrong)
