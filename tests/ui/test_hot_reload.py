"""On a Space, the finder that hot reload puts before all imports is gone before anybody can ask for a page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bertdemo.ui.hot_reload import keep_out

_REGISTER = """
import sys

class ImportSniffer:
    def find_spec(self, fullname, path=None, target=None):
        return None

sys.meta_path.insert(0, ImportSniffer())
"""


@pytest.fixture
def spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as a Space has it, as far as this is about it."""
    folder = tmp_path / "spaces" / "_vendor" / "jurigged"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent, folder.parents[1]):
        (package / "__init__.py").touch()
    (folder / "register.py").write_text(_REGISTER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in ("spaces", "spaces._vendor", "spaces._vendor.jurigged", "spaces._vendor.jurigged.register"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_finder_is_taken_out_and_does_not_come_back(spaces: None) -> None:
    before = list(sys.meta_path)
    keep_out()
    assert sys.meta_path == before
    import spaces._vendor.jurigged.register  # type: ignore[import-not-found]  # noqa: F401 - as Gradio's thread does

    assert sys.meta_path == before


def test_elsewhere_nothing_happens() -> None:
    before = list(sys.meta_path)
    keep_out()
    assert sys.meta_path == before
