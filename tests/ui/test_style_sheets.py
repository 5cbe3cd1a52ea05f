"""The style sheets as text: they all load together, so what one of them says holds in every tab."""

from __future__ import annotations

import re
from pathlib import Path

import bertdemo.ui

ASSETS = Path(bertdemo.ui.__file__).parent / "assets"
ONE_CLASS = re.compile(r"\.([\w-]+)(?::[\w-]+)*")


def defined(sheet: str) -> set[str]:
    """The classes that a rule is about with no other condition than a state: `.bd-top`, but not `.bd-run .bd-top`.

    Every drawing of ours is inside a `.bd`, so `.bd .bd-top` is no other condition.
    """
    plain = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    selectors = [selector.strip() for rule in re.findall(r"([^{}]+)\{", plain) for selector in rule.split(",")]
    return {match[1] for selector in selectors if (match := ONE_CLASS.fullmatch(selector.removeprefix(".bd ")))}


def test_no_two_style_sheets_define_one_class() -> None:
    sheets = {path.name: defined(path.read_text(encoding="utf-8")) for path in sorted(ASSETS.glob("*.css"))}
    assert len(sheets) > 1 and all(sheets.values())
    names = sorted(set().union(*sheets.values()))
    where = {name: [sheet for sheet, classes in sheets.items() if name in classes] for name in names}
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_no_tab_uses_a_class_that_the_sheet_of_another_tab_defines() -> None:
    pages = ASSETS.parent
    tabs = {path.name for path in pages.iterdir() if path.is_dir()}
    sheets = {
        path.stem: defined(path.read_text(encoding="utf-8")) for path in ASSETS.glob("*.css") if path.stem in tabs
    }
    assert len(sheets) == 4
    used = {
        tab: set(re.findall(r"\bbd-[\w-]+", "".join(path.read_text("utf-8") for path in (pages / tab).rglob("*.py"))))
        for tab in (*sheets, "tokenization")
    }
    borrowed = {
        (tab, name) for tab, names in used.items() for sheet, classes in sheets.items() if sheet != tab
        for name in names & classes
    }  # fmt: skip
    assert borrowed == set()
