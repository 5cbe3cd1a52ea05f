"""What the READMEs say is true of the tree and of the code, in both languages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from bertdemo.settings import PUBLIC_LIMITS, Limits

MODULES = {"scikit-learn": "sklearn"}
"""Distribution -> the module that it brings, where the names differ."""
ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FRONT, BODY = README.split("---\n", 2)[1:]
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
BODIES = {"README.md": BODY, "README.zh.md": CHINESE}
both = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


def test_the_space_front_matter_names_what_a_space_needs() -> None:
    front = yaml.safe_load(FRONT)
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert front["sdk"] == "gradio"
    assert f"gradio=={front['sdk_version']}\n" in pins
    assert front["python_version"] == "3.11"
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60
    files = "config.json,model.safetensors,tokenizer.json,tokenizer_config.json,vocab.txt"
    names = ("google-bert/bert-base-uncased", "google-bert/bert-base-chinese")
    assert front["preload_from_hub"] == [f"{name} {files}" for name in names]


def test_each_readme_links_to_the_other_on_its_first_line() -> None:
    assert BODY.lstrip().splitlines()[0].endswith("[中文](README.zh.md)")
    assert CHINESE.splitlines()[0].startswith("[English](README.md)")


def test_both_readmes_have_the_same_sections_commands_and_tables() -> None:
    shapes = [
        (re.findall(r"^#+", body, re.M), re.findall(r"`make \w+", body), len(re.findall(r"^\|", body, re.M)))
        for body in BODIES.values()
    ]
    assert shapes[0] == shapes[1]


@both
def test_every_name_in_the_tree_exists_and_every_part_of_the_package_is_named(body: str) -> None:
    tree = re.search(r"```\napp\.py.*?```", body, re.DOTALL)
    assert tree
    lines = [line for line in tree[0].splitlines()[1:-1] if line.strip()]
    inside = {line.split()[0].rstrip("/") for line in lines if line.startswith("  ")}
    for line in lines:
        name = line.split()[0]
        assert (ROOT / ("bertdemo" if line.startswith("  ") else "") / name).exists(), name
    real = {path.name for path in (ROOT / "bertdemo").iterdir() if not path.name.startswith("_")}
    assert inside == real


@both
def test_every_link_to_a_file_leads_somewhere(body: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", body):
        assert (ROOT / target).exists(), target


@both
def test_every_variable_of_the_table_is_read_by_the_settings(body: str) -> None:
    source = "".join(
        (ROOT / "bertdemo" / f"{name}.py").read_text(encoding="utf-8") for name in ("settings", "launching")
    )
    names = re.findall(r"`((?:BERTDEMO|GRADIO_SERVER|HF)_[A-Z_]+)`", body)
    assert names and all(f'"{name}"' in source for name in names)


@both
def test_the_table_of_limits_has_the_values_of_the_settings(body: str) -> None:
    shown = [
        [int(cell.replace(",", "")) for cell in re.findall(r"\| ([\d,]+)(?= \|)", line)]
        for line in body.splitlines()
        if re.fullmatch(r"\| [^|]+ \| [\d,]+ \| [\d,]+ \|", line)
    ]
    fields = ("rows", "labels", "text_chars", "queued_runs", "kept_runs")
    assert shown == [[getattr(limits, name) for limits in (Limits(), PUBLIC_LIMITS)] for name in fields]
    assert PUBLIC_LIMITS.run_seconds == 20 * 60 and Limits().run_seconds == 0
    shares = [f"{limits.free_disk_share:.0%}" for limits in (Limits(), PUBLIC_LIMITS)]
    assert f" | {shares[0]} | {shares[1]} |" in body


@pytest.mark.parametrize("verb", ["run", "test", "check", "bench", "screenshots"])
def test_every_verb_of_the_readme_is_in_the_makefile(verb: str) -> None:
    assert all(f"make {verb}" in body for body in BODIES.values())
    assert re.search(rf"^{verb}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("given", "port"), [({}, "7860"), ({"GRADIO_SERVER_PORT": "7999"}, "7999"), ({"PORT": "8000"}, "8000")]
)
def test_make_run_listens_where_it_is_told_to(given: dict[str, str], port: str) -> None:
    env = {"PATH": os.environ["PATH"], "GRADIO_SERVER_PORT": "", **given}
    done = subprocess.run(
        [str(shutil.which("make")), "-n", "run"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert f"GRADIO_SERVER_PORT={port} " in done.stdout


def test_no_test_is_tried_again_until_it_passes() -> None:
    files = [ROOT / "pyproject.toml", ROOT / "Makefile", ROOT / "requirements-dev.txt", *ROOT.glob("tests/**/*.py")]
    words = ("rerun" + "failures", "rerun" + "s", "mark.fla" + "ky")
    again = [f"{path.relative_to(ROOT)}: {word}" for path in files for word in words if word in path.read_text("utf-8")]
    assert not again, "\n".join(again)


def test_a_warning_of_a_module_of_ours_fails_the_test(tmp_path: Path) -> None:
    body = "import warnings\ndef test_it():\n    warnings.warn('old', DeprecationWarning)\n"
    for name, fails in (("tests_of_ours", False), ("bertdemo_of_ours", True)):
        (tmp_path / f"{name}.py").write_text(body, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
        command += ["-p", "no:cacheprovider", str(tmp_path / f"{name}.py")]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) is fails, done.stdout


def test_every_pin_is_exact() -> None:
    for line in pins():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9A-Za-z.]+", line), line


def test_a_pin_that_we_do_not_import_says_why_it_is_there() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    explained = {line for before, line in pairwise(lines) if before.startswith("# Not imported by us: ")}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bertdemo").rglob("*.py"))
    modules = {line: MODULES.get(name := line.split("==")[0], name.replace("-", "_")) for line in pins()}
    imported = {line for line, name in modules.items() if re.search(rf"^\s*(from|import) {name}\b", sources, re.M)}
    assert explained == set(pins()) - imported


def pins() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@both
def test_the_readme_names_the_endpoints_that_there_are_and_no_others(body: str) -> None:
    from bertdemo.ui.api.endpoints import Endpoints

    section = re.split(r"^## (?:For programs|供程序调用)$", body, flags=re.MULTILINE)[1].split("```python")[0]
    public = {name for name in vars(Endpoints) if not name.startswith("_")}
    assert set(re.findall(r"`/(\w+)`", section)) == public
