"""`make doctor`: one line per check; the exit code is 1 where one has failed."""

from __future__ import annotations

import locale
import sys

from bertdemo.doctor.checks import Finding, examine
from bertdemo.errors import StartError
from bertdemo.i18n.translation import message, normalize, translate
from bertdemo.settings import Settings


def main() -> int:
    """Examine this machine."""
    lang = normalize(locale.getlocale()[0])
    try:
        settings = Settings.from_env()
        settings.apply()
    except StartError as error:
        print(f"{translate(lang, 'doctor.level.fail'):<4}  {message(lang, error)}")  # noqa: T201
        return 1
    findings = examine(settings)
    for finding in findings:
        print(line(finding, lang), flush=True)  # noqa: T201
    return int(any(finding.level == "fail" for finding in findings))


def line(finding: Finding, lang: str) -> str:
    """Return one check as a line."""
    return f"{translate(lang, f'doctor.level.{finding.level}'):<4}  {finding.words(lang)}"


if __name__ == "__main__":
    sys.exit(main())
