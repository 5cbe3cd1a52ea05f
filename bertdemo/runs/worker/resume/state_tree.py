"""A nested value as JSON and safetensors: what an optimizer or a schedule holds, without knowing its names.

Dicts, lists, tuples, numbers, text, tensors of any dtype and NumPy arrays come back as they were. Nothing is pickled,
so a file that was tampered with can be wrong but runs no code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdemo.disk import save_tensors
from bertdemo.faults import fault

if TYPE_CHECKING:
    from torch import Tensor

# What a JSON object stands for: a mapping (its keys may be numbers), a tuple, a tensor or an array by name.
_DICT, _TUPLE, _TENSOR, _ARRAY = "dict", "tuple", "tensor", "array"


def save(folder: Path, name: str, value: object) -> None:
    """Write NAME.json and NAME.safetensors."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(value, name, tensors), ensure_ascii=False)
    fault("write")
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    save_tensors(tensors, folder / f"{name}.safetensors")


def load(folder: Path, name: str) -> Any:
    """Return what `save` wrote; tensors are on the CPU."""
    from safetensors.torch import load_file

    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    return _unpacked(json.loads(text), load_file(folder / f"{name}.safetensors"))


def _packed(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Return `value` for JSON; its tensors go to `tensors` under their path."""
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().cpu().contiguous()
        return {_TENSOR: path}
    if isinstance(value, np.ndarray):
        tensors[path] = torch.from_numpy(np.ascontiguousarray(value))
        return {_ARRAY: path}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        items = [[key, _packed(item, f"{path}.{key}", tensors)] for key, item in value.items()]
        return {_DICT: items}
    if isinstance(value, list | tuple):
        parts = [_packed(item, f"{path}.{at}", tensors) for at, item in enumerate(value)]
        return parts if isinstance(value, list) else {_TUPLE: parts}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{path}: {type(value).__name__}")


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == _TENSOR:
        return tensors[content]
    if kind == _ARRAY:
        return tensors[content].numpy()
    if kind == _TUPLE:
        return tuple(_unpacked(item, tensors) for item in content)
    return {key: _unpacked(item, tensors) for key, item in content}
