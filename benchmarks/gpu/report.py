"""The report of `make gpu`: rows as they come, as Markdown for people and as JSON with everything."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu.packages import Survey
from benchmarks.row import Row


@dataclass(frozen=True)
class Result:
    """One row, the check that it belongs to, and what only the JSON tells."""

    check: str
    row: Row
    traceback: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def skipped(cls, check: str, what: str, why: str) -> Result:
        """Return the row of what was not run."""
        return cls(check, Row(what, f"skipped: {why}", "", None))

    @classmethod
    def failed(cls, check: str, what: str, why: str, traceback: str = "") -> Result:
        """Return the row of a check that did not come to its end."""
        return cls(check, Row(what, f"failed: {one_line(why)}", "", False), traceback)

    def to_json(self) -> dict[str, Any]:
        """Return the fields of the JSON report."""
        row = asdict(self.row)
        return {"check": self.check, **row, "figures": dict(self.figures), "traceback": self.traceback}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Result:
        """Rebuild what `to_json` gave."""
        row = Row(raw["what"], raw["result"], raw["wanted"], raw["held"])
        return cls(raw["check"], row, raw["traceback"], raw["figures"])


class Report:
    """Rewritten after each check, so that a run that is killed leaves what it has."""

    def __init__(self, folder: Path, survey: Survey, python: str) -> None:
        self._folder, self._survey, self._python = folder, survey, python
        self._began = time.monotonic()
        self.machine = "no device known"
        self.results: list[Result] = []
        self.seconds: dict[str, float] = {}

    def add(self, check: str, results: Sequence[Result], seconds: float) -> None:
        """Take the rows of a check and write both files."""
        self.results += results
        self.seconds[check] = round(seconds, 1)
        self.write()

    @property
    def failures(self) -> int:
        """Number of rows that did not hold."""
        return sum(result.row.held is False for result in self.results)

    def write(self) -> None:
        """Write gpu-report.md and gpu-report.json."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "gpu-report.md").write_text(self.markdown(), encoding="utf-8")
        text = json.dumps(self._fields(), ensure_ascii=False, indent=2)
        (self._folder / "gpu-report.json").write_text(text + "\n", encoding="utf-8")

    def markdown(self) -> str:
        """Return the report for people."""
        lines = [f"# GPU report, {datetime.date.today():%Y-%m-%d}", "", f"{self.machine}, Python {self._python}."]
        lines += ["", f"{self._summary()} {self.packages()}", ""]
        lines += ["| what | result | target | met |", "| --- | --- | --- | --- |"]
        lines += [result.row.line() for result in self.results]
        return "\n".join(lines) + "\n"

    def _summary(self) -> str:
        held = [result.row.held for result in self.results]
        skipped = sum(result.row.result.startswith("skipped: ") for result in self.results)
        counts = f"{held.count(True)} met, {held.count(False)} failed, {skipped} skipped"
        return f"{counts}, in {time.monotonic() - self._began:.0f} s."

    def packages(self) -> str:
        """Return where each package comes from, in sentences."""
        survey = self._survey
        parts = [f"From the machine: {_versions(survey.there)}."]
        parts += [f"From the pack: {_versions(survey.from_pack)}."] if survey.from_pack else []
        parts += [f"On the machine, but too old: {_versions(survey.too_old)}."] if survey.too_old else []
        parts += [f"Missing: {', '.join(survey.missing)}."] if survey.missing else []
        parts += [f"Not there and not needed: {', '.join(survey.unused)}."] if survey.unused else []
        return " ".join(parts)

    def _fields(self) -> dict[str, Any]:
        return {
            "date": f"{datetime.date.today():%Y-%m-%d}",
            "machine": self.machine,
            "python": self._python,
            "seconds": round(time.monotonic() - self._began, 1),
            "seconds_by_check": self.seconds,
            "packages": asdict(self._survey),
            "rows": [result.to_json() for result in self.results],
        }


def one_line(text: str) -> str:
    """Return a text that fits into a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "/")[:200]


def _versions(names: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in names.items())
