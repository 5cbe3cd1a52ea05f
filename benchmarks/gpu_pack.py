"""`make gpu-pack`: write everything that `make gpu` needs on another machine into one folder, `build/gpu-pack`.

    source         Makefile, benchmarks, bertdemo: `make gpu` runs in this folder
    packages/      one zip file for each package that the other machine may lack
    model/         the bundled model, its weights in bfloat16: half the size, opened in float32 all the same
    pack.json      which packages there are: version, modules, requirements

Pure packages are copied from this environment, which has the pinned versions. A compiled one is downloaded for the
Python of the other machine. Where pip reaches nothing, the pack is written without it and says so.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path, PurePosixPath

from benchmarks.row import ROOT

FOLDER = ROOT / "build" / "gpu-pack"
PACKAGES, MODEL, CONTENTS = "packages", "model", "pack.json"
MODEL_NAME = "all-MiniLM-L6-v2"
# A transfer of 64 MiB is allowed; the rest is for the checkout itself, where that travels too.
MOST_BYTES = 60 * 2**20
PYTHON = "3.12"
# Platforms that pip accepts a wheel for: pip compares each name exactly.
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64")

# What the worker imports and a machine for PyTorch may lack, with what these packages import themselves.
PURE = (
    "accelerate", "annotated-types", "datasets", "dill", "evaluate", "filelock", "fsspec", "platformdirs", "pydantic",
    "seqeval", "threadpoolctl", "typing-extensions", "typing-inspection",
)  # fmt: skip
# Built for one version of Python: multiprocess holds a copy of that version's own module.
COMPILED = ("multiprocess", "pydantic-core")
_SOURCE = ("Makefile", "LICENSE", "NOTICE", "requirements.txt", "benchmarks", "bertdemo")
_MODEL_FILES = (
    "config.json", "modules.json", "sentence_bert_config.json", "special_tokens_map.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.txt", "1_Pooling/config.json",
)  # fmt: skip
# Parts of a package that nothing imports outside its own tests.
_LEFT_OUT = frozenset({"__pycache__", "tests", "test"})


def main(arguments: Sequence[str]) -> int:
    """Write the pack; return 1 where it is incomplete or too large."""
    parser = argparse.ArgumentParser(prog="make gpu-pack", description="Write what `make gpu` needs elsewhere.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write; what is in it is removed")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "gpu-wheels", help="where downloads are kept")
    options = parser.parse_args(arguments)
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    missing = [name for name in COMPILED if not pack_compiled(name, options.out, options.wheels)]
    for name in PURE:
        pack_installed(name, options.out)
    write_model(options.out / MODEL / MODEL_NAME)
    copy_source(options.out)
    write_contents(options.out, [name for name in (*PURE, *COMPILED) if name not in missing])
    return _report(options.out, missing)


def pack_installed(name: str, folder: Path) -> None:
    """Zip an installed distribution by the list of its files, without its tests and its scripts."""
    files = {str(path): Path(str(path.locate())) for path in distribution(name).files or ()}
    with _archive(name, folder) as archive:
        for path in filter(_travels, files):
            archive.write(files[path], path)


def pack_compiled(name: str, folder: Path, wheels: Path) -> bool:
    """Zip the wheel of a distribution for `PYTHON`; return False, and say why, where there is none to be had."""
    wheel = _wheel(name, wheels) or _downloaded(name, wheels)
    if wheel is None:
        return False
    with zipfile.ZipFile(wheel) as source, _archive(name, folder) as archive:
        for path in filter(_travels, source.namelist()):
            archive.writestr(path, source.read(path))
    return True


def write_model(folder: Path) -> None:
    """Write the bundled model with its weights in bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    from bertdemo.checkpoints import bundled

    base = bundled.verified()
    for name in _MODEL_FILES:
        if (base / name).is_file():
            _copy(base / name, folder / name)
    weights = {
        key: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        for key, tensor in load_file(base / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def copy_source(folder: Path) -> None:
    """Copy what `make gpu` runs."""
    for name in _SOURCE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            _copy(source, folder / name)


def write_contents(folder: Path, names: Iterable[str], python: str = PYTHON) -> None:
    """Write pack.json: what the runner must know to decide which of the packages the other machine lacks."""
    packages = {
        name: {
            "version": version(name),
            "modules": _modules(name),
            "requires": [line for line in distribution(name).requires or () if "extra ==" not in line],
            "compiled": name in COMPILED,
        }
        for name in names
    }
    contents = {"python": python, "made_with": platform.python_version(), "packages": packages}
    (folder / CONTENTS).write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def _modules(name: str) -> list[str]:
    """Return the names under which a distribution is imported."""
    tops = {PurePosixPath(path).parts[0] for path in distribution(name).files or () if str(path).endswith(".py")}
    return sorted({top.removesuffix(".py") for top in tops if not top.startswith((".", "_"))})


def _travels(path: str) -> bool:
    """Return whether a file of a distribution belongs into the pack."""
    parts = PurePosixPath(path).parts
    return not (_LEFT_OUT & set(parts) or parts[0] == ".." or path.endswith((".pyc", "/")))


def _archive(name: str, folder: Path) -> zipfile.ZipFile:
    (folder / PACKAGES).mkdir(exist_ok=True)
    return zipfile.ZipFile(folder / PACKAGES / f"{name}.zip", "w", zipfile.ZIP_DEFLATED)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _wheel(name: str, wheels: Path) -> Path | None:
    """Return the wheel of an earlier download."""
    tag = PYTHON.replace(".", "")
    pattern = f"{name.replace('-', '_')}-{version(name)}-*{tag}-*.whl"
    return next(iter(sorted(wheels.glob(pattern))), None)


def _downloaded(name: str, wheels: Path) -> Path | None:
    """Download the wheel of the version that is installed here; None, after saying why, where pip has none."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON, "--implementation", "cp", "--dest", str(wheels)]
    for tag in _PLATFORMS:
        command += ["--platform", tag]
    done = subprocess.run([*command, f"{name}=={version(name)}"], capture_output=True, text=True, check=False)
    wheel = _wheel(name, wheels)
    if wheel is None:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no reason"]
        _say(f"{name} {version(name)} for Python {PYTHON} could not be downloaded. pip says: {lines[-1]}")
    return wheel


def _report(folder: Path, missing: Sequence[str]) -> int:
    """Print the size of each part; return 1 where the pack is too large or lacks a package."""
    total = _size(folder)
    parts = sorted(((_size(path), path.name) for path in folder.iterdir()), reverse=True)
    _say(f"{folder}: {_mib(total)} of {_mib(MOST_BYTES)} at most")
    for size, name in parts[:4]:
        _say(f"  {name:<12} {_mib(size)}")
    if missing:
        _say(f"The pack is incomplete: a machine without {' and '.join(missing)} cannot run it.")
    if total > MOST_BYTES:
        largest = sorted(((_size(path), path.name) for path in (folder / PACKAGES).iterdir()), reverse=True)[:5]
        _say("Too large. Largest packages: " + ", ".join(f"{name} {_mib(size)}" for size, name in largest))
    return int(bool(missing) or total > MOST_BYTES)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed here: run `make install` first")
