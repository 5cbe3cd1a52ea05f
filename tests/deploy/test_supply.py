"""The packages: the lock is what is installed, and nothing is older than the oldest version without a known hole."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertdemo.doctor import floors
from bertdemo.doctor.floors import FLOORS, Floor, below_floor
from deploy.lock import LOCK, locked, normalized, resolved

ROOT = Path(__file__).resolve().parents[2]


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normalized(name.split("[")[0]): version for name, version in pairs}


def test_the_lock_is_what_the_requirements_have_installed() -> None:
    assert locked() == resolved()


def test_the_lock_has_every_pin_in_its_version_and_the_packages_below_them() -> None:
    assert {name: locked().get(name) for name in pins()} == pins()
    assert {"fastapi", "pillow", "uvicorn"} <= set(locked())


def test_the_lock_has_no_package_that_only_the_tests_need() -> None:
    assert {"pytest", "ruff", "mypy", "playwright"}.isdisjoint(locked())


def test_make_install_uses_the_lock() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"-r requirements.txt -c {LOCK.name}" in makefile
    assert f"$(STAMP): requirements.txt {LOCK.name}" in makefile


def test_nothing_that_is_locked_is_below_its_floor() -> None:
    older = {name: locked().get(normalized(name), "0") for name in FLOORS}
    assert not [name for name, version in older.items() if floors._is_older(version, FLOORS[name])]


def test_every_floor_says_why() -> None:
    assert all(floor.reason for floor in FLOORS.values())
    assert {"gradio", "transformers", "torch", "accelerate", "pyarrow", "defusedxml"} == set(FLOORS)


@pytest.mark.parametrize(
    ("version", "floor", "older"),
    [
        ("6.20", "6.20", False),
        ("6.9.0", "6.20", True),
        ("2.13.0+cpu", "2.11", False),
        ("25.9", "26", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, floor: str, older: bool) -> None:
    assert floors._is_older(version, Floor(floor, "")) is older


def test_a_package_that_is_old_or_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert below_floor() == {}
    monkeypatch.setattr(floors, "FLOORS", {"gradio": Floor("999", ""), "no-such-package": Floor("1", "")})
    assert set(below_floor()) == {"gradio", "no-such-package"}
    assert below_floor()["no-such-package"] == ""
