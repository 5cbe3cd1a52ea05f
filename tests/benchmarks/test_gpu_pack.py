"""`make gpu-pack`: what is in it, what it refuses, and what is taken from it on a machine that lacks packages."""

from __future__ import annotations

import json
import platform
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu_pack
from benchmarks.gpu import packages

HERE = ".".join(platform.python_version_tuple()[:2])


def write_pack(folder: Path, python: str = HERE, **entries: dict[str, Any]) -> Path:
    """Write a pack of empty modules; an entry may override what pack.json says of it."""
    (folder / "packages").mkdir(parents=True)
    listed = {}
    for name, entry in entries.items():
        listed[name] = {"version": "2.0", "modules": [name], "requires": [], "compiled": False, **entry}
        with zipfile.ZipFile(folder / "packages" / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}.py", "VALUE = 'of the pack'\n")
    (folder / "pack.json").write_text(json.dumps({"python": python, "packages": listed}), encoding="utf-8")
    return folder


def test_an_installed_package_travels_whole_but_without_its_tests(tmp_path: Path) -> None:
    gpu_pack.pack_installed("multiprocess", tmp_path)
    with zipfile.ZipFile(tmp_path / "packages" / "multiprocess.zip") as archive:
        names = archive.namelist()
    assert "multiprocess/context.py" in names and "_multiprocess/__init__.py" in names
    assert any(name.endswith("METADATA") for name in names)
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc") or name.startswith("..")]


def test_what_the_machine_lacks_is_taken_and_what_it_has_is_not(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", nowhere_else={}, numpy={}, nor_here={})
    survey = packages.survey(pack)
    assert set(survey.from_pack) == {"nowhere_else", "nor_here"}
    assert "numpy" in survey.there and not survey.too_old
    packages.unpack(pack, survey.from_pack, tmp_path / "site")
    assert (tmp_path / "site" / "nowhere_else.py").is_file() and not (tmp_path / "site" / "numpy.py").exists()


def test_what_is_too_old_for_a_package_of_the_pack_is_replaced_and_named(tmp_path: Path) -> None:
    needs = {"requires": ["numpy>=999"]}
    survey = packages.survey(write_pack(tmp_path, nowhere_else=needs, numpy={"version": "999.1"}))
    assert survey.from_pack == {"nowhere_else": "2.0", "numpy": "999.1"}
    assert set(survey.too_old) == {"numpy"} and "numpy" not in survey.there


def test_a_compiled_package_for_another_python_is_not_taken(tmp_path: Path) -> None:
    entries: dict[str, dict[str, Any]] = {"nowhere_else": {"compiled": True}, "nowhere_pure": {}}
    assert set(packages.survey(write_pack(tmp_path / "a", "2.7", **entries)).from_pack) == {"nowhere_pure"}
    assert set(packages.survey(write_pack(tmp_path / "b", HERE, **entries)).from_pack) == set(entries)


def test_without_a_pack_everything_must_be_there() -> None:
    survey = packages.survey(None)
    assert not survey.from_pack and not survey.missing and "torch" in survey.there


def test_what_neither_the_machine_nor_the_pack_has_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda name, module: "" if name in {"torch", "pydantic"} else "1.0")
    assert packages.survey(write_pack(tmp_path, pydantic={})).missing == ("torch",)
    assert packages.survey(None).missing == ("pydantic", "torch")


def test_a_pack_that_is_too_large_is_refused_with_its_largest_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu_pack.pack_installed("seqeval", tmp_path)
    assert gpu_pack._report(tmp_path, []) == 0
    monkeypatch.setattr(gpu_pack, "MOST_BYTES", 1000)
    assert gpu_pack._report(tmp_path, []) == 1
    assert "Too large. Largest packages: seqeval.zip" in capsys.readouterr().out


def test_where_pip_reaches_nothing_it_says_so_and_what_is_lacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(name, value)
    assert not gpu_pack.pack_compiled("pydantic-core", tmp_path, tmp_path / "wheels")
    assert gpu_pack._report(tmp_path, ["pydantic-core"]) == 1
    told = capsys.readouterr().out
    assert "for Python 3.12 could not be downloaded. pip says: ERROR: No matching distribution" in told
    assert "The pack is incomplete: a machine without pydantic-core cannot run it." in told


def test_a_wheel_of_an_earlier_download_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_pack, "_downloaded", lambda name, wheels: pytest.fail("pip was asked"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    name = f"pydantic_core-{gpu_pack.version('pydantic-core')}-cp312-cp312-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(wheels / name, "w") as archive:
        archive.writestr("pydantic_core/__init__.py", "")
    assert gpu_pack.pack_compiled("pydantic-core", tmp_path, wheels)


def test_every_package_of_the_pack_is_installed_here_and_has_a_module() -> None:
    for name in (*gpu_pack.PURE, *gpu_pack.COMPILED):
        assert gpu_pack._modules(name), name
